//! From the little of Markdown that the guides use to lines of a given width: headings, paragraphs, lists, tables, code.

use crate::tui::theme::Role;
use crate::tui::words;
use unicode_segmentation::UnicodeSegmentation as _;

/// Columns between those of a table.
const GAP: usize = 2;
/// The last column of a table needs so many; with less its rows are written one under the other.
const LEAST: usize = 18;

/// Pieces of text, each with its meaning.
type Spans = Vec<(String, Role)>;

/// One line.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// What stands in it.
    pub pieces: Spans,
    /// Whether it begins a section.
    pub is_heading: bool,
}

impl Line {
    /// What stands in it, without meaning.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }
}

/// Lays a guide out.
pub fn lay_out(source: &str, columns: usize, ascii: bool) -> Vec<Line> {
    let mut page = Page { lines: Vec::new(), columns, ascii, open: None };
    let mut table: Vec<Vec<String>> = Vec::new();
    let mut in_code = false;
    for line in source.lines() {
        let text = line.trim();
        if !text.starts_with('|') && !table.is_empty() {
            page.table(&std::mem::take(&mut table));
        }
        if text.starts_with("```") {
            page.close();
            in_code = !in_code;
        } else if in_code {
            page.code(line);
        } else if let Some(heading) = text.strip_prefix('#') {
            page.heading(heading.trim_start_matches('#').trim());
        } else if text.starts_with('|') {
            page.close();
            table.extend(row_of(text));
        } else if text.is_empty() {
            page.close();
            page.gap();
        } else {
            page.words(line);
        }
    }
    page.table(&table);
    page.close();
    page.lines
}

/// Lines being made.
struct Page {
    lines: Vec<Line>,
    columns: usize,
    ascii: bool,
    /// The paragraph or item that goes on: what stands before its first line, and its text.
    open: Option<(String, String)>,
}

impl Page {
    fn push(&mut self, pieces: Spans) {
        self.lines.push(Line { pieces, is_heading: false });
    }

    /// An empty line, never two.
    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.pieces.is_empty()) {
            self.push(Vec::new());
        }
    }

    fn heading(&mut self, text: &str) {
        self.close();
        self.gap();
        let spans: Spans = spans(text).into_iter().map(|(text, _)| (text, Role::Title)).collect();
        for (at, pieces) in wrap(&spans, self.columns).into_iter().enumerate() {
            self.lines.push(Line { pieces, is_heading: at == 0 });
        }
    }

    fn code(&mut self, line: &str) {
        let room = self.columns.saturating_sub(2).max(1);
        for part in words::wrap(line, room, usize::MAX, self.ascii) {
            self.push(vec![(format!("  {part}"), Role::Key)]);
        }
    }

    /// A line of a paragraph or of an item: one that goes on, or a new one.
    fn words(&mut self, line: &str) {
        let text = line.trim();
        if let Some((marker, rest)) = item(text) {
            self.close();
            let indent = line.len() - line.trim_start().len();
            self.open = Some((format!("{}{marker} ", " ".repeat(indent.min(8))), rest.to_owned()));
        } else if let Some((_, open)) = &mut self.open {
            open.push(' ');
            open.push_str(text);
        } else {
            self.open = Some((String::new(), text.to_owned()));
        }
    }

    /// The open paragraph is whole.
    fn close(&mut self) {
        let Some((marker, text)) = self.open.take() else { return };
        let indent = marker.chars().count();
        let room = self.columns.saturating_sub(indent).max(1);
        for (at, pieces) in wrap(&spans(&text), room).into_iter().enumerate() {
            let before = if at == 0 { marker.clone() } else { " ".repeat(indent) };
            let mut line = vec![(before, Role::Text)];
            line.extend(pieces);
            self.push(line);
        }
    }

    fn table(&mut self, rows: &[Vec<String>]) {
        let Some((head, body)) = rows.split_first() else { return };
        let count = head.len().max(1);
        let natural = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| words::width(&plain(cell))).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..count).map(|at| natural(at).min(self.columns / 3).max(1)).collect();
        let before: usize = widths[..count - 1].iter().map(|width| width + GAP).sum();
        if self.columns < before + LEAST {
            self.stacked(head, body);
            return;
        }
        widths[count - 1] = self.columns - before;
        if head.iter().any(|cell| !cell.is_empty()) {
            self.row(head, &widths, true);
        }
        for row in body {
            self.row(row, &widths, false);
        }
    }

    fn row(&mut self, cells: &[String], widths: &[usize], is_head: bool) {
        let wrapped: Vec<Vec<Spans>> = widths
            .iter()
            .enumerate()
            .map(|(at, width)| {
                let mut cell = spans(cells.get(at).map_or("", String::as_str));
                if is_head {
                    for (_, role) in &mut cell {
                        *role = Role::Title;
                    }
                }
                wrap(&cell, *width)
            })
            .collect();
        let tall = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..tall {
            let mut line = Spans::new();
            for (cell, width) in wrapped.iter().zip(widths) {
                let pieces = cell.get(at).cloned().unwrap_or_default();
                let used: usize = pieces.iter().map(|(text, _)| words::width(text)).sum();
                line.extend(pieces);
                line.push((" ".repeat(width.saturating_sub(used) + GAP), Role::Text));
            }
            line.pop();
            self.push(line);
        }
    }

    /// A table that is too wide: each row as a small list.
    fn stacked(&mut self, head: &[String], body: &[Vec<String>]) {
        for row in body {
            for (at, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let named = head.get(at).filter(|name| at > 0 && !name.is_empty());
                let text = named.map_or_else(|| cell.clone(), |name| format!("{name}: {cell}"));
                let before = if at == 0 { "" } else { "  " };
                self.open = Some((before.to_owned(), text));
                self.close();
            }
        }
    }
}

