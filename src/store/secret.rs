//! Sealed secrets as rows: what a rotation of keys reads and writes, one account or channel after the other.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::ids::{AccountId, ChannelId, OrganizationId};

/// The columns of an account that hold sealed secrets.
pub const SEALED_COLUMNS: [&str; 4] =
    ["sealed_token", "sealed_app_secret", "sealed_verify_token", "sealed_webhook_secret"];

/// An account's sealed secrets, in the order of [`SEALED_COLUMNS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Which account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// What stands there.
    pub sealed: [Option<String>; 4],
}

impl Store {
    /// The sealed secrets of an organisation's accounts, by name.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn sealed_rows(&self, organization: OrganizationId) -> Result<Vec<SealedRow>, StoreError> {
        let rows = sqlx::query!(
            "select id, name, sealed_token, sealed_app_secret, sealed_verify_token, sealed_webhook_secret
               from accounts where organization_id = $1 order by name, id",
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("read the sealed secrets"))?;
        Ok(rows
            .into_iter()
            .map(|row| SealedRow {
                account: AccountId(row.id),
                name: row.name,
                sealed: [
                    Some(row.sealed_token),
                    row.sealed_app_secret,
                    row.sealed_verify_token,
                    row.sealed_webhook_secret,
                ],
            })
            .collect())
    }

    /// Puts newly sealed secrets in the place of those that were read, all of an account at once. `false`: somebody else changed
    /// them meanwhile, and nothing was written.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn replace_sealed(
        &self,
        organization: OrganizationId,
        read: &SealedRow,
        sealed: &[Option<String>; 4],
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let [old_token, old_app, old_verify, old_webhook] = &read.sealed;
        let [token, app, verify, webhook] = sealed;
        let changed = sqlx::query_scalar!(
            r#"with changed as (
                   update accounts
                      set sealed_token = $3, sealed_app_secret = $4, sealed_verify_token = $5, sealed_webhook_secret = $6
                    where organization_id = $1 and id = $2 and sealed_token = $7
                      and sealed_app_secret is not distinct from $8 and sealed_verify_token is not distinct from $9
                      and sealed_webhook_secret is not distinct from $10
                   returning id, name
               )
               select count(record_decision($1, clock_timestamp(), $11, $12, 'seal the secrets of account', 'account', c.id,
                                            c.name, 'the key was exchanged', null, null)) as "count!" from changed c"#,
            organization.0,
            read.account.0,
            token.as_deref(),
            app.as_deref(),
            verify.as_deref(),
            webhook.as_deref(),
            old_token.as_deref(),
            old_app.as_deref(),
            old_verify.as_deref(),
            old_webhook.as_deref(),
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("seal the secrets again"))?;
        Ok(changed > 0)
    }

    /// Puts a newly sealed secret of a channel for alerts in the place of the one that was read. `false`: somebody else changed it
    /// meanwhile, and nothing was written.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn replace_channel_secret(
        &self,
        organization: OrganizationId,
        channel: ChannelId,
        read: &str,
        sealed: &str,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query_scalar!(
            r#"with changed as (
                   update alert_channels set sealed_secret = $4
                    where organization_id = $1 and id = $2 and sealed_secret = $3
                   returning id, name
               )
               select count(record_decision($1, clock_timestamp(), $5, $6, 'seal the secret of alert channel', 'alert_channel',
                                            c.id, c.name, 'the key was exchanged', null, null)) as "count!" from changed c"#,
            organization.0,
            channel.0,
            read,
            sealed,
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("seal the secret of a channel again"))?;
        Ok(changed > 0)
    }

    /// Puts another check value in the place of this one: from then on, only its key is the right one. The owner's to do.
    /// `false`: it was another one already.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn replace_key_check(&self, old: &str, new: &str) -> Result<bool, StoreError> {
        let done = sqlx::query!("update key_check set sealed = $2 where sealed = $1", old, new)
            .execute(&self.bulk)
            .await
            .map_err(failed("exchange the check value of the keys"))?;
        Ok(done.rows_affected() > 0)
    }
}
