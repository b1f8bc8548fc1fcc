//! The guides that come with the program, read where they are needed: for operators, for administrators, answers by SQL,
//! and the schema. They are part of the binary, so they say what this version does.

mod layout;

use crate::tui::lists::Motion;
use crate::tui::model::{Geometry, Model};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::input::Input;
use crossterm::event::KeyEvent;
use layout::{Line, lay_out};
use ratatui::layout::{Rect, Size};
use std::sync::Arc;

/// Longer lines are hard to read.
const MOST_COLUMNS: u16 = 110;

/// What they are about, and their text.
const GUIDES: [(&str, &str); 4] = [
    ("for operators", include_str!("../../../../assets/docs/user.md")),
    ("for administrators", include_str!("../../../../assets/docs/admin.md")),
    ("answers by SQL", include_str!("../../../../assets/docs/sql.md")),
    ("the schema", include_str!("../../../../assets/docs/schema.md")),
];

/// One of them, laid out for the present width.
#[derive(Debug, Clone)]
pub struct Guide {
    /// Which one.
    which: usize,
    lines: Arc<Vec<Line>>,
    columns: u16,
    ascii: bool,
    /// Lines scrolled away.
    pub scroll: usize,
    search: Input,
    is_typing: bool,
    /// The line that was found last.
    hit: Option<usize>,
    /// From where the search that is being typed begins.
    from: usize,
}

impl Guide {
    /// The first of them, for a screen of this size.
    pub fn new(size: Size, ascii: bool) -> Self {
        let mut guide = Self {
            which: 0,
            lines: Arc::default(),
            columns: 0,
            ascii,
            scroll: 0,
            search: Input::default(),
            is_typing: false,
            hit: None,
            from: 0,
        };
        guide.fit(size);
        guide
    }

    /// Lays it out anew if the screen has another width.
    pub fn fit(&mut self, size: Size) {
        let columns = size.width.saturating_sub(4).clamp(20, MOST_COLUMNS);
        if columns == self.columns {
            return;
        }
        let before = self.lines.len().max(1);
        self.columns = columns;
        self.lay_out();
        // About where it was.
        self.scroll = self.scroll * self.lines.len() / before;
        self.hit = None;
    }

    fn lay_out(&mut self) {
        let (_, text) = GUIDES[self.which % GUIDES.len()];
        self.lines = Arc::new(lay_out(text, usize::from(self.columns), self.ascii));
    }

    /// Another guide, from its beginning.
    pub fn turn(&mut self, forward: bool) {
        let step = if forward { 1 } else { GUIDES.len() - 1 };
        self.which = (self.which + step) % GUIDES.len();
        (self.scroll, self.hit) = (0, None);
        self.lay_out();
    }

    /// To the next heading, or the one before.
    pub fn to_heading(&mut self, forward: bool) {
        let is_heading = |at: &usize| self.lines[*at].is_heading;
        let found = if forward {
            (self.scroll + 1..self.lines.len()).find(is_heading)
        } else {
            (0..self.scroll.min(self.lines.len())).rev().find(is_heading)
        };
        self.scroll = found.unwrap_or(if forward { self.scroll } else { 0 });
    }

    /// Whether letters are text.
    pub fn is_typing(&self) -> bool {
        self.is_typing
    }

    /// What is searched for is to be typed.
    pub fn begin_search(&mut self) {
        self.search.set("");
        (self.is_typing, self.from) = (true, self.scroll);
    }

    /// It is typed.
    pub fn end_search(&mut self) {
        self.is_typing = false;
    }

    /// Nothing is searched for any more; whether something was.
    pub fn forget_search(&mut self) -> bool {
        let any = self.is_typing || !self.search.is_blank();
        if self.is_typing {
            self.scroll = self.from;
        }
        self.search.set("");
        (self.is_typing, self.hit) = (false, None);
        any
    }

