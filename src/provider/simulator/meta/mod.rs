//! The simulated Graph API (`meta-cloud.md` sections 2 to 4 and 7): `/{version}/{phone-number-id}/messages`, and the
//! phone number itself.

mod content;

use super::{
    dialect::{self, Dialect, Envelope, Reply, json},
    http::Request,
    script::ErrorCode,
    wording::Said,
    world::{Claim, Denied, Refusal, Sent, World},
};
use crate::{
    domain::{content::MediaKind, number::ProviderKind, outcome::Class},
    provider::{
        codes::{self, Meaning},
        meta::codes::TABLE,
    },
};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::{borrow::Cow, sync::Mutex};

/// Longest `biz_opaque_callback_data`.
const TAG_LIMIT: usize = 512;

struct Meta<'a> {
    to: &'a str,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    messaging_product: Option<Cow<'a, str>>,
    #[serde(borrow)]
    recipient_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    template: Option<Value>,
    image: Option<Value>,
    video: Option<Value>,
    document: Option<Value>,
    audio: Option<Value>,
    #[serde(borrow)]
    biz_opaque_callback_data: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
}

/// Whether a path is the Graph API's: `/v23.0/…`.
pub fn is_path(path: &str) -> bool {
    path.strip_prefix("/v").is_some_and(|rest| rest.starts_with(|character: char| character.is_ascii_digit()))
}

/// Answers a request.
pub fn handle(world: &Mutex<World>, request: &Request<'_>, out: &mut Vec<u8>) -> Reply {
    let mut segments = request.path.trim_start_matches('/').splitn(3, '/').skip(1);
    let sender = segments.next().unwrap_or_default();
    let token = request.authorization.strip_prefix("Bearer ").unwrap_or_default();
    let claim = Claim { provider: ProviderKind::Meta, sender, account: "", token };
    match (request.method, segments.next()) {
        ("POST", Some("messages")) => send(world, request, &claim, out),
        ("GET", Some("message_templates")) => list_templates(world, request, sender, token, out),
        ("GET", None | Some("")) => phone_number(world, request, &claim, out),
        _ => refuse(out, 2_500, "Unknown path components"),
    }
}

fn send(world: &Mutex<World>, request: &Request<'_>, claim: &Claim<'_>, out: &mut Vec<u8>) -> Reply {
    let message = read(request);
    let mut world = super::lock(world);
    world.requests += 1;
    let number = match world.authorise(claim) {
        Ok(number) => number,
        Err(denied) => return deny(out, claim, denied),
    };
    let checked = message.and_then(|message| {
        check(&message)?;
        let (said, body) = read_content(&message)?;
        let known = said.as_ref().map(|said| content::known(&world, number, said)).transpose()?.flatten();
        let template = said.as_ref().and_then(|said| said.template.as_ref());
        let body = template.map_or(body, |template| template.text(known.map(|known| known.declared)));
        Ok((message, said, body, known.map(|known| known.place)))
    });
    let (message, said, body, template) = match checked {
        Ok(checked) => checked,
        Err((code, details)) => return refuse(out, code, details),
    };
    let to = message.to.as_deref().unwrap_or_default();
    let reference = message.biz_opaque_callback_data.as_deref().unwrap_or_default();
    let sent = Sent { said, template, ..Sent::text(to, &body, reference) };
    let decision = world.decide(number, sent);
    drop(world);
    dialect::conclude(&Meta { to }, out, decision)
}

