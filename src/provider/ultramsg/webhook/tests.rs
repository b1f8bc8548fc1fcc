//! Every example of `ultramsg.md` section 7, and what else may arrive.

use super::*;
use crate::domain::ids::AttemptId;
use serde_json::json;

const ATTEMPT: &str = "0190b7c0-0000-7000-8000-000000000001";

fn reports(event: &Value) -> Vec<Report> {
    read(event.to_string().as_bytes()).unwrap()
}

fn received(data: &Value) -> Value {
    json!({ "event_type": "message_received", "instanceId": "1150", "id": "", "referenceId": "", "data": data })
}

fn chat() -> Value {
    json!({
        "id": "false_5511987650001@c.us_3EB02E5E", "from": "5511987650001@c.us", "to": "15550001111@c.us", "author": "",
        "pushname": "Ana", "ack": "", "type": "chat", "body": "STOP", "media": "", "fromMe": false, "isForwarded": false,
        "isMentioned": false, "quotedMsg": {}, "mentionedIds": [], "time": 1_650_002_663,
    })
}

fn ack(ack: &str) -> Value {
    json!({ "event_type": "message_ack", "instanceId": "1150", "id": "44897", "referenceId": ATTEMPT, "data": { "ack": ack } })
}

fn receipt(event: &Value) -> Receipt {
    match reports(event).remove(0) {
        Report::Receipt(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

fn inbound(event: &Value) -> Inbound {
    match reports(event).remove(0) {
        Report::Inbound(inbound) => inbound,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_people_write_is_read_as_json_and_as_a_form() {
    let event = received(&chat());
    let stop = inbound(&event);
    assert_eq!(stop.sender, Sender::Id("instance1150".into()), "with the prefix that the configuration has");
    assert_eq!(stop.from.as_ref().map(Phone::reveal), Some("+5511987650001"));
    assert_eq!((stop.kind.as_str(), stop.text.as_str()), ("text", "STOP"));
    assert_eq!(stop.at.map(|at| at.timestamp()), Some(1_650_002_663));
    let form =
        form_urlencoded::Serializer::new(String::new()).append_pair("data", &event.to_string()).finish();
    assert_eq!(read(form.as_bytes()), Ok(vec![Report::Inbound(stop)]));
}

#[test]
fn own_messages_and_groups_are_passed_over_and_a_hidden_number_is_none() {
    let with = |name: &str, value: Value| {
        let mut data = chat();
        data[name] = value;
        received(&data)
    };
    assert_eq!(reports(&with("fromMe", json!(true))), []);
    assert_eq!(reports(&with("from", json!("1203630@g.us"))), []);
    let hidden = inbound(&with("from", json!("98765@lid")));
    assert_eq!((hidden.from, hidden.from_id.as_deref()), (None, Some("98765@lid")));
}

#[test]
fn every_ack_has_its_place() {
    for (word, expected) in [
        ("pending", Delivery::Queued),
        ("server", Delivery::Sent),
        ("device", Delivery::Delivered),
        ("read", Delivery::Read),
        ("played", Delivery::Read),
    ] {
        let receipt = receipt(&ack(word));
        assert_eq!((receipt.delivery, receipt.message.as_deref()), (expected, Some("44897")), "{word}");
        assert_eq!(receipt.attempt, ATTEMPT.parse::<AttemptId>().ok());
    }
    assert_eq!(reports(&ack("something-new")), []);
    let inside = json!({ "event_type": "message_ack", "instanceId": 1150, "id": 44897,
                         "data": { "ack": "device", "referenceId": ATTEMPT } });
    let inside = receipt(&inside);
    assert_eq!(
        (inside.sender, inside.message.as_deref()),
        (Sender::Id("instance1150".into()), Some("44897"))
    );
    assert!(inside.attempt.is_some());
}

#[test]
fn a_message_that_was_made_is_waiting_and_one_typed_on_the_phone_is_not_ours() {
    let made = json!({ "event_type": "message_create", "instanceId": "1150", "id": "44897", "referenceId": ATTEMPT,
                       "data": { "fromMe": true } });
    assert_eq!(receipt(&made).delivery, Delivery::Queued);
    let typed = json!({ "event_type": "message_create", "instanceId": "1150", "id": "", "referenceId": "", "data": {} });
    assert_eq!(reports(&typed), []);
}

#[test]
fn what_is_no_event_is_refused() {
    for body in ["", "null", "{}", "[]", "data=", "data=%7B", "<html>", "a=b"] {
        assert!(read(body.as_bytes()).is_err(), "{body:?}");
    }
    assert_eq!(reports(&json!({ "event_type": "message_reaction", "instanceId": "1150", "data": {} })), []);
}
