//! Writing cells in the text format of `copy`: cells end with a tab, rows with a newline, null is `\N`.

/// Null.
pub(super) const NULL: &[u8] = b"\\N";

/// Writes a cell's text.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    push_escaped(out, text, |byte| match byte {
        b'\\' => Some(b"\\\\"),
        b'\t' => Some(b"\\t"),
        b'\n' => Some(b"\\n"),
        b'\r' => Some(b"\\r"),
        _ => None,
    });
}

/// Writes a text inside the double quotes of an array literal. Its escapes are escaped once more for `copy`.
pub(super) fn push_array_element(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text, |byte| match byte {
        b'"' => Some(b"\\\\\""),
        b'\\' => Some(b"\\\\\\\\"),
        b'\t' => Some(b"\\t"),
        b'\n' => Some(b"\\n"),
        b'\r' => Some(b"\\r"),
        _ => None,
    });
    out.push(b'"');
}

/// Writes a JSON string with its quotes. Its escapes are escaped once more for `copy`.
pub(super) fn push_json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text, |byte| match byte {
        b'"' => Some(b"\\\\\""),
        b'\\' => Some(b"\\\\\\\\"),
        b'\t' => Some(b"\\\\t"),
        b'\n' => Some(b"\\\\n"),
        b'\r' => Some(b"\\\\r"),
        0..=0x1f => Some(CONTROLS[usize::from(byte)]),
        _ => None,
    });
    out.push(b'"');
}

/// Copies runs of plain bytes at once and replaces the others.
fn push_escaped(out: &mut Vec<u8>, text: &str, escape: impl Fn(u8) -> Option<&'static [u8]>) {
    let bytes = text.as_bytes();
    let mut plain_from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if let Some(replacement) = escape(*byte) {
            out.extend_from_slice(&bytes[plain_from..at]);
            out.extend_from_slice(replacement);
            plain_from = at + 1;
        }
    }
    out.extend_from_slice(&bytes[plain_from..]);
}

/// Writes a decimal number.
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// JSON's escapes of the control characters, with the backslash doubled for `copy`.
const CONTROLS: [&[u8]; 32] = [
    b"\\\\u0000",
    b"\\\\u0001",
    b"\\\\u0002",
    b"\\\\u0003",
    b"\\\\u0004",
    b"\\\\u0005",
    b"\\\\u0006",
    b"\\\\u0007",
    b"\\\\u0008",
    b"\\\\u0009",
    b"\\\\u000a",
    b"\\\\u000b",
    b"\\\\u000c",
    b"\\\\u000d",
    b"\\\\u000e",
    b"\\\\u000f",
    b"\\\\u0010",
    b"\\\\u0011",
    b"\\\\u0012",
    b"\\\\u0013",
    b"\\\\u0014",
    b"\\\\u0015",
    b"\\\\u0016",
    b"\\\\u0017",
    b"\\\\u0018",
    b"\\\\u0019",
    b"\\\\u001a",
    b"\\\\u001b",
    b"\\\\u001c",
    b"\\\\u001d",
    b"\\\\u001e",
    b"\\\\u001f",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_cannot_leave_its_cell() {
        assert_eq!(written(|out| push_text(out, "a\tb\nc\\N\rd")), "a\\tb\\nc\\\\N\\rd");
        assert_eq!(written(|out| push_array_element(out, "a\"b\\c\td")), "\"a\\\\\"b\\\\\\\\c\\td\"");
        assert_eq!(written(|out| push_json_string(out, "a\"\n\u{1}\\")), "\"a\\\\\"\\\\n\\\\u0001\\\\\\\\\"");
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(written(|out| push_number(out, number)), number.to_string());
        }
    }
}
