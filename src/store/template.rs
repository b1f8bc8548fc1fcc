//! The templates of each account: what its provider lists and tells of them.

use super::{Store, StoreError, failed};
use crate::domain::{
    content::registry::{Header, KnownTemplate, ListedTemplate, Registry, TemplateStatus},
    health::Quality,
    ids::{AccountId, InstanceId, OrganizationId},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::{collections::HashMap, time::Duration};

/// A template as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateRecord {
    /// Its name.
    pub name: String,
    /// Its language, in the provider's spelling.
    pub language: String,
    /// `approved`, `pending`, `rejected`, `paused`, `disabled`, `deleted` or `unknown`.
    pub status: String,
    /// The status in the provider's own word.
    pub said: String,
    /// Since when it has this status, as far as is known here.
    pub status_at: DateTime<Utc>,
    /// The provider's id.
    pub provider_id: String,
    /// Marketing, utility, …
    pub category: Option<String>,
    /// The names of its parameters.
    pub parameters: Option<Vec<String>>,
    /// `fixed`, `text`, the kind of media that each message brings, or `other`.
    pub header: String,
    /// The names of the headline's parameters.
    pub header_parameters: Vec<String>,
    /// The buttons that messages fill: `[{index, kind}]`.
    pub buttons: serde_json::Value,
    /// Its text.
    pub body: Option<String>,
    /// `green`, `yellow`, `red` or `unknown`.
    pub quality: Option<String>,
    /// Why it was refused or stopped.
    pub reason: Option<String>,
    /// When it was last listed; none: the provider only told of it.
    pub fetched_at: Option<DateTime<Utc>>,
    /// The campaigns that use it and are not over.
    pub campaigns: Vec<String>,
}

/// What a provider told of one template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateNews {
    /// Whose.
    pub account: AccountId,
    /// The provider's id; empty: it gave none.
    pub provider_id: String,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// Its new status, in the provider's word; `None`: this is not about that.
    pub status: Option<String>,
    /// Why.
    pub reason: String,
    /// How people take it; `None`: this is not about that.
    pub quality: Option<Quality>,
}

