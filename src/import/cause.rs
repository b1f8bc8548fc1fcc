//! Why a file or a row is refused, each a sentence with its place.

use super::{LONGEST_RECORD, MOST_COLUMNS};
use crate::domain::phone::PhoneError;
use std::io;

/// Why a file is refused as a whole. Nothing of it may be kept.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Nothing is in it.
    #[error("the file is empty; its first line must name the columns, phone among them")]
    Empty,
    /// Nothing follows the header.
    #[error("the file has a header and no rows")]
    HeaderOnly,
    /// Some other encoding. Latin-1 is the likeliest.
    #[error(
        "line {line} is not UTF-8 (byte 0x{byte:02x}); convert the file first, for example with: iconv -f latin1 -t utf-8 FILE > FILE.utf8"
    )]
    Encoding {
        /// Counted from one.
        line: u64,
        /// The first byte that does not fit.
        byte: u8,
    },
    /// The mark of UTF-16, or the zero bytes of it.
    #[error(
        "line 1: the file is in UTF-16; convert it first with: iconv -f utf-16 -t utf-8 FILE > FILE.utf8"
    )]
    Utf16,
    /// No text at all.
    #[error("line 1: the file is {what}, not CSV; {advice}")]
    NotText {
        /// What it looks like.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Line ends of the old Macintosh.
    #[error(
        "line 1: lines end in carriage returns only; convert the file first with: tr '\\r' '\\n' < FILE > FILE.lf"
    )]
    LineEnds,
    /// A quote swallows the rest of the file.
    #[error("line {line}: the quote that opens here never closes")]
    Unclosed {
        /// Where it opens, counted from one.
        line: u64,
    },
    /// The header's line does not end.
    #[error("line 1: the header is longer than {LONGEST_RECORD} bytes")]
    HeaderTooLong,
    /// More columns than anybody means.
    #[error("line 1: the header has {found} columns; {MOST_COLUMNS} are allowed")]
    TooManyColumns {
        /// How many.
        found: usize,
    },
    /// A column without name.
    #[error("line 1: column {column} of the header has no name")]
    Nameless {
        /// Counted from one.
        column: usize,
    },
    /// Two columns of one name.
    #[error("line 1: columns {first} and {second} of the header are both called {name:?}")]
    DuplicateColumn {
        /// The name.
        name: String,
        /// Counted from one.
        first: usize,
        /// Counted from one.
        second: usize,
    },
    /// The one column that must be there is not.
    #[error("line 1: the header has no column called phone; it names {found}")]
    NoPhone {
        /// The columns that it has.
        found: String,
    },
    /// A default country without calling code.
    #[error(
        "no calling code is known for the default country {country:?}; use its two-letter code, such as CM"
    )]
    DefaultCountry {
        /// What was given.
        country: String,
    },
    /// The system failed.
    #[error("failed to read the file after line {line}")]
    Read {
        /// The last line that was read.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A thread ended early: a fault of ours.
    #[error("the reader stopped unexpectedly")]
    Stopped,
}

/// Why one row is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Too few or too many cells.
    #[error("has {found} columns; the header has {expected}")]
    Columns {
        /// In this row.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// The header again.
    #[error("repeats the header")]
    Header,
    /// A zero byte, which no text in Postgres can hold.
    #[error("holds a NUL byte")]
    Nul,
    /// Longer than anybody means.
    #[error("is longer than {LONGEST_RECORD} bytes")]
    TooLong,
    /// Text between a closing quote and the next separator.
    #[error("has text after the closing quote of column {column}")]
    AfterQuote {
        /// Counted from one.
        column: usize,
    },
    /// The phone.
    #[error("phone {0}")]
    Phone(#[from] PhoneError),
    /// Another cell.
    #[error("{column} is {found:?}; it must be {expected}")]
    Value {
        /// Which column.
        column: &'static str,
        /// What it holds, cut to a readable length.
        found: String,
        /// What it may hold.
        expected: &'static str,
    },
}
