//! Findings: what is wrong with a campaign file, with the place, all of it at once.

use crate::domain::text::Safe;
use serde::Serialize;
use std::fmt;

/// Longest sentence, in graphemes; a file's own words are part of it.
const SENTENCE_LIMIT: usize = 600;

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, as the operator named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, in characters from 1.
    pub column: usize,
    /// Which setting, such as `steps[0].text.fr`; empty when it is no setting.
    pub key: String,
    /// What is wrong and what to do.
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.sentence)
    }
}

/// Collects findings by their place in the source.
pub(super) struct Findings<'s> {
    file: String,
    source: &'s str,
    found: Vec<Found>,
}

struct Found {
    at: usize,
    key: String,
    sentence: String,
}

impl<'s> Findings<'s> {
    pub(super) fn new(file: &str, source: &'s str) -> Self {
        Self { file: Safe::new(file).into_string(), source, found: Vec::new() }
    }

    pub(super) fn source(&self) -> &'s str {
        self.source
    }

    /// Notes what is wrong at a byte of the source.
    pub(super) fn add(&mut self, at: usize, key: &str, sentence: impl fmt::Display) {
        self.found.push(Found {
            at,
            key: Safe::new(key).into_string(),
            sentence: Safe::cut(&sentence.to_string(), SENTENCE_LIMIT).into_string(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All findings, in the order of the file. Places are counted in one pass: a long list of wrong phones must not
    /// read the file once for each.
    pub(super) fn into_vec(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|found| found.at);
        let mut characters = self.source.char_indices().peekable();
        let (mut line, mut column) = (1, 1);
        let mut findings = Vec::with_capacity(self.found.len());
        for Found { at, key, sentence } in self.found {
            // A place within a character is the place of that character.
            while let Some((_, character)) =
                characters.next_if(|(start, character)| start + character.len_utf8() <= at)
            {
                (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
            findings.push(Finding { file: self.file.clone(), line, column, key, sentence });
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let source = "ab\nçé = 1\n\nx";
        // Byte, line and column.
        let table = [
            (0, 1, 1),
            (2, 1, 3),
            (3, 2, 1),
            (4, 2, 1),
            (5, 2, 2),
            (11, 2, 7),
            (12, 3, 1),
            (13, 4, 1),
            (99, 4, 2),
        ];
        for (at, line, column) in table {
            let mut findings = Findings::new("a.toml", source);
            findings.add(at, "", "x");
            let list = findings.into_vec();
            assert_eq!((list[0].line, list[0].column), (line, column), "byte {at}");
        }
        let mut all = Findings::new("a.toml", source);
        for (at, ..) in table.into_iter().rev() {
            all.add(at, "", "x");
        }
        let places: Vec<_> = all.into_vec().iter().map(|found| (found.line, found.column)).collect();
        assert_eq!(places, table.map(|(_, line, column)| (line, column)), "sorted, in one pass");
    }

    #[test]
    fn a_finding_reads_as_an_editor_expects_it_and_cannot_steer_the_terminal() {
        let mut findings = Findings::new("a\x1b[2J.toml", "name = 1\n");
        findings.add(7, "name", "holds \u{202e}\n");
        let list = findings.into_vec();
        assert_eq!(list[0].to_string(), "a\u{fffd}.toml:1:8: holds \u{fffd} ");
    }
}
