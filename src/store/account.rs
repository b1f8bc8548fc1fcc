//! Accounts: credentials at a provider. Only sealed texts come in here and go out.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::{
    ids::{AccountId, OrganizationId},
    number::ProviderKind,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// An account as lists and details show it. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountRecord {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// `meta`, `ultramsg` or `twilio`.
    pub provider: String,
    /// WABA id or Account SID.
    pub external_id: String,
    /// Where the provider is reached, if not where it usually is.
    pub base_url: Option<String>,
    /// Unique recipients in a moving 24 h, as operators set it.
    pub rolling_limit: Option<i32>,
    /// The business portfolio whose limit it shares with the accounts that name the same one.
    pub portfolio: Option<String>,
    /// The same as the provider told when its numbers were checked; the smaller holds.
    pub provider_limit: Option<i32>,
    /// How many it has reached; none: it has no such limit.
    pub reached: Option<i32>,
    /// When there is room again, if there is none.
    pub room_opens: Option<DateTime<Utc>>,
    /// How many numbers it owns.
    pub numbers: i64,
    /// What they cost a month, a sum for each currency: `37.50 EUR`.
    pub monthly_costs: Vec<String>,
    /// Whether webhooks can be verified: an app secret is stored.
    pub has_app_secret: bool,
    /// Whether a webhook can be registered: a verify token is stored.
    pub has_verify_token: bool,
    /// How many whole days ago its token was given.
    pub token_days: i32,
    /// How many whole days ago its app secret was given; none: it has none.
    pub app_secret_days: Option<i32>,
    /// How many whole days ago its verify token was given; none: it has none.
    pub verify_token_days: Option<i32>,
    /// How many whole days ago the secret of its webhook's path was made; none: it has none.
    pub webhook_secret_days: Option<i32>,
    /// The sealed last part of the webhook's path.
    #[serde(skip)]
    pub sealed_webhook_secret: Option<String>,
    /// How often it has been changed.
    pub version: i64,
}

/// What a new account is made of.
#[derive(Debug, Clone)]
pub struct NewAccount<'a> {
    /// Its id, to which the secrets are bound.
    pub id: AccountId,
    /// Its name.
    pub name: &'a str,
    /// Which provider.
    pub provider: ProviderKind,
    /// WABA id or Account SID.
    pub external_id: &'a str,
    /// Where the provider is reached, if not where it usually is.
    pub base_url: Option<&'a str>,
    /// Unique recipients in a moving 24 h.
    pub rolling_limit: Option<i32>,
    /// The business portfolio whose limit it shares.
    pub portfolio: Option<&'a str>,
    /// Its sealed secrets.
    pub sealed: SealedSecrets,
}

/// Sealed secrets of an account; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct SealedSecrets {
    /// The token that requests carry.
    pub token: Option<String>,
    /// Signs webhooks.
    pub app_secret: Option<String>,
    /// Given back when a webhook is registered.
    pub verify_token: Option<String>,
    /// The last part of the webhook's path.
    pub webhook_secret: Option<String>,
}

/// A change of an account: only what is `Some` is touched.
#[derive(Debug, Clone, Default)]
pub struct AccountEdit<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// WABA id or Account SID.
    pub external_id: Option<&'a str>,
    /// Where the provider is reached; `Some(None)`: where it usually is.
    pub base_url: Option<Option<&'a str>>,
    /// Unique recipients in a moving 24 h; `Some(None)`: no limit.
    pub rolling_limit: Option<Option<i32>>,
    /// The business portfolio whose limit it shares; `Some(None)`: it shares with nobody.
    pub portfolio: Option<Option<&'a str>>,
    /// New secrets.
    pub sealed: SealedSecrets,
}

