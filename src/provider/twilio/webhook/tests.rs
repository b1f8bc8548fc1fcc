//! Every example of `twilio.md` section 7, and what else may arrive.

use super::*;
use crate::domain::ids::AttemptId;

const ATTEMPT: &str = "0190b7c0-0000-7000-8000-000000000001";
const STATUS: &str = "AccountSid=AC1&MessageSid=SM1&SmsSid=SM1&MessageStatus=undelivered&SmsStatus=undelivered\
    &ErrorCode=63024&From=whatsapp%3A%2B14155238886&To=whatsapp%3A%2B5511987650001&ChannelPrefix=whatsapp\
    &ChannelInstallSid=XE1&ChannelStatusMessage=no+such+user&ApiVersion=2010-04-01";
const INBOUND: &str = "MessageSid=SM2&AccountSid=AC1&From=whatsapp%3A%2B5511987650001&To=whatsapp%3A%2B14155238886\
    &WaId=5511987650001&ProfileName=Ana&Body=STOP&NumMedia=0&NumSegments=1&SmsStatus=received";

fn reports(query: &str, body: &str) -> Vec<Report> {
    read(&Delivered { query, body: body.as_bytes() }).unwrap()
}

fn receipt(query: &str, body: &str) -> Receipt {
    match reports(query, body).remove(0) {
        Report::Receipt(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

fn inbound(body: &str) -> Inbound {
    match reports("", body).remove(0) {
        Report::Inbound(inbound) => inbound,
        other => panic!("{other:?}"),
    }
}

fn phone(text: &str) -> Phone {
    Phone::parse(text).unwrap()
}

#[test]
fn a_status_names_message_attempt_and_cause() {
    let receipt = receipt(&format!("ref={ATTEMPT}"), STATUS);
    assert_eq!(receipt.sender, Sender::Phone(phone("+14155238886")));
    assert_eq!(
        (receipt.message.as_deref(), receipt.attempt),
        (Some("SM1"), ATTEMPT.parse::<AttemptId>().ok())
    );
    assert_eq!(receipt.delivery, Delivery::Failed);
    let failure = receipt.failure.unwrap();
    assert_eq!((failure.class, failure.code.as_deref()), (Class::RecipientInvalid, Some("63024")));
    assert_eq!(failure.words, "no such user");
}

#[test]
fn every_status_has_its_place() {
    let with = |status: &str| format!("MessageSid=SM1&MessageStatus={status}&From=whatsapp%3A%2B14155238886");
    for (word, expected) in [
        ("accepted", Delivery::Queued),
        ("queued", Delivery::Queued),
        ("sending", Delivery::Queued),
        ("sent", Delivery::Sent),
        ("delivered", Delivery::Delivered),
        ("read", Delivery::Read),
        ("failed", Delivery::Failed),
        ("undelivered", Delivery::Failed),
        ("canceled", Delivery::Failed),
    ] {
        let receipt = receipt("", &with(word));
        assert_eq!(receipt.delivery, expected, "{word}");
        assert_eq!(receipt.failure.is_some(), expected == Delivery::Failed, "{word}");
    }
    assert_eq!(reports("", &with("something-new")), []);
    let warning = receipt("", &format!("{}&ErrorCode=63052", with("failed")));
    assert_eq!(warning.failure.map(|failure| failure.class), Some(Class::Unknown), "it failed all the same");
}

#[test]
fn what_people_write_is_read() {
    let stop = inbound(INBOUND);
    assert_eq!(stop.sender, Sender::Phone(phone("+14155238886")));
    assert_eq!((stop.from, stop.text.as_str()), (Some(phone("+5511987650001")), "STOP"));
    assert_eq!((stop.profile.as_deref(), stop.kind.as_str(), stop.handled), (Some("Ana"), "text", None));
    for (word, expected) in [("STOP", Consent::Stop), ("START", Consent::Start), ("HELP", Consent::Help)] {
        assert_eq!(inbound(&format!("{INBOUND}&OptOutType={word}")).handled, Some(expected));
    }
    let button = inbound(
        "MessageSid=SM3&From=whatsapp%3A%2B5511987650001&ButtonText=Stop&ButtonPayload=stop&Body=Stop\
        &OriginalRepliedMessageSid=SM1",
    );
    assert_eq!((button.kind.as_str(), button.answers.as_deref()), ("button", Some("SM1")));
    let media = inbound("MessageSid=SM4&From=whatsapp%3A%2B5511987650001&NumMedia=1&Body=");
    assert_eq!((media.kind.as_str(), media.text.as_str()), ("media", ""));
    let hidden = inbound("MessageSid=SM5&From=whatsapp%3Aana.silva&Body=hi%1B%5B2J");
    assert_eq!((hidden.from, hidden.from_id.as_deref()), (None, Some("whatsapp:ana.silva")));
    assert!(!hidden.text.contains('\u{1b}'));
}

#[test]
fn what_is_about_no_message_is_refused() {
    for body in [
        "",
        "{}",
        "a=b",
        "MessageStatus=sent",
        "MessageSid=&MessageStatus=sent",
        "MessageSid=a%20b",
        "%ff%fe",
    ] {
        assert!(read(&Delivered { query: "", body: body.as_bytes() }).is_err(), "{body:?}");
    }
}
