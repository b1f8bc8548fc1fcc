//! Numbers removed, and many of them changed at once.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
    number::{NumberEdit, default_pacing, milliseconds},
};
use crate::domain::{
    action::Version,
    campaign::file::DEFAULT_POOL,
    ids::{AccountId, NumberId, OrganizationId},
    number::ProviderKind,
    phone::Phone,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

/// A file that touches so many numbers changes what the planner has to know of them.
const MANY: i64 = 50;

/// What became of the past of a number that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Past {
    /// It had none, and is deleted.
    Deleted,
    /// It is retired: what it sent names it.
    Retired,
}

/// A number that was removed and has a past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetiredNumber {
    /// In E.164 form.
    pub phone: String,
    /// What operators called it.
    pub name: String,
    /// The account it was at.
    pub account: String,
    /// When it was removed.
    pub retired_at: DateTime<Utc>,
    /// By whom.
    pub retired_by: String,
    /// The operators' notes.
    pub notes: String,
}

/// What became of a change of many numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BatchChange {
    /// How many were changed.
    pub changed: u64,
    /// How many were so already.
    pub unchanged: u64,
}

/// One number as a file of numbers describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberLine {
    /// Which one.
    pub phone: Phone,
    /// Its account and the account's provider; none: as it is.
    pub account: Option<(AccountId, ProviderKind)>,
    /// Whether it takes part.
    pub enabled: Option<bool>,
    /// What it says.
    pub edit: NumberEdit,
    /// Its pools with its weight in each; none: as they are.
    pub pools: Option<Vec<(String, u32)>>,
}

/// What became of an imported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NumbersImported {
    /// Numbers that were not there.
    pub added: i64,
    /// Numbers that are other than before.
    pub changed: i64,
    /// Numbers that were so already.
    pub unchanged: i64,
}

impl NumberLine {
    fn json(&self) -> Value {
        let mut columns = self.edit.columns();
        if let Some((account, _provider)) = self.account {
            columns["account_id"] = json!(account.0);
        }
        if let Some(enabled) = self.enabled {
            columns["is_active"] = json!(enabled);
        }
        let usual = default_pacing(self.account.map_or(ProviderKind::Meta, |(_, provider)| provider));
        let new = json!({
            "priority": 100, "interval_ms": milliseconds(&usual), "per_second": usual.per_second,
            "in_flight": usual.in_flight, "pool": DEFAULT_POOL,
        });
        let mut line = json!({ "phone": self.phone.reveal(), "columns": columns, "new": new });
        if let Some(pools) = &self.pools {
            let pools = pools.iter().map(|(name, weight)| json!({ "name": name, "weight": weight }));
            line["pools"] = pools.collect();
        }
        line
    }
}

impl Store {
    /// Removes a number: one that nothing names is deleted, one with a past is retired.
    ///
    /// # Errors
    /// When the database is away, busy or refuses.
    pub async fn remove_number(
        &self,
        organization: OrganizationId,
        number: NumberId,
        expected: Option<Version>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<(ActionResult, Past), StoreError> {
        const DOING: &str = "remove the number";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from remove_number($1, $2, $3, $4, $5, $6)",
            organization.0,
            number.0,
            expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        let past = if answer.found.as_deref() == Some("deleted") { Past::Deleted } else { Past::Retired };
        let refused = |name: &str, found: &str| format!("{name} is {found}; choose another one there first");
        let result = answer.read(DOING, "there is no such number any more", refused, |_before| None)?;
        Ok((result, past))
    }

    /// Numbers that were removed and have a past, latest first; or the one of this phone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn retired_numbers(
        &self,
        organization: OrganizationId,
        phone: Option<&Phone>,
    ) -> Result<Vec<RetiredNumber>, StoreError> {
        sqlx::query_as!(
            RetiredNumber,
            r#"select n.phone::text as "phone!", n.display_name as name, a.name as account,
                      n.retired_at as "retired_at!", n.retired_by as "retired_by!", n.notes
                 from whatsapp_numbers n
                 join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
                where n.organization_id = $1 and n.retired_at is not null and ($2::text is null or n.phone = $2)
                order by n.retired_at desc limit 2000"#,
            organization.0,
            phone.map(Phone::reveal),
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list the numbers that were removed"))
    }

    /// Makes the same change of all these numbers, or of none.
    ///
    /// # Errors
    /// When the database is away, busy or refuses it for one of them.
    pub async fn edit_numbers(
        &self,
        organization: OrganizationId,
        numbers: &[NumberId],
        edit: &NumberEdit,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<BatchChange, StoreError> {
        let numbers: Vec<uuid::Uuid> = numbers.iter().map(|number| number.0).collect();
        let rows = sqlx::query!(
            r#"select verdict as "verdict!", numbers as "numbers!"
                 from change_numbers($1, $2, 'edit number', $3, $4, $5, $6)"#,
            organization.0,
            &numbers,
            actor.operator,
            actor.instance_id(),
            reason,
            edit.columns(),
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("change the numbers"))?;
        let mut change = BatchChange::default();
        for row in rows {
            let numbers = u64::try_from(row.numbers).unwrap_or(0);
            if row.verdict == "done" {
                change.changed += numbers;
            } else {
                change.unchanged += numbers;
            }
        }
        Ok(change)
    }

    /// Adds and changes numbers as a file says: all of it, or nothing.
    ///
    /// # Errors
    /// When the database is away, busy or refuses a line.
    pub async fn import_numbers(
        &self,
        organization: OrganizationId,
        lines: &[NumberLine],
        actor: Actor<'_>,
    ) -> Result<NumbersImported, StoreError> {
        let rows: Value = lines.iter().map(NumberLine::json).collect();
        let imported = sqlx::query_as!(
            NumbersImported,
            r#"select added as "added!", changed as "changed!", unchanged as "unchanged!"
                 from import_numbers($1, $2, $3, $4)"#,
            organization.0,
            actor.operator,
            actor.instance_id(),
            rows,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("import numbers"))?;
        if imported.added + imported.changed >= MANY {
            self.analyze_numbers(organization).await;
        }
        Ok(imported)
    }

    /// Lets the planner know of numbers that are there since a moment ago. If that cannot be, autovacuum does it a minute later.
    async fn analyze_numbers(&self, organization: OrganizationId) {
        let done = sqlx::query!("select analyze_numbers($1)", organization.0).execute(&self.bulk).await;
        if let Err(error) = done {
            tracing::debug!("the planner does not know of the imported numbers yet: {error}");
        }
    }
}
