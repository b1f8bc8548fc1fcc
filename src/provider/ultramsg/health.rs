//! What `UltraMsg` says of an instance when it is asked (`ultramsg.md` section 6).

use super::{codes, flatten, is_empty};
use crate::{
    domain::{
        health::{Health, Standing},
        outcome::Class,
        phone::Phone,
    },
    provider::{Answer, HealthStep, Line, Prepared, address, codes::transient, reading},
};
use http::{HeaderMap, Method};
use serde_json::Value;

/// "Wait, re-check in 30-60 s": it is starting.
const STARTING: Class = transient(45);
/// What is not `authenticated`.
const OUT: &[(&str, Class)] = &[
    ("standby", Class::NumberSuspended),
    ("initialize", STARTING),
    ("loading", STARTING),
    ("retrying", STARTING),
    ("qr", Class::NumberSuspended),
    ("disconnected", Class::NumberSuspended),
];
/// What a check sees: when it says that all is well, these are over. The gateway answers a check of an instance that is
/// unknown or not paid for as it answers a message.
const SEEN: [&str; 12] = [
    "other_phone",
    "status_standby",
    "status_initialize",
    "status_loading",
    "status_retrying",
    "status_qr",
    "status_disconnected",
    "not_connected",
    "queued",
    "http_404",
    "instance_not_found",
    "non_payment",
];

/// The next question, or what the answers say.
pub fn step(line: &Line, answers: &[Answer]) -> HealthStep {
    match answers {
        [] => ask(line, "status"),
        // One that is ready says which phone it drives: another one would send in another name.
        [status] if read(status).standing == Standing::Sendable => ask(line, "me"),
        [status] => HealthStep::Done(read(status)),
        [status, me, ..] => HealthStep::Done(linked(line, me).unwrap_or_else(|| read(status))),
    }
}

/// Whether a check would show what this code took a number out of service for.
pub fn is_seen(code: &str) -> bool {
    SEEN.contains(&code)
}

fn ask(line: &Line, what: &str) -> HealthStep {
    let Ok(mut url) = address::join(&line.base_url, &[&line.sender_id, "instance", what]) else {
        return HealthStep::Done(Health::unclear("address", "the instance's address cannot be made"));
    };
    url.query_pairs_mut().append_pair("token", &line.credential.token);
    HealthStep::Ask(Prepared { method: Method::GET, url, headers: HeaderMap::new(), body: Vec::new() })
}

/// What is wrong with the phone that an instance drives. `None`: it is ours, or nobody can tell from this answer, of which
/// only third parties know the shape.
fn linked(line: &Line, me: &Answer) -> Option<Health> {
    let body = serde_json::from_slice::<Value>(&me.body).ok().filter(|_| me.status == 200)?;
    let id = body.get("id").or_else(|| body.pointer("/me/id"))?.as_str()?;
    let digits = id.strip_suffix("@c.us").or_else(|| id.strip_suffix("@s.whatsapp.net"))?;
    let digits =
        digits.split(':').next().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    if format!("+{digits}") == line.from.reveal() {
        return None;
    }
    let theirs = Phone::parse(&format!("+{digits}")).ok()?;
    Some(Health::new(
        Standing::NotSendable(Class::NumberSuspended),
        "other_phone",
        format!(
            "the instance drives {}, not {}: scan its code with the right phone",
            theirs.masked(),
            line.from.masked()
        ),
    ))
}

fn read(answer: &Answer) -> Health {
    let unreadable = || Health::unclear(format!("http_{}", answer.status), reading::snippet(answer));
    if matches!(answer.status, 300..=399 | 429 | 500..) {
        return unreadable();
    }
    let body = serde_json::from_slice::<Value>(&answer.body).ok().filter(Value::is_object);
    if let Some(error) = body.as_ref().and_then(|body| body.get("error")).filter(|error| !is_empty(error)) {
        let (text, fields) = flatten(error);
        let (code, class) = codes::classify(answer.status, &text, &fields);
        // Section 4's errors of the instance itself; any other says nothing that we understand.
        let standing = match class {
            Class::NumberAuth | Class::NumberSuspended => Standing::NotSendable(class),
            _ => Standing::Unclear,
        };
        return Health::new(standing, code, reading::words(&text));
    }
    match (answer.status, body) {
        (200..=299, Some(body)) => described(&body).unwrap_or_else(unreadable),
        (404, _) => {
            let standing = Standing::NotSendable(Class::NumberSuspended);
            Health::new(standing, "http_404", reading::snippet(answer))
        }
        _ => unreadable(),
    }
}

/// `{"status":{"accountStatus":{"status":"…","substatus":"…"}}}`, or flat: `{"status":"…"}`.
fn described(body: &Value) -> Option<Health> {
    let status = body.get("status")?;
    let account = status.get("accountStatus").unwrap_or(status);
    let state = account.as_str().or_else(|| account.get("status")?.as_str())?.trim().to_lowercase();
    let substate = account.get("substatus").and_then(Value::as_str).unwrap_or_default();
    let words = reading::words(&match substate {
        "" => state.clone(),
        substate => format!("{state}, {substate}"),
    });
    if state == "authenticated" {
        return Some(Health::new(Standing::Sendable, "", words));
    }
    let known = OUT.iter().find(|(name, _)| *name == state);
    let standing = known.map_or(Standing::Unclear, |(_, class)| Standing::NotSendable(*class));
    Some(Health::new(standing, reading::words(&format!("status_{state}")), words))
}

#[cfg(test)]
mod tests;
