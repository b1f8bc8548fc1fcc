//! Organisations: the tenants.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
};
use crate::domain::{
    action::{Action, Order},
    ids::OrganizationId,
    warm_up::Ladder,
    window::Hours,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// An organisation as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrganizationRecord {
    /// Its id.
    pub id: OrganizationId,
    /// Its short name.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// IANA name of its zone.
    pub time_zone: String,
    /// Language of last resort.
    pub default_locale: String,
    /// Most messages a day.
    pub daily_limit: Option<i32>,
    /// Most messages of a number on the first days of its warm-up.
    pub warm_up: Vec<i32>,
    /// Only reaches loopback addresses; may run on another clock.
    pub rehearsal: bool,
    /// The phone of the number of last resort.
    pub default_number: Option<String>,
    /// From which minute of the day on campaigns may send; none: always.
    pub open_from: Option<i16>,
    /// Until which minute.
    pub open_to: Option<i16>,
    /// On which days, Monday in the lowest bit.
    pub open_days: Option<i16>,
    /// From when on nothing is sent any more.
    pub subscription_ends_at: Option<DateTime<Utc>>,
    /// Since when all sending is stopped.
    pub stopped_at: Option<DateTime<Utc>>,
    /// By whom.
    pub stopped_by: Option<String>,
    /// Why.
    pub stopped_reason: Option<String>,
    /// How often it has been changed.
    pub version: i64,
    /// The database's clock when it was read.
    #[serde(skip)]
    pub now: DateTime<Utc>,
}

/// What a new organisation is made of.
#[derive(Debug, Clone)]
pub struct NewOrganization<'a> {
    /// Its short name.
    pub slug: &'a str,
    /// Its name.
    pub name: &'a str,
    /// IANA name of its zone.
    pub time_zone: &'a str,
    /// Language of last resort.
    pub default_locale: &'a str,
    /// Most messages a day.
    pub daily_limit: Option<i32>,
    /// What its numbers may send on the first days of their warm-up.
    pub warm_up: Ladder,
    /// Only reaches loopback addresses; may run on another clock.
    pub rehearsal: bool,
}

/// A change of an organisation: only what is `Some` is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationEdit<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// IANA name of its zone.
    pub time_zone: Option<&'a str>,
    /// Language of last resort.
    pub default_locale: Option<&'a str>,
    /// Most messages a day; `Some(None)` takes the limit off.
    pub daily_limit: Option<Option<i32>>,
    /// What its numbers may send on the first days of their warm-up.
    pub warm_up: Option<Ladder>,
    /// The phone of the number of last resort; `Some(None)` for none.
    pub default_number: Option<Option<&'a str>>,
}

impl OrganizationRecord {
    /// The hours in which its campaigns may send; `None`: at any.
    #[must_use]
    pub fn hours(&self) -> Option<Hours> {
        Hours::of_columns(self.open_from, self.open_to, self.open_days)
    }

    /// What its numbers may send on the first days of their warm-up.
    #[must_use]
    pub fn ladder(&self) -> Ladder {
        Ladder::of(self.warm_up.iter().map(|limit| u32::try_from(*limit).unwrap_or(0)))
    }
}

/// A change of when an organisation's campaigns may send: only what is `Some` is touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CalendarEdit {
    /// The hours; `Some(None)`: at any hour.
    pub hours: Option<Option<Hours>>,
    /// From when on nothing is sent; `Some(None)`: no end.
    pub subscription_ends: Option<Option<DateTime<Utc>>>,
}

/// A ladder as the database keeps it.
fn columns(ladder: &Ladder) -> Vec<i32> {
    ladder.days().iter().map(|limit| i32::try_from(*limit).unwrap_or(i32::MAX)).collect()
}

/// A change of how an organisation hears opt-outs and opt-ins: only what is `Some` is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsentEdit {
    /// Its own words for STOP.
    pub stop_words: Option<Vec<String>>,
    /// Its own words for START.
    pub start_words: Option<Vec<String>>,
    /// What confirms an opt-out, text by locale, a JSON object; `Some(None)`: nothing does.
    pub stop_confirmation: Option<Option<serde_json::Value>>,
    /// What confirms an opt-in.
    pub start_confirmation: Option<Option<serde_json::Value>>,
}

