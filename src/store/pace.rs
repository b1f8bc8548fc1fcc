//! How fast campaigns went, minute by minute: their own sums, kept beside the sending.

use super::{Store, StoreError, failed};
use crate::domain::ids::{CampaignId, OrganizationId};
use chrono::{DateTime, TimeDelta, Utc};

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

    /// The latest `most` minutes of a campaign that were kept, oldest first; before its first one that nothing had been sent.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn pace(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        most: i64,
    ) -> Result<Vec<PaceMark>, StoreError> {
        let rows = sqlx::query!(
            "select p.minute, p.sent, p.failed, c.started_at from campaign_pace p
               join campaigns c on c.organization_id = $1 and c.id = $2
              where p.organization_id = $1 and p.campaign_id = $2 order by p.minute desc limit $3",
            organization.0,
            campaign.0,
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("read how fast a campaign went"))?;
        let begun = rows.first().and_then(|row| row.started_at);
        let mut marks: Vec<PaceMark> = rows
            .into_iter()
            .rev()
            .map(|row| PaceMark { minute: row.minute, sent: row.sent, failed: row.failed })
            .collect();
        let first = marks.first().map(|mark| mark.minute);
        let nothing_yet = first.zip(begun).filter(|(first, begun)| is_first(*first, *begun));
        if let Some((first, _)) = nothing_yet {
            marks.insert(0, PaceMark { minute: first - TimeDelta::minutes(1), sent: 0, failed: 0 });
        }
        Ok(marks)
    }
}

/// Whether a minute is the first of a campaign that began then: the one in which it did, or the next one, where nobody was there
/// to keep that.
fn is_first(minute: DateTime<Utc>, begun: DateTime<Utc>) -> bool {
    let before = minute - begun;
    before > TimeDelta::minutes(-1) && before <= TimeDelta::minutes(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_minute_of_the_beginning_or_the_next_is_the_first() {
        let at = |seconds: i64| DateTime::from_timestamp(36_000 + seconds, 0).unwrap();
        for (begun, first) in [(0, true), (59, true), (-60, true), (60, false), (-61, false), (-3_600, false)]
        {
            assert_eq!(is_first(at(0), at(begun)), first, "begun at {begun} s");
        }
    }
}
