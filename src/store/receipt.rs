//! How far messages came, and what people wrote back.

use super::{Store, StoreError, attempt::Next, failed};
use crate::domain::{
    attempt::AttemptState,
    consent::Consent,
    delivery::Delivery,
    ids::{AccountId, AttemptId, CampaignId, NumberId, OrganizationId, ReceiptId},
    number::ProviderKind,
    outcome::Failure,
    phone::Phone,
};
use chrono::{DateTime, Utc};

/// A receipt as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReceipt {
    /// Whose webhook it came to.
    pub account: AccountId,
    /// The provider's id of the message.
    pub message: Option<String>,
    /// The attempt that it says it is about.
    pub reference: Option<AttemptId>,
    /// How far the message came.
    pub delivery: Delivery,
    /// When, by the provider's clock.
    pub at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// A receipt whose attempt is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueReceipt {
    /// Ours.
    pub id: ReceiptId,
    /// What it is about.
    pub attempt: AttemptId,
    /// What the ledger says of the attempt.
    pub state: AttemptState,
    /// How far the message came.
    pub delivery: Delivery,
    /// The provider's id of the message.
    pub message: Option<String>,
    /// The provider's code, if it failed.
    pub code: Option<String>,
    /// The provider's words, if it failed.
    pub words: String,
    /// Through which number it was sent.
    pub number: NumberId,
    /// Whose that is.
    pub account: AccountId,
    /// Whose dialect it speaks.
    pub provider: ProviderKind,
    /// Of which campaign it is; none: it is a reply.
    pub campaign: Option<CampaignId>,
    /// Who should have got it.
    pub phone: Phone,
    /// Which try it was.
    pub tries: i16,
    /// Whether the campaign's messages never change their number.
    pub never_switch: bool,
    /// Whether it was sent within the last hour, and since the number was resumed last: older ones say nothing of how the
    /// number is now.
    pub is_recent: bool,
}

/// A receipt that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedReceipt {
    /// Which one.
    pub id: ReceiptId,
    /// What it is about.
    pub attempt: AttemptId,
    /// What becomes of the recipient, where it failed.
    pub next: Option<Next>,
    /// Why, for lists.
    pub reason: Option<String>,
}

/// What a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInbound {
    /// Whose webhook it came to.
    pub account: AccountId,
    /// The number that was written to, by its id at the provider.
    pub sender_id: Option<String>,
    /// The number that was written to, by its phone.
    pub sender_phone: Option<Phone>,
    /// Who wrote; none where the person hides the number.
    pub phone: Option<Phone>,
    /// The provider's own name for the person.
    pub from_id: Option<String>,
    /// The name that the person goes by.
    pub profile: Option<String>,
    /// The provider's id of the message.
    pub message: String,
    /// What kind it is.
    pub kind: String,
    /// What it says.
    pub body: String,
    /// What it asks for.
    pub consent: Option<Consent>,
    /// The provider's id of the message that it answers.
    pub answers: Option<String>,
    /// When, by the provider's clock.
    pub at: Option<DateTime<Utc>>,
    /// The thread that the text names, and what follows the name.
    pub thread: Option<i32>,
    /// The provider has answered the word itself.
    pub handled: bool,
}

