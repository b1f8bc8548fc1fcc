//! Contacts: people, and who asked not to be written to.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
};
use crate::domain::{
    ids::{ContactId, OrganizationId},
    phone::Phone,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// A contact as lists, details and exports show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactRecord {
    /// Its id.
    pub id: ContactId,
    /// In E.164 form.
    pub phone: String,
    /// The name.
    pub name: Option<String>,
    /// The language.
    pub locale: Option<String>,
    /// The person's own zone.
    #[serde(rename = "timezone")]
    pub time_zone: Option<String>,
    /// ISO code.
    pub country: Option<String>,
    /// As imported.
    pub gender: Option<String>,
    /// As imported.
    pub profession: Option<String>,
    /// The day of birth.
    pub birth_date: Option<NaiveDate>,
    /// When the person registered.
    pub registered_at: Option<DateTime<Utc>>,
    /// Whether the person agreed to be written to.
    pub consent: Option<bool>,
    /// How that is known.
    pub consent_method: Option<String>,
    /// Since when.
    pub consent_at: Option<DateTime<Utc>>,
    /// Who brought the person.
    pub referrer_name: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Everything else.
    pub attributes: serde_json::Value,
    /// When a campaign last sent to the person, a few minutes behind.
    pub last_campaign_sent_at: Option<DateTime<Utc>>,
    /// Since when nothing may be sent.
    pub opted_out_at: Option<DateTime<Utc>>,
    /// Why.
    pub opt_out_reason: Option<String>,
}

impl Store {
    /// Contacts behind `after`, by id; with a phone only that one.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn contacts(
        &self,
        organization: OrganizationId,
        phone: Option<&Phone>,
        after: ContactId,
        most: i64,
    ) -> Result<Vec<ContactRecord>, StoreError> {
        sqlx::query_as!(
            ContactRecord,
            r#"select c.id, c.phone::text as "phone!", c.name, c.locale, c.time_zone, c.country, c.gender, c.profession,
                      c.birth_date, c.registered_at, c.consent, c.consent_method, c.consent_at, c.referrer_name,
                      c.tags, c.attributes, c.last_campaign_sent_at, s.since as "opted_out_at?", s.reason as "opt_out_reason?"
                 from contacts c
                 left join suppressions s on s.organization_id = c.organization_id and s.phone = c.phone
                where c.organization_id = $1 and ($2::text is null or c.phone = $2) and c.id > $3
                order by c.id limit $4"#,
            organization.0,
            phone.map(Phone::reveal),
            after.0,
            most,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("read contacts"))
    }

    /// From now on nothing is sent to this phone, in any campaign. What is queued for it is skipped first, so that no
    /// claim comes between.
    ///
    /// # Errors
    /// When the database is away, busy or refuses.
    pub async fn opt_out(
        &self,
        organization: OrganizationId,
        phone: &Phone,
        source: &str,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "record the opt-out";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from opt_out($1, $2, $3, $4, $5, $6)",
            organization.0,
            phone.reveal(),
            source,
            reason,
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        answer.read(DOING, "", |_, found| found.to_owned(), |_before| None)
    }

    /// The phone may be written to again. What was skipped stays skipped.
    ///
    /// # Errors
    /// When the database is away, busy or refuses.
    pub async fn opt_in(
        &self,
        organization: OrganizationId,
        phone: &Phone,
        source: &str,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "record the opt-in";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from opt_in($1, $2, $3, $4, $5, $6)",
            organization.0,
            phone.reveal(),
            source,
            reason,
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        answer.read(DOING, "there is no such contact", |_, found| found.to_owned(), |_before| None)
    }

    /// Tells up to `most` contacts what people said of consent while an import held them. Answers how many notes are done
    /// with.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn settle_consents(&self, organization: OrganizationId, most: i32) -> Result<i64, StoreError> {
        sqlx::query_scalar!(r#"select settle_consents($1, $2) as "settled!""#, organization.0, most)
            .fetch_one(&self.bulk)
            .await
            .map_err(failed("tell contacts what people said"))
    }
}
