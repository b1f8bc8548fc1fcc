//! Audiences: counted, asked about one person, enrolled. All by one function of the database, so that what is promised is
//! what is done.

use super::{Store, StoreError, enrolment::ENROLLED_IN_A_PIECE, failed};
use crate::domain::{
    campaign::{
        CampaignSpec,
        required::{Needs, is_one_for_all, needs},
    },
    content::StepContent,
    ids::{CampaignId, OrganizationId},
    locale::Locale,
    phone::Phone,
};
use chrono::{DateTime, Utc};
use futures_util::future::{self, Either};
use serde::Serialize;
use std::{collections::BTreeMap, future::Future, pin::pin, time::Duration};

/// People that a standing campaign takes in with one statement.
const ENROLLED_AT_ONCE: i64 = 20_000;

/// Who a campaign asks for, and what they must have: of a file, or of a campaign that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The campaign, if it exists: its own people are not active elsewhere.
    pub campaign: Option<CampaignId>,
    /// The audience, as JSON.
    pub audience: serde_json::Value,
    /// What its texts need.
    pub needs: Needs,
}

/// Pages of contacts that are looked at for the languages that they speak.
const PAGES_OF_LANGUAGES: i32 = 200;

/// Until a count that was given up is told so again.
const SAID_AGAIN: Duration = Duration::from_millis(100);

/// Every contact of the organisation, counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// All contacts.
    pub contacts: i64,
    /// Who would be enrolled: sent to or skipped.
    pub planned: i64,
    /// Would get the campaign.
    pub queued: i64,
    /// Would be enrolled and left out, by reason.
    pub skipped: BTreeMap<String, i64>,
    /// In the audience, but behind its limit: not enrolled.
    pub over_limit: i64,
    /// Not in the audience, by the first condition that does not hold.
    pub not_in_audience: BTreeMap<String, i64>,
}

const COUNTING: &str = "count the audience";

impl Estimate {
    fn note(&mut self, reason: Option<String>, is_outside: bool, people: i64) {
        self.contacts += people;
        match reason {
            None => self.queued = people,
            Some(reason) if is_outside => {
                self.not_in_audience.insert(reason, people);
            }
            Some(reason) if reason == "over_limit" => self.over_limit = people,
            Some(reason) => {
                self.skipped.insert(reason, people);
            }
        }
        self.planned = self.queued + self.skipped.values().sum::<i64>();
    }
}

/// An audience, judged by a few of the contacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sampled {
    /// About so many.
    pub about: Estimate,
    /// In nineteen cases of twenty those who would get the campaign are no more and no fewer than by this.
    pub margin: i64,
}

/// Everybody, counted once by what becomes of them.
async fn count<'e>(
    on: impl sqlx::PgExecutor<'e>,
    organization: OrganizationId,
    terms: &Terms,
) -> Result<Estimate, StoreError> {
    let rows = sqlx::query!(
        r#"select e.reason, e.is_outside as "is_outside!", e.people as "people!"
             from estimate_audience($1, $2, $3, $4, clock_timestamp()) e"#,
        organization.0,
        terms.campaign.map(|campaign| campaign.0),
        terms.audience,
        terms.needs.required,
    )
    .fetch_all(on)
    .await
    .map_err(failed(COUNTING))?;
    let mut counted = Estimate::default();
    for row in rows {
        counted.note(row.reason, row.is_outside, row.people);
    }
    Ok(counted)
}

const LANGUAGES: &str = "look at the contacts' languages";

/// The language of the organisation, if it can be read.
async fn default_locale(
    on: impl sqlx::PgExecutor<'_>,
    organization: OrganizationId,
) -> Result<Option<Locale>, StoreError> {
    let default =
        sqlx::query_scalar!("select default_locale from organizations where id = $1", organization.0)
            .fetch_one(on)
            .await
            .map_err(failed(LANGUAGES))?;
    Ok(Locale::parse(&default).ok())
}