impl Store {
    /// All accounts by name, or the one of this name.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn accounts(
        &self,
        organization: OrganizationId,
        name: Option<&str>,
    ) -> Result<Vec<AccountRecord>, StoreError> {
        sqlx::query_as!(
            AccountRecord,
            r#"select a.id, a.name, a.provider::text as "provider!", a.external_id, a.base_url, a.rolling_limit, a.portfolio,
                      a.provider_limit, s.used as "reached?", s.opens as "room_opens?",
                      (select count(*) from whatsapp_numbers n
                        where n.organization_id = a.organization_id and n.account_id = a.id
                          and n.retired_at is null) as "numbers!",
                      array(select to_char(sum(n.monthly_cost) / 100.0, 'FM9999999999990.00') || ' ' || n.cost_currency
                              from whatsapp_numbers n
                             where n.organization_id = a.organization_id and n.account_id = a.id
                               and n.monthly_cost is not null and n.retired_at is null
                             group by n.cost_currency order by n.cost_currency) as "monthly_costs!",
                      a.sealed_app_secret is not null as "has_app_secret!",
                      a.sealed_verify_token is not null as "has_verify_token!", a.sealed_webhook_secret,
                      extract(day from clock_timestamp() - a.token_since)::integer as "token_days!",
                      case when a.sealed_app_secret is not null
                           then extract(day from clock_timestamp() - coalesce(a.app_secret_since, a.created_at))::integer
                           end as app_secret_days,
                      case when a.sealed_verify_token is not null
                           then extract(day from clock_timestamp() - coalesce(a.verify_token_since, a.created_at))::integer
                           end as verify_token_days,
                      case when a.sealed_webhook_secret is not null
                           then extract(day from clock_timestamp() - a.created_at)::integer end as webhook_secret_days,
                      a.revision as version
                 from accounts a
                 left join lateral account_standing(a.organization_id, a.reach_id, a.rolling_cap, clock_timestamp()) s
                           on a.rolling_cap is not null
                where a.organization_id = $1 and ($2::text is null or a.name = $2)
                order by a.name"#,
            organization.0,
            name,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list accounts"))
    }

    /// Adds an account.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because the name is taken.
    pub async fn add_account(
        &self,
        organization: OrganizationId,
        new: &NewAccount<'_>,
        actor: Actor<'_>,
    ) -> Result<(), StoreError> {
        sqlx::query_scalar!(
            "with added as (
                 insert into accounts (organization_id, id, name, provider, external_id, base_url, rolling_limit,
                                       sealed_token, sealed_app_secret, sealed_verify_token, sealed_webhook_secret, portfolio)
                 values ($1, $2, $3, $4::text::provider_kind, $5, $6, $7, $8, $9, $10, $11, $14) returning *
             )
             select record_decision($1, clock_timestamp(), $12, $13, 'add account', 'account', a.id, a.name, 'added',
                                    null, to_jsonb(a)) from added a",
            organization.0,
            new.id.0,
            new.name,
            new.provider.name(),
            new.external_id,
            new.base_url,
            new.rolling_limit,
            new.sealed.token,
            new.sealed.app_secret,
            new.sealed.verify_token,
            new.sealed.webhook_secret,
            actor.operator,
            actor.instance_id(),
            new.portfolio,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("add the account"))?;
        Ok(())
    }

    /// Changes an account. New secrets are noted in the audit log, never shown there.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_account(
        &self,
        organization: OrganizationId,
        account: AccountId,
        edit: &AccountEdit<'_>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let secrets = &edit.sealed;
        let renewed =
            secrets.token.is_some() || secrets.app_secret.is_some() || secrets.verify_token.is_some();
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select * from accounts where organization_id = $1 and id = $2 for update
               ), changed as (
                   update accounts a
                      set name = coalesce($3, a.name), external_id = coalesce($4, a.external_id),
                          base_url = case when $5 then $6 else a.base_url end,
                          rolling_limit = case when $7 then $8 else a.rolling_limit end,
                          portfolio = case when $16 then $17 else a.portfolio end,
                          sealed_token = coalesce($9, a.sealed_token),
                          token_since = case when $9::text is null then a.token_since else clock_timestamp() end,
                          sealed_app_secret = coalesce($10, a.sealed_app_secret),
                          app_secret_since = case when $10::text is null then a.app_secret_since
                                                  else clock_timestamp() end,
                          sealed_verify_token = coalesce($11, a.sealed_verify_token),
                          verify_token_since = case when $11::text is null then a.verify_token_since
                                                    else clock_timestamp() end, revision = a.revision + 1
                     from locked l where a.organization_id = $1 and a.id = l.id
                   returning a.*
               )
               select count(record_decision($1, clock_timestamp(), $12, $13, $15, 'account', c.id, c.name, $14,
                                            to_jsonb(l), to_jsonb(c))) as "count!"
                 from changed c, locked l"#,
            organization.0,
            account.0,
            edit.name,
            edit.external_id,
            edit.base_url.is_some(),
            edit.base_url.flatten(),
            edit.rolling_limit.is_some(),
            edit.rolling_limit.flatten(),
            secrets.token,
            secrets.app_secret,
            secrets.verify_token,
            actor.operator,
            actor.instance_id(),
            reason,
            if renewed { "renew the secrets of account" } else { "edit account" },
            edit.portfolio.is_some(),
            edit.portfolio.flatten(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("edit the account"))?;
        Ok(changed > 0)
    }

    /// Removes an account that owns no number.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because numbers belong to it.
    pub async fn remove_account(
        &self,
        organization: OrganizationId,
        account: AccountId,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let removed = sqlx::query_scalar!(
            r#"with removed as (
                   delete from accounts where organization_id = $1 and id = $2 returning *
               )
               select count(record_decision($1, clock_timestamp(), $3, $4, 'remove account', 'account', r.id, r.name,
                                            $5, to_jsonb(r), null)) as "count!" from removed r"#,
            organization.0,
            account.0,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("remove the account"))?;
        Ok(removed > 0)
    }

    /// The value by which an encryption key is recognised; `own` is stored when the database has none yet.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn key_check(&self, own: &str) -> Result<String, StoreError> {
        // Two programs that start at once: the second one neither stores its own nor, in the same statement, sees what the
        // first one stored after it began. It does when it asks again.
        match self.stored_key_check(own).await? {
            Some(stored) => Ok(stored),
            None => self
                .stored_key_check(own)
                .await?
                .ok_or(StoreError::Unreadable { doing: "compare the encryption key", what: "key check" }),
        }
    }

    async fn stored_key_check(&self, own: &str) -> Result<Option<String>, StoreError> {
        // Who may only look compares as well, and stores nothing.
        let known = sqlx::query_scalar!("select sealed from key_check")
            .fetch_optional(&self.screen)
            .await
            .map_err(failed("compare the encryption key"))?;
        if known.is_some() {
            return Ok(known);
        }
        sqlx::query_scalar!(
            r#"with stored as (
                   insert into key_check (sealed) values ($1) on conflict on constraint key_check_key do nothing
                   returning sealed
               )
               select sealed as "sealed!" from stored union all select sealed from key_check limit 1"#,
            own,
        )
        .fetch_optional(&self.screen)
        .await
        .map_err(failed("compare the encryption key"))
    }
}
