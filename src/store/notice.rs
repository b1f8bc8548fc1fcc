//! Notices of changes: hints that wake, never decide.

use super::{Store, StoreError, failed};
use crate::domain::ids::OrganizationId;
use crate::postgres::way::{self, Way};
use serde::Deserialize;
use sqlx::postgres::PgListener;
use uuid::Uuid;

/// What is said to have changed when the channel itself is another one.
pub(super) const MOVED: &str = "channels";

/// Somebody changed a row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RowChange {
    /// Which table.
    pub table: String,
    /// Whose row.
    pub org: Uuid,
    /// Which row.
    pub id: Uuid,
    /// Its revision now.
    pub revision: i64,
}

impl RowChange {
    /// Whether nothing more is told here: the organisation's changes are told elsewhere from now on, because somebody who knew
    /// the place is no operator of it any more.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.table == MOVED
    }

    /// Whether it is about this organisation.
    #[must_use]
    pub fn concerns(&self, organization: OrganizationId) -> bool {
        self.org == organization.0
    }
}

/// Notices, as they come.
pub struct Notices(PgListener);

impl Notices {
    /// The next one. May be given up while waiting: nothing is lost that the next look would not find.
    ///
    /// # Errors
    /// When the connection is gone; changes may have been missed then.
    pub async fn next(&mut self) -> Result<RowChange, StoreError> {
        loop {
            let notification = self.0.recv().await.map_err(failed("hear notices"))?;
            match serde_json::from_str(notification.payload()) {
                Ok(change) => return Ok(change),
                Err(error) => tracing::debug!("a notice cannot be read: {error}"),
            }
        }
    }

    /// Whether changes would still be heard: a path that died brings none, and says nothing of it.
    ///
    /// # Errors
    /// When the connection is gone; changes may have been missed then.
    pub async fn sign_of_life(&mut self) -> Result<(), StoreError> {
        way::sign_of_life(&mut self.0).await.map_err(failed("hear notices"))
    }
}

/// The channel on which an organisation's changes are told: a secret of its operators (migration 0171).
pub(super) async fn channel(way: &Way, organization: OrganizationId) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!("select channel_of($1)", organization.0)
        .fetch_one(way)
        .await?
        .ok_or(sqlx::Error::RowNotFound)
}

impl Store {
    /// Registers interest in an organisation's changes.
    ///
    /// # Errors
    /// When the database is away or refuses, or the organisation is not one of ours.
    pub async fn listen(&self, organization: OrganizationId) -> Result<Notices, StoreError> {
        let channel = channel(&self.lease, organization).await.map_err(failed("hear notices"))?;
        self.lease.listen(&channel).await.map(Notices).map_err(failed("hear notices"))
    }
}
