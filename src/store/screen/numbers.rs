//! Sending numbers: the list, and everything about one.

use super::holds::{self, NumberFacts, Scene};
use super::{ReadError, Seat, count, health, many, milliseconds, phone};
use crate::domain::action::Version;
use crate::domain::hold::{self, GateName};
use crate::domain::ids::{InstanceId, NumberId};
use crate::domain::money::Money;
use crate::domain::number::{Pacing, Remarks, Setup};
use crate::domain::pacing;
use crate::domain::pulse::Pulse;
use crate::domain::ratio::Ratios;
use crate::domain::text::{Safe, Shown};
use crate::store::today::{Pace, Today, Told, room};
use crate::store::view::{LeaseRow, NumberDetail, NumberRow, NumberStanding, OVERVIEW_ROWS};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;
use uuid::Uuid;

const DOING: &str = "read the numbers";
/// Minutes of the chart.
const CHART_MINUTES: usize = 30;

/// Gates that a number is asked.
const GATES: [GateName; 8] = [
    GateName::Switch,
    GateName::Sender,
    GateName::Number,
    GateName::Lease,
    GateName::OrganizationCap,
    GateName::AccountCap,
    GateName::NumberCap,
    GateName::Pace,
];

/// One number as it was read.
pub(super) struct NumberRead {
    pub row: NumberRow,
    pub facts: NumberFacts,
    pub lease: Option<LeaseRow>,
    pub notes: Shown,
}

/// What the latest attempts say about a number.
#[derive(Debug, Clone, Default)]
struct Latest {
    in_air: u32,
    last_error: Option<Safe>,
}

impl Store {
    /// All numbers, or one, by priority. Holds are not filled in.
    pub(super) async fn read_numbers(
        &self,
        seat: &Seat,
        at: DateTime<Utc>,
        day: NaiveDate,
        only: Option<NumberId>,
    ) -> Result<Vec<NumberRead>, StoreError> {
        let latest = self.latest_by_number(seat, at).await?;
        let rows = self.number_columns(seat, at, day, only).await?;
        rows.into_iter()
            .map(|row| {
                let latest = latest.get(&NumberId(row.id)).cloned().unwrap_or_default();
                row.read(at, day, latest)
            })
            .collect()
    }

