//! What Twilio reports (`twilio.md` section 7): one form, one message.

use super::codes;
use crate::{
    domain::{
        consent::Consent,
        delivery::Delivery,
        outcome::{Class, Failure, WORDS_LIMIT},
        phone::Phone,
        text::Safe,
    },
    provider::{
        codes as table, reading,
        report::{Delivered, Inbound, Receipt, Report, ReportError, Sender},
    },
};
use std::collections::HashMap;

/// Parameter of our own in the address of the status callback: the attempt.
pub const REFERENCE: &str = "ref";

type Form = HashMap<String, String>;

/// What a form reports; nothing, where it is an intermediate state.
///
/// # Errors
/// When it is neither a status callback nor a message.
pub fn read(delivered: &Delivered<'_>) -> Result<Vec<Report>, ReportError> {
    let form: Form = form_urlencoded::parse(delivered.body).into_owned().collect();
    let Some(message) = field(&form, "MessageSid").or(field(&form, "SmsSid")).and_then(reading::readable_id)
    else {
        return Err(ReportError::Form("a form about a message"));
    };
    let status = field(&form, "MessageStatus").or(field(&form, "SmsStatus"));
    match status.filter(|status| *status != "received") {
        Some(status) => {
            Ok(receipt(delivered.query, &form, message, status).map(Report::Receipt).into_iter().collect())
        }
        None => Ok(vec![Report::Inbound(inbound(&form, message))]),
    }
}

fn receipt(query: &str, form: &Form, message: String, status: &str) -> Option<Receipt> {
    let delivery = match status {
        "accepted" | "queued" | "scheduled" | "sending" => Delivery::Queued,
        "sent" => Delivery::Sent,
        "delivered" => Delivery::Delivered,
        "read" => Delivery::Read,
        "failed" | "undelivered" | "canceled" => Delivery::Failed,
        _ => return None,
    };
    let attempt = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == REFERENCE);
    Some(Receipt {
        sender: sender(form, "From"),
        message: Some(message),
        attempt: attempt.and_then(|(_, value)| value.parse().ok()),
        delivery,
        at: None,
        failure: (delivery == Delivery::Failed).then(|| failure(form, status)),
    })
}

fn failure(form: &Form, status: &str) -> Failure {
    let words = field(form, "ChannelStatusMessage").or(field(form, "ErrorMessage")).unwrap_or_default();
    let code = field(form, "ErrorCode");
    // A code that is no fault of the message, on a message that failed: not one that we understand.
    let class = code.and_then(|code| table::classify(codes::TABLE, code, words)).unwrap_or(Class::Unknown);
    reading::failure(class, code.unwrap_or(status), words)
}

fn inbound(form: &Form, message: String) -> Inbound {
    let from = field(form, "From").unwrap_or_default();
    let media = field(form, "NumMedia").and_then(|count| count.parse::<u32>().ok()).unwrap_or(0);
    let kind = match (field(form, "ButtonPayload").or(field(form, "ButtonText")), media) {
        (Some(_), _) => "button",
        (None, 0) => "text",
        (None, _) => "media",
    };
    let clean = |raw: &str| Safe::cut(raw, WORDS_LIMIT).into_string();
    let said = field(form, "Body").or(field(form, "ButtonText")).unwrap_or_default();
    Inbound {
        sender: sender(form, "To"),
        from: phone(from),
        from_id: Some(clean(from)).filter(|from| !from.is_empty()),
        profile: field(form, "ProfileName").map(clean),
        message,
        kind: kind.to_owned(),
        text: clean(said),
        answers: field(form, "OriginalRepliedMessageSid").and_then(reading::readable_id),
        handled: match field(form, "OptOutType") {
            Some("STOP") => Some(Consent::Stop),
            Some("START") => Some(Consent::Start),
            Some("HELP") => Some(Consent::Help),
            _ => None,
        },
        at: None,
    }
}

fn sender(form: &Form, name: &str) -> Sender {
    field(form, name).and_then(phone).map_or(Sender::Account, Sender::Phone)
}

/// `whatsapp:+14155238886`; a person who hides the number has some other address.
fn phone(raw: &str) -> Option<Phone> {
    let digits = raw.strip_prefix("whatsapp:").unwrap_or(raw);
    digits.starts_with('+').then(|| Phone::parse(digits).ok()).flatten()
}

/// A field that says something.
fn field<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
