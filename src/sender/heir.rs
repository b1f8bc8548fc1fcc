//! Records what other senders on this host knew and could not write: outcomes in the spool of an instance that is gone.
//! Looked for again and again, because the database may be away when a spool is found, and a neighbour may die at any
//! time.

use super::{
    recorder::{BATCH, SPOOLED, write_records},
    shared::Shared,
    spool::{self, Orphan},
};
use crate::store::{StoreError, attempt::OutcomeRecord};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

/// Between two looks for spools without an owner.
const LOOK: Duration = Duration::from_secs(3);

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    let mut foreign = BTreeSet::new();
    while !shared.ended() {
        replay(&shared, &mut foreign).await;
        shared.rest(LOOK).await;
    }
}

/// Records every spool without an owner. `foreign`: those of other organisations, which wait for a sender of theirs; what
/// nobody writes to any more needs to be read once only.
async fn replay(shared: &Shared, foreign: &mut BTreeSet<PathBuf>) {
    let orphans = match spool::orphans(&shared.config.spool_dir, SPOOLED, foreign) {
        Ok(orphans) => orphans,
        Err(error) => return tracing::warn!("spools of earlier senders cannot be read: {error}"),
    };
    for orphan in orphans {
        if orphan.entries.iter().any(|(organization, _)| *organization != shared.organization) {
            foreign.insert(orphan.path().to_owned());
            continue;
        }
        match record(shared, &orphan).await {
            Ok(count) => {
                if count > 0 {
                    tracing::info!("{count} outcomes of an earlier sender recorded");
                }
                if let Err(error) = orphan.bury() {
                    tracing::warn!("a spool that is recorded stays behind: {error}");
                }
            }
            Err(error) => {
                return tracing::warn!("outcomes of an earlier sender wait for the database: {error}");
            }
        }
    }
}

/// Answers how many it wrote. After an error the whole spool is tried again: recording is repeated at will.
async fn record(shared: &Shared, orphan: &Orphan<OutcomeRecord>) -> Result<usize, StoreError> {
    let mut records: Vec<OutcomeRecord> = orphan.entries.iter().map(|(_, record)| record.clone()).collect();
    // In the order in which all writers take their locks. What a full disk cut off was kept a second time.
    records.sort_by_key(|record| record.attempt);
    records.dedup_by_key(|record| record.attempt);
    let mut count = 0;
    for batch in records.chunks(BATCH) {
        count += match write_records(shared, batch).await {
            Ok(()) => batch.len(),
            Err(error) if is_of_one(&error) => record_one_by_one(shared, batch).await?,
            Err(error) => return Err(error),
        };
    }
    Ok(count)
}

/// One that the database refuses does not keep the others from it, and is left to be found in doubt.
async fn record_one_by_one(shared: &Shared, batch: &[OutcomeRecord]) -> Result<usize, StoreError> {
    let mut count = 0;
    for record in batch {
        match write_records(shared, std::slice::from_ref(record)).await {
            Ok(()) => count += 1,
            Err(error) if is_of_one(&error) => {
                tracing::error!(attempt.id = %record.attempt, "an outcome cannot be recorded and will be found in doubt: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Whether an error speaks of what was to be written, and not of the database or of the rights of whoever runs this.
fn is_of_one(error: &StoreError) -> bool {
    !error.is_passing() && !matches!(error, StoreError::Forbidden { .. })
}