impl Store {
    /// All organisations that this role may see, by slug; or the one of this slug.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn organizations(&self, slug: Option<&str>) -> Result<Vec<OrganizationRecord>, StoreError> {
        sqlx::query_as!(
            OrganizationRecord,
            r#"select o.id, o.slug, o.name, o.time_zone, o.default_locale, o.daily_limit, o.warm_up,
                      o.rehearsal, n.phone::text as "default_number?", o.open_from, o.open_to, o.open_days,
                      o.subscription_ends_at, o.stopped_at, o.stopped_by, o.stopped_reason,
                      o.revision as version, clock_timestamp() as "now!"
                 from organizations o
                 left join whatsapp_numbers n on n.organization_id = o.id and n.id = o.default_number_id
                where $1::text is null or o.slug = $1
                order by o.slug"#,
            slug,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("look for organisations"))
    }

    /// Adds an organisation with its default pool.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because the slug is taken.
    pub async fn add_organization(
        &self,
        new: &NewOrganization<'_>,
        actor: Actor<'_>,
    ) -> Result<OrganizationId, StoreError> {
        let id = OrganizationId::new();
        sqlx::query_scalar!(
            "with added as (
                 insert into organizations (id, slug, name, time_zone, default_locale, daily_limit, rehearsal, warm_up)
                 values ($1, $2, $3, $4, $5, $6, $7, $10) returning *
             ), pooled as (
                 insert into pools (organization_id, id, name) select id, new_uuid(), 'default' from added
             )
             select record_decision(a.id, clock_timestamp(), $8, $9, 'add organization', 'organization', a.id, a.slug,
                                    'added', null, to_jsonb(a)) from added a",
            id.0,
            new.slug,
            new.name,
            new.time_zone,
            new.default_locale,
            new.daily_limit,
            new.rehearsal,
            actor.operator,
            actor.instance_id(),
            &columns(&new.warm_up),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("add the organisation"))?;
        Ok(id)
    }

    /// Changes an organisation. `false`: there is no such organisation, or no such default number.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_organization(
        &self,
        organization: OrganizationId,
        edit: &OrganizationEdit<'_>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let ladder = edit.warm_up.as_ref().map(columns);
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select o.*, (select n.id from whatsapp_numbers n
                                 where n.organization_id = o.id and n.phone = $8
                                   and n.retired_at is null) as wanted_number
                     from organizations o where o.id = $1 for update of o
               ), changed as (
                   update organizations o
                      set name = coalesce($2, o.name), time_zone = coalesce($3, o.time_zone),
                          default_locale = coalesce($4, o.default_locale),
                          daily_limit = case when $5 then $6 else o.daily_limit end,
                          warm_up = coalesce($12, o.warm_up),
                          default_number_id = case when $7 then l.wanted_number else o.default_number_id end,
                          revision = o.revision + 1
                     from locked l
                    where o.id = l.id and ($8::text is null or l.wanted_number is not null)
                   returning o.*
               )
               select count(record_decision($1, clock_timestamp(), $9, $10, 'edit organization', 'organization', $1,
                                            c.slug, $11, to_jsonb(l) - 'wanted_number', to_jsonb(c))) as "count!"
                 from changed c, locked l"#,
            organization.0,
            edit.name,
            edit.time_zone,
            edit.default_locale,
            edit.daily_limit.is_some(),
            edit.daily_limit.flatten(),
            edit.default_number.is_some(),
            edit.default_number.flatten(),
            actor.operator,
            actor.instance_id(),
            reason,
            ladder.as_deref(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("edit the organisation"))?;
        Ok(changed > 0)
    }

    /// Changes how an organisation hears opt-outs and opt-ins. `false`: there is no such organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_consent(
        &self,
        organization: OrganizationId,
        edit: &ConsentEdit,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select o.* from organizations o where o.id = $1 for update
               ), changed as (
                   update organizations o
                      set stop_words = coalesce($2, o.stop_words), start_words = coalesce($3, o.start_words),
                          stop_confirmation = case when $4 then $5 else o.stop_confirmation end,
                          start_confirmation = case when $6 then $7 else o.start_confirmation end,
                          revision = o.revision + 1
                     from locked l where o.id = l.id
                   returning o.*
               )
               select count(record_decision($1, clock_timestamp(), $8, $9, 'edit organization', 'organization', $1,
                                            c.slug, $10, to_jsonb(l), to_jsonb(c))) as "count!"
                 from changed c, locked l"#,
            organization.0,
            edit.stop_words.as_deref(),
            edit.start_words.as_deref(),
            edit.stop_confirmation.is_some(),
            edit.stop_confirmation.clone().flatten(),
            edit.start_confirmation.is_some(),
            edit.start_confirmation.clone().flatten(),
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("edit the organisation"))?;
        Ok(changed > 0)
    }

    /// Changes when an organisation's campaigns may send. `false`: there is no such organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_calendar(
        &self,
        organization: OrganizationId,
        edit: &CalendarEdit,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let hours = edit.hours.flatten();
        let minute = |minute: u16| i16::try_from(minute).ok();
        let changed = sqlx::query_scalar!(
            r#"select edit_calendar($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as "changed!""#,
            organization.0,
            edit.hours.is_some(),
            hours.and_then(|hours| minute(hours.from())),
            hours.and_then(|hours| minute(hours.to())),
            hours.map(|hours| i16::from(hours.days())),
            edit.subscription_ends.is_some(),
            edit.subscription_ends.flatten(),
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed("edit the organisation"))?;
        Ok(changed)
    }

    pub(super) async fn act_on_all(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "stop or release sending";
        let stop = matches!(order.action, Action::StopAll);
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from change_stop($1, $2, $3, $4, $5, $6)",
            organization.0,
            stop,
            order.expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            order.reason.as_deref(),
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        answer.read(
            DOING,
            "there is no such organisation any more",
            |name, found| format!("{name} is {found}"),
            |_before| stop.then_some(Action::ReleaseStop),
        )
    }
}
