//! Meta's dialect against `meta-cloud.md`. Its codes stand in `codes/tests.rs`.

use super::*;
use crate::domain::content::{
    Filled, FilledTemplate, Link, MediaKind,
    button::{ButtonKind, FilledButton},
};
use crate::domain::outcome::{Certainty, Retry};
use crate::provider::{Content, Media, Template};
use std::time::Duration;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.as_bytes().to_vec(), truncated: false }
}

fn error(status: u16, code: u32, details: &str) -> Outcome {
    let body = serde_json::json!({"error": {"message": "title", "type": "OAuthException", "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details}, "fbtrace_id": "A"}});
    Meta.read_send(&answer(status, &body.to_string()))
}

fn line(sender_id: &str) -> Result<Line, LineError> {
    let credential = Credential { external_id: "102".into(), token: "T0KEN".to_owned().into() };
    Meta.line("https://graph.facebook.com", credential, sender_id, &Phone::parse("+15550783881").unwrap())
}

#[test]
fn scopes_follow_the_sheet() {
    let scope = |code: &str| Meta.classify_code(code, "").unwrap().scope();
    assert_eq!(scope("131056"), Scope::Pair);
    assert_eq!(scope("130429"), Scope::Number);
    for app in ["4", "17", "32", "613"] {
        assert_eq!(scope(app), Scope::App, "{app}");
    }
    for account in ["80007", "368", "131042", "131064", "190"] {
        assert_eq!(scope(account), Scope::Account, "{account}");
    }
    assert_eq!(scope("131049"), Scope::Recipient);
    assert_eq!(scope("132015"), Scope::Content);
    assert_eq!(Meta.classify_code("130497", "").unwrap().retry(), Retry::AnotherNumber);
}

#[test]
fn two_codes_are_told_by_their_details() {
    let class = |code, details| error(400, code, details).failure().unwrap().class;
    let gone = "Unsupported post request. Object with ID '1' does not exist, cannot be loaded due to missing permissions";
    assert_eq!(class(100, gone), Class::NumberAuth);
    assert_eq!(class(100, "The parameter messaging_product is required."), Class::ContentRejected);
    assert_eq!(class(131_009, "Recipient phone number is not valid"), Class::RecipientInvalid);
    assert_eq!(class(131_009, "Parameter value is not valid"), Class::ContentRejected);
    assert_eq!(Meta.classify_code("100", gone), Some(Class::NumberAuth));
}

#[test]
fn a_refusal_with_a_server_status_counts_only_when_we_know_it() {
    assert_eq!(error(500, 131_000, "").certainty(), Certainty::Refused);
    assert_eq!(error(503, 2, "").certainty(), Certainty::Refused);
    assert_eq!(error(500, 999_999, "").certainty(), Certainty::InDoubt);
    assert_eq!(error(302, 190, "").certainty(), Certainty::InDoubt);
    assert_eq!(error(200, 190, "").certainty(), Certainty::InDoubt);
}

#[test]
fn only_a_readable_id_is_an_acceptance() {
    let sent = |body: &str| Meta.read_send(&answer(200, body));
    let good = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+5511987650001","wa_id":"5511987650001"}],
        "messages":[{"id":"wamid.HBgNNTUx+/=_-","message_status":"accepted"}]}"#;
    assert_eq!(sent(good), Outcome::Accepted { provider_message_id: "wamid.HBgNNTUx+/=_-".into() });
    for rubbish in [
        "",
        "<html>ok</html>",
        "null",
        "[]",
        "{}",
        r#"{"messages":[]}"#,
        r#"{"messages":[{"id":""}]}"#,
        r#"{"messages":[{"id":7}]}"#,
        r#"{"messages":[{"id":"a b"}]}"#,
        r#"{"messages":[{"id":"wamid.a"#,
    ] {
        assert_eq!(sent(rubbish).certainty(), Certainty::InDoubt, "{rubbish}");
    }
}

#[test]
fn what_is_not_metas_own_words_is_a_doubt() {
    for status in [301, 302, 307, 308, 400, 401, 403, 404, 500, 502, 503, 504] {
        for body in ["", "<html>Bad gateway</html>", "{}", r#"{"error":"no"}"#, r#"{"error":{"code":"x"}}"#] {
            let outcome = Meta.read_send(&answer(status, body));
            assert_eq!(outcome.certainty(), Certainty::InDoubt, "{status} {body}");
            assert_eq!(outcome.failure().unwrap().code, Some(format!("http_{status}")));
        }
    }
}

#[test]
fn too_many_requests_is_a_refusal_with_a_bounded_wait() {
    let mut busy = answer(429, "slow down");
    busy.retry_after = Some(Duration::from_hours(24 * 365));
    let failure = Meta.read_send(&busy).failure().cloned().unwrap();
    assert_eq!(failure.class, Class::Throttled(Scope::Number, Duration::from_hours(1)));
    assert_eq!(Meta.read_send(&busy).certainty(), Certainty::Refused);
    let mut named = answer(400, r#"{"error":{"code":130429,"message":"(#130429) Rate limit hit"}}"#);
    named.retry_after = Some(Duration::from_secs(9));
    let failure = Meta.read_send(&named).failure().cloned().unwrap();
    assert_eq!(failure.class, Class::Throttled(Scope::Number, Duration::from_secs(9)));
}

#[test]
fn the_request_is_the_sheets() {
    let line = line("106540352242922").unwrap();
    let attempt = AttemptId::new();
    let outgoing = Outgoing {
        attempt,
        to: Phone::parse("+5511987650001").unwrap(),
        content: Content::Text("Olá \"Ana\"\n".into()),
    };
    let prepared = Meta.send_request(&line, &outgoing).unwrap();
    assert_eq!(prepared.method, Method::POST);
    assert_eq!(prepared.url.as_str(), "https://graph.facebook.com/v23.0/106540352242922/messages");
    assert_eq!(prepared.headers[AUTHORIZATION], "Bearer T0KEN");
    assert!(prepared.headers[AUTHORIZATION].is_sensitive());
    assert_eq!(prepared.headers[CONTENT_TYPE], "application/json");
    let body: Value = serde_json::from_slice(&prepared.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+5511987650001", "type": "text",
            "text": {"body": "Olá \"Ana\"\n", "preview_url": false},
            "biz_opaque_callback_data": attempt.to_string(),
        })
    );
}

#[test]
fn lines_that_cannot_work_are_refused() {
    assert_eq!(line("").unwrap_err(), LineError::Missing("the phone-number-id (--instance-id)"));
    assert!(matches!(line("../1"), Err(LineError::Invalid { .. })));
    assert!(matches!(line("+237600000101"), Err(LineError::Invalid { .. })));
}

fn body_of(content: Content) -> Value {
    let outgoing =
        Outgoing { attempt: AttemptId::new(), to: Phone::parse("+5511987650001").unwrap(), content };
    let prepared = Meta.send_request(&line("106540352242922").unwrap(), &outgoing).unwrap();
    assert_eq!(prepared.url.as_str(), "https://graph.facebook.com/v23.0/106540352242922/messages");
    let mut body: Value = serde_json::from_slice(&prepared.body).unwrap();
    assert_eq!(body["biz_opaque_callback_data"], outgoing.attempt.to_string());
    body.as_object_mut().unwrap().remove("biz_opaque_callback_data");
    body
}

fn media(kind: MediaKind) -> Media {
    Media {
        kind,
        url: Link::parse("https://cdn.example.com/a.bin", false).unwrap(),
        caption: Some("Price list".to_owned()),
        filename: Some("price.pdf".to_owned()),
    }
}

fn template(values: FilledTemplate, media: Option<Media>) -> Content {
    let language = "pt-BR".parse().unwrap();
    Content::Template(Template { id: "spring_offer".to_owned(), language, values, media })
}

fn filled(parameters: Filled) -> FilledTemplate {
    FilledTemplate { parameters, ..FilledTemplate::default() }
}

#[test]
fn a_template_is_the_sheets() {
    let both = Filled::Positional(vec!["Ana".to_owned(), "20%".to_owned()]);
    let button = FilledButton { index: 0, kind: ButtonKind::Url, value: "promo-20".to_owned() };
    let whole = FilledTemplate { buttons: vec![button], ..filled(both) };
    assert_eq!(
        body_of(template(whole, Some(media(MediaKind::Image)))),
        serde_json::json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+5511987650001",
            "type": "template",
            "template": {"name": "spring_offer", "language": {"code": "pt_BR", "policy": "deterministic"},
                "components": [
                    {"type": "header", "parameters": [
                        {"type": "image", "image": {"link": "https://cdn.example.com/a.bin"}}]},
                    {"type": "body", "parameters": [
                        {"type": "text", "text": "Ana"}, {"type": "text", "text": "20%"}]},
                    {"type": "button", "sub_type": "url", "index": "0", "parameters": [
                        {"type": "text", "text": "promo-20"}]}]},
        })
    );
    let named = Filled::Named(vec![("first_name".to_owned(), "Ana".to_owned())]);
    assert_eq!(
        body_of(template(filled(named), None))["template"]["components"],
        serde_json::json!([{"type": "body", "parameters": [
            {"type": "text", "parameter_name": "first_name", "text": "Ana"}]}])
    );
    assert_eq!(
        body_of(template(FilledTemplate::default(), None))["template"],
        serde_json::json!({"name": "spring_offer", "language": {"code": "pt_BR", "policy": "deterministic"}}),
        "components are there only for what the template leaves open"
    );
}

