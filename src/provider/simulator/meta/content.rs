//! Templates and media as the Graph API takes them (`meta-cloud.md` section 2), and the list of templates (section 7).

use super::Problem;
use crate::domain::{
    content::{
        CAPTION_LIMIT, MediaKind,
        button::{BUTTONS, ButtonKind, FilledButton, OpenButton},
        registry::TemplateStatus,
    },
    number::ProviderKind,
};
use crate::provider::simulator::{
    dialect::{self, Envelope, Reply, json},
    http::Request,
    script::template::{DeclaredButton, DeclaredTemplate},
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
    let mut said = SaidTemplate {
        name: text("name").to_owned(),
        language: code.to_owned(),
        parameters: Vec::new(),
        header: Vec::new(),
        buttons: Vec::new(),
    };
    let mut media = None;
    for component in object.get("components").and_then(Value::as_array).into_iter().flatten() {
        let parameters = component.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        match component.get("type").and_then(Value::as_str) {
            Some("body") => said.parameters = texts(parameters)?,
            Some("header") if parameters.first().is_some_and(|first| first["type"] == "text") => {
                said.header = texts(parameters)?;
            }
            Some("header") => media = Some(header_media(parameters)?),
            Some("button") => said.buttons.push(button(component, parameters)?),
            _ => return Err((100, "Param template.components[].type must be header, body or button")),
        }
    }
    Ok(Said { kind: "template", template: Some(said), media })
}

/// A button with its one parameter; its place is written as text or as a number.
fn button(component: &Value, parameters: &[Value]) -> Result<FilledButton, Problem> {
    let sub_type = component.get("sub_type").and_then(Value::as_str).unwrap_or_default();
    let kind = ButtonKind::ALL.into_iter().find(|kind| kind.name() == sub_type);
    let kind = kind.ok_or((100, "Param template.components[].sub_type is not valid"))?;
    let index = component.get("index");
    let index = index.and_then(|index| index.as_u64().or_else(|| index.as_str()?.parse().ok()));
    let Some(index) = index.and_then(|index| u8::try_from(index).ok()).filter(|index| *index < BUTTONS)
    else {
        return Err((131_008, "Required parameter is missing: the index of a button"));
    };
    let [parameter] = parameters else {
        return Err((132_012, "buttons: the number of parameters is not 1"));
    };
    let wanted = match kind {
        ButtonKind::Url => "text",
        ButtonKind::QuickReply => "payload",
        ButtonKind::CopyCode => "coupon_code",
    };
    if parameter.get("type").and_then(Value::as_str) != Some(wanted) {
        return Err((132_012, "buttons: Parameter format does not match format in the created template"));
    }
    match parameter.get(wanted).and_then(Value::as_str) {
        Some(value) if wording::is_parameter(value) => {
            Ok(FilledButton { index, kind, value: value.to_owned() })
        }
        Some(value) if !value.is_empty() => {
            Err((132_018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"))
        }
        _ => Err((131_008, "Required parameter is missing: the value of a button")),
    }
}

/// The texts of a headline or a body.
fn texts(parameters: &[Value]) -> Result<Vec<(String, String)>, Problem> {
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
    agree(&known.declared.parameters(), &asked.parameters)?;
    agree(&known.declared.headline_parameters(), &asked.header)?;
    press(&known.declared.open_buttons(), &asked.buttons)?;
    if known.declared.header != said.media.as_ref().map(|media| media.kind) {
        return Err((132_012, "header: Format mismatch, expected another kind of media"));
    }
    Ok(Some(known))
}

/// Whether a headline or a body is filled as it was declared.
fn agree(wanted: &[&str], given: &[(String, String)]) -> Result<(), Problem> {
    if wanted.len() != given.len() {
        return Err((132_000, "number of localizable_params does not match the expected number of params"));
    }
    if !given.iter().all(|(name, _)| wanted.contains(&name.as_str())) {
        return Err((132_012, "Parameter name is missing or does not match the created template"));
    }
    Ok(())
}

/// Whether the buttons are filled that have to be, and no others.
fn press(open: &[OpenButton], given: &[FilledButton]) -> Result<(), Problem> {
    let is_filled = |open: &OpenButton| given.iter().any(|button| button.index == open.index);
    if open.iter().any(|open| open.kind.must_be_filled() && !is_filled(open)) {
        return Err((131_008, "Required parameter is missing: a button requires a parameter"));
    }
    if !given.iter().all(|button| open.contains(&OpenButton { index: button.index, kind: button.kind })) {
        return Err((132_018, "buttons: there is no such button to fill in the created template"));
    }
    Ok(())
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
    if !declared.headline.is_empty() {
        components.push(value!({"type": "HEADER", "format": "TEXT", "text": declared.headline}));
    }
    components.push(value!({"type": "BODY", "text": declared.body}));
    if !declared.buttons.is_empty() {
        let buttons: Vec<Value> = declared.buttons.iter().map(show_button).collect();
        components.push(value!({"type": "BUTTONS", "buttons": buttons}));
    }
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

fn show_button(button: &DeclaredButton) -> Value {
    match button.kind {
        ButtonKind::Url => value!({"type": "URL", "text": "Open", "url": button.url}),
        ButtonKind::QuickReply => value!({"type": "QUICK_REPLY", "text": "Yes"}),
        ButtonKind::CopyCode => value!({"type": "COPY_CODE", "example": "CODE"}),
    }
}
