//! Every webhook that a sheet shows, read from its exact text.

use crate::examples::{META_STATUS, TWILIO_INBOUND, TWILIO_STATUS, ULTRAMSG_RECEIVED, meta_inbound};
use signalbox::{
    domain::{delivery::Delivery, number::ProviderKind, outcome::Class, phone::Phone},
    provider::{
        dialect,
        report::{Delivered, Inbound, Receipt, Report, Sender},
    },
};
use std::time::Duration;

fn only(provider: ProviderKind, query: &str, body: &str) -> Report {
    let mut reports = dialect(provider).read_report(&Delivered { query, body: body.as_bytes() }).unwrap();
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.remove(0)
}

fn receipt(provider: ProviderKind, query: &str, body: &str) -> Receipt {
    match only(provider, query, body) {
        Report::Receipt(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

/// All three show the same person writing the same word.
fn stop(provider: ProviderKind, body: &str) -> Inbound {
    let Report::Inbound(inbound) = only(provider, "", body) else { panic!("{body}") };
    assert_eq!(inbound.from, Some(phone("+5511987650001")), "{provider}");
    assert_eq!((inbound.text.as_str(), inbound.kind.as_str()), ("STOP", "text"), "{provider}");
    assert_eq!(inbound.profile.as_deref(), Some("Ana"), "{provider}");
    assert_eq!((&inbound.answers, inbound.handled), (&None, None), "{provider}");
    inbound
}

fn phone(text: &str) -> Phone {
    Phone::parse(text).unwrap()
}

#[test]
fn metas_status() {
    let receipt = receipt(ProviderKind::Meta, "", META_STATUS);
    assert_eq!(receipt.sender, Sender::Id("106540352242922".to_owned()));
    assert_eq!(receipt.message.as_deref(), Some("wamid.HBgL..."));
    assert_eq!(receipt.attempt, None, "the sheet's reference is none of ours");
    assert_eq!(receipt.delivery, Delivery::Failed);
    assert_eq!(receipt.at.map(|at| at.timestamp()), Some(1_751_142_888));
    let failure = receipt.failure.unwrap();
    assert_eq!(failure.class, Class::RecipientDeferred(Duration::from_hours(24)));
    assert_eq!((failure.code.as_deref(), failure.words.as_str()), (Some("131049"), "..."));
}

#[test]
fn metas_inbound_message() {
    let stop = stop(ProviderKind::Meta, &meta_inbound());
    assert_eq!(stop.sender, Sender::Id("106540352242922".to_owned()));
    assert_eq!((stop.message.as_str(), stop.from_id.as_deref()), ("wamid.ABC", Some("5511987650001")));
    assert_eq!(stop.at.map(|at| at.timestamp()), Some(1_749_416_383));
}

#[test]
fn ultramsgs_inbound_message() {
    let as_form =
        form_urlencoded::Serializer::new(String::new()).append_pair("data", ULTRAMSG_RECEIVED).finish();
    for body in [ULTRAMSG_RECEIVED, &as_form] {
        let stop = stop(ProviderKind::Ultramsg, body);
        assert_eq!(stop.sender, Sender::Id("instance1150".to_owned()));
        assert_eq!(stop.message, "false_5511987650001@c.us_3EB02E5E");
        assert_eq!(stop.from_id.as_deref(), Some("5511987650001@c.us"));
        assert_eq!(stop.at.map(|at| at.timestamp()), Some(1_650_002_663));
    }
}

#[test]
fn twilios_status_callback() {
    let reference = "0190b7c0-0000-7000-8000-000000000001";
    let receipt = receipt(ProviderKind::Twilio, &format!("ref={reference}"), TWILIO_STATUS);
    assert_eq!(receipt.sender, Sender::Phone(phone("+14155238886")));
    assert_eq!((receipt.message.as_deref(), receipt.delivery), (Some("SM.."), Delivery::Failed));
    assert_eq!(receipt.attempt.map(|attempt| attempt.to_string()).as_deref(), Some(reference));
    let failure = receipt.failure.unwrap();
    assert_eq!((failure.class, failure.code.as_deref()), (Class::RecipientInvalid, Some("63024")));
    assert_eq!(failure.words, "...");
}

#[test]
fn twilios_inbound_message() {
    let stop = stop(ProviderKind::Twilio, TWILIO_INBOUND);
    assert_eq!(stop.sender, Sender::Phone(phone("+14155238886")));
    assert_eq!((stop.message.as_str(), stop.at), ("SM..", None));
}
