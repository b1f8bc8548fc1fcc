//! The list of templates as `meta-cloud.md` section 7 has it, page by page.

use super::*;
use crate::{
    domain::phone::Phone,
    provider::{Credential, Provider, meta::Meta},
};
use serde_json::json;

fn line(waba: &str) -> Line {
    let credential = Credential { external_id: waba.to_owned(), token: "T0KEN".to_owned().into() };
    let phone = Phone::parse("+15550783881").unwrap();
    Meta.line("https://graph.facebook.com", credential, "106540352242922", &phone).unwrap()
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer { status, retry_after: None, body: body.to_string().into_bytes(), truncated: false }
}

fn asked(step: TemplateStep) -> String {
    let TemplateStep::Ask(prepared) = step else { panic!("{step:?}") };
    assert_eq!((prepared.method, prepared.body.len()), (Method::GET, 0));
    assert!(prepared.headers[http::header::AUTHORIZATION].is_sensitive());
    prepared.url.to_string()
}

fn raw(name: &str, components: &Value) -> Value {
    json!({"id": "594425479261596", "name": name, "language": "pt_BR", "status": "APPROVED",
           "category": "MARKETING", "components": components, "quality_score": {"score": "YELLOW"},
           "rejected_reason": "NONE"})
}

#[test]
fn every_page_is_asked_for() {
    let line = line("102290129340398");
    let base = "https://graph.facebook.com/v23.0/102290129340398/message_templates?fields=name%2Clanguage%2Cstatus%2Ccategory%2Ccomponents";
    assert_eq!(asked(step(&line, &[])), format!("{base}%2Cquality_score%2Crejected_reason&limit=15"));
    let body = json!([{"type": "BODY", "text": "Oi {{1}}, {{ 2 }} e {{1}}"}]);
    let first = answer(
        200,
        &json!({"data": [raw("a", &body)], "paging": {"cursors": {"after": "QVF="}, "next": "https://elsewhere.example/"}}),
    );
    let next = asked(step(&line, std::slice::from_ref(&first)));
    assert_eq!(next, format!("{base}%2Cquality_score%2Crejected_reason&limit=15&after=QVF%3D"));
    let last = answer(200, &json!({"data": [raw("b", &body)], "paging": {"cursors": {"after": "x"}}}));
    let TemplateStep::Done(all) = step(&line, &[first, last]) else { panic!("there is no third page") };
    let names: Vec<&str> = all.iter().map(|template| template.known.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(
        all[0],
        ListedTemplate {
            known: KnownTemplate {
                provider_id: "594425479261596".into(),
                name: "a".into(),
                language: "pt_BR".into(),
                status: TemplateStatus::Approved,
                parameters: Some(vec!["1".into(), "2".into()]),
                header: Header::Fixed,
                buttons: Vec::new(),
            },
            said: "APPROVED".into(),
            category: Some("MARKETING".into()),
            body: Some("Oi {{1}}, {{ 2 }} e {{1}}".into()),
            quality: Some(Quality::Yellow),
            reason: None,
        }
    );
}

#[test]
fn what_a_message_brings_on_top_is_read() {
    let table = [
        (json!([]), Header::Fixed),
        (json!([{"type": "HEADER", "format": "TEXT", "text": "Hi"}]), Header::Fixed),
        (json!([{"type": "HEADER", "format": "TEXT", "text": "Hi {{1}}"}]), Header::Text(vec!["1".into()])),
        (json!([{"type": "HEADER", "format": "TEXT", "text": "{{who}}"}]), Header::Text(vec!["who".into()])),
        (json!([{"type": "HEADER", "format": "IMAGE"}]), Header::Media(MediaKind::Image)),
        (json!([{"type": "HEADER", "format": "VIDEO"}]), Header::Media(MediaKind::Video)),
        (json!([{"type": "HEADER", "format": "DOCUMENT"}]), Header::Media(MediaKind::Document)),
        (json!([{"type": "HEADER", "format": "LOCATION"}]), Header::Other),
        (json!([{"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]}]), Header::Fixed),
        (
            json!([{"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://a.example/{{1}}"}]}]),
            Header::Fixed,
        ),
        // A code for one time is what no campaign sends.
        (
            json!([{"type": "HEADER", "format": "IMAGE"}, {"type": "BUTTONS", "buttons": [{"type": "OTP"}]}]),
            Header::Other,
        ),
        (json!([{"type": "CAROUSEL", "cards": []}]), Header::Other),
    ];
    for (components, header) in table {
        assert_eq!(template(&raw("a", &components)).unwrap().known.header, header, "{components}");
    }
}

#[test]
fn the_buttons_that_messages_fill_are_read_with_their_places() {
    let all = json!([{"type": "BODY", "text": "Hi"}, {"type": "BUTTONS", "buttons": [
        {"type": "URL", "text": "Site", "url": "https://a.example/"},
        {"type": "QUICK_REPLY", "text": "Yes"},
        {"type": "URL", "text": "Offer", "url": "https://a.example/{{1}}", "example": ["x"]},
        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550783881"},
        {"type": "COPY_CODE", "example": "SAVE20"},
    ]}]);
    let open = |index, kind| OpenButton { index, kind };
    assert_eq!(
        template(&raw("a", &all)).unwrap().known.buttons,
        [open(1, ButtonKind::QuickReply), open(2, ButtonKind::Url), open(4, ButtonKind::CopyCode)]
    );
}

#[test]
fn what_cannot_be_listed_says_why() {
    let refused = |code: u32| answer(400, &json!({"error": {"code": code, "message": "no"}}));
    let meta = line("102290129340398");
    let again = asked(step(&meta, &[refused(100)]));
    assert!(again.contains("components&limit=15"), "with the fields that are known to all: {again}");
    for (answers, words) in [
        (vec![refused(190)], "190: no"),
        (vec![refused(100), refused(100)], "100: no"),
        (vec![answer(200, &json!({}))], "status 200: {}"),
        (vec![answer(502, &json!("x"))], "status 502: \"x\""),
    ] {
        let TemplateStep::Failed(why) = step(&meta, &answers) else { panic!("{answers:?}") };
        assert_eq!(why, words);
    }
    let cut = Answer { truncated: true, ..answer(200, &json!({"data": []})) };
    assert!(matches!(step(&meta, &[cut]), TemplateStep::Failed(_)));
    assert!(matches!(step(&line(""), &[]), TemplateStep::Failed(_)), "without a WABA there is nobody to ask");
}
