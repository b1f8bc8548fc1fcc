//! What the three dialects of the simulator share: from a decision to bytes.

use super::{
    http,
    script::{ErrorCode, Fault, Garbage},
    world::{Decision, Refusal, Verdict},
};
use crate::domain::{number::ProviderKind, phone::Phone};
use base64::Engine as _;
use std::{borrow::Cow, time::Duration};

/// An error in a provider's own envelope.
pub struct Envelope {
    /// The HTTP status it comes with.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// How one provider answers.
pub trait Dialect {
    /// The answer to an accepted message.
    fn success(&self, id: u64) -> Envelope;

    /// The answer to a refused one.
    fn error(&self, refusal: &Refusal) -> Envelope;
}

/// What the connection does once its answer stands in the buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Act {
    /// Writes it.
    Answer,
    /// Writes it and closes.
    AnswerThenCut,
    /// Closes without a byte.
    Cut,
    /// Writes it byte by byte.
    Drip(Duration),
    /// Writes it (a head), then 100 MB.
    Huge,
    /// Nothing, until the client leaves.
    Wait,
    /// Writes the ledger from `start` on, at most `limit` entries.
    Ledger {
        /// The first entry.
        start: usize,
        /// How many.
        limit: usize,
    },
}

/// What the connection does, and when.
#[derive(Debug)]
pub struct Reply {
    /// First wait this long.
    pub delay: Duration,
    /// Then do this.
    pub act: Act,
}

impl Reply {
    /// At once, what stands in the buffer.
    pub const NOW: Self = Self { delay: Duration::ZERO, act: Act::Answer };
}

/// How much `Garbage::Huge` is.
pub const HUGE_BYTES: usize = 100 * 1024 * 1024;

const JSON: &str = "application/json";

/// Writes an envelope.
pub fn write(out: &mut Vec<u8>, envelope: &Envelope, retry_after: Option<&str>) {
    match retry_after {
        None => http::answer(out, envelope.status, JSON, &[], &envelope.body),
        // With its own date, against which a `Retry-After` date is understood.
        Some(wait) => {
            let headers = [("retry-after", wait), ("date", &now())];
            http::answer(out, envelope.status, JSON, &headers, &envelope.body);
        }
    }
}

/// Writes an error at once, without a decision: the request was not well-formed or not authorised.
pub fn refuse(dialect: &impl Dialect, out: &mut Vec<u8>, error: ErrorCode, details: &str) -> Reply {
    let refusal = Refusal { error, details: Some(details.to_owned()), retry_after: None };
    write(out, &dialect.error(&refusal), None);
    Reply::NOW
}

/// Writes what was decided.
pub fn conclude(dialect: &impl Dialect, out: &mut Vec<u8>, decision: Decision) -> Reply {
    let act = match decision.verdict {
        Verdict::Accepted(id) => {
            write(out, &dialect.success(id), None);
            Act::Answer
        }
        Verdict::Refused(refusal) => {
            write(out, &dialect.error(&refusal), refusal.retry_after.as_deref());
            Act::Answer
        }
        Verdict::Fault(fault, id) => misbehave(dialect, out, &fault, id),
    };
    Reply { delay: decision.delay, act }
}

fn misbehave(dialect: &impl Dialect, out: &mut Vec<u8>, fault: &Fault, id: u64) -> Act {
    match fault {
        Fault::Cut => return Act::Cut,
        Fault::Wait => return Act::Wait,
        Fault::CutAfterHeaders => {
            let success = dialect.success(id);
            http::head(out, success.status, JSON, &[], Some(success.body.len()));
            return Act::AnswerThenCut;
        }
        Fault::Drip(interval) => {
            write(out, &dialect.success(id), None);
            return Act::Drip(*interval);
        }
        Fault::Garbage(Garbage::Huge) => {
            http::head(out, dialect.success(id).status, JSON, &[], Some(HUGE_BYTES));
            return Act::Huge;
        }
        Fault::Garbage(Garbage::Html) => {
            let page = b"<!doctype html><html><body><h1>It works!</h1></body></html>";
            http::answer(out, dialect.success(id).status, "text/html", &[], page);
        }
        Fault::Garbage(Garbage::Empty) => http::answer(out, dialect.success(id).status, JSON, &[], b""),
        Fault::Garbage(Garbage::Truncated) => {
            let success = dialect.success(id);
            let half = &success.body[..success.body.len() / 2];
            http::answer(out, success.status, JSON, &[], half);
        }
        Fault::Redirect { status, location } => {
            http::answer(out, *status, "", &[("location", location)], b"");
        }
        Fault::Status { status, body, content_type, retry_after } => {
            let date = now();
            let headers = retry_after.as_deref().map(|wait| [("retry-after", wait), ("date", &date)]);
            let headers = headers.as_ref().map_or(&[][..], |headers| &headers[..]);
            http::answer(out, *status, content_type, headers, body.as_bytes());
        }
    }
    Act::Answer
}

fn now() -> String {
    chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// A message's id as its provider writes it.
pub fn message_id(provider: ProviderKind, id: u64) -> String {
    match provider {
        ProviderKind::Meta => {
            let inner = base64::engine::general_purpose::STANDARD.encode(format!("{id:016X}"));
            format!("wamid.HBgM{inner}")
        }
        ProviderKind::Ultramsg => id.to_string(),
        ProviderKind::Twilio => format!("SM{id:032x}"),
    }
}

/// Whether a text is a phone as providers insist on it: `+` and the digits of E.164, nothing between.
pub fn is_e164(text: &str) -> bool {
    text.starts_with('+') && Phone::parse(text).is_ok_and(|phone| phone.reveal() == text)
}

/// The value of a form field or query parameter; the first, where it repeats.
pub fn field<'a>(pairs: &'a [(Cow<'a, str>, Cow<'a, str>)], name: &str) -> &'a str {
    pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

/// All fields of a form or query.
pub fn fields(raw: &[u8]) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(raw).collect()
}

/// Whether the body is a form.
pub fn is_form(request: &http::Request<'_>) -> bool {
    request.content_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A JSON value as bytes.
pub fn json(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// The state in which a message that failed is listed: the script's details may name one, else it is `unsent`.
pub fn listed_as(details: Option<&str>) -> &'static str {
    match details {
        Some("invalid") => "invalid",
        Some("expired") => "expired",
        _ => "unsent",
    }
}
