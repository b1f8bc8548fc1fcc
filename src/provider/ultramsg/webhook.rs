//! What `UltraMsg` reports (`ultramsg.md` section 7): one event a body. There is none for a failure, and none is signed.

use crate::{
    domain::{delivery::Delivery, outcome::WORDS_LIMIT, phone::Phone, text::Safe},
    provider::{
        reading,
        report::{Inbound, Receipt, Report, ReportError, Sender},
    },
};
use serde_json::Value;

/// What a body reports; nothing, where it is about a group or about what somebody typed on the phone.
///
/// # Errors
/// When it is no event.
pub fn read(body: &[u8]) -> Result<Vec<Report>, ReportError> {
    let event = event(body).ok_or(ReportError::Form("an event"))?;
    let data = event.get("data").unwrap_or(&Value::Null);
    let kind = text(&event, "event_type");
    let sender = match word(&event, "instanceId").as_deref().and_then(reading::readable_id) {
        Some(id) => Sender::Id(format!("instance{}", id.strip_prefix("instance").unwrap_or(&id))),
        None => Sender::Account,
    };
    let report = match kind {
        "message_received" => inbound(sender, data).map(Report::Inbound),
        "message_ack" | "message_create" => receipt(sender, kind, &event, data).map(Report::Receipt),
        "" => return Err(ReportError::Form("an event")),
        _ => None,
    };
    Ok(report.into_iter().collect())
}

/// JSON, or a form with the JSON in its field `data`.
fn event(body: &[u8]) -> Option<Value> {
    let read = |body: &[u8]| serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
    read(body).or_else(|| {
        let (_, data) = form_urlencoded::parse(body).find(|(name, _)| name == "data")?;
        read(data.as_bytes())
    })
}

fn receipt(sender: Sender, kind: &str, event: &Value, data: &Value) -> Option<Receipt> {
    let delivery = match (kind, text(data, "ack")) {
        ("message_create", _) | (_, "pending") => Delivery::Queued,
        (_, "server") => Delivery::Sent,
        (_, "device") => Delivery::Delivered,
        (_, "read" | "played") => Delivery::Read,
        _ => return None,
    };
    // Some events carry them inside `data` (section 7).
    let message = word(event, "id").filter(|id| !id.is_empty()).as_deref().and_then(reading::readable_id);
    let reference =
        [event, data].into_iter().map(|place| text(place, "referenceId")).find(|id| !id.is_empty());
    let attempt = reference.and_then(|reference| reference.parse().ok());
    // What somebody typed on the phone has neither an id of the gateway nor a reference of ours.
    (message.is_some() || attempt.is_some()).then_some(Receipt {
        sender,
        message,
        attempt,
        delivery,
        at: None,
        failure: None,
    })
}

fn inbound(sender: Sender, data: &Value) -> Option<Inbound> {
    let from = text(data, "from");
    if data.get("fromMe").and_then(Value::as_bool) == Some(true) || from.ends_with("@g.us") {
        return None;
    }
    let clean = |raw: &str| Safe::cut(raw, WORDS_LIMIT).into_string();
    let kind = match text(data, "type") {
        "chat" => "text",
        kind => kind,
    };
    Some(Inbound {
        sender,
        from: phone(from),
        from_id: Some(clean(from)).filter(|from| !from.is_empty()),
        profile: Some(clean(text(data, "pushname"))).filter(|name| !name.is_empty()),
        message: reading::readable_id(text(data, "id"))?,
        kind: clean(kind),
        text: clean(text(data, "body")),
        answers: data.pointer("/quotedMsg/id").and_then(Value::as_str).and_then(reading::readable_id),
        handled: None,
        at: data.get("time").and_then(Value::as_i64).and_then(reading::time),
    })
}

/// `5511987650001@c.us`; a privacy id (`…@lid`) is no phone.
fn phone(chat: &str) -> Option<Phone> {
    let digits = chat.strip_suffix("@c.us")?;
    Phone::parse(&format!("+{digits}")).ok()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A text or a number, as text.
fn word(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
