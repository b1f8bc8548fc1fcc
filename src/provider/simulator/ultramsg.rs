//! The simulated `UltraMsg` gateway (`ultramsg.md` sections 2 to 4, 6 and 8): `/instance{n}/messages/chat`,
//! `/instance{n}/messages` and its `/statistics`, `/instance{n}/instance/status` and `/me`, `/instance{n}/contacts/check`.

use super::{
    dialect::{self, Dialect, Envelope, Reply, json},
    http::Request,
    ledger::Entry,
    script::ErrorCode,
    wording::{self, Said, SaidMedia},
    world::{Claim, Denied, Refusal, Sent, World},
};
use crate::{
    domain::{
        content::{CAPTION_LIMIT, MediaKind},
        number::ProviderKind,
    },
    provider::ultramsg::codes::{FIELDS, SIGNALS},
};
use serde_json::{Value, json as value};
use std::sync::Mutex;

/// Longest `referenceId`: undocumented, one integration cuts at this.
const REFERENCE_LIMIT: usize = 200;
/// Most messages of one page.
const PAGE_LIMIT: usize = 100;

struct Ultramsg;

/// Whether a path is the gateway's: `/instance…`.
pub fn is_path(path: &str) -> bool {
    path.starts_with("/instance")
}

/// Answers a request.
pub fn handle(world: &Mutex<World>, request: &Request<'_>, out: &mut Vec<u8>) -> Reply {
    let (instance, rest) = request.path[1..].split_once('/').unwrap_or((&request.path[1..], ""));
    if !instance["instance".len()..].bytes().all(|byte| byte.is_ascii_digit()) || instance == "instance" {
        return not_found(out);
    }
    // The token stands in a POST's form and in a GET's query. A body that is no form has no fields for the gateway.
    let raw = match request.method {
        "POST" if dialect::is_form(request) => &request.body,
        "POST" => &[][..],
        _ => request.query.as_bytes(),
    };
    let fields = dialect::fields(raw);
    let token = dialect::field(&fields, "token");
    let claim = Claim { provider: ProviderKind::Ultramsg, sender: instance, account: "", token };
    match (request.method, rest) {
        ("POST", "messages/chat") => send(world, &claim, &fields, None, out),
        ("POST", "messages/image") => send(world, &claim, &fields, Some(MediaKind::Image), out),
        ("POST", "messages/video") => send(world, &claim, &fields, Some(MediaKind::Video), out),
        ("POST", "messages/document") => send(world, &claim, &fields, Some(MediaKind::Document), out),
        ("POST", "messages/audio") => send(world, &claim, &fields, Some(MediaKind::Audio), out),
        ("GET", "messages/statistics") => statistics(world, &claim, out),
        ("GET", "messages") => list(world, &claim, &fields, out),
        ("GET", "instance/status") => status(world, &claim, out),
        ("GET", "instance/me") => me(world, &claim, out),
        ("GET", "contacts/check") => contact(world, &claim, dialect::field(&fields, "chatId"), out),
        _ => not_found(out),
    }
}

type Fields<'a> = [(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)];

fn send(
    world: &Mutex<World>,
    claim: &Claim<'_>,
    fields: &Fields<'_>,
    media: Option<MediaKind>,
    out: &mut Vec<u8>,
) -> Reply {
    let mut world = super::lock(world);
    world.requests += 1;
    let number = match world.authorise(claim) {
        Ok(number) => number,
        Err(denied) => return deny(out, denied),
    };
    let to = dialect::field(fields, "to");
    let reference = dialect::field(fields, "referenceId");
    // A chat id means the same person as its number.
    let chat = to.strip_suffix("@c.us").map(|digits| format!("+{digits}"));
    let to = chat.as_deref().unwrap_or(to);
    let read = check(to, reference, dialect::field(fields, "priority")).and_then(|()| match media {
        None => check_body(dialect::field(fields, "body")).map(|body| (None, body.to_owned())),
        Some(kind) => read_media(kind, fields).map(|(said, body)| (Some(said), body)),
    });
    let (said, body) = match read {
        Ok(read) => read,
        // What is wrong with a file is said without naming the field (section 4).
        Err(("", problem)) => {
            write_error(out, &Value::from(problem));
            return Reply::NOW;
        }
        Err((field, problem)) => {
            write_error(out, &value!([{field: problem}]));
            return Reply::NOW;
        }
    };
    let before = world.ledger.len();
    let decision = world.decide(number, Sent { said, ..Sent::text(to, &body, reference) });
    if world.ledger.len() > before {
        world.enqueue(number);
    }
    drop(world);
    dialect::conclude(&Ultramsg, out, decision)
}

