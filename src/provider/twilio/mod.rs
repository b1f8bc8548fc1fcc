//! Twilio for `WhatsApp` (`twilio.md`).

pub mod codes;
mod health;
mod templates;
#[cfg(test)]
mod tests;
pub mod webhook;

use super::{
    Abilities, Answer, Content, Credential, Evidence, Fit, HealthStep, Line, LineError, Lookup, Outgoing,
    Prepared, Provider, TemplateStep, address, codes as table, reading,
    report::{Delivered, Report, ReportError},
};
use crate::domain::{
    number::ProviderKind,
    outcome::{Class, Outcome, Scope},
    phone::Phone,
};
use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use form_urlencoded::Serializer;
use http::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use url::Url;

/// The date in every path: Twilio's version, frozen (`twilio.md` section 1).
pub const API_VERSION: &str = "2010-04-01";
/// How long a message may wait in Twilio's queue, in seconds. Short, so that a stuck sender does not deliver hours
/// later (`twilio.md` section 2); its expiry is reported as 30036.
const VALIDITY_SECONDS: &str = "900";
/// Behind `#` in the address of the status callback, and no part of what is signed: up to five more tries, whatever went
/// wrong. Without it an answer of 5xx loses the report (`twilio.md` section 7).
const RETRIES: &str = "rc=5&rp=all";
/// How far before the intent a listed message may have been made: dates have whole seconds and clocks differ.
const WINDOW_BEFORE: TimeDelta = TimeDelta::seconds(30);
/// How far after the intent: a request lives at most 25 s, and clocks differ.
const WINDOW_AFTER: TimeDelta = TimeDelta::seconds(120);

/// Twilio's dialect.
pub struct Twilio;

#[derive(Deserialize)]
struct Created<'a> {
    #[serde(borrow)]
    sid: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    messages: Vec<Listed<'a>>,
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    sid: Cow<'a, str>,
    #[serde(borrow)]
    to: Option<Cow<'a, str>>,
    #[serde(borrow)]
    direction: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
    date_created: Option<String>,
}

impl Provider for Twilio {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Twilio
    }

    fn abilities(&self) -> Abilities {
        // An empty listing is a judgement, not a proof: whether queued messages always appear is unverified
        // (`twilio.md` section 8).
        Abilities { reference: false, callback_tag: true, list_by_recipient: true, absence_is_proof: false }
    }

    fn line(
        &self,
        base_url: &str,
        credential: Credential,
        sender_id: &str,
        from: &Phone,
    ) -> Result<Line, LineError> {
        let base_url = address::base(base_url)?;
        let sid = credential.external_id.trim();
        if sid.is_empty() {
            return Err(LineError::Missing("the Account SID (--external-id)"));
        }
        if !sid.starts_with("AC") || !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(address::invalid("the Account SID", "is not AC and letters or digits"));
        }
        let pair = zeroize::Zeroizing::new(format!("{sid}:{}", address::token(&credential)?));
        let basic = zeroize::Zeroizing::new(format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(pair.as_bytes())
        ));
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(AUTHORIZATION, address::sensitive(&basic)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Ok(Line {
            send_url: address::join(&base_url, &[API_VERSION, "Accounts", sid, "Messages.json"])?,
            headers,
            from: from.clone(),
            credential,
            base_url,
            sender_id: sender_id.trim().to_owned(),
            callback: None,
        })
    }

    fn send_request(&self, line: &Line, outgoing: &Outgoing) -> Option<Prepared> {
        let mut form = Serializer::new(String::with_capacity(512));
        form.append_pair("To", &channel(&outgoing.to)).append_pair("From", &channel(&line.from));
        say(&mut form, &outgoing.content);
        form.append_pair("ValidityPeriod", VALIDITY_SECONDS);
        if let Some(callback) = &line.callback {
            let reference = webhook::REFERENCE;
            let callback = format!("{callback}?{reference}={}#{RETRIES}", outgoing.attempt);
            form.append_pair("StatusCallback", &callback);
        }
        Some(Prepared {
            method: Method::POST,
            url: line.send_url.clone(),
            headers: line.headers.clone(),
            body: form.finish().into_bytes(),
        })
    }

    fn read_send(&self, answer: &Answer) -> Outcome {
        if (200..300).contains(&answer.status) {
            let id = serde_json::from_slice::<Created<'_>>(&answer.body)
                .ok()
                .and_then(|created| reading::readable_id(&created.sid));
            return match id {
                Some(provider_message_id) => Outcome::Accepted { provider_message_id },
                None => reading::unreadable(answer, Scope::Account),
            };
        }
        match refusal(answer) {
            Some((code, words)) => reading::by_code(codes::TABLE, code, &words, answer),
            // 422 is documented as not processed, like 429 (`twilio.md` section 8).
            None if answer.status == 422 => {
                reading::refused(Class::ContentRejected, "http_422", &reading::snippet(answer), answer)
            }
            None => reading::unreadable(answer, Scope::Account),
        }
    }

    fn classify_code(&self, code: &str, detail: &str) -> Option<Class> {
        table::classify(codes::TABLE, code, detail)
    }

    fn lookup_request(&self, line: &Line, lookup: &Lookup) -> Option<Prepared> {
        let mut url = line.send_url.clone();
        // No date filter: a message still queued may have no DateSent and then be missed (`twilio.md` section 8).
        url.query_pairs_mut()
            .append_pair("To", &channel(&lookup.to))
            .append_pair("From", &channel(&line.from))
            .append_pair("PageSize", "100");
        let mut headers = line.headers.clone();
        headers.remove(CONTENT_TYPE);
        Some(Prepared { method: Method::GET, url, headers, body: Vec::new() })
    }

    fn read_lookup(&self, lookup: &Lookup, answer: &Answer) -> Evidence {
        if answer.status != 200 {
            let words = refusal(answer).map_or_else(|| reading::snippet(answer), |(_, words)| words);
            return Evidence::Unclear(reading::words(&format!("status {}: {words}", answer.status)));
        }
        let Ok(listing) = serde_json::from_slice::<Listing<'_>>(&answer.body) else {
            return Evidence::Unclear("the listing cannot be read".to_owned());
        };
        judge(lookup, &listing)
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
        webhook::read(delivered)
    }
}

