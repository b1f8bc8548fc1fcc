//! Keys and answers of the list of alerts, and of reports.

use super::{actions, wants::ask};
use crate::tui::backend::BackendError;
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Model};
use crate::tui::msg::{Effect, Question, Reading, Slot};
use crate::tui::overlays::{Overlay, alerts::AlertList, handover::HandoverPanel};
use crate::tui::verbs::{acknowledge, acknowledge_all};

/// The list, wherever it lies.
fn list(model: &mut Model) -> Option<&mut AlertList> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Alerts(list) => Some(&mut **list),
        _ => None,
    })
}

fn panel(model: &mut Model) -> Option<&mut HandoverPanel> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Handover(panel) => Some(&mut **panel),
        _ => None,
    })
}

/// Opens the list.
pub fn open(model: &mut Model) {
    model.overlays.push(Overlay::Alerts(Box::default()));
}

/// Runs a command of the list; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let list = list(model)?;
    let proposal = match cmd {
        Cmd::Acknowledge => acknowledge(list.row()),
        Cmd::AcknowledgeAll => acknowledge_all(list.open()),
        Cmd::Reload => {
            list.read.reread();
            return Some(Vec::new());
        }
        _ => return None,
    };
    Some(actions::propose(model, proposal))
}

/// Moves in it.
pub fn go(model: &mut Model, motion: Motion) {
    let now = model.now.mono;
    if let Some(list) = list(model) {
        list.go(motion, now);
    }
}

/// Asks for what they need.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    if model.source.away.is_some() {
        return;
    }
    let request = model.next_request;
    if list(model).is_some_and(|list| list.read.wants(request, now)) {
        effects.push(ask(model, Question::Alerts));
    }
    let request = model.next_request;
    let report = panel(model).and_then(|panel| panel.read.wants(request, now).then_some(panel.report));
    effects.extend(report.map(|report| ask(model, Question::Handover(report))));
}

/// Takes in the note.
pub fn note(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let taken = match answer {
        Ok(Reading::Handover(note)) => panel(model)?.read.answer(request, Ok(note)),
        Ok(_) => false,
        Err(error) => panel(model)?.read.answer(request, Err(error)),
    };
    taken.then_some(Dirty::Live)
}

/// Takes in an answer: of the alerts, or of where they go.
pub fn answer(
    model: &mut Model,
    slot: Slot,
    request: u64,
    answer: Result<Reading, BackendError>,
) -> Option<Dirty> {
    if slot == Slot::Channels {
        return super::channels::answer(model, request, answer);
    }
    let (now, covered) = (model.now.mono, !matches!(model.overlays.last(), Some(Overlay::Alerts(_))));
    let list = list(model)?;
    let taken = match answer {
        Ok(Reading::Alerts(rows)) => list.read.answer(request, Ok(rows)),
        Ok(_) => false,
        Err(error) => list.read.answer(request, Err(error)),
    };
    list.take(covered, now);
    taken.then_some(Dirty::Live)
}

/// Orders were carried out: what they changed is read again.
pub fn acted(model: &mut Model) {
    if let Some(list) = list(model) {
        list.read.reread();
    }
}

/// A question did not get out.
pub fn not_asked(model: &mut Model, request: u64) {
    if let Some(list) = list(model) {
        list.read.not_asked(request);
    }
    if let Some(panel) = panel(model) {
        panel.read.not_asked(request);
    }
}
