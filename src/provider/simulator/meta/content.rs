//! Templates and media as the Graph API takes them (`meta-cloud.md` section 2), and the list of templates (section 7).

use super::Problem;
use crate::domain::{
    content::{CAPTION_LIMIT, MediaKind, registry::TemplateStatus},
    number::ProviderKind,
};
use crate::provider::simulator::{
    dialect::{self, Envelope, Reply, json},
    http::Request,
    script::template::DeclaredTemplate,
    wording::{self, KnownAs, Said, SaidMedia, SaidTemplate},
    world::World,
};
use serde_json::{Map, Value, json as value};

/// Templates on one page.
const PAGE: usize = 25;

/// Reads an object with media. `caption`: whether one may stand there.
pub fn media(kind: MediaKind, object: Option<&Value>, caption: bool) -> Result<(SaidMedia, String), Problem> {
    let Some(object) = object.and_then(Value::as_object) else {
        return Err((131_008, "Required parameter is missing: the media object"));
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    match (object.contains_key("id"), object.contains_key("link")) {
        (false, false) => return Err((131_008, "Required parameter is missing: link or id")),
        (true, true) => return Err((100, "Param must have either id or link, not both")),
        (true, false) => return Err((131_009, "Parameter value is not valid: there is no such upload")),
        (false, true) if !wording::is_link(text("link")) => {
            return Err((131_009, "Parameter value is not valid: link is not a valid URI"));
        }
        (false, true) => {}
    }
    let may_have_caption = caption && kind != MediaKind::Audio;
    let allowed = |name: &str| match name {
        "link" => true,
        "caption" => may_have_caption,
        "filename" => kind == MediaKind::Document,
        _ => false,
    };
    if object.keys().any(|name| !allowed(name)) {
        return Err((100, "Unexpected key on the media object"));
    }
    if text("caption").chars().count() > CAPTION_LIMIT {
        return Err((100, "Param caption must be at most 1024 characters long."));
    }
    let filename = object.get("filename").and_then(Value::as_str).map(str::to_owned);
    Ok((SaidMedia { kind, url: text("link").to_owned(), filename }, text("caption").to_owned()))
}

/// Reads a template message. Whether the template is known is [`known`]'s.
pub fn template(object: Option<&Value>) -> Result<Said, Problem> {
    let Some(object) = object.and_then(Value::as_object) else {
        return Err((131_008, "Required parameter is missing: template"));
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("name").is_empty() {
        return Err((131_008, "Required parameter is missing: template.name"));
    }
    let language = object.get("language").and_then(Value::as_object);
    let code = language.and_then(|language| language.get("code")).and_then(Value::as_str).unwrap_or_default();
    if code.is_empty() {
        return Err((131_008, "Required parameter is missing: template.language.code"));
    }
    let policy = language.and_then(|language| language.get("policy")).and_then(Value::as_str);
    if policy.is_some_and(|policy| policy != "deterministic") {
        return Err((100, "Param template.language.policy must be deterministic"));
    }
    let mut said =
        SaidTemplate { name: text("name").to_owned(), language: code.to_owned(), parameters: Vec::new() };
    let mut header = None;
    for component in object.get("components").and_then(Value::as_array).into_iter().flatten() {
        let parameters = component.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        match component.get("type").and_then(Value::as_str) {
            Some("body") => said.parameters = body(parameters)?,
            Some("header") => header = Some(header_media(parameters)?),
            Some("button") => {}
            _ => return Err((100, "Param template.components[].type must be header, body or button")),
        }
    }
    Ok(Said { kind: "template", template: Some(said), media: header })
}

fn body(parameters: &[Value]) -> Result<Vec<(String, String)>, Problem> {
    let mut read = Vec::with_capacity(parameters.len());
    for (parameter, place) in parameters.iter().zip(1..) {
        if parameter.get("type").and_then(Value::as_str) != Some("text") {
            return Err((132_012, "Parameter format does not match format in the created template"));
        }
        let text = parameter.get("text").and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            return Err((131_008, "Required parameter is missing: the text of a parameter"));
        }
        if !wording::is_parameter(text) {
            return Err((
                132_018,
                "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            ));
        }
        let name = parameter.get("parameter_name").and_then(Value::as_str);
        read.push((name.map_or_else(|| format!("{place}"), str::to_owned), text.to_owned()));
    }
    Ok(read)
}

fn header_media(parameters: &[Value]) -> Result<SaidMedia, Problem> {
    let [parameter] = parameters else {
        return Err((132_012, "header: the number of parameters is not 1"));
    };
    let kind = parameter.get("type").and_then(Value::as_str).unwrap_or_default();
    let kind: MediaKind = kind.parse().map_err(|_| (132_012, "header: the parameter's type is not media"))?;
    media(kind, parameter.get(kind.name()), false).map(|(media, _)| media)
}

/// What the provider makes of the template: its place and text where one is declared.
pub fn known<'a>(world: &'a World, number: u32, said: &Said) -> Result<Option<KnownAs<'a>>, Problem> {
    let Some(asked) = &said.template else { return Ok(None) };
    let account = world.sender(number).and_then(|sender| sender.account.as_deref());
    if !world.declares_templates(ProviderKind::Meta) {
        return Ok(None);
    }
    let wanted =
        |declared: &DeclaredTemplate| declared.name == asked.name && declared.language == asked.language;
    let Some(known) = world.template(ProviderKind::Meta, account, wanted) else {
        return Err((132_001, "template name does not exist in the translation"));
    };
    match known.status {
        TemplateStatus::Paused => return Err((132_015, "The template is paused due to low quality")),
        TemplateStatus::Disabled => return Err((132_016, "The template was disabled for good")),
        TemplateStatus::Approved | TemplateStatus::Unknown => {}
        TemplateStatus::Pending | TemplateStatus::Rejected | TemplateStatus::Deleted => {
            return Err((132_001, "template name does not exist in the translation"));
        }
    }
    let wanted = known.declared.parameters();
    if wanted.len() != asked.parameters.len() {
        return Err((
            132_000,
            "body: number of localizable_params does not match the expected number of params",
        ));
    }
    if !asked.parameters.iter().all(|(name, _)| wanted.contains(&name.as_str())) {
        return Err((132_012, "Parameter name is missing or does not match the created template"));
    }
    if known.declared.header != said.media.as_ref().map(|media| media.kind) {
        return Err((132_012, "header: Format mismatch, expected another kind of media"));
    }
    Ok(Some(known))
}

/// `GET /{version}/{waba-id}/message_templates`.
pub fn list(world: &World, request: &Request<'_>, account: &str, out: &mut Vec<u8>) -> Reply {
    let query = dialect::fields(request.query.as_bytes());
    let asked = |name| dialect::field(&query, name);
    let limit = asked("limit").parse().unwrap_or(PAGE).clamp(1, 100);
    let start = asked("after").strip_prefix("c").and_then(|raw| raw.parse().ok()).unwrap_or(0_usize);
    let name = asked("name");
    let fields = match asked("fields") {
        "" => "name,language,status,category,id",
        fields => fields,
    };
    let all: Vec<KnownAs<'_>> = world
        .templates_of(ProviderKind::Meta, Some(account))
        .filter(|known| name.is_empty() || known.declared.name == name)
        .collect();
    let page: Vec<Value> =
        all.iter().skip(start).take(limit).map(|known| show(world, known, fields)).collect();
    let end = start + page.len();
    let mut answer = value!({"data": page});
    if end > start {
        answer["paging"] = value!({"cursors": {"before": format!("c{start}"), "after": format!("c{end}")}});
        if end < all.len() {
            answer["paging"]["next"] = value!("https://graph.facebook.com/next");
        }
    }
    dialect::write(out, &Envelope { status: 200, body: json(&answer) }, None);
    Reply::NOW
}

fn show(world: &World, known: &KnownAs<'_>, fields: &str) -> Value {
    let declared = known.declared;
    let mut components = Vec::new();
    if let Some(kind) = declared.header {
        components.push(value!({"type": "HEADER", "format": kind.name().to_uppercase()}));
    }
    components.push(value!({"type": "BODY", "text": declared.body}));
    let quality = if declared.quality.is_empty() { "UNKNOWN" } else { &declared.quality };
    let by_order = declared.parameters().iter().all(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let all = value!({
        "id": declared.id, "name": declared.name, "language": declared.language,
        "status": world.template_word(known), "category": declared.category, "components": components,
        "quality_score": {"score": quality}, "parameter_format": if by_order { "POSITIONAL" } else { "NAMED" },
        "rejected_reason": if declared.reason.is_empty() { "NONE" } else { &declared.reason },
    });
    let mut shown = Map::new();
    for field in fields.split(',').map(str::trim).chain(["id"]) {
        if let Some(found) = all.get(field) {
            shown.insert(field.to_owned(), found.clone());
        }
    }
    Value::Object(shown)
}
