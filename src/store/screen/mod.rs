//! What people look at: typed answers to the console's questions, through connections of their own.
//!
//! Lists are read in two statements. The first walks an index in the order of the list and answers keys only; the
//! second fetches what is shown of these rows. So the shape of every walk stays simple enough to be held to its index
//! by a test (`tests/screen_plans.rs`), whatever is shown beside it.

mod alerts;
mod audit;
mod campaigns;
mod carry;
mod channels;
mod doubts;
mod estimate;
mod forecast;
mod handover;
mod health;
pub mod holds;
mod keys;
pub mod live;
mod log;
pub mod notices;
mod number_stats;
mod numbers;
pub mod overview;
mod pools;
mod progress;
pub mod rates;
mod recipients;
mod seat;
mod slots;
mod terms;
mod threads;

pub use seat::Seat;

use super::StoreError;
use crate::domain::action::Version;
use crate::domain::phone::{Phone, mask};
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, Utc};
use std::time::Duration;
use uuid::Uuid;

/// What the log holds where nobody gave a reason; on screen it is noise.
const NO_REASON: &str = "no reason given";

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be answered in reasonable time, or makes no sense. A sentence of its own.
    #[error("{0}")]
    Refused(Safe),
    /// What it is about does not exist any more.
    #[error("this {0} does not exist any more")]
    Gone(&'static str),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReadError {
    fn refused(sentence: impl AsRef<str>) -> Self {
        Self::Refused(Safe::new(sentence.as_ref()))
    }
}

/// The smallest UUID of version 7 that can have been made at `at`: ids of that kind are read as times with it.
pub(crate) fn first_id_at(at: DateTime<Utc>) -> Uuid {
    let ms = u128::try_from(at.timestamp_millis().max(0)).unwrap_or(0) & 0xffff_ffff_ffff;
    Uuid::from_u128(ms << 80)
}

/// What operators call a number: its name, or its masked phone.
fn number_name(name: &str, phone: &str) -> Shown {
    if name.is_empty() { Shown::new(&mask(phone)) } else { Shown::new(name) }
}

/// The version of a row that has no counter: when it changed last, in microseconds.
///
/// A row of these tables changes millions of times a day; a counter of its own would make each of them wider.
pub(crate) fn version_at(at: DateTime<Utc>) -> Version {
    Version(at.timestamp_micros())
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn many(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn milliseconds(number: i32) -> Duration {
    Duration::from_millis(u64::from(count(number)))
}

fn phone(doing: &'static str, text: &str) -> Result<Phone, StoreError> {
    Phone::parse(text).map_err(|_| StoreError::Unreadable { doing, what: "phone" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_later_lie_above_the_bound_and_earlier_ones_below() {
        let at = Utc::now();
        let id = Uuid::now_v7();
        assert!(first_id_at(at - chrono::Duration::seconds(1)) < id);
        assert!(first_id_at(at + chrono::Duration::seconds(1)) > id);
    }

    #[test]
    fn a_number_without_a_name_is_shown_masked() {
        assert_eq!(number_name("", "+237600000001").as_str(), "+2376*****001");
        assert_eq!(number_name("support-a", "+237600000001").as_str(), "support-a");
    }
}
