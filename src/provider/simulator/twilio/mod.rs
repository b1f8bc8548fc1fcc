//! The simulated Twilio API (`twilio.md` sections 2 to 4, 6 and 8): create, list and fetch messages, the account.

mod content;

use super::{
    dialect::{self, Dialect, Envelope, Reply, json},
    http::Request,
    ledger::Entry,
    outbox::Callback,
    script::ErrorCode,
    webhooks::Address,
    wording::Said,
    world::{Claim, Denied, Refusal, Sent, World},
};
use crate::{
    domain::{content::MediaKind, number::ProviderKind},
    provider::{codes, twilio::codes::TABLE},
};
use base64::Engine as _;
use serde_json::{Value, json as value};
use std::sync::Mutex;

/// A secret that no program of ours needs, and that must not show up anywhere.
pub const AUTH_TOKEN: &str = "5eca11edab1e5eca11edab1e5eca11ed";
/// Longest text.
const BODY_LIMIT: usize = 1_600;
/// Where senders are asked for; at Twilio on a host of its own.
const SENDERS: &str = "/v2/Channels/Senders";
/// Most messages of one page.
const PAGE_LIMIT: usize = 1_000;

struct Twilio<'a> {
    account: &'a str,
    from: &'a str,
    to: &'a str,
    body: &'a str,
}

const NOBODY: Twilio<'static> = Twilio { account: "", from: "", to: "", body: "" };

/// Whether a path is the API's.
pub fn is_path(path: &str) -> bool {
    path.starts_with("/2010-04-01/") || path.starts_with(SENDERS) || path.starts_with(content::CONTENTS)
}

/// Answers a request.
pub fn handle(world: &Mutex<World>, request: &Request<'_>, out: &mut Vec<u8>) -> Reply {
    if let Some(rest) = request.path.strip_prefix(SENDERS) {
        return senders(world, request, rest, out);
    }
    if request.path == content::CONTENTS {
        return contents(world, request, out);
    }
    let Some(rest) = request.path.strip_prefix("/2010-04-01/Accounts/") else {
        return refuse(out, 20_404, "The requested resource was not found");
    };
    let (account, rest) = rest.split_once('/').unwrap_or((rest.trim_end_matches(".json"), ""));
    let login = login(request.authorization);
    let (user, token) = login.as_deref().and_then(|login| login.split_once(':')).unwrap_or_default();
    // A key's login is its own; only the account's must be the account in the path.
    let token = if user == account || user.starts_with("SK") { token } else { "" };
    match (request.method, rest) {
        ("POST", "Messages.json") => send(world, request, account, token, out),
        ("GET", "Messages.json") => list(world, request, account, token, out),
        ("GET", "") => show_account(world, account, token, out),
        ("GET", rest) => fetch(world, rest, account, token, out),
        _ => refuse(out, 20_404, "The requested resource was not found"),
    }
}

fn login(authorization: &str) -> Option<String> {
    let raw = authorization.strip_prefix("Basic ")?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(raw.trim()).ok()?;
    String::from_utf8(bytes).ok()
}

fn send(world: &Mutex<World>, request: &Request<'_>, account: &str, token: &str, out: &mut Vec<u8>) -> Reply {
    // JSON is not refused as such: the API then sees no parameters (section 1).
    let fields = if dialect::is_form(request) { dialect::fields(&request.body) } else { Vec::new() };
    let field = |name| dialect::field(&fields, name);
    let from = field("From").strip_prefix("whatsapp:").unwrap_or_default();
    let to = field("To").strip_prefix("whatsapp:").unwrap_or_default();
    let body = field("Body");
    let mut world = super::lock(world);
    world.requests += 1;
    if token.is_empty() {
        return deny(out, Denied::Token);
    }
    let claim = Claim { provider: ProviderKind::Twilio, sender: from, account, token };
    // Credentials are judged before parameters, parameters before the sender.
    let authorised = match (world.authorise(&claim), check(field)) {
        (Err(Denied::Token), _) => return deny(out, Denied::Token),
        (_, Err((code, words))) => return refuse(out, code, words),
        (authorised, Ok(())) => authorised,
    };
    let number = match authorised {
        Ok(number) => number,
        Err(denied) => return deny(out, denied),
    };
    let callback = Some(field("StatusCallback")).filter(|url| !url.is_empty()).map(|url| Callback {
        url: url.to_owned(),
        token: token.to_owned(),
        account: account.to_owned(),
    });
    // Checked above: both are read a second time only.
    let said = content::read(field).unwrap_or_default();
    let known = match said.as_ref().map(|said| content::known(&world, account, said)).transpose() {
        Ok(known) => known.unwrap_or(Ok(None)),
        Err((code, words)) => return refuse(out, code, words),
    };
    let (fails_later, template) = (known.as_ref().err().copied(), known.ok().flatten());
    let written = said.as_ref().map_or_else(
        || body.to_owned(),
        |said| {
            said.template
                .as_ref()
                .map_or_else(|| caption(said, body), |asked| asked.text(template.map(|known| known.declared)))
        },
    );
    let template = template.map(|known| known.place);
    let sent = Sent { said, template, fails_later, callback, ..Sent::text(to, &written, "") };
    let decision = world.decide(number, sent);
    drop(world);
    dialect::conclude(&Twilio { account, from, to, body: &written }, out, decision)
}