type Problem = (u32, &'static str);

fn read<'a>(request: &'a Request<'_>) -> Result<Message<'a>, Problem> {
    if !request.content_type.eq_ignore_ascii_case("application/json") {
        // Meta then sees no parameters at all.
        return Err((100, "The parameter messaging_product is required."));
    }
    serde_json::from_slice(&request.body)
        .map_err(|_| (100, "Invalid parameter: the body is not the expected JSON"))
}

fn check(message: &Message<'_>) -> Result<(), Problem> {
    let given = |field: &Option<Cow<'_, str>>| field.as_deref().is_some_and(|text| !text.is_empty());
    if message.messaging_product.as_deref() != Some("whatsapp") {
        return Err((100, "The parameter messaging_product is required."));
    }
    if message.recipient_type.as_deref().is_some_and(|kind| kind != "individual") {
        return Err((100, "Param recipient_type must be individual"));
    }
    if !given(&message.to) {
        return Err((100, "The parameter to is required."));
    }
    // Without its plus the number would get the business number's own country code in front and reach a stranger.
    if !message.to.as_deref().is_some_and(dialect::is_e164) {
        return Err((131_009, "Recipient phone number is not valid: it needs + and its country code"));
    }
    if message.biz_opaque_callback_data.as_deref().is_some_and(|tag| tag.chars().count() > TAG_LIMIT) {
        return Err((100, "Param biz_opaque_callback_data must be at most 512 characters long."));
    }
    Ok(())
}

/// What a message says beside its text, and its text.
fn read_content(message: &Message<'_>) -> Result<(Option<Said>, String), Problem> {
    let media = |kind: MediaKind, object: &Option<Value>| {
        let (media, caption) = content::media(kind, object.as_ref(), true)?;
        let body = if caption.is_empty() { media.url.clone() } else { caption };
        Ok((Some(Said { kind: kind.name(), template: None, media: Some(media) }), body))
    };
    match message.kind.as_deref() {
        Some("text") => match message.text.as_ref().and_then(|text| text.body.as_deref()) {
            None | Some("") => Err((131_008, "Required parameter is missing: text.body")),
            Some(body) if body.len() > 4_096 && body.chars().count() > 4_096 => {
                Err((100, "Param text['body'] must be at most 4096 characters long."))
            }
            Some(body) => Ok((None, body.to_owned())),
        },
        Some("template") => Ok((Some(content::template(message.template.as_ref())?), String::new())),
        Some("image") => media(MediaKind::Image, &message.image),
        Some("video") => media(MediaKind::Video, &message.video),
        Some("document") => media(MediaKind::Document, &message.document),
        Some("audio") => media(MediaKind::Audio, &message.audio),
        _ => Err((131_051, "Message type is not supported")),
    }
}

fn list_templates(
    world: &Mutex<World>,
    request: &Request<'_>,
    account: &str,
    token: &str,
    out: &mut Vec<u8>,
) -> Reply {
    let world = super::lock(world);
    let claim = Claim { provider: ProviderKind::Meta, sender: "", account: "", token };
    if token.is_empty() || !world.knows(&claim) {
        return deny(out, &claim, Denied::Token);
    }
    content::list(&world, request, account, out)
}

fn phone_number(world: &Mutex<World>, request: &Request<'_>, claim: &Claim<'_>, out: &mut Vec<u8>) -> Reply {
    let mut world = super::lock(world);
    let number = match world.authorise(claim) {
        Ok(number) => number,
        Err(denied) => return deny(out, claim, denied),
    };
    let said = world.said_of_number(number);
    let usual = world.suspension(number).map_or("CONNECTED", |refusal| suspended_as(&refusal.error));
    let phone = world.sender(number).map_or_else(String::new, |sender| sender.phone.to_string());
    drop(world);
    if let Some(error) = said.error {
        let refusal = Refusal { error, details: said.details, retry_after: None };
        dialect::write(out, &Meta { to: "" }.error(&refusal), None);
        return Reply::NOW;
    }
    let status = said.status.as_deref().unwrap_or(usual);
    let usually = if status == "CONNECTED" { "AVAILABLE" } else { "BLOCKED" };
    let may = said.can_send.as_deref().unwrap_or(usually);
    let all = value!({
        "id": claim.sender, "display_phone_number": phone, "verified_name": "Simulated", "status": status,
        "quality_rating": said.quality.as_deref().unwrap_or("GREEN"), "name_status": "APPROVED", "code_verification_status": "VERIFIED",
        "throughput": {"level": "STANDARD"},
        "whatsapp_business_manager_messaging_limit": said.limit.as_deref().unwrap_or("TIER_10K"),
        "health_status": {"can_send_message": may,
            "entities": [{"entity_type": "PHONE_NUMBER", "id": claim.sender, "can_send_message": may}]},
    });
    let query = dialect::fields(request.query.as_bytes());
    let asked = match dialect::field(&query, "fields") {
        "" => "display_phone_number,verified_name,quality_rating",
        asked => asked,
    };
    let mut answer = value!({"id": claim.sender});
    for name in asked.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match all.get(name).filter(|_| !said.without.iter().any(|hidden| hidden == name)) {
            Some(found) => answer[name] = found.clone(),
            None => return refuse(out, 100, "Tried accessing nonexisting field"),
        }
    }
    dialect::write(out, &Envelope { status: 200, body: json(&answer) }, None);
    Reply::NOW
}

/// The status of a number that refuses messages with this error.
fn suspended_as(error: &ErrorCode) -> &'static str {
    let row = match error {
        ErrorCode::Number(code) => codes::find(TABLE, *code),
        ErrorCode::Text(_) => None,
    };
    match row.map(|row| row.meaning) {
        Some(Meaning::Is(Class::AccountFatal)) => "BANNED",
        _ => "DISCONNECTED",
    }
}

fn deny(out: &mut Vec<u8>, claim: &Claim<'_>, denied: Denied) -> Reply {
    match denied {
        Denied::Token if claim.token.is_empty() => refuse(out, 0, "An access token is required"),
        Denied::Token => refuse(out, 190, "Invalid OAuth access token - Cannot parse access token"),
        Denied::Sender => refuse(
            out,
            100,
            "Unsupported post request. Object does not exist, cannot be loaded due to missing permissions",
        ),
    }
}

fn refuse(out: &mut Vec<u8>, code: u32, details: &str) -> Reply {
    dialect::refuse(&Meta { to: "" }, out, ErrorCode::Number(code), details)
}

impl Dialect for Meta<'_> {
    fn success(&self, id: u64) -> Envelope {
        let digits = self.to.trim_start_matches('+');
        let id = dialect::message_id(ProviderKind::Meta, id);
        // Nothing here needs escaping: digits, a plus, and an id of our own.
        let body = format!(
            "{{\"messaging_product\":\"whatsapp\",\"contacts\":[{{\"input\":\"{}\",\"wa_id\":\"{digits}\"}}],\
             \"messages\":[{{\"id\":\"{id}\"}}]}}",
            self.to
        );
        Envelope { status: 200, body: body.into_bytes() }
    }

    fn error(&self, refusal: &Refusal) -> Envelope {
        let (code, title, status) = match &refusal.error {
            ErrorCode::Number(code) => {
                let row = codes::find(TABLE, *code);
                (
                    Value::from(*code),
                    row.map_or("unknown error", |row| row.text),
                    row.map_or(400, |row| row.status),
                )
            }
            ErrorCode::Text(text) => (Value::from(text.as_str()), text.as_str(), 400),
        };
        let details = refusal.details.as_deref().unwrap_or(title);
        let body = value!({"error": {
            "message": format!("(#{}) {title}", code.to_string().trim_matches('"')), "type": "OAuthException",
            "code": code, "error_data": {"messaging_product": "whatsapp", "details": details},
            "fbtrace_id": "Az8or2yhqkZfEZ",
        }});
        Envelope { status, body: json(&body) }
    }
}
