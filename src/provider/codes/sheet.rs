//! What a row of a provider sheet's section 4 says, and whether a dialect reads it so: in an answer to a send, and in a later
//! report. The rows stand in `meta/codes/tests.rs` and `twilio/codes/tests.rs`, in the order of the sheets.

use super::{Row, find, is_sorted};
use crate::{
    domain::outcome::{Blame, Certainty, Class, Retry, Scope},
    provider::{Answer, Provider},
};
use std::time::Duration;

/// Codes of a row, the provider's words where they decide, and what follows for the message.
pub struct Expected {
    codes: &'static [u32],
    words: &'static str,
    /// In an answer. In a report the message has failed, whatever the answer would have left open.
    certainty: Certainty,
    /// `None`: a warning, which says nothing about a message.
    class: Option<Class>,
    blame: Blame,
    retry: Retry,
    scope: Scope,
}

/// A row with all its answers.
pub const fn is(
    codes: &'static [u32],
    words: &'static str,
    certainty: Certainty,
    class: Class,
    blame: Blame,
    retry: Retry,
    scope: Scope,
) -> Expected {
    Expected { codes, words, certainty, class: Some(class), blame, retry, scope }
}

/// A row to ignore: a report with it says nothing, and an answer with it is a refusal that nobody understands.
pub const fn aside(codes: &'static [u32]) -> Expected {
    Expected {
        codes,
        words: "",
        certainty: Certainty::Refused,
        class: None,
        blame: Blame::Provider,
        retry: Retry::Never,
        scope: Scope::Number,
    }
}

/// Not before so many seconds.
pub const fn after(seconds: u64) -> Retry {
    Retry::After(Duration::from_secs(seconds))
}

/// Every row as an answer and as a report; and the table holds no code that the sheet does not.
///
/// `envelope` is the provider's error, from code and words.
///
/// # Panics
/// Where they differ, and says in which row.
pub fn compare(
    provider: &dyn Provider,
    table: &'static [Row],
    sheet: &[Expected],
    envelope: fn(u32, &str) -> serde_json::Value,
) {
    assert!(is_sorted(table));
    for row in sheet {
        for code in row.codes {
            let named = format!("{code} {:?}", row.words);
            let status =
                find(table, *code).map_or(400, |known| if known.status == 0 { 400 } else { known.status });
            let body = envelope(*code, row.words).to_string().into_bytes();
            let outcome = provider.read_send(&Answer { status, retry_after: None, body, truncated: false });
            assert_eq!(outcome.certainty(), row.certainty, "{named} in an answer");
            let failure = outcome.failure().unwrap();
            assert_eq!(failure.code, Some(code.to_string()), "{named} in an answer");
            follows(failure.class, row, &named);
            let later = provider.classify_code(&code.to_string(), row.words);
            assert_eq!(later, row.class, "{named} in a report");
            if let Some(class) = later {
                follows(class, row, &named);
            }
        }
    }
    for row in table {
        let listed =
            |expected: &Expected| expected.codes.iter().any(|code| (row.first..=row.last).contains(code));
        assert!(sheet.iter().any(listed), "{} stands in the table and not in the sheet", row.first);
    }
}

fn follows(class: Class, row: &Expected, named: &str) {
    assert_eq!(class, row.class.unwrap_or(Class::Unknown), "{named}");
    let answers = (class.blame(), class.retry(), class.scope());
    assert_eq!(answers, (row.blame, row.retry, row.scope), "{named}");
}
