//! Every error code of `meta-cloud.md` section 4, synchronous (`error.code`) and asynchronous (`statuses[].errors[]`).
//!
//! Where the sheet gives no time, the wait is ours: five minutes for hourly call limits, an hour where a person or a
//! review has to act, the documented figure where there is one.

use crate::domain::outcome::{Class, Scope};
use crate::provider::codes::{
    DAY, HOUR, Meaning, Row, account_limited, deferred, limited, row, special, throttled, transient,
    unexplained,
};

use Class::{
    AccountFatal, ContentRejected, DestinationRefused, NumberAuth, NumberSuspended, OptedOut,
    RecipientBlocked, RecipientInvalid, Unknown,
};

/// The table, sorted by code.
pub const TABLE: &[Row] = &[
    row(0, 401, NumberAuth, "app user cannot be authenticated"),
    row(1, 400, unexplained(30), "unknown API error"),
    row(2, 503, transient(60), "service down or overloaded"),
    row(3, 500, NumberAuth, "capability or permission missing"),
    // Of the application, its user or its page: whoever uses the credential waits.
    row(4, 400, throttled(Scope::App, 300), "application call rate reached"),
    row(10, 403, NumberAuth, "permission not granted or removed"),
    row(17, 400, throttled(Scope::App, 60), "user call rate reached"),
    row(32, 400, throttled(Scope::App, 60), "page call rate reached"),
    row(33, 400, NumberSuspended, "business phone number deleted"),
    special(100, 400, Meaning::Words(invalid_parameter), "invalid parameter"),
    row(102, 401, NumberAuth, "session invalid"),
    row(104, 401, NumberAuth, "token missing"),
    row(190, 401, NumberAuth, "access token expired or invalid"),
    Row { first: 200, last: 299, status: 403, text: "permission missing", meaning: Meaning::Is(NumberAuth) },
    row(368, 403, AccountFatal, "restricted or disabled for policy violation"),
    row(613, 400, throttled(Scope::App, 60), "custom call rate reached"),
    row(803, 404, NumberSuspended, "object does not exist or is not accessible"),
    row(80_007, 400, throttled(Scope::Account, 300), "account rate limit hit"),
    row(80_008, 400, throttled(Scope::Account, 300), "management call limit hit"),
    row(130_403, 400, RecipientBlocked, "this business has blocked the user"),
    row(130_429, 400, throttled(Scope::Number, 5), "throughput of the number exceeded"),
    // "A retry soon gives the same": a week.
    row(130_472, 400, deferred(7 * DAY), "user is in an experiment"),
    // The sheet: block the pair (WABA, country), other WABAs may succeed.
    row(130_497, 403, DestinationRefused, "account may not message users in this country"),
    row(131_000, 500, transient(60), "something went wrong"),
    row(131_001, 400, ContentRejected, "message too long"),
    row(131_002, 400, ContentRejected, "invalid recipient type"),
    row(131_005, 403, NumberAuth, "access denied"),
    row(131_006, 404, ContentRejected, "resource not found"),
    row(131_008, 400, ContentRejected, "required parameter is missing"),
    special(131_009, 400, Meaning::Words(invalid_value), "parameter value is not valid"),
    row(131_016, 500, transient(60), "service temporarily unavailable"),
    row(131_021, 400, RecipientInvalid, "recipient cannot be sender"),
    row(131_026, 400, RecipientInvalid, "message undeliverable"),
    row(131_030, 400, NumberSuspended, "recipient is not in the test number's allow list"),
    row(131_031, 403, AccountFatal, "account has been locked"),
    row(131_037, 400, NumberSuspended, "number has no approved display name"),
    row(131_042, 400, AccountFatal, "payment problem"),
    row(131_043, 400, transient(60), "message expired"),
    row(131_045, 500, NumberSuspended, "number registration or certificate problem"),
    row(131_047, 400, ContentRejected, "free-form message outside the 24 hour window"),
    row(131_048, 400, limited(4 * HOUR), "spam rate limit hit"),
    row(131_049, 400, deferred(DAY), "not delivered to keep engagement healthy"),
    row(131_050, 400, OptedOut, "user stopped marketing messages"),
    row(131_051, 400, ContentRejected, "message type is not supported"),
    special(131_052, 400, Meaning::Aside, "inbound media cannot be downloaded"),
    row(131_053, 400, ContentRejected, "media upload failed"),
    row(131_055, 400, ContentRejected, "only marketing templates on this endpoint"),
    row(131_056, 400, throttled(Scope::Pair, 6), "pair rate limit hit"),
    row(131_057, 500, transient(60), "account in maintenance"),
    row(131_063, 400, ContentRejected, "marketing templates disabled for this account"),
    row(131_064, 400, account_limited(DAY), "account limited for template misclassification"),
    row(132_000, 400, ContentRejected, "parameter count differs from template"),
    row(132_001, 404, ContentRejected, "template does not exist in that language"),
    row(132_005, 400, ContentRejected, "text too long after filling variables"),
    row(132_007, 400, ContentRejected, "template content violates policy"),
    row(132_012, 400, ContentRejected, "parameter format mismatch"),
    row(132_015, 400, ContentRejected, "template is paused"),
    row(132_016, 400, ContentRejected, "template is disabled"),
    row(132_018, 400, ContentRejected, "template parameter validation failed"),
    row(132_068, 400, ContentRejected, "flow is blocked"),
    row(132_069, 400, ContentRejected, "flow is throttled"),
    row(133_000, 500, NumberSuspended, "earlier deregistration incomplete"),
    row(133_004, 503, transient(60), "registration server unavailable"),
    row(133_005, 400, NumberSuspended, "two-step PIN is wrong"),
    row(133_006, 400, NumberSuspended, "number must be verified first"),
    row(133_008, 400, limited(HOUR), "too many PIN guesses"),
    row(133_009, 400, limited(HOUR), "PIN guesses too fast"),
    row(133_010, 400, NumberSuspended, "number is not registered"),
    row(133_015, 400, limited(300), "number was just deleted"),
    row(133_016, 400, limited(72 * HOUR), "register and deregister limit reached"),
    row(134_011, 400, ContentRejected, "payments terms not accepted"),
    row(134_100, 400, ContentRejected, "template is not marketing"),
    row(134_101, 400, transient(600), "template is still syncing"),
    row(134_102, 500, ContentRejected, "template or account not eligible"),
    row(135_000, 400, Unknown, "generic user error"),
    row(2_494_100, 400, transient(60), "number in maintenance"),
];

/// Code 100 is also the answer for a phone-number-id that does not exist or is not visible to the token.
fn invalid_parameter(words: &str) -> Class {
    const NO_ACCESS: [&str; 4] =
        ["does not exist", "missing permission", "cannot be loaded", "unknown object"];
    let no_access = NO_ACCESS.iter().any(|sign| words.contains(sign));
    if no_access { NumberAuth } else { ContentRejected }
}

/// Code 131009 is also the answer for a malformed recipient.
fn invalid_value(words: &str) -> Class {
    const RECIPIENT: [&str; 3] = ["recipient", "phone number", "parameter 'to'"];
    let recipient = RECIPIENT.iter().any(|sign| words.contains(sign));
    if recipient { RecipientInvalid } else { ContentRejected }
}

#[cfg(test)]
mod tests;
