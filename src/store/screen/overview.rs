//! One picture of everything that fits on a screen: nine statements, none of which reads a large table.

use super::campaigns::CampaignRead;
use super::estimate::{Room, done_at, staged};
use super::holds::{self, NumberFacts, PoolFacts, Scene};
use super::numbers::NumberRead;
use super::pools::PoolRead;
use super::rates::RateWindow;
use super::{Seat, count, many};
use crate::domain::day::next_day;
use crate::domain::ids::{AccountId, CampaignId, InstanceId, NumberId, PoolId};
use crate::domain::text::{Safe, Shown};
use crate::store::view::{AccountRow, CampaignStanding, InstanceRow, Overview, Presence, Stop};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

const DOING: &str = "read the overview";

/// The organisation, as far as a picture needs it.
struct Ground {
    scene: Scene,
    day: NaiveDate,
    stop: Option<Stop>,
    campaigns_total: u64,
    in_doubt: u64,
    alerts: u64,
    unread: u64,
    heard_at: Option<DateTime<Utc>>,
}

/// A picture, and what it takes to tell how fast things go.
#[derive(Debug, Clone)]
pub struct Picture {
    overview: Overview,
    /// Attempts since each campaign began, and what it may still send.
    work: HashMap<CampaignId, (u64, Room)>,
    zone: chrono_tz::Tz,
}

impl Picture {
    /// The picture with rates and estimates, from this and the pictures before it.
    #[must_use]
    pub fn with_rates(self, window: &mut RateWindow) -> Overview {
        let Self { mut overview, work, zone } = self;
        window
            .note(overview.at, work.iter().map(|(campaign, (attempts, _))| (*campaign, *attempts)).collect());
        let rates: Option<Vec<f64>> =
            overview.campaigns.iter().map(|campaign| window.of(campaign.id)).collect();
        if let Some(rates) = rates.filter(|rates| !rates.is_empty()) {
            overview.per_second = rates.iter().sum();
            for (campaign, rate) in overview.campaigns.iter_mut().zip(rates) {
                campaign.per_second = rate;
            }
        }
        for campaign in overview.campaigns.iter_mut().filter(|row| row.standing == CampaignStanding::Active) {
            let room = work.get(&campaign.id).map(|(_, room)| *room).unwrap_or_default();
            let remaining = campaign.counts.queued + campaign.counts.sending;
            let by_pace = done_at(remaining, campaign.per_second, room, overview.at, zone);
            campaign.done_at = match campaign.rollout.as_ref().filter(|rollout| rollout.next().is_some()) {
                None => by_pace,
                // Both bind: what the limits allow, and how long the stages last.
                Some(rollout) => by_pace.and_then(|by_pace| {
                    let staged = staged(remaining, campaign.per_second, rollout, overview.at)?;
                    Some(by_pace.max(staged))
                }),
            };
        }
        overview
    }
}

impl Store {
    /// One picture of everything. Its statements run one after the other: numbers that belong together come from one of
    /// them, so every sum holds in itself.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn picture(&self, seat: &Seat) -> Result<Picture, StoreError> {
        let begun = Instant::now();
        let ground = self.ground(seat).await?;
        let mut numbers = self.read_numbers(seat, ground.scene.at, ground.day, None).await?;
        let mut campaigns = self.read_campaigns(seat, ground.day, None).await?;
        let pools = self.read_pools(seat, None).await?;
        let instances = self.instances(seat).await?;
        let accounts = self.account_rows(seat).await?;
        let took = begun.elapsed();

