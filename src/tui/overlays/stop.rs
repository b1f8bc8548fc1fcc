//! All sending is stopped: who, when, and what is still in the air, per instance, down to zero.

use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::words;
use ratatui::layout::Rect;

/// Draws it.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let overview = model.overview();
    let instances = overview.map_or(&[][..], |overview| &overview.instances);
    let rows = u16::try_from(instances.len()).unwrap_or(20).min(12);
    let dialog = centred(area, 66, rows + 9);
    canvas.clear(dialog);
    let inside = canvas.panel(
        dialog,
        Border { title: "Stop all sending", foot: "Esc closes   R lifts the stop", double: true },
        Role::Bad,
    );
    let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
    let (line, role) = match overview.and_then(|overview| overview.stop.as_ref()) {
        Some(stop) => {
            let since = words::clock(stop.since, model.now.wall, model.session.zone);
            (format!("STOPPED by {} at {since}. Nothing new starts anywhere.", stop.by), Role::Bad)
        }
        None if model.pending.is_empty() => ("Not stopped: sending may go on.".to_owned(), Role::Warn),
        None => ("Stopping ...".to_owned(), Role::Warn),
    };
    canvas.text(x, inside.y + 1, room, &line, role);
    canvas.text(x, inside.y + 3, 8, "INSTANCE", Role::Title);
    canvas.text(x + 28, inside.y + 3, 5, "PHASE", Role::Title);
    canvas.right(x, inside.y + 3, room, "IN THE AIR", Role::Title);
    let mut y = inside.y + 4;
    for row in instances.iter().take(usize::from(rows)) {
        let mark = if Some(row.id) == model.session.instance { " (here)" } else { "" };
        canvas.text(x, y, 27, &format!("{}{mark}", row.host), Role::Text);
        canvas.text(x + 28, y, 12, &row.phase, Role::Text);
        let role = if row.in_air > 0 { Role::Warn } else { Role::Dim };
        canvas.right(x, y, room, &row.in_air.to_string(), role);
        y += 1;
    }
    // What instances say of themselves is up to a second old; what is recorded as sending is not.
    let told: u32 = instances.iter().map(|row| row.in_air).sum();
    let in_air = overview.map_or(0, |overview| overview.in_air).max(told);
    let stopped = overview.is_some_and(|overview| overview.stop.is_some());
    let (sum, role) = match in_air {
        0 if stopped => ("0 in the air: nothing is being sent.".to_owned(), Role::Good),
        0 => ("0 in the air.".to_owned(), Role::Text),
        1 => ("1 in the air: it will finish.".to_owned(), Role::Warn),
        many => (format!("{many} in the air: they will finish."), Role::Warn),
    };
    canvas.text(x, y + 1, room, &sum, role);
    if model.source.away.is_some() || model.stale().is_some() {
        canvas.text(x, y + 2, room, "!! these figures are old: the database does not answer", Role::Bad);
    }
}