impl Store {
    /// Who a checked file asks for.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn terms_of_spec(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
    ) -> Result<Terms, StoreError> {
        let audience = serde_json::to_value(&spec.audience)
            .map_err(|_| StoreError::Unreadable { doing: "read the audience", what: "audience" })?;
        let needs = self.needs_of(organization, spec).await?;
        Ok(Terms { campaign: None, audience, needs })
    }

    /// Who a campaign asks for.
    ///
    /// # Errors
    /// When the database is away or refuses, or a step cannot be read.
    pub async fn terms_of_campaign(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        audience: serde_json::Value,
    ) -> Result<Terms, StoreError> {
        let steps = self.step_contents(organization, &[campaign]).await?;
        let contents: Option<Vec<_>> = steps.iter().map(|step| step.content.as_ref()).collect();
        let contents = contents.ok_or(StoreError::Unreadable { doing: "read the steps", what: "step" })?;
        let needs = self.needs_of_steps(organization, &contents).await?;
        Ok(Terms { campaign: Some(campaign), audience, needs })
    }

    pub(super) async fn needs_of(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
    ) -> Result<Needs, StoreError> {
        let contents: Vec<_> = spec.steps.iter().map(|step| &step.content).collect();
        self.needs_of_steps(organization, &contents).await
    }

    /// Which variables the texts use, and which of them somebody of each language must have.
    pub(super) async fn needs_of_steps(
        &self,
        organization: OrganizationId,
        contents: &[&StepContent],
    ) -> Result<Needs, StoreError> {
        let default = default_locale(&self.bulk, organization).await?;
        if is_one_for_all(contents, default.as_ref()) {
            return Ok(needs(contents, &[], default.as_ref()));
        }
        let spoken = sqlx::query_scalar!(
            r#"select distinct locale as "locale!" from contacts where organization_id = $1 and locale is not null"#,
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(LANGUAGES))?;
        Ok(needs(contents, &spoken, default.as_ref()))
    }

    /// The size of a checked file's audience, at about: within a second, however many contacts there are. `None`: there are so
    /// few that all of them are counted as fast.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn estimate_about(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
    ) -> Result<Option<Sampled>, StoreError> {
        let contents: Vec<_> = spec.steps.iter().map(|step| &step.content).collect();
        let audience = serde_json::to_value(&spec.audience)
            .map_err(|_| StoreError::Unreadable { doing: COUNTING, what: "audience" })?;
        let default = default_locale(&self.screen, organization).await?;
        let spoken = if is_one_for_all(&contents, default.as_ref()) {
            Vec::new()
        } else {
            sqlx::query_scalar!(
                r#"select distinct s.locale as "locale!"
                     from sample_contacts($1, pg_relation_size('contacts') / current_setting('block_size')::bigint, $2) s
                    where s.locale is not null"#,
                organization.0,
                PAGES_OF_LANGUAGES,
            )
            .fetch_all(&self.screen)
            .await
            .map_err(failed(LANGUAGES))?
        };
        let rows = sqlx::query!(
            r#"select s.reason, s.is_outside as "is_outside!", s.people as "people!", s.margin
                 from sample_audience($1, null, $2, $3, clock_timestamp()) s"#,
            organization.0,
            audience,
            needs(&contents, &spoken, default.as_ref()).required,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed(COUNTING))?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut sampled = Sampled::default();
        for row in rows {
            sampled.margin += row.margin.unwrap_or_default();
            sampled.about.note(row.reason, row.is_outside, row.people);
        }
        Ok(Some(sampled))
    }

    /// Counts an audience without writing anything, by the same function that enrols it.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn estimate(
        &self,
        organization: OrganizationId,
        terms: &Terms,
    ) -> Result<Estimate, StoreError> {
        count(&self.bulk, organization, terms).await
    }

    /// The same, until it is given up: then the server is told to stop counting. `None`: it was given up.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn estimate_unless(
        &self,
        organization: OrganizationId,
        terms: &Terms,
        given_up: impl Future<Output = ()>,
    ) -> Result<Option<Estimate>, StoreError> {
        let mut connection = self.bulk.acquire().await.map_err(failed(COUNTING))?;
        let process = sqlx::query_scalar!(r#"select pg_backend_pid() as "process!""#)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed(COUNTING))?;
        let counted = {
            let mut counting = pin!(count(&mut *connection, organization, terms));
            match future::select(counting.as_mut(), pin!(given_up)).await {
                Either::Left((counted, _)) => Some(counted),
                Either::Right(((), _)) => {
                    // Never dropped half-way; it ends at once now. A word that comes before the statement has begun is heard
                    // by nobody, and said again.
                    loop {
                        sqlx::query_scalar!(r#"select pg_cancel_backend($1) as "told!""#, process)
                            .fetch_one(&self.order)
                            .await
                            .map_err(failed(COUNTING))?;
                        if tokio::time::timeout(SAID_AGAIN, counting.as_mut()).await.is_ok() {
                            break None;
                        }
                    }
                }
            }
        };
        if counted.is_none() {
            // That word may come late and would end whatever runs on this connection next.
            let _ = connection.close().await;
        }
        counted.transpose()
    }

    /// Why one person would get nothing; `Some(None)`: would be sent to. `None`: there is no such contact.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn reason_against(
        &self,
        organization: OrganizationId,
        terms: &Terms,
        phone: &Phone,
    ) -> Result<Option<Option<String>>, StoreError> {
        sqlx::query_scalar!(
            "select a.reason
               from audience_of($1, $2, $3, $4, clock_timestamp(),
                                last_within_limit($1, $2, $3, $4, clock_timestamp()), array[$5::text]) a",
            organization.0,
            terms.campaign.map(|campaign| campaign.0),
            terms.audience,
            terms.needs.required,
            phone.reveal(),
        )
        .fetch_optional(&self.bulk)
        .await
        .map_err(failed("look for the person in the audience"))
    }

    /// When a campaign last sent to this person; a message in doubt counts, because it may have arrived.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn last_campaign_sent(
        &self,
        organization: OrganizationId,
        phone: &Phone,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        sqlx::query_scalar!(
            // What the ledger has of one person stands by the keys of the person's rows.
            "select greatest((select c.last_campaign_sent_at from contacts c
                               where c.organization_id = $1 and c.phone = $2),
                             (select max(t.started_at)
                                from campaigns c
                                join campaign_recipients r on r.organization_id = $1 and r.campaign_id = c.id
                                                          and r.phone = $2
                               cross join lateral (
                                      select a.started_at, a.state from attempts a
                                       where a.organization_id = $1 and a.recipient_id = r.id and a.live
                                       union all
                                      select a.started_at, a.state from attempts a
                                       where a.organization_id = $1 and a.recipient_id = r.id and not a.live) t
                               where c.organization_id = $1
                                 and t.state in ('sending', 'accepted', 'in_doubt', 'undelivered')))",
            organization.0,
            phone.reveal(),
        )
        .fetch_one(&self.walk)
        .await
        .map_err(failed("look for the last message"))
    }

    /// Takes up to `most` attempts that are at least `lag` old into the contacts' last-sent times. Answers how
    /// many those were.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn keep_last_sends(
        &self,
        organization: OrganizationId,
        most: i32,
        lag: Duration,
    ) -> Result<i64, StoreError> {
        sqlx::query_scalar!(
            r#"select keep_last_sends($1, $2, make_interval(secs => $3)) as "read!""#,
            organization.0,
            most,
            lag.as_secs_f64(),
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("keep when people were last sent to"))
    }

    /// Lets the standing campaigns whose time has come take in everybody who is ripe for them. Answers how many people.
    ///
    /// # Errors
    /// When the database is away or refuses; who is left comes in at the next look.
    pub async fn enrol_standing(
        &self,
        organization: OrganizationId,
        now: Option<DateTime<Utc>>,
    ) -> Result<i64, StoreError> {
        let due = sqlx::query!(
            r#"select s.id as "id!", s.audience as "audience!" from take_standing($1, $2) s"#,
            organization.0,
            now,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look for standing campaigns"))?;
        let mut total = 0;
        for row in due {
            let campaign = CampaignId(row.id);
            let terms = self.terms_of_campaign(organization, campaign, row.audience).await?;
            loop {
                let piece = self.enrol(organization, campaign, &terms, now, Some(ENROLLED_AT_ONCE)).await?;
                total += piece;
                if piece < ENROLLED_AT_ONCE {
                    break;
                }
            }
        }
        Ok(total)
    }

    /// Enrols the audience of a campaign that nobody is in: one made by another program, or before there were contacts.
    /// Of a standing one, everybody who is ripe for it and not enrolled yet.
    pub(super) async fn enrol_if_nobody_is(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<(), StoreError> {
        self.enrol_the_rest(organization, campaign, &|_| {}).await?;
        let audience = sqlx::query_scalar!(
            "select c.audience from campaigns c
              where c.organization_id = $1 and c.id = $2 and c.state in ('draft', 'scheduled')
                and (c.standing is not null
                     or not exists (select from campaign_recipients r
                                     where r.organization_id = $1 and r.campaign_id = $2))",
            organization.0,
            campaign.0,
        )
        .fetch_optional(&self.bulk)
        .await
        .map_err(failed("enrol the audience"))?;
        let Some(audience) = audience else { return Ok(()) };
        let terms = self.terms_of_campaign(organization, campaign, audience).await?;
        loop {
            let piece = self.enrol(organization, campaign, &terms, None, Some(ENROLLED_IN_A_PIECE)).await?;
            self.enrol_the_rest(organization, campaign, &|_| {}).await?;
            // A standing one takes in so many at a time; of another everybody is in it now.
            if piece < ENROLLED_IN_A_PIECE {
                return Ok(());
            }
        }
    }

    /// Enrols up to `most` people. Answers how many.
    pub(super) async fn enrol(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        terms: &Terms,
        now: Option<DateTime<Utc>>,
        most: Option<i64>,
    ) -> Result<i64, StoreError> {
        sqlx::query_scalar!(
            r#"select enrol($1, $2, $3, $4, $5, $6) as "enrolled!""#,
            organization.0,
            campaign.0,
            &terms.needs.variables,
            terms.needs.required,
            now,
            most,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("enrol the audience"))
    }
}
