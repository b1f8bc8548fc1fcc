//! What providers report, kept as it came; and what it takes to believe it.

use super::{Store, StoreError, failed};
use crate::domain::{
    ids::{AccountId, OrganizationId, WebhookId},
    number::ProviderKind,
};
use serde::{Deserialize, Serialize};

/// A request that was believed and is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewWebhook {
    /// Ours.
    pub id: WebhookId,
    /// Whose webhook was called.
    pub account: AccountId,
    /// The query of the address, without the question mark.
    pub query: String,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// A request that is to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Ours.
    pub id: WebhookId,
    /// Whose webhook was called.
    pub account: AccountId,
    /// Whose dialect it is in.
    pub provider: ProviderKind,
    /// The query of the address.
    pub query: String,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// How often it was taken, this time included.
    pub tries: i16,
}

/// What an account's webhook is believed by; all secrets sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Which account.
    pub account: AccountId,
    /// Whose dialect it speaks.
    pub provider: ProviderKind,
    /// Signs Twilio's requests.
    pub token: String,
    /// Signs Meta's requests.
    pub app_secret: Option<String>,
    /// Meta's word for the registration.
    pub verify_token: Option<String>,
    /// The last part of `UltraMsg`'s address.
    pub webhook_secret: Option<String>,
}

impl Store {
    /// Keeps requests, all or none. One that came before, byte for byte, is kept once. Answers how many are new.
    ///
    /// # Errors
    /// When the database is away or refuses; nothing is kept then.
    pub async fn keep_webhooks(
        &self,
        organization: OrganizationId,
        webhooks: &[NewWebhook],
    ) -> Result<u64, StoreError> {
        let ids: Vec<_> = webhooks.iter().map(|webhook| webhook.id.0).collect();
        let accounts: Vec<_> = webhooks.iter().map(|webhook| webhook.account.0).collect();
        let queries: Vec<_> = webhooks.iter().map(|webhook| webhook.query.clone()).collect();
        let bodies: Vec<_> = webhooks.iter().map(|webhook| webhook.body.clone()).collect();
        let kept = sqlx::query!(
            r#"insert into webhooks (organization_id, id, account_id, digest, query, body, received_at)
               select $1, w.id, w.account_id, sha256(convert_to(w.query, 'UTF8') || '\x00'::bytea || w.body), w.query, w.body,
                      clock_timestamp()
                 from unnest($2::uuid[], $3::uuid[], $4::text[], $5::bytea[]) as w (id, account_id, query, body)
                 join accounts a on a.organization_id = $1 and a.id = w.account_id
               on conflict on constraint webhook_is_kept_once do nothing"#,
            organization.0,
            &ids,
            &accounts,
            &queries,
            &bodies,
        )
        .execute(&self.work)
        .await
        .map_err(failed("keep what providers report"))?;
        Ok(kept.rows_affected())
    }

    /// Takes the oldest requests that nobody applies; they are the caller's for half a minute.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_webhooks(
        &self,
        organization: OrganizationId,
        most: i32,
    ) -> Result<Vec<Webhook>, StoreError> {
        const DOING: &str = "take what providers report";
        let rows = sqlx::query!(
            r#"select w.id as "id!", w.account_id as "account_id!", a.provider::text as "provider!", w.query as "query!",
                      w.body as "body!", w.tries as "tries!"
                 from take_webhooks($1, $2) w
                 join accounts a on a.organization_id = $1 and a.id = w.account_id
                order by w.id"#,
            organization.0,
            most,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                Ok(Webhook {
                    id: row.id.into(),
                    account: row.account_id.into(),
                    provider: provider(&row.provider, DOING)?,
                    query: row.query,
                    body: row.body,
                    tries: row.tries,
                })
            })
            .collect()
    }

    /// Says that these are applied; with the problem, where something of them could not be read. Each is found through its
    /// key, whatever the figures of the table are: joined by value, a plan that was made while it was small walks all that
    /// was ever reported. One that somebody took anew meanwhile may be left out; it is applied again, which changes nothing.
    ///
    /// # Errors
    /// When the database is away or refuses; they are applied again then, which changes nothing.
    pub async fn close_webhooks(
        &self,
        organization: OrganizationId,
        applied: &[(WebhookId, Option<String>)],
    ) -> Result<(), StoreError> {
        let ids: Vec<_> = applied.iter().map(|(id, _)| id.0).collect();
        let problems: Vec<_> = applied.iter().map(|(_, problem)| problem.clone()).collect();
        sqlx::query!(
            "update webhooks w set applied_at = clock_timestamp(), taken_until = null, problem = k.problem
               from (select due.place, u.problem
                       from unnest($2::uuid[], $3::text[]) as u (id, problem)
                      cross join lateral (select due.ctid as place from webhooks due
                                           where due.organization_id = $1 and due.id >= u.id and due.id <= u.id
                                             and due.applied_at is null
                                           order by due.id limit 1 for update) due) k
              where w.ctid = k.place",
            organization.0,
            &ids,
            &problems as &[Option<String>],
        )
        .execute(&self.work)
        .await
        .map_err(failed("note what was applied"))?;
        Ok(())
    }

    /// What the webhooks of all accounts are believed by.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn webhook_credentials(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<Credentials>, StoreError> {
        const DOING: &str = "read the secrets of webhooks";
        let rows = sqlx::query!(
            r#"select id, provider::text as "provider!", sealed_token, sealed_app_secret, sealed_verify_token,
                      sealed_webhook_secret
                 from accounts where organization_id = $1"#,
            organization.0,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                Ok(Credentials {
                    account: row.id.into(),
                    provider: provider(&row.provider, DOING)?,
                    token: row.sealed_token,
                    app_secret: row.sealed_app_secret,
                    verify_token: row.sealed_verify_token,
                    webhook_secret: row.sealed_webhook_secret,
                })
            })
            .collect()
    }

    /// Counts requests that were not believed.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn count_refusals(
        &self,
        organization: OrganizationId,
        refusals: &[(AccountId, &'static str, u32)],
    ) -> Result<(), StoreError> {
        let accounts: Vec<_> = refusals.iter().map(|(account, _, _)| account.0).collect();
        let causes: Vec<_> = refusals.iter().map(|(_, cause, _)| (*cause).to_owned()).collect();
        let counts: Vec<_> = refusals.iter().map(|(_, _, count)| i64::from(*count)).collect();
        sqlx::query!(
            "insert into webhook_refusals as r (organization_id, account_id, day, cause, count, last_at)
             select $1, k.account_id, (clock_timestamp() at time zone o.time_zone)::date, k.cause, sum(k.count),
                    clock_timestamp()
               from unnest($2::uuid[], $3::text[], $4::bigint[]) as k (account_id, cause, count)
               join organizations o on o.id = $1
               join accounts a on a.organization_id = $1 and a.id = k.account_id
              group by k.account_id, k.cause, o.time_zone order by k.account_id, k.cause
             on conflict on constraint webhook_refusals_key do update
                set count = r.count + excluded.count, last_at = excluded.last_at",
            organization.0,
            &accounts,
            &causes,
            &counts,
        )
        .execute(&self.work)
        .await
        .map_err(failed("count what was not believed"))?;
        Ok(())
    }
}

fn provider(name: &str, doing: &'static str) -> Result<ProviderKind, StoreError> {
    name.parse().map_err(|_unknown| StoreError::Unreadable { doing, what: "provider" })
}
