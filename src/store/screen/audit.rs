//! What operators and senders decided: pages by key, the latest first, and all of one decision.

use super::{NO_REASON, ReadError, Seat};
use crate::domain::opposite::{Opposite, is_of_settings, opposite};
use crate::domain::phone::{Phone, mask};
use crate::domain::text::{Safe, Shown};
use crate::store::view::{AuditChange, AuditDetail, AuditRow, Cursor, LaterDecision, Page, Place};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

const DOING: &str = "read the audit log";
/// Words of a filter that count.
const WORDS: usize = 12;

/// A decision as it is stored.
struct Line {
    id: Uuid,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    kind: String,
    subject: Uuid,
    entity_name: String,
    number_name: Option<String>,
    reason: String,
}

impl Store {
    /// One page of decisions, the latest first: those that have all words of `text` in who, what, to what or why,
    /// whatever their case.
    ///
    /// # Errors
    /// When the database is away or refuses, or looks too long for rare words.
    pub async fn audit_page(
        &self,
        seat: &Seat,
        text: &str,
        place: Place,
    ) -> Result<Page<AuditRow>, ReadError> {
        let words: Vec<String> = text.split_whitespace().take(WORDS).map(str::to_lowercase).collect();
        let cursor = match place {
            Place::Start | Place::End => None,
            Place::After(cursor)
            | Place::Before(cursor)
            | Place::NextFailed(cursor)
            | Place::PreviousFailed(cursor) => Some(cursor),
        };
        let lines = if place.is_backwards() {
            self.decisions_after(seat, cursor, &words).await?
        } else {
            self.decisions_before(seat, cursor, &words).await?
        };
        Ok(Page::read_at(place, lines.into_iter().map(row).collect()))
    }

    async fn decisions_before(
        &self,
        seat: &Seat,
        cursor: Option<Cursor>,
        words: &[String],
    ) -> Result<Vec<Line>, StoreError> {
        sqlx::query_as!(
            Line,
            r#"select a.id, a.at, a.actor, a.action, a.entity as kind, a.entity_id as subject, a.entity_name, a.reason,
                      n.display_name as "number_name?"
                 from audit_log a
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = a.entity_id
                where a.organization_id = $1 and a.at <= coalesce($2, 'infinity'::timestamptz)
                  and (a.at, a.id) < (coalesce($2, 'infinity'::timestamptz), $3::uuid)
                  and not exists (select from unnest($4::text[]) w
                                   where position(w in lower(concat_ws(' ', a.actor, a.action, a.entity, a.entity_name,
                                                                       n.display_name, a.reason))) = 0)
                order by a.at desc, a.id desc limit 201"#,
            seat.organization.0,
            cursor.map(|cursor| cursor.at),
            cursor.map_or(Uuid::max(), |cursor| cursor.id),
            words,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))
    }

    async fn decisions_after(
        &self,
        seat: &Seat,
        cursor: Option<Cursor>,
        words: &[String],
    ) -> Result<Vec<Line>, StoreError> {
        sqlx::query_as!(
            Line,
            r#"select a.id, a.at, a.actor, a.action, a.entity as kind, a.entity_id as subject, a.entity_name, a.reason,
                      n.display_name as "number_name?"
                 from audit_log a
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = a.entity_id
                where a.organization_id = $1 and a.at >= coalesce($2, '-infinity'::timestamptz)
                  and (a.at, a.id) > (coalesce($2, '-infinity'::timestamptz), $3::uuid)
                  and not exists (select from unnest($4::text[]) w
                                   where position(w in lower(concat_ws(' ', a.actor, a.action, a.entity, a.entity_name,
                                                                       n.display_name, a.reason))) = 0)
                order by a.at, a.id limit 201"#,
            seat.organization.0,
            cursor.map(|cursor| cursor.at),
            cursor.map_or(Uuid::nil(), |cursor| cursor.id),
            words,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))
    }

    /// All of one decision: what was before and after, who decided about the same since, and what takes it back.
    ///
    /// # Errors
    /// When it is not there any more, or the database is away or refuses.
    pub async fn audit_entry(&self, seat: &Seat, id: Uuid) -> Result<AuditDetail, ReadError> {
        let entry = sqlx::query!(
            r#"select a.login, i.host as "host?", a.action, a.entity, a.entity_id, a.before, a.after, l.actor as "later_by?",
                      l.action as "later_action?", l.at as "later_at?"
                 from audit_log a
                 left join instances i on i.organization_id = $1 and i.id = a.instance_id
                 left join lateral (
                      -- What says nothing of before and after counts where it is about whether something goes on.
                      select l.actor, l.action, l.at from audit_log l
                       where l.organization_id = $1 and l.entity_id = a.entity_id and l.at > a.at
                         and case when l.after is null or a.after is null
                                  then l.action ~ '^(suspend|resume|fail over|enable|disable|pause|start|launch|cancel|complete|stop|lift)'
                                       and (a.after is null or a.after ?| array['state', 'suspended_at', 'is_active'])
                                  else exists (select from jsonb_object_keys(a.after) k where l.after ? k) end
                       order by l.at desc limit 1) l on true
                where a.organization_id = $1 and a.id = $2"#,
            seat.organization.0,
            id,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?
        .ok_or(ReadError::Gone("decision"))?;
        let later = match (entry.later_by, entry.later_action, entry.later_at) {
            (Some(by), Some(action), Some(at)) => {
                Some(LaterDecision { at, by: by.into(), action: spaced(&action) })
            }
            _ => None,
        };
        let way_back = if is_of_settings(&entry.entity, &entry.action) {
            let changes = self.former_settings(seat.organization, entry.before.as_ref()).await?;
            changes.map(Opposite::Settings)
        } else {
            opposite(&entry.entity, &entry.action, entry.before.as_ref())
        };
        Ok(AuditDetail {
            id,
            action: spaced(&entry.action),
            subject: entry.entity_id,
            login: entry.login.map(Safe::from),
            host: entry.host.map(Safe::from),
            changes: changes(entry.before.as_ref(), entry.after.as_ref()),
            later,
            opposite: way_back.map_err(|why| Safe::new(&why)),
        })
    }
}

