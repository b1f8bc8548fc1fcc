//! A line for a secret: it takes one and shows how long it is, and nothing else. It is wiped when it is dropped.

use crate::domain::channel::Unsealed;
use crate::domain::text::Safe;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;
use zeroize::Zeroizing;

/// Longest secret, in bytes. There is room for it from the beginning: what grows leaves copies behind.
const LIMIT: usize = 1_024;

/// A line for a secret.
pub struct Masked(Zeroizing<String>);

impl Default for Masked {
    fn default() -> Self {
        Self(Zeroizing::new(String::with_capacity(LIMIT)))
    }
}

impl Clone for Masked {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.0.push_str(&self.0);
        copy
    }
}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masked(...)")
    }
}

impl Masked {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The secret, for whoever seals it.
    pub fn secret(&self) -> Option<Unsealed> {
        (!self.is_empty()).then(|| Unsealed::new(self.0.trim()))
    }

    /// Takes a key that edits.
    pub fn key(&mut self, key: KeyEvent) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match (key.code, control) {
            _ if key.modifiers.contains(KeyModifiers::ALT) => {}
            (KeyCode::Char(letter), false)
                if !letter.is_control() && self.0.len() + letter.len_utf8() <= LIMIT =>
            {
                self.0.push(letter);
            }
            (KeyCode::Backspace, false) => {
                self.0.pop();
            }
            (KeyCode::Char('u' | 'w'), true) => self.0.clear(),
            _ => {}
        }
    }

    /// Takes pasted text, or none of it: half a secret is no secret. Whether it was taken.
    pub fn paste(&mut self, text: &str) -> bool {
        let text = text.trim_matches(['\r', '\n']);
        let fits = self.0.len() + text.len() <= LIMIT && Safe::cut(text, LIMIT).as_str() == text;
        if fits {
            self.0.push_str(text);
        }
        fits
    }

    /// Draws how long it is.
    pub fn draw(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, columns: u16, focused: bool) {
        let room = usize::from(columns.saturating_sub(1));
        let stars = "*".repeat(self.0.chars().count().min(room));
        let role = if focused { Role::Text } else { Role::Dim };
        let used = canvas.text(x, y, columns, &stars, role);
        if focused {
            canvas.text(x + used, y, columns.saturating_sub(used), "_", Role::Selected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_whole_or_not_at_all_and_printed_by_nothing() {
        let mut line = Masked::default();
        assert!(line.secret().is_none());
        assert!(line.paste("hunter2\n"));
        line.key(KeyEvent::new(KeyCode::Char('!'), KeyModifiers::NONE));
        assert_eq!(line.secret(), Some(Unsealed::new("hunter2!")));
        for wrong in ["a\nb", "a\u{202e}b", &"x".repeat(LIMIT)] {
            assert!(!line.paste(wrong), "{wrong:?}");
        }
        assert_eq!(line.secret(), Some(Unsealed::new("hunter2!")));
        assert!(!format!("{line:?} {:?}", line.clone()).contains("hunter"));
        line.key(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
        assert_eq!(line.clone().secret(), Some(Unsealed::new("hunter2")));
        line.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
        assert!(line.is_empty());
    }
}
