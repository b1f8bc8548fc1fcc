//! JSON as this program writes it: the same values, in letters that no terminal obeys.
//!
//! The standard escapes of JSON leave out what a terminal takes for a command (DEL, C1) and what makes a line say what it
//! does not say (directions, zero-width letters, tags). All of it can stand in a name, and nowhere in JSON but in strings.

use serde::Serialize;
use std::fmt::Write;

/// One line of JSON.
///
/// # Errors
/// When the value has no JSON: a map with keys that are no strings.
pub fn line(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(harmless)
}

/// A document with a line for every value.
///
/// # Errors
/// When the value has no JSON: a map with keys that are no strings.
pub fn document(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(harmless)
}

/// The same JSON with everything escaped that a terminal could obey or hide.
fn harmless(json: String) -> String {
    // Most of it is ASCII and needs nothing.
    if !json.contains(is_harmful) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    let mut units = [0; 2];
    for letter in json.chars() {
        if is_harmful(letter) {
            for unit in letter.encode_utf16(&mut units) {
                // A string takes everything.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(letter);
        }
    }
    out
}

/// Inside strings C0 is escaped already; outside of them its line breaks are the layout.
fn is_harmful(letter: char) -> bool {
    matches!(
        letter,
        '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_the_value_stays() {
        let all: String = ('\0'..='\u{e0fff}').collect();
        for value in
            [json!({ "name": all, all.as_str(): [1, null] }), json!("\u{1b}[2J\u{9b}2J\u{7f}\u{e0041}")]
        {
            for text in [line(&value).unwrap(), document(&value).unwrap()] {
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
                let raw: Vec<char> = text
                    .chars()
                    .filter(|letter| {
                        (letter.is_control() && *letter != '\n')
                            || crate::domain::text::Safe::new(&letter.to_string()).is_empty()
                            || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
                    })
                    .filter(|letter| !is_mark(*letter))
                    .collect();
                assert_eq!(raw, Vec::<char>::new());
            }
        }
        assert_eq!(line(&"a\u{202e}b\u{e0041}\u{9b}").unwrap(), r#""a\u202eb\udb40\udc41\u009b""#);
    }

    /// Marks that belong to the letter before them, and are only there with it.
    fn is_mark(letter: char) -> bool {
        matches!(letter, '\u{34f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
    }

    #[test]
    fn letters_of_people_are_left_as_they_are() {
        let names =
            "Zo\u{eb} \u{4f60}\u{597d} \u{645}\u{631}\u{62d}\u{628}\u{627} \u{1f600} \u{65e5}\u{672c}";
        assert_eq!(line(&names).unwrap(), format!("\"{names}\""));
        assert_eq!(document(&json!({ "a": [1] })).unwrap(), "{\n  \"a\": [\n    1\n  ]\n}");
    }
}
