//! The engine: moves messages from the database to the providers, and never sends anyone the same message twice.
//!
//! # The life of a message
//!
//! A recipient is *queued*. The [`engine`] looks at a [`Snapshot`](crate::store::snapshot::Snapshot) of the organisation,
//! asks the pure [`plan`] which numbers have an open slot and what they should claim, and issues **one statement** that
//! reserves quota, marks the recipients *sending* and commits one *attempt* each: the intent. Only then a [`flight`] of its
//! own starts for every message: it checks once more that it is not too late, that nobody paused or suspended meanwhile
//! and that the lease is still ours, writes the request, and reads the answer. Whatever happens, it ends with an outcome:
//!
//! - *accepted*: the provider gave its id. The next step is queued, or the recipient is done.
//! - *rejected*: the provider said no. [`judge`] says whether the recipient ends here, waits, or goes to another number, and
//!   the [`warden`] takes the number out, lets it rest or pauses the campaign.
//! - *not sent*: it is proven that nothing left. The quota goes back and the message is queued again.
//! - *in doubt*: nobody knows. It stays so until the provider is asked (`reconcile`) or an operator decides.
//!
//! A reply to a person lives the same life without a campaign: [`plan`] puts it before campaign work, the claim lets it use
//! what its number holds back for replies, and it never changes its number.
//!
//! What operators should know goes out by e-mail and by webhook ([`alert`]).
//!
//! Between messages, providers are asked how their numbers are ([`health`]), and it is watched whether what numbers send
//! arrives ([`vitals`]). Where failures are not reported, they are asked for ([`polls`]).
//!
//! The [`recorder`] gathers outcomes for a few milliseconds and writes them in batches, always by attempt id. While the
//! database is away they are kept in an append-only [`spool`] and written when it is back; what a sender leaves behind
//! there, the next one on this host writes.
//!
//! # What keeps it true
//!
//! - An instance sends through a number only while it holds and trusts that number's lease ([`keeper`]).
//! - No future that talks to the database or a provider is ever dropped half-way: each runs in a task to its end.
//! - This module reads a clock only in [`clock`]; what two instances must agree on is decided by the database's.

pub mod alert;
pub mod breaker;
pub mod chores;
pub mod clock;
mod duty;
pub mod engine;
pub mod event;
pub mod flight;
pub mod health;
mod heir;
pub mod judge;
pub mod keeper;
pub mod line;
pub mod liveness;
pub mod plan;
pub mod polls;
mod queues;
mod reconcile;
pub mod recorder;
mod recover;
pub mod reports;
mod rollouts;
pub mod sent;
mod shared;
pub mod spool;
pub(crate) mod stop_point;
mod supervise;
pub mod templates;
pub mod text;
mod thresholds;
pub mod vitals;
pub mod warden;
mod watch;

use crate::domain::ids::{InstanceId, OrganizationId};
use crate::domain::number::ProviderKind;
use crate::provider::client;
use crate::secrets::KeyRing;
use crate::store::{Store, StoreError, health::Turns, lease::Introduction};
use clock::{CampaignClock, Moment};
use event::SendEvent;
use shared::Shared;
use std::{path::PathBuf, sync::Arc, time::Duration};
use supervise::watched;
use tokio::sync::{broadcast, watch as watching};
use url::Url;

/// How long a graceful end waits for requests on the wire.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(25);

/// How a sender runs.
pub struct Config {
    /// Whose messages it sends.
    pub organization: OrganizationId,
    /// Who runs it.
    pub operator: String,
    /// On which host.
    pub host: String,
    /// `console` or `sender`.
    pub kind: &'static str,
    /// Where each provider is reached, unless the account says otherwise.
    pub base_url: Box<dyn Fn(ProviderKind) -> String + Send + Sync>,
    /// How our webhooks are reached from outside, whoever listens: Twilio is told with every message. `None`: it is not told.
    pub public: Option<Url>,
    /// Time limits and trust of the HTTP client.
    pub client: client::Settings,
    /// Where outcomes are kept while the database is away.
    pub spool_dir: PathBuf,
    /// What campaigns live by.
    pub clock: CampaignClock,
    /// Most messages of one claim.
    pub claim_limit: u32,
    /// How long doubts take.
    pub timing: Timing,
    /// How often providers are asked how numbers are.
    pub checks: Turns,
    /// How often a provider that reports no failures is asked for those of a number.
    pub failures: Duration,
    /// How often each account's provider is asked for its templates.
    pub templates_every: Duration,
}