type Problem = (&'static str, &'static str);

fn check_body(body: &str) -> Result<&str, Problem> {
    if body.is_empty() {
        return Err(("body", "is required"));
    }
    if body.len() > 4_096 && body.chars().count() > 4_096 {
        return Err(("body", "must be at most 4096 characters"));
    }
    Ok(body)
}

/// The fields of the endpoints for media (section 2).
fn read_media(kind: MediaKind, fields: &Fields<'_>) -> Result<(Said, String), Problem> {
    let url = dialect::field(fields, kind.name());
    if url.is_empty() {
        return Err((kind.name(), "is required"));
    }
    if !wording::is_link(url) {
        return Err(("", "media not found"));
    }
    let taken: &[&str] = match kind {
        MediaKind::Image => &["jpg", "jpeg", "gif", "png", "webp", "bmp"],
        MediaKind::Video => &["mp4", "3gp", "mov"],
        MediaKind::Audio => &["mp3", "aac", "ogg"],
        MediaKind::Document => &[],
    };
    let extension = wording::extension(url);
    if !taken.is_empty() && !extension.is_empty() && !taken.contains(&extension.as_str()) {
        return Err(("", "file extension not supported"));
    }
    let (filename, caption) = (dialect::field(fields, "filename"), dialect::field(fields, "caption"));
    match kind {
        MediaKind::Document if filename.is_empty() => return Err(("filename", "is required")),
        MediaKind::Document if filename.chars().count() > 255 => return Err(("filename", "is too long")),
        MediaKind::Audio if !caption.is_empty() => return Err(("caption", "is not supported")),
        _ => {}
    }
    if caption.chars().count() > CAPTION_LIMIT {
        return Err(("caption", "must be at most 1024 characters"));
    }
    let filename = Some(filename).filter(|name| !name.is_empty()).map(str::to_owned);
    let media = SaidMedia { kind, url: url.to_owned(), filename };
    let body = if caption.is_empty() { url } else { caption };
    Ok((Said { kind: kind.name(), template: None, media: Some(media) }, body.to_owned()))
}

fn check(to: &str, reference: &str, priority: &str) -> Result<(), Problem> {
    if to.is_empty() {
        return Err(("to", "is required"));
    }
    if to.contains(',') {
        return Err(("to", "one recipient only"));
    }
    if !dialect::is_e164(to) {
        return Err(("to", "invalid number"));
    }
    if !priority.is_empty() && priority.parse::<u32>().is_err() {
        return Err(("priority", "must be a number"));
    }
    if reference.chars().count() > REFERENCE_LIMIT {
        return Err(("referenceId", "is too long"));
    }
    Ok(())
}

