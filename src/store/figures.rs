//! The few figures that a monitoring system asks for again and again: sums that stand somewhere already, nothing counted
//! over millions of rows.

use super::{Store, StoreError, failed};
use crate::domain::{
    ids::{NumberId, OrganizationId},
    phone::mask,
};

const DOING: &str = "read the figures for a monitoring system";

/// An organisation as a monitoring system sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Its slug.
    pub organization: String,
    /// Somebody pressed the panic key.
    pub is_stopped: bool,
    /// Messages of its day.
    pub sent_today: i64,
    /// Its daily limit, if it has one.
    pub daily_limit: Option<i32>,
    /// Programs that send, seen lately.
    pub senders: i64,
    /// Attempts that nobody knows the end of, at most 10,001.
    pub doubts: i64,
    /// Reports that are kept and not applied yet, at most 10,001.
    pub reports_waiting: i64,
    /// Alerts that last and that nobody has taken note of, by severity.
    pub alerts: [(&'static str, i64); 3],
    /// Every number.
    pub numbers: Vec<NumberFigures>,
    /// Campaigns that are running or paused.
    pub campaigns: Vec<CampaignFigures>,
}

/// A number as a monitoring system sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFigures {
    /// Which one.
    pub id: NumberId,
    /// Its phone, masked.
    pub phone: String,
    /// What operators call it.
    pub name: String,
    /// Its account.
    pub account: String,
    /// Its provider.
    pub provider: String,
    /// `active`, `limited`, `suspended` or `disabled`.
    pub state: String,
    /// Messages of the organisation's day.
    pub sent_today: i32,
    /// The limit of that day, warm-up included.
    pub limit_today: Option<i32>,
}

/// A campaign as a monitoring system sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignFigures {
    /// Its name.
    pub name: String,
    /// `active` or `paused`.
    pub state: String,
    /// Recipients by state.
    pub recipients: [(&'static str, i64); 8],
    /// Tries in all.
    pub attempts: i64,
}

impl Store {
    /// Whether the database answers at all.
    ///
    /// # Errors
    /// When it does not.
    pub async fn answers(&self) -> Result<(), StoreError> {
        sqlx::query!(r#"select true as "answer!""#)
            .fetch_one(&self.screen)
            .await
            .map_err(failed("ask whether the database is there"))?;
        Ok(())
    }

    /// What a monitoring system is told of an organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn figures(&self, organization: OrganizationId) -> Result<Figures, StoreError> {
        let row = sqlx::query!(
            r#"select o.slug, o.stopped_at is not null as "is_stopped!", o.daily_limit,
                      coalesce((select u.reserved from quota_usage u
                                 where u.organization_id = o.id and u.scope = 'organization' and u.scope_id = o.id
                                   and u.day = (clock_timestamp() at time zone o.time_zone)::date), 0)::bigint
                          as "sent_today!",
                      (select count(*) from instances i where i.organization_id = o.id and i.closed_at is null
                          and i.kind <> 'watch' and i.seen_at > clock_timestamp() - interval '15 seconds') as "senders!",
                      (select count(*) from (select from attempts a where a.organization_id = o.id
                                                and a.in_doubt_since is not null limit 10001) d) as "doubts!",
                      (select count(*) from (select from webhooks w where w.organization_id = o.id
                                                and w.applied_at is null limit 10001) w) as "reports_waiting!"
                 from organizations o where o.id = $1"#,
            organization.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        Ok(Figures {
            organization: row.slug,
            is_stopped: row.is_stopped,
            sent_today: row.sent_today,
            daily_limit: row.daily_limit,
            senders: row.senders,
            doubts: row.doubts,
            reports_waiting: row.reports_waiting,
            alerts: self.alert_figures(organization).await?,
            numbers: self.number_figures(organization).await?,
            campaigns: self.campaign_figures(organization).await?,
        })
    }

    async fn alert_figures(
        &self,
        organization: OrganizationId,
    ) -> Result<[(&'static str, i64); 3], StoreError> {
        let row = sqlx::query!(
            r#"select count(*) filter (where a.severity = 'info') as "info!",
                      count(*) filter (where a.severity = 'warning') as "warning!",
                      count(*) filter (where a.severity = 'critical') as "critical!"
                 from alerts a where a.organization_id = $1 and a.ended_at is null and a.acknowledged_at is null"#,
            organization.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        Ok([("info", row.info), ("warning", row.warning), ("critical", row.critical)])
    }

    async fn number_figures(&self, organization: OrganizationId) -> Result<Vec<NumberFigures>, StoreError> {
        let rows = sqlx::query!(
            r#"select number_id as "id!", phone as "phone!", name as "name!", account as "account!", provider as "provider!",
                      state as "state!", sent_today as "sent_today!", limit_today
                 from number_usage_today where organization_id = $1 order by phone"#,
            organization.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .map(|row| NumberFigures {
                id: row.id.into(),
                phone: mask(&row.phone),
                name: row.name,
                account: row.account,
                provider: row.provider,
                state: row.state,
                sent_today: row.sent_today,
                limit_today: row.limit_today,
            })
            .collect())
    }

    async fn campaign_figures(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<CampaignFigures>, StoreError> {
        let rows = sqlx::query!(
            r#"select name as "name!", state as "state!", queued as "queued!", sending as "sending!",
                      accepted as "accepted!", delivered as "delivered!", read as "read!", failed as "failed!",
                      in_doubt as "in_doubt!", skipped as "skipped!", attempts as "attempts!"
                 from campaign_stats where organization_id = $1 and state in ('active', 'paused') order by name"#,
            organization.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .map(|row| CampaignFigures {
                name: row.name,
                state: row.state,
                recipients: [
                    ("queued", row.queued),
                    ("sending", row.sending),
                    ("accepted", row.accepted),
                    ("delivered", row.delivered),
                    ("read", row.read),
                    ("failed", row.failed),
                    ("in_doubt", row.in_doubt),
                    ("skipped", row.skipped),
                ],
                attempts: row.attempts,
            })
            .collect())
    }
}