/// The fields that differ by the kind of message (`twilio.md` section 2).
fn say(form: &mut Serializer<'_, String>, content: &Content) {
    match content {
        Content::Text(body) => {
            form.append_pair("Body", body);
        }
        Content::Media(media) => {
            form.append_pair("MediaUrl", media.url.as_str());
            if let Some(caption) = &media.caption {
                form.append_pair("Body", caption);
            }
        }
        Content::Template(template) => {
            form.append_pair("ContentSid", &template.id);
            // Headline and buttons are numbered with the text.
            let variables: serde_json::Map<String, Value> =
                template.values.together().into_iter().map(|(name, value)| (name, value.into())).collect();
            if !variables.is_empty() {
                // An object within a text.
                form.append_pair("ContentVariables", &Value::Object(variables).to_string());
            }
        }
    }
}

/// What a listing says about one attempt: messages to the same person, made by the API within the attempt's window,
/// with the same text where both are known. Nothing in it names an attempt, so none of them is certainly this one's.
fn judge(lookup: &Lookup, listing: &Listing<'_>) -> Evidence {
    let to = channel(&lookup.to);
    let hits = listing.messages.iter().filter(|listed| fits(lookup, &to, listed));
    let fits: Option<Vec<Fit>> = hits
        .map(|hit| {
            Some(Fit {
                provider_message_id: reading::readable_id(&hit.sid)?,
                state: reading::words(hit.status.as_deref().unwrap_or("unknown")),
                says_the_same: says_the_same(lookup, hit) == Some(true),
            })
        })
        .collect();
    let is_whole = listing.next_page_uri.is_none() || reaches_back(lookup, listing);
    match fits {
        None => Evidence::Unclear("the listing holds no readable id".to_owned()),
        Some(fits) if !fits.is_empty() => Evidence::Fitting { fits, is_whole },
        Some(_) if is_whole => Evidence::Absent,
        Some(_) => Evidence::Unclear("the listing does not reach back to the attempt".to_owned()),
    }
}

fn fits(lookup: &Lookup, to: &str, listed: &Listed<'_>) -> bool {
    // A message without a readable date may be ours: better a false hit, which is not resent, than a second message.
    let in_window = made_at(listed).is_none_or(|made| {
        made >= lookup.started_at - WINDOW_BEFORE && made <= lookup.started_at + WINDOW_AFTER
    });
    listed.to.as_deref() == Some(to)
        && listed.direction.as_deref().is_none_or(|direction| direction == "outbound-api")
        && in_window
        && says_the_same(lookup, listed) != Some(false)
}

/// Whether a listed message says what the attempt said, word by word; `None`: one of the two is not known.
fn says_the_same(lookup: &Lookup, listed: &Listed<'_>) -> Option<bool> {
    let ours = lookup.text.as_deref()?;
    // The body of a queued message may still be empty.
    let theirs = listed.body.as_deref().filter(|body| !body.is_empty())?;
    Some(ours.split_whitespace().eq(theirs.split_whitespace()))
}

fn reaches_back(lookup: &Lookup, listing: &Listing<'_>) -> bool {
    let oldest = listing.messages.iter().filter_map(made_at).min();
    oldest.is_some_and(|oldest| oldest < lookup.started_at - WINDOW_BEFORE)
}

fn made_at(listed: &Listed<'_>) -> Option<DateTime<Utc>> {
    let date = listed.date_created.as_deref()?;
    DateTime::parse_from_rfc2822(date).ok().map(|date| date.to_utc())
}

/// Senders and contents are asked for at hosts of their own: `messaging.twilio.com` beside `api.twilio.com`, and the same in
/// a region. Any other base address stands for all of Twilio.
fn product(base: &Url, name: &str) -> Url {
    let mut url = base.clone();
    let own = base
        .host_str()
        .filter(|host| host.ends_with(".twilio.com"))
        .and_then(|host| host.strip_prefix("api."))
        .map(|rest| format!("{name}.{rest}"));
    if let Some(host) = own {
        // A host that differs in its first word only is one.
        let _ = url.set_host(Some(&host));
    }
    url
}

/// A phone as Twilio addresses it: `whatsapp:+237600000001`.
fn channel(phone: &Phone) -> String {
    format!("whatsapp:{}", phone.reveal())
}

/// Code and words of an error in Twilio's envelope, or in the list form of its newer hosts. A redirect is never one.
fn refusal(answer: &Answer) -> Option<(u32, String)> {
    if answer.status < 400 {
        return None;
    }
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let error = body.get("errors").and_then(|errors| errors.get(0)).unwrap_or(&body);
    let code = error.get("code")?;
    let code = code.as_u64().or_else(|| code.as_str()?.trim().parse().ok())?;
    let words = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some((u32::try_from(code).ok()?, words))
}
