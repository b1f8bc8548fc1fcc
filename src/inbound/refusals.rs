//! Counts what was not believed: in memory, and written at intervals, so that whoever knocks a thousand times a second
//! costs the database one statement a second and the log one line.

use super::doors::Disbelief;
use crate::domain::ids::{AccountId, OrganizationId};
use crate::store::Store;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Counts are written this often.
const EVERY: Duration = Duration::from_secs(1);

/// As many entries as there are accounts and causes.
type Counts = HashMap<(AccountId, Disbelief), u32>;

/// Counts. Its writer ends when the last one is dropped.
#[derive(Clone)]
pub struct Refusals {
    counts: Arc<Mutex<Counts>>,
    /// Never sent through.
    _open: mpsc::Sender<()>,
}

impl Refusals {
    /// Counts a request to an account that exists.
    pub fn count(&self, account: AccountId, why: Disbelief) {
        add(&mut lock(&self.counts), (account, why), 1);
    }
}

/// Starts the writer.
#[must_use]
pub fn start(store: Store, organization: OrganizationId) -> (Refusals, JoinHandle<()>) {
    let counts = Arc::new(Mutex::default());
    let (open, ended) = mpsc::channel(1);
    let writer = Writer { store, organization, counts: Arc::clone(&counts) };
    (Refusals { counts, _open: open }, tokio::spawn(writer.run(ended)))
}

struct Writer {
    store: Store,
    organization: OrganizationId,
    counts: Arc<Mutex<Counts>>,
}

impl Writer {
    async fn run(self, mut ended: mpsc::Receiver<()>) {
        while tokio::time::timeout(EVERY, ended.recv()).await.is_err() {
            self.write().await;
        }
        self.write().await;
    }

    /// What cannot be written is counted on.
    async fn write(&self) {
        let counts = std::mem::take(&mut *lock(&self.counts));
        if counts.is_empty() {
            return;
        }
        for ((account, why), count) in &counts {
            // Neither what was expected nor what was given is ever written down.
            tracing::warn!(account.id = %account, "webhooks were not believed: {count}, {why}");
        }
        let rows: Vec<_> =
            counts.iter().map(|((account, why), count)| (*account, why.code(), *count)).collect();
        if let Err(error) = self.store.count_refusals(self.organization, &rows).await {
            tracing::debug!("refusals are not counted yet: {error}");
            let mut newer = lock(&self.counts);
            for (key, count) in counts {
                add(&mut newer, key, count);
            }
        }
    }
}

fn add(counts: &mut Counts, key: (AccountId, Disbelief), more: u32) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(more);
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
