//! What a command prints: one JSON document, or text and tables for people.

use super::CliError;
use crate::{
    domain::{action::Version, json, text::Safe},
    store::action::ActionResult,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::json;
use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
};
use unicode_width::UnicodeWidthStr;

/// Where a command's answer goes.
#[derive(Debug, Clone)]
pub struct Out {
    json: bool,
    quiet: bool,
    /// Somebody else passes the document on: then nothing is printed.
    kept: Option<Arc<Mutex<Option<String>>>>,
}

impl Out {
    /// JSON, or text for people.
    pub fn new(json: bool) -> Self {
        Self { json, quiet: false, kept: None }
    }

    /// The JSON document is kept until it is asked for; nothing is printed.
    pub fn kept() -> Self {
        Self { json: true, quiet: true, kept: Some(Arc::default()) }
    }

    /// The document that a command showed, if it showed one.
    pub fn document(&self) -> Option<String> {
        self.kept.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The same without any output.
    pub fn quiet(&self) -> Self {
        Self { quiet: true, json: self.json, kept: None }
    }

    /// Whether one JSON document is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Says how far it is, in a line that the next one replaces; only where somebody looks.
    pub fn progress(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        if stderr.is_terminal() && !self.quiet {
            let _ = write!(stderr, "\r{}\x1b[K", Safe::new(text));
            let _ = stderr.flush();
        }
    }

    /// Prints the answer: the value as one JSON document, or the text.
    pub fn show(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), CliError> {
        if let Some(kept) = &self.kept {
            let document = json::line(value).map_err(io::Error::from)?;
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(document);
        }
        if self.quiet {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        if self.json {
            writeln!(stdout, "{}", json::document(value).map_err(io::Error::from)?)?;
        } else {
            let text = text();
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            write!(stdout, "{text}{end}")?;
        }
        stdout.flush()?;
        Ok(())
    }

    /// Prints a part of an answer for people that is too long to be held whole.
    pub fn print(&self, text: &str) -> Result<(), CliError> {
        if !self.quiet {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()?;
        }
        Ok(())
    }

    /// Says something to people that is no part of the answer.
    pub fn note(&self, text: &str) {
        if self.quiet {
            return;
        }
        // Nobody may be there to read it; the answer counts.
        let _ = writeln!(io::stderr().lock(), "{}", Safe::cut(text, 4_000));
    }

    /// Prints what became of an order, or turns what was not done into the error that it is.
    pub fn settle(&self, done: &str, zone: Tz, result: &ActionResult) -> Result<(), CliError> {
        match result {
            ActionResult::Done { version, .. } => self.show(
                &json!({ "result": "done", "version": version.map(|Version(version)| version) }),
                || done.to_owned(),
            ),
            ActionResult::AlreadySo { by, at } => self
                .show(&json!({ "result": "already", "by": by, "at": at }), || {
                    format!("nothing to do: it is so already, by {by} since {}", local(*at, zone))
                }),
            ActionResult::Changed { .. } | ActionResult::Refused(_) | ActionResult::Missing(_) => {
                CliError::unless_done(result, zone)
            }
        }
    }
}

/// A time as a clock on the organisation's wall shows it.
pub fn local(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// As [`local`], or a dash.
pub fn local_or_dash(at: Option<DateTime<Utc>>, zone: Tz) -> String {
    at.map_or_else(|| "-".to_owned(), |at| local(at, zone))
}

/// A value, or a dash.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A table with a header, columns as wide as they need to be.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<Safe>>,
}

impl Table {
    /// A table of these columns.
    pub fn new(columns: &[&str]) -> Self {
        Self { rows: vec![columns.iter().map(|name| Safe::new(name)).collect()] }
    }

    /// Adds a row; every text is cleaned.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| Safe::new(&cell)).collect());
    }

    /// The whole table.
    pub fn render(&self) -> String {
        self.render_after(&mut Vec::new())
    }

    /// What is in it so far, and empties it: so a long table is printed page by page. Its columns are at least as wide as those
    /// before, and from then on as wide as these.
    pub fn page(&mut self, widths: &mut Vec<usize>) -> String {
        let text = self.render_after(widths);
        self.rows.clear();
        text
    }

    fn render_after(&self, widths: &mut Vec<usize>) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        widths.resize(widths.len().max(columns), 0);
        for row in &self.rows {
            for (cell, width) in row.iter().zip(widths.iter_mut()) {
                *width = (*width).max(cell.width());
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths.iter()) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width - cell.width() + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Names and values, one a line.
pub fn card(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(name);
        text.push_str(&" ".repeat(width - name.width() + 2));
        text.push_str(&Safe::cut(value, 2_000));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_whatever_stands_in_them() {
        let mut table = Table::new(&["NAME", "N"]);
        table.row(["你好".to_owned(), "1".to_owned()]);
        table.row(["a\x1b[2Jb\nc".to_owned(), "22".to_owned()]);
        assert_eq!(table.render(), "NAME   N\n你好   1\na\u{fffd}b c  22\n");
    }

    #[test]
    fn a_long_table_is_printed_page_by_page() {
        let (mut table, mut widths) = (Table::new(&["NAME", "N"]), Vec::new());
        table.row(["ana".to_owned(), "1".to_owned()]);
        assert_eq!(table.page(&mut widths), "NAME  N\nana   1\n");
        table.row(["cleo-b".to_owned(), "2".to_owned()]);
        assert_eq!(table.page(&mut widths), "cleo-b  2\n");
        table.row(["d".to_owned(), "3".to_owned()]);
        assert_eq!(table.page(&mut widths), "d       3\n");
        assert_eq!(table.page(&mut widths), "");
    }
}