/// `WhatsApp` takes a caption with a picture only, and ignores it elsewhere (section 2).
fn caption(said: &Said, body: &str) -> String {
    match &said.media {
        Some(media) if media.kind != MediaKind::Image || body.is_empty() => media.url.clone(),
        _ => body.to_owned(),
    }
}

/// The contents of an account, with their approvals.
fn contents(world: &Mutex<World>, request: &Request<'_>, out: &mut Vec<u8>) -> Reply {
    let login = login(request.authorization);
    let (user, token) = login.as_deref().and_then(|login| login.split_once(':')).unwrap_or_default();
    let account = if user.starts_with("SK") { "" } else { user };
    let world = super::lock(world);
    if request.method != "GET" || !may_read(&world, account, token) {
        return deny(out, Denied::Token);
    }
    content::list(&world, request, account, out)
}

fn check<'a>(field: impl Fn(&'static str) -> &'a str) -> Result<(), (u32, &'static str)> {
    let (from, to, body) = (field("From"), field("To"), field("Body"));
    if to.is_empty() {
        return Err((21_604, "A 'To' phone number is required."));
    }
    if from.is_empty() {
        return Err((21_603, "A 'From' phone number is required."));
    }
    if content::read(&field)?.is_none() && body.is_empty() {
        return Err((21_602, "Message body is required."));
    }
    let (Some(from_number), Some(to_number)) = (from.strip_prefix("whatsapp:"), to.strip_prefix("whatsapp:"))
    else {
        return Err((21_910, "Invalid From and To pair. From and To should be of the same channel"));
    };
    if !dialect::is_e164(to_number) {
        return Err((21_211, "The 'To' number is not a valid phone number."));
    }
    if !dialect::is_e164(from_number) {
        return Err((21_212, "The 'From' number is not a valid phone number."));
    }
    if from_number == to_number {
        return Err((63_031, "Message cannot have the same From and To"));
    }
    if body.len() > BODY_LIMIT && body.chars().count() > BODY_LIMIT {
        return Err((21_617, "The concatenated message body exceeds the 1600 character limit."));
    }
    let callback = field("StatusCallback");
    // Where to connect does not matter here: whether it is an address does.
    if !callback.is_empty() && Address::read(callback, Some("")).is_err() {
        return Err((21_609, "The StatusCallback URL is not a valid URL."));
    }
    let validity = field("ValidityPeriod");
    if !validity.is_empty() && !validity.parse::<u32>().is_ok_and(|seconds| (1..=36_000).contains(&seconds)) {
        return Err((21_624, "The ValidityPeriod is invalid"));
    }
    Ok(())
}

/// Whether the credentials alone are right, whoever sends.
fn may_read(world: &World, account: &str, token: &str) -> bool {
    !token.is_empty() && world.knows(&Claim { provider: ProviderKind::Twilio, sender: "", account, token })
}

fn list(world: &Mutex<World>, request: &Request<'_>, account: &str, token: &str, out: &mut Vec<u8>) -> Reply {
    let world = super::lock(world);
    if !may_read(&world, account, token) {
        return deny(out, Denied::Token);
    }
    let query = dialect::fields(request.query.as_bytes());
    let asked = |name| dialect::field(&query, name);
    let phone = |name| asked(name).strip_prefix("whatsapp:").unwrap_or_default();
    let (to, from) = (phone("To"), phone("From"));
    if [(asked("To"), to), (asked("From"), from)]
        .iter()
        .any(|(raw, phone)| !raw.is_empty() && phone.is_empty())
    {
        drop(world);
        return write(out, 200, &value!({"messages": [], "next_page_uri": null}));
    }
    let size = asked("PageSize").parse().unwrap_or(50_usize).clamp(1, PAGE_LIMIT);
    let page = asked("Page").parse().unwrap_or(0_usize);
    let digits = to.trim_start_matches('+').parse::<u64>().ok();
    let is_from = |entry: &Entry| {
        let sender = world.sender(entry.number).filter(|sender| sender.provider == ProviderKind::Twilio);
        sender.is_some_and(|sender| from.is_empty() || *sender.phone == *from)
    };
    let hits = world
        .ledger
        .newest()
        .filter(|(_, entry)| (to.is_empty() || Some(entry.to) == digits) && is_from(entry))
        .skip(page.saturating_mul(size))
        .take(size + 1)
        .map(|(id, entry)| show(&world, account, id, entry))
        .collect::<Vec<Value>>();
    drop(world);
    let next = (hits.len() > size).then(|| {
        let rest: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("To", asked("To"))
            .append_pair("From", asked("From"))
            .append_pair("PageSize", &size.to_string())
            .append_pair("Page", &(page + 1).to_string())
            .finish();
        format!("/2010-04-01/Accounts/{account}/Messages.json?{rest}")
    });
    let shown = &hits[..hits.len().min(size)];
    write(out, 200, &value!({"messages": shown, "page": page, "page_size": size, "next_page_uri": next}))
}

