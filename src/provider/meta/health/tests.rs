//! Every state of `meta-cloud.md` section 7.

use super::*;
use crate::{
    domain::phone::Phone,
    provider::{Credential, Provider as _, meta::Meta},
};
use serde_json::json;
use std::collections::HashMap;

fn line() -> Line {
    let credential = Credential { external_id: "1".into(), token: "secret".to_owned().into() };
    let phone = Phone::parse("+15550783881").unwrap();
    Meta.line("https://graph.facebook.com", credential, "106540352242922", &phone).unwrap()
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer { status, retry_after: None, body: body.to_string().into_bytes(), truncated: false }
}

fn done(answers: &[Answer]) -> Health {
    match step(&line(), answers) {
        HealthStep::Done(health) => health,
        HealthStep::Ask(prepared) => panic!("asks {}", prepared.url),
    }
}

fn asked(answers: &[Answer]) -> HashMap<String, String> {
    match step(&line(), answers) {
        HealthStep::Ask(prepared) => {
            assert_eq!(prepared.method, Method::GET);
            assert_eq!(prepared.url.host_str(), Some("graph.facebook.com"));
            assert_eq!(prepared.url.path(), "/v23.0/106540352242922");
            assert!(prepared.headers.contains_key("authorization") && prepared.body.is_empty());
            assert!(!prepared.headers.contains_key("content-type"));
            prepared.url.query_pairs().into_owned().collect()
        }
        HealthStep::Done(health) => panic!("{health:?}"),
    }
}

/// The example of the sheet.
fn example() -> Value {
    json!({"id": "106540352242922", "display_phone_number": "+1 555-078-3881", "verified_name": "Acme",
        "status": "CONNECTED", "quality_rating": "GREEN", "name_status": "APPROVED",
        "code_verification_status": "VERIFIED", "throughput": {"level": "STANDARD"},
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
        "health_status": {"can_send_message": "LIMITED", "entities": [
            {"entity_type": "PHONE_NUMBER", "id": "106540352242922", "can_send_message": "LIMITED",
             "additional_info": ["Display name not approved yet"]},
            {"entity_type": "WABA", "id": "102290129340398", "can_send_message": "AVAILABLE"},
            {"entity_type": "BUSINESS", "id": "506914307656634", "can_send_message": "BLOCKED",
             "errors": [{"error_code": 141_006, "error_description": "payment method", "possible_solution": "..."}]},
            {"entity_type": "APP", "id": "634974688087057", "can_send_message": "AVAILABLE"}]}})
}

fn with_entities(entities: &Value) -> Health {
    let mut body = example();
    body["health_status"] = json!({ "can_send_message": "BLOCKED", "entities": entities });
    done(&[answer(200, &body)])
}

#[test]
fn the_example_of_the_sheet_is_read_whole() {
    let health = done(&[answer(200, &example())]);
    assert_eq!(
        health,
        Health {
            standing: Standing::NotSendable(Class::AccountFatal),
            code: Some("141006".into()),
            words: "BUSINESS: payment method; ...".into(),
            quality: Some(Quality::Green),
            reach: Some(Reach::People(2_000)),
            approval: Some("name APPROVED, code VERIFIED".into()),
        }
    );
}

