//! Writes outcomes in batches, and keeps them safe while the database is away.

use super::{flight::Settled, shared::Shared, spool::Spool, stop_point};
use crate::store::{StoreError, attempt::OutcomeRecord};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// The ending of spool files that hold outcomes.
pub const SPOOLED: &str = "outcomes";
/// Most outcomes of one statement.
pub const BATCH: usize = 500;
/// A batch smaller than this waits a moment for more, if more is in the air.
const FULL_ENOUGH: usize = 300;
/// How long it waits.
const LINGER: Duration = Duration::from_millis(6);
/// From this many requests on the wire on, waiting pays.
const BUSY: u32 = 100;

/// Runs until the sender ends and nothing is left.
pub async fn record(
    shared: Arc<Shared>,
    mut outcomes: mpsc::Receiver<Settled>,
    mut spool: Spool<OutcomeRecord>,
) {
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
        write(&shared, &mut batch, &mut outcomes, &mut spool).await;
    }
}

/// Writes what is known, for as long as it takes; what becomes known meanwhile joins. Recording is repeated at will: it
/// only moves forward.
async fn write(
    shared: &Shared,
    known: &mut Vec<Settled>,
    outcomes: &mut mpsc::Receiver<Settled>,
    spool: &mut Spool<OutcomeRecord>,
) {
    let mut wait = Duration::from_millis(50);
    // So many of what is known are on the disk.
    let mut kept: usize = 0;
    while !known.is_empty() {
        let count = known.len().min(BATCH);
        let before = known.len();
        let written = match write_batch(shared, &known[..count]).await {
            Ok(()) => {
                done(shared, known.drain(..count));
                Ok(())
            }
            Err(error) if error.is_passing() => Err(error),
            // One of them cannot be written. It must not keep the others from it.
            Err(_) => write_one_by_one(shared, known, count).await,
        };
        kept = kept.saturating_sub(before - known.len());
        let Err(error) = written else { continue };
        tracing::warn!("outcomes wait for the database: {error}");
        shared.status.send_modify(|status| status.store_unwell = Some(error.to_string()));
        while let Ok(more) = outcomes.try_recv() {
            known.push(more);
        }
        match spool.keep(shared.organization, known[kept..].iter().map(|settled| &settled.record)) {
            Ok(()) => kept = known.len(),
            Err(error) => tracing::error!("outcomes cannot be spooled: {error}"),
        }
        if shared.ended() && kept == known.len() {
            tracing::warn!("{kept} outcomes stay in the spool until the next start");
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(2));
    }
    if let Err(error) = spool.clear() {
        tracing::warn!("the spool cannot be emptied: {error}");
    }
}

async fn write_batch(shared: &Shared, batch: &[Settled]) -> Result<(), StoreError> {
    let mut records: Vec<OutcomeRecord> = batch.iter().map(|settled| settled.record.clone()).collect();
    // Sorted by attempt: two writers of overlapping batches take their locks in one order.
    records.sort_unstable_by_key(|record| record.attempt);
    stop_point::reach("before_outcome").await;
    write_records(shared, &records).await?;
    stop_point::reach("after_outcome").await;
    Ok(())
}

/// Writes outcomes that stand in the order of their attempts, and says aloud what contradicts what was settled before.
///
/// # Errors
/// When the database is away or refuses; then none of them is written.
pub async fn write_records(shared: &Shared, records: &[OutcomeRecord]) -> Result<(), StoreError> {
    let late = shared.store.record_outcomes(shared.organization, records, shared.clock().now()).await?;
    for outcome in late.iter().filter(|outcome| outcome.contradicted) {
        tracing::error!(attempt.id = %outcome.attempt, "accepted after it was settled otherwise: a confirmed duplicate if it was sent again");
    }
    Ok(())
}

/// Writes each of the first `count` by itself. What the database refuses is left to be found in doubt. An error that
/// passes says nothing of the outcome that met it: that one and all behind it stay known, to be written later.
async fn write_one_by_one(shared: &Shared, known: &mut Vec<Settled>, count: usize) -> Result<(), StoreError> {
    let batch: Vec<Settled> = known.drain(..count).collect();
    let mut left = batch.into_iter();
    while let Some(settled) = left.next() {
        match write_batch(shared, std::slice::from_ref(&settled)).await {
            Ok(()) => done(shared, std::iter::once(settled)),
            Err(error) if error.is_passing() => {
                known.splice(..0, std::iter::once(settled).chain(left));
                return Err(error);
            }
            Err(error) => {
                tracing::error!(attempt.id = %settled.record.attempt, "an outcome cannot be recorded and will be found in doubt: {error}");
                shared.recorded(1);
            }
        }
    }
    Ok(())
}

/// Tells everybody that these are recorded.
fn done(shared: &Shared, recorded: impl Iterator<Item = Settled>) {
    let mut count = 0;
    let is_heard = shared.events.receiver_count() > 0;
    let attempts = recorded.map(|settled| {
        count += 1;
        let attempt = settled.record.attempt;
        if is_heard {
            // Nobody listening any more is no loss.
            let _ = shared.events.send(settled.report);
        }
        attempt
    });
    shared.close_attempts(attempts);
    shared.recorded(count);
}
