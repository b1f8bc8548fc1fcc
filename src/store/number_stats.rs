//! How numbers did over days: what they sent, what became of it, how often they were taken out of service, how their tests
//! went, how long deliveries took. And what the week suggests for their order.

use super::{Store, StoreError, failed};
use crate::domain::{
    ids::{NumberId, OrganizationId},
    phone::Phone,
    review::{self, Advice, Trend, Week},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::HashMap;

const DOING: &str = "read how the numbers did";
/// Tries that delivery times are read from: the latest.
const LATEST: i32 = 50_000;
/// Days of a review.
const WEEK: i32 = 7;

/// A day of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatDay {
    /// In the organisation's zone.
    pub day: NaiveDate,
    /// Messages charged to it.
    pub sent: i64,
    /// Taken by the provider.
    pub accepted: i64,
    /// Of those, delivered in time.
    pub delivered: i64,
    /// Refused for good, or not delivered after all.
    pub failed: i64,
    /// People who blocked it or want no more.
    pub blocked: i64,
}

/// How long deliveries took, in seconds from when the provider took the message.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DeliveryTimes {
    /// Messages that this is read from.
    pub messages: i64,
    /// Half of them were there within this.
    pub p50: f64,
    /// Nine in ten.
    pub p90: f64,
    /// 99 in a hundred.
    pub p99: f64,
}

/// How a number did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberStats {
    /// Its id.
    pub id: NumberId,
    /// In E.164 form.
    pub phone: String,
    /// What operators call it.
    pub name: String,
    /// Its account.
    pub account: String,
    /// Lower goes first.
    pub priority: i32,
    /// When it was removed; none: it is in use.
    pub removed_at: Option<DateTime<Utc>>,
    /// By whom.
    pub removed_by: Option<String>,
    /// The days that something was sent on, oldest first.
    pub days: Vec<StatDay>,
    /// How often it was taken out of service.
    pub switches: i64,
    /// How often it was out of service: those, and what had begun before and lasted on.
    pub outages: i64,
    /// For how many seconds of these days in all.
    pub seconds_out: f64,
    /// Why.
    pub causes: String,
    /// How often it was tested.
    pub tests: i64,
    /// How often it was found able to send.
    pub tests_passed: i64,
    /// How long deliveries took; none: no delivery was reported.
    pub delivery: Option<DeliveryTimes>,
    /// The last seven days.
    pub week: Week,
    /// The seven before.
    pub week_before: Week,
    /// How one was beside the other.
    pub trend: Trend,
    /// What that suggests for its place.
    pub advice: Advice,
}

#[derive(Debug, Default)]
struct Switches {
    count: i64,
    outages: i64,
    seconds_out: f64,
    causes: String,
}

/// A number's row.
struct Named {
    id: uuid::Uuid,
    phone: String,
    name: String,
    account: String,
    priority: i32,
    removed_at: Option<DateTime<Utc>>,
    removed_by: Option<String>,
}

/// What is known of all numbers, by number.
struct Known {
    today: NaiveDate,
    first_day: NaiveDate,
    days: HashMap<NumberId, Vec<StatDay>>,
    switches: HashMap<NumberId, Switches>,
    weekly: HashMap<(NumberId, bool), u64>,
    tests: HashMap<NumberId, (i64, i64)>,
    times: HashMap<NumberId, DeliveryTimes>,
}

impl Known {
    fn of(&mut self, row: Named) -> NumberStats {
        let id = NumberId(row.id);
        let all = self.days.remove(&id).unwrap_or_default();
        let mut week = |earlier: bool| Week {
            suspensions: self.weekly.remove(&(id, earlier)).unwrap_or(0),
            ..week_of(&all, self.today, earlier)
        };
        let (week, week_before) = (week(false), week(true));
        let out = self.switches.remove(&id).unwrap_or_default();
        let (tests, tests_passed) = self.tests.get(&id).copied().unwrap_or_default();
        NumberStats {
            id,
            phone: row.phone,
            name: row.name,
            account: row.account,
            priority: row.priority,
            removed_at: row.removed_at,
            removed_by: row.removed_by,
            days: all.into_iter().filter(|day| day.day >= self.first_day).collect(),
            switches: out.count,
            outages: out.outages,
            seconds_out: out.seconds_out,
            causes: out.causes,
            tests,
            tests_passed,
            delivery: self.times.get(&id).copied(),
            trend: review::trend(&week_before, &week),
            advice: Advice::Keep,
            week,
            week_before,
        }
    }
}

impl NumberStats {
    /// It sent something in these days, or something became of what it had sent.
    #[must_use]
    pub fn took_part(&self) -> bool {
        self.days.iter().any(|day| day.sent + day.accepted + day.delivered + day.failed + day.blocked > 0)
    }
}