        mark_work(&mut numbers, &campaigns, &pools);
        for number in &mut numbers {
            number.row.hold = holds::binding_number(&ground.scene, &number.facts)
                .map(|hold| holds::shown(&hold, seat.zone));
        }
        let facts: HashMap<NumberId, NumberFacts> =
            numbers.iter().map(|number| (number.row.id, number.facts.clone())).collect();
        let pool_rows = pools.iter().map(PoolRead::row).collect();
        let pools: HashMap<PoolId, (PoolFacts, Room)> = pools
            .iter()
            .map(|pool| (pool.id, (pool.facts(&ground.scene, &facts), pool.room(&facts))))
            .collect();
        let mut work = HashMap::new();
        for campaign in &mut campaigns {
            let Some((pool, room)) = pools.get(&campaign.pool) else { continue };
            campaign.row.hold = holds::binding_campaign(&ground.scene, &campaign.facts, pool)
                .map(|hold| holds::shown(&hold, seat.zone));
            work.insert(campaign.row.id, (campaign.attempts, campaign.room(&ground.scene, *room)));
        }
        let overview = Overview {
            at: ground.scene.at,
            took,
            campaigns_total: ground.campaigns_total,
            operators: presences(seat, &instances),
            leases: numbers.iter().filter_map(|number| number.lease.clone()).collect(),
            instances,
            accounts,
            pools: pool_rows,
            stop: ground.stop,
            per_second: f64::from(numbers.iter().map(|number| number.row.last_minute).sum::<u32>()) / 60.0,
            queued: campaigns
                .iter()
                .filter(|campaign| campaign.row.standing == CampaignStanding::Active)
                .map(|campaign| campaign.row.counts.queued)
                .sum(),
            in_air: campaigns.iter().map(|campaign| campaign.row.in_air).sum(),
            in_doubt: ground.in_doubt,
            alerts: ground.alerts,
            unread: ground.unread,
            heard_at: ground.heard_at,
            capacity: capacity(&numbers),
            numbers: numbers.into_iter().map(|number| number.row).collect(),
            campaigns: campaigns.into_iter().map(|campaign| campaign.row).collect(),
        };
        Ok(Picture { overview, work, zone: seat.zone })
    }

    /// What bears on everything, and the organisation's day.
    pub(super) async fn scene(&self, seat: &Seat) -> Result<(Scene, NaiveDate), StoreError> {
        let ground = self.ground(seat).await?;
        Ok((ground.scene, ground.day))
    }

    async fn ground(&self, seat: &Seat) -> Result<Ground, StoreError> {
        let row = sqlx::query!(
            r#"select o.daily_limit, o.subscription_ends_at, o.stopped_at, o.stopped_by, o.stopped_reason,
                      coalesce(u.reserved, 0) as "used!", t.at as "at!", t.day as "day!",
                      (select count(*) from instances i where i.organization_id = o.id and i.closed_at is null
                          and i.kind <> 'watch' and i.seen_at > t.at - interval '15 seconds') as "senders!",
                      (select count(*) from campaigns c where c.organization_id = o.id) as "campaigns!",
                      (select count(*) from (select from attempts a where a.organization_id = o.id
                                                and a.in_doubt_since is not null limit 10001) d) as "in_doubt!",
                      (select count(*) from (select from conversations c where c.organization_id = o.id
                                                and c.unread > 0 limit 10001) c) as "unread!",
                      (select count(*) from (select from alerts a where a.organization_id = o.id
                                                and a.acknowledged_at is null and a.severity <> 'info' limit 10001) a)
                          as "alerts!",
                      (select c.last_at from conversations c where c.organization_id = o.id and c.unread > 0
                        order by c.last_at desc, c.id desc limit 1) as heard_at
                 from organizations o
                cross join lateral (select clock_timestamp() as at,
                                           (clock_timestamp() at time zone o.time_zone)::date as day) t
                 left join quota_usage u on u.organization_id = o.id and u.scope = 'organization'
                                        and u.scope_id = o.id and u.day = t.day
                where o.id = $1"#,
            seat.organization.0,
        )
        .fetch_one(self.screen())
        .await
        .map_err(failed(DOING))?;
        let stop = match (row.stopped_at, row.stopped_by, row.stopped_reason) {
            (Some(since), Some(by), Some(reason)) => {
                Some(Stop { by: by.into(), since, reason: reason.into() })
            }
            _ => None,
        };
        Ok(Ground {
            scene: Scene {
                at: row.at,
                midnight: next_day(row.at, seat.zone),
                zone: seat.zone,
                stopped_by: stop.as_ref().map(|stop| stop.by.clone()),
                subscription_ends: row.subscription_ends_at,
                senders: u32::try_from(row.senders).unwrap_or(0),
                daily_limit: row.daily_limit.map(count),
                used_today: count(row.used),
            },
            day: row.day,
            stop,
            campaigns_total: many(row.campaigns),
            in_doubt: many(row.in_doubt),
            alerts: many(row.alerts),
            unread: many(row.unread),
            heard_at: row.heard_at,
        })
    }

    async fn instances(&self, seat: &Seat) -> Result<Vec<InstanceRow>, StoreError> {
        let rows = sqlx::query!(
            "select id, operator, host, pid, version, kind, started_at, seen_at, in_flight, phase from instances
              where organization_id = $1 and closed_at is null order by started_at limit 500",
            seat.organization.0,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .map(|row| InstanceRow {
                id: InstanceId(row.id),
                host: Safe::new(&format!("{}/{}", row.host, row.pid)),
                operator: row.operator.into(),
                version: row.version.into(),
                started_at: row.started_at,
                seen_at: row.seen_at,
                sends: row.kind != "watch",
                in_air: count(row.in_flight),
                phase: row.phase.into(),
            })
            .collect())
    }

    async fn account_rows(&self, seat: &Seat) -> Result<Vec<AccountRow>, StoreError> {
        let rows = sqlx::query!(
            r#"select id, name, provider::text as "provider!" from accounts
                where organization_id = $1 order by name limit 500"#,
            seat.organization.0,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                Ok(AccountRow {
                    id: AccountId(row.id),
                    name: Shown::new(&row.name),
                    provider: row
                        .provider
                        .parse()
                        .map_err(|_| StoreError::Unreadable { doing: DOING, what: "provider" })?,
                })
            })
            .collect()
    }
}