#[test]
fn a_headline_and_every_kind_of_button_have_their_components() {
    let button = |index, kind, value: &str| FilledButton { index, kind, value: value.to_owned() };
    let buttons = vec![
        button(1, ButtonKind::QuickReply, "yes-7"),
        button(2, ButtonKind::Url, "a?b=c"),
        button(3, ButtonKind::CopyCode, "SAVE20"),
    ];
    let by_order = Filled::Positional(vec!["Ana".to_owned()]);
    let by_name = Filled::Named(vec![("who".to_owned(), "Ana".to_owned())]);
    let headline = |header| template(FilledTemplate { header, ..FilledTemplate::default() }, None);
    assert_eq!(
        body_of(headline(by_order))["template"]["components"],
        serde_json::json!([{"type": "header", "parameters": [{"type": "text", "text": "Ana"}]}])
    );
    assert_eq!(
        body_of(headline(by_name))["template"]["components"],
        serde_json::json!([{"type": "header", "parameters": [
            {"type": "text", "parameter_name": "who", "text": "Ana"}]}])
    );
    let pressed = template(FilledTemplate { buttons, ..FilledTemplate::default() }, None);
    assert_eq!(
        body_of(pressed)["template"]["components"],
        serde_json::json!([
            {"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": [
                {"type": "payload", "payload": "yes-7"}]},
            {"type": "button", "sub_type": "url", "index": "2", "parameters": [
                {"type": "text", "text": "a?b=c"}]},
            {"type": "button", "sub_type": "copy_code", "index": "3", "parameters": [
                {"type": "coupon_code", "coupon_code": "SAVE20"}]}])
    );
}

#[test]
fn media_are_the_sheets() {
    let link = "https://cdn.example.com/a.bin";
    let table = [
        (MediaKind::Image, serde_json::json!({"link": link, "caption": "Price list"})),
        (MediaKind::Video, serde_json::json!({"link": link, "caption": "Price list"})),
        (
            MediaKind::Document,
            serde_json::json!({"link": link, "caption": "Price list", "filename": "price.pdf"}),
        ),
        (MediaKind::Audio, serde_json::json!({"link": link})),
    ];
    for (kind, object) in table {
        let mut expected = serde_json::json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+5511987650001",
            "type": kind.name(),
        });
        expected[kind.name()] = object;
        assert_eq!(body_of(Content::Media(media(kind))), expected);
    }
}
