//! What Meta says of a number when it is asked (`meta-cloud.md` section 7).

use super::{API_VERSION, codes, refusal, webhook};
use crate::{
    domain::{
        health::{Health, Quality, Reach, Standing},
        outcome::Class,
    },
    provider::{Answer, HealthStep, Line, Prepared, address, codes as table, reading},
};
use http::{Method, header::CONTENT_TYPE};
use serde_json::Value;
use std::time::Duration;

/// Everything that is of use, in one call: management calls are few (section 5).
const FIELDS: &str = "status,quality_rating,whatsapp_business_manager_messaging_limit,health_status";
/// One field that is unknown or forbidden makes the whole call fail: this one is known to all.
const FEW_FIELDS: &str = "status,quality_rating";
/// What a refused field is answered with.
const FIELD_REFUSED: [std::ops::RangeInclusive<u32>; 2] = [100..=100, 200..=299];

/// Statuses that mean the number cannot send, whatever else is said of it.
const OUT: &[(&str, Class)] = &[
    ("PENDING", Class::NumberSuspended),
    ("DISCONNECTED", Class::NumberSuspended),
    ("FLAGGED", Class::NumberSuspended),
    ("RESTRICTED", Class::NumberSuspended),
    // It goes on by itself; until then it is looked at again each hour.
    ("RATE_LIMITED", Class::NumberLimited(Duration::from_secs(table::HOUR))),
    ("BANNED", Class::NumberSuspended),
    ("DELETED", Class::NumberSuspended),
    ("MIGRATED", Class::NumberSuspended),
    ("UNVERIFIED", Class::NumberSuspended),
];
/// Errors that concern calling only: they stand beside messaging ones and turn the whole value.
const CALLING: [u64; 2] = [138_024, 138_025];
/// What a check sees: when it says that all is well, these are over. What Meta decided by policy is not among them, nor
/// what only a send meets (a test number's list, a display name, a PIN).
const SEEN: [&str; 8] = [
    "status_pending",
    "status_disconnected",
    "status_flagged",
    "status_restricted",
    "status_unverified",
    "phone_number_blocked",
    "blocked",
    "133010",
];

/// The next question, or what the answers say.
pub fn step(line: &Line, answers: &[Answer]) -> HealthStep {
    match answers {
        [] => ask(line, FIELDS),
        [all] if refusal(all).is_some_and(|(code, _)| is_field_refused(code)) => ask(line, FEW_FIELDS),
        [.., last] => HealthStep::Done(read(last)),
    }
}

/// Whether a check would show what this code took a number out of service for.
pub fn is_seen(code: &str) -> bool {
    SEEN.contains(&code)
}

fn is_field_refused(code: u32) -> bool {
    FIELD_REFUSED.iter().any(|range| range.contains(&code))
}

fn ask(line: &Line, fields: &str) -> HealthStep {
    let Ok(mut url) = address::join(&line.base_url, &[API_VERSION, &line.sender_id]) else {
        return HealthStep::Done(Health::unclear("address", "the number's address cannot be made"));
    };
    url.query_pairs_mut().append_pair("fields", fields);
    let mut headers = line.headers.clone();
    headers.remove(CONTENT_TYPE);
    HealthStep::Ask(Prepared { method: Method::GET, url, headers, body: Vec::new() })
}

fn read(answer: &Answer) -> Health {
    if let Some((code, words)) = refusal(answer) {
        return refused(code, &words);
    }
    let body = serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| answer.status == 200);
    match body.as_ref().and_then(Value::as_object) {
        Some(_) => body.as_ref().map_or_else(|| unreadable(answer), described),
        None => unreadable(answer),
    }
}

fn unreadable(answer: &Answer) -> Health {
    Health::unclear(format!("http_{}", answer.status), reading::snippet(answer))
}

/// A refused question says something of the number only where sending would be refused for the same cause: a token may
/// be allowed to send and not to read this.
fn refused(code: u32, words: &str) -> Health {
    let standing = match code {
        0 | 102 | 104 | 190 => Standing::NotSendable(Class::NumberAuth),
        33 => Standing::NotSendable(Class::NumberSuspended),
        368 | 131_031 => Standing::NotSendable(Class::AccountFatal),
        _ => Standing::Unclear,
    };
    let words = match (standing, table::find(codes::TABLE, code)) {
        (Standing::Unclear, Some(row)) if matches!(code, 3 | 10 | 100 | 200..=299 | 803 | 131_005) => {
            format!("{words} ({}; the token needs whatsapp_business_management for this)", row.text)
        }
        _ => words.to_owned(),
    };
    Health::new(standing, code.to_string(), reading::words(&words))
}

