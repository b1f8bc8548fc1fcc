//! The suppression list: phones that no campaign of the organisation writes to, and the rules that put people on it.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::ids::OrganizationId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// One phone of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suppression {
    /// In E.164 form.
    pub phone: String,
    /// The contact's name.
    pub name: Option<String>,
    /// Since when nothing is sent.
    pub since: DateTime<Utc>,
    /// `operator`, `reply`, `provider`, `import` or `rule`.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// A change of how an organisation reaches people: only what is `Some` is touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReachEdit {
    /// Whether standing campaigns send while others run.
    pub allow_simultaneous: Option<bool>,
    /// Suppress whom so many campaigns could not reach; `Some(None)`: never.
    pub suppress_after_failures: Option<Option<u32>>,
    /// Suppress who left so many campaigns unanswered; `Some(None)`: never.
    pub suppress_after_unanswered: Option<Option<u32>>,
}

impl Store {
    /// The suppression list behind `after`, by phone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn suppressions(
        &self,
        organization: OrganizationId,
        after: &str,
        most: i64,
    ) -> Result<Vec<Suppression>, StoreError> {
        sqlx::query_as!(
            Suppression,
            r#"select s.phone::text as "phone!", c.name as "name?", s.since, s.source, s.reason
                 from suppressions s
                 left join contacts c on c.organization_id = s.organization_id and c.phone = s.phone
                where s.organization_id = $1 and s.phone > $2
                order by s.phone limit $3"#,
            organization.0,
            after,
            most,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("read the suppression list"))
    }

    /// Suppresses up to `most` people of each rule: whom nothing reaches, and who left campaigns unanswered that are
    /// older than `patience`. Answers how many.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn suppress_by_rule(
        &self,
        organization: OrganizationId,
        patience: Duration,
        now: Option<DateTime<Utc>>,
        most: i32,
    ) -> Result<i64, StoreError> {
        sqlx::query_scalar!(
            r#"select suppress_by_rule($1, make_interval(secs => $2), $3, $4) as "count!""#,
            organization.0,
            patience.as_secs_f64(),
            now,
            most,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("suppress whom nothing reaches"))
    }

    /// Changes how an organisation reaches people. `false`: there is no such organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_reach(
        &self,
        organization: OrganizationId,
        edit: ReachEdit,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let signed = |number: Option<Option<u32>>| {
            number.flatten().map(|number| i32::try_from(number).unwrap_or(i32::MAX))
        };
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select o.* from organizations o where o.id = $1 for update
               ), changed as (
                   update organizations o
                      set allow_simultaneous = coalesce($2, o.allow_simultaneous),
                          suppress_after_failures = case when $3 then $4 else o.suppress_after_failures end,
                          suppress_after_unanswered = case when $5 then $6 else o.suppress_after_unanswered end,
                          revision = o.revision + 1
                     from locked l where o.id = l.id
                   returning o.*
               )
               select count(record_decision($1, clock_timestamp(), $7, $8, 'edit organization', 'organization', $1,
                                            c.slug, $9, to_jsonb(l), to_jsonb(c))) as "count!"
                 from changed c, locked l"#,
            organization.0,
            edit.allow_simultaneous,
            edit.suppress_after_failures.is_some(),
            signed(edit.suppress_after_failures),
            edit.suppress_after_unanswered.is_some(),
            signed(edit.suppress_after_unanswered),
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("edit the organisation"))?;
        Ok(changed > 0)
    }
}
