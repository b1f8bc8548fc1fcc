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

/// The line on which a quote opens that never closes. Readers of CSV take all that follows into its cell, to the end of the
/// file.
#[must_use]
pub fn unclosed_quote(text: &str, delimiter: u8) -> Option<usize> {
    let (mut line, mut opened, mut begins) = (1, None, true);
    let mut letters = text.bytes().peekable();
    while let Some(letter) = letters.next() {
        match (opened, letter) {
            // Two of them are one that stands there itself.
            (Some(_), b'"') => {
                if letters.next_if_eq(&b'"').is_none() {
                    opened = None;
                }
                begins = false;
            }
            (None, b'"') if begins => opened = Some(line),
            (_, letter) => begins = letter == delimiter || matches!(letter, b'\n' | b'\r'),
        }
        line += usize::from(letter == b'\n');
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_never_closes_is_found_where_it_opens() {
        for (text, line) in [
            ("a,b\n1,\"two\nlines\"\n2,\"never\n3,c\n", Some(4)),
            ("a,b\n1,\"a \"\"quoted\"\" word\n", Some(2)),
            ("\"a\",b\r\n1,\"\"\r\n", None),
            ("a,b\n1,12\" pipes\n2,say \"yes\n", None),
            ("a;b\n1;\"x", Some(2)),
        ] {
            assert_eq!(unclosed_quote(text, if text.contains(';') { b';' } else { b',' }), line, "{text}");
        }
    }

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