impl Store {
    /// How all numbers did in the last `days` days, by priority; behind them those that were removed and took part. Or how the
    /// number of this phone did, removed or not.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn number_stats(
        &self,
        organization: OrganizationId,
        days: i32,
        phone: Option<&Phone>,
    ) -> Result<Vec<NumberStats>, StoreError> {
        let today = self.today_of(organization).await?;
        // The review needs two weeks, whatever is asked for.
        let spanned = days.max(2 * WEEK);
        let mut known = Known {
            today,
            first_day: today - chrono::Days::new(u64::try_from(days - 1).unwrap_or(0)),
            days: self.stat_days(organization, spanned).await?,
            switches: self.switches(organization, days).await?,
            weekly: self.weekly_switches(organization).await?,
            tests: self.tests(organization, days).await?,
            times: self.delivery_times(organization, days).await?,
        };
        let rows = sqlx::query_as!(
            Named,
            r#"select n.id, n.phone::text as "phone!", n.display_name as name, a.name as account, n.priority,
                      n.retired_at as removed_at, n.retired_by as removed_by
                 from whatsapp_numbers n
                 join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
                where n.organization_id = $1
                order by n.retired_at is not null, n.priority, n.phone"#,
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let mut stats: Vec<NumberStats> = rows.into_iter().map(|row| known.of(row)).collect();
        advise(&mut stats);
        stats.retain(|number| match phone {
            Some(phone) => number.phone == phone.reveal(),
            None => number.removed_at.is_none() || number.took_part(),
        });
        Ok(stats)
    }

    async fn today_of(&self, organization: OrganizationId) -> Result<NaiveDate, StoreError> {
        sqlx::query_scalar!(
            r#"select (clock_timestamp() at time zone time_zone)::date as "today!" from organizations where id = $1"#,
            organization.0,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed(DOING))
    }

    async fn stat_days(
        &self,
        organization: OrganizationId,
        days: i32,
    ) -> Result<HashMap<NumberId, Vec<StatDay>>, StoreError> {
        let rows = sqlx::query!(
            r#"select number_id as "number_id!", day as "day!", sent as "sent!", accepted as "accepted!",
                      delivered as "delivered!", undelivered + refused as "failed!", blocked as "blocked!"
                 from number_days($1, $2)"#,
            organization.0,
            days,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let mut by_number: HashMap<NumberId, Vec<StatDay>> = HashMap::new();
        for row in rows {
            by_number.entry(NumberId(row.number_id)).or_default().push(StatDay {
                day: row.day,
                sent: row.sent,
                accepted: row.accepted,
                delivered: row.delivered,
                failed: row.failed,
                blocked: row.blocked,
            });
        }
        Ok(by_number)
    }

    async fn switches(
        &self,
        organization: OrganizationId,
        days: i32,
    ) -> Result<HashMap<NumberId, Switches>, StoreError> {
        let rows = sqlx::query!(
            r#"select number_id as "number_id!", switches as "switches!", outages as "outages!",
                      seconds_out as "seconds_out!", causes as "causes!"
                 from number_switches($1, $2) where not is_earlier"#,
            organization.0,
            days,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let read = rows.into_iter().map(|row| {
            let switches = Switches {
                count: row.switches,
                outages: row.outages,
                seconds_out: row.seconds_out,
                causes: row.causes,
            };
            (NumberId(row.number_id), switches)
        });
        Ok(read.collect())
    }

    async fn weekly_switches(
        &self,
        organization: OrganizationId,
    ) -> Result<HashMap<(NumberId, bool), u64>, StoreError> {
        let rows = sqlx::query!(
            r#"select number_id as "number_id!", is_earlier as "is_earlier!", switches as "switches!"
                 from number_switches($1, $2)"#,
            organization.0,
            WEEK,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let count = |switches: i64| u64::try_from(switches).unwrap_or(0);
        let read =
            rows.into_iter().map(|row| ((NumberId(row.number_id), row.is_earlier), count(row.switches)));
        Ok(read.collect())
    }

    async fn tests(
        &self,
        organization: OrganizationId,
        days: i32,
    ) -> Result<HashMap<NumberId, (i64, i64)>, StoreError> {
        let rows = sqlx::query!(
            r#"select number_id as "number_id!", tests as "tests!", passed as "passed!" from number_tests($1, $2)"#,
            organization.0,
            days,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        Ok(rows.into_iter().map(|row| (NumberId(row.number_id), (row.tests, row.passed))).collect())
    }

    async fn delivery_times(
        &self,
        organization: OrganizationId,
        days: i32,
    ) -> Result<HashMap<NumberId, DeliveryTimes>, StoreError> {
        let rows = sqlx::query!(
            r#"select number_id as "number_id!", messages as "messages!", half as "p50!", most as "p90!",
                      nearly_all as "p99!"
                 from delivery_times($1, $2, $3)"#,
            organization.0,
            days,
            LATEST,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let read = rows.into_iter().map(|row| {
            let times = DeliveryTimes { messages: row.messages, p50: row.p50, p90: row.p90, p99: row.p99 };
            (NumberId(row.number_id), times)
        });
        Ok(read.collect())
    }
}

/// The last seven days, or the seven before.
fn week_of(days: &[StatDay], today: NaiveDate, earlier: bool) -> Week {
    let back = if earlier { 2 * WEEK - 1 } else { WEEK - 1 };
    let first = today - chrono::Days::new(u64::try_from(back).unwrap_or(0));
    let last = first + chrono::Days::new(u64::try_from(WEEK - 1).unwrap_or(0));
    let count = |figure: i64| u64::try_from(figure).unwrap_or(0);
    let within = days.iter().filter(|day| (first..=last).contains(&day.day));
    within.fold(Week::default(), |week, day| Week {
        accepted: week.accepted + count(day.accepted),
        delivered: week.delivered + count(day.delivered),
        failed: week.failed + count(day.failed),
        blocked: week.blocked + count(day.blocked),
        suspensions: 0,
    })
}

/// Of those that are in use, beside one another.
fn advise(stats: &mut [NumberStats]) {
    let mut stats: Vec<&mut NumberStats> =
        stats.iter_mut().filter(|number| number.removed_at.is_none()).collect();
    let shares = stats.iter().filter_map(|number| number.week.failed_percent()).collect();
    let median = review::median(shares);
    let first = stats.iter().map(|number| number.priority).min();
    for number in &mut stats {
        number.advice = review::advice(&number.week, median, Some(number.priority) == first);
    }
}