/// How long doubts take: one profile for production, a shorter one for rehearsals and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// An attempt without outcome is in doubt this long after its deadline.
    pub grace: Duration,
    /// How long a provider may take to list a message that it took, from the end of the request or of its deadline on: ten
    /// times the slowest we have seen.
    pub settle: Duration,
    /// How long an attempt may take from its claim on: the start window and the longest request.
    pub deadline: Duration,
    /// A request that has not begun this long after its claim is not begun at all (rule G): this is what makes a process
    /// harmless that was frozen between intent and request.
    pub start_window: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            settle: Duration::from_mins(2),
            deadline: Duration::from_secs(25),
            start_window: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// How much faster or slower than usual doubts are asked about.
    #[must_use]
    pub fn pace(&self) -> f64 {
        self.settle.as_secs_f64() / 120.0
    }
}

impl Config {
    /// A sender for `organization` with everything else as it usually is.
    #[must_use]
    pub fn new(organization: OrganizationId, spool_dir: PathBuf) -> Self {
        Self {
            organization,
            operator: String::from("sender"),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            kind: "sender",
            base_url: Box::new(|provider| provider.default_base_url().to_owned()),
            public: None,
            client: client::Settings::default(),
            spool_dir,
            clock: CampaignClock::Database,
            claim_limit: 500,
            timing: Timing::default(),
            checks: Turns::default(),
            failures: Duration::from_mins(10),
            templates_every: Duration::from_hours(1),
        }
    }
}

/// What a sender is doing, for screens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Requests on the wire.
    pub in_air: u32,
    /// Outcomes that are known and not yet recorded.
    pub unrecorded: u32,
    /// Numbers whose lease is ours.
    pub leases: u32,
    /// What is wrong with the database, if something is.
    pub store_unwell: Option<String>,
    /// No new claims: it is leaving.
    pub draining: bool,
    /// A part of it panicked: it leaves by itself, and a new one has to be started.
    pub failed: Option<&'static str>,
    /// Nothing is due that could be sent soon, and nothing is in flight.
    pub idle: bool,
    /// Totals since the start.
    pub totals: Totals,
}

/// Outcomes since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// The provider gave its id.
    pub accepted: u64,
    /// The provider said no.
    pub rejected: u64,
    /// Provably never sent.
    pub not_sent: u64,
    /// Nobody knows.
    pub in_doubt: u64,
}

