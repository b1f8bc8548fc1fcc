//! Rows and columns. Widths are worked out from the room there is; only visible rows are given.

use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::words;
use ratatui::layout::Rect;
use std::borrow::Cow;

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Its width; the last column takes what is left.
    pub width: u16,
    /// Figures stand at the right.
    pub right: bool,
}

impl Column {
    /// Text, from the left.
    pub const fn left(title: &'static str, width: u16) -> Self {
        Self { title, width, right: false }
    }

    /// Figures, to the right.
    pub const fn right(title: &'static str, width: u16) -> Self {
        Self { title, width, right: true }
    }
}

/// One cell.
#[derive(Debug, Clone)]
pub struct Cell<'a> {
    text: Cow<'a, str>,
    role: Role,
}

impl<'a> Cell<'a> {
    /// A cell with a meaning.
    pub fn new(text: impl Into<Cow<'a, str>>, role: Role) -> Self {
        Self { text: text.into(), role }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text, Role::Text)
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::new(text, Role::Text)
    }
}

/// One row with what stands before it.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent signs, each drawn in its own way")]
pub struct Row<'a> {
    /// The cells, as many as there are columns.
    pub cells: Vec<Cell<'a>>,
    /// Under the cursor: `>` and reversed.
    pub selected: bool,
    /// Marked: `*`.
    pub marked: bool,
    /// No longer there: struck through until the cursor moves.
    pub gone: bool,
    /// Changed by somebody else a moment ago: underlined.
    pub changed: bool,
    /// Old, while newer rows are being fetched.
    pub dim: bool,
}

/// Columns before the first one: cursor and mark.
const GUTTER: u16 = 2;

/// Draws headings and rows; `shift` columns behind the first two are left out (scrolled away).
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, columns: &[Column], shift: usize, rows: &[Row<'_>]) {
    if area.width <= GUTTER || area.height == 0 {
        return;
    }
    let fixed = 2.min(columns.len());
    let shown: Vec<usize> = (0..columns.len())
        .filter(|at| *at < fixed || *at >= fixed + shift.min(columns.len() - fixed))
        .collect();
    let widths = widths(columns, &shown, area.width - GUTTER);
    let mut x = area.x + GUTTER;
    for (at, width) in shown.iter().zip(&widths) {
        place(canvas, x, area.y, *width, columns[*at].right, columns[*at].title, Role::Title);
        x += width + 1;
    }
    for (row, y) in rows.iter().zip(area.y + 1..area.bottom()) {
        draw_row(canvas, Rect::new(area.x, y, area.width, 1), columns, &shown, &widths, row);
    }
}

/// How wide each shown column is: its own width while there is room, the last one the rest.
fn widths(columns: &[Column], shown: &[usize], room: u16) -> Vec<u16> {
    let mut left = room;
    let mut widths = Vec::with_capacity(shown.len());
    for (nth, at) in shown.iter().enumerate() {
        let wanted = if nth + 1 == shown.len() { left } else { columns[*at].width };
        let width = wanted.min(left);
        widths.push(width);
        left = left.saturating_sub(width + 1);
    }
    widths
}

fn draw_row(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &[Column],
    shown: &[usize],
    widths: &[u16],
    row: &Row<'_>,
) {
    let y = area.y;
    if row.selected {
        canvas.text(area.x, y, 1, ">", Role::Title);
    }
    if row.marked {
        canvas.text(area.x + 1, y, 1, "*", Role::Title);
    }
    let mut x = area.x + GUTTER;
    for (at, width) in shown.iter().zip(widths) {
        if let Some(cell) = row.cells.get(*at) {
            let role = if row.dim || row.gone { Role::Dim } else { cell.role };
            place(canvas, x, y, *width, columns[*at].right, &cell.text, role);
        }
        x += width + 1;
    }
    if row.gone {
        let struck = ratatui::style::Style::new().add_modifier(ratatui::style::Modifier::CROSSED_OUT);
        canvas.buffer.set_style(area.intersection(canvas.buffer.area), struck);
    }
    if row.changed {
        canvas.paint(area, Role::Changed);
    }
    if row.selected {
        canvas.paint(area, Role::Selected);
    }
}

fn place(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, right: bool, text: &str, role: Role) {
    if right && words::width(text) <= usize::from(width) {
        canvas.right(x, y, width, text, role);
    } else {
        canvas.text(x, y, width, text, role);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_takes_the_rest_and_nothing_overflows() {
        let columns = [Column::left("A", 4), Column::right("B", 6), Column::left("C", 2)];
        assert_eq!(widths(&columns, &[0, 1, 2], 30), [4, 6, 18]);
        assert_eq!(widths(&columns, &[0, 1, 2], 8), [4, 3, 0]);
        assert_eq!(widths(&columns, &[0, 1, 2], 0), [0, 0, 0]);
    }
}
