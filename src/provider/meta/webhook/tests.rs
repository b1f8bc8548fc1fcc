//! Every example of `meta-cloud.md` section 8, and what else may arrive.

use super::*;
use crate::{domain::ids::AttemptId, provider::reading::RETRY_AFTER_LEAST};
use serde_json::json;

const ATTEMPT: &str = "0190b7c0-0000-7000-8000-000000000001";

fn envelope(field: &str, value: &Value) -> Vec<u8> {
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "102290129340398", "changes": [{ "field": field, "value": value }] }],
    })
    .to_string()
    .into_bytes()
}

fn only(field: &str, value: &Value) -> Report {
    let mut reports = read(&envelope(field, value)).unwrap();
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.remove(0)
}

fn messages_with(part: &str, parts: &Value) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550783881", "phone_number_id": "106540352242922" },
        part: parts,
    })
}

fn status(status: &Value) -> Receipt {
    match only("messages", &messages_with("statuses", &json!([status]))) {
        Report::Receipt(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

fn message(message: &Value) -> Inbound {
    let mut value = messages_with("messages", &json!([message]));
    value["contacts"] = json!([{ "wa_id": "5511987650001", "profile": { "name": "Ana" } }]);
    match only("messages", &value) {
        Report::Inbound(inbound) => inbound,
        other => panic!("{other:?}"),
    }
}

fn change(field: &str, value: &Value) -> (Sender, Change) {
    match only(field, value) {
        Report::News(news) => (news.sender, news.change),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_status_names_message_attempt_and_cause() {
    let receipt = status(&json!({
        "id": "wamid.HBgL", "status": "failed", "timestamp": "1751142888", "recipient_id": "5511987650001",
        "biz_opaque_callback_data": ATTEMPT,
        "errors": [{ "code": 131_049, "title": "t", "message": "m",
                     "error_data": { "details": "not now" }, "href": "https://example.com" }],
    }));
    assert_eq!(receipt.sender, Sender::Id("106540352242922".into()));
    assert_eq!(receipt.message.as_deref(), Some("wamid.HBgL"));
    assert_eq!(receipt.attempt, ATTEMPT.parse::<AttemptId>().ok());
    assert_eq!(receipt.at.map(|at| at.timestamp()), Some(1_751_142_888));
    let failure = receipt.failure.unwrap();
    assert!(matches!(failure.class, Class::RecipientDeferred(wait) if wait > RETRY_AFTER_LEAST));
    assert_eq!((failure.code.as_deref(), failure.words.as_str()), (Some("131049"), "not now"));
}

#[test]
fn every_status_has_its_place() {
    for (word, expected) in [
        ("sent", Delivery::Sent),
        ("delivered", Delivery::Delivered),
        ("read", Delivery::Read),
        ("played", Delivery::Read),
        ("failed", Delivery::Failed),
    ] {
        let receipt = status(&json!({ "id": "wamid.A", "status": word, "timestamp": "1" }));
        assert_eq!(receipt.delivery, expected, "{word}");
        assert_eq!(receipt.failure.is_some(), expected == Delivery::Failed, "{word}");
        assert_eq!(receipt.attempt, None);
    }
    let odd = messages_with("statuses", &json!([{ "id": "wamid.A", "status": "deleted" }]));
    assert_eq!(read(&envelope("messages", &odd)), Ok(Vec::new()));
}

#[test]
fn a_batch_is_read_to_its_end_whatever_stands_in_it() {
    let mut value = messages_with(
        "statuses",
        &json!([7, { "id": "wamid.A", "status": "sent" }, { "status": "x" }, { "id": "wamid.B", "status": "read" }]),
    );
    value["messages"] =
        json!([{ "id": "wamid.C", "from": "5511987650001", "type": "text", "text": { "body": "hi" } }]);
    let body = json!({ "entry": [
        { "changes": [{ "field": "messages", "value": value }, { "field": "messages" }] },
        "nothing",
        { "changes": [{ "field": "messages", "value": messages_with("statuses", &json!([{ "id": "wamid.D", "status": "delivered" }])) }] },
    ]});
    let reports = read(body.to_string().as_bytes()).unwrap();
    let kinds: Vec<&str> = reports
        .iter()
        .map(|report| match report {
            Report::Receipt(receipt) => receipt.message.as_deref().unwrap_or("?"),
            Report::Inbound(inbound) => &inbound.text,
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["wamid.A", "wamid.B", "hi", "wamid.D"]);
}

#[test]
fn what_people_write_is_read_in_every_kind() {
    let text = message(&json!({
        "from": "5511987650001", "id": "wamid.ABC", "timestamp": "1749416383", "type": "text", "text": { "body": "STOP" },
    }));
    assert_eq!((text.kind.as_str(), text.text.as_str()), ("text", "STOP"));
    assert_eq!(text.from.as_ref().map(Phone::reveal), Some("+5511987650001"));
    assert_eq!(text.profile.as_deref(), Some("Ana"));
    let button = message(&json!({
        "from": "5511987650001", "id": "wamid.B", "type": "button", "button": { "payload": "stop-now", "text": "Stop" },
        "context": { "id": "wamid.OURS" },
    }));
    assert_eq!((button.text.as_str(), button.answers.as_deref()), ("Stop", Some("wamid.OURS")));
    let interactive = json!({ "button_reply": { "id": "1", "title": "Yes" } });
    let interactive = message(&json!({ "id": "wamid.I", "type": "interactive", "interactive": interactive }));
    assert_eq!((interactive.text.as_str(), interactive.from), ("Yes", None), "a person may hide the number");
    let image = json!({ "id": "wamid.M", "from": "5511987650001", "type": "image", "image": { "id": "1", "caption": "look" } });
    assert_eq!(message(&image).text, "look");
    let unsupported = json!({ "id": "wamid.U", "from": "5511987650001", "type": "unsupported", "errors": [{ "code": 131_051 }] });
    assert_eq!(message(&unsupported).text, "");
    let hidden = json!({ "id": "wamid.H", "from_user_id": "US.1349", "type": "text", "text": { "body": "a\u{1b}[2Jb\u{202e}" } });
    let hidden = message(&hidden);
    assert_eq!((hidden.from, hidden.from_id.as_deref()), (None, Some("US.1349")));
    assert!(!hidden.text.contains(['\u{1b}', '\u{202e}']), "{:?}", hidden.text);
}

#[test]
fn what_happens_to_accounts_and_numbers_is_understood() {
    let until = DateTime::from_timestamp(1_900_000_000, 0);
    let restriction = |info: Value| json!({ "event": "ACCOUNT_RESTRICTION", "restriction_info": info });
    let ban = |state: &str| json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": state } });
    let one =
        json!({ "restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 1_900_000_000 });
    let endless = json!({ "restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING" });
    let sooner = json!({ "restriction_type": "X", "expiration": "1800000000" });
    for (value, expected) in [
        (restriction(json!([one])), Change::Restricted { until }),
        (restriction(json!([sooner, one])), Change::Restricted { until }),
        (restriction(json!([one, endless])), Change::Restricted { until: None }),
        (restriction(json!([])), Change::Restricted { until: None }),
        (ban("DISABLE"), Change::Restricted { until: None }),
        (ban("SCHEDULE_FOR_DISABLE"), Change::Notice),
        (ban("REINSTATE"), Change::Reinstated),
        (json!({ "event": "ACCOUNT_DELETED" }), Change::Restricted { until: None }),
        (json!({ "event": "ACCOUNT_OFFBOARDED" }), Change::Restricted { until: None }),
        (json!({ "event": "PARTNER_REMOVED" }), Change::Restricted { until: None }),
        (json!({ "event": "ACCOUNT_RECONNECTED" }), Change::Reinstated),
        (
            json!({ "event": "ACCOUNT_VIOLATION", "violation_info": { "violation_type": "SPAM" } }),
            Change::Notice,
        ),
    ] {
        assert_eq!(change("account_update", &value), (Sender::Account, expected), "{value}");
    }
}

#[test]
fn limits_are_read_as_words_and_as_numbers() {
    for (value, expected) in [
        (json!("TIER_250"), Some(Some(250))),
        (json!("TIER_2K"), Some(Some(2_000))),
        (json!("TIER_100K"), Some(Some(100_000))),
        (json!("TIER_UNLIMITED"), Some(None)),
        (json!("TIER_NOT_SET"), None),
        (json!(2_000), Some(Some(2_000))),
        (json!(-1), Some(None)),
        (json!("250"), Some(Some(250))),
        (json!(null), None),
        (json!("TIER_99999999999K"), None),
    ] {
        assert_eq!(limit(&value), expected, "{value}");
        let capability =
            json!({ "max_daily_conversations_per_business": value, "max_phone_numbers_per_business": 2 });
        let change = change("business_capability_update", &capability).1;
        assert_eq!(change, expected.map_or(Change::Notice, Change::Limit), "{value}");
    }
    let upgrade = json!({ "display_phone_number": "+1 555-078-3881", "event": "THROUGHPUT_UPGRADE", "current_limit": "TIER_UNLIMITED" });
    let number = Sender::Phone(Phone::parse("+15550783881").unwrap());
    assert_eq!(change("phone_number_quality_update", &upgrade), (number.clone(), Change::Limit(None)));
    let flagged =
        json!({ "display_phone_number": "15550783881", "event": "FLAGGED", "current_limit": "TIER_1K" });
    assert_eq!(change("phone_number_quality_update", &flagged), (number, Change::Quality(Quality::Red)));
}

#[test]
fn templates_preferences_and_everything_else_are_kept() {
    let paused = json!({ "event": "PAUSED", "message_template_id": 1, "message_template_name": "spring_offer",
                         "message_template_language": "pt_BR", "reason": "LOW_QUALITY" });
    let Report::News(news) = only("message_template_status_update", &paused) else { panic!("no news") };
    let expected = Change::Template {
        id: "1".into(),
        name: "spring_offer".into(),
        language: "pt_BR".into(),
        status: "PAUSED".into(),
    };
    assert_eq!((news.change, news.words.as_str()), (expected, "LOW_QUALITY"));
    assert_eq!(news.code, "message_template_status_update PAUSED");
    let rated = json!({ "previous_quality_score": "GREEN", "new_quality_score": "RED", "message_template_id": 1,
                        "message_template_name": "spring_offer", "message_template_language": "pt_BR" });
    let (name, language) = ("spring_offer".to_owned(), "pt_BR".to_owned());
    assert_eq!(
        change("message_template_quality_update", &rated).1,
        Change::TemplateQuality { id: "1".into(), name, language, quality: Quality::Red }
    );

    let choice = json!({ "wa_id": "5511987650001", "category": "marketing_messages", "value": "stop", "timestamp": 1_751_142_888 });
    let Report::Preference(preference) = only("user_preferences", &json!({ "user_preferences": [choice] }))
    else {
        panic!("no preference")
    };
    assert_eq!((preference.from.reveal(), preference.consent), ("+5511987650001", Consent::Stop));

    for field in
        ["account_alerts", "account_review_update", "security", "phone_number_name_update", "something_new"]
    {
        assert_eq!(
            change(field, &json!({ "alert_info": { "alert_severity": "CRITICAL" } })).1,
            Change::Notice,
            "{field}"
        );
    }
    let error = messages_with("errors", &json!([{ "code": 131_042, "title": "payment" }]));
    let Report::News(news) = only("messages", &error) else { panic!("no news") };
    assert_eq!((news.code.as_str(), news.words.as_str()), ("error 131042", "payment"));
}

#[test]
fn what_is_no_envelope_is_refused() {
    for body in ["", "null", "{}", "[]", "{\"entry\":{}}", "{\"entry\":[", "<html>", "\u{0}"] {
        assert!(read(body.as_bytes()).is_err(), "{body:?}");
    }
    assert_eq!(read(br#"{"object":"whatsapp_business_account","entry":[]}"#), Ok(Vec::new()));
}
