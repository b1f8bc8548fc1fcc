//! What Twilio says of an account and its sender when it is asked (`twilio.md` section 6): the account first, since a
//! closed one has no senders that count, then the sender by its sid or among the account's.

use super::{API_VERSION, channel, product, refusal};
use crate::{
    domain::{
        health::{Health, Quality, Reach, Standing},
        outcome::Class,
    },
    provider::{Answer, HealthStep, Line, LineError, Prepared, address, reading},
};
use http::{Method, header::CONTENT_TYPE};
use serde_json::Value;
use url::Url;

/// Senders on one page: an answer stays within what the client reads.
const PAGE_SIZE: &str = "20";
/// Most pages that are looked through for one sender.
const PAGES: usize = 5;
/// Statuses of a sender that takes no messages, or none yet.
const OUT: [&str; 7] =
    ["OFFLINE", "CREATING", "PENDING_VERIFICATION", "VERIFYING", "TWILIO_REVIEW", "DRAFT", "STUBBED"];
/// What a check sees: when it says that all is well, these are over. A lock (63051) may not show.
const SEEN: [&str; 9] = [
    "status_offline",
    "status_creating",
    "status_pending_verification",
    "status_verifying",
    "status_twilio_review",
    "status_draft",
    "status_stubbed",
    "63002",
    "63007",
];

/// The next question, or what the answers say.
pub fn step(line: &Line, answers: &[Answer]) -> HealthStep {
    let Some((account, senders)) = answers.split_first() else {
        return ask(line, account_url(line));
    };
    if let Some(health) = read_account(account) {
        return HealthStep::Done(health);
    }
    match senders {
        [] if is_sid(&line.sender_id) => ask(line, senders_url(line, Some(&line.sender_id))),
        [] => ask(line, page_url(line, &[("Channel", "whatsapp"), ("PageSize", PAGE_SIZE)])),
        [.., last] => read_senders(line, last, senders.len()),
    }
}

/// Whether a check would show what this code took a number out of service for.
pub fn is_seen(code: &str) -> bool {
    SEEN.contains(&code)
}

fn is_sid(sender_id: &str) -> bool {
    sender_id.starts_with("XE") && sender_id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn ask(line: &Line, url: Result<Url, LineError>) -> HealthStep {
    let Ok(url) = url else {
        return HealthStep::Done(Health::unclear("address", "the sender's address cannot be made"));
    };
    let mut headers = line.headers.clone();
    headers.remove(CONTENT_TYPE);
    HealthStep::Ask(Prepared { method: Method::GET, url, headers, body: Vec::new() })
}

fn account_url(line: &Line) -> Result<Url, LineError> {
    let sid = line.credential.external_id.trim();
    address::join(&line.base_url, &[API_VERSION, "Accounts", &format!("{sid}.json")])
}

fn senders_url(line: &Line, sid: Option<&str>) -> Result<Url, LineError> {
    let base = product(&line.base_url, "messaging");
    let mut segments = vec!["v2", "Channels", "Senders"];
    segments.extend(sid);
    address::join(&base, &segments)
}

fn page_url(line: &Line, query: &[(&str, &str)]) -> Result<Url, LineError> {
    let mut url = senders_url(line, None)?;
    url.query_pairs_mut().extend_pairs(query);
    Ok(url)
}

/// What the account's state says; `None`: it may send, and its sender is to be asked about. The answer holds the auth
/// token: nothing of it is repeated.
fn read_account(answer: &Answer) -> Option<Health> {
    if let Some((code, words)) = refusal(answer) {
        let standing = match code {
            20_003 | 20_101 | 20_104 | 20_151 => Standing::NotSendable(Class::NumberAuth),
            10_001 | 20_005 | 20_403 => Standing::NotSendable(Class::AccountFatal),
            _ => Standing::Unclear,
        };
        return Some(Health::new(standing, code.to_string(), reading::words(&words)));
    }
    let body = serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| answer.status == 200);
    let status = body.as_ref().and_then(|body| body.get("status")).and_then(Value::as_str);
    let Some(status) = status else {
        let words = format!("the account's state cannot be read (status {})", answer.status);
        return Some(Health::unclear(format!("http_{}", answer.status), words));
    };
    let standing = match status {
        "active" => return None,
        "suspended" | "closed" => Standing::NotSendable(Class::AccountFatal),
        _ => Standing::Unclear,
    };
    let code = reading::words(&format!("account_{}", status.to_lowercase()));
    Some(Health::new(standing, code, reading::words(&format!("the account is {status}"))))
}

