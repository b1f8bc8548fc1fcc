//! The operator's clipboard, through the terminal (OSC 52): it works over SSH, gives no answer, and is never read.

use crate::domain::text::Safe;
use base64::Engine as _;

/// Longest text in base64 that terminals take (74,994 bytes is what xterm and its kin allow).
const LIMIT: usize = 74_994;

/// Between us and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplexer {
    /// Nothing.
    None,
    /// tmux passes wrapped sequences on.
    Tmux,
    /// GNU screen passes wrapped pieces on.
    Screen,
}

impl Multiplexer {
    /// What the environment says.
    pub fn detect() -> Self {
        if std::env::var_os("TMUX").is_some() {
            Self::Tmux
        } else if std::env::var_os("STY").is_some() {
            Self::Screen
        } else {
            Self::None
        }
    }
}

/// The bytes that put `text` into the terminal's clipboard; `None` if it is too long. Only cleaned text gets here: no
/// line break, so that pasting it into a shell runs nothing.
pub fn sequence(text: &Safe, multiplexer: Multiplexer) -> Option<Vec<u8>> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text.as_bytes());
    if encoded.len() > LIMIT {
        return None;
    }
    let plain = format!("\x1b]52;c;{encoded}\x07");
    Some(match multiplexer {
        Multiplexer::None => plain.into_bytes(),
        Multiplexer::Tmux => format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")).into_bytes(),
        Multiplexer::Screen => {
            // screen takes strings of up to 768 bytes.
            let mut wrapped = Vec::with_capacity(plain.len() + plain.len() / 128);
            for piece in plain.as_bytes().chunks(760) {
                wrapped.extend_from_slice(b"\x1bP");
                wrapped.extend_from_slice(piece);
                wrapped.extend_from_slice(b"\x1b\\");
            }
            wrapped
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_multiplexer_gets_its_wrapping() {
        let text = Safe::new("hi");
        assert_eq!(sequence(&text, Multiplexer::None).unwrap(), b"\x1b]52;c;aGk=\x07");
        assert_eq!(sequence(&text, Multiplexer::Tmux).unwrap(), b"\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
        assert_eq!(sequence(&text, Multiplexer::Screen).unwrap(), b"\x1bP\x1b]52;c;aGk=\x07\x1b\\");
    }

    #[test]
    fn what_is_too_long_is_not_sent() {
        assert!(sequence(&Safe::cut(&"x".repeat(80_000), 80_000), Multiplexer::None).is_none());
    }
}
