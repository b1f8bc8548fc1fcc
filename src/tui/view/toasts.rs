//! Short notices: stacked above the status line at the right, never over a dialog.

use crate::tui::model::{Level, Model, Toast};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::words;
use ratatui::layout::Rect;

fn sign(level: Level) -> (&'static str, Role) {
    match level {
        Level::Ok => ("OK", Role::Good),
        Level::Info => ("--", Role::Text),
        Level::Warn => ("!", Role::Warn),
        Level::Bad => ("!!", Role::Bad),
    }
}

fn offer(model: &Model, toast: &Toast) -> String {
    match &model.undo {
        Some(undo) if toast.undo => {
            let left = undo.until.saturating_duration_since(model.now.mono).as_millis().div_ceil(1000);
            format!("   u undo ({left} s)")
        }
        _ => String::new(),
    }
}

/// Draws the stack, the latest lowest.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let width = if area.width >= 120 { 60 } else { 46 }.min(area.width.saturating_sub(2));
    let mut bottom = area.bottom().saturating_sub(1);
    for toast in model.toasts.iter().rev() {
        let room = usize::from(width.saturating_sub(8));
        let text = format!("{}{}", toast.text, offer(model, toast));
        let mut lines = words::wrap(&text, room, 3, model.theme.ascii);
        lines.extend(toast.more.as_ref().map(|more| words::fit(more, room, model.theme.ascii).into_owned()));
        let height = u16::try_from(lines.len()).unwrap_or(1) + 2;
        if bottom < area.y + height {
            break;
        }
        let place = Rect::new(area.right().saturating_sub(width + 1), bottom - height, width, height);
        canvas.clear(place);
        let (sign, role) = sign(toast.level);
        let inside = canvas.panel(place, Border::default(), role);
        canvas.text(inside.x + 1, inside.y, 3, sign, role);
        for (line, y) in lines.iter().zip(inside.y..inside.bottom()) {
            canvas.text(inside.x + 5, y, inside.width.saturating_sub(6), line, Role::Text);
        }
        bottom -= height;
    }
}

/// The latest one in the status line, while a dialog has the screen.
pub fn in_line(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(toast) = model.toasts.last() else { return };
    canvas.clear(area);
    let (sign, role) = sign(toast.level);
    let text = format!("{}{}", toast.text, offer(model, toast));
    canvas.pieces(
        area.x + 1,
        area.y,
        area.width.saturating_sub(2),
        &[(sign, role), (" ", Role::Text), (&text, Role::Text)],
    );
}