fn list(world: &Mutex<World>, claim: &Claim<'_>, fields: &Fields<'_>, out: &mut Vec<u8>) -> Reply {
    let mut world = super::lock(world);
    world.questions += 1;
    let number = match world.authorise(claim) {
        Ok(number) => number,
        Err(denied) => return deny(out, denied),
    };
    let asked = |name| dialect::field(fields, name);
    let (reference, id, to, status) = (asked("referenceId"), asked("id"), asked("to"), asked("status"));
    let to = to.trim_end_matches("@c.us").trim_start_matches('+');
    let limit = asked("limit").parse().unwrap_or(PAGE_LIMIT).clamp(1, PAGE_LIMIT);
    let page = asked("page").parse().unwrap_or(1_usize).max(1);
    let from = world.sender(number).map_or_else(String::new, |sender| sender.phone.to_string());
    let candidates: Box<dyn Iterator<Item = (u64, &Entry)>> = match reference {
        "" => Box::new(world.ledger.newest()),
        reference => Box::new(world.ledger.referring(reference)),
    };
    let hits: Vec<Value> = candidates
        .filter(|(_, entry)| entry.number == number)
        .filter(|(found, _)| id.is_empty() || found.to_string() == id)
        .filter(|(_, entry)| to.is_empty() || entry.to.to_string() == to)
        .filter(|(id, _)| matches!(status, "" | "all") || world.fate(*id) == status)
        .map(|(id, entry)| {
            let fate = world.fate(id);
            let (ack, sent_at) = if fate == "sent" { ("device", entry.at().timestamp()) } else { ("", 0) };
            let at = entry.at().timestamp();
            value!({"id": id, "referenceId": entry.reference(), "from": chat_id(&from),
                "to": format!("{}@c.us", entry.to), "body": world.ledger.body(entry), "priority": 10,
                "status": fate, "ack": ack, "type": world.ledger.said(entry).map_or("chat", |said| said.kind),
                "created_at": at, "sent_at": sent_at, "metadata": {}})
        })
        .collect();
    drop(world);
    let total = hits.len();
    let messages: Vec<Value> = hits.into_iter().skip((page - 1).saturating_mul(limit)).take(limit).collect();
    let body = value!({"total": total, "pages": total.div_ceil(limit), "limit": limit, "page": page,
        "messages": messages});
    dialect::write(out, &Envelope { status: 200, body: json(&body) }, None);
    Reply::NOW
}

fn statistics(world: &Mutex<World>, claim: &Claim<'_>, out: &mut Vec<u8>) -> Reply {
    let mut world = super::lock(world);
    let number = match world.authorise(claim) {
        Ok(number) => number,
        Err(denied) => return deny(out, denied),
    };
    let (waiting, _) = world.queued(number);
    let sent = world.ledger.len().saturating_sub(waiting as usize);
    drop(world);
    let body = value!({"messages_statistics":
        {"sent": sent, "queue": waiting, "unsent": 0, "invalid": 0, "expired": 0}});
    dialect::write(out, &Envelope { status: 200, body: json(&body) }, None);
    Reply::NOW
}

fn chat_id(phone: &str) -> String {
    format!("{}@c.us", phone.trim_start_matches('+'))
}

fn status(world: &Mutex<World>, claim: &Claim<'_>, out: &mut Vec<u8>) -> Reply {
    let mut world = super::lock(world);
    let number = match world.authorise(claim) {
        Ok(number) => number,
        Err(denied) => return deny(out, denied),
    };
    let said = world.said_of_number(number);
    let suspended = world.suspension(number).map(|refusal| refusal.error.clone());
    drop(world);
    // Unknown and unpaid instances refuse this question as they refuse a message; others say how they are.
    let speaks = |name: &str| SIGNALS.iter().any(|signal| signal.code == name) && name != "not_connected";
    let refused = suspended.clone().filter(|error| matches!(error, ErrorCode::Text(name) if speaks(name)));
    if let Some(error) = said.error.or(refused.filter(|_| said.status.is_none())) {
        let refusal = Refusal { error, details: said.details, retry_after: None };
        dialect::write(out, &Ultramsg.error(&refusal), None);
        return Reply::NOW;
    }
    let usual = if suspended.is_some() { "qr" } else { "authenticated" };
    let status = said.status.as_deref().unwrap_or(usual);
    let substatus = if status == "authenticated" { "connected" } else { "normal" };
    let body = value!({"status": {"accountStatus": {"status": status, "substatus": substatus}}});
    dialect::write(out, &Envelope { status: 200, body: json(&body) }, None);
    Reply::NOW
}

