//! What an organisation did on a day: the daily report.

use super::{Store, StoreError, failed};
use crate::domain::ids::OrganizationId;
use chrono::NaiveDate;
use serde::Serialize;
use std::fmt::Write as _;

const DOING: &str = "read the usage of a day";

/// A day of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayUsage {
    /// Its slug.
    pub organization: String,
    /// The day, in its zone.
    pub day: NaiveDate,
    /// Messages charged to the day.
    pub sent: i64,
    /// Its daily limit, as it is now.
    pub daily_limit: Option<i32>,
    /// People who asked for no more.
    pub opted_out: i64,
    /// Alerts that were raised.
    pub alerts: i64,
    /// Campaigns that ended.
    pub finished: Vec<String>,
    /// Every number that sent something.
    pub numbers: Vec<NumberDay>,
}

/// A day of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumberDay {
    /// What operators call it; a phone is masked.
    pub name: String,
    /// Messages charged to the day.
    pub sent: i32,
    /// Of its tries, those that the provider took.
    pub accepted: i64,
    /// Those that it refused.
    pub rejected: i64,
    /// Those that nobody knows the end of, to this hour.
    pub in_doubt: i64,
}

impl DayUsage {
    /// The report in words.
    #[must_use]
    pub fn text(&self) -> String {
        let limit = self.daily_limit.map_or(String::new(), |limit| format!(" of {limit}"));
        let mut text = format!(
            "{} on {}: {}{limit} messages sent, {} people asked for no more, {} alerts\n",
            self.organization, self.day, self.sent, self.opted_out, self.alerts
        );
        if !self.finished.is_empty() {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "Finished: {}", self.finished.join(", "));
        }
        for number in &self.numbers {
            let NumberDay { name, sent, accepted, rejected, in_doubt } = number;
            let _ = writeln!(
                text,
                "{name}: {sent} sent; {accepted} accepted, {rejected} refused, {in_doubt} in doubt"
            );
        }
        text
    }
}

impl Store {
    /// What the organisation did on a day of its zone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn usage_of_day(
        &self,
        organization: OrganizationId,
        day: NaiveDate,
    ) -> Result<DayUsage, StoreError> {
        let row = sqlx::query!(
            r#"select o.slug, o.daily_limit,
                      coalesce((select u.reserved from quota_usage u
                                 where u.organization_id = o.id and u.scope = 'organization' and u.scope_id = o.id
                                   and u.day = $2), 0)::bigint as "sent!",
                      (select count(*) from suppressions s
                        where s.organization_id = o.id and s.since >= d.begins and s.since < d.ends
                          and s.source <> 'rule') as "opted_out!",
                      (select count(*) from alerts a
                        where a.organization_id = o.id and a.raised_at >= d.begins and a.raised_at < d.ends) as "alerts!",
                      array(select c.name from campaigns c
                             where c.organization_id = o.id and c.state = 'completed' and c.finished_at >= d.begins
                               and c.finished_at < d.ends order by c.name limit 50) as "finished!"
                 from organizations o
                cross join lateral (select $2::date::timestamp at time zone o.time_zone as begins,
                                           ($2::date + 1)::timestamp at time zone o.time_zone as ends) d
                where o.id = $1"#,
            organization.0,
            day,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        Ok(DayUsage {
            organization: row.slug,
            day,
            sent: row.sent,
            daily_limit: row.daily_limit,
            opted_out: row.opted_out,
            alerts: row.alerts,
            finished: row.finished,
            numbers: self.numbers_of_day(organization, day).await?,
        })
    }

    async fn numbers_of_day(
        &self,
        organization: OrganizationId,
        day: NaiveDate,
    ) -> Result<Vec<NumberDay>, StoreError> {
        sqlx::query_as!(
            NumberDay,
            // The activity of a minute keeps doubts that have settled since: those that have not stand in the ledger.
            r#"with doubts as materialized (
                   select a.number_id from attempts a
                    where a.organization_id = $1 and a.in_doubt_since is not null and a.quota_day = $2)
               select coalesce(nullif(n.display_name, ''), masked(n.phone::text)) as "name!", u.reserved as "sent!",
                      coalesce(y.accepted, 0) as "accepted!", coalesce(y.rejected, 0) as "rejected!",
                      (select count(*) from doubts d where d.number_id = n.id) as "in_doubt!"
                 from organizations o
                 join quota_usage u on u.organization_id = o.id and u.scope = 'number' and u.day = $2
                 join whatsapp_numbers n on n.organization_id = o.id and n.id = u.scope_id
                 left join lateral (
                      select sum(y.accepted)::bigint as accepted, sum(y.rejected)::bigint as rejected
                        from number_activity y
                       where y.organization_id = o.id and y.number_id = n.id
                         and y.minute >= $2::date::timestamp at time zone o.time_zone
                         and y.minute < ($2::date + 1)::timestamp at time zone o.time_zone) y on true
                where o.id = $1
                order by u.reserved desc, n.phone limit 1000"#,
            organization.0,
            day,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))
    }
}