impl Store {
    /// Keeps receipts; one that came before is kept once. Answers how many are new.
    ///
    /// # Errors
    /// When the database is away or refuses; nothing is kept then.
    pub async fn keep_receipts(
        &self,
        organization: OrganizationId,
        receipts: &[NewReceipt],
    ) -> Result<u64, StoreError> {
        let column = |get: fn(&NewReceipt) -> Option<String>| receipts.iter().map(get).collect::<Vec<_>>();
        let ids: Vec<_> = receipts.iter().map(|_| ReceiptId::new().0).collect();
        let accounts: Vec<_> = receipts.iter().map(|receipt| receipt.account.0).collect();
        let references: Vec<_> =
            receipts.iter().map(|receipt| receipt.reference.map(|attempt| attempt.0)).collect();
        let deliveries: Vec<_> = receipts.iter().map(|receipt| receipt.delivery.name().to_owned()).collect();
        let times: Vec<_> = receipts.iter().map(|receipt| receipt.at).collect();
        let kept = sqlx::query!(
            r#"insert into receipts (organization_id, id, account_id, provider_message_id, reference, delivery, at, class,
                                     blame, code, words)
               select $1, k.* from unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[],
                                          $6::text[]::delivery_state[], $7::timestamptz[], $8::text[], $9::text[],
                                          $10::text[], $11::text[]) as k
               on conflict on constraint receipt_is_kept_once do nothing"#,
            organization.0,
            &ids,
            &accounts,
            &column(|receipt| receipt.message.clone()) as &[Option<String>],
            &references as &[Option<uuid::Uuid>],
            &deliveries,
            &times as &[Option<DateTime<Utc>>],
            &column(|receipt| receipt.failure.as_ref().map(|it| it.class.name().to_owned())) as &[Option<String>],
            &column(|receipt| receipt.failure.as_ref().map(|it| it.class.blame().name().to_owned())) as &[Option<String>],
            &column(|receipt| receipt.failure.as_ref().and_then(|it| it.code.clone())) as &[Option<String>],
            &column(|receipt| receipt.failure.as_ref().map(|it| it.words.clone())) as &[Option<String>],
        )
        .execute(&self.work)
        .await
        .map_err(failed("keep receipts"))?;
        Ok(kept.rows_affected())
    }

    /// Takes due receipts whose attempt is known; the others are looked at again later.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_receipts(
        &self,
        organization: OrganizationId,
        most: i32,
    ) -> Result<Vec<DueReceipt>, StoreError> {
        const DOING: &str = "look for receipts to apply";
        let unreadable = |what| StoreError::Unreadable { doing: DOING, what };
        let rows = sqlx::query!(
            r#"select receipt_id as "receipt_id!", attempt_id as "attempt_id!", attempt::text as "attempt!",
                      delivery::text as "delivery!", provider_message_id, code, words,
                      number_id as "number_id!", account_id as "account_id!", provider::text as "provider!",
                      campaign_id as "campaign_id?", phone as "phone!", tries as "tries!",
                      never_switch as "never_switch!", is_recent as "is_recent!"
                 from take_receipts($1, $2)"#,
            organization.0,
            most,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                Ok(DueReceipt {
                    id: row.receipt_id.into(),
                    attempt: row.attempt_id.into(),
                    state: row.attempt.parse().map_err(|_unknown| unreadable("attempt state"))?,
                    delivery: row.delivery.parse().map_err(|_unknown| unreadable("delivery"))?,
                    message: row.provider_message_id,
                    code: row.code,
                    words: row.words.unwrap_or_default(),
                    number: row.number_id.into(),
                    account: row.account_id.into(),
                    provider: row.provider.parse().map_err(|_unknown| unreadable("provider"))?,
                    campaign: row.campaign_id.map(CampaignId),
                    phone: Phone::parse(&row.phone).map_err(|_error| unreadable("phone"))?,
                    tries: row.tries,
                    never_switch: row.never_switch,
                    is_recent: row.is_recent,
                })
            })
            .collect()
    }

    /// Moves attempts and recipients forward by these receipts.
    ///
    /// # Errors
    /// When the database is away or refuses; they are taken again then.
    pub async fn apply_receipts(
        &self,
        organization: OrganizationId,
        judged: &[JudgedReceipt],
        now: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let ids: Vec<_> = judged.iter().map(|receipt| receipt.id.0).collect();
        let attempts: Vec<_> = judged.iter().map(|receipt| receipt.attempt.0).collect();
        let next: Vec<_> =
            judged.iter().map(|receipt| receipt.next.as_ref().map(|next| next.name().to_owned())).collect();
        let delays: Vec<_> =
            judged.iter().map(|receipt| receipt.next.as_ref().map_or(0, Next::delay_ms)).collect();
        let reasons: Vec<_> = judged.iter().map(|receipt| receipt.reason.clone()).collect();
        sqlx::query_scalar!(
            "select apply_receipts($1, $2, $3, $4, $5, $6, $7)",
            organization.0,
            &ids,
            &attempts,
            &next as &[Option<String>],
            &delays,
            &reasons as &[Option<String>],
            now,
        )
        .fetch_one(&self.work)
        .await
        .map_err(failed("apply receipts"))?;
        Ok(())
    }

    /// Keeps what people wrote, once each, and does at once what they ask for.
    ///
    /// # Errors
    /// When the database is away or refuses; nothing is kept then.
    pub async fn hear(&self, organization: OrganizationId, heard: &[NewInbound]) -> Result<(), StoreError> {
        let column = |get: fn(&NewInbound) -> Option<String>| heard.iter().map(get).collect::<Vec<_>>();
        let ids: Vec<_> = heard.iter().map(|_| ReceiptId::new().0).collect();
        let accounts: Vec<_> = heard.iter().map(|inbound| inbound.account.0).collect();
        let times: Vec<_> = heard.iter().map(|inbound| inbound.at).collect();
        let threads: Vec<_> = heard.iter().map(|inbound| inbound.thread).collect();
        let handled: Vec<_> = heard.iter().map(|inbound| inbound.handled).collect();
        let phone = |phone: &Option<Phone>| phone.as_ref().map(|phone| phone.reveal().to_owned());
        let phones = |get: fn(&NewInbound) -> &Option<Phone>| {
            heard.iter().map(|inbound| phone(get(inbound))).collect::<Vec<_>>()
        };
        sqlx::query_scalar!(
            "select hear($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
            organization.0,
            &ids,
            &accounts,
            &column(|inbound| inbound.sender_id.clone()) as &[Option<String>],
            &phones(|inbound| &inbound.sender_phone) as &[Option<String>],
            &phones(|inbound| &inbound.phone) as &[Option<String>],
            &column(|inbound| inbound.from_id.clone()) as &[Option<String>],
            &column(|inbound| inbound.profile.clone()) as &[Option<String>],
            &column(|inbound| Some(inbound.message.clone())) as &[Option<String>],
            &column(|inbound| Some(inbound.kind.clone())) as &[Option<String>],
            &column(|inbound| Some(inbound.body.clone())) as &[Option<String>],
            &column(|inbound| inbound.consent.map(|consent| consent.name().to_owned()))
                as &[Option<String>],
            &column(|inbound| inbound.answers.clone()) as &[Option<String>],
            &times as &[Option<DateTime<Utc>>],
            &threads as &[Option<i32>],
            &handled,
        )
        .fetch_one(&self.work)
        .await
        .map_err(failed("keep what people wrote"))?;
        Ok(())
    }
}