/// The cells of a table's row; none of the line under its head.
fn row_of(line: &str) -> Option<Vec<String>> {
    let inner = line.trim_start_matches('|').trim_end_matches('|');
    let marked = inner.replace("\\|", "\u{1}");
    let cells: Vec<String> = marked.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
    let rules =
        cells.iter().all(|cell| !cell.is_empty() && cell.chars().all(|mark| matches!(mark, '-' | ':')));
    (!rules).then_some(cells)
}

/// What begins an item of a list, and the rest of it.
fn item(text: &str) -> Option<(&str, &str)> {
    let (marker, rest) = text.split_once(' ')?;
    let is_number = marker
        .strip_suffix('.')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()));
    (matches!(marker, "-" | "*") || is_number).then_some((marker, rest))
}

/// A text without its marks.
fn plain(text: &str) -> String {
    spans(text).into_iter().map(|(text, _)| text).collect()
}

/// A text by its marks: code between backticks, what stands out between two stars, links as what they are called.
fn spans(text: &str) -> Spans {
    let mut spans = Spans::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        let (before, marked) = rest.split_at(at);
        let found = if let Some(inner) = marked.strip_prefix('`') {
            inner.split_once('`').map(|(code, behind)| (said_as_code(code), Role::Key, behind))
        } else if let Some(inner) = marked.strip_prefix("**") {
            inner.split_once("**").map(|(strong, behind)| (plain(strong), Role::Title, behind))
        } else {
            link(marked).map(|(name, behind)| (plain(name), Role::Text, behind))
        };
        let (said, role, behind) = match found {
            Some(found) => found,
            // A mark that marks nothing.
            None => (marked[..1].to_owned(), Role::Text, &marked[1..]),
        };
        spans.push((before.to_owned(), Role::Text));
        spans.push((said, role));
        rest = behind;
    }
    spans.push((rest.to_owned(), Role::Text));
    spans.retain(|(text, _)| !text.is_empty());
    spans
}

