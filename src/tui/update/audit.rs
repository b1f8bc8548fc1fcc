//! Keys and answers of the audit log.

use super::actions;
use super::wants::{CURSOR_REST, TYPING_PAUSE, ask};
use crate::domain::text::Safe;
use crate::store::view::Place;
use crate::tui::backend::BackendError;
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Model};
use crate::tui::msg::{Effect, Question, Reading, Slot};
use crate::tui::overlays::{Overlay, audit::AuditPanel, reason::ReasonPrompt};
use crate::tui::tabs::WIDE;
use crate::tui::verbs::{Way, way_back};

/// The log, wherever it lies.
fn panel(model: &mut Model) -> Option<&mut AuditPanel> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Audit(panel) => Some(&mut **panel),
        _ => None,
    })
}

/// Opens it.
pub fn open(model: &mut Model) {
    model.overlays.push(Overlay::Audit(Box::default()));
}

/// Runs a command of it; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let now = model.now.mono;
    let panel = panel(model)?;
    match cmd {
        Cmd::Open => panel.open = !panel.open,
        Cmd::AuditFilter => panel.begin_typing(),
        Cmd::Accept => panel.end_typing(true, now),
        Cmd::Complete => {}
        Cmd::AuditTakeBack => return Some(take_back(model)),
        Cmd::DrawerNext => return Some(go(model, Motion::By(1))),
        Cmd::DrawerPrevious => return Some(go(model, Motion::By(-1))),
        Cmd::Reload => {
            panel.entry.reread();
            panel.list.restart();
            return Some(load(model, Place::Start));
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Proposes what takes the decision under the cursor back; opens it if it is not read yet.
fn take_back(model: &mut Model) -> Vec<Effect> {
    let Some(panel) = panel(model) else { return Vec::new() };
    let (Some(row), Some(detail)) = (panel.row().cloned(), panel.detail().cloned()) else {
        panel.open = true;
        return Vec::new();
    };
    match way_back(&row, &detail, model) {
        Ok(Way { proposal, wants_reason: true }) => {
            actions::ask_reason(model, Ok(proposal), ReasonPrompt::suspend)
        }
        Ok(Way { proposal, wants_reason: false }) => actions::propose(model, Ok(proposal)),
        Err(why) => actions::propose(model, Err(format!("no undo: {why}").into())),
    }
}

/// Moves in the list.
pub fn go(model: &mut Model, motion: Motion) -> Vec<Effect> {
    match panel(model).and_then(|panel| panel.go(motion)) {
        Some(place) => load(model, place),
        None => Vec::new(),
    }
}

/// One step back inside the log: from typing, from one decision, from a filter. `false`: it is to be closed.
pub fn step_back(model: &mut Model) -> bool {
    let now = model.now.mono;
    let Some(Overlay::Audit(panel)) = model.overlays.last_mut() else { return false };
    if panel.is_typing() {
        panel.end_typing(false, now);
    } else if panel.open {
        panel.open = false;
    } else {
        return panel.clear_filter(now);
    }
    true
}

fn load(model: &mut Model, place: Place) -> Vec<Effect> {
    let (request, now) = (model.number_request(), model.now.mono);
    let Some(panel) = panel(model) else { return Vec::new() };
    panel.list.ask(request, place, now);
    if place == Place::Start {
        panel.top_is_asked(now);
    }
    let question = Question::Audit(Safe::new(panel.text()), place);
    vec![Effect::Ask { request, question }]
}

/// Asks for what it needs.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, request) = (model.now.mono, model.next_request);
    let (wide, is_away) = (model.size.width >= WIDE, model.source.away.is_some());
    let Some(panel) = panel(model).filter(|_| !is_away) else { return };
    if panel.typed_at.is_some_and(|typed| now >= typed + TYPING_PAUSE) {
        panel.typed_at = None;
        panel.list.restart();
        effects.extend(load(model, Place::Start));
        return;
    }
    if panel.reads_itself(now) {
        panel.read_anew();
    }
    let list = &panel.list;
    let is_new = !list.loaded && list.asked.is_none() && list.error.is_none();
    let place = if is_new { Some(Place::Start) } else { list.wants() };
    let Some((id, since)) = panel.rests(now).filter(|_| wide || panel.open) else {
        effects.extend(place.map(|place| load(model, place)).into_iter().flatten());
        return;
    };
    if (panel.open || now >= since + CURSOR_REST) && panel.entry.wants(request, now) {
        effects.push(ask(model, Question::AuditEntry(id)));
    }
    effects.extend(place.map(|place| load(model, place)).into_iter().flatten());
}

/// Takes in an answer.
pub fn answer(
    model: &mut Model,
    slot: Slot,
    request: u64,
    answer: Result<Reading, BackendError>,
) -> Option<Dirty> {
    let panel = panel(model)?;
    let taken = match (slot, answer) {
        (_, Ok(Reading::Audit(page))) => panel.list.answer(request, Ok(page)),
        (_, Ok(Reading::AuditEntry(detail))) => panel.entry.answer(request, Ok(detail)),
        (Slot::Audit, Err(error)) => panel.list.answer(request, Err(error)),
        (_, Err(error)) => panel.entry.answer(request, Err(error)),
        (_, Ok(_)) => false,
    };
    if taken && slot == Slot::Audit {
        panel.hold();
    }
    taken.then_some(Dirty::Live)
}

/// The database is there again: what could not be read is asked for anew.
pub fn is_back(model: &mut Model) {
    if let Some(panel) = panel(model) {
        panel.list.error = None;
        panel.entry.reread();
    }
}

/// Orders were carried out: they stand at the top now, and what is under the cursor may have been taken back.
pub fn acted(model: &mut Model) {
    if let Some(panel) = panel(model) {
        panel.read_anew();
    }
}

/// Somebody decided something.
pub fn noticed(model: &mut Model) {
    if let Some(panel) = panel(model) {
        panel.is_behind();
    }
}

/// A question did not get out.
pub fn not_asked(model: &mut Model, request: u64) {
    let Some(panel) = panel(model) else { return };
    panel.entry.not_asked(request);
    if panel.list.asked.is_some_and(|asked| asked.request == request) {
        panel.list.asked = None;
    }
}