fn spaced(action: &str) -> Safe {
    Safe::new(&action.replace('_', " "))
}

fn row(line: Line) -> AuditRow {
    let reason = if line.reason == NO_REASON { "" } else { line.reason.trim() };
    AuditRow {
        id: line.id,
        at: line.at,
        by: line.actor.into(),
        action: spaced(&line.action),
        kind: spaced(&line.kind),
        subject: line.subject,
        name: match line.number_name.filter(|name| !name.is_empty()) {
            Some(name) => Shown::new(&name),
            None => Shown::new(&masked(&line.entity_name)),
        },
        reason: Shown::new(reason),
    }
}

/// A text as it is, and a phone masked: whoever wants to see one asks for it, and that is recorded.
fn masked(text: &str) -> String {
    if Phone::parse(text).is_ok() { mask(text) } else { text.to_owned() }
}

/// A value with every phone in it masked.
fn within(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(masked(text)),
        Value::Array(values) => Value::Array(values.iter().map(within).collect()),
        Value::Object(values) => {
            Value::Object(values.iter().map(|(name, value)| (name.clone(), within(value))).collect())
        }
        other => other.clone(),
    }
}

/// What differs, in the order of its names. Two phones differ even where their masks do not.
fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<AuditChange> {
    let columns = |side: Option<&Value>| side.and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (columns(before), columns(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let there = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    names
        .into_iter()
        .map(|name| (name, there(before.get(name)), there(after.get(name))))
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| AuditChange {
            what: Safe::new(name),
            before: before.as_ref().map(shown),
            after: after.as_ref().map(shown),
        })
        .collect()
}

fn shown(value: &Value) -> Shown {
    match within(value) {
        Value::String(text) => Shown::new(&text),
        other => Shown::new(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_named_from_both_sides_and_phones_are_masked() {
        let before = json!({ "state": "active", "hold_reason": null, "same": 1 });
        let after = json!({ "state": "paused", "hold_reason": "x", "same": 1, "to": ["+237600000001"] });
        let said = |text: &str| Some(Shown::new(text));
        let change = |what: &str, before, after| AuditChange { what: Safe::new(what), before, after };
        assert_eq!(
            changes(Some(&before), Some(&after)),
            [
                change("hold_reason", None, said("x")),
                change("state", said("active"), said("paused")),
                change("to", None, said("[\"+2376*****001\"]")),
            ]
        );
        assert_eq!(changes(None, None), []);
        let (one, other) = (json!({ "phone": "+237600000001" }), json!({ "phone": "+237611111001" }));
        let masked = said("+2376*****001");
        assert_eq!(changes(Some(&one), Some(&other)), [change("phone", masked.clone(), masked)]);
    }
}
