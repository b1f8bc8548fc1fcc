//! What is set, as it was before a decision of the audit log: the changes that bring it back.

use super::{DOING, Row};
use crate::domain::{
    ids::OrganizationId,
    setting::{Change, SETTINGS},
};
use crate::store::{Store, StoreError, failed};
use serde_json::{Map, Value, json};

/// Columns that the log has under another name, or in other words, than what is read.
const NUMBER: &str = "default_number_id";
const STANDBY: &str = "standby_after";

impl Store {
    /// The changes that bring back what the log says was set before; or why there are none, as the end of a sentence.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub(in crate::store) async fn former_settings(
        &self,
        organization: OrganizationId,
        before: Option<&Value>,
    ) -> Result<Result<Vec<Change>, String>, StoreError> {
        let none = Map::new();
        let before = before.and_then(Value::as_object).unwrap_or(&none);
        if before.is_empty() {
            return Ok(Err("the log does not say what was there before".into()));
        }
        let row = self.settings_row(organization).await?;
        let unreadable = |_| StoreError::Unreadable { doing: DOING, what: "setting" };
        let mut columns = serde_json::to_value(&row).map_err(unreadable)?;
        let named = self.named_before(organization, before).await?;
        for (column, value) in before {
            let (column, value) = match column.as_str() {
                NUMBER if !value.is_null() && named.0.is_none() => {
                    return Ok(Err("the number that was its last resort is gone".into()));
                }
                NUMBER => ("default_number", json!(named.0)),
                STANDBY => ("standby_seconds", json!(named.1)),
                other => (other, value.clone()),
            };
            match columns.get_mut(column) {
                Some(place) => *place = value,
                None => return Ok(Err(format!("it changed {column}, which signalbox org edit sets"))),
            }
        }
        let Ok(then) = serde_json::from_value::<Row>(columns) else {
            return Ok(Err("what was there before cannot be set any more".into()));
        };
        let (now, then) = (row.read()?, then.read()?);
        let differs =
            |shape: &&crate::domain::setting::Shape| now.text(shape.setting) != then.text(shape.setting);
        let changes: Vec<Change> = SETTINGS
            .iter()
            .filter(differs)
            .filter_map(|shape| {
                let to = then.get(shape.setting)?.clone();
                Some(Change { setting: shape.setting, was: now.text(shape.setting), to })
            })
            .collect();
        Ok(if changes.is_empty() { Err("it is so again already".into()) } else { Ok(changes) })
    }

    /// The phone of the number that was the last resort, and the idle time in seconds.
    async fn named_before(
        &self,
        organization: OrganizationId,
        before: &Map<String, Value>,
    ) -> Result<(Option<String>, Option<f64>), StoreError> {
        let text = |column: &str| before.get(column).and_then(Value::as_str);
        let number = text(NUMBER).and_then(|id| id.parse::<uuid::Uuid>().ok());
        let row = sqlx::query!(
            r#"select (select n.phone::text from whatsapp_numbers n
                        where n.organization_id = $1 and n.id = $2 and n.retired_at is null) as phone,
                      extract(epoch from ($3::text)::interval)::double precision as seconds"#,
            organization.0,
            number,
            text(STANDBY),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        Ok((row.phone, row.seconds))
    }
}
