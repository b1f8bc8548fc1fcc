//! `UltraMsg` (`ultramsg.md`): an unofficial gateway to an ordinary `WhatsApp` account.

pub mod codes;
mod health;
mod listing;
mod queue;
#[cfg(test)]
mod tests;
pub mod webhook;

use super::{
    Abilities, Answer, Content, Credential, Evidence, HealthStep, Line, LineError, Lookup, Media, Outgoing,
    Prepared, Provider, Registration, TemplateStep, Waiting, address, reading,
    report::{Delivered, Receipt, Report, ReportError},
};
use crate::domain::{
    content::MediaKind,
    number::ProviderKind,
    outcome::{Class, Outcome, Scope},
    phone::Phone,
};
use form_urlencoded::Serializer;
use http::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::Value;

/// Bulk priority: the gateway sends smaller ones first (`ultramsg.md` section 2).
const PRIORITY: &str = "10";

/// `UltraMsg`'s dialect.
pub struct Ultramsg;

impl Provider for Ultramsg {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Ultramsg
    }

    fn abilities(&self) -> Abilities {
        // "A hit tells id and state; no hit means not queued" (`ultramsg.md` section 8).
        Abilities { reference: true, callback_tag: true, list_by_recipient: true, absence_is_proof: true }
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
            return Err(LineError::Missing("the instance (--instance-id)"));
        }
        // The path needs the literal prefix; reports leave it out (`ultramsg.md` section 1).
        let digits = sender_id.strip_prefix("instance").unwrap_or(sender_id);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(address::invalid("the instance", "is not instance and a number"));
        }
        let sender_id = format!("instance{digits}");
        address::token(&credential)?;
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Ok(Line {
            send_url: address::join(&base_url, &[&sender_id, "messages", "chat"])?,
            headers,
            from: from.clone(),
            credential,
            base_url,
            sender_id,
            callback: None,
        })
    }

    fn send_request(&self, line: &Line, outgoing: &Outgoing) -> Option<Prepared> {
        let mut form = Serializer::new(String::with_capacity(512));
        form.append_pair("token", &line.credential.token).append_pair("to", outgoing.to.reveal());
        let mut url = line.send_url.clone();
        match &outgoing.content {
            Content::Text(body) => {
                form.append_pair("body", body);
            }
            Content::Media(media) => {
                url.path_segments_mut().ok()?.pop().push(media.kind.name());
                say_media(&mut form, media);
            }
            // "Does not exist" (section 2).
            Content::Template(_) => return None,
        }
        form.append_pair("priority", PRIORITY)
            .append_pair("referenceId", outgoing.attempt.0.hyphenated().encode_lower(&mut [0; 36]));
        Some(Prepared {
            method: Method::POST,
            url,
            headers: line.headers.clone(),
            body: form.finish().into_bytes(),
        })
    }

    fn read_send(&self, answer: &Answer) -> Outcome {
        match answer.status {
            // A gateway in trouble may have queued it, whatever it says (section 4).
            300..=399 | 500.. => return reading::unreadable(answer, Scope::Number),
            429 => {
                return reading::refused(codes::BUSY, "http_429", &reading::snippet(answer), answer);
            }
            _ => {}
        }
        let body = serde_json::from_slice::<Value>(&answer.body).ok().filter(Value::is_object);
        if let Some(error) = body.as_ref().and_then(|body| body.get("error")).filter(|error| !is_empty(error))
        {
            if body.as_ref().is_some_and(|body| body.get("id").and_then(id).is_some()) {
                // An error and an id contradict each other: not a refusal that we understand.
                return reading::unreadable(answer, Scope::Number);
            }
            let (text, fields) = flatten(error);
            let (code, class) = codes::classify(answer.status, &text, &fields);
            return reading::refused(class, code, &text, answer);
        }
        match (answer.status, body) {
            (200..=299, Some(body)) => read_sent(&body, answer),
            // Unknown or pending instance, with or without words.
            (404, _) => {
                reading::refused(Class::NumberSuspended, "http_404", &reading::snippet(answer), answer)
            }
            _ => reading::unreadable(answer, Scope::Number),
        }
    }

    fn classify_code(&self, code: &str, detail: &str) -> Option<Class> {
        let code = code.trim().to_lowercase();
        if codes::GOOD_STATES.contains(&code.as_str()) {
            return None;
        }
        let state = codes::STATES.iter().find(|(state, _)| *state == code).map(|(_, class)| *class);
        let by_name = codes::SIGNALS.iter().find(|signal| signal.code == code);
        Some(
            state
                .or_else(|| by_name.or_else(|| codes::signal(detail)).map(|signal| signal.class))
                .unwrap_or(Class::Unknown),
        )
    }

    fn lookup_request(&self, line: &Line, lookup: &Lookup) -> Option<Prepared> {
        let mut url = address::join(&line.base_url, &[&line.sender_id, "messages"]).ok()?;
        url.query_pairs_mut()
            .append_pair("token", &line.credential.token)
            .append_pair("referenceId", lookup.attempt.0.hyphenated().encode_lower(&mut [0; 36]))
            .append_pair("limit", "100")
            .append_pair("page", "1");
        Some(Prepared { method: Method::GET, url, headers: HeaderMap::new(), body: Vec::new() })
    }

    fn read_lookup(&self, lookup: &Lookup, answer: &Answer) -> Evidence {
        let body = serde_json::from_slice::<Value>(&answer.body).ok();
        let Some(body) = body.filter(|_| answer.status == 200) else {
            let said = reading::snippet(answer);
            return Evidence::Unclear(reading::words(&format!("status {}: {said}", answer.status)));
        };
        if let Some(error) = body.get("error") {
            return Evidence::Unclear(reading::words(&flatten(error).0));
        }
        match body.get("messages").and_then(Value::as_array) {
            // Absence is taken for proof: the listing must not say in one breath that there is something.
            Some(messages) if messages.is_empty() && !is_zero(body.get("total")) => {
                Evidence::Unclear("the listing is empty and counts messages".to_owned())
            }
            Some(messages) => judge(lookup, messages),
            None => Evidence::Unclear("the listing cannot be read".to_owned()),
        }
    }

    fn health_step(&self, line: &Line, answers: &[Answer]) -> HealthStep {
        health::step(line, answers)
    }

    fn queue_request(&self, line: &Line) -> Option<Prepared> {
        queue::request(line)
    }

    fn read_queue(&self, answer: &Answer) -> Waiting {
        queue::read(answer)
    }

    fn is_seen_by_check(&self, code: &str) -> bool {
        health::is_seen(code)
    }

    fn registration_request(&self, line: &Line, phone: &Phone) -> Option<Prepared> {
        listing::registration_request(line, phone)
    }

    fn read_registration(&self, answer: &Answer) -> Registration {
        listing::read_registration(answer)
    }

    fn unreported_states(&self) -> &'static [&'static str] {
        &listing::STATES
    }

    fn failures_request(&self, line: &Line, state: &str, page: u32) -> Option<Prepared> {
        listing::failures_request(line, state, page)
    }

    fn read_failures(&self, line: &Line, state: &str, answer: &Answer) -> Result<Vec<Receipt>, String> {
        listing::read_failures(line, state, answer)
    }

    fn template_step(&self, _line: &Line, _answers: &[Answer]) -> TemplateStep {
        TemplateStep::Failed("UltraMsg has no templates".to_owned())
    }

    fn stops_template(&self, _code: &str) -> bool {
        false
    }

    fn read_report(&self, delivered: &Delivered<'_>) -> Result<Vec<Report>, ReportError> {
        webhook::read(delivered.body)
    }
}

