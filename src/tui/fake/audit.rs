//! What was decided: by operators, by the sender, and by who looked.

use super::{campaign_id, id, number_id, recipient_id, wall};
use crate::domain::opposite::opposite;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{AuditChange, AuditDetail, AuditRow, LaterDecision, PAGE_ROWS, Page, Place};
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

/// What repeats itself: who, what, to which kind of thing, to which one, what that is called, and why.
type Kind = (&'static str, &'static str, &'static str, Uuid, &'static str, &'static str);

fn kinds() -> [Kind; 7] {
    let (promo, vip) = (number_id(4).0, campaign_id(2).0);
    [
        ("bea", "suspend number", "number", promo, "promo-2", "quality LOW"),
        ("bea", "set priority", "number", number_id(3).0, "promo", ""),
        ("bea", "pause campaign", "campaign", vip, "spring-vip", "wrong text"),
        ("anna", "edit campaign", "campaign", campaign_id(1).0, "spring-news", "slower over noon"),
        ("anna", "reveal phone", "recipient", recipient_id(3).0, "+2376*****432", ""),
        (
            "sender",
            "suspend",
            "number",
            number_id(2).0,
            "support-b",
            "number suspended, 131031: account locked",
        ),
        ("anna", "launch campaign", "campaign", campaign_id(1).0, "spring-news", ""),
    ]
}

fn entry(at: u64) -> Uuid {
    id(9, 10_000 - at)
}

fn audit_row(at: u64) -> AuditRow {
    let kinds = kinds();
    let (by, action, kind, subject, name, reason) = kinds[usize::try_from(at).unwrap() % kinds.len()];
    AuditRow {
        id: entry(at),
        at: wall() - TimeDelta::minutes(i64::try_from(at).unwrap() * 37 + 5),
        by: by.into(),
        action: Safe::new(action),
        kind: Safe::new(kind),
        subject,
        name: Shown::new(name),
        reason: Shown::new(reason),
    }
}

/// One page, as a database would read it.
pub fn audit_rows(rows: u64, new: u64, text: &str, place: Place) -> Page<AuditRow> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let fits = |row: &AuditRow| {
        let all =
            format!("{} {} {} {} {}", row.by, row.action, row.kind, row.name.as_str(), row.reason.as_str());
        words.iter().all(|word| all.to_lowercase().contains(&word.to_lowercase()))
    };
    let later = (0..new).map(|at| AuditRow { id: id(9, 20_000 + new - at), at: wall(), ..audit_row(2) });
    let all: Vec<AuditRow> = later.chain((0..rows.min(450)).map(audit_row)).filter(fits).collect();
    let position = |id: Uuid| all.iter().position(|row| row.id == id).unwrap();
    let (from, to) = match place {
        Place::Start => (0, PAGE_ROWS.min(all.len())),
        Place::End => (all.len().saturating_sub(PAGE_ROWS), all.len()),
        Place::After(cursor) | Place::NextFailed(cursor) => {
            (position(cursor.id) + 1, (position(cursor.id) + 1 + PAGE_ROWS).min(all.len()))
        }
        Place::Before(cursor) | Place::PreviousFailed(cursor) => {
            (position(cursor.id).saturating_sub(PAGE_ROWS), position(cursor.id))
        }
    };
    Page { rows: all[from..to].to_vec(), more_before: from > 0, more_after: to < all.len() }
}

/// All of one: what was before and after it.
pub fn audit_entry(id: Uuid) -> AuditDetail {
    let at = (0..450).find(|at| entry(*at) == id).unwrap();
    let row = audit_row(at);
    let (before, after) = match row.action.as_str() {
        "suspend number" => (
            json!({ "suspended_at": null, "suspended_by": null, "suspension_reason": null }),
            json!({ "suspended_at": row.at, "suspended_by": "bea", "suspension_reason": "quality LOW" }),
        ),
        "set priority" => (json!({ "priority": 1 }), json!({ "priority": 3 })),
        "pause campaign" => (
            json!({ "state": "active", "hold_reason": null }),
            json!({ "state": "paused", "hold_reason": "wrong text" }),
        ),
        "edit campaign" => (
            json!({ "daily_limit": 9_000, "window_to": 21 * 60 }),
            json!({ "daily_limit": 5_000, "window_to": 20 * 60 }),
        ),
        "launch campaign" => (json!({ "state": "draft" }), json!({ "state": "active" })),
        _ => (Value::Null, Value::Null),
    };
    let later = (at >= 7).then(|| LaterDecision {
        at: wall() - TimeDelta::minutes(4),
        by: "carl".into(),
        action: row.action.clone(),
    });
    AuditDetail {
        id,
        action: row.action.clone(),
        subject: row.subject,
        login: Some(Safe::new("acme_console")),
        host: Some(Safe::new("host-a")),
        changes: changes(&before, &after),
        later,
        opposite: opposite(&row.kind, &row.action, Some(&before)).map_err(|why| Safe::new(&why)),
    }
}

fn changes(before: &Value, after: &Value) -> Vec<AuditChange> {
    let said = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(Shown::new(text)),
        other => Some(Shown::new(&other.to_string())),
    };
    let Some(after) = after.as_object() else { return Vec::new() };
    after
        .iter()
        .map(|(what, value)| AuditChange {
            what: Safe::new(what),
            before: said(&before[what]),
            after: said(value),
        })
        .collect()
}
