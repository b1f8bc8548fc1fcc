//! What to copy.

use crate::tui::keymap::{Layer, TABLE};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use ratatui::layout::Rect;

/// Draws the menu.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let dialog = centred(area, 50, 9);
    canvas.clear(dialog);
    let inside =
        canvas.panel(dialog, Border { title: "Copy", foot: "Esc closes", double: false }, Role::Frame);
    let mut y = inside.y + 1;
    for entry in TABLE.iter().filter(|entry| entry.layer == Layer::Copy && entry.name != "close") {
        let possible = (entry.enabled)(model);
        let key = model.keymap.shown(entry);
        canvas.text(inside.x + 2, y, 3, &key, if possible.is_ok() { Role::Key } else { Role::Dim });
        match possible {
            Ok(()) => canvas.text(inside.x + 6, y, inside.width.saturating_sub(8), entry.title, Role::Text),
            Err(reason) => canvas.text(
                inside.x + 6,
                y,
                inside.width.saturating_sub(8),
                &format!("{}: {reason}", entry.title),
                Role::Dim,
            ),
        };
        y += 1;
    }
    canvas.text(
        inside.x + 2,
        y + 1,
        inside.width.saturating_sub(4),
        "sent to the terminal's clipboard (OSC 52)",
        Role::Dim,
    );
}
