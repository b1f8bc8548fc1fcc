//! What only `why` asks: one person's message, and what is on the wire.

use super::{Store, StoreError, failed, screen::first_id_at};
use crate::domain::{
    ids::{CampaignId, NumberId, OrganizationId},
    phone::Phone,
    recipient::RecipientState,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;

/// No attempt is on the wire longer.
const LONGEST_FLIGHT: TimeDelta = TimeDelta::minutes(5);

/// One person's message in a campaign, as far as it bears on why it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientStanding {
    /// The state of its current step.
    pub state: RecipientState,
    /// The current step; 1 is the first.
    pub step: u32,
    /// Tries of this step so far.
    pub tries: u32,
    /// When the step is due; `None`: as soon as its turn comes.
    pub due_at: Option<DateTime<Utc>>,
    /// The number that it is bound to.
    pub bound: Option<NumberId>,
    /// The zone of the person's own clock, where the campaign goes by it.
    pub zone: Option<Tz>,
    /// Why it is where it is.
    pub reason: Option<String>,
    /// Since when nobody knows what became of the last try.
    pub in_doubt_since: Option<DateTime<Utc>>,
    /// Whether the person asked not to be written to.
    pub opted_out: bool,
    /// On which day of the organisation's zone its first message was planned.
    pub planned_on: Option<NaiveDate>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

impl Store {
    /// One person's message in a campaign; `None`: not enrolled.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn recipient_standing(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        phone: &Phone,
    ) -> Result<Option<RecipientStanding>, StoreError> {
        const DOING: &str = "read a recipient";
        let row = sqlx::query!(
            r#"select r.state::text as "state!", r.step, r.tries, r.due_at, r.bound_number_id, r.zone, r.reason, r.updated_at,
                      planned_on($1, r.campaign_id, r.id) as planned_on,
                      a.in_doubt_since as "in_doubt_since?",
                      exists (select from suppressions s
                               where s.organization_id = $1 and s.phone = r.phone) as "opted_out!"
                 from campaign_recipients r
                 left join attempts a on a.organization_id = $1 and a.id = r.last_attempt_id
                where r.organization_id = $1 and r.campaign_id = $2 and r.phone = $3"#,
            organization.0,
            campaign.0,
            phone.reveal(),
        )
        .fetch_optional(&self.screen)
        .await
        .map_err(failed(DOING))?;
        let Some(row) = row else { return Ok(None) };
        let whole = |number: i16| u32::try_from(number).unwrap_or(0);
        Ok(Some(RecipientStanding {
            state: row
                .state
                .parse()
                .map_err(|_| StoreError::Unreadable { doing: DOING, what: "recipient state" })?,
            step: whole(row.step),
            tries: whole(row.tries),
            due_at: row.due_at,
            bound: row.bound_number_id.map(NumberId),
            zone: row.zone.and_then(|zone| zone.parse().ok()),
            reason: row.reason,
            in_doubt_since: row.in_doubt_since,
            opted_out: row.opted_out,
            planned_on: row.planned_on.filter(|_| row.state != "skipped"),
            updated_at: row.updated_at,
        }))
    }

    /// When the first of a campaign's queued messages is due, if none of them is due now.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn due_later(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        // What is due when the walk reaches it has no time. Later steps and put-back work have; so many of them are counted.
        sqlx::query_scalar!(
            r#"select d.due_at from
                      (select min(r.due_at) as due_at from campaign_recipients r
                        where r.organization_id = $1 and r.campaign_id = $2 and r.due_at is not null
                          and r.due_at < not_let_go()) d
                where d.due_at > $3
                  and (select sum(k.queued) from campaign_counts k
                        where k.organization_id = $1 and k.campaign_id = $2)
                   <= (select count(*) from (select from campaign_recipients r
                                              where r.organization_id = $1 and r.campaign_id = $2
                                                and r.due_at is not null limit 50000) w)"#,
            organization.0,
            campaign.0,
            now,
        )
        .fetch_optional(&self.screen)
        .await
        .map(Option::flatten)
        .map_err(failed("read when a campaign goes on"))
    }

    /// How many requests of each number are on the wire, whoever sent them.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn in_air(
        &self,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<HashMap<NumberId, u32>, StoreError> {
        let rows = sqlx::query!(
            r#"select l.number_id, count(*) as "in_air!"
                 from (select a.number_id, a.state from attempts a
                        where a.organization_id = $1 and a.id > $2 order by a.id desc limit 5000) l
                where l.state = 'sending' group by l.number_id"#,
            organization.0,
            first_id_at(now - LONGEST_FLIGHT),
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("count what is on the wire"))?;
        Ok(rows
            .into_iter()
            .map(|row| (NumberId(row.number_id), u32::try_from(row.in_air).unwrap_or(u32::MAX)))
            .collect())
    }
}
