//! Every state of `twilio.md` section 6.

use super::*;
use crate::{
    domain::phone::Phone,
    provider::{Credential, Provider as _, twilio::Twilio},
};
use serde_json::json;

const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn line_at(base: &str, sender_id: &str) -> Line {
    let credential = Credential { external_id: "AC1".into(), token: "secret".to_owned().into() };
    Twilio.line(base, credential, sender_id, &Phone::parse("+14155238886").unwrap()).unwrap()
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer { status, retry_after: None, body: body.to_string().into_bytes(), truncated: false }
}

fn account(status: &str) -> Answer {
    let body = json!({ "sid": "AC1", "status": status, "type": "Full", "auth_token": AUTH_TOKEN });
    answer(200, &body)
}

/// The example of the sheet.
fn sender() -> Value {
    json!({"sid": "XE00000000000000000000000000000001", "status": "ONLINE", "sender_id": "whatsapp:+14155238886",
        "configuration": {"waba_id": "123456789"},
        "properties": {"quality_rating": "HIGH", "messaging_limit": "10K Customers/24hr"},
        "offline_reasons": null,
        "webhook": {"callback_url": "https://hooks.example.com/twilio/in", "status_callback_url": null},
        "url": "https://messaging.twilio.com/v2/Channels/Senders/XE00000000000000000000000000000001"})
}

fn page(senders: &[Value], next: Option<&str>) -> Answer {
    answer(200, &json!({ "senders": senders, "meta": { "next_page_url": next } }))
}

fn asked(line: &Line, answers: &[Answer]) -> String {
    match step(line, answers) {
        HealthStep::Ask(prepared) => {
            assert_eq!(prepared.method, Method::GET);
            assert!(prepared.headers.contains_key("authorization") && prepared.body.is_empty());
            assert!(!prepared.headers.contains_key("content-type"));
            prepared.url.to_string()
        }
        HealthStep::Done(health) => panic!("{health:?}"),
    }
}

fn done(answers: &[Answer]) -> Health {
    match step(&line_at("https://api.twilio.com", ""), answers) {
        HealthStep::Done(health) => health,
        HealthStep::Ask(prepared) => panic!("asks {}", prepared.url),
    }
}

fn sender_with(key: &str, value: Value) -> Health {
    let mut sender = sender();
    sender[key] = value;
    done(&[account("active"), page(&[sender], None)])
}

#[test]
fn senders_are_asked_for_at_their_own_host() {
    let listing = "/v2/Channels/Senders?Channel=whatsapp&PageSize=20";
    for (base, account_at, senders_at) in [
        ("https://api.twilio.com", "https://api.twilio.com", "https://messaging.twilio.com"),
        (
            "https://api.dublin.ie1.twilio.com",
            "https://api.dublin.ie1.twilio.com",
            "https://messaging.dublin.ie1.twilio.com",
        ),
        ("http://127.0.0.1:9/sub", "http://127.0.0.1:9/sub", "http://127.0.0.1:9/sub"),
        ("https://api.example.com", "https://api.example.com", "https://api.example.com"),
    ] {
        let line = line_at(base, "");
        assert_eq!(asked(&line, &[]), format!("{account_at}/2010-04-01/Accounts/AC1.json"));
        assert_eq!(asked(&line, &[account("active")]), format!("{senders_at}{listing}"));
    }
    let line = line_at("https://api.twilio.com", "XE01");
    assert_eq!(asked(&line, &[account("active")]), "https://messaging.twilio.com/v2/Channels/Senders/XE01");
}

#[test]
fn an_account_that_is_out_needs_no_second_question() {
    let fatal = Standing::NotSendable(Class::AccountFatal);
    for (status, standing) in
        [("suspended", fatal), ("closed", fatal), ("dreaming", Standing::Unclear), ("", Standing::Unclear)]
    {
        let health = done(&[account(status)]);
        assert_eq!((health.standing, health.code), (standing, Some(format!("account_{status}"))));
    }
    for (status, code, standing) in [
        (401, 20_003, Standing::NotSendable(Class::NumberAuth)),
        (401, 20_101, Standing::NotSendable(Class::NumberAuth)),
        (403, 20_403, fatal),
        (403, 20_005, fatal),
        (404, 20_404, Standing::Unclear),
        (429, 20_429, Standing::Unclear),
        (500, 20_500, Standing::Unclear),
    ] {
        let health = done(&[answer(status, &json!({ "code": code, "message": "as Twilio says it" }))]);
        assert_eq!((health.standing, health.code), (standing, Some(code.to_string())));
        assert_eq!(health.words, "as Twilio says it");
    }
}

#[test]
fn the_account_s_answer_is_never_repeated() {
    for body in [json!({ "auth_token": AUTH_TOKEN }), json!({ "status": 7, "auth_token": AUTH_TOKEN })] {
        for status in [200, 500] {
            let health = done(&[answer(status, &body)]);
            assert_eq!(health.standing, Standing::Unclear);
            assert!(!format!("{health:?}").contains(AUTH_TOKEN), "{health:?}");
        }
    }
}