fn fetch(world: &Mutex<World>, rest: &str, account: &str, token: &str, out: &mut Vec<u8>) -> Reply {
    let world = super::lock(world);
    if !may_read(&world, account, token) {
        return deny(out, Denied::Token);
    }
    let sid = rest.strip_prefix("Messages/SM").and_then(|rest| rest.strip_suffix(".json"));
    let id = sid.and_then(|sid| u64::from_str_radix(sid, 16).ok());
    let found = id.and_then(|id| Some((id, world.ledger.get(id)?)));
    match found.map(|(id, entry)| show(&world, account, id, entry)) {
        Some(message) => write(out, 200, &message),
        None => refuse(out, 20_404, "The requested resource was not found"),
    }
}

fn show_account(world: &Mutex<World>, account: &str, token: &str, out: &mut Vec<u8>) -> Reply {
    let world = super::lock(world);
    if !may_read(&world, account, token) {
        return deny(out, Denied::Token);
    }
    let said = world.said_of_account(account);
    drop(world);
    if let Some(error) = said.error {
        return dialect::refuse(&NOBODY, out, error, said.details.as_deref().unwrap_or("refused"));
    }
    let status = said.status.as_deref().unwrap_or("active");
    // The description holds the account's own token, whoever asks.
    let body = value!({"sid": account, "status": status, "type": "Full", "auth_token": AUTH_TOKEN});
    write(out, 200, &body)
}

/// The senders of an account, a page of them or one. Every sender that is known here is every account's.
fn senders(world: &Mutex<World>, request: &Request<'_>, rest: &str, out: &mut Vec<u8>) -> Reply {
    let login = login(request.authorization);
    let (user, token) = login.as_deref().and_then(|login| login.split_once(':')).unwrap_or_default();
    let account = if user.starts_with("SK") { "" } else { user };
    let world = super::lock(world);
    if request.method != "GET" || !may_read(&world, account, token) {
        return deny(out, Denied::Token);
    }
    if let Some(sid) = rest.strip_prefix("/XE") {
        let place = u32::from_str_radix(sid, 16).ok();
        let known = world.senders_at(ProviderKind::Twilio).find(|(at, _)| Some(*at) == place);
        return match known.map(|(at, _)| describe(&world, at)) {
            Some(Ok(sender)) => write(out, 200, &sender),
            Some(Err(refusal)) => {
                dialect::refuse(&NOBODY, out, refusal.error, refusal.details.as_deref().unwrap_or("refused"))
            }
            None => refuse(out, 20_404, "The requested resource was not found"),
        };
    }
    let query = dialect::fields(request.query.as_bytes());
    let asked = |name| dialect::field(&query, name);
    let size = match asked("PageSize") {
        "" => Some(50),
        size => size.parse::<usize>().ok().filter(|size| (1..=PAGE_LIMIT).contains(size)),
    };
    let (true, "whatsapp", Some(size)) = (rest.is_empty(), asked("Channel"), size) else {
        return refuse(out, 20_422, "Invalid parameter: Channel is whatsapp, PageSize 1 to 1000");
    };
    let page = asked("Page").parse().unwrap_or(0_usize);
    let all: Vec<u32> = world.senders_at(ProviderKind::Twilio).map(|(at, _)| at).collect();
    let mut shown = Vec::new();
    for at in all.iter().skip(page.saturating_mul(size)).take(size) {
        match describe(&world, *at) {
            Ok(sender) => shown.push(sender),
            Err(refusal) => {
                let words = refusal.details.unwrap_or_else(|| "refused".to_owned());
                return dialect::refuse(&NOBODY, out, refusal.error, &words);
            }
        }
    }
    let next = (all.len() > (page + 1).saturating_mul(size)).then(|| {
        format!("https://messaging.twilio.com{SENDERS}?Channel=whatsapp&PageSize={size}&Page={}", page + 1)
    });
    write(
        out,
        200,
        &value!({"senders": shown, "meta": {"page": page, "page_size": size, "next_page_url": next}}),
    )
}

