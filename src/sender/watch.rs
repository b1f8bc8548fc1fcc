//! Looks at the database: at every tick, and at once when somebody changed something. Notifications are hints; the look
//! decides.

use super::{
    clock::Moment,
    shared::{Gate, Shared, Signal, locked},
};
use crate::domain::number::NumberState;
use crate::store::snapshot::Snapshot;
use std::{sync::Arc, time::Duration};

/// Between two looks when nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks when much happens: many notices, one look.
const LEAST: Duration = Duration::from_millis(20);

/// After so many half seconds in which nothing was heard, the server is asked whether it is still there.
const LONG_QUIET: u32 = 20;

/// Hears notices and asks for a look. Interest is registered before the first look, and again after every
/// reconnection, so that no change falls between.
pub async fn listen(shared: Arc<Shared>) {
    let mut wait = Duration::from_millis(200);
    while !shared.ended() {
        match shared.store.listen(shared.organization).await {
            Ok(mut notices) => {
                wait = Duration::from_millis(200);
                shared.refresh.notify_one();
                let mut quiet = 0;
                let why = loop {
                    match tokio::time::timeout(Duration::from_millis(500), notices.next()).await {
                        Ok(Ok(notice)) if notice.is_last() => break "they are told elsewhere now".to_owned(),
                        Ok(Ok(notice)) if notice.concerns(shared.organization) => shared.refresh.notify_one(),
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => break error.to_string(),
                        Err(_) if shared.ended() => return,
                        Err(_) => quiet += 1,
                    }
                    if quiet >= LONG_QUIET {
                        quiet = 0;
                        if let Err(error) = notices.sign_of_life().await {
                            break error.to_string();
                        }
                    }
                };
                tracing::warn!("notices are interrupted: {why}");
            }
            Err(error) => tracing::warn!("notices cannot be heard: {error}"),
        }
        shared.rest(wait).await;
        wait = (wait * 2).min(Duration::from_secs(3));
    }
}

/// Looks and tells the engine.
pub async fn refresh(shared: Arc<Shared>) {
    while !shared.ended() {
        let asked = Moment::now();
        match look(&shared).await {
            Ok(signal) => {
                shared.status.send_if_modified(|status| status.store_unwell.take().is_some());
                if shared.signals.send(signal).await.is_err() {
                    return;
                }
                shared.wake.notify_one();
            }
            Err(error) => {
                tracing::warn!("cannot look at the organisation: {error}");
                shared.status.send_modify(|status| status.store_unwell = Some(error.to_string()));
                shared.rest(Duration::from_millis(250)).await;
                continue;
            }
        }
        shared.rest(LEAST.saturating_sub(asked.elapsed())).await;
        // Only the wait for a notice is given up, never a statement.
        let _ = tokio::time::timeout(TICK, shared.refresh.notified()).await;
    }
}

async fn look(shared: &Shared) -> Result<Signal, crate::store::StoreError> {
    let asked = Moment::now();
    let snapshot = shared.store.snapshot(shared.organization, shared.clock().now()).await?;
    // The clock was read between the question and now: the later of the two never makes anything early.
    shared.saw_clock(snapshot.at, Moment::now());
    let missing: Vec<_> = {
        let have = locked(&shared.texts);
        snapshot
            .campaigns
            .iter()
            .filter(|campaign| have.get(&campaign.id) != Some(&campaign.revision))
            .map(|campaign| campaign.id)
            .collect()
    };
    let texts = if missing.is_empty() {
        Vec::new()
    } else {
        shared.store.step_contents(shared.organization, &missing).await?
    };
    shared.set_gate(gate_of(&snapshot));
    shared.latest.send_replace(Some(Arc::new(snapshot.clone())));
    Ok(Signal::Snapshot { snapshot: Box::new(snapshot), texts, asked })
}

fn gate_of(snapshot: &Snapshot) -> Gate {
    Gate {
        stopped: snapshot.organization.stopped_by.is_some(),
        campaigns: snapshot.campaigns.iter().map(|campaign| campaign.id).collect(),
        closed_numbers: snapshot
            .numbers
            .iter()
            .filter(|view| matches!(view.number.state, NumberState::Suspended(_) | NumberState::Disabled))
            .map(|view| view.number.id)
            .collect(),
    }
}
