//! What Meta reports (`meta-cloud.md` section 8): one body, many entries, many changes, many of everything.

use super::codes;
use crate::{
    domain::{
        consent::Consent,
        delivery::Delivery,
        health::Quality,
        outcome::{Class, Failure, WORDS_LIMIT},
        phone::Phone,
        text::Safe,
    },
    provider::{
        codes as table, reading,
        report::{Change, Inbound, News, Preference, Receipt, Report, ReportError, Sender},
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Everything that a body reports, in its order. What is not understood becomes a notice; nothing is dropped silently.
///
/// # Errors
/// When the body is not one of Meta's envelopes.
pub fn read(body: &[u8]) -> Result<Vec<Report>, ReportError> {
    let form = || ReportError::Form("an envelope with entries");
    let envelope: Value = serde_json::from_slice(body).map_err(|_unreadable| form())?;
    let entries = envelope.get("entry").and_then(Value::as_array).ok_or_else(form)?;
    let mut reports = Vec::new();
    for change in entries.iter().flat_map(|entry| array(entry, "changes")) {
        let Some(value) = change.get("value") else { continue };
        match text(change, "field") {
            "messages" => messages(value, &mut reports),
            field => news(field, value, &mut reports),
        }
    }
    Ok(reports)
}

fn messages(value: &Value, reports: &mut Vec<Report>) {
    let sender_id = value.pointer("/metadata/phone_number_id").and_then(Value::as_str);
    let sender = sender_id.and_then(reading::readable_id).map_or(Sender::Account, Sender::Id);
    reports
        .extend(array(value, "statuses").filter_map(|status| receipt(&sender, status)).map(Report::Receipt));
    let contacts: Vec<&Value> = array(value, "contacts").collect();
    for message in array(value, "messages") {
        if let Some(inbound) = inbound(&sender, &contacts, message) {
            reports.push(Report::Inbound(inbound));
        }
    }
    // An error beside no message concerns the number or the account.
    for error in array(value, "errors") {
        let (code, words) = said(error);
        reports.push(notice(sender.clone(), &format!("error {code}"), &words));
    }
}

fn receipt(sender: &Sender, status: &Value) -> Option<Receipt> {
    let delivery = match text(status, "status") {
        "sent" => Delivery::Sent,
        "delivered" => Delivery::Delivered,
        // Voice notes are played.
        "read" | "played" => Delivery::Read,
        "failed" => Delivery::Failed,
        _ => return None,
    };
    let failure = (delivery == Delivery::Failed).then(|| match array(status, "errors").next() {
        Some(error) => failure(error),
        None => reading::failure(Class::Unknown, "failed", "no cause was given"),
    });
    Some(Receipt {
        sender: sender.clone(),
        message: reading::readable_id(text(status, "id")),
        attempt: text(status, "biz_opaque_callback_data").parse().ok(),
        delivery,
        at: time(status),
        failure,
    })
}

fn failure(error: &Value) -> Failure {
    let (code, words) = said(error);
    // A code that is no fault of the message, on a message that failed: not one that we understand.
    let class = table::classify(codes::TABLE, &code, &words).unwrap_or(Class::Unknown);
    reading::failure(class, code, &words)
}

/// Code and words of an error: details first, since titles are being retired (section 4).
fn said(error: &Value) -> (String, String) {
    let code = error.get("code").map(Value::to_string).unwrap_or_default();
    let details = error.pointer("/error_data/details").and_then(Value::as_str);
    let words = details.unwrap_or_else(|| match text(error, "message") {
        "" => text(error, "title"),
        message => message,
    });
    (code.trim_matches('"').to_owned(), words.to_owned())
}

fn inbound(sender: &Sender, contacts: &[&Value], message: &Value) -> Option<Inbound> {
    let id = reading::readable_id(text(message, "id"))?;
    let from = text(message, "from");
    let contact = contacts.iter().find(|contact| text(contact, "wa_id") == from).or(contacts.first());
    let kind = text(message, "type");
    let said = match kind {
        "text" => message.pointer("/text/body"),
        "button" => message.pointer("/button/text"),
        "interactive" => message
            .pointer("/interactive/button_reply/title")
            .or_else(|| message.pointer("/interactive/list_reply/title")),
        "reaction" => message.pointer("/reaction/emoji"),
        kind => message.get(kind).and_then(|media| media.get("caption")),
    };
    Some(Inbound {
        sender: sender.clone(),
        from: phone(from),
        from_id: [text(message, "from_user_id"), from].into_iter().find(|id| !id.is_empty()).map(clean),
        profile: contact
            .and_then(|contact| contact.pointer("/profile/name"))
            .and_then(Value::as_str)
            .map(clean),
        message: id,
        kind: clean(kind),
        text: said.and_then(Value::as_str).map(clean).unwrap_or_default(),
        answers: message.pointer("/context/id").and_then(Value::as_str).and_then(reading::readable_id),
        handled: None,
        at: time(message),
    })
}

/// Everything that is not about messages.
fn news(field: &str, value: &Value, reports: &mut Vec<Report>) {
    let event = text(value, "event");
    let code = if event.is_empty() { field.to_owned() } else { format!("{field} {event}") };
    let mut say = |sender, change, words: &str| {
        reports.push(Report::News(News { sender, change, code: clean(&code), words: reading::words(words) }));
    };
    match field {
        "user_preferences" => {
            reports.extend(array(value, "user_preferences").filter_map(preference).map(Report::Preference));
        }
        "account_update" => say(Sender::Account, account(event, value), &value.to_string()),
        "business_capability_update" => {
            let limit = value.get("max_daily_conversations_per_business").and_then(limit);
            say(Sender::Account, limit.map_or(Change::Notice, Change::Limit), &value.to_string());
        }
        "phone_number_quality_update" => {
            let sender = phone(text(value, "display_phone_number")).map_or(Sender::Account, Sender::Phone);
            let limit = ["max_daily_conversations_per_business", "current_limit"]
                .into_iter()
                .find_map(|name| value.get(name).and_then(limit));
            let change = match event {
                "FLAGGED" => Change::Quality(Quality::Red),
                "UNFLAGGED" => Change::Quality(Quality::Green),
                _ => limit.map_or(Change::Notice, Change::Limit),
            };
            say(sender, change, &value.to_string());
        }
        "message_template_status_update" => {
            let change = Change::Template {
                name: clean(text(value, "message_template_name")),
                language: clean(text(value, "message_template_language")),
                status: clean(event),
            };
            say(Sender::Account, change, text(value, "reason"));
        }
        _ => say(Sender::Account, Change::Notice, &value.to_string()),
    }
}

fn account(event: &str, value: &Value) -> Change {
    match event {
        "ACCOUNT_RESTRICTION" => {
            // Of several restrictions the one that ends last counts; one without an end never does.
            let ends = array(value, "restriction_info")
                .map(|restriction| restriction.get("expiration").and_then(seconds));
            Change::Restricted { until: ends.reduce(|one, other| Some(one?.max(other?))).flatten() }
        }
        "DISABLED_UPDATE" => match value.pointer("/ban_info/waba_ban_state").and_then(Value::as_str) {
            Some("REINSTATE") => Change::Reinstated,
            Some("DISABLE") => Change::Restricted { until: None },
            // SCHEDULE_FOR_DISABLE still sends.
            _ => Change::Notice,
        },
        "ACCOUNT_DELETED" | "ACCOUNT_OFFBOARDED" | "PARTNER_REMOVED" => Change::Restricted { until: None },
        "ACCOUNT_RECONNECTED" => Change::Reinstated,
        _ => Change::Notice,
    }
}

fn preference(value: &Value) -> Option<Preference> {
    let consent = match text(value, "value") {
        "stop" => Consent::Stop,
        "resume" => Consent::Start,
        _ => return None,
    };
    Some(Preference { from: phone(text(value, "wa_id"))?, consent, at: time(value) })
}

/// `TIER_2K`, `250`, `-1`: the documentation says a word, its sample a number (section 8).
pub fn limit(value: &Value) -> Option<Option<u32>> {
    if let Some(number) = value.as_i64() {
        return if number < 0 { Some(None) } else { u32::try_from(number).ok().map(Some) };
    }
    let word = value.as_str()?.trim().to_uppercase();
    let tier = word.strip_prefix("TIER_").unwrap_or(&word);
    if tier == "UNLIMITED" {
        return Some(None);
    }
    match tier.strip_suffix('K') {
        Some(thousands) => thousands.parse::<u32>().ok()?.checked_mul(1_000).map(Some),
        None => tier.parse().ok().map(Some),
    }
}

fn notice(sender: Sender, code: &str, words: &str) -> Report {
    Report::News(News { sender, change: Change::Notice, code: clean(code), words: reading::words(words) })
}

/// Digits without a plus, as Meta writes them; or as they are displayed.
fn phone(raw: &str) -> Option<Phone> {
    let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
    Phone::parse(&format!("+{digits}")).ok()
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.get("timestamp").and_then(seconds)
}

/// Unix seconds, as a text or a number.
fn seconds(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())?;
    reading::time(seconds)
}

fn array<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn clean(raw: &str) -> String {
    Safe::cut(raw, WORDS_LIMIT).into_string()
}

#[cfg(test)]
mod tests;
