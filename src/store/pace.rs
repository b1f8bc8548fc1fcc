//! How fast campaigns went, minute by minute: their own sums, kept beside the sending.

use super::{Store, StoreError, failed};
use crate::domain::ids::{CampaignId, OrganizationId};
use chrono::{DateTime, Utc};

/// What a campaign had sent and failed at the end of a minute, all in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceMark {
    /// The minute.
    pub minute: DateTime<Utc>,
    /// Messages that a provider took.
    pub sent: i64,
    /// People with whom it ended badly.
    pub failed: i64,
}

impl Store {
    /// Keeps how far each running campaign is.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_pace(&self, organization: OrganizationId) -> Result<(), StoreError> {
        sqlx::query!("select note_pace($1)", organization.0)
            .execute(&self.lease)
            .await
            .map_err(failed("keep how fast campaigns go"))?;
        Ok(())
    }

    /// The latest `most` minutes of a campaign that were kept, oldest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn pace(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        most: i64,
    ) -> Result<Vec<PaceMark>, StoreError> {
        let mut marks = sqlx::query_as!(
            PaceMark,
            "select minute, sent, failed from campaign_pace where organization_id = $1 and campaign_id = $2
              order by minute desc limit $3",
            organization.0,
            campaign.0,
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("read how fast a campaign went"))?;
        marks.reverse();
        Ok(marks)
    }
}
