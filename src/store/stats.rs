//! A campaign in figures.

use super::{Store, StoreError, failed};
use crate::domain::ids::OrganizationId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// A campaign in figures. The states are disjoint, by the furthest one reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignStats {
    /// Its name.
    pub name: String,
    /// Where in its life it is.
    pub state: String,
    /// Enrolled.
    pub planned: i64,
    /// Waiting.
    pub queued: i64,
    /// On the wire.
    pub sending: i64,
    /// Taken by the provider.
    pub accepted: i64,
    /// On the phone.
    pub delivered: i64,
    /// Seen.
    pub read: i64,
    /// Refused for good.
    pub failed: i64,
    /// Nobody knows.
    pub in_doubt: i64,
    /// Left out, with a reason.
    pub skipped: i64,
    /// Of those, who asked not to be written to.
    pub opted_out: i64,
    /// Tries.
    pub attempts: i64,
    /// Delivered or read, of all that the provider took; none before the first.
    pub delivery_rate: Option<f64>,
    /// Read, of all delivered; none before the first.
    pub read_rate: Option<f64>,
    /// Charged today, on the organisation's clock.
    pub sent_today: i32,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it starts by itself.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it is paused.
    pub hold_reason: Option<String>,
    /// Whether the states add up to those enrolled.
    pub sums_hold: bool,
    /// The database's clock when it was read.
    #[serde(skip)]
    pub at: DateTime<Utc>,
}

impl CampaignStats {
    /// When it would be done at the pace it had since its start, were there neither limits nor hours nor later steps; `None`
    /// when it does not run or nothing was sent yet.
    #[must_use]
    pub fn done_at_its_pace(&self) -> Option<DateTime<Utc>> {
        let started = self.started_at.filter(|_| self.state == "active")?;
        let done = self.accepted + self.delivered + self.read + self.failed + self.in_doubt;
        let left = self.queued + self.sending;
        if done == 0 {
            return None;
        }
        let elapsed = i128::from((self.at - started).num_milliseconds().max(0));
        let rest = elapsed * i128::from(left) / i128::from(done);
        self.at.checked_add_signed(TimeDelta::try_milliseconds(i64::try_from(rest).ok()?)?)
    }
}

impl Store {
    /// The figures of a campaign; `None`: there is none of this name.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn campaign_stats(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<Option<CampaignStats>, StoreError> {
        sqlx::query_as!(
            CampaignStats,
            r#"select s.name as "name!", s.state as "state!", s.planned as "planned!", s.queued as "queued!",
                      s.sending as "sending!", s.accepted as "accepted!", s.delivered as "delivered!", s.read as "read!",
                      s.failed as "failed!", s.in_doubt as "in_doubt!", s.skipped as "skipped!",
                      s.opted_out as "opted_out!", s.attempts as "attempts!", s.delivery_rate, s.read_rate,
                      s.sent_today as "sent_today!", s.started_at, s.starts_at, s.finished_at, s.hold_reason,
                      s.sums_hold as "sums_hold!", clock_timestamp() as "at!"
                 from campaign_stats s
                where s.organization_id = $1 and s.name = $2"#,
            organization.0,
            name,
        )
        .fetch_optional(&self.screen)
        .await
        .map_err(failed("read a campaign's figures"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> CampaignStats {
        CampaignStats {
            name: "x".into(),
            state: "active".into(),
            planned: 100,
            queued: 75,
            sending: 0,
            accepted: 25,
            delivered: 0,
            read: 0,
            failed: 0,
            in_doubt: 0,
            skipped: 0,
            opted_out: 0,
            attempts: 25,
            delivery_rate: Some(0.0),
            read_rate: None,
            sent_today: 25,
            started_at: DateTime::from_timestamp(1_000, 0),
            starts_at: None,
            finished_at: None,
            hold_reason: None,
            sums_hold: true,
            at: DateTime::from_timestamp(1_100, 0).unwrap_or_default(),
        }
    }

    #[test]
    fn the_estimate_goes_on_at_the_pace_so_far() {
        assert_eq!(stats().done_at_its_pace(), DateTime::from_timestamp(1_400, 0));
        let paused = CampaignStats { state: "paused".into(), ..stats() };
        assert_eq!(paused.done_at_its_pace(), None);
        let fresh = CampaignStats { accepted: 0, queued: 100, ..stats() };
        assert_eq!(fresh.done_at_its_pace(), None);
    }
}
