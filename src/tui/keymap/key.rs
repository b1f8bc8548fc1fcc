//! One key as it is written in the table, in the user's file and on the screen: `p`, `L`, `ctrl-d`, `Enter`, `F1`.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;

/// A key, with its modifiers folded in: an upper-case letter is itself, Shift-Tab is a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

const NAMED: [(&str, KeyCode); 14] = [
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Shift-Tab", KeyCode::BackTab),
    ("Space", KeyCode::Char(' ')),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("Delete", KeyCode::Delete),
];

impl Key {
    /// The key of an event; `None` for keys that are never bound (Alt with a letter is ambiguous over SSH).
    pub fn of(event: KeyEvent) -> Option<Self> {
        if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META) {
            return None;
        }
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            // Some terminals report Ctrl with an upper-case letter.
            KeyCode::Char(letter) if ctrl => KeyCode::Char(letter.to_ascii_lowercase()),
            other => other,
        };
        Some(Self { code, ctrl })
    }

    /// Reads a key's name.
    pub fn read(name: &str) -> Option<Self> {
        let (ctrl, rest) = match name.get(..5) {
            Some(start) if start.eq_ignore_ascii_case("ctrl-") => (true, &name[5..]),
            _ => (false, name),
        };
        let mut characters = rest.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(one), None) if !one.is_control() && one != ' ' => {
                KeyCode::Char(if ctrl { one.to_ascii_lowercase() } else { one })
            }
            _ => NAMED
                .iter()
                .find(|(named, _)| named.eq_ignore_ascii_case(rest))
                .map(|(_, code)| *code)
                .or_else(|| {
                    let number: u8 = rest.strip_prefix(['F', 'f'])?.parse().ok()?;
                    (1..=12).contains(&number).then_some(KeyCode::F(number))
                })?,
        };
        Some(Self { code, ctrl })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        match self.code {
            KeyCode::F(number) => write!(f, "F{number}"),
            code => match NAMED.iter().find(|(_, named)| *named == code) {
                Some((name, _)) => f.write_str(name),
                None => match code {
                    KeyCode::Char(letter) => write!(f, "{letter}"),
                    _ => f.write_str("?"),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["p", "L", "+", "/", "?", "ctrl-d", "Enter", "Shift-Tab", "Space", "F1", "PgDn", "-"] {
            assert_eq!(Key::read(name).unwrap().to_string(), name);
        }
        for name in ["", "ctrl-", "F13", "Enterr", "pp", " "] {
            assert_eq!(Key::read(name), None, "{name:?}");
        }
    }

    #[test]
    fn events_find_their_key() {
        let of = |code, modifiers| Key::of(KeyEvent::new(code, modifiers));
        assert_eq!(of(KeyCode::Char('L'), KeyModifiers::SHIFT), Key::read("L"));
        assert_eq!(of(KeyCode::Tab, KeyModifiers::SHIFT), Key::read("Shift-Tab"));
        assert_eq!(of(KeyCode::Char('D'), KeyModifiers::CONTROL), Key::read("ctrl-d"));
        assert_eq!(of(KeyCode::Char('x'), KeyModifiers::ALT), None);
    }
}
