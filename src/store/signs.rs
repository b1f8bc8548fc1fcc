//! What shows whether an account works: when its numbers sent last, when its webhook was called last, what was refused.

use super::{Store, StoreError, failed};
use crate::domain::{
    ids::{AccountId, OrganizationId},
    number::ProviderKind,
};
use chrono::{DateTime, Utc};

/// The signs of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSigns {
    /// Which one.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Which provider it is at.
    pub provider: ProviderKind,
    /// When one of its numbers sent last.
    pub sent_at: Option<DateTime<Utc>>,
    /// When its webhook was called last by somebody who could prove to be the provider.
    pub webhook_at: Option<DateTime<Utc>>,
    /// Calls in the last seven days that were not believed, by cause, the latest first: cause, how many, when last.
    pub refusals: Vec<(String, i64, DateTime<Utc>)>,
    /// What proves a call is stored.
    pub has_proof: bool,
}

impl Store {
    /// The signs of every account.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn account_signs(&self, organization: OrganizationId) -> Result<Vec<AccountSigns>, StoreError> {
        const DOING: &str = "look how accounts are";
        let rows = sqlx::query!(
            r#"select a.id, a.name, a.provider::text as "provider!",
                      (select max(p.last_sent_at) from whatsapp_numbers n
                         join number_pacing p on p.organization_id = n.organization_id and p.number_id = n.id
                        where n.organization_id = a.organization_id and n.account_id = a.id) as sent_at,
                      (select w.received_at from webhooks w
                        where w.organization_id = a.organization_id and w.account_id = a.id
                        order by w.id desc limit 1) as webhook_at,
                      case a.provider when 'meta' then a.sealed_app_secret is not null
                                      when 'ultramsg' then a.sealed_webhook_secret is not null
                                      else true end as "has_proof!"
                 from accounts a where a.organization_id = $1 order by a.name"#,
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let refusals = sqlx::query!(
            r#"select account_id, cause, sum(count)::bigint as "count!", max(last_at) as "last_at!"
                 from webhook_refusals
                where organization_id = $1 and last_at > clock_timestamp() - interval '7 days'
                group by account_id, cause order by 4 desc"#,
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let refusals = refusals.iter().filter(|refusal| refusal.account_id == row.id);
                Ok(AccountSigns {
                    id: row.id.into(),
                    name: row.name,
                    provider: row
                        .provider
                        .parse()
                        .map_err(|_unknown| StoreError::Unreadable { doing: DOING, what: "provider" })?,
                    sent_at: row.sent_at,
                    webhook_at: row.webhook_at,
                    refusals: refusals.map(|each| (each.cause.clone(), each.count, each.last_at)).collect(),
                    has_proof: row.has_proof,
                })
            })
            .collect()
    }
}