    async fn number_columns(
        &self,
        seat: &Seat,
        at: DateTime<Utc>,
        day: NaiveDate,
        only: Option<NumberId>,
    ) -> Result<Vec<Columns>, StoreError> {
        let rows = sqlx::query_as!(
            Columns,
            r#"select n.id, n.phone::text as "phone!", n.display_name, n.notes, n.priority, n.daily_limit, n.interval_ms,
                      n.per_second, n.in_flight, n.is_active, n.suspended_at, n.suspension_reason, n.suspended_until,
                      n.suspended_by, n.limited_until, n.limited_reason, n.revision, n.slowed_reason, n.label,
                      n.monthly_cost, n.cost_currency, n.approval, n.instance_id, n.warm_up_started_at, n.reply_share,
                      n.sends_canaries,
                      v.state as pulse, v.tried, v.failed, v.blocked, v.failed_warned_at is not null as "failed_on!",
                      v.blocked_warned_at is not null as "blocked_on!",
                      a.name as account_name, a.provider::text as "provider!",
                      nullif(p.next_send_at, '-infinity') as next_send_at, coalesce(u.reserved, 0) as "used!",
                      held_back(n.organization_id, n.id, w.limit_today, n.reply_share, $2) as "held_back!",
                      case when l.expires_at > clock_timestamp() then l.holder end as holder,
                      case when l.expires_at > clock_timestamp() then l.unusable end as unusable,
                      l.epoch as "epoch!", nullif(l.renewed_at, '-infinity') as renewed_at,
                      nullif(l.expires_at, '-infinity') as expires_at, i.host as "host?",
                      coalesce(y.this_minute, 0) as "this_minute!", coalesce(y.last_minute, 0) as "last_minute!",
                      coalesce(y.errors, 0) as "errors!", coalesce(y.all_of_them, 0) as "all_of_them!",
                      (n.warm_up_started_at at time zone o.time_zone)::date as warm_up_day, o.warm_up,
                      a.rolling_cap, a.reach_id, s.used as "account_used?", s.opens as "account_opens?", h.quality,
                      h.state as health, number_percent(pace_percent(t.percent, t.rest_until, clock_timestamp()), h.quality, h.state,
                                                         n.slowed_since is not null) as "percent!",
                      case when full_pace_at(t.percent, t.rest_until) > clock_timestamp() then t.reason end as throttled,
                      full_pace_at(t.percent, t.rest_until) as full_pace_at, p.queue_limit, p.queued
                 from whatsapp_numbers n
                 join organizations o on o.id = n.organization_id
                cross join lateral (select limit_of_day(n.daily_limit, o.warm_up,
                     (n.warm_up_started_at at time zone o.time_zone)::date, $2) as limit_today) w
                 join number_health h on h.organization_id = n.organization_id and h.number_id = n.id
                 left join number_throttles t on t.organization_id = n.organization_id and t.number_id = n.id
                 join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
                 join number_pacing p on p.organization_id = n.organization_id and p.number_id = n.id
                 join number_vitals v on v.organization_id = n.organization_id and v.number_id = n.id
                 join number_leases l on l.organization_id = n.organization_id and l.number_id = n.id
                 left join instances i on i.organization_id = l.organization_id and i.id = l.holder
                 left join lateral account_standing(a.organization_id, a.reach_id, a.rolling_cap, $3) s on a.rolling_cap is not null
                 left join quota_usage u on u.organization_id = n.organization_id and u.scope = 'number'
                                        and u.scope_id = n.id and u.day = $2
                 left join (
                     select y.number_id,
                            sum(y.accepted) filter (where y.minute = date_trunc('minute', $3::timestamptz)) as this_minute,
                            sum(y.accepted) filter (
                                where y.minute = date_trunc('minute', $3) - interval '1 minute') as last_minute,
                            sum(y.rejected + y.not_sent) as errors,
                            sum(y.accepted + y.rejected + y.not_sent + y.in_doubt) as all_of_them
                       from number_activity y
                      where y.organization_id = $1 and y.minute > $3 - interval '5 minutes'
                        and ($4::uuid is null or y.number_id = $4)
                      group by y.number_id) y on y.number_id = n.id
                where n.organization_id = $1 and ($4::uuid is null or n.id = $4) and n.retired_at is null
                order by n.priority, n.phone limit 2000"#,
            seat.organization.0,
            day,
            at,
            only.map(|number| number.0),
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        debug_assert!(rows.len() <= OVERVIEW_ROWS, "the limit in the statement is the limit of the view");
        Ok(rows)
    }

    /// What the last 5,000 attempts of the last five minutes say: an index walk that ends there. More than that is not
    /// on the wire at once, and an error that old is not the last one.
    async fn latest_by_number(
        &self,
        seat: &Seat,
        at: DateTime<Utc>,
    ) -> Result<HashMap<NumberId, Latest>, StoreError> {
        let since = super::first_id_at(at - chrono::Duration::minutes(5));
        let rows = sqlx::query!(
            r#"select l.number_id, count(*) filter (where l.state = 'sending') as "in_air!",
                      (array_agg(coalesce(l.code, l.class) order by l.id desc)
                          filter (where l.class is not null))[1] as last_error
                 from (select a.number_id, a.id, a.state, a.code, a.class from attempts a
                        where a.organization_id = $1 and a.id > $2 order by a.id desc limit 5000) l
                group by l.number_id"#,
            seat.organization.0,
            since,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let latest = Latest {
                    in_air: short(row.in_air),
                    last_error: row.last_error.map(|error| Safe::cut(&error, 24)),
                };
                (NumberId(row.number_id), latest)
            })
            .collect())
    }

    /// Everything about one number.
    ///
    /// # Errors
    /// When it does not exist, or the database is away or refuses.
    pub async fn number_detail(&self, seat: &Seat, id: NumberId) -> Result<NumberDetail, ReadError> {
        let (scene, day) = self.scene(seat).await?;
        let read = self.read_numbers(seat, scene.at, day, Some(id)).await?;
        let mut read = read.into_iter().next().ok_or(ReadError::Gone("number"))?;
        let work = self.work_of(seat, id).await?;
        read.facts.has_work = work.is_wanted;
        let mut log = self.log_of(seat, id.0).await?;
        log.extend(self.switches_of(seat, id.0).await?);
        log.extend(self.news_of(seat, id).await?);
        log.sort_by_key(|line| std::cmp::Reverse(line.at));
        Ok(NumberDetail {
            id,
            gates: gates_of(&scene, &read),
            notes: read.notes,
            pools: work.pools,
            health: self.health_of(seat, id).await?,
            vitals: self.vitals_of(seat, id).await?,
            queued: work.queued,
            per_minute: self.chart_of(seat, id, scene.at).await?,
            log,
        })
    }

    async fn work_of(&self, seat: &Seat, id: NumberId) -> Result<Work, StoreError> {
        let row = sqlx::query!(
            r#"select array(select p.name from pools p join pool_numbers m on m.organization_id = p.organization_id
                                                                          and m.pool_id = p.id
                             where p.organization_id = $1 and m.number_id = $2 order by p.name) as "pools!",
                      exists (select from campaigns c
                                join pool_numbers m on m.organization_id = c.organization_id and m.pool_id = c.pool_id
                               where c.organization_id = $1 and c.state = 'active' and m.number_id = $2
                                 and (select sum(k.queued) from campaign_counts k
                                       where k.organization_id = $1 and k.campaign_id = c.id) > 0) as "is_wanted!",
                      (select coalesce(sum(b.waiting), 0)::bigint
                         from campaigns c
                        cross join lateral (select count(*) as waiting from (
                             select from campaign_recipients r
                              where r.organization_id = c.organization_id and r.campaign_id = c.id
                                and r.bound_number_id = $2 and r.due_at <= clock_timestamp()
                              limit 10001) w) b
                        where c.organization_id = $1 and c.state in ('active', 'paused')) as "queued!""#,
            seat.organization.0,
            id.0,
        )
        .fetch_one(&self.walk)
        .await
        .map_err(failed(DOING))?;
        Ok(Work {
            pools: row.pools.iter().map(|name| Shown::new(name)).collect(),
            is_wanted: row.is_wanted,
            queued: many(row.queued),
        })
    }

    async fn chart_of(&self, seat: &Seat, id: NumberId, at: DateTime<Utc>) -> Result<Vec<u32>, StoreError> {
        let rows = sqlx::query!(
            "select minute, accepted from number_activity
              where organization_id = $1 and number_id = $2 and minute > $3::timestamptz - interval '30 minutes'",
            seat.organization.0,
            id.0,
            at,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        let mut chart = vec![0; CHART_MINUTES];
        let now = at.timestamp().div_euclid(60);
        for row in rows {
            let back = usize::try_from(now - row.minute.timestamp().div_euclid(60)).ok();
            if let Some(slot) = back.and_then(|back| CHART_MINUTES.checked_sub(back + 1)) {
                chart[slot] = count(row.accepted);
            }
        }
        Ok(chart)
    }

    /// What numbers are called.
    pub(super) async fn number_names(&self, seat: &Seat, ids: &[Uuid]) -> Result<Vec<Shown>, StoreError> {
        let rows = sqlx::query!(
            r#"select display_name, phone::text as "phone!" from whatsapp_numbers
                where organization_id = $1 and id = any ($2) order by priority, phone"#,
            seat.organization.0,
            ids,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(rows.iter().map(|row| super::number_name(&row.display_name, &row.phone)).collect())
    }
}

/// A number as its tables have it.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
struct Columns {
    id: Uuid,
    phone: String,
    display_name: String,
    notes: String,
    priority: i32,
    daily_limit: Option<i32>,
    interval_ms: i32,
    per_second: i32,
    in_flight: i32,
    is_active: bool,
    suspended_at: Option<DateTime<Utc>>,
    suspension_reason: Option<String>,
    suspended_until: Option<DateTime<Utc>>,
    suspended_by: Option<String>,
    limited_until: Option<DateTime<Utc>>,
    limited_reason: Option<String>,
    revision: i64,
    slowed_reason: Option<String>,
    label: Option<String>,
    monthly_cost: Option<i64>,
    cost_currency: Option<String>,
    approval: Option<String>,
    instance_id: String,
    warm_up_started_at: Option<DateTime<Utc>>,
    reply_share: i32,
    sends_canaries: bool,
    pulse: String,
    tried: i32,
    failed: i32,
    blocked: i32,
    failed_on: bool,
    blocked_on: bool,
    account_name: String,
    provider: String,
    next_send_at: Option<DateTime<Utc>>,
    used: i32,
    held_back: i32,
    holder: Option<Uuid>,
    unusable: Option<String>,
    epoch: i64,
    renewed_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    host: Option<String>,
    this_minute: i64,
    last_minute: i64,
    errors: i64,
    all_of_them: i64,
    warm_up_day: Option<NaiveDate>,
    warm_up: Vec<i32>,
    rolling_cap: Option<i32>,
    reach_id: Uuid,
    account_used: Option<i32>,
    account_opens: Option<DateTime<Utc>>,
    quality: Option<String>,
    health: Option<String>,
    percent: i32,
    throttled: Option<String>,
    full_pace_at: Option<DateTime<Utc>>,
    queue_limit: Option<i32>,
    queued: Option<i32>,
}

impl Columns {
    fn warns(&self) -> Option<Safe> {
        let ratios =
            Ratios { tried: count(self.tried), failed: count(self.failed), blocked: count(self.blocked) };
        health::warning(ratios, self.failed_on, self.blocked_on)
    }

    fn pacing(&self) -> Pacing {
        Pacing {
            interval: milliseconds(self.interval_ms),
            per_second: count(self.per_second),
            in_flight: count(self.in_flight),
        }
    }

    fn told(&self) -> Told<'_> {
        Told {
            limit: self.daily_limit,
            ladder: &self.warm_up,
            began: self.warm_up_day,
            pace: Pace {
                percent: self.percent,
                silent: self.slowed_reason.as_deref(),
                throttled: self.throttled.as_deref(),
                full_pace_at: self.full_pace_at,
                quality: self.quality.as_deref(),
                health: self.health.as_deref(),
            },
        }
    }

    fn remarks(&self) -> Remarks {
        Remarks {
            notes: self.notes.clone(),
            label: self.label.clone(),
            monthly_cost: Money::of(self.monthly_cost, self.cost_currency.as_deref()),
            approval: self.approval.as_deref().and_then(|word| word.parse().ok()),
        }
    }

    fn lease(&self, at: DateTime<Utc>) -> Option<LeaseRow> {
        Some(LeaseRow {
            number: NumberId(self.id),
            instance: InstanceId(self.holder?),
            epoch: self.epoch,
            renewed_at: self.renewed_at.unwrap_or(at),
            expires_at: self.expires_at.unwrap_or(at),
        })
    }

    fn setup(&self) -> Setup {
        Setup {
            sender_id: self.instance_id.clone(),
            warm_up: self.warm_up_started_at,
            reply_share: count(self.reply_share),
            queue: self.queue_limit.map(count),
            canaries: self.sends_canaries,
        }
    }

    fn read(self, at: DateTime<Utc>, day: NaiveDate, latest: Latest) -> Result<NumberRead, StoreError> {
        let (id, warns, remarks, setup) = (NumberId(self.id), self.warns(), self.remarks(), self.setup());
        let (today, pacing, leased) = (Today::of(&self.told(), day), self.pacing(), self.holder.is_some());
        let lease = self.lease(at);
        let standing = standing(
            self.is_active,
            (self.suspended_at, self.suspension_reason, self.suspended_until, self.suspended_by),
            (self.limited_until, self.limited_reason),
            at,
        );
        let facts = NumberFacts {
            number: id,
            priority: pacing::place(self.priority, today.quality),
            standing: standing.clone(),
            // What replies may use of it is not the campaigns'.
            daily_limit: today.limit.map(|limit| limit.saturating_sub(count(self.held_back))),
            warm_up: today.rung.map(|rung| rung.day),
            account: room(self.rolling_cap, self.account_used, self.account_opens),
            counted_by: self.reach_id.into(),
            used_today: count(self.used),
            next_send_at: self.next_send_at,
            queue: self.queue_limit.map(count).zip(self.queued.map(count)),
            leased,
            unusable: self.unusable,
            has_work: false,
        };
        let unreadable = |_| StoreError::Unreadable { doing: DOING, what: "provider" };
        let row = NumberRow {
            id,
            version: Version(self.revision),
            phone: phone(DOING, &self.phone)?,
            name: Shown::new(&self.display_name),
            remarks,
            setup,
            account: Shown::new(&self.account_name),
            provider: self.provider.parse().map_err(unreadable)?,
            priority: self.priority,
            standing,
            pulse: self.pulse.parse().unwrap_or(Pulse::Unknown),
            warns,
            hold: None,
            daily_limit: self.daily_limit.map(count),
            limit_today: today.limit,
            warm_up: facts.warm_up,
            account_room: facts.account,
            used_today: facts.used_today,
            slowed: today.slowed,
            pacing,
            last_minute: last_minute(self.this_minute, self.last_minute, at),
            errors: (short(self.errors), short(self.all_of_them)),
            last_error: latest.last_error,
            in_air: latest.in_air,
            holder: self.host.filter(|_| leased).map(Safe::from),
        };
        Ok(NumberRead { row, facts, lease, notes: Shown::new(&self.notes) })
    }
}

