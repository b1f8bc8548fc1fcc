//! What providers tell of accounts and numbers by themselves.

use super::{Store, StoreError, failed};
use crate::domain::{
    health::{Quality, Reach},
    ids::{AccountId, EventId, InstanceId, OrganizationId, WebhookId},
    phone::Phone,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// A piece of news to be kept, and done where something follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The request that brought it.
    pub webhook: WebhookId,
    /// Which of that request's reports it was.
    pub place: i32,
    /// Whose webhook was called.
    pub account: AccountId,
    /// The number that it concerns, by its id at the provider.
    pub sender_id: Option<String>,
    /// Or by its phone.
    pub sender_phone: Option<Phone>,
    /// `restricted`, `reinstated`, `quality`, `limit`, `template` or `notice`.
    pub change: &'static str,
    /// The provider's name for it.
    pub code: String,
    /// The provider's words.
    pub words: String,
    /// When a restriction ends.
    pub until: Option<DateTime<Utc>>,
    /// How people take what a number sends.
    pub quality: Option<Quality>,
    /// How many people may be reached in 24 hours.
    pub reach: Option<Reach>,
}

/// A piece of news as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRecord {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The account's name.
    pub account: String,
    /// The number's phone; none: it concerns the account, or a number that is none of ours.
    pub phone: Option<String>,
    /// `restricted`, `reinstated`, `quality`, `limit`, `template` or `notice`.
    pub change: String,
    /// The provider's name for it.
    pub code: String,
    /// The provider's words.
    pub words: String,
    /// When a restriction ends.
    pub until: Option<DateTime<Utc>>,
}

impl Store {
    /// Keeps news, each piece once, and does what follows: a restriction suspends the numbers concerned until its end, a
    /// reinstatement asks for a check at once, quality and limit are noted. Answers how many numbers were taken out.
    ///
    /// # Errors
    /// When the database is away or refuses; nothing is kept then.
    pub async fn hear_news(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        news: &[NewEvent],
    ) -> Result<i32, StoreError> {
        let column = |get: fn(&NewEvent) -> Option<String>| news.iter().map(get).collect::<Vec<_>>();
        let words =
            |get: fn(&NewEvent) -> &str| news.iter().map(|event| get(event).to_owned()).collect::<Vec<_>>();
        let ids: Vec<_> = news.iter().map(|_| EventId::new().0).collect();
        let webhooks: Vec<_> = news.iter().map(|event| event.webhook.0).collect();
        let places: Vec<_> = news.iter().map(|event| event.place).collect();
        let accounts: Vec<_> = news.iter().map(|event| event.account.0).collect();
        let ends: Vec<_> = news.iter().map(|event| event.until).collect();
        let limit = |event: &NewEvent| {
            event.reach.and_then(Reach::count).map(|count| i32::try_from(count).unwrap_or(i32::MAX))
        };
        let limits: Vec<_> = news.iter().map(limit).collect();
        let unlimited: Vec<_> = news.iter().map(|event| event.reach == Some(Reach::Unlimited)).collect();
        sqlx::query_scalar!(
            r#"select hear_news($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) as "out!""#,
            organization.0,
            instance.0,
            &ids,
            &webhooks,
            &places,
            &accounts,
            &column(|event| event.sender_id.clone()) as &[Option<String>],
            &column(|event| event.sender_phone.as_ref().map(|phone| phone.reveal().to_owned()))
                as &[Option<String>],
            &words(|event| event.change),
            &words(|event| &event.code),
            &words(|event| &event.words),
            &ends as &[Option<DateTime<Utc>>],
            &column(|event| event.quality.map(|quality| quality.name().to_owned())) as &[Option<String>],
            &limits as &[Option<i32>],
            &unlimited,
        )
        .fetch_one(&self.work)
        .await
        .map_err(failed("keep what a provider told"))
    }

    /// The latest news, of everything.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn news(
        &self,
        organization: OrganizationId,
        most: i64,
    ) -> Result<Vec<EventRecord>, StoreError> {
        sqlx::query_as!(
            EventRecord,
            r#"select e.at, a.name as account, n.phone::text as "phone?", e.change, e.code, e.words, e.until
                 from number_events e
                 join accounts a on a.organization_id = e.organization_id and a.id = e.account_id
                 left join whatsapp_numbers n on n.organization_id = e.organization_id and n.id = e.number_id
                where e.organization_id = $1 order by e.at desc, e.id desc limit $2"#,
            organization.0,
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list what providers told"))
    }
}
