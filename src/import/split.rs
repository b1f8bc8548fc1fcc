//! Cutting a stream into blocks that end at a record's end, without looking at cells.
//!
//! A newline ends a record unless it stands inside quotes, and a quote only opens at the beginning of a cell. So it is
//! enough to visit the quotes; a block without any is cut at its last newline.

use super::{ImportError, LONGEST_RECORD};
use memchr::{memchr, memchr_iter, memrchr};
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
            let scan = scan(&self.pending, self.separator, self.at_end);
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
            let scan = scan(&self.pending, self.separator, self.at_end);
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

    fn line_of(&self, offset: usize) -> u64 {
        self.line + count_lines(&self.pending[..offset])
    }
}

/// Newlines in some bytes.
pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// What the quotes of some bytes say, which begin at a record's first byte.
struct Scan {
    /// After the first record's line end.
    first_end: Option<usize>,
    /// After the last whole record's line end.
    last_end: Option<usize>,
    /// Where a quote opens that does not close.
    open: Option<usize>,
}

fn scan(bytes: &[u8], separator: u8, at_end: bool) -> Scan {
    let mut found = Scan { first_end: None, last_end: None, open: None };
    let mut outside_from = 0;
    let mut look_from = 0;
    while let Some(offset) = memchr(b'"', &bytes[look_from..]) {
        let quote = look_from + offset;
        let opens = quote == 0 || bytes[quote - 1] == separator || bytes[quote - 1] == b'\n';
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
