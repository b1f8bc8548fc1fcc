//! What a forecast is made from: counts, never rows.

mod follow;
mod numbers;
mod outlive;
mod stages;

use super::{
    Store, StoreError, failed,
    snapshot::{PoolView, Snapshot},
    terms::terms_of,
};
use crate::domain::{
    campaign::{CampaignState, Failover},
    forecast::{Account, Campaign, Cap, Expiry, FARTHEST_DAYS, Opens, Pool, WhatIf, Work, World},
    ids::{AccountId, CampaignId, NumberId, OrganizationId, PoolId},
    selection::Strategy,
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use follow::Follower;
use stages::Owed;
use std::collections::HashMap;

const DOING: &str = "read what is left to send";

/// A world to forecast, and what its places are called.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastWorld {
    /// The world.
    pub world: World,
    /// The phones of its numbers, in the same order.
    pub phones: Vec<String>,
    /// What operators call its numbers, in the same order.
    pub called: Vec<String>,
    /// The names of its campaigns, in the same order.
    pub names: Vec<String>,
    /// The states of its campaigns, in the same order.
    pub states: Vec<CampaignState>,
    /// The names of its pools, in the same order.
    pub pools: Vec<String>,
    /// The ids of its pools, in the same order.
    pub pool_ids: Vec<PoolId>,
    /// When the organisation's subscription ends.
    pub subscription_ends: Option<DateTime<Utc>>,
    /// The campaigns that begin behind another one.
    pub(super) followers: Vec<Follower>,
}

impl ForecastWorld {
    /// Changes it as is asked about the campaign at `place`; added numbers are called `new 1`, `new 2`, ...
    pub fn suppose(&mut self, place: usize, what_if: &WhatIf) {
        self.world.suppose(place, what_if);
        // Who stands still begins behind nobody.
        self.followers.retain(|follower| !what_if.pause.contains(&follower.campaign));
        for nth in 1..=what_if.add.len() {
            self.phones.push(format!("new {nth}"));
            self.called.push(format!("new {nth}"));
        }
    }
}

/// A campaign that sends, will start by itself, or was asked for.
struct CampaignRow {
    id: CampaignId,
    name: String,
    state: CampaignState,
    priority: i32,
    weight: u32,
    pool: PoolId,
    cap: Cap,
    starts_at: Option<DateTime<Utc>>,
    /// The one that has to be completed before, if it is not yet.
    follows: Option<CampaignId>,
    fresh: u64,
    standing: bool,
    is_test: bool,
    only: Option<NumberId>,
    failover: Failover,
    expiry: Expiry,
}

