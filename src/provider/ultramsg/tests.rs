//! `UltraMsg`'s dialect against `ultramsg.md`. Its errors stand in `codes/tests.rs`.

use super::*;
use crate::domain::content::Link;
use crate::domain::{ids::AttemptId, outcome::Certainty};
use std::time::Duration;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.as_bytes().to_vec(), truncated: false }
}

fn read(status: u16, body: &str) -> (Certainty, &'static str) {
    let outcome = Ultramsg.read_send(&answer(status, body));
    (outcome.certainty(), outcome.failure().map_or("accepted", |failure| failure.class.name()))
}

fn phone() -> Phone {
    Phone::parse("+5511987650001").unwrap()
}

fn line(sender_id: &str) -> Result<Line, LineError> {
    let credential = Credential { external_id: String::new(), token: "T0KEN&".to_owned().into() };
    Ultramsg.line("https://api.ultramsg.com", credential, sender_id, &phone())
}

#[test]
fn all_spellings_of_success_are_read() {
    for (body, id) in [
        (r#"{"sent":"true","message":"ok","id":44897}"#, "44897"),
        (r#"{"sent":"TRUE","message":"ok","id":"44897"}"#, "44897"),
        (r#"{"sent":true,"message":"ok","id":44897}"#, "44897"),
        (r#"{"sent":true,"id":1,"error":null}"#, "1"),
    ] {
        let outcome = Ultramsg.read_send(&answer(200, body));
        assert_eq!(outcome, Outcome::Accepted { provider_message_id: id.into() }, "{body}");
    }
}

#[test]
fn anything_else_is_not_success() {
    for body in [
        r#"{"sent":"true","message":"ok"}"#,
        r#"{"sent":"true","id":null}"#,
        r#"{"sent":"true","id":-1}"#,
        r#"{"sent":1,"id":1}"#,
        r#"{"sent":"perhaps","id":1}"#,
        r#"{"id":1}"#,
        r#"{"sent":"true","id":4489"#,
        r#"{"error":"odd","sent":"true","id":1}"#,
        "[]",
        "true",
    ] {
        assert_eq!(read(200, body).0, Certainty::InDoubt, "{body}");
    }
}

#[test]
fn errors_carry_code_and_words() {
    let outcome = Ultramsg.read_send(&answer(200, r#"{"error":[{"to":"is wrong"},{"body":"is empty"}]}"#));
    let failure = outcome.failure().unwrap();
    assert_eq!(
        (failure.code.as_deref(), failure.words.as_str()),
        (Some("field_to"), "to: is wrong; body: is empty")
    );
    let mut busy = answer(429, "");
    busy.retry_after = Some(Duration::from_secs(3));
    let class = Ultramsg.read_send(&busy).failure().unwrap().class;
    assert_eq!(class, Class::Throttled(Scope::Number, Duration::from_secs(3)));
}

#[test]
fn every_sample_is_read_as_its_own_row() {
    for row in codes::SIGNALS {
        let (code, class) = codes::classify(200, row.sample, &[]);
        assert_eq!((code.as_str(), class), (row.code, row.class));
    }
}

#[test]
fn the_request_is_the_sheets() {
    let attempt = AttemptId::new();
    let outgoing = Outgoing { attempt, to: phone(), content: Content::Text("Hi Ana & co".into()) };
    for sender_id in ["instance1150", "1150"] {
        let prepared = Ultramsg.send_request(&line(sender_id).unwrap(), &outgoing).unwrap();
        assert_eq!(prepared.url.as_str(), "https://api.ultramsg.com/instance1150/messages/chat");
        assert_eq!(prepared.headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
        assert_eq!(
            String::from_utf8(prepared.body).unwrap(),
            format!(
                "token=T0KEN%26&to=%2B5511987650001&body=Hi+Ana+%26+co&priority=10&referenceId={attempt}"
            )
        );
    }
    assert!(matches!(line(""), Err(LineError::Missing(_))));
    assert!(matches!(line("instance"), Err(LineError::Invalid { .. })));
    assert!(matches!(line("a/b"), Err(LineError::Invalid { .. })));
}

#[test]
fn a_lost_message_is_found_by_reference_and_absence_is_proof() {
    let attempt = AttemptId::new();
    let lookup = Lookup { attempt, to: phone(), started_at: chrono::DateTime::UNIX_EPOCH, text: None };
    let ask = |status, body: &str| Ultramsg.read_lookup(&lookup, &answer(status, body));
    let ours = format!(r#"{{"id":311777,"referenceId":"{attempt}","status":"sent","ack":"device"}}"#);
    let found = Evidence::Found { provider_message_id: "311777".into(), state: "sent, device".into() };
    assert_eq!(ask(200, &format!(r#"{{"total":1,"messages":[{ours}]}}"#)), found);
    assert_eq!(ask(200, &format!(r#"{{"total":2,"messages":[{ours},{ours}]}}"#)), Evidence::Several(2));
    assert_eq!(ask(200, r#"{"total":0,"pages":0,"limit":100,"page":1,"messages":[]}"#), Evidence::Absent);
    for (status, body) in [
        (200, r#"{"total":1,"messages":[{"id":1,"referenceId":"another"}]}"#),
        (200, r#"{"total":1,"pages":1,"limit":100,"page":1,"messages":[]}"#),
        (200, r#"{"error":"Wrong token"}"#),
        (200, "{}"),
        (200, "<html>"),
        (404, ""),
        (500, r#"{"messages":[]}"#),
    ] {
        assert!(matches!(ask(status, body), Evidence::Unclear(_)), "{status} {body}");
    }
    assert!(Ultramsg.abilities().absence_is_proof);
    let prepared = Ultramsg.lookup_request(&line("instance1150").unwrap(), &lookup).unwrap();
    assert_eq!(
        prepared.url.as_str(),
        format!(
            "https://api.ultramsg.com/instance1150/messages?token=T0KEN%26&referenceId={attempt}&limit=100&page=1"
        )
    );
}

/// Kind, name of a document, the fields of its endpoint.
type Case<'a> = (MediaKind, Option<&'a str>, &'a [(&'a str, &'a str)]);

#[test]
fn media_are_the_sheets() {
    let caption = ("caption", "Prices & more");
    let table: [Case<'_>; 5] = [
        (MediaKind::Image, None, &[("image", "https://cdn.example.com/p.pdf"), caption]),
        (MediaKind::Video, None, &[("video", "https://cdn.example.com/p.pdf"), caption]),
        (
            MediaKind::Document,
            None,
            &[("document", "https://cdn.example.com/p.pdf"), ("filename", "p.pdf"), caption],
        ),
        (
            MediaKind::Document,
            Some("prices.pdf"),
            &[("document", "https://cdn.example.com/p.pdf"), ("filename", "prices.pdf"), caption],
        ),
        (MediaKind::Audio, None, &[("audio", "https://cdn.example.com/p.pdf")]),
    ];
    for (kind, filename, own) in table {
        let media = Media {
            kind,
            url: Link::parse("https://cdn.example.com/p.pdf", false).unwrap(),
            caption: Some("Prices & more".to_owned()),
            filename: filename.map(str::to_owned),
        };
        let attempt = AttemptId::new();
        let outgoing = Outgoing { attempt, to: phone(), content: Content::Media(media) };
        let prepared = Ultramsg.send_request(&line("1150").unwrap(), &outgoing).unwrap();
        assert_eq!(
            prepared.url.as_str(),
            format!("https://api.ultramsg.com/instance1150/messages/{}", kind.name())
        );
        let (attempt, phone) = (attempt.to_string(), phone());
        let first = [("token", "T0KEN&"), ("to", phone.reveal())];
        let last = [("priority", "10"), ("referenceId", attempt.as_str())];
        let expected: Vec<(String, String)> = first
            .iter()
            .chain(own)
            .chain(&last)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let found: Vec<(String, String)> = form_urlencoded::parse(&prepared.body).into_owned().collect();
        assert_eq!(found, expected, "{kind}");
    }
}

#[test]
fn there_is_no_way_to_send_a_template() {
    let content = Content::Template(crate::provider::Template {
        id: "offer".to_owned(),
        language: "en".parse().unwrap(),
        values: crate::domain::content::FilledTemplate::default(),
        media: None,
    });
    let outgoing = Outgoing { attempt: AttemptId::new(), to: phone(), content };
    assert!(Ultramsg.send_request(&line("1150").unwrap(), &outgoing).is_none());
}