fn described(body: &Value) -> Health {
    let quality = body.get("quality_rating").and_then(quality);
    let reach = body.get("whatsapp_business_manager_messaging_limit").and_then(webhook::limit);
    let by_status = by_status(body.get("status").and_then(Value::as_str));
    let health = match (by_status.standing, body.get("health_status")) {
        (Standing::Sendable, Some(status)) => by_entities(status).unwrap_or(by_status),
        // An account that is out weighs more than its number.
        (Standing::NotSendable(_), Some(status)) => by_entities(status)
            .filter(|health| health.standing == Standing::NotSendable(Class::AccountFatal))
            .unwrap_or(by_status),
        _ => by_status,
    };
    Health { quality, reach: reach.map(Reach::from), ..health }
}

fn by_status(status: Option<&str>) -> Health {
    let Some(status) = status else {
        return Health::unclear("no_status", "the answer holds no status");
    };
    if status == "CONNECTED" {
        return Health::new(Standing::Sendable, "", "CONNECTED");
    }
    let known = OUT.iter().find(|(name, _)| *name == status);
    let standing = known.map_or(Standing::Unclear, |(_, class)| Standing::NotSendable(*class));
    let code = reading::words(&format!("status_{}", status.to_lowercase()));
    Health::new(standing, code, reading::words(&format!("status {status}")))
}

/// The worst of the entities that concern messages; `None`: all of them are well.
fn by_entities(status: &Value) -> Option<Health> {
    let entities = status.get("entities").and_then(Value::as_array).filter(|list| !list.is_empty());
    let Some(entities) = entities else { return worst(status, "") };
    entities.iter().filter_map(|entity| worst(entity, text(entity, "entity_type"))).max_by_key(|health| {
        match health.standing {
            Standing::NotSendable(Class::AccountFatal) => 3,
            Standing::NotSendable(_) => 2,
            Standing::Unclear => 1,
            Standing::Sendable | Standing::Limited => 0,
        }
    })
}

fn worst(entity: &Value, kind: &str) -> Option<Health> {
    // A template that cannot be sent says nothing of the number.
    if kind == "MESSAGE_TEMPLATE" || concerns_calling_only(entity) {
        return None;
    }
    let (code, words) = said(entity);
    let words = reading::words(&match (kind, words.as_str()) {
        ("", "") => text(entity, "can_send_message").to_owned(),
        ("", said) => said.to_owned(),
        (kind, "") => kind.to_owned(),
        (kind, said) => format!("{kind}: {said}"),
    });
    let own = |word: &str| match kind {
        "" => word.to_owned(),
        kind => reading::words(&format!("{}_{word}", kind.to_lowercase())),
    };
    match (text(entity, "can_send_message"), kind) {
        ("AVAILABLE", _) => None,
        ("LIMITED", _) => Some(Health::new(Standing::Limited, code.unwrap_or_else(|| own("limited")), words)),
        ("BLOCKED", "PHONE_NUMBER" | "") => {
            let standing = Standing::NotSendable(Class::NumberSuspended);
            Some(Health::new(standing, code.unwrap_or_else(|| own("blocked")), words))
        }
        ("BLOCKED", "WABA" | "BUSINESS" | "APP") => {
            let standing = Standing::NotSendable(Class::AccountFatal);
            Some(Health::new(standing, code.unwrap_or_else(|| own("blocked")), words))
        }
        // Another word, or another kind of thing: a person has to look.
        _ => Some(Health::unclear(reading::words(&own("unknown")), words)),
    }
}

fn errors(entity: &Value) -> impl Iterator<Item = &Value> {
    entity.get("errors").and_then(Value::as_array).into_iter().flatten()
}

fn error_code(error: &Value) -> Option<u64> {
    let code = error.get("error_code")?;
    code.as_u64().or_else(|| code.as_str()?.trim().parse().ok())
}

fn is_calling(error: &Value) -> bool {
    error_code(error).is_some_and(|code| CALLING.contains(&code))
}

fn concerns_calling_only(entity: &Value) -> bool {
    errors(entity).next().is_some() && errors(entity).all(is_calling)
}

/// Code and words of what keeps an entity from sending.
fn said(entity: &Value) -> (Option<String>, String) {
    let concerning: Vec<&Value> = errors(entity).filter(|error| !is_calling(error)).collect();
    let code = concerning.iter().find_map(|error| error_code(error)).map(|code| code.to_string());
    let infos = entity.get("additional_info").and_then(Value::as_array).into_iter().flatten();
    let parts: Vec<String> = concerning
        .iter()
        .flat_map(|error| [text(error, "error_description"), text(error, "possible_solution")])
        .chain(infos.filter_map(Value::as_str))
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    (code, parts.join("; "))
}

fn quality(value: &Value) -> Option<Quality> {
    Some(match value.as_str()? {
        "GREEN" => Quality::Green,
        "YELLOW" => Quality::Yellow,
        "RED" => Quality::Red,
        // NA, UNKNOWN, and what comes after them.
        _ => Quality::Unknown,
    })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
