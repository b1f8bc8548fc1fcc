//! A chart of a rate over time, in columns of block glyphs or `.:|`.

use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::Canvas;
use crate::tui::words;
use ratatui::layout::Rect;

const FINE: [&str; 9] =
    [" ", "\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2587}", "\u{2588}"];
const PLAIN: [&str; 4] = [" ", ".", ":", "|"];

/// The figure that the top of the axis stands for: 1, 2 or 5 times a power of ten, at least `largest`.
pub fn axis_top(largest: u64) -> u64 {
    let mut top: u64 = 1;
    loop {
        for step in [1, 2, 5] {
            if top.saturating_mul(step) >= largest {
                return top.saturating_mul(step);
            }
        }
        match top.checked_mul(10) {
            Some(next) => top = next,
            None => return u64::MAX,
        }
    }
}

/// The glyph of one cell: `row` counts from the bottom of `rows`.
fn cell(value: u64, top: u64, row: u16, rows: u16, theme: Theme) -> &'static str {
    let glyphs: &[&'static str] = if theme.ascii { &PLAIN } else { &FINE };
    let steps = (glyphs.len() - 1) as u128;
    let height = u128::from(value) * u128::from(rows) * steps / u128::from(top.max(1));
    // Something is never drawn as nothing.
    let height = if value > 0 { height.max(1) } else { height };
    let below = u128::from(row) * steps;
    let level = height.saturating_sub(below).min(steps);
    glyphs[usize::try_from(level).unwrap_or(0)]
}

/// Draws `values` (oldest first, the newest at the right edge) with an axis of figures at the left.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, values: &[u64], role: Role) {
    if area.height == 0 || area.width < 8 {
        return;
    }
    let top = axis_top(values.iter().copied().max().unwrap_or(0));
    let line_glyph = canvas.theme.glyph("\u{2502}", "|");
    let axis = u16::try_from(words::short_count(top).len()).unwrap_or(6).max(3);
    let room = area.width.saturating_sub(axis + 1);
    let start = values.len().saturating_sub(usize::from(room));
    for row in 0..area.height {
        let y = area.bottom() - 1 - row;
        if row + 1 == area.height {
            canvas.right(area.x, y, axis, &words::short_count(top), Role::Dim);
        } else if row == 0 {
            canvas.right(area.x, y, axis, "0", Role::Dim);
        }
        canvas.text(area.x + axis, y, 1, line_glyph, Role::Frame);
        let mut line = String::with_capacity(usize::from(room) * 3);
        let shown = &values[start..];
        line.push_str(&" ".repeat(usize::from(room).saturating_sub(shown.len())));
        for value in shown {
            line.push_str(cell(*value, top, row, area.height, canvas.theme));
        }
        canvas.text(area.x + axis + 1, y, room, &line, role);
    }
}

/// The values as `rows` lines of glyphs, the uppermost first; `top` is what a full column stands for.
pub fn lines(values: &[u64], top: u64, rows: u16, theme: Theme) -> Vec<String> {
    let line = |row| values.iter().map(|value| cell(*value, top, row, rows, theme)).collect();
    (0..rows).rev().map(line).collect()
}

/// The values as one line of glyphs.
pub fn spark(values: &[u64], theme: Theme) -> String {
    let top = values.iter().copied().max().unwrap_or(0).max(1);
    values.iter().map(|value| cell(*value, top, 0, 1, theme)).collect()
}

/// `values` summed up into `columns` sums of equal span; the last ones stay the newest.
pub fn squeeze(values: &[u32], columns: usize) -> Vec<u64> {
    if columns == 0 || values.is_empty() {
        return Vec::new();
    }
    let span = values.len().div_ceil(columns);
    let mut sums: Vec<u64> =
        values.rchunks(span).map(|chunk| chunk.iter().map(|v| u64::from(*v)).sum()).collect();
    sums.reverse();
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_figure() {
        assert_eq!([0, 1, 3, 7, 41, 60, 1001].map(axis_top), [1, 1, 5, 10, 50, 100, 2000]);
        assert_eq!(axis_top(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_column_is_as_high_as_its_value() {
        let theme = Theme { ascii: true, ..Theme::default() };
        let column = |value| [0, 1].map(|row| cell(value, 60, row, 2, theme));
        assert_eq!(column(0), [" ", " "]);
        assert_eq!(column(1), [".", " "], "something is never nothing");
        assert_eq!(column(30), ["|", " "]);
        assert_eq!(column(60), ["|", "|"]);
    }

    #[test]
    fn sums_keep_the_newest_whole() {
        assert_eq!(squeeze(&[1, 2, 3, 4, 5], 2), [3, 12]);
        assert_eq!(squeeze(&[1, 2], 5), [1, 2]);
        assert!(squeeze(&[], 5).is_empty());
    }
}