fn short(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

struct Work {
    pools: Vec<Shown>,
    is_wanted: bool,
    queued: u64,
}

fn gates_of(scene: &Scene, read: &NumberRead) -> Vec<crate::store::view::Gate> {
    let mut known = vec![
        hold::room(GateName::OrganizationCap, scene.daily_limit, scene.used_today),
        hold::account_room(read.row.account_room),
        hold::number_room(read.row.limit_today, read.row.used_today, read.row.warm_up),
    ];
    if let Some(slowed) = &read.row.slowed {
        known.push((GateName::Pace, slowed.sentence(scene.zone)));
    }
    if let Some(holder) = &read.row.holder {
        known.push((GateName::Lease, format!("held by {holder}")));
    }
    holds::gates(&GATES, &holds::of_number(scene, &read.facts), &known, scene.zone)
}

type SuspensionColumns = (Option<DateTime<Utc>>, Option<String>, Option<DateTime<Utc>>, Option<String>);

/// What a number may do at `at`, by the columns that say so. Suspensions and rests end by themselves.
fn standing(
    is_active: bool,
    (suspended_at, reason, suspended_until, by): SuspensionColumns,
    (limited_until, limited_reason): (Option<DateTime<Utc>>, Option<String>),
    at: DateTime<Utc>,
) -> NumberStanding {
    if !is_active {
        return NumberStanding::Disabled;
    }
    let lasts = suspended_until.is_none_or(|until| until > at);
    if let (true, Some(since), Some(reason), Some(by)) = (lasts, suspended_at, reason, by) {
        return NumberStanding::Suspended {
            reason: reason.into(),
            since,
            until: suspended_until,
            by: by.into(),
        };
    }
    match limited_until.filter(|until| *until > at).zip(limited_reason) {
        Some((until, reason)) => NumberStanding::Limited { until, reason: reason.into() },
        None => NumberStanding::Active,
    }
}

/// Accepted in the last sixty seconds: this minute so far, and the part of the last one that is not older.
fn last_minute(this: i64, last: i64, at: DateTime<Utc>) -> u32 {
    let left = 60 - at.timestamp().rem_euclid(60);
    let sum = this.max(0) + last.max(0) * left / 60;
    short(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspension_ends_by_itself_and_a_rest_too() {
        let at = DateTime::UNIX_EPOCH + chrono::Duration::days(20_000);
        let (past, future) = (at - chrono::Duration::seconds(1), at + chrono::Duration::seconds(1));
        let suspended = |until| (Some(past), Some("why".to_owned()), until, Some("ana".to_owned()));
        let rests = |until| (Some(until), Some("throttled".to_owned()));
        let none = || (None, None, None, None);
        let cases = [
            (false, suspended(None), (None, None), "disabled"),
            (true, suspended(None), rests(future), "suspended"),
            (true, suspended(Some(future)), (None, None), "suspended"),
            (true, suspended(Some(past)), (None, None), "active"),
            (true, suspended(Some(past)), rests(future), "limited"),
            (true, none(), rests(past), "active"),
        ];
        for (is_active, suspension, rest, expected) in cases {
            assert_eq!(standing(is_active, suspension, rest, at).name(), expected);
        }
    }

    #[test]
    fn the_last_minute_slides() {
        let at = |second: i64| DateTime::UNIX_EPOCH + chrono::Duration::seconds(600 + second);
        assert_eq!(last_minute(0, 60, at(0)), 60);
        assert_eq!(last_minute(30, 60, at(30)), 60);
        assert_eq!(last_minute(59, 60, at(59)), 60);
    }
}