impl Store {
    /// Everything that a forecast of `campaign` needs: it, all campaigns that compete with it, and all numbers. A campaign
    /// that was not started yet counts as started now; one that is paused as not going on by itself, but for the one asked
    /// for.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn forecast_world(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<ForecastWorld, StoreError> {
        let snapshot = self.snapshot(organization, None).await?;
        let mut rows = self.campaigns_to_forecast(organization, &snapshot, campaign).await?;
        let ids: Vec<CampaignId> = rows.iter().map(|row| row.id).collect();
        let terms = terms_of(&self.work, organization, Some(campaign)).await?;
        let places: HashMap<NumberId, usize> =
            snapshot.numbers.iter().enumerate().map(|(place, view)| (view.number.id, place)).collect();
        let mut due = self.due_work(organization, &ids, &places).await?;
        let mut delays = self.step_delays(organization, &ids).await?;
        let mut rollouts = self.rollouts_to_forecast(organization, &due, &ids, snapshot.at).await?;
        let reach = self.reach_to_forecast(organization).await?;
        let labels = self.labels_to_forecast(organization).await?;
        let pools: HashMap<PoolId, usize> =
            snapshot.pools.iter().enumerate().map(|(place, pool)| (pool.id, place)).collect();
        // A pool that was made between the two looks is not known here yet.
        rows.retain(|row| pools.contains_key(&row.pool));
        let campaigns = rows.iter().map(|row| {
            let rollout = rollouts.remove(&row.id);
            let (owed, stages) = rollout.map(|rollout| (rollout.owed, rollout.stages)).unzip();
            let used = |((number, each), used): (&(NumberId, CampaignId), &u32)| {
                (*each == row.id).then(|| Some((*places.get(number)?, *used))).flatten()
            };
            Campaign {
                id: row.id,
                priority: row.priority,
                weight: row.weight,
                cap: row.cap,
                pool: pools[&row.pool],
                only: row.only,
                failover: row.failover,
                opens: opens(row, campaign),
                calendar: terms.campaign(row.id).calendar,
                work: work(row, due.remove(&row.id).unwrap_or_default(), owed.as_ref(), snapshot.at),
                delays: delays.remove(&row.id).unwrap_or_default(),
                used: snapshot.shares.iter().filter_map(used).collect(),
                standing: row.standing,
                is_test: row.is_test,
                rollout: stages,
                expiry: row.expiry,
            }
        });
        let whole = &snapshot.organization;
        let world = World {
            zone: whole.time_zone.parse().unwrap_or(Tz::UTC),
            now: snapshot.at,
            cap: Cap { limit: whole.daily_limit, used_today: whole.used_today },
            campaigns: campaigns.collect(),
            numbers: numbers::numbers(&snapshot, &reach, &labels),
            pools: members(&snapshot, &places),
            default: whole.default_number.and_then(|number| places.get(&number).copied()),
            accounts: reach.accounts,
            simultaneous: reach.simultaneous,
        };
        Ok(described(world, &rows, &snapshot))
    }

    /// When a campaign will be done, by its forecast; `None`: not by itself.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn finish(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut made = self.forecast_world(organization, campaign).await?;
        let place = made.world.campaigns.iter().position(|each| each.id == campaign);
        let finish = made.foretell(FARTHEST_DAYS).finish;
        Ok(place.and_then(|place| finish.get(place).copied().flatten()))
    }

    async fn campaigns_to_forecast(
        &self,
        organization: OrganizationId,
        snapshot: &Snapshot,
        also: CampaignId,
    ) -> Result<Vec<CampaignRow>, StoreError> {
        let rows = sqlx::query!(
            r#"select c.id, c.name, c.state::text as "state!", c.priority, c.weight, c.pool_id, c.daily_limit,
                      c.starts_at, coalesce(u.reserved, 0) as "used!", c.standing is not null as "standing!",
                      c.conduct ? 'test_of' as "is_test!",
                      c.only_number_id, c.failover, c.expires_at, c.expires_after, c.started_at,
                      (select b.id from campaigns b where b.organization_id = c.organization_id
                          and b.id = c.run_after_id and b.state <> 'completed') as "follows?",
                      (select coalesce(sum(k.fresh), 0)::bigint from campaign_counts k
                        where k.organization_id = c.organization_id and k.campaign_id = c.id) as "fresh!"
                 from campaigns c
                 left join quota_usage u on u.organization_id = c.organization_id and u.scope = 'campaign'
                                        and u.scope_id = c.id and u.day = $2
                where c.organization_id = $1 and (c.state in ('active', 'scheduled', 'paused') or c.id = $3)
                order by c.priority, c.id"#,
            organization.0,
            snapshot.day,
            also.0,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let whole = |number: i32| u32::try_from(number).unwrap_or(0);
                Ok(CampaignRow {
                    id: row.id.into(),
                    name: row.name,
                    state: row
                        .state
                        .parse()
                        .map_err(|_| StoreError::Unreadable { doing: DOING, what: "campaign state" })?,
                    priority: row.priority,
                    weight: whole(row.weight),
                    pool: row.pool_id.into(),
                    cap: Cap { limit: row.daily_limit.map(whole), used_today: whole(row.used) },
                    starts_at: row.starts_at,
                    follows: row.follows.map(CampaignId),
                    fresh: u64::try_from(row.fresh).unwrap_or(0),
                    standing: row.standing,
                    is_test: row.is_test,
                    only: row.only_number_id.map(NumberId),
                    failover: row.failover.parse().unwrap_or_default(),
                    expiry: Expiry {
                        at: row.expires_at,
                        after: row.expires_after.and_then(TimeDelta::try_seconds),
                        began: row.started_at,
                    },
                })
            })
            .collect()
    }

    /// Queued work that has a due time, by step, hour and the number that it is bound to.
    async fn due_work(
        &self,
        organization: OrganizationId,
        campaigns: &[CampaignId],
        places: &HashMap<NumberId, usize>,
    ) -> Result<HashMap<CampaignId, Vec<Work>>, StoreError> {
        let ids: Vec<uuid::Uuid> = campaigns.iter().map(|campaign| campaign.0).collect();
        let rows = sqlx::query!(
            r#"select r.campaign_id, r.step, r.zone, r.bound_number_id, max(r.due_at) as "due!", count(*) as "people!"
                 from campaign_recipients r
                where r.organization_id = $1 and r.campaign_id = any ($2) and r.due_at is not null
                  and r.state = 'queued' and r.due_at < not_let_go()
                group by r.campaign_id, r.step, r.zone, r.bound_number_id, date_trunc('hour', r.due_at)
                order by 5"#,
            organization.0,
            &ids,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        let mut work: HashMap<CampaignId, Vec<Work>> = HashMap::new();
        for row in rows {
            work.entry(row.campaign_id.into()).or_default().push(Work {
                step: usize::try_from(row.step).unwrap_or(1).saturating_sub(1),
                due: Some(row.due),
                people: u64::try_from(row.people).unwrap_or(0),
                zone: row.zone.and_then(|zone| zone.parse().ok()),
                bound: row.bound_number_id.and_then(|number| places.get(&NumberId(number)).copied()),
            });
        }
        Ok(work)
    }

    /// Accounts with a cap over 24 hours, and whom they reached; and whether standing campaigns yield.
    async fn reach_to_forecast(&self, organization: OrganizationId) -> Result<Reach, StoreError> {
        let rows = sqlx::query!(
            r#"select o.allow_simultaneous, a.id as "id?", r.id as "reach?", r.rolling_cap,
                      k.until as "until?", k.people as "people?"
                 from organizations o
                 left join accounts a on a.organization_id = o.id and a.rolling_cap is not null
                 left join accounts r on r.organization_id = o.id and r.id = a.reach_id
                 left join lateral (
                      select max(k.last_at) + reach_window() as until, count(*) as people from account_recipients k
                       where k.organization_id = o.id and k.account_id = r.id
                       group by date_trunc('hour', k.last_at)) k on true
                where o.id = $1 order by a.id, k.until"#,
            organization.0,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        let mut reach = Reach::default();
        let mut reaches: Vec<uuid::Uuid> = Vec::new();
        for row in rows {
            reach.simultaneous = row.allow_simultaneous;
            let (Some(id), Some(of)) = (row.id, row.reach) else { continue };
            let whole = |number: i64| u32::try_from(number).unwrap_or(0);
            let known = reaches.iter().position(|each| *each == of);
            let place = known.unwrap_or_else(|| {
                reaches.push(of);
                let limit = whole(row.rolling_cap.unwrap_or(0).into());
                reach.accounts.push(Account { limit, reached: Vec::new() });
                reaches.len() - 1
            });
            // Accounts that share a portfolio share the people: they are counted with the first of them.
            let first = *reach.firsts.entry(place).or_insert(id);
            reach.places.insert(AccountId(id), place);
            if let (Some(until), Some(people)) = (row.until.filter(|_| first == id), row.people) {
                reach.accounts[place].reached.push((until, whole(people)));
            }
        }
        Ok(reach)
    }

    /// The labels of numbers that have one.
    async fn labels_to_forecast(
        &self,
        organization: OrganizationId,
    ) -> Result<HashMap<NumberId, String>, StoreError> {
        let rows = sqlx::query!(
            r#"select n.id, n.label as "label!" from whatsapp_numbers n
                where n.organization_id = $1 and n.label is not null"#,
            organization.0,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        Ok(rows.into_iter().map(|row| (NumberId(row.id), row.label)).collect())
    }

    async fn step_delays(
        &self,
        organization: OrganizationId,
        campaigns: &[CampaignId],
    ) -> Result<HashMap<CampaignId, Vec<TimeDelta>>, StoreError> {
        let mut delays: HashMap<CampaignId, Vec<TimeDelta>> = HashMap::new();
        for step in self.step_contents(organization, campaigns).await? {
            delays.entry(step.campaign).or_default().push(TimeDelta::seconds(step.after_seconds));
        }
        Ok(delays)
    }
}

/// All the work of a campaign: what is due at a time, who waits for nothing but their turn, and whom the open stage of its
/// rollout is still to let go.
fn work(row: &CampaignRow, mut work: Vec<Work>, owed: Option<&Owed>, now: DateTime<Utc>) -> Vec<Work> {
    work.push(Work { step: 0, due: None, people: row.fresh, zone: None, bound: None });
    // Whoever is let go where a message may come too late is due from then on (migration 0132).
    let due = row.expiry.after.map(|_| now);
    for (zone, people) in owed.into_iter().flat_map(Owed::by_clock) {
        work.push(Work { step: 0, due, people, zone, bound: None });
    }
    work
}

/// A world, and what its places are called.
fn described(world: World, rows: &[CampaignRow], snapshot: &Snapshot) -> ForecastWorld {
    ForecastWorld {
        world,
        phones: snapshot.numbers.iter().map(|view| view.number.phone.reveal().to_owned()).collect(),
        called: snapshot.numbers.iter().map(|view| view.called().into_string()).collect(),
        names: rows.iter().map(|row| row.name.clone()).collect(),
        states: rows.iter().map(|row| row.state).collect(),
        pools: snapshot.pools.iter().map(|pool| pool.name.clone()).collect(),
        pool_ids: snapshot.pools.iter().map(|pool| pool.id).collect(),
        subscription_ends: snapshot.organization.subscription_ends,
        followers: follow::of(rows),
    }
}

/// What accounts may begin, as a forecast needs it.
#[derive(Debug, Default)]
struct Reach {
    simultaneous: bool,
    accounts: Vec<Account>,
    /// The place of each account's cap.
    places: HashMap<AccountId, usize>,
    /// The account whose people were counted for a cap.
    firsts: HashMap<usize, uuid::Uuid>,
}

/// When a campaign may send. The one that is asked for is forecast as if somebody let it go on now.
fn opens(row: &CampaignRow, asked: CampaignId) -> Opens {
    match row.state {
        CampaignState::Active => Opens::Now,
        // Behind another one: as soon as it is foretold when that one is completed.
        CampaignState::Scheduled if row.follows.is_some() => Opens::Never,
        CampaignState::Scheduled => row.starts_at.map_or(Opens::Now, Opens::At),
        CampaignState::Draft | CampaignState::Paused if row.id == asked => Opens::Now,
        _ => Opens::Never,
    }
}

fn members(snapshot: &Snapshot, places: &HashMap<NumberId, usize>) -> Vec<Pool> {
    let pool = |pool: &PoolView| {
        let known = || pool.numbers.iter().filter(|number| places.contains_key(number));
        let weights = known().filter(|_| pool.strategy == Strategy::Weighted);
        Pool {
            strategy: pool.strategy,
            sticky: pool.sticky,
            weights: weights.map(|number| pool.weight_of(*number)).collect(),
            numbers: known().map(|number| places[number]).collect(),
        }
    };
    snapshot.pools.iter().map(pool).collect()
}