/// Code as it is. A key keeps its marks: where there are no colours `:` and `n` would be read as a part of the sentence.
fn said_as_code(code: &str) -> String {
    if code.chars().count() <= 2 { format!("`{code}`") } else { code.to_owned() }
}

/// `[name](place)`: its name, and what stands behind it.
fn link(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.strip_prefix('[')?.split_once("](")?;
    let (_, behind) = behind.split_once(')')?;
    (!name.contains('[')).then_some((name, behind))
}

/// Breaks a text at its spaces into lines of at most `columns`; at least one.
fn wrap(spans: &[(String, Role)], columns: usize) -> Vec<Spans> {
    let mut lines = vec![Spans::new()];
    let mut used = 0;
    for word in words_of(spans) {
        let wide: usize = word.iter().map(|(text, _)| words::width(text)).sum();
        let space = usize::from(used > 0);
        if used > 0 && used + space + wide > columns {
            lines.push(Spans::new());
            used = 0;
        }
        if used > 0 {
            add(&mut lines, " ", Role::Text);
            used += 1;
        }
        for (text, role) in word {
            for grapheme in text.graphemes(true) {
                let wide = words::width(grapheme);
                if used + wide > columns && used > 0 {
                    lines.push(Spans::new());
                    used = 0;
                }
                add(&mut lines, grapheme, role);
                used += wide;
            }
        }
    }
    lines
}

/// Adds to the last line, in one piece with what has the same meaning.
fn add(lines: &mut [Spans], text: &str, role: Role) {
    let Some(line) = lines.last_mut() else { return };
    match line.last_mut() {
        Some((last, same)) if *same == role => last.push_str(text),
        _ => line.push((text.to_owned(), role)),
    }
}

/// Words, each of pieces that no space parts.
fn words_of(spans: &[(String, Role)]) -> Vec<Spans> {
    let mut all = Vec::new();
    let mut word = Spans::new();
    for (text, role) in spans {
        for (at, part) in text.split(' ').enumerate() {
            if at > 0 && !word.is_empty() {
                all.push(std::mem::take(&mut word));
            }
            if !part.is_empty() {
                word.push((part.to_owned(), *role));
            }
        }
    }
    all.extend(Some(word).filter(|word| !word.is_empty()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str, columns: usize) -> Vec<String> {
        lay_out(source, columns, true).iter().map(|line| line.text().trim_end().to_owned()).collect()
    }

    #[test]
    fn paragraphs_are_joined_and_broken_anew_and_items_hang() {
        let source = "# Title\n\nOne line of\ntext.\n\n- an item that is\n  long enough\n- two\n\n1. first\n";
        assert_eq!(
            text(source, 16),
            [
                "Title",
                "",
                "One line of",
                "text.",
                "",
                "- an item that",
                "  is long enough",
                "- two",
                "",
                "1. first"
            ]
        );
    }

    #[test]
    fn marks_become_meaning_and_what_marks_nothing_stays() {
        let found = spans("a `co de` and **bold [x](y)**, [name](place) * 2 [ `");
        let said = |text: &str, role| (text.to_owned(), role);
        assert_eq!(found[0], said("a ", Role::Text));
        assert_eq!(found[1], said("co de", Role::Key));
        assert_eq!(found[3], said("bold x", Role::Title));
        let whole: String = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(whole, "a co de and bold x, name * 2 [ `");
    }

    #[test]
    fn tables_stand_in_columns_or_under_each_other() {
        let source =
            "| key | meaning |\n| --- | --- |\n| `a` | does this and that and more |\n| `b\\|c` | x |\n";
        assert_eq!(text(source, 30), ["key  meaning", "`a`  does this and that and", "     more", "b|c  x"]);
        assert_eq!(
            text(source, 20),
            ["`a`", "  meaning: does this", "  and that and more", "b|c", "  meaning: x"]
        );
        assert_eq!(text("```\n  keep   this\n```\n", 30), ["    keep   this"]);
    }
}
