//! What attempts sent: what their step said when they began, and what it was filled with. The sentence itself is not kept: it
//! follows from the version of the step, which is kept, and the values that were frozen for the person.

use super::{Store, StoreError, failed, snapshot::StepContents};
use crate::domain::{
    content::StepContent,
    ids::{AccountId, AttemptId, CampaignId, OrganizationId, RecipientId},
    number::ProviderKind,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

const DOING: &str = "read what attempts sent";

/// What an attempt was written from.
#[derive(Debug, Clone, PartialEq)]
pub struct SentStep {
    /// The attempt.
    pub attempt: AttemptId,
    /// Whose.
    pub recipient: RecipientId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// What became of it: `accepted`, `rejected`, ...
    pub state: String,
    /// What its step said then; its time is since the beginning of the sequence.
    pub step: StepContents,
    /// The number that it went through, in E.164 form; none: that is gone.
    pub number: Option<String>,
    /// The provider's id of the message; none: it told none.
    pub provider_message_id: Option<String>,
    /// What was reported of it.
    pub report: Report,
    /// Who sent it; none: the number is gone.
    pub through: Option<(AccountId, ProviderKind)>,
    /// The person's language, chosen at enrolment.
    pub locale: Option<String>,
    /// The person's values, frozen at enrolment: a JSON object.
    pub parameters: Option<String>,
    /// The organisation's language.
    pub default_locale: String,
}

/// What a provider reported of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The furthest, whatever the order: `sent`, `failed`, `delivered` or `read`; none: nothing yet.
    pub delivery: Option<String>,
    /// When it was on the phone.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was seen.
    pub read_at: Option<DateTime<Utc>>,
}

impl Store {
    /// What attempts were written from: these, and all of these recipients, the oldest first. Replies are left out.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn sent_steps(
        &self,
        organization: OrganizationId,
        attempts: &[AttemptId],
        recipients: &[RecipientId],
    ) -> Result<Vec<SentStep>, StoreError> {
        let attempts: Vec<uuid::Uuid> = attempts.iter().map(|attempt| attempt.0).collect();
        let recipients: Vec<uuid::Uuid> = recipients.iter().map(|recipient| recipient.0).collect();
        let rows = sqlx::query!(
            r#"select attempt_id as "attempt!", campaign_id as "campaign!", recipient_id as "recipient!", step as "step!",
                      started_at as "started_at!", state as "state!", account_id as account, provider, locale, parameters,
                      default_locale as "default_locale!", version as "version!", since as "since!", texts as "texts!",
                      template, media, variants, number, provider_message_id, delivery, delivered_at, read_at
                 from sent_steps($1, $2, $3)"#,
            organization.0,
            &attempts,
            &recipients,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let provider: Option<ProviderKind> = row
                    .provider
                    .map(|provider| provider.parse())
                    .transpose()
                    .map_err(|_| StoreError::Unreadable { doing: DOING, what: "provider" })?;
                Ok(SentStep {
                    attempt: AttemptId(row.attempt),
                    recipient: RecipientId(row.recipient),
                    started_at: row.started_at,
                    state: row.state,
                    step: StepContents {
                        campaign: CampaignId(row.campaign),
                        step: row.step,
                        version: row.version,
                        after_seconds: row.since,
                        content: StepContent::read(row.texts, row.template, row.media, row.variants).ok(),
                    },
                    number: row.number,
                    provider_message_id: row.provider_message_id,
                    report: Report {
                        delivery: row.delivery,
                        delivered_at: row.delivered_at,
                        read_at: row.read_at,
                    },
                    through: row.account.map(AccountId).zip(provider),
                    locale: row.locale,
                    parameters: row.parameters,
                    default_locale: row.default_locale,
                })
            })
            .collect()
    }
}
