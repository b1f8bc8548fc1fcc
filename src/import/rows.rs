//! From a block of records to a [`Chunk`]: each record is cleaned and written, or refused with its cause.

use super::{
    Cause, Chunk, ImportError, LONGEST_RECORD, Options, Rejected,
    copy::{NULL, push_json_string, push_number, push_text},
    header::{Known, Layout},
    phone::Phones,
    record::{self, Cell},
    value,
};
use crate::domain::sheet::count_lines;
use chrono::NaiveDate;
use chrono_tz::Tz;
use memchr::memchr;
use std::borrow::Cow;

/// Cleans the blocks of one file. Each thread has its own.
#[derive(Debug, Clone)]
pub(super) struct Cleaner {
    layout: Layout,
    phones: Phones,
    zone: Tz,
    today: NaiveDate,
    cells: Vec<Cell>,
    /// The last phone's country.
    home: Option<&'static str>,
}

/// One record on its way.
struct Row<'a> {
    block: &'a str,
    cells: &'a [Cell],
}

impl<'a> Row<'a> {
    /// The text of a column: trimmed, and without the apostrophe that our own export puts before what a spreadsheet
    /// would take for a formula.
    fn text(&self, column: usize) -> Cow<'a, str> {
        match self.cells.get(column).map(|cell| cell.text(self.block)) {
            Some(Cow::Borrowed(text)) => Cow::Borrowed(bare(text)),
            Some(Cow::Owned(text)) => Cow::Owned(bare(&text).to_owned()),
            None => Cow::Borrowed(""),
        }
    }
}

fn bare(text: &str) -> &str {
    match text.as_bytes() {
        [b'\'', b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r', ..] => text[1..].trim(),
        _ => text.trim(),
    }
}

impl Cleaner {
    pub(super) fn new(layout: Layout, phones: Phones, options: &Options) -> Self {
        let (zone, today) = (options.zone, options.today);
        Self { layout, phones, zone, today, cells: Vec::with_capacity(16), home: None }
    }

    /// Cleans a block of whole records of which the first begins in this line.
    pub(super) fn clean(&mut self, bytes: &[u8], first_line: u64) -> Result<Chunk, ImportError> {
        let block = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            ImportError::Encoding { line: first_line + count_lines(&bytes[..at]), byte: bytes[at] }
        })?;
        let holds_nul = memchr(0, bytes).is_some();
        let mut chunk = Chunk { copy: Vec::with_capacity(bytes.len() * 3 / 2 + 64), ..Chunk::default() };
        let mut cells = std::mem::take(&mut self.cells);
        let mut line = first_line;
        let mut at = 0;
        while at < block.len() {
            let end = record::read(block, at, self.layout.separator, &mut cells);
            let raw = &block[at..end.to];
            if !raw.trim_ascii().is_empty() {
                chunk.lines += 1;
                let from = chunk.copy.len();
                let row = Row { block, cells: &cells };
                let fits = self.fits(raw, end.problem, cells.len(), holds_nul);
                match fits.and_then(|()| self.push_row(&mut chunk.copy, line, &row)) {
                    Ok(()) => chunk.rows += 1,
                    Err(cause) => {
                        chunk.copy.truncate(from);
                        chunk.rejected.push(Rejected { line, cause, raw: raw.to_owned() });
                    }
                }
            }
            // A record of one line is the rule; only quotes make it longer.
            line +=
                if memchr(b'"', raw.as_bytes()).is_some() { count_lines(&bytes[at..end.next]) } else { 1 };
            at = end.next;
        }
        self.cells = cells;
        Ok(chunk)
    }

    /// Whether the record's form allows to look into it.
    fn fits(&self, raw: &str, problem: Option<Cause>, found: usize, holds_nul: bool) -> Result<(), Cause> {
        if raw.len() > LONGEST_RECORD {
            return Err(Cause::TooLong);
        }
        if holds_nul && memchr(0, raw.as_bytes()).is_some() {
            return Err(Cause::Nul);
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
        if found != self.layout.columns {
            return Err(Cause::Columns { found, expected: self.layout.columns });
        }
        Ok(())
    }

    /// Writes all cells in the order of [`super::COPY_COLUMNS`].
    fn push_row(&mut self, out: &mut Vec<u8>, line: u64, row: &Row<'_>) -> Result<(), Cause> {
        push_number(out, line);
        out.push(b'\t');
        self.push_phone(out, row)?;
        self.push_plain(out, row, Known::Name);
        self.push_checked(out, row, Known::Locale, value::push_locale)?;
        self.push_checked(out, row, Known::TimeZone, value::push_zone)?;
        self.push_checked(out, row, Known::Country, value::push_country)?;
        self.push_checked(out, row, Known::Gender, |out, text| {
            push_text(out, &value::gender(text));
            Ok(())
        })?;
        self.push_plain(out, row, Known::Profession);
        let (today, zone) = (self.today, self.zone);
        self.push_checked(out, row, Known::BirthDate, |out, text| value::push_birth_date(out, text, today))?;
        self.push_checked(out, row, Known::RegisteredAt, |out, text| value::push_moment(out, text, zone))?;
        self.push_checked(out, row, Known::Consent, |out, text| {
            out.push(if value::consent(text)? { b't' } else { b'f' });
            Ok(())
        })?;
        self.push_plain(out, row, Known::ReferrerName);
        self.push_checked(out, row, Known::Tags, |out, text| {
            if !value::push_tags(out, text) {
                out.extend_from_slice(NULL);
            }
            Ok(())
        })?;
        out.extend_from_slice(self.home.map_or(NULL, str::as_bytes));
        out.push(b'\t');
        self.push_attributes(out, row);
        Ok(())
    }

    fn push_phone(&mut self, out: &mut Vec<u8>, row: &Row<'_>) -> Result<(), Cause> {
        // The layout always has a phone column.
        let text = row.text(self.layout.column(Known::Phone).unwrap_or_default());
        match self.phones.push(out, &text) {
            Ok(home) => self.home = home,
            Err(_) if text.eq_ignore_ascii_case("phone") => return Err(Cause::Header),
            Err(error) => return Err(error.into()),
        }
        out.push(b'\t');
        Ok(())
    }

    fn push_plain(&self, out: &mut Vec<u8>, row: &Row<'_>, known: Known) {
        let text = self.layout.column(known).map(|column| row.text(column)).unwrap_or_default();
        if text.is_empty() {
            out.extend_from_slice(NULL);
        } else {
            push_text(out, &text);
        }
        out.push(b'\t');
    }

    fn push_checked(
        &self,
        out: &mut Vec<u8>,
        row: &Row<'_>,
        known: Known,
        push: impl FnOnce(&mut Vec<u8>, &str) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        let text = self.layout.column(known).map(|column| row.text(column)).unwrap_or_default();
        if text.is_empty() {
            out.extend_from_slice(NULL);
        } else {
            push(out, &text)?;
        }
        out.push(b'\t');
        Ok(())
    }

    fn push_attributes(&self, out: &mut Vec<u8>, row: &Row<'_>) {
        out.push(b'{');
        let mut first = true;
        for (column, key) in &self.layout.attributes {
            let text = row.text(*column);
            if !text.is_empty() {
                if !first {
                    out.push(b',');
                }
                first = false;
                out.extend_from_slice(key);
                push_json_string(out, &text);
            }
        }
        out.extend_from_slice(b"}\n");
    }
}
