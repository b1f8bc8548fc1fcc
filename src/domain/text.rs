//! The one place where text from outside is made safe for a terminal, a log or a clipboard.
//!
//! Names, provider answers, files and other operators' notes are untrusted. A terminal obeys escape sequences, and
//! bidirectional overrides or zero-width characters make a line say what it does not say. [`Safe`] is the only type
//! that views and logs accept, and [`Safe::new`] the only way to make one from outside text.

use serde::Serialize;
use std::{borrow::Cow, fmt, ops::Deref};
use unicode_segmentation::UnicodeSegmentation;

/// Longest text that is shown, in graphemes; longer ones are cut with an ellipsis.
pub const GRAPHEME_LIMIT: usize = 256;
/// Most code points one grapheme keeps: a cell with thousands of combining marks costs thousands of bytes a frame.
const CODE_POINTS_PER_GRAPHEME: usize = 10;
const REPLACEMENT: char = '\u{fffd}';

/// Text that cannot control a terminal.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Safe(String);

impl Safe {
    /// Cleans `raw` and cuts it at [`GRAPHEME_LIMIT`] graphemes.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self::cut(raw, GRAPHEME_LIMIT)
    }

    /// Cleans `raw` and cuts it at `limit` graphemes.
    #[must_use]
    pub fn cut(raw: &str, limit: usize) -> Self {
        // Most text is printable ASCII and needs nothing.
        if raw.len() <= limit && raw.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Self(raw.to_owned());
        }
        Self(clean(raw, limit))
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cleaned text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Deref for Safe {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Safe {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<String> for Safe {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

/// Text from outside as it is shown, and what it really was if cleaning changed it: a tampered name must not pass for
/// a clean one, and an operator may want to see what was in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Shown {
    text: Safe,
    escaped: Option<Safe>,
}

impl Shown {
    /// Cleans `raw` and remembers its escaped form if that changed anything.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        let text = Safe::new(raw);
        let escaped = (text.as_str() != raw).then(|| Safe(escaped(raw)));
        Self { text, escaped }
    }

    /// The cleaned text.
    #[must_use]
    pub fn safe(&self) -> &Safe {
        &self.text
    }

    /// The cleaned text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the text on screen differs from what is stored.
    #[must_use]
    pub fn is_altered(&self) -> bool {
        self.escaped.is_some()
    }

    /// The stored text with every changed character as `\u{…}`; `None` if cleaning changed nothing.
    #[must_use]
    pub fn escaped(&self) -> Option<&Safe> {
        self.escaped.as_ref()
    }
}

impl From<&str> for Shown {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

/// Shows what [`Safe`] took away: every character that it would change stands as its escape, `\u{202e}`.
#[must_use]
pub fn escaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for character in raw.chars() {
        if matches!(treat(character), Treatment::Keep) && !is_joiner(character) {
            out.push(character);
        } else {
            out.extend(character.escape_unicode());
        }
    }
    Safe::cut(&out, GRAPHEME_LIMIT * 8).into_string()
}

fn clean(raw: &str, limit: usize) -> String {
    let mut out = String::with_capacity(raw.len().min(limit * 4));
    let mut graphemes = 0;
    let without_sequences = strip_sequences(raw);
    for grapheme in without_sequences.graphemes(true) {
        let mut kept = String::new();
        let mut has_base = false;
        for character in grapheme.chars().take(CODE_POINTS_PER_GRAPHEME) {
            match treat(character) {
                Treatment::Keep if is_joiner(character) && !has_base => {}
                Treatment::Keep => {
                    has_base |= !is_joiner(character);
                    kept.push(character);
                }
                Treatment::Space => {
                    has_base = true;
                    kept.push(' ');
                }
                Treatment::Replace => {
                    has_base = true;
                    kept.push(REPLACEMENT);
                }
                Treatment::Remove => {}
            }
        }
        // CR LF is one grapheme and one line break.
        if kept == "  " && grapheme == "\r\n" {
            kept.truncate(1);
        }
        if kept.is_empty() {
            continue;
        }
        if graphemes == limit {
            out.push('\u{2026}');
            break;
        }
        graphemes += 1;
        out.push_str(&kept);
    }
    out
}

enum Treatment {
    Keep,
    Space,
    Replace,
    Remove,
}

fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn treat(character: char) -> Treatment {
    match character {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Treatment::Space,
        '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{ad}'
        | '\u{180e}'
        | '\u{34f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Treatment::Remove,
        other if is_control(other) || is_direction(other) || is_empty_glyph(other) => Treatment::Replace,
        _ => Treatment::Keep,
    }
}

/// C0, DEL and C1.
fn is_control(character: char) -> bool {
    matches!(character, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}')
}

/// Marks, overrides and isolates that change the order in which a line is read.
fn is_direction(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Fillers that look like nothing, private use, and code points that are no characters.
fn is_empty_glyph(character: char) -> bool {
    matches!(
        character,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{f0000}'..='\u{fffff}'
            | '\u{100000}'..='\u{10ffff}'
            | '\u{fdd0}'..='\u{fdef}'
    ) || (character as u32) & 0xfffe == 0xfffe
}

/// Replaces each whole escape sequence (CSI, OSC, DCS and their kin, 7-bit or 8-bit) by one replacement character,
/// so that `[2J` does not stay behind as visible rubbish.
fn strip_sequences(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['\u{1b}', '\u{90}', '\u{98}', '\u{9b}', '\u{9d}', '\u{9e}', '\u{9f}']) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars().peekable();
    while let Some(character) = rest.next() {
        let introducer = match character {
            '\u{1b}' => match rest.peek() {
                Some('[') => {
                    rest.next();
                    '\u{9b}'
                }
                Some(']') => {
                    rest.next();
                    '\u{9d}'
                }
                Some('P' | 'X' | '^' | '_') => {
                    rest.next();
                    '\u{90}'
                }
                Some('\u{20}'..='\u{7e}') => {
                    rest.next();
                    out.push(REPLACEMENT);
                    continue;
                }
                _ => {
                    out.push(REPLACEMENT);
                    continue;
                }
            },
            other => other,
        };
        match introducer {
            '\u{9b}' => {
                while rest.peek().is_some_and(|next| matches!(next, '\u{20}'..='\u{3f}')) {
                    rest.next();
                }
                if rest.peek().is_some_and(|next| matches!(next, '\u{40}'..='\u{7e}')) {
                    rest.next();
                }
                out.push(REPLACEMENT);
            }
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => {
                skip_string(&mut rest);
                out.push(REPLACEMENT);
            }
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Skips to the end of a control string: BEL, ST, or the end of the line (an unterminated one must not eat the rest).
fn skip_string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(next) = rest.peek().copied() {
        match next {
            '\n' | '\r' => return,
            '\u{7}' | '\u{9c}' => {
                rest.next();
                return;
            }
            '\u{1b}' => {
                rest.next();
                if rest.peek() == Some(&'\\') {
                    rest.next();
                }
                return;
            }
            _ => {
                rest.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(raw: &str) -> String {
        Safe::new(raw).into_string()
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in
            ["", "Ana", "José Muñoz", "Привет", "你好", "e\u{301}", "👩\u{200d}👩\u{200d}👧 ok", "❤\u{fe0f}"]
        {
            assert_eq!(safe(text), text);
        }
    }

    #[test]
    fn whole_escape_sequences_become_one_mark() {
        assert_eq!(safe("a\x1b[2Jb"), "a\u{fffd}b");
        assert_eq!(safe("a\x1b]0;title\x07b"), "a\u{fffd}b");
        assert_eq!(safe("a\x1b]0;title\x1b\\b"), "a\u{fffd}b");
        assert_eq!(safe("a\u{9b}31mb"), "a\u{fffd}b");
        assert_eq!(safe("a\x1bPq#0\x1b\\b"), "a\u{fffd}b");
        assert_eq!(safe("a\x1bcb"), "a\u{fffd}b");
        assert_eq!(safe("a\x1b]0;never ends\nnext"), "a\u{fffd} next");
    }

    #[test]
    fn controls_and_direction_marks_stay_visible_as_tampering() {
        assert_eq!(safe("a\0b\x7fc\u{9c}d"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
        assert_eq!(safe("evil\u{202e}gpj.exe\u{2066}"), "evil\u{fffd}gpj.exe\u{fffd}");
        assert_eq!(safe("a\tb\r\nc\u{2028}d"), "a b c d");
    }

    #[test]
    fn the_invisible_is_removed() {
        assert_eq!(safe("a\u{200b}b\u{feff}c\u{ad}d\u{e0041}"), "abcd");
        assert_eq!(safe("\u{200d}\u{fe0f}x"), "x");
    }

    #[test]
    fn length_is_bounded() {
        let marks = format!("a{}", "\u{301}".repeat(10_000));
        assert_eq!(safe(&marks).chars().count(), CODE_POINTS_PER_GRAPHEME);
        let long = "é".repeat(1_000);
        assert_eq!(safe(&long).graphemes(true).count(), GRAPHEME_LIMIT + 1);
        assert!(safe(&long).ends_with('\u{2026}'));
        assert_eq!(Safe::cut("abcdef", 3).as_str(), "abc\u{2026}");
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        let mut seed: u64 = 7;
        for _ in 0..20_000 {
            let text: String = (0..12)
                .map(|_| {
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let pick = u32::try_from(seed >> 40).unwrap_or(0);
                    match pick % 4 {
                        0 => char::from_u32(pick % 0x20),
                        1 => char::from_u32(0x7f + pick % 0x30),
                        2 => char::from_u32(0x2000 + pick % 0x80),
                        _ => char::from_u32(pick % 0x11_0000),
                    }
                    .unwrap_or('x')
                })
                .collect();
            let once = safe(&text);
            assert_eq!(safe(&once), once, "{}", text.escape_unicode());
            assert!(!once.chars().any(char::is_control), "{}", text.escape_unicode());
        }
    }

    #[test]
    fn an_altered_text_says_so() {
        assert!(!Shown::new("Ana").is_altered());
        let altered = Shown::new("a\u{202e}b");
        assert_eq!(altered.as_str(), "a\u{fffd}b");
        assert_eq!(altered.escaped().map(Safe::as_str), Some("a\\u{202e}b"));
    }

    #[test]
    fn the_escaped_form_shows_what_was_changed() {
        assert_eq!(escaped("a\u{202e}b\x1b[0m"), "a\\u{202e}b\\u{1b}[0m");
    }
}
