//! What was decided about one thing: by whom, when and why.

use super::{NO_REASON, Seat};
use crate::domain::phone::mask;
use crate::domain::text::Safe;
use crate::store::view::LogLine;
use crate::store::{Store, StoreError, failed};
use uuid::Uuid;

const DOING: &str = "read the log";

impl Store {
    /// The latest decisions about one row, latest first.
    pub(super) async fn log_of(&self, seat: &Seat, id: Uuid) -> Result<Vec<LogLine>, StoreError> {
        let rows = sqlx::query!(
            "select at, actor, action, reason from audit_log
              where organization_id = $1 and entity_id = $2 order by at desc limit 50",
            seat.organization.0,
            id,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .map(|row| LogLine {
                at: row.at,
                by: row.actor.into(),
                what: Safe::new(&with_reason(&row.action, &row.reason)),
            })
            .collect())
    }

    /// Switches away from and to one number, latest first.
    pub(super) async fn switches_of(&self, seat: &Seat, number: Uuid) -> Result<Vec<LogLine>, StoreError> {
        let rows = sqlx::query!(
            r#"select f.started_at, f.actor, f.cause, f.code, f.words, f.ended_at, f.ended_by,
                      g.display_name as from_name, g.phone::text as "from_phone!",
                      t.display_name as "to_name?", t.phone::text as to_phone
                 from failovers f
                 join whatsapp_numbers g on g.organization_id = f.organization_id and g.id = f.from_number_id
                 left join whatsapp_numbers t on t.organization_id = f.organization_id and t.id = f.to_number_id
                where f.organization_id = $1 and (f.from_number_id = $2 or f.to_number_id = $2)
                order by f.started_at desc limit 50"#,
            seat.organization.0,
            number,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        let mut lines = Vec::new();
        for row in rows {
            let from = name(&row.from_name, &row.from_phone);
            let to = match (&row.to_name, &row.to_phone) {
                (Some(to), Some(phone)) => name(to, phone),
                _ => "nobody".to_owned(),
            };
            let words =
                row.code.as_deref().map_or_else(|| row.words.clone(), |code| format!("{code} {}", row.words));
            lines.push(LogLine {
                at: row.started_at,
                by: row.actor.into(),
                what: Safe::new(&format!("{from} -> {to}: {}", with_reason(&row.cause, &words))),
            });
            if let (Some(at), Some(by)) = (row.ended_at, row.ended_by) {
                lines.push(LogLine { at, by: by.into(), what: Safe::new(&format!("{to} -> {from}: back")) });
            }
        }
        Ok(lines)
    }
}

fn name(name: &str, phone: &str) -> String {
    if name.is_empty() { mask(phone) } else { name.to_owned() }
}

/// `suspend number: quality low`.
pub(super) fn with_reason(action: &str, reason: &str) -> String {
    let action = action.replace('_', " ");
    let reason = reason.trim();
    if reason.is_empty() || reason == NO_REASON { action } else { format!("{action}: {reason}") }
}