/// One sender, or the page of a listing. A listing's next page is asked for at our address, whatever host it names.
fn read_senders(line: &Line, answer: &Answer, pages: usize) -> HealthStep {
    // The account is well, so a refusal here concerns this question and not the sending.
    if let Some((code, words)) = refusal(answer) {
        return HealthStep::Done(Health::unclear(code.to_string(), reading::words(&words)));
    }
    let body = serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| answer.status == 200);
    let Some(body) = body else {
        let words = reading::snippet(answer);
        return HealthStep::Done(Health::unclear(format!("http_{}", answer.status), words));
    };
    if is_sid(&line.sender_id) {
        return HealthStep::Done(described(&body));
    }
    let address = channel(&line.from);
    let listed = ["senders", "data"].iter().find_map(|name| body.get(name)?.as_array());
    let Some(listed) = listed else {
        return HealthStep::Done(Health::unclear("unreadable", "the listing of senders cannot be read"));
    };
    if let Some(sender) = listed.iter().find(|sender| text(sender, "sender_id") == address) {
        return HealthStep::Done(described(sender));
    }
    match next_page(&body) {
        Some(query) if pages < PAGES => {
            let query: Vec<(&str, &str)> =
                query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            ask(line, page_url(line, &query))
        }
        Some(_) => HealthStep::Done(Health::unclear(
            "sender_not_found",
            "the account has many senders; give this one's sid (XE…) as --instance-id",
        )),
        // The sandbox sends and is in no list.
        None => HealthStep::Done(Health::unclear("sender_not_found", "the account lists no such sender")),
    }
}

fn next_page(body: &Value) -> Option<Vec<(String, String)>> {
    let next = body.pointer("/meta/next_page_url").or_else(|| body.get("next_page_uri"))?.as_str()?;
    let (_, query) = next.split_once('?')?;
    Some(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

fn described(sender: &Value) -> Health {
    let status = text(sender, "status");
    let standing = match status {
        "ONLINE" | "ONLINE:UPDATING" => Standing::Sendable,
        status if OUT.contains(&status) => Standing::NotSendable(Class::NumberSuspended),
        _ => Standing::Unclear,
    };
    let reasons: Vec<String> = sender
        .get("offline_reasons")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|reason| {
            let code = reason.get("code").map(Value::to_string).unwrap_or_default();
            format!("{} {}", code.trim_matches('"'), text(reason, "message")).trim().to_owned()
        })
        .collect();
    let words = match (status, reasons.is_empty()) {
        ("", _) => "the sender has no status".to_owned(),
        (status, true) => status.to_owned(),
        (status, false) => format!("{status}: {}", reasons.join("; ")),
    };
    let code = match standing {
        Standing::Sendable => String::new(),
        _ => reading::words(&format!("status_{}", status.to_lowercase())),
    };
    Health {
        approval: (!status.is_empty()).then(|| reading::words(&format!("sender {status}"))),
        quality: sender.pointer("/properties/quality_rating").and_then(quality),
        reach: sender.pointer("/properties/messaging_limit").and_then(Value::as_str).and_then(reach),
        ..Health::new(standing, code, reading::words(&words))
    }
}

fn quality(value: &Value) -> Option<Quality> {
    Some(match value.as_str()? {
        "HIGH" => Quality::Green,
        "MEDIUM" => Quality::Yellow,
        "LOW" => Quality::Red,
        _ => Quality::Unknown,
    })
}

/// `10K Customers/24hr`, `250 Customers/24hr`, `Unlimited`: a text for people.
fn reach(text: &str) -> Option<Reach> {
    let text = text.trim();
    if text.to_lowercase().starts_with("unlimited") {
        return Some(Reach::Unlimited);
    }
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let count: u32 = digits.parse().ok()?;
    let thousand = rest.starts_with(['K', 'k']);
    if thousand { count.checked_mul(1_000).map(Reach::People) } else { Some(Reach::People(count)) }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