#[test]
fn every_status_of_the_sheet() {
    let suspended = Standing::NotSendable(Class::NumberSuspended);
    for (status, standing) in [
        ("CONNECTED", Standing::Sendable),
        ("PENDING", suspended),
        ("DISCONNECTED", suspended),
        ("FLAGGED", suspended),
        ("RESTRICTED", suspended),
        ("RATE_LIMITED", Standing::NotSendable(Class::NumberLimited(Duration::from_hours(1)))),
        ("BANNED", suspended),
        ("DELETED", suspended),
        ("MIGRATED", suspended),
        ("UNVERIFIED", suspended),
        ("UNKNOWN", Standing::Unclear),
        // A set of another node, and what nobody has seen yet.
        ("LINKED", Standing::Unclear),
        ("connected", Standing::Unclear),
        ("", Standing::Unclear),
    ] {
        let health = done(&[answer(200, &json!({ "id": "1", "status": status }))]);
        assert_eq!(health.standing, standing, "{status}");
        let code = (standing != Standing::Sendable).then(|| format!("status_{}", status.to_lowercase()));
        assert_eq!(health.code, code, "{status}");
    }
    for body in [json!({ "id": "1" }), json!({ "status": 7 }), json!([]), json!("CONNECTED")] {
        assert_eq!(done(&[answer(200, &body)]).standing, Standing::Unclear, "{body}");
    }
}

#[test]
fn the_worst_entity_decides() {
    let entity = |kind: &str, may: &str| json!({ "entity_type": kind, "id": "1", "can_send_message": may });
    let (fatal, suspended) =
        (Standing::NotSendable(Class::AccountFatal), Standing::NotSendable(Class::NumberSuspended));
    for (kind, may, standing) in [
        ("PHONE_NUMBER", "AVAILABLE", Standing::Sendable),
        ("PHONE_NUMBER", "LIMITED", Standing::Limited),
        ("PHONE_NUMBER", "BLOCKED", suspended),
        ("WABA", "LIMITED", Standing::Limited),
        ("WABA", "BLOCKED", fatal),
        ("BUSINESS", "BLOCKED", fatal),
        ("APP", "BLOCKED", fatal),
        ("APP", "PERHAPS", Standing::Unclear),
        ("HOLOGRAM", "BLOCKED", Standing::Unclear),
        ("MESSAGE_TEMPLATE", "BLOCKED", Standing::Sendable),
    ] {
        let health = with_entities(&json!([entity("WABA", "AVAILABLE"), entity(kind, may)]));
        assert_eq!(health.standing, standing, "{kind} {may}");
    }
    let both =
        json!([entity("WABA", "BLOCKED"), entity("PHONE_NUMBER", "BLOCKED"), entity("APP", "LIMITED")]);
    assert_eq!(with_entities(&both).standing, fatal);
    let mut body = example();
    body["health_status"] = json!({ "can_send_message": "BLOCKED" });
    assert_eq!(done(&[answer(200, &body)]).standing, suspended, "no entities: the whole value");
    body["status"] = json!("BANNED");
    assert_eq!(done(&[answer(200, &body)]).code.as_deref(), Some("status_banned"));
    body["health_status"] = json!({ "can_send_message": "BLOCKED", "entities": [entity("WABA", "BLOCKED")] });
    assert_eq!(done(&[answer(200, &body)]).standing, fatal, "the account weighs more than its number");
}

#[test]
fn errors_that_concern_calling_are_none_of_ours() {
    let blocked = |codes: &[u64]| {
        let errors: Vec<Value> =
            codes.iter().map(|code| json!({ "error_code": code, "error_description": "d" })).collect();
        json!([{ "entity_type": "PHONE_NUMBER", "can_send_message": "BLOCKED", "errors": errors }])
    };
    for (codes, standing) in [
        (&[138_024][..], Standing::Sendable),
        (&[138_025, 138_024], Standing::Sendable),
        (&[138_024, 141_006], Standing::NotSendable(Class::NumberSuspended)),
        (&[], Standing::NotSendable(Class::NumberSuspended)),
    ] {
        let health = with_entities(&blocked(codes));
        assert_eq!(health.standing, standing, "{codes:?}");
    }
    assert_eq!(with_entities(&blocked(&[138_024, 141_006])).code.as_deref(), Some("141006"));
}

