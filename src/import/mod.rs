//! CSV in; cleaned rows and an account of the refused ones out. No SQL: the rows come out as the bytes of
//! `copy … from stdin` in text format, ready for a staging table that has exactly the columns [`COPY_COLUMNS`].
//!
//! The file is streamed in blocks of about 1 MiB that end at a record's end ([`split`]); blocks are read and cleaned by
//! a few threads ([`rows`]) and come out in their order. Memory is the same for ten rows and for ten million.
//!
//! Two kinds of trouble. What makes the *file* unreadable (encoding, a quote that never closes, a bad header) is an
//! [`ImportError`], and nothing of the file may be kept. What is wrong with one *row* makes a [`Rejected`] with its line
//! and its cause, and the others go on. Every record counts once: `lines = rows + rejected`. The header and blank lines
//! do not count. Whether a phone is new, known or twice in the file is for the database to say: `line` tells the
//! first from the later ones.

mod cause;
mod copy;
mod header;
mod phone;
mod reader;
mod record;
mod rows;
mod split;
mod value;

#[cfg(test)]
mod tests;

pub use cause::{Cause, ImportError};
pub use reader::Reader;

use chrono::NaiveDate;
use chrono_tz::Tz;

/// The columns of each row that comes out, in their order, and so of the staging table: `line` bigint, `birth_date` date,
/// `registered_at` timestamptz, `consent` boolean, `tags` text[], `attributes` jsonb, all others text.
///
/// `line` and `phone` are never null. `attributes` is never null either, and `{}` where there are none. Everything else is null
/// where the file has no such column or the cell is empty, but `phone_country`: that is what the phone tells, for people of whom no
/// country is known. `name` and `referrer_name` are as in the file; nothing here is safe to draw on a terminal.
pub const COPY_COLUMNS: [&str; 15] = [
    "line",
    "phone",
    "name",
    "locale",
    "timezone",
    "country",
    "gender",
    "profession",
    "birth_date",
    "registered_at",
    "consent",
    "referrer_name",
    "tags",
    "phone_country",
    "attributes",
];

/// The most columns that a file may have.
pub const MOST_COLUMNS: usize = 1_000;

/// The longest record, in bytes. Longer ones are rejected without being held in memory.
pub const LONGEST_RECORD: usize = 1024 * 1024;

/// What the reader needs to know besides the file.
#[derive(Debug, Clone)]
pub struct Options {
    /// ISO code of the country that completes phones without country code.
    pub default_country: Option<String>,
    /// The organisation's zone: times without zone are meant in it.
    pub zone: Tz,
    /// The organisation's date: nobody is born after it.
    pub today: NaiveDate,
    /// How many threads read and clean, at least one.
    pub threads: usize,
}

/// A part of the file, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Rows for `copy … from stdin` in text format. Any number of chunks may be sent one after the other.
    pub copy: Vec<u8>,
    /// How many rows that are.
    pub rows: u64,
    /// The refused records, in the file's order.
    pub rejected: Vec<Rejected>,
    /// Records in this part: `rows` and `rejected` together.
    pub lines: u64,
}

/// A refused record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The line where it begins, counted from one, header and blank lines included.
    pub line: u64,
    /// Why.
    pub cause: Cause,
    /// The record as it stands in the file, without its line end; of one that is too long, the beginning.
    pub raw: String,
}
