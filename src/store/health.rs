//! How numbers are, as their providers say: whom to ask, what was found, and who comes back by it.

use super::{Store, StoreError, failed};
use crate::domain::{
    health::{Health, Reach},
    ids::{AccountId, CheckId, InstanceId, NumberId, OrganizationId},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// How often a number may come back by itself from the same cause within a day; then it waits for an operator.
const RETURNS_A_DAY: i64 = 2;

/// How often numbers are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// A number in service.
    pub usual: Duration,
    /// A suspended one.
    pub suspended: Duration,
    /// Least time between two questions about numbers of one account, in service or not: management calls are counted,
    /// at Meta 200 an hour (`meta-cloud.md` section 5).
    pub apart: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            usual: Duration::from_mins(15),
            suspended: Duration::from_mins(2),
            apart: Duration::from_secs(40),
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check<'a> {
    /// Of which number.
    pub number: NumberId,
    /// Who asked: an operator, or `sender`.
    pub actor: &'a str,
    /// How long the answer took.
    pub took: Duration,
    /// What it says.
    pub health: &'a Health,
    /// When to ask again, if not at the usual turn.
    pub again: Option<Duration>,
}

/// What stands after a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Aftermath {
    /// The account that owns the number.
    pub account: AccountId,
    /// For how long the provider says so.
    pub age: Duration,
    /// How many checks in a row found it well; since its suspension, where it is suspended.
    pub well_in_row: i32,
    /// Since when.
    pub well_since: Option<DateTime<Utc>>,
    /// Who suspended it; none: it is not suspended.
    pub suspended_by: Option<String>,
    /// The suspension ends by itself.
    pub has_end: bool,
    /// What it was suspended for, in our word.
    pub cause: Option<String>,
    /// And by which code of the provider.
    pub cause_code: Option<String>,
    /// The provider said since the suspension that it lifted a restriction.
    pub is_reinstated: bool,
}

/// A test that was made, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckRecord {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: String,
    /// How long it took, in milliseconds.
    pub took_ms: i32,
    /// `sendable`, `limited`, `not_sendable` or `unclear`.
    pub state: String,
    /// The class of what keeps it from sending.
    pub class: Option<String>,
    /// The provider's code, or ours.
    pub code: Option<String>,
    /// The provider's words.
    pub words: String,
}

impl Store {
    /// Numbers that are to be asked about now; their next turn is set.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_checks(
        &self,
        organization: OrganizationId,
        most: i32,
        turns: &Turns,
    ) -> Result<Vec<NumberId>, StoreError> {
        let taken = sqlx::query_scalar!(
            r#"select number as "number!"
                 from take_checks($1, $2, make_interval(secs => $3), make_interval(secs => $4),
                                  make_interval(secs => $5)) as number"#,
            organization.0,
            most,
            turns.usual.as_secs_f64(),
            turns.suspended.as_secs_f64(),
            turns.apart.as_secs_f64(),
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look for numbers to check"))?;
        Ok(taken.into_iter().map(NumberId).collect())
    }

    /// Keeps what a check found. `None`: the number is gone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn record_check(
        &self,
        organization: OrganizationId,
        check: &Check<'_>,
    ) -> Result<Option<Aftermath>, StoreError> {
        let health = check.health;
        let limit = health.reach.and_then(Reach::count).map(|count| i32::try_from(count).unwrap_or(i32::MAX));
        let row = sqlx::query!(
            r#"select account_id as "account_id!", well_in_row as "well_in_row!", well_since, suspended_by,
                      has_end as "has_end!", cause, cause_code, is_reinstated as "is_reinstated!", age as "age!"
                 from record_check($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"#,
            organization.0,
            CheckId::new().0,
            check.number.0,
            check.actor,
            i32::try_from(check.took.as_millis()).unwrap_or(i32::MAX),
            health.standing.name(),
            health.standing.class().map(crate::domain::outcome::Class::name),
            health.code,
            health.words,
            health.quality.map(crate::domain::health::Quality::name),
            limit,
            health.reach == Some(Reach::Unlimited),
            check.again.map(|again| i64::try_from(again.as_millis()).unwrap_or(i64::MAX)),
            health.approval,
        )
        .fetch_optional(&self.lease)
        .await
        .map_err(failed("keep what a check found"))?;
        Ok(row.map(|row| Aftermath {
            account: row.account_id.into(),
            age: Duration::try_from_secs_f64(row.age).unwrap_or_default(),
            well_in_row: row.well_in_row,
            well_since: row.well_since,
            suspended_by: row.suspended_by,
            has_end: row.has_end,
            cause: row.cause,
            cause_code: row.cause_code,
            is_reinstated: row.is_reinstated,
        }))
    }

    /// Brings a number back that a sender suspended, because its provider says that what it was suspended for is over:
    /// resumes it and closes the record of the switch. `false`: it was not to be: somebody else suspended it meanwhile or
    /// resumed it, or it came back too often by itself today and waits for an operator.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn resume_number_by_check(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        number: NumberId,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select n.id, n.phone::text as phone from whatsapp_numbers n
                    where n.organization_id = $1 and n.id = $2 and n.suspended_by = 'sender'
                      and n.suspended_until is null
                      and (select count(*) from failovers o
                             join failovers f on f.organization_id = $1 and f.from_number_id = n.id
                                             and f.cause = o.cause and f.code is not distinct from o.code
                            where o.organization_id = $1 and o.from_number_id = n.id and o.ended_at is null
                              and f.ended_by = 'sender' and f.ended_at > clock_timestamp() - interval '1 day') < $5
                      for update
               ), resumed as (
                   update whatsapp_numbers n
                      set suspended_at = null, suspension_reason = null, suspended_by = null,
                          revision = n.revision + 1, updated_at = clock_timestamp()
                     from locked l where n.organization_id = $1 and n.id = l.id
                   returning n.id
               ), closed as (
                   update failovers f set ended_at = clock_timestamp(), ended_by = 'sender', ended_reason = $4
                     from resumed r where f.organization_id = $1 and f.from_number_id = r.id and f.ended_at is null
               ), audited as (
                   insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name,
                                          reason)
                   select $1, 'sender', $3, 'resume', 'number', l.id, l.phone, $4 from locked l
               )
               select count(*) as "count!" from resumed"#,
            organization.0,
            number.0,
            instance.0,
            reason,
            RETURNS_A_DAY,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("resume a number"))?;
        Ok(changed > 0)
    }

    /// Asks for a check of a number at the next opportunity.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn ask_for_check(
        &self,
        organization: OrganizationId,
        number: NumberId,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update number_health set next_check_at = clock_timestamp()
              where organization_id = $1 and number_id = $2 and next_check_at > clock_timestamp()",
            organization.0,
            number.0,
        )
        .execute(&self.screen)
        .await
        .map_err(failed("ask for a check"))?;
        Ok(())
    }

    /// The last checks of a number, latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn checks_of(
        &self,
        organization: OrganizationId,
        number: NumberId,
        most: i64,
    ) -> Result<Vec<CheckRecord>, StoreError> {
        sqlx::query_as!(
            CheckRecord,
            "select at, actor, took_ms, state, class, code, words from number_checks
              where organization_id = $1 and number_id = $2 order by at desc limit $3",
            organization.0,
            number.0,
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list the checks of a number"))
    }
}
