//! Every row of both tables of `ultramsg.md` section 4 in the order of the sheet, copied by reading: what an answer or a state
//! makes certain, whose fault it is, what may be done next, and how far it reaches.

use super::*;
use crate::{
    domain::outcome::{
        Blame as B,
        Certainty::{self, InDoubt, Refused},
        Retry::{self, AnotherNumber, Never, WhenNumberRecovers},
        Scope as S,
    },
    provider::{Answer, Provider as _, codes::sheet::after, ultramsg::Ultramsg},
};
use Class::Transient;
use std::time::Duration;

/// Status, body, and what follows.
type Row = (u16, &'static str, Certainty, Class, B, Retry, S);

/// A doubt before which nothing else is tried for a moment.
const GATEWAY: Class = Transient(Duration::from_secs(5));

#[rustfmt::skip]
const ANSWERS: &[Row] = &[
    // contains `wrong token`, `invalid token`, `unauthorized`
    (200, r#"{"error":"Wrong token. Please provide token as a GET parameter."}"#, Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    (401, r#"{"error":"Invalid token"}"#, Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    (200, r#"{"error":"Unauthorized"}"#, Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    // `Instance not found`, or HTTP 404
    (200, r#"{"error":"Instance not found"}"#, Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    (404, "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    (404, "<html>Not Found</html>", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    (404, r#"{"error":"Not Found"}"#, Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    // contains `Stopped due to non-payment`: "billing is per instance, so not the whole account"
    (200, r#"{"error":"Stopped due to non-payment, pay and wait"}"#, Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    // `sent` = `false` with `not connected`: the message may lie in the queue of the logged-out instance (section 3)
    (200, r#"{"sent":"false","message":"WhatsApp not connected"}"#, InDoubt, NumberSuspended, B::Number, AnotherNumber, S::Number),
    // … or `WhatsApp not connected`
    (200, r#"{"error":"WhatsApp not connected"}"#, Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    // `sent` = `queued`: "accepted-unknown; reconcile by referenceId"
    (200, r#"{"sent":"queued"}"#, InDoubt, NumberSuspended, B::Number, AnotherNumber, S::Number),
    // field error on `to` / `invalid number`
    (200, r#"{"error":[{"to":"..."}]}"#, Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    (200, r#"{"error":{"to":"is not valid"}}"#, Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    (200, r#"{"error":"invalid number"}"#, Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    (200, r#"{"sent":"false","message":"invalid number"}"#, Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    // field error on `body`, `caption`, `filename`
    (200, r#"{"error":[{"body":"..."}]}"#, Refused, ContentRejected, B::Content, Never, S::Content),
    (200, r#"{"error":[{"caption":"is too long"}]}"#, Refused, ContentRejected, B::Content, Never, S::Content),
    (200, r#"{"error":[{"filename":"is required"}]}"#, Refused, ContentRejected, B::Content, Never, S::Content),
    // `file extension not supported`, `file too large`, `media not found`
    (200, r#"{"error":"file extension not supported"}"#, Refused, ContentRejected, B::Content, Never, S::Content),
    (200, r#"{"error":"File too large"}"#, Refused, ContentRejected, B::Content, Never, S::Content),
    (200, r#"{"error":["media not found"]}"#, Refused, ContentRejected, B::Content, Never, S::Content),
    // A sign of the trial must not be found inside other words: every number would rest for a day because of one file.
    (200, r#"{"error":"file extension not supported: industrial.xyz"}"#, Refused, ContentRejected, B::Content, Never, S::Content),
    (200, r#"{"error":"cannot read https://cdn.example/trial-offer.jpg"}"#, Refused, Unknown, B::Provider, Never, S::Number),
    // trial daily quota: "`NumberLimited` until next day"
    (200, r#"{"error":"Trial: daily limit reached"}"#, Refused, limited(DAY), B::Number, AnotherNumber, S::Number),
    (200, r#"{"error":"Your trial quota is used up"}"#, Refused, limited(DAY), B::Number, AnotherNumber, S::Number),
    // HTTP 429
    (429, "", Refused, BUSY, B::Number, WhenNumberRecovers, S::Number),
    // HTTP 5xx, non-JSON body, empty body: "message may be queued"
    (500, "", InDoubt, GATEWAY, B::Provider, after(5), S::Number),
    (500, r#"{"error":"Wrong token"}"#, InDoubt, GATEWAY, B::Provider, after(5), S::Number),
    (502, "<html>", InDoubt, GATEWAY, B::Provider, after(5), S::Number),
    (200, "<html>", InDoubt, GATEWAY, B::Provider, after(5), S::Number),
    (200, "", InDoubt, GATEWAY, B::Provider, after(5), S::Number),
    (400, "no", InDoubt, GATEWAY, B::Provider, after(5), S::Number),
    // A redirect is not the gateway's word, whatever it says.
    (302, r#"{"error":"Wrong token"}"#, InDoubt, GATEWAY, B::Provider, after(5), S::Number),
    // anything else
    (200, r#"{"error":"something new"}"#, Refused, Unknown, B::Provider, Never, S::Number),
    (200, r#"{"sent":"false","message":"reason"}"#, InDoubt, Unknown, B::Provider, Never, S::Number),
];

#[test]
fn every_answer_of_the_sheet_means_what_it_says() {
    for (status, body, certainty, class, blame, retry, scope) in ANSWERS {
        let answer =
            Answer { status: *status, retry_after: None, body: body.as_bytes().to_vec(), truncated: false };
        let outcome = Ultramsg.read_send(&answer);
        let found = outcome.failure().unwrap().class;
        assert_eq!((outcome.certainty(), found), (*certainty, *class), "{status} {body}");
        let answers = (found.blame(), found.retry(), found.scope());
        assert_eq!(answers, (*blame, *retry, *scope), "{status} {body}");
    }
}

#[test]
fn every_state_of_the_listing_means_what_the_sheet_says() {
    for (state, expected) in [
        ("queue", None),
        ("sent", None),
        ("unsent", Some((ContentRejected, B::Content, Never, S::Content))),
        ("invalid", Some((RecipientInvalid, B::Recipient, Never, S::Recipient))),
        // "it was never sent, another number may send"
        ("expired", Some((transient(0), B::Provider, after(0), S::Number))),
        ("something new", Some((Unknown, B::Provider, Never, S::Number))),
    ] {
        let class = Ultramsg.classify_code(state, "");
        let answers = class.map(|class| (class, class.blame(), class.retry(), class.scope()));
        assert_eq!(answers, expected, "{state}");
    }
    let name = |code, detail| Ultramsg.classify_code(code, detail).map(Class::name);
    assert_eq!(
        name("non_payment", ""),
        Some("number_suspended"),
        "our own names for its texts are understood"
    );
    assert_eq!(name("error", "Wrong token"), Some("number_auth"), "and its texts under any name");
}