/// The fields of the four endpoints for media (section 2). The field of the address is called as the endpoint.
fn say_media(form: &mut Serializer<'_, String>, media: &Media) {
    form.append_pair(media.kind.name(), media.url.as_str());
    if media.kind == MediaKind::Document {
        // Required here, other than elsewhere.
        let usual = || media.url.file_name();
        form.append_pair("filename", &media.filename.clone().unwrap_or_else(usual));
    }
    if let Some(caption) = media.caption.as_deref().filter(|_| media.kind != MediaKind::Audio) {
        form.append_pair("caption", caption);
    }
}

/// A 2xx object without `error`.
///
/// `sent` = `"false"` is a refusal only where its words say what was refused: one operator saw messages pile up in
/// the queue of a logged-out instance under just this answer (`ultramsg.md` section 3), so words about the connection,
/// like `"queued"`, are a doubt. It costs little: the gateway can be asked by reference, and its absence is proof.
fn read_sent(body: &Value, answer: &Answer) -> Outcome {
    let message = body.get("message").map(|message| flatten(message).0).unwrap_or_default();
    let sent = match body.get("sent") {
        Some(Value::Bool(sent)) => sent.to_string(),
        Some(Value::String(sent)) => sent.trim().to_lowercase(),
        _ => return reading::unreadable(answer, Scope::Number),
    };
    match sent.as_str() {
        "true" => match body.get("id").and_then(id) {
            Some(provider_message_id) => Outcome::Accepted { provider_message_id },
            None => reading::unreadable(answer, Scope::Number),
        },
        "queued" => Outcome::InDoubt(reading::failure(Class::NumberSuspended, "queued", &message)),
        "false" => match codes::classify(answer.status, &message, &[]) {
            (code, class @ (Class::NumberSuspended | Class::Unknown)) => {
                Outcome::InDoubt(reading::failure(class, code, &message))
            }
            (code, class) => reading::refused(class, code, &message, answer),
        },
        _ => reading::unreadable(answer, Scope::Number),
    }
}

