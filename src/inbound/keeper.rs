//! Keeps what was believed before it is answered: many requests in one statement; in a file, while the database is away.

use crate::domain::ids::OrganizationId;
use crate::sender::{clock::Moment, spool};
use crate::store::{Store, StoreError, webhook::NewWebhook};
use std::{sync::Arc, time::Duration};
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
/// When we end, the file is emptied for so long; what is left in it is the next listener's.
const LEAVE: Duration = Duration::from_secs(3);

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
    let keeper =
        Keeper { store, organization, spool, slow: None, tried: None, replayed: None, is_refused: false };
    (Kept(sender), tokio::spawn(keeper.run(receiver)))
}

type Statement = JoinHandle<Result<u64, StoreError>>;

/// A statement that was not waited for.
struct Slow {
    statement: Statement,
    /// Up to where it brings the file into the database; `None`: it is no page of it.
    page: Option<u64>,
}

/// What became of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// It is committed.
    Yes,
    /// Not now.
    Later,
    /// Not as it is: something in it is refused.
    Refused,
}

struct Keeper {
    store: Store,
    organization: OrganizationId,
    spool: Spool,
    slow: Option<Slow>,
    /// When the database was tried last, while it is away.
    tried: Option<Moment>,
    /// Up to where the file is in the database; `None`: all of it.
    replayed: Option<u64>,
    /// The database refuses something in the file: it stays.
    is_refused: bool,
}

impl Keeper {
    async fn run(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        self.inherit();
        let mut batch = Vec::new();
        loop {
            // What waits in the file goes on page by page between the requests, which never wait for more than one.
            let quiet = if self.replayed.is_some() && self.is_well().await { Duration::ZERO } else { AGAIN };
            // Only the wait is given up: nothing is taken out of the queue then.
            match tokio::time::timeout(quiet, waiting.recv_many(&mut batch, BATCH)).await {
                Ok(0) => break,
                Ok(_) => {
                    let batch = std::mem::take(&mut batch);
                    let (webhooks, waiters): (Vec<_>, Vec<_>) =
                        batch.into_iter().map(|one: Waiting| (one.webhook, one.kept)).unzip();
                    let kept = self.keep(webhooks).await;
                    for waiter in waiters {
                        // Whoever hung up gets the same report again from the provider.
                        let _ = waiter.send(kept);
                    }
                }
                Err(_quiet) => {}
            }
            self.replay().await;
        }
        let leaving = Moment::now();
        while self.replayed.is_some() && leaving.age() < LEAVE && self.is_well().await {
            self.replay().await;
        }
        if self.spool.holds_something() {
            tracing::warn!("reports stay in a file until the next listener starts on this host");
        }
    }

    /// What listeners before us on this host could not write.
    fn inherit(&mut self) {
        match self.spool.inherit(self.organization) {
            Ok(0) => {}
            Ok(count) => tracing::info!("{count} reports of an earlier listener wait in a file"),
            Err(error) => tracing::error!("the reports of earlier listeners cannot be taken over: {error}"),
        }
        if self.spool.holds_something() {
            self.replayed = Some(0);
        }
    }

    /// In the database, or else in the file.
    async fn keep(&mut self, webhooks: Vec<NewWebhook>) -> bool {
        let webhooks = Arc::new(webhooks);
        if self.is_well().await && self.write(Arc::clone(&webhooks), None).await == Written::Yes {
            return true;
        }
        match self.spool.keep(self.organization, webhooks.iter()) {
            Ok(()) => {
                // Where something refused stays in it, all of it is tried again: the second time changes nothing.
                self.replayed.get_or_insert(0);
                true
            }
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
        // What it wrote stands in the file too: the second time changes nothing.
        if let Some(slow) = self.slow.take_if(|slow| slow.statement.is_finished())
            && matches!(slow.statement.await, Ok(Ok(_)))
        {
            self.tried = None;
            if let Some(end) = slow.page {
                self.advance(end);
            }
        }
        self.slow.is_none() && self.tried.is_none_or(|tried| tried.age() >= AGAIN)
    }

    /// Writes to the database, without waiting for long. The statement itself is never cut off.
    async fn write(&mut self, webhooks: Arc<Vec<NewWebhook>>, page: Option<u64>) -> Written {
        let (store, organization) = (self.store.clone(), self.organization);
        let mut statement: Statement =
            tokio::spawn(async move { store.keep_webhooks(organization, &webhooks).await });
        let mut written = Written::Later;
        match tokio::time::timeout(PATIENCE, &mut statement).await {
            Ok(Ok(Ok(_new))) => {
                self.tried = None;
                return Written::Yes;
            }
            Ok(Ok(Err(error))) => {
                tracing::warn!("reports wait in a file: {error}");
                if !error.is_passing() {
                    written = Written::Refused;
                }
            }
            Ok(Err(error)) => {
                tracing::error!("reports wait in a file: the statement ended in a panic: {error}");
            }
            Err(_slow) => {
                tracing::warn!("reports wait in a file: the database does not answer in time");
                self.slow = Some(Slow { statement, page });
            }
        }
        self.tried = Some(Moment::now());
        written
    }

    /// Writes a page of what waits in the file, and empties it behind the last one.
    async fn replay(&mut self) {
        let Some(from) = self.replayed else { return };
        if !self.is_well().await {
            return;
        }
        let page = match self.spool.page(from) {
            Ok(page) => page,
            Err(error) => {
                self.tried = Some(Moment::now());
                return tracing::error!("the spool of reports cannot be read: {error}");
            }
        };
        let webhooks = Arc::new(page.entries);
        let written = match self.write(Arc::clone(&webhooks), Some(page.end)).await {
            Written::Refused => self.write_one_by_one(&webhooks).await,
            written => written,
        };
        if written == Written::Yes {
            self.advance(page.end);
        }
    }

    /// The file is in the database up to a place; it may have grown behind it.
    fn advance(&mut self, end: u64) {
        self.replayed = Some(end);
        if !self.spool.end().is_ok_and(|last| last <= end) {
            return;
        }
        self.replayed = None;
        if self.is_refused {
            return;
        }
        match self.spool.clear() {
            Ok(()) => tracing::info!("all reports that waited in a file are in the database"),
            Err(error) => tracing::warn!("the spool of reports cannot be emptied: {error}"),
        }
    }

    /// One that the database refuses must not keep the others from it.
    async fn write_one_by_one(&mut self, webhooks: &[NewWebhook]) -> Written {
        for webhook in webhooks {
            match self.write(Arc::new(vec![webhook.clone()]), None).await {
                Written::Yes => {}
                Written::Later => return Written::Later,
                Written::Refused => {
                    tracing::error!(webhook.id = %webhook.id, "a report stays in its file: the database refuses it");
                    self.is_refused = true;
                }
            }
        }
        Written::Yes
    }
}
