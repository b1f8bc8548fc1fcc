//! Importing contacts: chunks into a staging table of the connection's own, then one statement that merges them.
//! Nothing is visible before it, and nothing is left of an import that dies before it.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::ids::OrganizationId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection};

/// An import on its way. Dropping it throws away what was staged.
pub struct Staging {
    connection: PgConnection,
    started_at: DateTime<Utc>,
}

/// The account of one file: every line is in exactly one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ImportCounts {
    /// Records of the file, the header not counted.
    pub lines: u64,
    /// People who were not known.
    pub accepted: u64,
    /// Known people about whom something changed.
    pub updated: u64,
    /// Rows that changed nothing: known people, and phones that stood in the file before.
    pub duplicate: u64,
    /// Rows that cannot be used.
    pub rejected: u64,
    /// Of the new people, those of whom the file says no: no campaign writes to them.
    pub no_consent: u64,
    /// Of the known people, those whose consent the file took: as if they had written STOP.
    pub opted_out: u64,
}

/// How and when those agreed of whom a file says that they did: what it says of people whose consent was not known, or whom an
/// earlier file had opted out. What a person said is above it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreed {
    /// How; `None`: the import itself is all that is known.
    pub method: Option<String>,
    /// When; `None`: when it is imported.
    pub at: Option<DateTime<Utc>>,
}

/// People suppressed in one statement: for so long others wait for the sums of their campaigns.
const HEEDED_AT_ONCE: i32 = 500;

impl Store {
    /// Suppresses those whom imports opted out, piece by piece: claims wait for one piece, not for all. Whom somebody writes to
    /// at this moment is left to the next time.
    ///
    /// # Errors
    /// When the database is away or refuses; what is left then is done the next time.
    pub async fn heed_imported(&self, organization: OrganizationId) -> Result<(), StoreError> {
        let mut after = Some(String::new());
        while let Some(phone) = after {
            after = sqlx::query_scalar!(
                "select heed_imported($1, $2, $3)",
                organization.0,
                phone,
                HEEDED_AT_ONCE
            )
            .fetch_one(&self.bulk)
            .await
            .map_err(failed("suppress whom a file opted out"))?;
        }
        Ok(())
    }

    /// Begins an import.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn begin_import(&self) -> Result<Staging, StoreError> {
        const DOING: &str = "begin the import";
        // A connection that leaves its pool: the staging table ends with it.
        let mut connection = self.bulk.acquire().await.map_err(failed(DOING))?.detach();
        let started_at = sqlx::query_scalar!(
            r#"select clock_timestamp() as "at!" from (select stage_contacts()) as staged"#
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed(DOING))?;
        Ok(Staging { connection, started_at })
    }
}

impl Staging {
    /// Copies rows, chunk by chunk as they come, each in the text format of `copy` with the columns of
    /// [`crate::import::COPY_COLUMNS`]. Ends with the channel.
    ///
    /// # Errors
    /// When the database is away or refuses; nothing is kept then.
    pub async fn copy(
        &mut self,
        chunks: &mut tokio::sync::mpsc::Receiver<Vec<u8>>,
    ) -> Result<(), StoreError> {
        const DOING: &str = "copy the contacts";
        let mut copy =
            self.connection.copy_in_raw("copy contact_staging from stdin").await.map_err(failed(DOING))?;
        while let Some(chunk) = chunks.recv().await {
            copy.send(chunk).await.map_err(failed(DOING))?;
        }
        copy.finish().await.map_err(failed(DOING))?;
        Ok(())
    }

    /// Merges what was copied into the contacts and writes the account of the file: one statement. Whom the file opts out is
    /// noted with it; [`Store::heed_imported`] suppresses them.
    ///
    /// # Errors
    /// When the database is away, busy or refuses; nothing has changed then.
    pub async fn merge(
        mut self,
        organization: OrganizationId,
        file_name: &str,
        lines: u64,
        rejected: u64,
        agreed: &Agreed,
        actor: Actor<'_>,
    ) -> Result<ImportCounts, StoreError> {
        let column = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let merged = sqlx::query!(
            r#"select p_accepted as "accepted!", p_updated as "updated!", p_duplicate as "duplicate!",
                      p_no_consent as "no_consent!", p_opted_out as "opted_out!"
                 from merge_contacts($1, $2, $3, $4, $5, $6, $7, $8)"#,
            organization.0,
            file_name,
            actor.operator,
            column(lines),
            column(rejected),
            self.started_at,
            agreed.method,
            agreed.at,
        )
        .fetch_one(&mut self.connection)
        .await
        .map_err(failed("merge the contacts"))?;
        // The merge is committed: how the connection ends does not matter any more.
        let _ = self.connection.close().await;
        let count = |column: i64| u64::try_from(column).unwrap_or(0);
        Ok(ImportCounts {
            lines,
            accepted: count(merged.accepted),
            updated: count(merged.updated),
            duplicate: count(merged.duplicate),
            rejected,
            no_consent: count(merged.no_consent),
            opted_out: count(merged.opted_out),
        })
    }
}
