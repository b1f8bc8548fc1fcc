//! A number as a QR code that opens a chat with it. Drawn only after it was recorded that its phone is shown.

use crate::domain::action::Subject;
use crate::domain::entry_point::{Code, link};
use crate::domain::text::Shown;
use crate::store::view::NumberRow;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use ratatui::layout::Rect;

/// Lines beside the code: the borders, the link, the hint.
const AROUND: u16 = 5;

/// The code of one number.
#[derive(Debug, Clone)]
pub struct QrPanel {
    /// Whose phone stands in it.
    pub subject: Subject,
    name: Shown,
    link: String,
    lines: Vec<String>,
}

impl QrPanel {
    /// Of this number, without a text.
    pub fn new(row: &NumberRow) -> Self {
        let link = link(&row.phone, "");
        // The link of a phone always fits.
        let lines = Code::of(&link).map_or_else(|_too_long| Vec::new(), |code| code.lines());
        Self { subject: Subject::Number(row.id), name: row.name.clone(), link, lines }
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let width = self.lines.first().map_or(0, |line| line.chars().count());
        let (wide, high) = (u16::try_from(width).unwrap_or(0), u16::try_from(self.lines.len()).unwrap_or(0));
        let dialog = centred(area, (wide + 6).max(40), high + AROUND);
        canvas.clear(dialog);
        let title = format!("Chat with {}", self.name.as_str());
        let inside =
            canvas.panel(dialog, Border { title: &title, foot: "Esc closes", double: false }, Role::Frame);
        if !model.is_revealed(self.subject) {
            let lines = [
                "The phone stands in the code: that it is shown",
                "is recorded first, and for 30 s. m again",
            ];
            for (line, y) in lines.into_iter().zip(inside.y + 1..inside.bottom()) {
                canvas.text(inside.x + 1, y, inside.width.saturating_sub(2), line, Role::Dim);
            }
            return;
        }
        let small = dialog.height < high + AROUND || dialog.width < wide + 2;
        if small || canvas.theme.ascii {
            let larger =
                if small { "Too small a terminal for the code:" } else { "This terminal draws no blocks:" };
            canvas.text(inside.x + 1, inside.y + 1, inside.width.saturating_sub(2), larger, Role::Warn);
        } else {
            let x = inside.x + inside.width.saturating_sub(wide) / 2;
            for (line, y) in self.lines.iter().zip(inside.y..) {
                canvas.text(x, y, wide, line, Role::Text);
            }
        }
        let bottom = inside.bottom().saturating_sub(2);
        canvas.text(inside.x + 1, bottom, inside.width.saturating_sub(2), &self.link, Role::Title);
        let hint = "number qr --png makes a picture";
        canvas.text(inside.x + 1, bottom + 1, inside.width.saturating_sub(2), hint, Role::Dim);
    }
}