/// `UltraMsg`'s own number of a message: an integer, sometimes a string.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.as_u64()?.to_string()),
        Value::String(text) => reading::readable_id(text),
        _ => None,
    }
}

/// Whether a count says nothing, or that there is none.
fn is_zero(count: Option<&Value>) -> bool {
    match count {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim() == "0",
        Some(count) => count.as_u64() == Some(0),
    }
}

fn judge(lookup: &Lookup, messages: &[Value]) -> Evidence {
    let reference = lookup.attempt.to_string();
    let ours = |message: &&Value| message.get("referenceId").and_then(Value::as_str) == Some(&reference);
    let hits: Vec<&Value> = messages.iter().filter(ours).collect();
    match hits.as_slice() {
        [] if messages.is_empty() => Evidence::Absent,
        // The gateway did not filter: whether ours is on another page cannot be told.
        [] => Evidence::Unclear("the listing holds other messages only".to_owned()),
        [hit] => match hit.get("id").and_then(id) {
            Some(provider_message_id) => Evidence::Found { provider_message_id, state: state(hit) },
            None => Evidence::Unclear("the listing holds no readable id".to_owned()),
        },
        several => Evidence::Several(several.len()),
    }
}

fn state(hit: &Value) -> String {
    let text = |name| hit.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("status"), text("ack")) {
        ("", _) => "unknown".to_owned(),
        (status, "") => reading::words(status),
        (status, ack) => reading::words(&format!("{status}, {ack}")),
    }
}

/// Whether an `error` says nothing: absent in another way.
fn is_empty(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// The three shapes of `error` as one text, and the fields it names: a string, an object of field to message, or an
/// array of such objects.
fn flatten(error: &Value) -> (String, Vec<String>) {
    let mut fields = Vec::new();
    let mut parts = Vec::new();
    gather(error, &mut parts, &mut fields, 0);
    (parts.join("; "), fields)
}

fn gather(value: &Value, parts: &mut Vec<String>, fields: &mut Vec<String>, depth: u8) {
    match value {
        Value::Null => {}
        Value::String(text) => parts.push(text.clone()),
        Value::Array(items) if depth < 3 => {
            for item in items {
                gather(item, parts, fields, depth + 1);
            }
        }
        Value::Object(object) if depth < 3 => {
            for (field, message) in object {
                fields.push(field.clone());
                let mut inner = Vec::new();
                gather(message, &mut inner, fields, depth + 1);
                parts.push(format!("{field}: {}", inner.join(", ")));
            }
        }
        other => parts.push(other.to_string()),
    }
}
