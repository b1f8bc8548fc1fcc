//! Where people begin to talk to us: the link that opens a chat with a number, and the link as a QR code.

use super::phone::Phone;
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write as _;

/// Light modules round the code, that scanners need.
const QUIET: usize = 4;
/// The same on a screen, where there is little room: enough on a dark terminal, tried with phones.
const QUIET_ON_SCREEN: usize = 2;

/// The link that opens a chat with this number, with this text ready to be sent.
#[must_use]
pub fn link(phone: &Phone, text: &str) -> String {
    let mut link = format!("https://wa.me/{}", phone.reveal().trim_start_matches('+'));
    if !text.is_empty() {
        link.push_str("?text=");
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                link.push(char::from(byte));
            } else {
                // Writing to a text cannot fail.
                let _ = write!(link, "%{byte:02X}");
            }
        }
    }
    link
}

/// A text that is too long for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the text is too long for a QR code: about 900 letters are the most, fewer where they are not plain ones"
)]
pub struct TooLong;

/// A QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    width: usize,
    dark: Vec<bool>,
}

impl Code {
    /// The code of a link.
    ///
    /// # Errors
    /// When the link is too long.
    pub fn of(link: &str) -> Result<Self, TooLong> {
        let code = QrCode::with_error_correction_level(link, EcLevel::M).map_err(|_too_long| TooLong)?;
        let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Self { width: code.width(), dark })
    }

    /// Modules on each side, without the quiet zone.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether a module is dark; those outside are light.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    fn is_dark_within(&self, quiet: usize, x: usize, y: usize) -> bool {
        x.checked_sub(quiet).zip(y.checked_sub(quiet)).is_some_and(|(x, y)| self.is_dark(x, y))
    }

    /// Lines for a terminal, two rows of modules in each: light modules are drawn, as terminals are dark.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let side = self.width + 2 * QUIET_ON_SCREEN;
        let light = |x: usize, y: usize| y < side && !self.is_dark_within(QUIET_ON_SCREEN, x, y);
        let cell = |x: usize, y: usize| match (light(x, y), light(x, y + 1)) {
            (true, true) => '\u{2588}',
            (true, false) => '\u{2580}',
            (false, true) => '\u{2584}',
            (false, false) => ' ',
        };
        (0..side).step_by(2).map(|y| (0..side).map(|x| cell(x, y)).collect()).collect()
    }

    /// An SVG picture of one path, quiet zone included.
    #[must_use]
    pub fn svg(&self) -> String {
        let side = self.width + 2 * QUIET;
        let mut path = String::new();
        for y in 0..self.width {
            for x in (0..self.width).filter(|x| self.is_dark(*x, y)) {
                let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>\n"
        )
    }

    /// Rows of pixels, quiet zone included: light is true. Each module is `scale` pixels wide.
    #[must_use]
    pub fn pixels(&self, scale: usize) -> (usize, Vec<bool>) {
        let side = (self.width + 2 * QUIET) * scale;
        let light = |at: usize| !self.is_dark_within(QUIET, at % side / scale, at / side / scale);
        (side, (0..side * side).map(light).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_open_a_chat_with_the_text_ready() {
        let phone = Phone::parse("+237600000001").unwrap();
        assert_eq!(link(&phone, ""), "https://wa.me/237600000001");
        assert_eq!(
            link(&phone, "Ça va? a+b & 100%"),
            "https://wa.me/237600000001?text=%C3%87a%20va%3F%20a%2Bb%20%26%20100%25"
        );
    }

    #[test]
    fn codes_have_their_three_corners_and_a_quiet_zone() {
        let code = Code::of("https://wa.me/237600000001").unwrap();
        let last = code.width() - 1;
        for (x, y) in [(0, 0), (last, 0), (0, last)] {
            assert!(code.is_dark(x, y), "{x} {y}");
        }
        // The corner that has no finder is not one.
        let corner = (0..7).all(|at| code.is_dark(last - at, last));
        assert!(!corner);
        let lines = code.lines();
        assert_eq!(lines.len(), (code.width() + 2 * QUIET_ON_SCREEN).div_ceil(2));
        assert!(lines.iter().all(|line| line.chars().count() == code.width() + 2 * QUIET_ON_SCREEN));
        assert!(lines[0].chars().all(|cell| cell == '\u{2588}'), "{}", lines[0]);
        let (side, pixels) = code.pixels(3);
        assert_eq!(pixels.len(), side * side);
        assert!(pixels[..side * 12].iter().all(|light| *light), "the quiet zone is light");
        assert!(!pixels[side * 12 + 12], "and the code begins behind it");
        assert_eq!(code.svg().matches("h1v1h-1z").count(), code.dark.iter().filter(|dark| **dark).count());
    }

    #[test]
    fn what_is_too_long_is_refused() {
        assert_eq!(Code::of(&"x".repeat(5_000)), Err(TooLong));
    }
}
