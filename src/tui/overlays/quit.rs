//! Whether to quit while this process sends.

use super::confirm::GUARD;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use ratatui::layout::Rect;
use std::time::Instant;

/// The question.
#[derive(Debug, Clone, Copy)]
pub struct Quit {
    /// When it opened.
    pub opened_at: Instant,
    /// Whether the quit button has the focus.
    pub go_focused: bool,
}

impl Quit {
    /// Opens it.
    pub fn new(now: Instant) -> Self {
        Self { opened_at: now, go_focused: false }
    }

    /// Whether keys are still ignored.
    pub fn is_guarded(&self, now: Instant) -> bool {
        now < self.opened_at + GUARD
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let dialog = centred(area, 66, 10);
        canvas.clear(dialog);
        let inside = canvas.panel(dialog, Border { title: "Quit?", foot: "", double: true }, Role::Warn);
        let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
        let own = model.overview().and_then(|overview| {
            overview.instances.iter().find(|row| Some(row.id) == model.session.instance)
        });
        let lines = if model.sends_here() {
            let in_air = own.map_or(0, |row| row.in_air);
            [
                format!("This process sends: {in_air} in the air now."),
                "They finish first; nothing new is started from here.".into(),
                "Other instances go on. Without any, campaigns wait.".into(),
            ]
        } else {
            ["This process sends nothing.".into(), "Other instances go on.".into(), String::new()]
        };
        for (line, y) in lines.iter().zip(inside.y + 1..) {
            canvas.text(x, y, room, line, Role::Text);
        }
        let (stay, leave) = if self.go_focused {
            (("  Stay  ", Role::Text), ("[ Quit ]", Role::Selected))
        } else {
            (("[ Stay ]", Role::Selected), ("  Quit  ", Role::Text))
        };
        canvas.pieces(x + 3, inside.y + 5, room, &[stay, ("    ", Role::Text), leave]);
        canvas.text(x, inside.y + 7, room, "y = quit   Tab = other   Enter = press   Esc = stay", Role::Dim);
    }
}
