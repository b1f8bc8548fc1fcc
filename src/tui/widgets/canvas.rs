//! The buffer with the theme at hand: text in columns, boxes, rows.

use crate::tui::theme::{Role, Theme};
use crate::tui::words;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A place to draw on.
pub struct Canvas<'a> {
    /// The cells.
    pub buffer: &'a mut Buffer,
    /// How things look.
    pub theme: Theme,
}

/// The words in a box's border.
#[derive(Debug, Default, Clone, Copy)]
pub struct Border<'a> {
    /// Top left.
    pub title: &'a str,
    /// Bottom right.
    pub foot: &'a str,
    /// Drawn with double lines: dialogs that want an answer.
    pub double: bool,
}

impl Canvas<'_> {
    /// How a role looks.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Text in at most `columns`, cut with an ellipsis; answers how many columns it took.
    pub fn text(&mut self, x: u16, y: u16, columns: u16, text: &str, role: Role) -> u16 {
        self.styled(x, y, columns, text, self.theme.style(role))
    }

    /// As [`Canvas::text`], with a style of its own.
    pub fn styled(&mut self, x: u16, y: u16, columns: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if columns == 0 || x >= area.right() || y >= area.bottom() || y < area.y || x < area.x {
            return 0;
        }
        let columns = columns.min(area.right() - x);
        let cut = words::fit(text, usize::from(columns), self.theme.ascii);
        let (end, _) = self.buffer.set_stringn(x, y, &cut, usize::from(columns), style);
        end.saturating_sub(x)
    }

    /// Text that ends where the area of `columns` from `x` ends.
    pub fn right(&mut self, x: u16, y: u16, columns: u16, text: &str, role: Role) -> u16 {
        let wide = u16::try_from(words::width(text)).unwrap_or(u16::MAX).min(columns);
        self.text(x + columns - wide, y, wide, text, role)
    }

    /// Several pieces after each other; answers where the last one ended.
    pub fn pieces(&mut self, x: u16, y: u16, columns: u16, pieces: &[(&str, Role)]) -> u16 {
        let mut at = x;
        for (text, role) in pieces {
            let left = (x + columns).saturating_sub(at);
            at += self.text(at, y, left, text, *role);
        }
        at
    }

    /// Blanks an area, so that nothing shows through.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        let blank = " ".repeat(usize::from(area.width));
        for y in area.y..area.bottom() {
            self.buffer.set_stringn(area.x, y, &blank, usize::from(area.width), Style::reset());
        }
    }

    /// Changes how an area looks, keeping what it says.
    pub fn paint(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buffer.area);
        let style = self.theme.style(role);
        self.buffer.set_style(area, style);
    }

    /// A box; answers the room inside.
    pub fn panel(&mut self, area: Rect, border: Border<'_>, role: Role) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 2 || area.height < 2 {
            return Rect::new(area.x, area.y, 0, 0);
        }
        let frame = self.theme.style(role);
        let [corners, across, down] = match (self.theme.ascii, border.double) {
            (true, false) => [["+", "+", "+", "+"], ["-"; 4], ["|"; 4]],
            (true, true) => [["+", "+", "+", "+"], ["="; 4], ["|"; 4]],
            (false, false) => {
                [["\u{250c}", "\u{2510}", "\u{2514}", "\u{2518}"], ["\u{2500}"; 4], ["\u{2502}"; 4]]
            }
            (false, true) => {
                [["\u{2554}", "\u{2557}", "\u{255a}", "\u{255d}"], ["\u{2550}"; 4], ["\u{2551}"; 4]]
            }
        };
        let (left, right) = (area.x, area.right() - 1);
        let (top, bottom) = (area.y, area.bottom() - 1);
        let line = across[0].repeat(usize::from(area.width - 2));
        for (y, from, to) in [(top, corners[0], corners[1]), (bottom, corners[2], corners[3])] {
            self.buffer.set_stringn(left, y, from, 1, frame);
            self.buffer.set_stringn(left + 1, y, &line, usize::from(area.width - 2), frame);
            self.buffer.set_stringn(right, y, to, 1, frame);
        }
        for y in top + 1..bottom {
            self.buffer.set_stringn(left, y, down[0], 1, frame);
            self.buffer.set_stringn(right, y, down[0], 1, frame);
        }
        self.border_words(area, border, role);
        Rect::new(left + 1, top + 1, area.width - 2, area.height - 2)
    }

    fn border_words(&mut self, area: Rect, border: Border<'_>, role: Role) {
        let room = area.width.saturating_sub(4);
        let title_role = if matches!(role, Role::Frame | Role::Dim) { Role::Title } else { role };
        if !border.title.is_empty() && room > 2 {
            self.text(area.x + 2, area.y, room, &format!(" {} ", border.title), title_role);
        }
        if !border.foot.is_empty() && room > 2 {
            let words = format!(" {} ", border.foot);
            let wide = u16::try_from(words::width(&words)).unwrap_or(room).min(room);
            self.text(area.right() - 2 - wide, area.bottom() - 1, wide, &words, Role::Text);
        }
    }
}

/// A box of this size in the middle of `area`, as far as there is room.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}
