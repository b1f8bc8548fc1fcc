//! What operators are told: raising it, listing it, taking note of it, and the rules it goes by.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor},
    failed,
};
use crate::domain::ids::{AlertId, OrganizationId};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// An alert as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertRecord {
    /// Its id.
    pub id: AlertId,
    /// `suspension`, `limit`, `paused`, …
    pub kind: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// `number`, `account`, `campaign` or `organization`.
    pub subject: String,
    /// What operators call that; a phone is masked.
    pub name: String,
    /// What is wrong, in a sentence.
    pub words: String,
    /// When it was raised.
    pub raised_at: DateTime<Utc>,
    /// When what is wrong was over; none: it lasts.
    pub ended_at: Option<DateTime<Utc>>,
    /// When somebody took note of it.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who.
    pub acknowledged_by: Option<String>,
}

/// Which alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertScope {
    /// Those that nobody has taken note of.
    Open,
    /// All that are kept.
    All,
}

/// By what an organisation's alerts go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertRules {
    /// From this minute of the day on only what is critical goes out; none: everything always does.
    pub quiet_from: Option<i16>,
    /// Until this one.
    pub quiet_to: Option<i16>,
    /// Tokens that are older are told; none: never.
    pub credential_days: Option<i32>,
    /// The minute of the day at which the report of the day before goes out; none: no report.
    pub report_at: Option<i16>,
}

/// What is to change of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlertRulesEdit {
    /// Quiet hours, or none.
    pub quiet: Option<Option<(i16, i16)>>,
    /// The age of tokens, or none.
    pub credential_days: Option<Option<i32>>,
    /// The time of the report, or none.
    pub report_at: Option<Option<i16>>,
}

impl Store {
    /// Tells what is new of what is wrong, once for each cause, and notes what is over. Answers how much is new.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn raise_alerts(&self, organization: OrganizationId) -> Result<i32, StoreError> {
        sqlx::query_scalar!(r#"select raise_alerts($1) as "count!""#, organization.0)
            .fetch_one(&self.lease)
            .await
            .map_err(failed("raise alerts"))
    }

    /// Alerts, the latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn alerts(
        &self,
        organization: OrganizationId,
        scope: AlertScope,
        most: i64,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        sqlx::query_as!(
            AlertRecord,
            r#"select id, kind, severity, subject, subject_name as name, words, raised_at, ended_at, acknowledged_at,
                      acknowledged_by
                 from alerts
                where organization_id = $1 and ($2 or acknowledged_at is null)
                order by raised_at desc, id desc limit $3"#,
            organization.0,
            scope == AlertScope::All,
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list alerts"))
    }

    /// What lasts, whether somebody has taken note of it or not, the latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn lasting_alerts(
        &self,
        organization: OrganizationId,
        most: i64,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        sqlx::query_as!(
            AlertRecord,
            r#"select id, kind, severity, subject, subject_name as name, words, raised_at, ended_at, acknowledged_at,
                      acknowledged_by
                 from alerts
                where organization_id = $1 and ended_at is null
                order by raised_at desc, id desc limit $2"#,
            organization.0,
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list what lasts"))
    }

    /// Notes that an operator has taken note of these; `None`: of all. Answers of how many that is news.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn acknowledge_alerts(
        &self,
        organization: OrganizationId,
        alerts: Option<&[AlertId]>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<i32, StoreError> {
        let ids: Option<Vec<uuid::Uuid>> = alerts.map(|alerts| alerts.iter().map(|alert| alert.0).collect());
        sqlx::query_scalar!(
            r#"select acknowledge_alerts($1, $2, $3, $4, $5) as "count!""#,
            organization.0,
            ids.as_deref(),
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed("acknowledge alerts"))
    }

    /// An operator's order to take note of what they were shown.
    pub(super) async fn act_on_alerts(
        &self,
        organization: OrganizationId,
        alerts: &[AlertId],
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let count = self.acknowledge_alerts(organization, Some(alerts), reason, actor).await?;
        if count > 0 {
            return Ok(ActionResult::DONE);
        }
        let [alert] = alerts else {
            return Ok(ActionResult::Refused("somebody has taken note of all of these already".into()));
        };
        let first = sqlx::query!(
            "select acknowledged_by, acknowledged_at from alerts where organization_id = $1 and id = $2",
            organization.0,
            alert.0,
        )
        .fetch_optional(&self.order)
        .await
        .map_err(failed("acknowledge an alert"))?;
        Ok(match first.and_then(|first| Some((first.acknowledged_by?, first.acknowledged_at?))) {
            Some((by, at)) => ActionResult::AlreadySo { by: by.into(), at },
            None => ActionResult::Missing("this alert is not kept any more".into()),
        })
    }

    /// By what the organisation's alerts go.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn alert_rules(&self, organization: OrganizationId) -> Result<AlertRules, StoreError> {
        sqlx::query_as!(
            AlertRules,
            "select quiet_from, quiet_to, credential_days, report_at from alert_rules where organization_id = $1",
            organization.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("read the rules of alerts"))
    }

    /// Changes them.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_alert_rules(
        &self,
        organization: OrganizationId,
        edit: &AlertRulesEdit,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let quiet = edit.quiet.flatten();
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select r.* from alert_rules r where r.organization_id = $1 for update
               ), changed as (
                   update alert_rules r
                      set quiet_from = case when $2 then $3 else r.quiet_from end,
                          quiet_to = case when $2 then $4 else r.quiet_to end,
                          credential_days = case when $5 then $6 else r.credential_days end,
                          report_at = case when $7 then $8 else r.report_at end, revision = r.revision + 1
                     from locked l where r.organization_id = l.organization_id
                   returning r.*
               )
               select count(record_decision($1, clock_timestamp(), $9, $10, 'edit alert rules', 'organization', $1,
                                            o.slug, $11, to_jsonb(l), to_jsonb(c))) as "count!"
                 from changed c, locked l, organizations o where o.id = $1"#,
            organization.0,
            edit.quiet.is_some(),
            quiet.map(|(from, _)| from),
            quiet.map(|(_, to)| to),
            edit.credential_days.is_some(),
            edit.credential_days.flatten(),
            edit.report_at.is_some(),
            edit.report_at.flatten(),
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("change the rules of alerts"))?;
        Ok(changed > 0)
    }
}
