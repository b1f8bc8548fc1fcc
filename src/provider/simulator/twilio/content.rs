//! Templates and media as Twilio takes them (`twilio.md` section 2), and the list of contents with their approvals.

use crate::domain::{
    content::{MediaKind, ability, registry::TemplateStatus},
    number::ProviderKind,
};
use crate::provider::simulator::{
    dialect::{self, Envelope, Reply, json},
    http::Request,
    wording::{self, KnownAs, Said, SaidMedia, SaidTemplate},
    world::World,
};
use serde_json::{Value, json as value};

/// Where contents are asked for; at Twilio on a host of its own.
pub const CONTENTS: &str = "/v1/ContentAndApprovals";
/// Most contents of one page.
const PAGE_LIMIT: usize = 1_000;

type Problem = (u32, &'static str);

/// What the fields say beside `Body`; `None`: a text alone.
pub fn read<'a>(field: impl Fn(&'static str) -> &'a str) -> Result<Option<Said>, Problem> {
    let (sid, variables, media) = (field("ContentSid"), field("ContentVariables"), field("MediaUrl"));
    if sid.is_empty() {
        if !variables.is_empty() {
            return Err((21_654, "ContentSid Required"));
        }
        return if media.is_empty() { Ok(None) } else { media_of(media).map(Some) };
    }
    if !media.is_empty() {
        return Err((21_658, "MediaUrl cannot be given together with ContentSid"));
    }
    if !ability::is_sid(sid) {
        return Err((21_655, "The ContentSid is Invalid"));
    }
    let template = SaidTemplate {
        name: sid.to_owned(),
        language: String::new(),
        parameters: parameters(variables)?,
        header: Vec::new(),
        buttons: Vec::new(),
    };
    Ok(Some(Said { kind: "template", template: Some(template), media: None }))
}

fn parameters(variables: &str) -> Result<Vec<(String, String)>, Problem> {
    const WRONG: Problem = (21_656, "The ContentVariables Parameter is invalid");
    if variables.is_empty() {
        return Ok(Vec::new());
    }
    let Ok(Value::Object(all)) = serde_json::from_str::<Value>(variables) else { return Err(WRONG) };
    all.into_iter()
        .map(|(name, value)| match value {
            Value::String(value) if wording::is_parameter(&value) => Ok((name, value)),
            _ => Err(WRONG),
        })
        .collect()
}

/// What it is shows in the address only; the rest of the world would look at the file.
fn media_of(url: &str) -> Result<Said, Problem> {
    if !wording::is_link(url) {
        return Err((21_620, "Invalid media URL(s)"));
    }
    let kind = match wording::extension(url).as_str() {
        "jpg" | "jpeg" | "png" | "webp" => MediaKind::Image,
        "mp4" | "3gp" => MediaKind::Video,
        "mp3" | "ogg" | "aac" | "amr" | "m4a" => MediaKind::Audio,
        _ => MediaKind::Document,
    };
    let media = SaidMedia { kind, url: url.to_owned(), filename: None };
    Ok(Said { kind: kind.name(), template: None, media: Some(media) })
}

/// What the provider makes of a content. The inner error is a code that is only reported later (section 4).
pub fn known<'a>(
    world: &'a World,
    account: &str,
    said: &Said,
) -> Result<Result<Option<KnownAs<'a>>, u32>, Problem> {
    let Some(asked) = &said.template else { return Ok(Ok(None)) };
    if !world.declares_templates(ProviderKind::Twilio) {
        return Ok(Ok(None));
    }
    let found = world.template(ProviderKind::Twilio, Some(account), |declared| declared.id == asked.name);
    let Some(known) = found else { return Err((21_655, "The ContentSid is Invalid")) };
    let wanted = known.declared.parameters();
    let fits = wanted.len() == asked.parameters.len()
        && asked.parameters.iter().all(|(name, _)| wanted.contains(&name.as_str()));
    if !fits {
        return Err((21_656, "The ContentVariables Parameter is invalid"));
    }
    Ok(match known.status {
        TemplateStatus::Approved | TemplateStatus::Unknown => Ok(Some(known)),
        TemplateStatus::Paused => Err(63_041),
        TemplateStatus::Disabled => Err(63_042),
        TemplateStatus::Rejected => Err(63_040),
        TemplateStatus::Pending | TemplateStatus::Deleted => Err(63_027),
    })
}

/// `GET /v1/ContentAndApprovals`.
pub fn list(world: &World, request: &Request<'_>, account: &str, out: &mut Vec<u8>) -> Reply {
    let query = dialect::fields(request.query.as_bytes());
    let asked = |name| dialect::field(&query, name);
    let size = asked("PageSize").parse().unwrap_or(50_usize).clamp(1, PAGE_LIMIT);
    let page = asked("Page").parse().unwrap_or(0_usize);
    let all: Vec<KnownAs<'_>> = world.templates_of(ProviderKind::Twilio, Some(account)).collect();
    let shown: Vec<Value> = all
        .iter()
        .skip(page.saturating_mul(size))
        .take(size)
        .map(|known| show(world, known, account))
        .collect();
    let next = (all.len() > (page + 1).saturating_mul(size)).then(|| {
        format!("https://content.twilio.com{CONTENTS}?PageSize={size}&Page={}&PageToken=t", page + 1)
    });
    let body = value!({"contents": shown, "meta": {"page": page, "page_size": size, "key": "contents",
        "next_page_url": next}});
    dialect::write(out, &Envelope { status: 200, body: json(&body) }, None);
    Reply::NOW
}

fn show(world: &World, known: &KnownAs<'_>, account: &str) -> Value {
    let declared = known.declared;
    let variables: serde_json::Map<String, Value> =
        declared.parameters().into_iter().map(|name| (name.to_owned(), Value::from("sample"))).collect();
    value!({
        "sid": declared.id, "account_sid": account, "friendly_name": declared.name, "language": declared.language,
        "variables": variables, "types": {"twilio/text": {"body": declared.body}},
        "date_created": "2025-04-01T00:00:00Z", "date_updated": "2025-04-01T00:00:00Z",
        "approval_requests": {"name": declared.name, "category": declared.category, "content_type": "twilio/text",
            "status": world.template_word(known).to_lowercase(), "rejection_reason": declared.reason,
            "allow_category_change": true},
    })
}
