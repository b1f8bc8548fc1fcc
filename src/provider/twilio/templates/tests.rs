//! The list of contents as `twilio.md` section 2 has it, page by page.

use super::*;
use crate::{
    domain::phone::Phone,
    provider::{Credential, Provider, twilio::Twilio},
};
use serde_json::json;

fn line(base: &str) -> Line {
    let credential = Credential {
        external_id: "AC00000000000000000000000000000001".to_owned(),
        token: "T0KEN".to_owned().into(),
    };
    Twilio.line(base, credential, "", &Phone::parse("+14155238886").unwrap()).unwrap()
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer { status, retry_after: None, body: body.to_string().into_bytes(), truncated: false }
}

fn asked(step: TemplateStep) -> String {
    let TemplateStep::Ask(prepared) = step else { panic!("{step:?}") };
    assert!(prepared.headers[http::header::AUTHORIZATION].is_sensitive());
    prepared.url.to_string()
}

fn raw(approval: &Value) -> Value {
    json!({"sid": "HX00000000000000000000000000000001", "friendly_name": "offer", "language": "en",
           "variables": {"1": "Ana"}, "types": {"twilio/text": {"body": "Hi {{1}}"}}, "approval_requests": approval})
}

#[test]
fn every_page_is_asked_for_at_the_host_for_contents() {
    let line = line("https://api.twilio.com");
    let first = "https://content.twilio.com/v1/ContentAndApprovals";
    assert_eq!(asked(step(&line, &[])), format!("{first}?PageSize=20"));
    let approved = json!({"status": "approved", "category": "MARKETING", "rejection_reason": ""});
    let page = |next: Option<&str>| {
        answer(200, &json!({"contents": [raw(&approved)], "meta": {"next_page_url": next}}))
    };
    // Whoever an answer names gets no credential of ours: only the query of its address counts.
    let next = page(Some("https://evil.example/v1/ContentAndApprovals?PageSize=20&PageToken=abc"));
    assert_eq!(asked(step(&line, std::slice::from_ref(&next))), format!("{first}?PageSize=20&PageToken=abc"));
    let TemplateStep::Done(all) = step(&line, &[next, page(None)]) else { panic!("there is no third page") };
    assert_eq!(all.len(), 2);
    assert_eq!(
        all[0],
        ListedTemplate {
            known: KnownTemplate {
                provider_id: "HX00000000000000000000000000000001".into(),
                name: "offer".into(),
                language: "en".into(),
                status: TemplateStatus::Approved,
                parameters: Some(vec!["1".into()]),
                header: Header::Fixed,
                buttons: Vec::new(),
            },
            said: "approved".into(),
            category: Some("MARKETING".into()),
            body: Some("Hi {{1}}".into()),
            quality: None,
            reason: None,
        }
    );
    assert!(
        asked(step(&super::tests::line("http://127.0.0.1:9"), &[])).starts_with("http://127.0.0.1:9/v1/")
    );
}

#[test]
fn an_approval_is_read_in_whichever_shape_it_comes() {
    let table = [
        (json!({"status": "paused"}), TemplateStatus::Paused),
        (json!({"whatsapp": {"status": "rejected"}}), TemplateStatus::Rejected),
        (json!([{"status": "disabled"}]), TemplateStatus::Disabled),
        (json!({"status": "unsubmitted"}), TemplateStatus::Pending),
        (json!({"status": "received"}), TemplateStatus::Pending),
        (Value::Null, TemplateStatus::Pending),
        (json!({"status": "something new"}), TemplateStatus::Unknown),
    ];
    for (approval, status) in table {
        assert_eq!(template(&raw(&approval)).unwrap().known.status, status, "{approval}");
    }
}

#[test]
fn what_cannot_be_listed_says_why() {
    let line = line("https://api.twilio.com");
    let refused = answer(401, &json!({"code": 20_003, "message": "Authenticate", "status": 401}));
    for (refused, words) in [(refused, "20003: Authenticate"), (answer(200, &json!([])), "status 200: []")] {
        let TemplateStep::Failed(why) = step(&line, &[refused]) else { panic!("no failure") };
        assert_eq!(why, words);
    }
}
