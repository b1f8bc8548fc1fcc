//! Every state of `ultramsg.md` section 6.

use super::*;
use crate::{
    domain::phone::Phone,
    provider::{Credential, Provider as _, ultramsg::Ultramsg},
};
use serde_json::json;

fn line() -> Line {
    let credential = Credential { external_id: String::new(), token: "s+cret".to_owned().into() };
    let phone = Phone::parse("+237600000001").unwrap();
    Ultramsg.line("https://api.ultramsg.com", credential, "1150", &phone).unwrap()
}

fn raw(status: u16, body: &str) -> Health {
    let answer = Answer { status, retry_after: None, body: body.into(), truncated: false };
    let me = Answer { status: 404, retry_after: None, body: Vec::new(), truncated: false };
    match step(&line(), std::slice::from_ref(&answer)) {
        HealthStep::Done(health) => health,
        // Ready: then it is asked which phone it drives. Whoever cannot say so is believed.
        HealthStep::Ask(_) => match step(&line(), &[answer, me]) {
            HealthStep::Done(health) => health,
            HealthStep::Ask(prepared) => panic!("asks {}", prepared.url),
        },
    }
}

fn said(body: &Value) -> Health {
    raw(200, &body.to_string())
}

#[test]
fn one_question_with_the_token_in_its_query() {
    let HealthStep::Ask(prepared) = step(&line(), &[]) else { panic!("no question") };
    assert_eq!(prepared.method, Method::GET);
    assert_eq!(prepared.url.as_str(), "https://api.ultramsg.com/instance1150/instance/status?token=s%2Bcret");
    assert!(prepared.headers.is_empty() && prepared.body.is_empty());
}

#[test]
fn an_instance_that_is_ready_says_which_phone_it_drives() {
    let answer = |body: &str| Answer { status: 200, retry_after: None, body: body.into(), truncated: false };
    let ready = answer(r#"{"status":{"accountStatus":{"status":"authenticated","substatus":"connected"}}}"#);
    let HealthStep::Ask(prepared) = step(&line(), std::slice::from_ref(&ready)) else {
        panic!("no second question")
    };
    assert_eq!(prepared.url.as_str(), "https://api.ultramsg.com/instance1150/instance/me?token=s%2Bcret");
    for (me, expected) in [
        (r#"{"id":"237600000001@c.us","name":"Ana"}"#, Standing::Sendable),
        (r#"{"me":{"id":"237600000001:12@s.whatsapp.net"}}"#, Standing::Sendable),
        (r#"{"id":"237600000002@c.us"}"#, Standing::NotSendable(Class::NumberSuspended)),
        // Privacy ids, other shapes and errors say nothing of the phone.
        (r#"{"id":"88812345@lid"}"#, Standing::Sendable),
        (r#"{"error":"not allowed"}"#, Standing::Sendable),
        ("<html>", Standing::Sendable),
    ] {
        let HealthStep::Done(health) = step(&line(), &[ready.clone(), answer(me)]) else {
            panic!("a third question")
        };
        assert_eq!(health.standing, expected, "{me}");
    }
    assert!(is_seen("other_phone"));
}

#[test]
fn every_status_of_the_sheet_in_both_shapes() {
    let suspended = Standing::NotSendable(Class::NumberSuspended);
    for (status, standing) in [
        ("authenticated", Standing::Sendable),
        ("standby", suspended),
        ("initialize", Standing::NotSendable(STARTING)),
        ("loading", Standing::NotSendable(STARTING)),
        ("retrying", Standing::NotSendable(STARTING)),
        ("qr", suspended),
        ("disconnected", suspended),
        ("dancing", Standing::Unclear),
        ("", Standing::Unclear),
    ] {
        let code = (standing != Standing::Sendable).then(|| format!("status_{status}"));
        let nested = said(&json!({ "status": { "accountStatus": { "status": status, "substatus": "s" } } }));
        let flat = said(&json!({ "status": status }));
        for health in [nested, flat] {
            assert_eq!((health.standing, &health.code), (standing, &code), "{status}");
        }
    }
    let health = said(&json!({ "status": { "accountStatus": { "status": "qr", "substatus": "loading" } } }));
    assert_eq!((health.words.as_str(), health.quality, health.reach), ("qr, loading", None, None));
}

#[test]
fn errors_are_those_of_a_message() {
    let suspended = Standing::NotSendable(Class::NumberSuspended);
    for (error, standing, code) in [
        (
            json!("Wrong token. Please provide token as a GET parameter."),
            Standing::NotSendable(Class::NumberAuth),
            "wrong_token",
        ),
        (json!("Instance not found"), suspended, "instance_not_found"),
        (json!("Stopped due to non-payment"), suspended, "non_payment"),
        (json!([{ "token": "is required" }]), Standing::NotSendable(Class::NumberAuth), "field_token"),
        (json!("WhatsApp not connected"), suspended, "not_connected"),
        (json!("the moon is in the way"), Standing::Unclear, "error"),
    ] {
        let health = said(&json!({ "error": error }));
        assert_eq!((health.standing, health.code.as_deref()), (standing, Some(code)), "{error}");
    }
    // An empty error beside a status is none.
    let both = json!({ "error": "", "status": { "accountStatus": { "status": "authenticated" } } });
    assert_eq!(said(&both).standing, Standing::Sendable);
    assert_eq!(raw(404, "not here").code.as_deref(), Some("http_404"));
    assert_eq!(raw(404, "not here").standing, suspended);
}

#[test]
fn trouble_of_the_gateway_says_nothing_of_the_instance() {
    for (status, body) in [
        (200, ""),
        (200, "<html>"),
        (200, "[]"),
        (200, "{}"),
        (200, r#"{"status":7}"#),
        (200, r#"{"status":{"accountStatus":{}}}"#),
        (302, ""),
        (401, "{}"),
        (429, r#"{"error":"Instance not found"}"#),
        (500, r#"{"error":"Instance not found"}"#),
        (503, r#"{"status":"authenticated"}"#),
    ] {
        assert_eq!(raw(status, body).standing, Standing::Unclear, "{status} {body}");
    }
}

#[test]
fn what_the_gateway_shows_is_over_when_it_shows_it_no_more() {
    for seen in ["status_qr", "status_standby", "not_connected", "http_404", "queued"] {
        assert!(Ultramsg.is_seen_by_check(seen), "{seen}");
    }
    for unseen in ["wrong_token", "trial_quota", "", "unsent"] {
        assert!(!Ultramsg.is_seen_by_check(unseen), "{unseen}");
    }
}
