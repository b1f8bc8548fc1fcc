//! The templates of a Twilio account: contents with their approvals, one for each language (`twilio.md` sections 1 and 2).

use super::{product, refusal};
use crate::{
    domain::content::registry::{Header, KnownTemplate, ListedTemplate, TemplateStatus},
    provider::{Answer, Line, Prepared, TemplateStep, address, reading},
};
use http::{Method, header::CONTENT_TYPE};
use serde_json::Value;
use url::Url;

/// Contents on one page: an answer stays within what the client reads.
const PAGE_SIZE: &str = "20";
/// Codes that speak of a template, not of the person who would have got it (section 4).
const STOPS: [&str; 7] = ["21655", "63027", "63028", "63030", "63040", "63041", "63042"];

/// The next question, or the whole list.
pub fn step(line: &Line, answers: &[Answer]) -> TemplateStep {
    let Some(last) = answers.last() else { return ask(line, None) };
    if let Some((code, words)) = refusal(last) {
        return TemplateStep::Failed(reading::words(&format!("{code}: {words}")));
    }
    let read: Option<Vec<Value>> = answers.iter().map(page).collect();
    let Some(read) = read else {
        let said = reading::snippet(last);
        return TemplateStep::Failed(reading::words(&format!("status {}: {said}", last.status)));
    };
    let next = read.last().and_then(|page| page.pointer("/meta/next_page_url")).and_then(Value::as_str);
    if let Some(next) = next {
        return ask(line, Some(next));
    }
    let contents = read.iter().filter_map(|page| page.get("contents").and_then(Value::as_array));
    TemplateStep::Done(contents.flatten().filter_map(template).collect())
}

/// Whether this code stops a template.
pub fn stops(code: &str) -> bool {
    STOPS.contains(&code)
}

/// `next`: the next page by the provider's own address, of which only the query counts: the token goes nowhere else.
fn ask(line: &Line, next: Option<&str>) -> TemplateStep {
    let url = address::join(&product(&line.base_url, "content"), &["v1", "ContentAndApprovals"]);
    let Ok(mut url) = url else {
        return TemplateStep::Failed("the account's address cannot be made".to_owned());
    };
    match next.map(Url::parse) {
        None => {
            url.query_pairs_mut().append_pair("PageSize", PAGE_SIZE);
        }
        Some(Ok(next)) => url.set_query(next.query()),
        Some(Err(_)) => return TemplateStep::Failed("the next page's address cannot be read".to_owned()),
    }
    let mut headers = line.headers.clone();
    headers.remove(CONTENT_TYPE);
    TemplateStep::Ask(Box::new(Prepared { method: Method::GET, url, headers, body: Vec::new() }))
}

fn page(answer: &Answer) -> Option<Value> {
    let whole = answer.status == 200 && !answer.truncated;
    let body: Value = serde_json::from_slice(&answer.body).ok().filter(|_| whole)?;
    body.get("contents")?.is_array().then_some(body)
}

fn template(raw: &Value) -> Option<ListedTemplate> {
    let approval = raw.get("approval_requests").map(approval);
    // What was never handed in has no approval, and is no template of WhatsApp's.
    let said = approval.map_or("", |approval| text(approval, "status"));
    let said = if said.is_empty() { "unsubmitted" } else { said };
    let variables = raw.get("variables").and_then(Value::as_object);
    Some(ListedTemplate {
        known: KnownTemplate {
            provider_id: reading::readable_id(text(raw, "sid"))?,
            name: some(text(raw, "friendly_name"))?,
            language: some(text(raw, "language"))?,
            status: TemplateStatus::read(said),
            parameters: variables
                .map(|variables| variables.keys().map(|name| reading::words(name)).collect()),
            // Media of a content are its own, or one of its variables; so is what its headline and buttons leave open.
            header: Header::Fixed,
            buttons: Vec::new(),
        },
        said: reading::words(said),
        category: approval.and_then(|approval| some(text(approval, "category"))),
        body: body(raw),
        quality: None,
        reason: approval.and_then(|approval| some(text(approval, "rejection_reason"))),
    })
}

/// The approval by `WhatsApp`: by itself, under its name, or the first of several.
fn approval(raw: &Value) -> &Value {
    raw.get("whatsapp").or_else(|| raw.get(0)).unwrap_or(raw)
}

/// The text of whichever type the content has.
fn body(raw: &Value) -> Option<String> {
    let types = raw.get("types")?.as_object()?;
    types.values().find_map(|each| some(text(each, "body")))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn some(raw: &str) -> Option<String> {
    (!raw.is_empty()).then(|| reading::words(raw))
}

#[cfg(test)]
mod tests;
