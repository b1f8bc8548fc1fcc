//! What the sender plans with: one consistent look at an organisation.

use super::{
    Store, StoreError, failed,
    terms::terms_of,
    today::{Pace, Queue, Today, Told, room},
};
use crate::domain::{
    campaign::terms::Terms,
    consent::Words,
    content::{Shape, StepContent, registry::Registry},
    ids::{CampaignId, NumberId, OrganizationId},
    number::{Number, NumberState, Pacing, Suspension},
    phone::Phone,
    selection::Strategy,
};
use chrono::{DateTime, NaiveDate, Utc};
use std::{collections::HashMap, time::Duration};

mod view;

pub use view::{
    AccountView, CampaignView, NumberView, OrganizationView, PoolView, Snapshot, StepContents, StepShape,
};

const DOING: &str = "look at the organisation";

impl Store {
    /// Looks at everything the sender plans with. `now` is a rehearsal's clock.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn snapshot(
        &self,
        organization: OrganizationId,
        now: Option<DateTime<Utc>>,
    ) -> Result<Snapshot, StoreError> {
        self.snapshot_with(organization, now, None).await
    }

    /// As [`Store::snapshot`], with one more campaign whatever its state: to say why it waits.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn snapshot_with(
        &self,
        organization: OrganizationId,
        now: Option<DateTime<Utc>>,
        campaign: Option<CampaignId>,
    ) -> Result<Snapshot, StoreError> {
        let row = sqlx::query!(
            r#"select o.slug, o.time_zone, o.default_locale, o.daily_limit, o.stopped_by, o.default_number_id,
                      o.rehearsal, o.subscription_ends_at, o.stop_words, o.start_words, coalesce(u.reserved, 0) as "used!", t.at as "at!", t.day as "day!",
                      (select count(*) from instances i where i.organization_id = o.id and i.closed_at is null
                          and i.kind <> 'watch' and i.seen_at > clock_timestamp() - interval '15 seconds') as "senders!"
                 from organizations o
                cross join lateral (select coalesce($2, clock_timestamp()) as at,
                                           (coalesce($2, clock_timestamp()) at time zone o.time_zone)::date as day) t
                 left join quota_usage u on u.organization_id = o.id and u.scope = 'organization'
                                        and u.scope_id = o.id and u.day = t.day
                where o.id = $1"#,
            organization.0,
            now,
        )
        .fetch_one(&self.work)
        .await
        .map_err(failed(DOING))?;
        let at = row.at;
        let day = row.day;
        let organization_view = OrganizationView {
            id: organization,
            slug: row.slug,
            time_zone: row.time_zone,
            default_locale: row.default_locale,
            daily_limit: row.daily_limit.map(count),
            used_today: count(row.used),
            stopped_by: row.stopped_by,
            subscription_ends: row.subscription_ends_at,
            default_number: row.default_number_id.map(NumberId),
            rehearsal: row.rehearsal,
            words: Words::new(&row.stop_words, &row.start_words),
        };
        let campaigns = self.campaigns_on_their_terms(organization, at, day, campaign).await?;
        let mut accounts = self.accounts_for_plan(organization, at).await?;
        let templates: Vec<String> = campaigns.iter().flat_map(CampaignView::templates).collect();
        if !templates.is_empty() {
            let mut registries = self.registries(organization, &templates).await?;
            for account in &mut accounts {
                account.templates = registries.remove(&account.id).unwrap_or_default();
            }
        }
        Ok(Snapshot {
            at,
            day,
            numbers: self.numbers_for_plan(organization, &accounts, at, day).await?,
            accounts,
            pools: self.pools_for_plan(organization).await?,
            campaigns,
            shares: self.shares(organization, day).await?,
            senders: u32::try_from(row.senders).unwrap_or(0),
            organization: organization_view,
        })
    }

    #[expect(clippy::too_many_lines, reason = "one statement and its row, column by column")]
    async fn numbers_for_plan(
        &self,
        organization: OrganizationId,
        accounts: &[AccountView],
        at: DateTime<Utc>,
        day: NaiveDate,
    ) -> Result<Vec<NumberView>, StoreError> {
        let rows = sqlx::query!(
            r#"select n.id, n.account_id, n.phone::text as "phone!", n.display_name, n.instance_id, n.priority,
                      n.daily_limit, n.interval_ms, n.per_second, n.in_flight, n.is_active, n.suspended_at,
                      n.suspension_reason, n.suspended_until, n.suspended_by, n.limited_until, n.limited_reason,
                      n.slowed_reason, n.revision, a.name as account_name, a.provider::text as "provider!",
                      case when p.next_send_at > 'epoch' then p.next_send_at end as next_send_at, p.last_sent_at,
                      case when p.next_reply_at > 'epoch' then p.next_reply_at end as next_reply_at, n.reply_share,
                      held_back(n.organization_id, n.id,
                                limit_of_day(n.daily_limit, o.warm_up, (n.warm_up_started_at at time zone o.time_zone)::date, $2),
                                n.reply_share, $2) as "held_back!",
                      (select count(*) from (select from replies d
                                              where d.organization_id = n.organization_id and d.number_id = n.id
                                                and d.state = 'queued' and d.due_at <= $3
                                                and reply_stands(n.organization_id, d.phone, n.id, d.kind)
                                              limit 100) d) as "replies_due!",
                      coalesce(u.reserved, 0) as "used!",
                      case when l.expires_at > clock_timestamp() then l.holder end as holder, l.epoch,
                      case when l.expires_at > clock_timestamp() then l.unusable end as unusable,
                      (n.warm_up_started_at at time zone o.time_zone)::date as warm_up_day, o.warm_up, h.quality,
                      h.state as health, number_percent(pace_percent(t.percent, t.rest_until, clock_timestamp()), h.quality, h.state,
                                                         n.slowed_since is not null) as "percent!",
                      case when full_pace_at(t.percent, t.rest_until) > clock_timestamp() then t.reason end as throttled,
                      full_pace_at(t.percent, t.rest_until) as full_pace_at,
                      p.queue_limit, p.queued
                 from whatsapp_numbers n
                 join organizations o on o.id = n.organization_id
                 join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
                 join number_health h on h.organization_id = n.organization_id and h.number_id = n.id
                 left join number_throttles t on t.organization_id = n.organization_id and t.number_id = n.id
                 join number_pacing p on p.organization_id = n.organization_id and p.number_id = n.id
                 join number_leases l on l.organization_id = n.organization_id and l.number_id = n.id
                 left join quota_usage u on u.organization_id = n.organization_id and u.scope = 'number'
                                        and u.scope_id = n.id and u.day = $2
                where n.organization_id = $1
                order by n.priority, n.phone"#,
            organization.0,
            day,
            at,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let state = if !row.is_active {
                    NumberState::Disabled
                } else if let (Some(since), Some(reason), Some(by)) = (
                    row.suspended_at.filter(|_| row.suspended_until.is_none_or(|until| until > at)),
                    row.suspension_reason,
                    row.suspended_by,
                ) {
                    NumberState::Suspended(Suspension { reason, since, until: row.suspended_until, by })
                } else if let Some((until, reason)) =
                    row.limited_until.filter(|until| *until > at).zip(row.limited_reason)
                {
                    NumberState::Limited { until, reason }
                } else {
                    NumberState::Active
                };
                let today = Today::of(
                    &Told {
                        limit: row.daily_limit,
                        ladder: &row.warm_up,
                        began: row.warm_up_day,
                        pace: Pace {
                            percent: row.percent,
                            silent: row.slowed_reason.as_deref(),
                            throttled: row.throttled.as_deref(),
                            full_pace_at: row.full_pace_at,
                            quality: row.quality.as_deref(),
                            health: row.health.as_deref(),
                        },
                    },
                    day,
                );
                let own = Pacing {
                    interval: Duration::from_millis(u64::from(count(row.interval_ms))),
                    per_second: count(row.per_second),
                    in_flight: count(row.in_flight),
                };
                Ok(NumberView {
                    number: Number {
                        id: row.id.into(),
                        account: row.account_id.into(),
                        phone: Phone::parse(&row.phone).map_err(|_| unreadable("phone"))?,
                        provider: row.provider.parse().map_err(|_| unreadable("provider"))?,
                        priority: row.priority,
                        daily_limit: today.limit,
                        pacing: today.pace(own),
                        state,
                    },
                    name: row.display_name,
                    instance_id: row.instance_id,
                    account_name: row.account_name,
                    used_today: count(row.used),
                    own_limit: row.daily_limit.map(count),
                    rungs: today.rungs,
                    warm_up: today.rung,
                    account_room: accounts
                        .iter()
                        .find(|account| account.id.0 == row.account_id)
                        .and_then(|account| account.room),
                    slowed: today.slowed,
                    queue: row
                        .queue_limit
                        .map(|limit| Queue { limit: count(limit), waiting: row.queued.map(count) }),
                    quality: today.quality,
                    held_back: count(row.held_back),
                    reply_share: count(row.reply_share),
                    replies_due: u32::try_from(row.replies_due).unwrap_or(0),
                    next_send_at: row.next_send_at,
                    next_reply_at: row.next_reply_at,
                    last_sent_at: row.last_sent_at,
                    lease: row.holder.map(|holder| (holder.into(), row.epoch)),
                    unusable: row.unusable,
                    revision: row.revision,
                })
            })
            .collect()
    }

    async fn accounts_for_plan(
        &self,
        organization: OrganizationId,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountView>, StoreError> {
        let rows = sqlx::query!(
            r#"select a.id, a.name, a.provider::text as "provider!", a.external_id, a.sealed_token, a.base_url, a.revision,
                      a.rolling_cap, s.used as "used?", s.opens
                 from accounts a
                 left join lateral account_standing(a.organization_id, a.reach_id, a.rolling_cap, $2) s
                           on a.rolling_cap is not null
                where a.organization_id = $1 order by a.name"#,
            organization.0,
            at,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                Ok(AccountView {
                    id: row.id.into(),
                    name: row.name,
                    provider: row.provider.parse().map_err(|_| unreadable("provider"))?,
                    external_id: row.external_id,
                    sealed_token: row.sealed_token,
                    base_url: row.base_url,
                    templates: Registry::default(),
                    room: room(row.rolling_cap, row.used, row.opens),
                    revision: row.revision,
                })
            })
            .collect()
    }

    async fn pools_for_plan(&self, organization: OrganizationId) -> Result<Vec<PoolView>, StoreError> {
        let rows = sqlx::query!(
            r#"select p.id, p.name, p.strategy, p.sticky,
                      array(select m.number_id from pool_numbers m
                             where m.organization_id = p.organization_id and m.pool_id = p.id
                             order by m.number_id) as "numbers!",
                      array(select m.weight from pool_numbers m
                             where m.organization_id = p.organization_id and m.pool_id = p.id
                             order by m.number_id) as "weights!"
                 from pools p where p.organization_id = $1 order by p.name"#,
            organization.0,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                Ok(PoolView {
                    id: row.id.into(),
                    name: row.name,
                    strategy: match row.strategy.as_str() {
                        "priority" => Strategy::Priority,
                        "least_used" => Strategy::LeastUsed,
                        "weighted" => Strategy::Weighted,
                        _ => return Err(unreadable("pool strategy")),
                    },
                    sticky: row.sticky,
                    numbers: row.numbers.into_iter().map(NumberId).collect(),
                    weights: row.weights.into_iter().map(count).collect(),
                })
            })
            .collect()
    }

    async fn campaigns_on_their_terms(
        &self,
        organization: OrganizationId,
        at: DateTime<Utc>,
        day: NaiveDate,
        also: Option<CampaignId>,
    ) -> Result<Vec<CampaignView>, StoreError> {
        let terms = terms_of(&self.work, organization, also).await?;
        let mut campaigns = self.campaigns_for_plan(organization, day, also).await?;
        for view in &mut campaigns {
            view.terms = terms.campaign(view.id);
            view.next_due = terms.next_due(view.id, view.next_due, at);
        }
        Ok(campaigns)
    }

    async fn campaigns_for_plan(
        &self,
        organization: OrganizationId,
        day: NaiveDate,
        also: Option<CampaignId>,
    ) -> Result<Vec<CampaignView>, StoreError> {
        let rows = sqlx::query!(
            r#"select c.id, c.name, c.priority, c.weight, c.pool_id, c.daily_limit, c.failover, c.only_number_id, c.revision,
                      c.state::text as "state!", c.starts_at, c.changed_by,
                      case when c.standing is not null then yields_to(c.organization_id, c.standing) end as yields_to,
                      coalesce(u.reserved, 0) as "used!", k.queued as "queued!", k.sending as "sending!", d.due_at as "next_due?",
                      (select jsonb_agg(jsonb_build_object('step', s.step, 'has_text', s.texts <> '[]',
                                                           'template', v.said -> 'template', 'media', s.media ->> 'kind')
                                        order by s.step)
                         from campaign_steps s
                        cross join sayings(s) v
                        where s.organization_id = c.organization_id and s.campaign_id = c.id
                          and (s.template is not null or s.media is not null)) as shapes
                 from campaigns c
                cross join lateral (select coalesce(sum(queued), 0)::bigint as queued,
                                           coalesce(sum(sending), 0)::bigint as sending
                                      from campaign_counts k
                                     where k.organization_id = c.organization_id and k.campaign_id = c.id) k
                 left join lateral (select r.due_at from campaign_recipients r
                                     where r.organization_id = c.organization_id and r.campaign_id = c.id
                                       and r.due_at is not null and r.due_at < not_let_go()
                                     order by r.due_at limit 1) d on true
                 left join quota_usage u on u.organization_id = c.organization_id and u.scope = 'campaign'
                                        and u.scope_id = c.id and u.day = $2
                where c.organization_id = $1 and (c.state = 'active' or c.id = $3)
                order by c.priority, c.id"#,
            organization.0,
            day,
            also.map(|campaign| campaign.0),
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                Ok(CampaignView {
                    id: row.id.into(),
                    name: row.name,
                    priority: row.priority,
                    weight: count(row.weight),
                    state: row.state.parse().map_err(|_| unreadable("campaign state"))?,
                    starts_at: row.starts_at,
                    changed_by: row.changed_by,
                    yields_to: row.yields_to,
                    pool: row.pool_id.into(),
                    daily_limit: row.daily_limit.map(count),
                    used_today: count(row.used),
                    queued: u64::try_from(row.queued).unwrap_or(0),
                    sending: u64::try_from(row.sending).unwrap_or(0),
                    failover: row.failover.parse().unwrap_or_default(),
                    only_number: row.only_number_id.map(NumberId),
                    terms: Terms::default(),
                    next_due: row.next_due,
                    shapes: row.shapes.map(shapes).unwrap_or_default(),
                    revision: row.revision,
                })
            })
            .collect()
    }

    async fn shares(
        &self,
        organization: OrganizationId,
        day: NaiveDate,
    ) -> Result<HashMap<(NumberId, CampaignId), u32>, StoreError> {
        let rows = sqlx::query!(
            "select number_id, campaign_id, used from number_campaign_usage where organization_id = $1 and day = $2",
            organization.0,
            day,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .map(|row| ((row.number_id.into(), row.campaign_id.into()), count(row.used)))
            .collect())
    }

    /// What all steps of these campaigns say.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn step_contents(
        &self,
        organization: OrganizationId,
        campaigns: &[CampaignId],
    ) -> Result<Vec<StepContents>, StoreError> {
        let campaigns: Vec<uuid::Uuid> = campaigns.iter().map(|campaign| campaign.0).collect();
        let rows = sqlx::query!(
            "select campaign_id, step, version, after_seconds, texts, template, media, variants from campaign_steps
              where organization_id = $1 and campaign_id = any ($2) order by campaign_id, step",
            organization.0,
            &campaigns,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed("read what campaigns say"))?;
        Ok(rows
            .into_iter()
            .map(|row| StepContents {
                campaign: row.campaign_id.into(),
                step: row.step,
                version: row.version,
                after_seconds: row.after_seconds,
                content: StepContent::read(row.texts, row.template, row.media, row.variants).ok(),
            })
            .collect())
    }
}

/// What cannot be read is a step that nobody can send.
pub(super) fn shapes(raw: serde_json::Value) -> Vec<StepShape> {
    serde_json::from_value(raw).unwrap_or_else(|_| {
        vec![StepShape { step: 1, shape: Shape { has_text: false, template: None, media: None } }]
    })
}

fn unreadable(what: &'static str) -> StoreError {
    StoreError::Unreadable { doing: DOING, what }
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
