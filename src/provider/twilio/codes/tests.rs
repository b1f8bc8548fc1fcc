//! Every code of `twilio.md` section 4 in the order of the sheet, copied by reading: what an answer with it makes certain,
//! whose fault it is, what may be done next, and how far it reaches.

use super::*;
use crate::{
    domain::outcome::{
        Blame as B,
        Certainty::{InDoubt, Refused},
        Retry::{AnotherNumber, Never, WhenNumberRecovers},
        Scope as S,
    },
    provider::{
        codes::sheet::{Expected, after, aside, compare, is},
        twilio::Twilio,
    },
};
use serde_json::{Value, json};

const SHEET: &[Expected] = &[
    is(&[10001, 20005], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    is(&[20003], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[20006, 20008, 20010], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[20101, 20104, 20151], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[20403], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    is(&[20404], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[20409], "", Refused, transient(30), B::Provider, after(30), S::Number),
    is(&[20410], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[20422], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[20429], "", Refused, throttled(Scope::Account, 2), B::Account, WhenNumberRecovers, S::Account),
    // "a repeated POST may duplicate the message": refused, and perhaps taken.
    is(&[20500], "", InDoubt, transient(60), B::Provider, after(60), S::Number),
    is(&[20503], "", InDoubt, transient(60), B::Provider, after(60), S::Number),
    // "`ContentRejected` if media; else our webhook is broken"
    is(
        &[11200, 11205, 11210, 11215, 11220, 11237, 12300],
        "media",
        Refused,
        ContentRejected,
        B::Content,
        Never,
        S::Content,
    ),
    aside(&[11200, 11205, 11210, 11215, 11220, 11237, 12300]),
    is(&[11751, 63034], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[14107], "", Refused, throttled(Scope::Pair, 30), B::Recipient, after(30), S::Pair),
    is(&[21211], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[21212], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[21401], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    // "`AccountFatal` for that country"
    is(&[21408], "", Refused, DestinationRefused, B::Number, AnotherNumber, S::Pair),
    is(&[21601, 21606, 21607, 21657], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(
        &[21602, 21619, 21654, 21655, 21656, 21658, 21620, 21623],
        "",
        Refused,
        ContentRejected,
        B::Content,
        Never,
        S::Content,
    ),
    is(&[21603, 21604, 21609, 21624], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[21608], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    is(&[21610], "", Refused, OptedOut, B::Recipient, Never, S::Recipient),
    is(&[21611], "", Refused, throttled(Scope::Number, 300), B::Number, WhenNumberRecovers, S::Number),
    // "`NumberSuspended` for that destination"
    is(&[21612], "", Refused, DestinationRefused, B::Number, AnotherNumber, S::Pair),
    is(&[21613], "", Refused, Unknown, B::Provider, Never, S::Number),
    is(&[21614], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[21617], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[21635], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(
        &[21701, 21702, 21703, 21704, 21705],
        "",
        Refused,
        NumberSuspended,
        B::Number,
        AnotherNumber,
        S::Number,
    ),
    is(&[21910], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[30001], "", Refused, throttled(Scope::Number, 60), B::Number, WhenNumberRecovers, S::Number),
    is(&[30002], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    is(&[30003], "", Refused, deferred(DAY), B::Recipient, after(DAY), S::Recipient),
    is(&[30005, 30006], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[30004], "", Refused, RecipientBlocked, B::Recipient, Never, S::Recipient),
    is(&[30007], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[30008], "", Refused, unexplained(300), B::Provider, after(300), S::Number),
    is(&[30036], "", Refused, transient(60), B::Provider, after(60), S::Number),
    // "may have been delivered, do not resend automatically"
    is(&[30410], "", Refused, Unknown, B::Provider, Never, S::Number),
    // "all numbers of the account, 1 h"
    is(&[60728], "", Refused, account_limited(HOUR), B::Account, AnotherNumber, S::Account),
    is(&[63001], "", Refused, NumberAuth, B::Account, AnotherNumber, S::Account),
    is(&[63002], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[63003], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[63005], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63006], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63007], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[63008], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[63009, 63010, 63012, 63023], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[63011], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[63013], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63014], "", Refused, RecipientBlocked, B::Recipient, Never, S::Recipient),
    is(&[63015], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[63016], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63017], "", Refused, throttled(Scope::Account, 2), B::Account, WhenNumberRecovers, S::Account),
    // "`NumberLimited` 24 h if the day quota is plausible, else `Throttled`"
    is(&[63018], "24h messaging limit", Refused, limited(DAY), B::Number, AnotherNumber, S::Number),
    is(&[63018], "", Refused, throttled(Scope::Number, 60), B::Number, WhenNumberRecovers, S::Number),
    is(&[63019], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63020], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    is(&[63021], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63022], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[63024], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[63025], "", Refused, transient(60), B::Provider, after(60), S::Number),
    is(&[63026], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63027, 63028, 63030], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63029], "", Refused, transient(300), B::Provider, after(300), S::Number),
    is(&[63031], "", Refused, RecipientInvalid, B::Recipient, Never, S::Recipient),
    is(&[63032], "", Refused, deferred(7 * DAY), B::Recipient, after(7 * DAY), S::Recipient),
    is(&[63033], "", Refused, OptedOut, B::Recipient, Never, S::Recipient),
    is(&[63035, 63036], "", Refused, Unknown, B::Provider, Never, S::Number),
    // "ignore"
    aside(&[63037]),
    // "for every number of the account, 24 h"
    is(&[63038], "", Refused, account_limited(DAY), B::Account, AnotherNumber, S::Account),
    is(&[63039], "", Refused, Unknown, B::Provider, Never, S::Number),
    is(&[63040, 63041, 63042], "", Refused, ContentRejected, B::Content, Never, S::Content),
    is(&[63043, 63044, 63045, 63047], "", Refused, ContentRejected, B::Content, Never, S::Content),
    // "ignore"
    aside(&[63046, 63052]),
    is(&[63049], "", Refused, deferred(DAY), B::Recipient, after(DAY), S::Recipient),
    is(&[63051], "", Refused, NumberSuspended, B::Number, AnotherNumber, S::Number),
    is(&[63062], "", Refused, AccountFatal, B::Account, AnotherNumber, S::Account),
    // "anything else"
    is(&[99999], "", Refused, Unknown, B::Provider, Never, S::Number),
];

fn envelope(code: u32, message: &str) -> Value {
    json!({"code": code, "message": message, "more_info": "https://www.twilio.com/docs/errors", "status": 400})
}

#[test]
fn every_code_of_the_sheet_means_the_same_now_and_later() {
    compare(&Twilio, TABLE, SHEET, envelope);
}