#[test]
fn a_refused_field_is_left_out_and_the_question_put_again() {
    let all = asked(&[]);
    assert_eq!(
        all["fields"].split(',').collect::<Vec<_>>(),
        [
            "status",
            "quality_rating",
            "name_status",
            "code_verification_status",
            "whatsapp_business_manager_messaging_limit",
            "health_status"
        ]
    );
    for code in [100, 200, 299] {
        let error = json!({ "error": { "code": code, "message": "(#100) nonexisting field" } });
        let refused = answer(400, &error);
        assert_eq!(asked(std::slice::from_ref(&refused))["fields"], "status,quality_rating");
        let few = answer(200, &json!({ "id": "1", "status": "CONNECTED", "quality_rating": "RED" }));
        let health = done(&[refused.clone(), few]);
        assert_eq!((health.standing, health.quality), (Standing::Sendable, Some(Quality::Red)));
        // It was not the field: the question as such is refused. The token may still be allowed to send.
        let health = done(&[refused.clone(), refused]);
        assert_eq!((health.standing, health.code), (Standing::Unclear, Some(code.to_string())));
        assert!(health.words.contains("whatsapp_business_management"), "{}", health.words);
    }
}

#[test]
fn a_refused_question_says_only_what_a_refused_message_would_say() {
    let fatal = Standing::NotSendable(Class::AccountFatal);
    for (status, code, standing) in [
        (401, 0, Standing::NotSendable(Class::NumberAuth)),
        (401, 190, Standing::NotSendable(Class::NumberAuth)),
        (400, 33, Standing::NotSendable(Class::NumberSuspended)),
        (403, 368, fatal),
        (403, 131_031, fatal),
        (403, 10, Standing::Unclear),
        (404, 803, Standing::Unclear),
        (400, 4, Standing::Unclear),
        (400, 80_008, Standing::Unclear),
        (503, 2, Standing::Unclear),
        (400, 999_999, Standing::Unclear),
    ] {
        let error = json!({ "error": { "code": code, "message": "as Meta says it" } });
        let health = done(&[answer(status, &error)]);
        assert_eq!((health.standing, health.code), (standing, Some(code.to_string())));
        assert!(health.words.starts_with("as Meta says it"), "{}", health.words);
    }
    for (status, body) in [(500, "oops"), (200, "<html>"), (302, ""), (200, "")] {
        let raw = Answer { status, retry_after: None, body: body.into(), truncated: false };
        assert_eq!(done(&[raw]).standing, Standing::Unclear, "{status} {body}");
    }
}

#[test]
fn quality_and_reach_as_the_provider_words_them() {
    for (rating, quality) in [
        ("GREEN", Quality::Green),
        ("YELLOW", Quality::Yellow),
        ("RED", Quality::Red),
        ("NA", Quality::Unknown),
        ("UNKNOWN", Quality::Unknown),
        ("PURPLE", Quality::Unknown),
    ] {
        let health = done(&[answer(200, &json!({ "status": "CONNECTED", "quality_rating": rating }))]);
        assert_eq!(health.quality, Some(quality), "{rating}");
    }
    for (tier, reach) in [
        (json!("TIER_250"), Some(Reach::People(250))),
        (json!("TIER_100K"), Some(Reach::People(100_000))),
        (json!("TIER_UNLIMITED"), Some(Reach::Unlimited)),
        (json!("TIER_NOT_SET"), None),
        (json!(null), None),
    ] {
        let body = json!({ "status": "CONNECTED", "whatsapp_business_manager_messaging_limit": tier });
        assert_eq!(done(&[answer(200, &body)]).reach, reach, "{body}");
    }
}

#[test]
fn what_meta_decided_by_policy_is_not_over_because_a_check_is_well() {
    for seen in ["status_disconnected", "status_restricted", "phone_number_blocked", "133010"] {
        assert!(Meta.is_seen_by_check(seen), "{seen}");
    }
    for unseen in ["status_banned", "status_deleted", "131031", "368", "190", "131030", "141006", ""] {
        assert!(!Meta.is_seen_by_check(unseen), "{unseen}");
    }
}
