//! A line that can be typed into. Everything that gets in is cleaned and bounded, pasted text too.

use crate::domain::text::Safe;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::words;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input as Editor, InputRequest};
use unicode_segmentation::UnicodeSegmentation as _;

/// Longest text of an input, in graphemes.
pub const LENGTH_LIMIT: usize = 200;
/// The same for what a person is answered.
pub const LONG_LIMIT: usize = 1_000;
/// Longest piece of a paste that is looked at, in bytes: a pasted megabyte must cost nothing.
const PASTE_LIMIT: usize = 4_096;

/// A line that can be typed into.
#[derive(Debug, Clone)]
pub struct Input {
    editor: Editor,
    /// Most graphemes.
    limit: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self { editor: Editor::default(), limit: LENGTH_LIMIT }
    }
}

impl Input {
    /// An input that already holds `text`, with the cursor at its end.
    pub fn with(text: &str) -> Self {
        Self { editor: Editor::new(Safe::cut(text, LENGTH_LIMIT).into_string()), limit: LENGTH_LIMIT }
    }

    /// An empty one for a message to a person.
    pub fn long() -> Self {
        Self { limit: LONG_LIMIT, ..Self::default() }
    }

    /// An empty one for at most so many graphemes.
    pub fn of(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// What is in it.
    pub fn text(&self) -> &str {
        self.editor.value()
    }

    /// Whether it is empty but for spaces.
    pub fn is_blank(&self) -> bool {
        self.text().trim().is_empty()
    }

    /// Replaces everything.
    pub fn set(&mut self, text: &str) {
        *self = Self::with(text);
    }

    /// Replaces everything, within its own limit.
    pub fn fill(&mut self, text: &str) {
        self.editor = Editor::new(Safe::cut(text, self.limit).into_string());
    }

    /// Takes a key that edits; answers whether it was one.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.modifiers.contains(KeyModifiers::ALT) {
            return false;
        }
        let request = match (key.code, control) {
            (KeyCode::Char(character), false) => {
                // A control character in the shape of a key is no text.
                if Safe::new(character.encode_utf8(&mut [0; 4])).as_str()
                    != character.encode_utf8(&mut [0; 4])
                    || self.text().graphemes(true).count() >= self.limit
                {
                    return true;
                }
                InputRequest::InsertChar(character)
            }
            (KeyCode::Backspace, false) => InputRequest::DeletePrevChar,
            (KeyCode::Delete, false) => InputRequest::DeleteNextChar,
            (KeyCode::Left, false) => InputRequest::GoToPrevChar,
            (KeyCode::Right, false) => InputRequest::GoToNextChar,
            (KeyCode::Left, true) => InputRequest::GoToPrevWord,
            (KeyCode::Right, true) => InputRequest::GoToNextWord,
            (KeyCode::Home, false) | (KeyCode::Char('a'), true) => InputRequest::GoToStart,
            (KeyCode::End, false) | (KeyCode::Char('e'), true) => InputRequest::GoToEnd,
            (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
            (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
            _ => return false,
        };
        let _ = self.editor.handle(request);
        true
    }

    /// As [`Input::paste`]; answers whether all of it found room.
    pub fn paste_whole(&mut self, text: &str) -> bool {
        let room = self.limit.saturating_sub(self.text().graphemes(true).count());
        self.paste(text);
        text.len() <= PASTE_LIMIT.max(self.limit * 4) && text.graphemes(true).take(room + 1).count() <= room
    }

    /// Takes pasted text at the cursor: cleaned, line breaks as spaces, up to the limit.
    pub fn paste(&mut self, text: &str) {
        let mut end = text.len().min(PASTE_LIMIT.max(self.limit * 4));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let room = self.limit.saturating_sub(self.text().graphemes(true).count());
        if room == 0 {
            return;
        }
        let clean = Safe::cut(&text[..end], self.limit).into_string();
        for character in clean.graphemes(true).take(room).flat_map(str::chars) {
            let _ = self.editor.handle(InputRequest::InsertChar(character));
        }
    }

    /// Draws it in `columns` from `x`, scrolled so that the cursor is visible; the cursor is reversed, or `_` at the
    /// end in plain ASCII.
    pub fn draw(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, columns: u16, focused: bool) {
        if columns == 0 {
            return;
        }
        let text = self.text();
        let cursor = text.char_indices().nth(self.editor.cursor()).map_or(text.len(), |(at, _)| at);
        let (before, behind) = text.split_at(cursor);
        let room = usize::from(columns).saturating_sub(1);
        let (mut from, mut shown) = (before.len(), 0);
        for (at, grapheme) in before.grapheme_indices(true).rev() {
            shown += words::width(grapheme);
            if shown > room {
                break;
            }
            from = at;
        }
        let role = if focused { Role::Text } else { Role::Dim };
        let used = canvas.styled(x, y, columns, &before[from..], canvas.style(role));
        if !focused {
            canvas.text(x + used, y, columns - used, behind, role);
            return;
        }
        let under = behind.graphemes(true).next();
        let shown = under.unwrap_or("_");
        let at = x + used;
        let width = canvas.text(at, y, columns.saturating_sub(used), shown, Role::Selected);
        if let Some(under) = under {
            canvas.text(at + width, y, columns.saturating_sub(used + width), &behind[under.len()..], role);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(input: &mut Input, code: KeyCode) -> bool {
        input.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn typing_edits() {
        let mut input = Input::default();
        for character in "anna".chars() {
            assert!(press(&mut input, KeyCode::Char(character)));
        }
        press(&mut input, KeyCode::Left);
        press(&mut input, KeyCode::Backspace);
        assert_eq!(input.text(), "ana");
        assert!(!press(&mut input, KeyCode::Enter), "Enter is not for the input");
    }

    #[test]
    fn a_paste_is_cleaned_and_bounded() {
        let mut input = Input::default();
        input.paste("one\ntwo\x1b[2J\u{202e}\0");
        assert!(!input.text().chars().any(char::is_control));
        assert!(input.text().starts_with("one two"));
        input.set("");
        input.paste(&"x".repeat(1_000_000));
        assert_eq!(input.text().len(), LENGTH_LIMIT);
        assert!(press(&mut input, KeyCode::Char('y')));
        assert_eq!(input.text().len(), LENGTH_LIMIT);
    }

    #[test]
    fn control_characters_are_no_text() {
        let mut input = Input::default();
        for character in ['\u{1b}', '\u{202e}', '\0', '\u{9b}'] {
            press(&mut input, KeyCode::Char(character));
        }
        assert_eq!(input.text(), "");
    }
}
