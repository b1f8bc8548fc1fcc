//! Tables as CSV: cells that spreadsheets open, and what quotes make of lines.

use memchr::{memchr, memchr_iter, memrchr};
use std::borrow::Cow;

/// A cell that no spreadsheet runs: an apostrophe stands before what it would take for a formula.
#[must_use]
pub fn disarmed(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// What a spreadsheet would take for a formula. A phone, a plus and digits, is none.
fn is_formula(cell: &str) -> bool {
    let is_phone = cell
        .strip_prefix('+')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    !is_phone && cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Newlines in some bytes.
#[must_use]
pub fn count_lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// What the quotes of some bytes say, which begin at a record's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// After the first record's line end.
    pub first_end: Option<usize>,
    /// After the last whole record's line end.
    pub last_end: Option<usize>,
    /// Where a quote opens that does not close.
    pub open: Option<usize>,
}

/// Looks at the quotes of some bytes, which begin at a record's first byte, and at no cell. A newline ends a record unless it
/// stands inside quotes, and a quote only opens where a cell begins. `begins_cell`: whether one begins behind this byte.
pub fn scan(bytes: &[u8], begins_cell: impl Fn(u8) -> bool, at_end: bool) -> Scan {
    let mut found = Scan { first_end: None, last_end: None, open: None };
    let mut outside_from = 0;
    let mut look_from = 0;
    while let Some(offset) = memchr(b'"', &bytes[look_from..]) {
        let quote = look_from + offset;
        let opens = quote == 0 || begins_cell(bytes[quote - 1]);
        if !opens {
            look_from = quote + 1;
            continue;
        }
        found.see(bytes, outside_from, quote);
        let Some(close) = close_of(bytes, quote + 1, at_end) else {
            found.open = Some(quote);
            return found;
        };
        outside_from = close + 1;
        look_from = close + 1;
    }
    found.see(bytes, outside_from, bytes.len());
    found
}

impl Scan {
    /// Takes note of the newlines in a stretch outside quotes.
    fn see(&mut self, bytes: &[u8], from: usize, to: usize) {
        if let Some(last) = memrchr(b'\n', &bytes[from..to]) {
            self.last_end = Some(from + last + 1);
            if self.first_end.is_none() {
                self.first_end = memchr(b'\n', &bytes[from..to]).map(|first| from + first + 1);
            }
        }
    }
}

/// Where a quoted text closes. A quote that is the last byte read so far may yet turn out to be doubled.
fn close_of(bytes: &[u8], mut from: usize, at_end: bool) -> Option<usize> {
    loop {
        let quote = from + memchr(b'"', bytes.get(from..)?)?;
        match bytes.get(quote + 1) {
            Some(b'"') => from = quote + 2,
            Some(_) => return Some(quote),
            None => return at_end.then_some(quote),
        }
    }
}

/// The line on which a quote opens that never closes, for a reader that ends lines at carriage returns as well: it would take all
/// that follows into one cell.
#[must_use]
pub fn unclosed_quote(text: &str, separator: u8) -> Option<u64> {
    let bytes = text.as_bytes();
    let begins_cell = |before| before == separator || matches!(before, b'\n' | b'\r');
    scan(bytes, begins_cell, true).open.map(|open| 1 + count_lines(&bytes[..open]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_never_closes_is_found_where_it_opens() {
        for (text, line) in [
            ("a,b\n1,\"two\nlines\"\n2,\"never\n3,c\n", Some(4)),
            ("a,b\n1,\"a \"\"quoted\"\" word\n", Some(2)),
            ("\"a\",b\r\n1,\"\"\r\n", None),
            ("a,b\n1,12\" pipes\n2,say \"yes\n", None),
            ("a;b\n1;\"x", Some(2)),
            // As some machines end their lines; a newline alone is counted.
            ("a,b\r\"never\r", Some(1)),
        ] {
            let separator = if text.contains(';') { b';' } else { b',' };
            assert_eq!(unclosed_quote(text, separator), line, "{text}");
        }
    }

    #[test]
    fn formulas_are_disarmed_and_phones_stay_whole() {
        for formula in ["=1+1", "+1-2", "-2", "@SUM(A1)", "\tx", "\r=1", "+"] {
            assert_eq!(disarmed(formula), format!("'{formula}"));
        }
        for plain in ["+237600000001", "Ana", "", "1-2"] {
            assert_eq!(disarmed(plain), plain);
        }
    }
}
