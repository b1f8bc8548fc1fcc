//! Meta `WhatsApp` Business Cloud API (`meta-cloud.md`).

mod body;
pub mod codes;
mod health;
mod templates;
#[cfg(test)]
mod tests;
pub mod webhook;

use super::{
    Abilities, Answer, Credential, Evidence, HealthStep, Line, LineError, Lookup, Outgoing, Prepared,
    Provider, TemplateStep, address, codes as table, reading,
    report::{Delivered, Report, ReportError},
};
use crate::domain::{
    ids::AttemptId,
    number::ProviderKind,
    outcome::{Class, Outcome, Scope},
    phone::Phone,
};
use body::Body;
use http::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// The version of the API in every path. Always sent, since leaving it out means whatever the application's default
/// is (`meta-cloud.md` section 1).
pub const API_VERSION: &str = "v23.0";

/// Meta's dialect.
pub struct Meta;

#[derive(Serialize)]
struct Request<'a> {
    messaging_product: &'static str,
    /// Optional in the documentation, required by the published schema (`meta-cloud.md` section 2): always sent.
    recipient_type: &'static str,
    /// With its plus: without, Meta puts the business number's own country code in front.
    to: &'a str,
    r#type: &'static str,
    #[serde(flatten)]
    body: Body<'a>,
    /// Comes back in every status report: the only way to settle a doubt here.
    biz_opaque_callback_data: AttemptId,
}

#[derive(Deserialize)]
struct Accepted<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

impl Provider for Meta {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Meta
    }

    fn abilities(&self) -> Abilities {
        // No search by recipient, time or reference (`meta-cloud.md` section 9): only reports settle a doubt.
        Abilities { reference: false, callback_tag: true, list_by_recipient: false, absence_is_proof: false }
    }

    fn line(
        &self,
        base_url: &str,
        credential: Credential,
        sender_id: &str,
        from: &Phone,
    ) -> Result<Line, LineError> {
        let base_url = address::base(base_url)?;
        let sender_id = sender_id.trim();
        if sender_id.is_empty() {
            return Err(LineError::Missing("the phone-number-id (--instance-id)"));
        }
        if !sender_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(address::invalid("the phone-number-id", "is not a number"));
        }
        let bearer = zeroize::Zeroizing::new(format!("Bearer {}", address::token(&credential)?));
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(AUTHORIZATION, address::sensitive(&bearer)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Line {
            send_url: address::join(&base_url, &[API_VERSION, sender_id, "messages"])?,
            headers,
            from: from.clone(),
            credential,
            base_url,
            sender_id: sender_id.to_owned(),
            callback: None,
        })
    }

    fn send_request(&self, line: &Line, outgoing: &Outgoing) -> Option<Prepared> {
        let request = Request {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to: outgoing.to.reveal(),
            r#type: outgoing.content.kind(),
            body: Body::of(&outgoing.content),
            biz_opaque_callback_data: outgoing.attempt,
        };
        // Writing plain strings into memory cannot fail; if it did, Meta would refuse the incomplete body.
        let mut bytes = Vec::with_capacity(512);
        let _ = serde_json::to_writer(&mut bytes, &request);
        Some(Prepared {
            method: Method::POST,
            url: line.send_url.clone(),
            headers: line.headers.clone(),
            body: bytes,
        })
    }

    fn read_send(&self, answer: &Answer) -> Outcome {
        if (200..300).contains(&answer.status) {
            let id = serde_json::from_slice::<Accepted<'_>>(&answer.body)
                .ok()
                .and_then(|accepted| reading::readable_id(&accepted.messages.first()?.id));
            return match id {
                Some(provider_message_id) => Outcome::Accepted { provider_message_id },
                None => reading::unreadable(answer, Scope::Number),
            };
        }
        match refusal(answer) {
            Some((code, words)) => reading::by_code(codes::TABLE, code, &words, answer),
            None => reading::unreadable(answer, Scope::Number),
        }
    }

    fn classify_code(&self, code: &str, detail: &str) -> Option<Class> {
        table::classify(codes::TABLE, code, detail)
    }

    fn lookup_request(&self, _line: &Line, _lookup: &Lookup) -> Option<Prepared> {
        None
    }

    fn read_lookup(&self, _lookup: &Lookup, _answer: &Answer) -> Evidence {
        Evidence::Unclear("Meta cannot be asked; its reports name the attempt".to_owned())
    }

    fn health_step(&self, line: &Line, answers: &[Answer]) -> HealthStep {
        health::step(line, answers)
    }

    fn is_seen_by_check(&self, code: &str) -> bool {
        health::is_seen(code)
    }

    fn template_step(&self, line: &Line, answers: &[Answer]) -> TemplateStep {
        templates::step(line, answers)
    }

    fn stops_template(&self, code: &str) -> bool {
        templates::stops(code)
    }

    fn read_report(&self, delivered: &Delivered<'_>) -> Result<Vec<Report>, ReportError> {
        webhook::read(delivered.body)
    }
}

/// Code and words of an error in Meta's envelope. A redirect is never one, whatever its body says.
fn refusal(answer: &Answer) -> Option<(u32, String)> {
    if answer.status < 400 {
        return None;
    }
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let error = body.get("error")?.as_object()?;
    let code = error.get("code")?;
    let code = code.as_u64().or_else(|| code.as_str()?.trim().parse().ok())?;
    let details = error.get("error_data").and_then(|data| data.get("details")).and_then(Value::as_str);
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    // Titles in `message` are being retired: the details come first (`meta-cloud.md` section 4).
    let words = match details {
        Some(details) if message.is_empty() || message == details => details.to_owned(),
        Some(details) => format!("{details} ({message})"),
        None => message.to_owned(),
    };
    Some((u32::try_from(code).ok()?, words))
}
