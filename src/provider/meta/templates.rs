//! The templates of a WABA (`meta-cloud.md` section 7).

use super::{API_VERSION, refusal};
use crate::{
    domain::{
        content::{
            MediaKind,
            button::{ButtonKind, OpenButton},
            registry::{Header, KnownTemplate, ListedTemplate, TemplateStatus},
        },
        health::Quality,
    },
    provider::{Answer, Line, Prepared, TemplateStep, address, reading},
};
use http::{Method, header::CONTENT_TYPE};
use serde_json::Value;

/// Everything that is of use.
const FIELDS: &str = "name,language,status,category,components,quality_score,rejected_reason";
/// One field that is unknown or forbidden makes the whole call fail: these are known to all.
const FEW_FIELDS: &str = "name,language,status,category,components";
/// Templates on one page: an answer stays within what the client reads.
const PAGE_SIZE: &str = "15";
/// Codes that speak of a template, not of the person who would have got it (section 4).
const STOPS: [&str; 7] = ["131063", "132000", "132001", "132007", "132012", "132015", "132016"];

/// The next question, or the whole list.
pub fn step(line: &Line, answers: &[Answer]) -> TemplateStep {
    let is_field_refused =
        |answer: &Answer| refusal(answer).is_some_and(|(code, _)| code == 100 || (200..300).contains(&code));
    let (fields, pages) = match answers {
        [first, rest @ ..] if is_field_refused(first) => (FEW_FIELDS, rest),
        all => (FIELDS, all),
    };
    let Some(last) = pages.last() else { return ask(line, fields, None) };
    if let Some((code, words)) = refusal(last) {
        return TemplateStep::Failed(reading::words(&format!("{code}: {words}")));
    }
    let read: Option<Vec<Value>> = pages.iter().map(page).collect();
    let Some(read) = read else {
        let said = reading::snippet(last);
        return TemplateStep::Failed(reading::words(&format!("status {}: {said}", last.status)));
    };
    let after = read.last().filter(|page| page.pointer("/paging/next").is_some());
    match after.and_then(|page| page.pointer("/paging/cursors/after")).and_then(Value::as_str) {
        Some(after) => ask(line, fields, Some(after)),
        None => TemplateStep::Done(
            read.iter().flat_map(|page| array(page, "data")).filter_map(template).collect(),
        ),
    }
}

/// Whether this code stops a template.
pub fn stops(code: &str) -> bool {
    STOPS.contains(&code)
}

fn ask(line: &Line, fields: &str, after: Option<&str>) -> TemplateStep {
    let account = line.credential.external_id.trim();
    if account.is_empty() {
        return TemplateStep::Failed(
            "the WABA id is missing: signalbox account edit --external-id".to_owned(),
        );
    }
    let Ok(mut url) = address::join(&line.base_url, &[API_VERSION, account, "message_templates"]) else {
        return TemplateStep::Failed("the account's address cannot be made".to_owned());
    };
    url.query_pairs_mut().append_pair("fields", fields).append_pair("limit", PAGE_SIZE);
    if let Some(after) = after {
        url.query_pairs_mut().append_pair("after", after);
    }
    let mut headers = line.headers.clone();
    headers.remove(CONTENT_TYPE);
    TemplateStep::Ask(Box::new(Prepared { method: Method::GET, url, headers, body: Vec::new() }))
}

fn page(answer: &Answer) -> Option<Value> {
    let whole = answer.status == 200 && !answer.truncated;
    let body: Value = serde_json::from_slice(&answer.body).ok().filter(|_| whole)?;
    body.get("data")?.is_array().then_some(body)
}

fn template(raw: &Value) -> Option<ListedTemplate> {
    let said = text(raw, "status");
    let body =
        array(raw, "components").find(|part| text(part, "type") == "BODY").map(|part| text(part, "text"));
    let rating = raw.pointer("/quality_score/score").and_then(Value::as_str).unwrap_or_default();
    Some(ListedTemplate {
        known: KnownTemplate {
            provider_id: reading::readable_id(text(raw, "id"))?,
            name: some(text(raw, "name"))?,
            language: some(text(raw, "language"))?,
            status: TemplateStatus::read(said),
            parameters: Some(body.map(parameters).unwrap_or_default()),
            header: header(raw),
            buttons: buttons(raw),
        },
        said: reading::words(said),
        category: some(text(raw, "category")),
        body: body.map(reading::words),
        quality: quality(rating),
        reason: some(text(raw, "rejected_reason")).filter(|reason| reason != "NONE"),
    })
}

/// `GREEN`, `YELLOW`, `RED`, or a word for not rated.
pub fn quality(word: &str) -> Option<Quality> {
    Some(match word {
        "" => return None,
        "GREEN" => Quality::Green,
        "YELLOW" => Quality::Yellow,
        "RED" => Quality::Red,
        _ => Quality::Unknown,
    })
}

/// The names between the braces, each once.
fn parameters(body: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut rest = body;
    while let Some((_, behind)) = rest.split_once("{{") {
        let Some((name, behind)) = behind.split_once("}}") else { break };
        let name = name.trim().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
        rest = behind;
    }
    names
}

/// What each message has to bring above the text.
fn header(raw: &Value) -> Header {
    let mut header = Header::Fixed;
    for part in array(raw, "components") {
        match text(part, "type") {
            "HEADER" => {
                header = match text(part, "format") {
                    "IMAGE" => Header::Media(MediaKind::Image),
                    "VIDEO" => Header::Media(MediaKind::Video),
                    "DOCUMENT" => Header::Media(MediaKind::Document),
                    "TEXT" => match parameters(text(part, "text")) {
                        names if names.is_empty() => header,
                        names => Header::Text(names),
                    },
                    _ => return Header::Other,
                };
            }
            "BUTTONS" if array(part, "buttons").any(is_one_time) => return Header::Other,
            "CAROUSEL" | "LIMITED_TIME_OFFER" => return Header::Other,
            _ => {}
        }
    }
    header
}

/// A button with a code for one time: no campaign makes those.
fn is_one_time(button: &Value) -> bool {
    text(button, "type") == "OTP"
}

/// The buttons that a message may fill, by their places among all of them.
fn buttons(raw: &Value) -> Vec<OpenButton> {
    let all = array(raw, "components").filter(|part| text(part, "type") == "BUTTONS");
    let each = (0..).zip(all.flat_map(|part| array(part, "buttons")));
    each.filter_map(|(index, button)| {
        let kind = match text(button, "type") {
            "URL" if text(button, "url").contains("{{") => ButtonKind::Url,
            "QUICK_REPLY" => ButtonKind::QuickReply,
            "COPY_CODE" => ButtonKind::CopyCode,
            _ => return None,
        };
        Some(OpenButton { index, kind })
    })
    .collect()
}

fn array<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn some(raw: &str) -> Option<String> {
    (!raw.is_empty()).then(|| reading::words(raw))
}

#[cfg(test)]
mod tests;