fn describe(world: &World, at: u32) -> Result<Value, Refusal> {
    let said = world.said_of_number(at);
    if let Some(error) = said.error {
        return Err(Refusal { error, details: said.details, retry_after: None });
    }
    let phone = world.sender(at).map_or("", |sender| &*sender.phone);
    let suspended = world.suspension(at);
    let usual = if suspended.is_some() { "OFFLINE" } else { "ONLINE" };
    let reasons = suspended.map(|refusal| {
        let code = match &refusal.error {
            ErrorCode::Number(code) => code.to_string(),
            ErrorCode::Text(text) => text.clone(),
        };
        value!([{"code": code, "message": refusal.details.as_deref().unwrap_or("suspended"), "more_info": ""}])
    });
    let own_sid = format!("XE{at:032x}");
    Ok(value!({
        "sid": own_sid, "status": said.status.as_deref().unwrap_or(usual), "sender_id": format!("whatsapp:{phone}"),
        "configuration": {"waba_id": "123456789"},
        "properties": {"quality_rating": said.quality.as_deref().unwrap_or("HIGH"),
            "messaging_limit": said.limit.as_deref().unwrap_or("10K Customers/24hr")},
        "offline_reasons": reasons, "webhook": {"callback_url": null, "status_callback_url": null},
        "url": format!("https://messaging.twilio.com{SENDERS}/{own_sid}"),
    }))
}

fn show(world: &World, account: &str, id: u64, entry: &Entry) -> Value {
    let from = world.sender(entry.number).map_or("", |sender| &*sender.phone);
    let to = entry.recipient();
    let twilio = Twilio { account, from, to: &to, body: world.ledger.body(entry) };
    let date = entry.at().format("%a, %d %b %Y %H:%M:%S +0000").to_string();
    twilio.message(id, "delivered", &date, Some(&date))
}

fn write(out: &mut Vec<u8>, status: u16, body: &Value) -> Reply {
    dialect::write(out, &Envelope { status, body: json(body) }, None);
    Reply::NOW
}

fn deny(out: &mut Vec<u8>, denied: Denied) -> Reply {
    match denied {
        Denied::Token => refuse(out, 20_003, "Authenticate"),
        Denied::Sender => {
            refuse(out, 63_007, "Twilio could not find a Channel with the specified From address")
        }
    }
}

fn refuse(out: &mut Vec<u8>, code: u32, words: &str) -> Reply {
    dialect::refuse(&NOBODY, out, ErrorCode::Number(code), words)
}

impl Twilio<'_> {
    fn message(&self, id: u64, status: &str, created: &str, sent: Option<&str>) -> Value {
        let sid = dialect::message_id(ProviderKind::Twilio, id);
        value!({
            "sid": sid, "status": status, "from": format!("whatsapp:{}", self.from),
            "to": format!("whatsapp:{}", self.to), "account_sid": self.account, "messaging_service_sid": null,
            "direction": "outbound-api", "body": self.body, "num_segments": "1", "num_media": "0",
            "date_created": created, "date_sent": sent, "error_code": null, "error_message": null, "price": null,
            "uri": format!("/2010-04-01/Accounts/{}/Messages/{sid}.json", self.account), "api_version": "2010-04-01",
        })
    }
}

impl Dialect for Twilio<'_> {
    fn success(&self, id: u64) -> Envelope {
        let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        let created = now.format("%a, %d %b %Y %H:%M:%S +0000").to_string();
        Envelope { status: 201, body: json(&self.message(id, "queued", &created, None)) }
    }

    fn error(&self, refusal: &Refusal) -> Envelope {
        let code = match &refusal.error {
            ErrorCode::Number(code) => Value::from(*code),
            ErrorCode::Text(text) => Value::from(text.as_str()),
        };
        let row = code.as_u64().and_then(|code| codes::find(TABLE, u32::try_from(code).ok()?));
        // What the sheet only knows as a later failure is refused like any parameter when a script asks for it now.
        let status = row.map(|row| row.status).filter(|status| *status != 0).unwrap_or(400);
        let words = refusal.details.as_deref().or(row.map(|row| row.text)).unwrap_or("unknown error");
        let body = value!({"code": code, "message": words, "status": status,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", code.to_string().trim_matches('"'))});
        Envelope { status, body: json(&body) }
    }
}
