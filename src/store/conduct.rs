//! How campaigns behave: the organisation's rules, and what running campaigns did lately.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::{
    campaign::conduct::{Lately, Share, StopWhen, Thresholds},
    ids::{CampaignId, OrganizationId},
    template::Texts,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// What holds for campaigns that do not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConductRules {
    /// The lowest slot.
    pub slot_first: i32,
    /// The highest slot.
    pub slot_last: i32,
    /// After so many days without use a slot is free again; none: never.
    pub slot_expiry_days: Option<i32>,
    /// A campaign pauses when more ten-thousandths of the last hour's messages failed.
    pub stop_failed: i32,
    /// A campaign pauses when more ten-thousandths of a day's people asked for no more.
    pub stop_opted_out: i32,
    /// A campaign pauses when so many ten-thousandths of its last messages were refused for one cause in their content.
    pub stop_content_refused: i32,
    /// Messages that a judgement of what failed or who opted out needs.
    pub stop_after: i32,
    /// Whether texts say how to stop.
    pub opt_out_line: bool,
    /// What steps say where files do not, in their order.
    pub default_texts: serde_json::Value,
}

/// What is to be changed of it; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConductEdit {
    /// See [`ConductRules::stop_failed`].
    pub stop_failed: Option<Share>,
    /// See [`ConductRules::stop_opted_out`].
    pub stop_opted_out: Option<Share>,
    /// See [`ConductRules::stop_content_refused`].
    pub stop_content_refused: Option<Share>,
    /// See [`ConductRules::stop_after`].
    pub stop_after: Option<u32>,
    /// See [`ConductRules::opt_out_line`].
    pub opt_out_line: Option<bool>,
}

/// A running campaign, to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignLook {
    /// Which one.
    pub campaign: CampaignId,
    /// What holds for it.
    pub thresholds: Thresholds,
    /// What it did.
    pub lately: Lately,
}

impl Store {
    /// What holds for campaigns that do not say otherwise.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn conduct_rules(&self, organization: OrganizationId) -> Result<ConductRules, StoreError> {
        sqlx::query_as!(
            ConductRules,
            "select slot_first, slot_last, slot_expiry_days, stop_failed, stop_opted_out, stop_content_refused, stop_after,
                    opt_out_line, default_texts
               from organizations where id = $1",
            organization.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("read how campaigns behave"))
    }

    /// Changes it. `false`: nothing was there to change.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_conduct_rules(
        &self,
        organization: OrganizationId,
        edit: &ConductEdit,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let share = |share: Option<Share>| share.map(|share| i32::from(share.ten_thousandths()));
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select o.* from organizations o where o.id = $1 for update
               ), changed as (
                   update organizations o
                      set stop_failed = coalesce($2, o.stop_failed), stop_opted_out = coalesce($3, o.stop_opted_out),
                          stop_after = coalesce($4, o.stop_after), opt_out_line = coalesce($5, o.opt_out_line),
                          stop_content_refused = coalesce($9, o.stop_content_refused), revision = o.revision + 1
                     from locked l where o.id = l.id
                   returning o.*
               )
               select count(record_decision($1, clock_timestamp(), $6, $7, 'edit organization', 'organization', $1,
                                            c.slug, $8, to_jsonb(l), to_jsonb(c))) as "count!"
                 from changed c, locked l"#,
            organization.0,
            share(edit.stop_failed),
            share(edit.stop_opted_out),
            edit.stop_after.map(|after| i32::try_from(after).unwrap_or(i32::MAX)),
            edit.opt_out_line,
            actor.operator,
            actor.instance_id(),
            reason,
            share(edit.stop_content_refused),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("change how campaigns behave"))?;
        Ok(changed > 0)
    }

    /// Sets what steps say where files do not. `false`: nothing was there to change.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_default_texts(
        &self,
        organization: OrganizationId,
        texts: &[&Texts],
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "change what steps usually say";
        let texts =
            serde_json::to_value(texts).map_err(|_| StoreError::Unreadable { doing: DOING, what: "text" })?;
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select o.* from organizations o where o.id = $1 for update
               ), changed as (
                   update organizations o set default_texts = $2, revision = o.revision + 1
                     from locked l where o.id = l.id
                   returning o.*
               )
               select count(record_decision($1, clock_timestamp(), $3, $4, 'edit organization', 'organization', $1,
                                            c.slug, $5, to_jsonb(l), to_jsonb(c))) as "count!"
                 from changed c, locked l"#,
            organization.0,
            texts,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        Ok(changed > 0)
    }

    /// How many of a campaign's last messages may be refused for one cause in their content before it pauses: its own word,
    /// else the organisation's.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn content_threshold(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Share, StoreError> {
        const DOING: &str = "ask when a campaign stops itself";
        let raw = sqlx::query_scalar!(
            r#"select coalesce((c.conduct #>> '{stop_when,content_refused}')::integer, o.stop_content_refused) as "share!"
                 from organizations o
                 left join campaigns c on c.organization_id = o.id and c.id = $2
                where o.id = $1"#,
            organization.0,
            campaign.0,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed(DOING))?;
        let share = u16::try_from(raw).ok().and_then(|raw| Share::try_from(raw).ok());
        share.ok_or(StoreError::Unreadable { doing: DOING, what: "threshold" })
    }

    /// What running campaigns did lately. Keeps, once in five minutes, how far they are.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn look_at_campaigns(
        &self,
        organization: OrganizationId,
        now: Option<DateTime<Utc>>,
    ) -> Result<Vec<CampaignLook>, StoreError> {
        const DOING: &str = "look at what campaigns did lately";
        let rows = sqlx::query!(
            r#"select campaign_id as "campaign_id!", stop_when, stop_failed as "stop_failed!",
                      stop_opted_out as "stop_opted_out!", stop_after as "stop_after!", hour_sent as "hour_sent!",
                      hour_failed as "hour_failed!", day_sent as "day_sent!", day_stops as "day_stops!"
                 from look_at_campaigns($1, $2)"#,
            organization.0,
            now,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed(DOING))?;
        let unreadable = || StoreError::Unreadable { doing: DOING, what: "threshold" };
        let share = |raw: i32| {
            u16::try_from(raw).ok().and_then(|raw| Share::try_from(raw).ok()).ok_or_else(unreadable)
        };
        // A message that was retried after it failed makes a count smaller: then there is nothing to judge.
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        rows.into_iter()
            .map(|row| {
                let own: StopWhen = match row.stop_when {
                    Some(own) => serde_json::from_value(own).map_err(|_| unreadable())?,
                    None => StopWhen::default(),
                };
                let usual = Thresholds {
                    failed: share(row.stop_failed)?,
                    opted_out: share(row.stop_opted_out)?,
                    after: u32::try_from(row.stop_after).unwrap_or(u32::MAX),
                };
                Ok(CampaignLook {
                    campaign: row.campaign_id.into(),
                    thresholds: Thresholds::of(own, usual),
                    lately: Lately {
                        hour_sent: count(row.hour_sent),
                        hour_failed: count(row.hour_failed),
                        day_sent: count(row.day_sent),
                        day_stops: count(row.day_stops),
                    },
                })
            })
            .collect()
    }
}