/// Why a sender cannot start. Reads well after "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// A message could begin, or still be under way, after others take it for lost: it could be sent twice.
    #[error(
        "an attempt's deadline of {deadline:?} is shorter than its start window and a request's limit ({least:?})"
    )]
    Deadline {
        /// The deadline.
        deadline: Duration,
        /// What it has to be at least.
        least: Duration,
    },
    /// The database refuses.
    #[error("put this sender on record")]
    Introduce(#[source] StoreError),
    /// The HTTP client cannot be made.
    #[error("make the HTTP client")]
    Client(#[source] client::ClientError),
    /// The spool cannot be used.
    #[error("open the spool of outcomes in {}", path.display())]
    Spool {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
}

/// A running sender.
pub struct Sender {
    shared: Arc<Shared>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    engine: tokio::task::JoinHandle<()>,
}

impl Sender {
    /// Starts one. It takes leases and sends at once, if there is something to send.
    ///
    /// # Errors
    /// When the database, the client or the spool cannot be used; nothing was sent then.
    pub async fn start(store: Store, keys: KeyRing, config: Config) -> Result<Self, SenderError> {
        let deadline = config.timing.deadline;
        let least = config.timing.start_window + config.client.total_timeout;
        if deadline < least {
            return Err(SenderError::Deadline { deadline, least });
        }
        let http = client::Client::new(&config.client).map_err(SenderError::Client)?;
        let instance = InstanceId::new();
        let spool = spool::Spool::open(&config.spool_dir, instance, recorder::SPOOLED)
            .map_err(|source| SenderError::Spool { path: config.spool_dir.clone(), source })?;
        let introduction = Introduction {
            instance,
            operator: config.operator.clone(),
            host: config.host.clone(),
            pid: std::process::id(),
            kind: config.kind,
        };
        store.introduce(config.organization, &introduction).await.map_err(SenderError::Introduce)?;
        let (shared, inbox) = Shared::new(store, http, instance, config);
        let (shared, keys) = (Arc::new(shared), Arc::new(keys));
        let tasks = vec![
            watched(&shared, "ear for notices", watch::listen(Arc::clone(&shared))),
            watched(&shared, "look at the database", watch::refresh(Arc::clone(&shared))),
            watched(&shared, "keeper of leases", keeper::keep(Arc::clone(&shared))),
            watched(&shared, "chores", chores::run(Arc::clone(&shared))),
            watched(&shared, "sweep of attempts", chores::sweep(Arc::clone(&shared))),
            watched(&shared, "asker about doubts", reconcile::run(Arc::clone(&shared))),
            watched(&shared, "health of numbers", health::run(Arc::clone(&shared))),
            watched(&shared, "search for failures", polls::run(Arc::clone(&shared))),
            watched(&shared, "watch of vital signs", vitals::run(Arc::clone(&shared))),
            watched(&shared, "templates of accounts", templates::run(Arc::clone(&shared))),
            watched(&shared, "sender of alerts", alert::run(Arc::clone(&shared), Arc::clone(&keys))),
            watched(&shared, "reader of queues", queues::run(Arc::clone(&shared))),
            watched(&shared, "reader of reports", reports::run(Arc::clone(&shared))),
            watched(&shared, "warden of numbers", warden::guard(Arc::clone(&shared), inbox.measures)),
            watched(&shared, "heir of outcomes", heir::run(Arc::clone(&shared))),
            watched(&shared, "recorder", recorder::record(Arc::clone(&shared), inbox.outcomes, spool)),
        ];
        let engine = watched(
            &shared,
            "dispatcher",
            engine::run(Arc::clone(&shared), inbox.signals, Arc::clone(&keys)),
        );
        Ok(Self { shared, tasks, engine })
    }

    /// Which instance this is.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.shared.instance
    }

    /// What it sends, as it happens. Shown only after it is committed.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<SendEvent> {
        self.shared.events.subscribe()
    }

    /// What it is doing.
    #[must_use]
    pub fn status(&self) -> watching::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// A look at it for whoever watches over it.
    #[must_use]
    pub fn liveness(&self) -> liveness::Liveness {
        liveness::Liveness::of(&self.shared)
    }

    /// Looks at the database now rather than at the next tick.
    pub fn wake(&self) {
        self.shared.refresh.notify_one();
    }

    /// Ends well: no new claims, requests on the wire finish, outcomes are recorded, leases are given up. What has no
    /// outcome within `limit` is left to be found in doubt. Answers the totals and how many were left.
    pub async fn drain(self, limit: Duration) -> (Totals, u32) {
        let began = Moment::now();
        self.shared.begin_drain();
        while !self.engine.is_finished() && began.elapsed() < limit {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let left = self.shared.in_air() + self.shared.unrecorded();
        self.shared.end();
        for task in self.tasks {
            if tokio::time::timeout(Duration::from_secs(3), task).await.is_err() {
                tracing::warn!("a task of the sender did not end in time");
            }
        }
        if let Err(error) = keeper::give_up_all(&self.shared, left == 0).await {
            tracing::warn!("leases were not given up, they expire by themselves: {error}");
        }
        (self.shared.totals(), left)
    }
}
