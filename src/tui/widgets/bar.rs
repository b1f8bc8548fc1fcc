//! How full something is: `[#####.....]`.

use crate::tui::theme::Theme;

/// A bar of `cells` cells between brackets. A part above zero shows at least one cell only when it deserves it: the
/// figure beside it tells the rest.
pub fn bar(part: u64, whole: u64, cells: usize, theme: Theme) -> String {
    let filled = if whole == 0 {
        0
    } else {
        let exact = u128::from(part.min(whole)) * cells as u128;
        usize::try_from((exact + u128::from(whole) / 2) / u128::from(whole)).unwrap_or(cells)
    };
    let filled = filled.min(cells);
    format!(
        "[{}{}]",
        theme.glyph("\u{2588}", "#").repeat(filled),
        theme.glyph("\u{b7}", ".").repeat(cells - filled)
    )
}

/// A plain run of cells, for sums that are compared with each other.
pub fn run(part: u64, largest: u64, cells: usize, theme: Theme) -> String {
    if part == 0 || largest == 0 {
        return String::new();
    }
    let length = usize::try_from(u128::from(part) * cells as u128 / u128::from(largest)).unwrap_or(cells);
    theme.glyph("\u{2588}", "#").repeat(length.clamp(1, cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_the_figure() {
        let theme = Theme { ascii: true, ..Theme::default() };
        assert_eq!(bar(0, 10, 10, theme), "[..........]");
        assert_eq!(bar(52, 100, 10, theme), "[#####.....]");
        assert_eq!(bar(10, 10, 10, theme), "[##########]");
        assert_eq!(bar(20, 10, 4, theme), "[####]");
        assert_eq!(bar(0, 0, 4, theme), "[....]");
        assert_eq!(bar(u64::MAX, u64::MAX, 4, theme), "[####]");
        assert_eq!(run(1, 1000, 10, theme), "#");
        assert_eq!(run(0, 1000, 10, theme), "");
    }
}
