//! Labelled facts and paragraphs, as drawers and side panels show them: built as lines, then scrolled.

use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::Canvas;
use crate::tui::words;
use ratatui::layout::Rect;

/// Columns that a label takes.
const LABEL: usize = 11;

/// Lines being built for a given width.
pub struct Facts {
    lines: Vec<Vec<(String, Role)>>,
    columns: usize,
    theme: Theme,
}

impl Facts {
    /// Nothing yet, for this many columns.
    pub fn new(columns: u16, theme: Theme) -> Self {
        Self { lines: Vec::new(), columns: usize::from(columns), theme }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.lines.push(Vec::new());
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.gap();
        }
        self.lines.push(vec![(text.to_owned(), Role::Title)]);
    }

    /// A labelled value, continued on further lines if it is long.
    pub fn fact(&mut self, label: &str, value: &str, role: Role) {
        let room = self.columns.saturating_sub(LABEL).max(8);
        for (at, part) in words::wrap(value, room, 6, self.theme.ascii).into_iter().enumerate() {
            let shown = if at == 0 {
                words::fit(label, LABEL - 1, self.theme.ascii).into_owned()
            } else {
                String::new()
            };
            self.lines.push(vec![(format!("{shown:LABEL$}"), Role::Dim), (part, role)]);
        }
    }

    /// A labelled value, if there is one.
    pub fn maybe(&mut self, label: &str, value: Option<&str>, role: Role) {
        if let Some(value) = value {
            self.fact(label, value, role);
        }
    }

    /// A paragraph, indented by two on its further lines.
    pub fn paragraph(&mut self, text: &str, role: Role) {
        let room = self.columns.max(10) - 2;
        for (at, part) in words::wrap(text, room, 6, self.theme.ascii).into_iter().enumerate() {
            let indent = if at == 0 { "" } else { "  " };
            self.lines.push(vec![(format!("{indent}{part}"), role)]);
        }
    }

    /// A line of several pieces.
    pub fn line(&mut self, pieces: Vec<(String, Role)>) {
        self.lines.push(pieces);
    }

    /// Draws the lines from `scroll` on, with marks where there is more.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, scroll: usize) {
        let height = usize::from(area.height);
        let scroll = scroll.min(self.lines.len().saturating_sub(height));
        for (line, y) in self.lines.iter().skip(scroll).zip(area.y..area.bottom()) {
            let pieces: Vec<(&str, Role)> = line.iter().map(|(text, role)| (text.as_str(), *role)).collect();
            canvas.pieces(area.x, y, area.width, &pieces);
        }
        if area.width == 0 || area.height == 0 {
            return;
        }
        let edge = area.right() - 1;
        if scroll > 0 {
            canvas.text(edge, area.y, 1, canvas.theme.glyph("\u{2191}", "^"), Role::Key);
        }
        if scroll + height < self.lines.len() {
            canvas.text(edge, area.bottom() - 1, 1, canvas.theme.glyph("\u{2193}", "v"), Role::Key);
        }
    }
}
