//! The shape of a provider's table of codes: one row per code, one place that decides what it means.
//!
//! The rows stand in `meta/codes.rs` and `twilio/codes.rs`, in the order of the provider sheets; `UltraMsg` has no
//! codes and keeps a table of text signals of its own.

use crate::domain::outcome::{Class, Scope};
use std::time::Duration;

/// What a code says about the message it concerns.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    /// Always the same.
    Is(Class),
    /// The code alone does not say; the provider's words, given in lower case, do.
    Words(fn(&str) -> Class),
    /// This class when the words hold this sign, in lower case; else as [`Meaning::Aside`].
    Sign(&'static str, Class),
    /// The class as in [`Meaning::Is`], but the provider itself warns that the message may have been taken: a doubt
    /// when it answers a send, a plain failure in a later report.
    Doubtful(Class),
    /// A warning or a fault of something else: it says nothing about the message.
    Aside,
}

/// One row of a provider sheet's section 4.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// First code of the row.
    pub first: u32,
    /// Last code of the row; the same as `first` except where the sheet names a range.
    pub last: u32,
    /// The HTTP status it comes with; 0 where it never answers a send. Only the simulator uses it: statuses are a weak
    /// signal (`meta-cloud.md` section 4, `twilio.md` section 4).
    pub status: u16,
    /// What the sheet says it means, in a few words.
    pub text: &'static str,
    /// What follows.
    pub meaning: Meaning,
}

/// A row for one code.
pub const fn row(code: u32, status: u16, class: Class, text: &'static str) -> Row {
    Row { first: code, last: code, status, text, meaning: Meaning::Is(class) }
}

/// A row whose meaning is more than a class.
pub const fn special(code: u32, status: u16, meaning: Meaning, text: &'static str) -> Row {
    Row { first: code, last: code, status, text, meaning }
}

/// The row of `code` in a table sorted by code.
pub fn find(table: &'static [Row], code: u32) -> Option<&'static Row> {
    let at = table.partition_point(|row| row.last < code);
    table.get(at).filter(|row| row.first <= code)
}

/// What an asynchronous report with this code says about its message; `None`: nothing.
pub fn classify(table: &'static [Row], code: &str, words: &str) -> Option<Class> {
    let row = code.trim().parse().ok().and_then(|code| find(table, code));
    match row.map(|row| row.meaning) {
        Some(Meaning::Is(class) | Meaning::Doubtful(class)) => Some(class),
        Some(Meaning::Words(read)) => Some(read(&words.to_lowercase())),
        Some(Meaning::Sign(sign, class)) => words.to_lowercase().contains(sign).then_some(class),
        Some(Meaning::Aside) => None,
        None => Some(Class::Unknown),
    }
}

/// A number out of its limit for so many seconds.
pub const fn limited(seconds: u64) -> Class {
    Class::NumberLimited(Duration::from_secs(seconds))
}

/// An account out of its limit for so many seconds.
pub const fn account_limited(seconds: u64) -> Class {
    Class::AccountLimited(Duration::from_secs(seconds))
}

/// Too fast; whoever `scope` names waits so many seconds.
pub const fn throttled(scope: Scope, seconds: u64) -> Class {
    Class::Throttled(scope, Duration::from_secs(seconds))
}

/// A passing fault; the message may be tried again after so many seconds.
pub const fn transient(seconds: u64) -> Class {
    Class::Transient(Duration::from_secs(seconds))
}

/// A passing fault that nobody explains; the message may be tried once more after so many seconds.
pub const fn unexplained(seconds: u64) -> Class {
    Class::Unexplained(Duration::from_secs(seconds))
}

/// This person not before so many seconds, from no number.
pub const fn deferred(seconds: u64) -> Class {
    Class::RecipientDeferred(Duration::from_secs(seconds))
}

/// One hour, in seconds.
pub const HOUR: u64 = 3_600;
/// One day, in seconds.
pub const DAY: u64 = 24 * HOUR;

/// Whether a table can be searched: sorted, no code twice.
#[cfg(test)]
pub fn is_sorted(table: &[Row]) -> bool {
    table.iter().all(|row| row.first <= row.last) && table.windows(2).all(|pair| pair[0].last < pair[1].first)
}

#[cfg(test)]
pub mod sheet;
