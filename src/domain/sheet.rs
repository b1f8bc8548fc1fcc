//! Cells that spreadsheets open.

use std::borrow::Cow;

/// A cell that no spreadsheet runs: an apostrophe stands before what it would take for a formula.
#[must_use]
pub fn disarmed(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// What a spreadsheet would take for a formula. A phone, a plus and digits, is none.
fn is_formula(cell: &str) -> bool {
    let is_phone = cell
        .strip_prefix('+')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    !is_phone && cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed_and_phones_stay_whole() {
        for formula in ["=1+1", "+1-2", "-2", "@SUM(A1)", "\tx", "\r=1", "+"] {
            assert_eq!(disarmed(formula), format!("'{formula}"));
        }
        for plain in ["+237600000001", "Ana", "", "1-2"] {
            assert_eq!(disarmed(plain), plain);
        }
    }
}