impl Store {
    /// What is known of the templates of these names or ids, by account.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn registries(
        &self,
        organization: OrganizationId,
        names: &[String],
    ) -> Result<HashMap<AccountId, Registry>, StoreError> {
        const DOING: &str = "look at the templates of accounts";
        let rows = sqlx::query!(
            r#"select f.account_id,
                      exists (select from account_templates l where l.organization_id = $1
                                 and l.account_id = f.account_id and l.fetched_at is not null) as "listed!",
                      t.provider_id as "provider_id?", t.name as "name?", t.language as "language?",
                      t.status as "status?", t.parameters, t.header as "header?",
                      t.header_parameters as "header_parameters?", t.buttons as "buttons?"
                 from template_fetches f
                 left join account_templates t
                   on t.organization_id = f.organization_id and t.account_id = f.account_id
                  and (t.name = any ($2) or t.provider_id = any ($2))
                where f.organization_id = $1 order by f.account_id, t.provider_id"#,
            organization.0,
            names,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        let mut registries: HashMap<AccountId, Registry> = HashMap::new();
        for row in rows {
            let registry = registries.entry(row.account_id.into()).or_default();
            registry.listed = row.listed;
            let (Some(provider_id), Some(name), Some(language)) = (row.provider_id, row.name, row.language)
            else {
                continue;
            };
            registry.templates.push(KnownTemplate {
                provider_id,
                name,
                language,
                status: TemplateStatus::named(row.status.as_deref().unwrap_or_default()),
                parameters: row.parameters,
                header: Header::named(
                    row.header.as_deref().unwrap_or("fixed"),
                    row.header_parameters.unwrap_or_default(),
                ),
                buttons: row
                    .buttons
                    .map(serde_json::from_value)
                    .transpose()
                    .map_err(|_| StoreError::Unreadable { doing: DOING, what: "buttons" })?
                    .unwrap_or_default(),
            });
        }
        Ok(registries)
    }

    /// Accounts whose provider is to be asked now for its templates; their next turn is set.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_template_fetches(
        &self,
        organization: OrganizationId,
        most: i32,
        every: Duration,
    ) -> Result<Vec<AccountId>, StoreError> {
        let due = sqlx::query_scalar!(
            r#"select take_template_fetches($1, $2, make_interval(secs => $3)) as "account!""#,
            organization.0,
            most,
            every.as_secs_f64(),
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look whose templates are due"))?;
        Ok(due.into_iter().map(AccountId).collect())
    }

    /// Keeps an account's whole list, and pauses the campaigns whose template may not be sent any more. Answers their
    /// names.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn keep_templates(
        &self,
        organization: OrganizationId,
        instance: Option<InstanceId>,
        account: AccountId,
        templates: &[ListedTemplate],
    ) -> Result<Vec<String>, StoreError> {
        let rows: Vec<serde_json::Value> = templates.iter().map(row_of).collect();
        sqlx::query_scalar!(
            r#"select keep_templates($1, $2, $3, $4) as "paused!""#,
            organization.0,
            instance.map(|instance| instance.0),
            account.0,
            serde_json::Value::from(rows),
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("keep the templates of an account"))
    }

    /// Notes why an account's templates could not be listed.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_template_problem(
        &self,
        organization: OrganizationId,
        account: AccountId,
        problem: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update template_fetches set problem = $3 where organization_id = $1 and account_id = $2",
            organization.0,
            account.0,
            problem,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("note why templates are not listed"))?;
        Ok(())
    }

    /// Lets an account's templates be asked for soon.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn ask_for_templates(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update template_fetches set next_at = least(next_at, clock_timestamp())
              where organization_id = $1 and account_id = $2",
            organization.0,
            account.0,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("ask for the templates of an account"))?;
        Ok(())
    }

    /// Keeps what a provider told of one template, and pauses the campaigns that it stops. The same again changes nothing.
    /// Answers their names.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn hear_template(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        news: &TemplateNews,
    ) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar!(
            r#"select hear_template($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as "paused!""#,
            organization.0,
            instance.0,
            news.account.0,
            news.provider_id,
            news.name,
            news.language,
            news.status.as_deref().map(|status| TemplateStatus::read(status).name()),
            news.status,
            news.reason,
            news.quality.map(Quality::name),
        )
        .fetch_one(&self.work)
        .await
        .map_err(failed("keep what a provider told of a template"))
    }

    /// An account's templates, by name and language, with the campaigns that use them.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn templates(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Vec<TemplateRecord>, StoreError> {
        sqlx::query_as!(
            TemplateRecord,
            r#"select t.name, t.language, t.status, t.said, t.status_at, t.provider_id, t.category,
                      t.parameters as "parameters: Vec<String>", t.header, t.header_parameters, t.buttons, t.body,
                      t.quality, t.reason, t.fetched_at,
                      array(select distinct c.name from campaigns c
                              join campaign_steps s on s.organization_id = c.organization_id and s.campaign_id = c.id
                             cross join sayings(s) v
                             where c.organization_id = $1 and c.state not in ('completed', 'cancelled')
                               and v.said -> 'template' ->> 'name' in (t.name, t.provider_id)
                               and exists (select from pool_numbers m
                                             join whatsapp_numbers n on n.organization_id = $1 and n.id = m.number_id
                                            where m.organization_id = $1 and m.pool_id = c.pool_id
                                              and n.account_id = $2)
                             order by c.name) as "campaigns!"
                 from account_templates t where t.organization_id = $1 and t.account_id = $2
                order by t.name, t.language, t.provider_id"#,
            organization.0,
            account.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list the templates of an account"))
    }
}

/// As `keep_templates` reads it.
fn row_of(template: &ListedTemplate) -> serde_json::Value {
    let known = &template.known;
    serde_json::json!({
        "provider_id": known.provider_id, "name": known.name, "language": known.language,
        "status": known.status.name(), "said": template.said, "category": template.category,
        "body": template.body, "header": known.header.name(), "parameters": known.parameters,
        "header_parameters": known.header.parameters(), "buttons": known.buttons,
        "quality": template.quality.map(Quality::name), "reason": template.reason,
    })
}
