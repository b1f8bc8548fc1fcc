//! Keeps what was believed before it is answered: many requests in one statement; in a file, while the database is away.

use crate::domain::ids::OrganizationId;
use crate::sender::{clock::Moment, spool};
use crate::store::{Store, StoreError, webhook::NewWebhook};
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// Requests in one statement, at most.
const BATCH: usize = 256;
/// Requests that wait for their turn, at most; beyond, providers are made to wait.
const QUEUE: usize = 2_048;
/// A statement that takes longer is not waited for: its requests go into the file, and it may come later all the same.
const PATIENCE: Duration = Duration::from_millis(150);
/// Between two tries while the database is away.
const AGAIN: Duration = Duration::from_secs(1);

/// Where reports wait while the database is away.
pub type Spool = spool::Spool<NewWebhook>;

/// One request, and who waits for it to be kept.
struct Waiting {
    webhook: NewWebhook,
    kept: oneshot::Sender<bool>,
}

/// Hands requests over. Ends the keeper when the last one is dropped.
#[derive(Clone)]
pub struct Kept(mpsc::Sender<Waiting>);

impl Kept {
    /// Keeps a request. `false`: it could not be kept anywhere.
    pub async fn keep(&self, webhook: NewWebhook) -> bool {
        let (kept, answer) = oneshot::channel();
        self.0.send(Waiting { webhook, kept }).await.is_ok() && answer.await.unwrap_or(false)
    }
}

/// Starts the keeper; it ends when nobody hands it anything any more.
#[must_use]
pub fn start(store: Store, organization: OrganizationId, spool: Spool) -> (Kept, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let keeper = Keeper { store, organization, spool, slow: None, tried: None };
    (Kept(sender), tokio::spawn(keeper.run(receiver)))
}

type Statement = JoinHandle<Result<u64, StoreError>>;

struct Keeper {
    store: Store,
    organization: OrganizationId,
    spool: Spool,
    /// A statement that was not waited for.
    slow: Option<Statement>,
    /// When the database was tried last, while it is away.
    tried: Option<Moment>,
}

impl Keeper {
    async fn run(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        self.adopt().await;
        loop {
            // Only the wait is given up: nothing is taken out of the queue then.
            let first = match tokio::time::timeout(AGAIN, waiting.recv()).await {
                Ok(Some(first)) => first,
                Ok(None) => break,
                Err(_quiet) => {
                    self.replay().await;
                    continue;
                }
            };
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(more) = waiting.try_recv()
            {
                batch.push(more);
            }
            let (webhooks, waiters): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|one| (one.webhook, one.kept)).unzip();
            let kept = self.keep(webhooks).await;
            for waiter in waiters {
                // Whoever hung up gets the same report again from the provider.
                let _ = waiter.send(kept);
            }
        }
        self.replay().await;
    }

    /// In the database, or else in the file.
    async fn keep(&mut self, webhooks: Vec<NewWebhook>) -> bool {
        if self.is_well().await && self.write(webhooks.clone()).await {
            if self.spool.holds_something() {
                self.replay().await;
            }
            return true;
        }
        match self.spool.keep(self.organization, webhooks.iter()) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(
                    "{} reports can be kept nowhere; their provider has to try again: {error}",
                    webhooks.len()
                );
                false
            }
        }
    }

    /// Whether it makes sense to ask the database now.
    async fn is_well(&mut self) -> bool {
        if let Some(slow) = self.slow.take_if(|slow| slow.is_finished()) {
            // What it wrote stands in the file too: the second time changes nothing.
            if matches!(slow.await, Ok(Ok(_))) {
                self.tried = None;
            }
        }
        self.slow.is_none() && self.tried.is_none_or(|tried| tried.age() >= AGAIN)
    }

    /// Writes to the database, without waiting for long. The statement itself is never cut off.
    async fn write(&mut self, webhooks: Vec<NewWebhook>) -> bool {
        let (store, organization) = (self.store.clone(), self.organization);
        let mut statement: Statement =
            tokio::spawn(async move { store.keep_webhooks(organization, &webhooks).await });
        match tokio::time::timeout(PATIENCE, &mut statement).await {
            Ok(Ok(Ok(_new))) => {
                self.tried = None;
                return true;
            }
            Ok(Ok(Err(error))) => tracing::warn!("reports wait in a file: {error}"),
            Ok(Err(error)) => {
                tracing::error!("reports wait in a file: the statement ended in a panic: {error}");
            }
            Err(_slow) => {
                tracing::warn!("reports wait in a file: the database does not answer in time");
                self.slow = Some(statement);
            }
        }
        self.tried = Some(Moment::now());
        false
    }

    /// Writes what waits in the file, and empties it.
    async fn replay(&mut self) {
        if !self.spool.holds_something() || !self.is_well().await {
            return;
        }
        let waiting = match self.spool.read() {
            Ok(waiting) => waiting,
            Err(error) => return tracing::error!("the spool of reports cannot be read: {error}"),
        };
        let count = waiting.len();
        if !self.write_all(&waiting).await {
            self.tried = Some(Moment::now());
            return;
        }
        match self.spool.clear() {
            Ok(()) => tracing::info!("{count} reports that waited in a file are in the database"),
            Err(error) => tracing::warn!("the spool of reports cannot be emptied: {error}"),
        }
    }

    async fn write_all(&self, webhooks: &[NewWebhook]) -> bool {
        for part in webhooks.chunks(BATCH) {
            if let Err(error) = self.store.keep_webhooks(self.organization, part).await {
                tracing::warn!("reports wait in a file: {error}");
                return false;
            }
        }
        true
    }

    /// What earlier listeners on this host could not write.
    async fn adopt(&self) {
        let orphans = match self.spool.orphans() {
            Ok(orphans) => orphans,
            Err(error) => {
                return tracing::warn!("the reports of earlier listeners cannot be read: {error}");
            }
        };
        for orphan in orphans {
            let is_ours = orphan.entries.iter().all(|(organization, _)| *organization == self.organization);
            let webhooks: Vec<NewWebhook> = orphan.entries.iter().map(|(_, kept)| kept.clone()).collect();
            if is_ours
                && self.write_all(&webhooks).await
                && let Err(error) = orphan.bury()
            {
                tracing::warn!("reports that are in the database stay in their file too: {error}");
            }
        }
    }
}
