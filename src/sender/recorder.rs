//! Writes outcomes in batches, and keeps them safe while the database is away.

use super::{flight::Settled, shared::Shared, spool::Spool, stop_point};
use crate::store::attempt::OutcomeRecord;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Most outcomes of one statement.
const BATCH: usize = 500;
/// A batch smaller than this waits a moment for more, if more is in the air.
const FULL_ENOUGH: usize = 200;
/// How long it waits.
const LINGER: Duration = Duration::from_millis(4);
/// From this many requests on the wire on, waiting pays.
const BUSY: u32 = 100;

/// Runs until the sender ends and nothing is left.
pub async fn record(shared: Arc<Shared>, mut outcomes: mpsc::Receiver<Settled>, mut spool: Spool) {
    replay(&shared, &spool).await;
    let mut batch: Vec<Settled> = Vec::with_capacity(BATCH);
    loop {
        // Ends a quiet wait now and then to see whether the sender has ended.
        let first =
            tokio::time::timeout(Duration::from_millis(200), outcomes.recv_many(&mut batch, BATCH)).await;
        match first {
            Ok(0) => return,
            Ok(_) => {}
            Err(_) if shared.ended() => return,
            Err(_) => continue,
        }
        if batch.len() < FULL_ENOUGH && shared.in_air() > BUSY {
            tokio::time::sleep(LINGER).await;
            while batch.len() < BATCH
                && let Ok(more) = outcomes.try_recv()
            {
                batch.push(more);
            }
        }
        write(&shared, &mut batch, &mut spool).await;
        batch.clear();
    }
}

/// Writes one batch, for as long as it takes. Recording is repeated at will: it only moves forward.
async fn write(shared: &Shared, batch: &mut Vec<Settled>, spool: &mut Spool) {
    // Sorted by attempt: two writers of overlapping batches take their locks in one order.
    batch.sort_unstable_by_key(|settled| settled.record.attempt);
    let records: Vec<OutcomeRecord> = batch.iter().map(|settled| settled.record.clone()).collect();
    let mut wait = Duration::from_millis(50);
    let mut kept = false;
    loop {
        stop_point::reach("before_outcome").await;
        match shared.store.record_outcomes(shared.organization, &records, shared.clock().now()).await {
            Ok(late) => {
                stop_point::reach("after_outcome").await;
                for outcome in late.iter().filter(|outcome| outcome.contradicted) {
                    tracing::error!(attempt.id = %outcome.attempt, "accepted after it was settled otherwise: a confirmed duplicate if it was sent again");
                }
                break;
            }
            Err(error) => {
                tracing::warn!("outcomes wait for the database: {error}");
                shared.status.send_modify(|status| status.store_unwell = Some(error.to_string()));
                if !kept {
                    match spool.keep(shared.organization, records.iter()) {
                        Ok(()) => kept = true,
                        Err(error) => tracing::error!("outcomes cannot be spooled: {error}"),
                    }
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(2));
                if shared.ended() && kept {
                    tracing::warn!("{} outcomes stay in the spool until the next start", records.len());
                    return;
                }
            }
        }
    }
    if kept && let Err(error) = spool.clear() {
        tracing::warn!("the spool cannot be emptied: {error}");
    }
    shared.close_attempts(records.iter().map(|record| record.attempt));
    shared.recorded(u32::try_from(records.len()).unwrap_or(u32::MAX));
    if shared.events.receiver_count() > 0 {
        for settled in batch.drain(..) {
            // Nobody listening any more is no loss.
            let _ = shared.events.send(settled.report);
        }
    }
}

/// Records what earlier senders on this host knew and could not write.
async fn replay(shared: &Shared, spool: &Spool) {
    let orphans = match spool.orphans() {
        Ok(orphans) => orphans,
        Err(error) => {
            tracing::warn!("spools of earlier senders cannot be read: {error}");
            return;
        }
    };
    for orphan in orphans {
        let mine: Vec<OutcomeRecord> = orphan
            .entries
            .iter()
            .filter(|(organization, _)| *organization == shared.organization)
            .map(|(_, outcome)| outcome.clone())
            .collect();
        if mine.len() < orphan.entries.len() {
            continue;
        }
        match shared.store.record_outcomes(shared.organization, &mine, shared.clock().now()).await {
            Ok(_) => {
                tracing::info!("{} outcomes of an earlier sender recorded", mine.len());
                if let Err(error) = orphan.bury() {
                    tracing::warn!("a spool that is recorded stays behind: {error}");
                }
            }
            Err(error) => tracing::warn!("outcomes of an earlier sender wait for the database: {error}"),
        }
    }
}