/// Notes which numbers a campaign that runs has something for.
fn mark_work(numbers: &mut [NumberRead], campaigns: &[CampaignRead], pools: &[PoolRead]) {
    let at_work: HashSet<PoolId> = campaigns
        .iter()
        .filter(|campaign| {
            campaign.row.standing == CampaignStanding::Active && campaign.row.counts.queued > 0
        })
        .map(|campaign| campaign.pool)
        .collect();
    let busy: HashSet<NumberId> = pools
        .iter()
        .filter(|pool| at_work.contains(&pool.id))
        .flat_map(|pool| pool.numbers.iter().copied())
        .collect();
    for number in numbers {
        number.facts.has_work = busy.contains(&number.row.id);
    }
}

/// The other people who are here.
fn presences(seat: &Seat, instances: &[InstanceRow]) -> Vec<Presence> {
    let mine = instances.iter().find(|row| Some(row.id) == seat.instance).map(|row| &row.operator);
    let mine = mine.unwrap_or(&seat.role_name);
    let mut names: Vec<&Safe> =
        instances.iter().map(|row| &row.operator).filter(|operator| *operator != mine).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|operator| Presence { operator: operator.clone(), viewing: None }).collect()
}

/// What may still be sent today through numbers in service that have a limit, and the sum of those limits.
fn capacity(numbers: &[NumberRead]) -> Option<(u64, u64)> {
    numbers
        .iter()
        .filter(|number| number.row.standing.is_in_service())
        .filter_map(|number| {
            let limit = number.row.limit_today?;
            Some((u64::from(limit.saturating_sub(number.row.used_today)), u64::from(limit)))
        })
        .reduce(|one, other| (one.0 + other.0, one.1 + other.1))
}
