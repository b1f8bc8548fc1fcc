//! Every code of `meta-cloud.md` section 4 in the order of the sheet, copied by reading: what an answer with it makes certain,
//! whose fault it is, what may be done next, and how far it reaches.

use super::*;
use crate::{
    domain::outcome::{
        Blame as B,
        Certainty::Refused,
        Retry::{AnotherNumber, Never, WhenNumberRecovers},
        Scope as S,
    },
    provider::{
        codes::sheet::{Expected, after, aside, compare, is},
        meta::Meta,
    },
};
use serde_json::{Value, json};

const SHEET: &[Expected] = &[
    is(&[0], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[1], "", Refused, unexplained(30), B::Provider, after(30), S::Number),
    is(&[2], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[3], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    // "applies to all numbers using the app"
    is(&[4], "", Refused, throttled(Scope::App, 300), B::Account, WhenNumberRecovers, S::App),
    is(&[10], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[17, 32, 613], "", Refused, throttled(Scope::App, 60), B::Account, WhenNumberRecovers, S::App),
    is(&[33], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    // "unknown object or missing permission = `NumberAuth`, else `ContentRejected`"
    is(&[100], "object does not exist", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[100], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[102, 104], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[190], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[200, 249, 299], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[368], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    // "all numbers of the WABA"
    is(&[80007], "", Refused, throttled(Scope::Account, 300), B::Account, WhenNumberRecovers, S::Account),
    is(&[80008], "", Refused, throttled(Scope::Account, 300), B::Account, WhenNumberRecovers, S::Account),
    is(&[803], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[130_403], "", Refused, RecipientBlocked, B::Recipient, Never, S::Recipient),
    is(&[130_429], "", Refused, throttled(Scope::Number, 5), B::Number, WhenNumberRecovers, S::Number),
    is(&[130_472], "", Refused, deferred(7 * DAY), B::Recipient, after(7 * DAY), S::Recipient),
    // "block the pair (WABA, country); other WABAs may succeed"
    is(&[130_497], "", Refused, DestinationRefused, B::Number, AnotherNumber, S::Pair),
    is(&[131_000], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[131_001], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[131_002], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[131_005], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[131_006], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[131_008], "", Refused, ContentRejected, B::Content, Never, S::Content),
    // "`RecipientInvalid` if details name the recipient"
    is(&[131_009], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[131_009], "recipient phone number", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[131_016], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[131_021], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[131_026], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[131_030], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[131_031], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    is(&[131_037], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[131_042], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    is(&[131_043], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[131_045], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[131_047], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[131_048], "", Refused, limited(4 * HOUR), B::Number, AnotherNumber, S::Number),
    is(&[131_049], "", Refused, deferred(DAY), B::Recipient, after(DAY), S::Recipient),
    is(&[131_050], "", Refused, OptedOut, B::Recipient, Never, S::Recipient),
    is(&[131_051], "", Refused, ContentRejected, B::Content, Never, S::Content),
    // "ignore for sending"
    aside(&[131_052]),
    is(&[131_053], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[131_055], "", Refused, ContentRejected, B::Content, Never, S::Content),
    // "for the pair only"
    is(&[131_056], "", Refused, throttled(Scope::Pair, 6), B::Recipient, after(6), S::Pair),
    is(&[131_057], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[131_063], "", Refused, ContentRejected, B::Content, Never, S::Content),
    // "`NumberLimited` for every number of the WABA"
    is(&[131_064], "", Refused, account_limited(DAY), B::Account, AnotherNumber, S::Account),
    is(&[132_000], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[132_001], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[132_005], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[132_007], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[132_012], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[132_015], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[132_016], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[132_018], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[132_068, 132_069], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[133_000], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[133_004], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[133_005], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[133_006], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[133_008, 133_009], "", Refused, limited(HOUR), B::Number, AnotherNumber, S::Number),
    is(&[133_010], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[133_015], "", Refused, limited(300), B::Number, AnotherNumber, S::Number),
    is(&[133_016], "", Refused, limited(72 * HOUR), B::Number, AnotherNumber, S::Number),
    is(&[134_011], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[134_100], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[134_101], "", Refused, transient(600), B::Provider, after(600), S::Number),
    is(&[134_102], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[135_000], "", Refused, Unknown, B::Provider, Never, S::Number),
    is(&[2_494_100], "", Refused, transient(60), B::Provider, after(60), S::Number),
    // "anything else"
    is(&[999_999], "", Refused, Unknown, B::Provider, Never, S::Number),
];

fn envelope(code: u32, details: &str) -> Value {
    json!({"error": {"message": "title", "type": "OAuthException", "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details}, "fbtrace_id": "Az8or2yhqkZfEZ"}})
}

#[test]
fn every_code_of_the_sheet_means_the_same_now_and_later() {
    compare(&Meta, TABLE, SHEET, envelope);
}