/// Which phone the instance drives: what the script says, else its own. Of a sender that nobody declared nothing is known.
fn me(world: &Mutex<World>, claim: &Claim<'_>, out: &mut Vec<u8>) -> Reply {
    let mut world = super::lock(world);
    world.questions += 1;
    let number = match world.authorise(claim) {
        Ok(number) => number,
        Err(denied) => return deny(out, denied),
    };
    let linked = world.said_of_number(number).linked;
    let own =
        world.sender(number).map(|sender| sender.phone.to_string()).filter(|phone| phone.starts_with('+'));
    drop(world);
    let body = linked
        .or(own)
        .map_or_else(|| value!({}), |phone| value!({"id": chat_id(&phone), "name": "signalbox"}));
    dialect::write(out, &Envelope { status: 200, body: json(&body) }, None);
    Reply::NOW
}

/// Everybody is on WhatsApp but those whose number ends in 000.
fn contact(world: &Mutex<World>, claim: &Claim<'_>, chat: &str, out: &mut Vec<u8>) -> Reply {
    let mut world = super::lock(world);
    world.questions += 1;
    if let Err(denied) = world.authorise(claim) {
        return deny(out, denied);
    }
    drop(world);
    let Some(digits) = chat.strip_suffix("@c.us").filter(|digits| dialect::is_e164(&format!("+{digits}")))
    else {
        write_error(out, &value!([{"chatId": "is required"}]));
        return Reply::NOW;
    };
    let status = if digits.ends_with("000") { "invalid" } else { "valid" };
    dialect::write(
        out,
        &Envelope { status: 200, body: json(&value!({"status": status, "chatId": chat})) },
        None,
    );
    Reply::NOW
}

fn deny(out: &mut Vec<u8>, denied: Denied) -> Reply {
    match denied {
        Denied::Token => {
            write_error(out, &Value::from("Wrong token. Please provide token as a GET parameter."));
            Reply::NOW
        }
        Denied::Sender => not_found(out),
    }
}

fn not_found(out: &mut Vec<u8>) -> Reply {
    let body = json(&value!({"error": "Instance not found"}));
    dialect::write(out, &Envelope { status: 404, body }, None);
    Reply::NOW
}

fn write_error(out: &mut Vec<u8>, error: &Value) {
    dialect::write(out, &Envelope { status: 200, body: json(&value!({"error": error})) }, None);
}

impl Dialect for Ultramsg {
    fn success(&self, id: u64) -> Envelope {
        Envelope {
            status: 200,
            body: format!("{{\"sent\":\"true\",\"message\":\"ok\",\"id\":{id}}}").into_bytes(),
        }
    }

    /// A name of the table becomes its sample, `field_to` an error of that field, `queued` and `sent_false` their
    /// answers without `error`, `http_429` a 429; any other text stands as it is.
    fn error(&self, refusal: &Refusal) -> Envelope {
        let name = match &refusal.error {
            ErrorCode::Number(code) => code.to_string(),
            ErrorCode::Text(text) => text.clone(),
        };
        let details = refusal.details.as_deref();
        let signal = SIGNALS.iter().find(|signal| signal.code == name);
        let field = FIELDS.iter().find(|(field, _)| name.strip_prefix("field_") == Some(field));
        let (status, body) = match (name.as_str(), signal, field) {
            ("queued", _, _) => (200, value!({"sent": "queued"})),
            ("sent_false", _, _) => {
                (200, value!({"sent": "false", "message": details.unwrap_or("WhatsApp not connected")}))
            }
            ("http_429", _, _) => (429, value!({"error": details.unwrap_or("Too many requests")})),
            (_, Some(signal), _) => (200, value!({"error": details.unwrap_or(signal.sample)})),
            (_, _, Some((field, _))) => {
                (200, value!({"error": [{*field: details.unwrap_or("is not valid")}]}))
            }
            _ => (200, value!({"error": details.unwrap_or(&name)})),
        };
        Envelope { status, body: json(&body) }
    }
}
