//! What the dialects share when they read answers: rule E of `reference/reliability.md` for complete answers.
//!
//! The rule, in one sentence: only an id that we can read is an acceptance, only a refusal that we can read is a
//! refusal, and everything else is a doubt.

use super::{
    Answer,
    codes::{self, Meaning, Row},
};
use crate::domain::{
    outcome::{Class, Failure, Outcome, Scope, WORDS_LIMIT},
    text::Safe,
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Least wait that a provider can ask for: below it, a `Retry-After: 0` would become a busy loop.
pub const RETRY_AFTER_LEAST: Duration = Duration::from_secs(1);
/// Longest wait that a provider can ask for: a year in a header must not stop a number for a year.
pub const RETRY_AFTER_MOST: Duration = Duration::from_hours(1);

/// Wait after a refusal for speed that names no time.
const THROTTLED_WAIT: Duration = Duration::from_mins(1);
/// Wait after a doubt or an unreachable provider, before the next message is tried at all.
const FAULT_WAIT: Duration = Duration::from_secs(5);
/// How much of an unreadable body is kept as words, in bytes.
const SNIPPET: usize = 2_048;
/// Longest id of a provider that we keep. Meta's are the longest, about 128 characters.
const ID_LIMIT: usize = 256;
/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Text from outside, safe for terminal and log, within [`WORDS_LIMIT`].
pub fn words(raw: &str) -> String {
    let mut text = Safe::cut(raw, WORDS_LIMIT).into_string();
    if let Some((end, _)) = text.char_indices().nth(WORDS_LIMIT) {
        text.truncate(end);
    }
    text
}

/// The id of a message, if it is one that can be stored, shown and asked for.
pub fn readable_id(raw: &str) -> Option<String> {
    let fits = !raw.is_empty() && raw.len() <= ID_LIMIT && raw.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| raw.to_owned())
}

/// A time of a provider's, in seconds since 1970. Before that and beyond the year 9999 it is none: what no calendar shows, a
/// database may refuse, and everything beside it in the same statement.
pub fn time(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0).filter(|_| (0..=LAST_SECOND).contains(&seconds))
}

/// A failure in the provider's words.
pub fn failure(class: Class, code: impl Into<String>, said: &str) -> Failure {
    Failure { class, code: Some(words(&code.into())), words: words(said) }
}

/// The provider said no.
pub fn refused(class: Class, code: impl Into<String>, said: &str, answer: &Answer) -> Outcome {
    Outcome::Rejected(failure(with_wait(class, answer.retry_after), code, said))
}

/// Nobody knows.
pub fn doubt(code: impl Into<String>, said: &str) -> Outcome {
    Outcome::InDoubt(failure(Class::Transient(FAULT_WAIT), code, said))
}

/// Proof that nothing was taken, because the provider was not reached.
pub fn not_sent(code: impl Into<String>, said: &str) -> Outcome {
    Outcome::NotSent(failure(Class::Transient(FAULT_WAIT), code, said))
}

/// A non-2xx answer with the provider's own envelope and code.
pub fn by_code(table: &'static [Row], code: u32, said: &str, answer: &Answer) -> Outcome {
    let refusal = |class| refused(class, code.to_string(), said, answer);
    match codes::find(table, code).map(|row| row.meaning) {
        Some(Meaning::Is(class)) => refusal(class),
        Some(Meaning::Words(read)) => refusal(read(&said.to_lowercase())),
        Some(Meaning::Sign(sign, class)) if said.to_lowercase().contains(sign) => refusal(class),
        Some(Meaning::Doubtful(class)) => {
            Outcome::InDoubt(failure(with_wait(class, answer.retry_after), code.to_string(), said))
        }
        // A code nobody documented is a refusal only where the status says that the request was at fault.
        Some(Meaning::Aside | Meaning::Sign(..)) | None if answer.status < 500 => refusal(Class::Unknown),
        Some(Meaning::Aside | Meaning::Sign(..)) | None => doubt(code.to_string(), said),
    }
}

/// An answer that is not in the provider's own form. `busy` says who waits after a 429, which HTTP itself defines as
/// not processed; nothing else is a refusal without words that we understand.
pub fn unreadable(answer: &Answer, busy: Scope) -> Outcome {
    let said = snippet(answer);
    match answer.status {
        429 => refused(Class::Throttled(busy, THROTTLED_WAIT), "http_429", &said, answer),
        status @ 300..=399 => doubt(format!("http_{status}"), "redirected elsewhere; not followed"),
        200..=299 => doubt("unreadable", &said),
        status => doubt(format!("http_{status}"), &said),
    }
}

/// The beginning of the body as text.
pub fn snippet(answer: &Answer) -> String {
    let end = answer.body.len().min(SNIPPET);
    let text = String::from_utf8_lossy(&answer.body[..end]);
    let text = text.trim();
    if text.is_empty() { "empty answer".to_owned() } else { words(text) }
}

/// The provider's own wait, where it named one, instead of ours.
fn with_wait(class: Class, retry_after: Option<Duration>) -> Class {
    let Some(wait) = retry_after.map(|wait| wait.clamp(RETRY_AFTER_LEAST, RETRY_AFTER_MOST)) else {
        return class;
    };
    match class {
        Class::Throttled(scope, _) => Class::Throttled(scope, wait),
        Class::Transient(_) => Class::Transient(wait),
        Class::Unexplained(_) => Class::Unexplained(wait),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_cannot_be_kept_are_not_ids() {
        assert_eq!(readable_id("wamid.HBgN+/=_-").as_deref(), Some("wamid.HBgN+/=_-"));
        for bad in ["", "a b", "a\u{1b}[2J", "é", &"x".repeat(ID_LIMIT + 1)] {
            assert_eq!(readable_id(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn times_that_no_calendar_shows_are_none() {
        assert_eq!(time(1_751_142_888).map(|time| time.timestamp()), Some(1_751_142_888));
        assert!(time(0).is_some() && time(LAST_SECOND).is_some());
        for bad in [-1, LAST_SECOND + 1, -8_334_601_228_800, 8_210_266_876_799, i64::MAX, i64::MIN] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn words_are_clean_and_bounded() {
        assert_eq!(words("a\u{1b}[2Jb"), "a\u{fffd}b");
        assert!(words(&"e\u{301}".repeat(10_000)).chars().count() <= WORDS_LIMIT);
    }

    #[test]
    fn a_wait_named_by_the_provider_is_bounded() {
        let number = |wait| Class::Throttled(Scope::Number, Duration::from_secs(wait));
        let asked = |seconds| with_wait(number(60), Some(Duration::from_secs(seconds)));
        assert_eq!(asked(0), number(1));
        assert_eq!(asked(7), number(7));
        assert_eq!(asked(31_536_000), number(3_600));
        assert_eq!(with_wait(number(60), None), number(60));
        let day = Class::NumberLimited(Duration::from_hours(24));
        assert_eq!(with_wait(day, Some(Duration::from_secs(7))), day);
    }
}