#[test]
fn every_status_of_the_sheet() {
    let suspended = Standing::NotSendable(Class::NumberSuspended);
    for (status, standing) in [
        ("ONLINE", Standing::Sendable),
        ("ONLINE:UPDATING", Standing::Sendable),
        ("OFFLINE", suspended),
        ("CREATING", suspended),
        ("PENDING_VERIFICATION", suspended),
        ("VERIFYING", suspended),
        ("TWILIO_REVIEW", suspended),
        ("DRAFT", suspended),
        ("STUBBED", suspended),
        ("ONLINE:DREAMING", Standing::Unclear),
        ("", Standing::Unclear),
    ] {
        let health = sender_with("status", json!(status));
        assert_eq!(health.standing, standing, "{status}");
        let code = (standing != Standing::Sendable).then(|| format!("status_{}", status.to_lowercase()));
        assert_eq!(health.code, code, "{status}");
    }
    let mut offline = sender();
    offline["status"] = json!("OFFLINE");
    offline["offline_reasons"] =
        json!([{ "code": "63020", "message": "no billing", "more_info": "" }, { "code": 1, "message": "x" }]);
    let health = done(&[account("active"), page(&[offline], None)]);
    assert_eq!(health.words, "OFFLINE: 63020 no billing; 1 x");
}

#[test]
fn the_example_of_the_sheet_is_read_whole_from_a_list_or_alone() {
    let expected = Health {
        quality: Some(Quality::Green),
        reach: Some(Reach::People(10_000)),
        approval: Some("sender ONLINE".to_owned()),
        ..Health::new(Standing::Sendable, "", "ONLINE")
    };
    let mut other = sender();
    other["sender_id"] = json!("whatsapp:+14155550000");
    other["status"] = json!("OFFLINE");
    assert_eq!(done(&[account("active"), page(&[other, sender()], None)]), expected);
    let line = line_at("https://api.twilio.com", "XE00000000000000000000000000000001");
    let HealthStep::Done(health) = step(&line, &[account("active"), answer(200, &sender())]) else {
        panic!("asks more")
    };
    assert_eq!(health, expected);
}

#[test]
fn a_long_list_is_turned_over_at_our_own_address() {
    let line = line_at("https://api.twilio.com", "");
    let elsewhere = "https://evil.example/v2/Channels/Senders?Channel=whatsapp&PageSize=20&PageToken=t%2B1";
    let first = page(&[], Some(elsewhere));
    assert_eq!(
        asked(&line, &[account("active"), first.clone()]),
        "https://messaging.twilio.com/v2/Channels/Senders?Channel=whatsapp&PageSize=20&PageToken=t%2B1"
    );
    let health = done(&[account("active"), first.clone(), page(&[sender()], None)]);
    assert_eq!(health.standing, Standing::Sendable);
    let health = done(&[account("active"), first.clone(), page(&[], None)]);
    assert_eq!((health.standing, health.code.as_deref()), (Standing::Unclear, Some("sender_not_found")));
    let mut endless = vec![account("active")];
    endless.extend(vec![first; PAGES]);
    let health = done(&endless);
    assert_eq!(health.standing, Standing::Unclear);
    assert!(health.words.contains("--instance-id"), "{}", health.words);
}

#[test]
fn a_refused_listing_says_nothing_of_the_sending() {
    for (status, code) in [(401, 20_003), (403, 20_403), (429, 20_429)] {
        let refused = answer(status, &json!({ "code": code, "message": "no" }));
        let health = done(&[account("active"), refused]);
        assert_eq!((health.standing, health.code), (Standing::Unclear, Some(code.to_string())));
    }
    for (status, body) in [(200, "[]"), (200, "{}"), (200, "<html>"), (500, ""), (302, "")] {
        let raw = Answer { status, retry_after: None, body: body.into(), truncated: false };
        assert_eq!(done(&[account("active"), raw]).standing, Standing::Unclear, "{status} {body}");
    }
}

#[test]
fn quality_and_reach_as_twilio_words_them() {
    for (rating, quality) in [
        (json!("HIGH"), Some(Quality::Green)),
        (json!("MEDIUM"), Some(Quality::Yellow)),
        (json!("LOW"), Some(Quality::Red)),
        (json!("PURPLE"), Some(Quality::Unknown)),
        (json!(null), None),
    ] {
        assert_eq!(sender_with("properties", json!({ "quality_rating": rating })).quality, quality);
    }
    for (limit, expected) in [
        ("1K Customers/24hr", Some(Reach::People(1_000))),
        ("100K Customers/24hr", Some(Reach::People(100_000))),
        ("250 Customers/24hr", Some(Reach::People(250))),
        ("Unlimited", Some(Reach::Unlimited)),
        ("many", None),
        ("", None),
    ] {
        assert_eq!(reach(limit), expected, "{limit}");
    }
}

#[test]
fn a_lock_may_not_show_and_is_not_over_because_a_check_is_well() {
    assert!(Twilio.is_seen_by_check("status_offline") && Twilio.is_seen_by_check("63007"));
    for unseen in ["63051", "20003", "20403", "account_suspended", "63015", ""] {
        assert!(!Twilio.is_seen_by_check(unseen), "{unseen}");
    }
}
