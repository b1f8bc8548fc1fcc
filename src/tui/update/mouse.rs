//! The mouse, for who wants it: the wheel scrolls, a click selects. It never acts: what a key would ask about or do at once,
//! a slip of the hand must not.

use super::{overlay, run};
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Level, Model, Tab};
use crate::tui::msg::Effect;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

/// Rows that one notch of the wheel scrolls.
const NOTCH: isize = 3;

/// Switches it on or off.
pub fn switch_mouse(model: &mut Model, on: bool) -> Vec<Effect> {
    model.mouse = on;
    if on {
        model.toast_with(
            Level::Ok,
            "mouse on: wheel scrolls, click selects",
            Some("Shift selects text; :mouse off".into()),
            false,
        );
    } else {
        model.toast(Level::Ok, "mouse off: the terminal has it again");
    }
    vec![Effect::Mouse(on)]
}

/// Takes in the wheel or a click.
pub fn act(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    // What was on its way when it was switched off.
    if !model.mouse {
        return Vec::new();
    }
    let at = Position::new(event.column, event.row);
    let effects = match event.kind {
        MouseEventKind::ScrollUp => scroll(model, at, -NOTCH),
        MouseEventKind::ScrollDown => scroll(model, at, NOTCH),
        MouseEventKind::Down(MouseButton::Left) => click(model, at),
        _ => return Vec::new(),
    };
    model.touch(Dirty::Input);
    effects
}

fn scroll(model: &mut Model, at: Position, rows: isize) -> Vec<Effect> {
    if !model.overlays.is_empty() {
        return overlay::go(model, Motion::By(rows));
    }
    if model.geometry.list.contains(at) { run::go(model, Motion::By(rows)) } else { Vec::new() }
}

fn click(model: &mut Model, at: Position) -> Vec<Effect> {
    if !model.overlays.is_empty() {
        return Vec::new();
    }
    if let Some(nth) = model.geometry.tabs.iter().position(|place| place.contains(at)) {
        run::switch(model, Tab::ALL[nth]);
        return Vec::new();
    }
    if !model.geometry.list.contains(at) {
        return Vec::new();
    }
    let row = model.geometry.list_offset + usize::from(at.y - model.geometry.list.y);
    let (cursor, rows) = cursor_and_rows(model);
    match row.checked_signed_diff(cursor) {
        Some(rows_away) if row < rows => run::go(model, Motion::By(rows_away)),
        _ => Vec::new(),
    }
}

/// Where the cursor of the open tab stands, and among how many rows.
fn cursor_and_rows(model: &Model) -> (usize, usize) {
    match model.tab {
        Tab::Numbers => (model.numbers.cursor(), model.numbers.rows().len()),
        Tab::Campaigns => (model.campaigns.cursor(), model.campaigns.rows().len()),
        Tab::Recipients => (model.recipients.list.cursor(), model.recipients.list.rows().len()),
        Tab::Replies => (model.replies.list.cursor(), model.replies.list.rows().len()),
        Tab::Live => {
            let visible = model.live.visible(model.now.wall, model.session.zone);
            let last = visible.len().saturating_sub(1);
            (model.live.cursor_in(&visible).unwrap_or(last), visible.len())
        }
    }
}
