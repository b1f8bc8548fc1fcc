//! The only place with SQL: one file per aggregate, one function per verb, typed answers.
//!
//! A transition is one statement: it needs no transaction of ours, cannot be cut in half by a dropped future, and is
//! one round trip. What two instances must agree on is decided by the database's clock, read after its locks.

pub mod account;
pub mod action;
pub mod alert;
pub mod api_key;
pub mod attempt;
pub mod audience;
pub mod audit;
pub mod campaign;
pub mod campaign_edit;
pub mod campaign_file;
pub mod campaign_pool;
pub mod channel;
mod channel_order;
pub mod chore;
pub mod condition;
pub mod conduct;
pub mod constraint;
pub mod contact;
pub mod conversation;
pub mod enrolment;
pub mod eye;
pub mod figures;
pub mod finding;
pub mod forecast;
pub mod handover;
pub mod health;
pub mod history;
pub mod import;
pub mod invariant;
pub mod lease;
pub mod measure;
pub mod news;
pub mod notice;
pub mod number;
pub mod number_batch;
pub mod number_file;
pub mod number_move;
pub mod number_stats;
pub mod operator;
pub mod organization;
pub mod pace;
mod patience;
pub mod plan;
pub mod polls;
pub mod pool;
pub mod preview;
pub mod receipt;
pub mod recipient;
pub mod rollout;
pub mod screen;
pub mod secret;
pub mod sent;
pub mod setting;
pub mod signs;
pub mod skipped;
pub mod slot;
pub mod snapshot;
pub mod stats;
pub mod step;
pub mod suppression;
pub mod template;
pub mod terms;
pub mod today;
pub mod undo;
pub mod usage;
pub mod variant;
pub mod view;
pub mod vitals;
pub mod webhook;
pub mod why;

use crate::postgres::{
    connect::{Database, Purpose},
    way::Way,
};

/// A statement that did not do what it should. Reads well after "failed to …"; the cause is the source.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or broke the connection off.
    #[error("{doing}: the database is away")]
    Away {
        /// What we were doing.
        doing: &'static str,
        /// What the driver says.
        #[source]
        source: sqlx::Error,
    },
    /// It took longer than it may, or waited for a lock for too long.
    #[error("{doing}: the database is busy")]
    Busy {
        /// What we were doing.
        doing: &'static str,
        /// What the server says.
        #[source]
        source: sqlx::Error,
    },
    /// A constraint refused it.
    #[error("{doing}: {}", constraint.replace('_', " "))]
    Constraint {
        /// What we were doing.
        doing: &'static str,
        /// The constraint's name, which is a sentence.
        constraint: String,
        /// What the server says.
        #[source]
        source: sqlx::Error,
    },
    /// The login role has no right to it.
    #[error("{doing}: {why}")]
    Forbidden {
        /// What we were doing.
        doing: &'static str,
        /// Why not, as a sentence.
        why: String,
    },
    /// Anything else.
    #[error("{doing}")]
    Failed {
        /// What we were doing.
        doing: &'static str,
        /// What the driver or server says.
        #[source]
        source: sqlx::Error,
    },
    /// A row holds what it cannot hold.
    #[error("{doing}: unreadable {what}")]
    Unreadable {
        /// What we were doing.
        doing: &'static str,
        /// Which value.
        what: &'static str,
    },
}

impl StoreError {
    /// Whether the database was away, so that the same statement may succeed once it is back.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. })
    }

    /// Whether trying again soon may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Busy { .. })
    }

    /// The constraint that refused, if one did.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint { constraint, .. } => Some(constraint),
            _ => None,
        }
    }
}

/// Says what a failed statement means for us. `doing` reads well after "failed to".
pub(crate) fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| match &source {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Away { doing, source },
        sqlx::Error::Database(error) => {
            let code = error.code().map(std::borrow::Cow::into_owned).unwrap_or_default();
            match (error.constraint(), code.as_str()) {
                (Some(constraint), _) => {
                    StoreError::Constraint { doing, constraint: constraint.to_owned(), source }
                }
                (None, "42501") => StoreError::Forbidden { doing, why: forbidden(error.message()) },
                // 57014 query_canceled, 55P03 lock_not_available, 40001/40P01 serialisation and deadlock.
                (None, "57014" | "55P03" | "40001" | "40P01") => StoreError::Busy { doing, source },
                // 57P0x shutdown, 08xxx connection, 53xxx out of resources, 25006 read-only standby.
                (None, code)
                    if code.starts_with("57P")
                        || code.starts_with("08")
                        || code.starts_with("53")
                        || code == "25006" =>
                {
                    StoreError::Away { doing, source }
                }
                _ => StoreError::Failed { doing, source },
            }
        }
        _ => StoreError::Failed { doing, source },
    }
}

/// Why a role may not do something: in our functions' words where they refused it, else in general ones. What the server
/// says itself names tables and policies.
fn forbidden(said: &str) -> String {
    if said.starts_with("permission denied")
        || said.contains("row-level security")
        || said.starts_with("must be ")
    {
        "the login role has no right to it; signalbox operator list shows who has which role".to_owned()
    } else {
        said.to_owned()
    }
}

/// All that is asked of the database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Claims.
    claim: Way,
    /// Outcomes.
    record: Way,
    /// What the sender looks at.
    work: Way,
    /// Leases and heartbeats: they come first, so they have connections of their own.
    lease: Way,
    /// What people look at, and commands.
    screen: Way,
    /// What operators order.
    order: Way,
    /// Lists of millions of rows.
    walk: Way,
    /// What may take long: enrolment, imports, checks of everything.
    bulk: Way,
    /// Looks at media, where somebody lent it.
    eye: Option<eye::Eye>,
}

impl Store {
    /// Opens the pools. They connect when they are first used.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self {
            claim: Way::new(database, Purpose::Claim),
            record: Way::new(database, Purpose::Record),
            work: Way::new(database, Purpose::Work),
            lease: Way::new(database, Purpose::Work),
            screen: Way::new(database, Purpose::Screen),
            order: Way::new(database, Purpose::Order),
            walk: Way::new(database, Purpose::Walk),
            bulk: Way::new(database, Purpose::Bulk),
            eye: None,
        }
    }

    /// The same, and campaigns are judged by what stands at the addresses of their media, too.
    #[must_use]
    pub fn with_eye(self, eye: eye::Eye) -> Self {
        Self { eye: Some(eye), ..self }
    }

    /// The way that reads and commands go through, for the files of this folder.
    pub(crate) fn screen(&self) -> &Way {
        &self.screen
    }

    /// Connects what orders go through, so that the first one finds it open. Where that fails, the first order tries
    /// again.
    pub async fn expect_orders(&self) {
        if let Err(error) = self.order.acquire().await {
            tracing::debug!("no connection for orders yet: {error}");
        }
    }

    /// Gives all connections back.
    pub async fn close(&self) {
        self.claim.close().await;
        self.record.close().await;
        self.work.close().await;
        self.lease.close().await;
        self.screen.close().await;
        self.order.close().await;
        self.walk.close().await;
        self.bulk.close().await;
    }
}