    /// Takes a key that edits what is searched for: the first line from here on that has it is shown.
    pub fn key(&mut self, key: KeyEvent) {
        if self.is_typing && self.search.key(key) {
            self.seek_typed();
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        if self.is_typing {
            self.search.paste(text);
            self.seek_typed();
        }
    }

    fn seek_typed(&mut self) {
        self.hit = None;
        self.scroll = self.from;
        if !self.search.is_blank() {
            let count = self.lines.len();
            let found = (self.from..count).chain(0..self.from.min(count)).find(|at| self.has(*at));
            self.show(found);
        }
    }

    /// The next line that has what is searched for, or the one before. `false`: there is none in this direction.
    pub fn seek(&mut self, forward: bool) -> bool {
        let at = self.hit.unwrap_or(self.scroll);
        let found = if forward {
            (at + 1..self.lines.len()).find(|at| self.has(*at))
        } else {
            (0..at.min(self.lines.len())).rev().find(|at| self.has(*at))
        };
        self.show(found);
        found.is_some()
    }

    /// Whether anything is searched for.
    pub fn searches(&self) -> bool {
        !self.search.is_blank()
    }

    fn has(&self, at: usize) -> bool {
        self.lines[at].text().to_lowercase().contains(&self.search.text().trim().to_lowercase())
    }

    fn show(&mut self, found: Option<usize>) {
        if let Some(at) = found {
            self.hit = Some(at);
            self.scroll = at.saturating_sub(2);
        }
    }

    /// Moves.
    pub fn go(&mut self, motion: Motion, rows: usize) {
        let hidden = self.lines.len().saturating_sub(rows);
        self.scroll = match motion {
            Motion::By(lines) => self.scroll.min(hidden).saturating_add_signed(lines).min(hidden),
            Motion::Top => 0,
            Motion::Bottom => hidden,
        };
    }

    /// The heading under which the first line on screen stands.
    fn section(&self, from: usize) -> String {
        let above = self.lines.iter().take(from + 1).rev().find(|line| line.is_heading);
        above.map(Line::text).filter(|_| from > 0).unwrap_or_default()
    }

    /// Draws it.
    pub fn view(&self, _: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let (name, _) = GUIDES[self.which % GUIDES.len()];
        let rows = usize::from(area.height.saturating_sub(2));
        let from = self.scroll.min(self.lines.len().saturating_sub(rows));
        let title = format!("Guide {}/{}: {name}  {}", self.which + 1, GUIDES.len(), self.section(from));
        let foot = "Tab next guide  ] [ headings  / search  Esc closes";
        let inside = canvas.panel(area, Border { title: &title, foot, double: false }, Role::Frame);
        (geometry.overlay_rows, geometry.overlay_lines) = (rows, self.lines.len());
        let (x, room) = (inside.x + 1, inside.width.saturating_sub(2));
        for ((at, line), y) in self.lines.iter().enumerate().skip(from).zip(inside.y..inside.bottom()) {
            let pieces: Vec<(&str, Role)> =
                line.pieces.iter().map(|(text, role)| (text.as_str(), *role)).collect();
            canvas.pieces(x, y, room, &pieces);
            if self.hit == Some(at) {
                canvas.paint(Rect::new(inside.x, y, inside.width, 1), Role::Selected);
            }
        }
        if self.is_typing || self.searches() {
            self.view_search(canvas, inside);
        }
    }

    /// What is searched for, in the last line.
    fn view_search(&self, canvas: &mut Canvas<'_>, inside: Rect) {
        let last = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
        canvas.clear(last);
        let used = canvas.text(last.x + 1, last.y, last.width, "/ ", Role::Key);
        let words =
            if self.search.is_blank() || self.hit.is_some() { "n next  N before" } else { "not found" };
        let beside = u16::try_from(words.len()).unwrap_or(0) + 2;
        let room = last.width.saturating_sub(used + beside + 2);
        self.search.draw(canvas, last.x + 1 + used, last.y, room, self.is_typing);
        canvas.right(last.x, last.y, last.width.saturating_sub(1), words, Role::Dim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guide_fits_every_width_and_loses_no_word() {
        for (name, text) in GUIDES {
            for columns in [20, 56, 76, 110] {
                let lines = lay_out(text, columns, true);
                for line in &lines {
                    let wide = crate::tui::words::width(&line.text());
                    assert!(wide <= columns, "{name} at {columns}: {wide} columns: {}", line.text());
                }
                let squeeze =
                    |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
                let shown: String = lines.iter().map(|line| squeeze(&line.text())).collect();
                for heading in text.lines().filter_map(|line| line.strip_prefix("## ")) {
                    assert!(shown.contains(&squeeze(heading)), "{name} at {columns}: {heading}");
                }
            }
        }
    }

    #[test]
    fn headings_and_words_are_found_in_both_directions() {
        let mut guide = Guide::new(Size::new(80, 24), true);
        guide.to_heading(true);
        let first = guide.scroll;
        guide.to_heading(true);
        assert!(guide.scroll > first && guide.lines[guide.scroll].is_heading);
        guide.to_heading(false);
        assert_eq!(guide.scroll, first);

        guide.begin_search();
        guide.paste("banned");
        let hit = guide.hit.unwrap();
        assert!(guide.lines[hit].text().contains("banned"));
        guide.end_search();
        assert!(!guide.seek(false) || guide.hit.unwrap() < hit);
        assert!(guide.forget_search() && !guide.forget_search());
        // Another width keeps the text.
        guide.fit(Size::new(60, 16));
        assert_eq!(guide.columns, 56);
        guide.turn(true);
        assert_eq!((guide.which, guide.scroll), (1, 0));
        guide.turn(false);
        guide.turn(false);
        assert_eq!(guide.which, 3);
    }
}
