//! Cutting a stream into blocks that end at a record's end, without looking at cells.
//!
//! A newline ends a record unless it stands inside quotes, and a quote only opens at the beginning of a cell. So it is
//! enough to visit the quotes; a block without any is cut at its last newline.

use super::{ImportError, LONGEST_RECORD};
use crate::domain::sheet::{Scan, count_lines, scan};
use memchr::memchr;
use std::io::{ErrorKind, Read};

/// How much is read at a time.
pub(super) const BLOCK: usize = 1024 * 1024;

/// How much of a record that is too long is kept to show.
const SHOWN: usize = 256;

/// A part of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Whole records.
    Records {
        /// Their bytes, line ends included; the last one may lack its own.
        bytes: Vec<u8>,
        /// The line of the first.
        line: u64,
    },
    /// One record that is too long to be held.
    TooLong {
        /// Its beginning.
        beginning: Vec<u8>,
        /// Its line.
        line: u64,
    },
}

/// Reads a stream in parts.
pub(super) struct Splitter<R> {
    input: R,
    separator: u8,
    /// What was read and not given out; begins at a record's first byte.
    pending: Vec<u8>,
    /// The line of that byte.
    line: u64,
    at_end: bool,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, separator: b',', pending: Vec::with_capacity(2 * BLOCK), line: 1, at_end: false }
    }

    /// What stands at the beginning of the file: its first block.
    pub(super) fn peek(&mut self) -> Result<&[u8], ImportError> {
        if self.pending.is_empty() {
            self.read_more()?;
        }
        Ok(&self.pending)
    }

    /// Leaves out the first bytes, the byte-order mark.
    pub(super) fn skip(&mut self, count: usize) {
        self.pending.drain(..count.min(self.pending.len()));
    }

    /// What separates cells, as far as it is known.
    pub(super) fn separate_by(&mut self, separator: u8) {
        self.separator = separator;
    }

    /// The first record alone, without its line end.
    pub(super) fn take_header(&mut self) -> Result<Option<Vec<u8>>, ImportError> {
        loop {
            let scan = self.scan();
            if let Some(end) = scan.first_end {
                let mut header: Vec<u8> = self.pending.drain(..end).collect();
                self.line += count_lines(&header);
                while matches!(header.last(), Some(b'\n' | b'\r')) {
                    header.pop();
                }
                return Ok(Some(header));
            }
            if self.at_end {
                if let Some(open) = scan.open {
                    return Err(ImportError::Unclosed { line: self.line_of(open) });
                }
                return Ok((!self.pending.is_empty()).then(|| std::mem::take(&mut self.pending)));
            }
            if self.pending.len() > LONGEST_RECORD {
                return Err(ImportError::HeaderTooLong);
            }
            self.read_more()?;
        }
    }

    /// The next part; `None` at the end.
    pub(super) fn next_part(&mut self) -> Result<Option<Part>, ImportError> {
        loop {
            let scan = self.scan();
            if let Some(open) = scan.open
                && (self.at_end || self.pending.len() - scan.last_end.unwrap_or(0) > LONGEST_RECORD)
            {
                return Err(ImportError::Unclosed { line: self.line_of(open) });
            }
            if self.at_end {
                return Ok((!self.pending.is_empty()).then(|| self.give_out(self.pending.len())));
            }
            match scan.last_end {
                // A small remainder goes on with the next block instead of making one of its own.
                Some(end) if self.pending.len() >= BLOCK => return Ok(Some(self.give_out(end))),
                None if self.pending.len() > LONGEST_RECORD => return self.pass_over().map(Some),
                _ => self.read_more()?,
            }
        }
    }

    fn give_out(&mut self, end: usize) -> Part {
        let mut rest = Vec::with_capacity(2 * BLOCK);
        rest.extend_from_slice(&self.pending[end..]);
        let mut bytes = std::mem::replace(&mut self.pending, rest);
        bytes.truncate(end);
        let line = self.line;
        self.line += count_lines(&bytes);
        Part::Records { bytes, line }
    }

    /// Reads over a record that is too long, up to the next newline. Those read so far stand inside quotes.
    fn pass_over(&mut self) -> Result<Part, ImportError> {
        let beginning = self.pending[..SHOWN.min(self.pending.len())].to_vec();
        let line = self.line;
        self.line += count_lines(&self.pending);
        self.pending.clear();
        self.read_more()?;
        while memchr(b'\n', &self.pending).is_none() && !self.at_end {
            self.pending.clear();
            self.read_more()?;
        }
        match memchr(b'\n', &self.pending) {
            Some(at) => {
                self.pending.drain(..=at);
                self.line += 1;
            }
            None => self.pending.clear(),
        }
        Ok(Part::TooLong { beginning, line })
    }

    fn read_more(&mut self) -> Result<(), ImportError> {
        let mut room = self.pending.len();
        let until = room + BLOCK;
        self.pending.resize(until, 0);
        while room < until {
            match self.input.read(&mut self.pending[room..]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(count) => room += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    self.pending.truncate(room);
                    return Err(ImportError::Read { line: self.line_of(room).saturating_sub(1), source });
                }
            }
        }
        self.pending.truncate(room);
        Ok(())
    }

    fn scan(&self) -> Scan {
        scan(&self.pending, |before| before == self.separator || before == b'\n', self.at_end)
    }

    fn line_of(&self, offset: usize) -> u64 {
        self.line + count_lines(&self.pending[..offset])
    }
}
