//! One record: from its first byte to its line end, cell by cell.

use super::Cause;
use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    from: usize,
    to: usize,
    /// Whether it holds doubled quotes.
    doubled: bool,
}

impl Cell {
    /// The cell's text, quotes taken off.
    pub(super) fn text(self, block: &str) -> Cow<'_, str> {
        let text = block.get(self.from..self.to).unwrap_or_default();
        if self.doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) }
    }
}

/// Where a record ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// After its last byte, line end not included.
    pub(super) to: usize,
    /// After its line end.
    pub(super) next: usize,
    /// What is wrong with its form.
    pub(super) problem: Option<Cause>,
}

/// Reads the record that begins at `at` into `cells`. The block ends at a record's end.
pub(super) fn read(block: &str, at: usize, separator: u8, cells: &mut Vec<Cell>) -> End {
    let bytes = block.as_bytes();
    cells.clear();
    let mut from = at;
    let mut problem = None;
    loop {
        let (cell, stop) = if bytes.get(from) == Some(&b'"') {
            let (to, doubled) = close_of(bytes, from + 1);
            let after = (to + 1).min(bytes.len());
            let stop = stop_from(bytes, after, separator);
            if stop > after && bytes.get(after..stop) != Some(b"\r") {
                problem.get_or_insert(Cause::AfterQuote { column: cells.len() + 1 });
            }
            (Cell { from: from + 1, to, doubled }, stop)
        } else {
            let stop = stop_from(bytes, from, separator);
            (Cell { from, to: stop, doubled: false }, stop)
        };
        cells.push(cell);
        match bytes.get(stop) {
            Some(byte) if *byte == separator => from = stop + 1,
            line_end => {
                let next = stop + usize::from(line_end.is_some());
                let end = stop - usize::from(stop > at && bytes.get(stop - 1) == Some(&b'\r'));
                if let Some(last) = cells.last_mut() {
                    last.to = last.to.min(end).max(last.from);
                }
                return End { to: end, next, problem };
            }
        }
    }
}

/// The next separator or newline, or the block's end.
fn stop_from(bytes: &[u8], from: usize, separator: u8) -> usize {
    bytes
        .get(from..)
        .and_then(|rest| memchr2(separator, b'\n', rest))
        .map_or(bytes.len(), |offset| from + offset)
}

/// Where the quoted text that begins at `from` ends, and whether it holds doubled quotes.
fn close_of(bytes: &[u8], mut from: usize) -> (usize, bool) {
    let mut doubled = false;
    while let Some(offset) = bytes.get(from..).and_then(|rest| memchr(b'"', rest)) {
        let quote = from + offset;
        if bytes.get(quote + 1) != Some(&b'"') {
            return (quote, doubled);
        }
        doubled = true;
        from = quote + 2;
    }
    (bytes.len(), doubled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(block: &str) -> (Vec<String>, End) {
        let mut found = Vec::new();
        let end = read(block, 0, b',', &mut found);
        (found.iter().map(|cell| cell.text(block).into_owned()).collect(), end)
    }

    #[test]
    fn cells_are_split_and_quotes_taken_off() {
        for (block, expected, next) in [
            ("a,b\nc", vec!["a", "b"], 4),
            ("a,b\r\nc", vec!["a", "b"], 5),
            ("a,b", vec!["a", "b"], 3),
            (",\n", vec!["", ""], 2),
            ("\n", vec![""], 1),
            ("\"a,\nb\",c\n", vec!["a,\nb", "c"], 9),
            ("\"a \"\"b\"\"\"\r\n", vec!["a \"b\""], 11),
            ("5\" pipe,\"\"\n", vec!["5\" pipe", ""], 11),
            ("a,\r\n", vec!["a", ""], 4),
        ] {
            let (found, end) = cells(block);
            assert_eq!(
                (found, end.next, end.problem),
                (expected.into_iter().map(str::to_owned).collect(), next, None),
                "{block:?}"
            );
        }
    }

    #[test]
    fn text_after_a_closing_quote_is_a_problem_of_that_row() {
        let (_, end) = cells("a,\"b\"c,d\ne");
        assert_eq!(end, End { to: 8, next: 9, problem: Some(Cause::AfterQuote { column: 2 }) });
    }
}
