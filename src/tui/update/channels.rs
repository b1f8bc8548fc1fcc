//! Keys and answers of the channels for alerts.

use super::{actions, wants::ask};
use crate::domain::action::{Action, Order};
use crate::domain::text::Safe;
use crate::tui::backend::{ActionAnswer, BackendError};
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Level, Model};
use crate::tui::msg::{Effect, Question, Reading};
use crate::tui::overlays::{
    Overlay,
    channel::ChannelForm,
    channels::{ChannelList, leads},
};
use crate::tui::verbs::{remove_channel, save_channel};
use crossterm::event::KeyEvent;

/// The list, wherever it lies.
fn list(model: &mut Model) -> Option<&mut ChannelList> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Channels(list) => Some(&mut **list),
        _ => None,
    })
}

/// The form, wherever it lies.
fn form(model: &mut Model) -> Option<&mut ChannelForm> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Channel(form) => Some(&mut **form),
        _ => None,
    })
}

/// Opens the list, over what is open.
pub fn open(model: &mut Model) {
    if list(model).is_none() {
        model.overlays.push(Overlay::Channels(Box::default()));
    }
}

/// Runs a command of the list; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let may_lead = leads(model);
    let list = list(model)?;
    match cmd {
        Cmd::ChannelNew => model.overlays.push(Overlay::Channel(Box::new(ChannelForm::blank()))),
        Cmd::ChannelEdit => {
            let form = list.row().map(|row| ChannelForm::edit(row, may_lead));
            model.overlays.extend(form.map(|form| Overlay::Channel(Box::new(form))));
        }
        Cmd::ChannelRemove => {
            let proposal = remove_channel(list.row());
            return Some(actions::propose(model, proposal));
        }
        Cmd::ChannelTest => {
            let test = list.row().map(|row| (row.id, row.name.safe().clone()));
            let (channel, name) = test?;
            model.toast(Level::Info, format!("sending a test to {name}"));
            return Some(vec![Effect::TestChannel { channel, name }]);
        }
        Cmd::Reload => list.read.reread(),
        _ => return None,
    }
    Some(Vec::new())
}

/// Runs a command of the form; `None` if it has no such command.
pub fn run_form(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let form = form(model)?;
    match cmd {
        Cmd::NextField => form.step(1),
        Cmd::PreviousField => form.step(-1),
        Cmd::Toggle => form.turn(true),
        Cmd::Accept if !form.on_save() => form.step(1),
        Cmd::Accept | Cmd::Save => return Some(save(model)),
        _ => return None,
    }
    Some(Vec::new())
}

fn save(model: &mut Model) -> Vec<Effect> {
    match form(model).map(ChannelForm::order) {
        None => Vec::new(),
        Some(Err(why)) => {
            model.toast(Level::Warn, why);
            Vec::new()
        }
        Some(Ok((order, label))) => {
            let effects = actions::propose(model, Ok(save_channel(order, label)));
            let saves = !effects.is_empty();
            if let Some(form) = form(model) {
                form.is_saving(saves);
            }
            effects
        }
    }
}

/// A key that edits.
pub fn key(model: &mut Model, event: KeyEvent) {
    if let Some(form) = form(model) {
        form.key(event);
    }
}

/// Pasted text.
pub fn paste(model: &mut Model, text: &str) {
    if let Some(form) = form(model) {
        form.paste(text);
    }
}

/// One step back: what is not saved is told once. `false`: it is to be closed.
pub fn step_back(model: &mut Model) -> bool {
    let Some(Overlay::Channel(form)) = model.overlays.last_mut() else { return false };
    if form.may_close() {
        return false;
    }
    model.toast(Level::Warn, "not saved: ctrl-s saves, Esc again leaves");
    true
}

/// Moves in the list.
pub fn go(model: &mut Model, motion: Motion) {
    let now = model.now.mono;
    if let Some(list) = list(model) {
        list.go(motion, now);
    }
}

/// Asks for what they need.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, request) = (model.now.mono, model.next_request);
    let away = model.source.away.is_some();
    if list(model).is_some_and(|list| !away && list.read.wants(request, now)) {
        effects.push(ask(model, Question::Channels));
    }
}

/// Takes in an answer.
pub fn answer(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let (now, covered) = (model.now.mono, !matches!(model.overlays.last(), Some(Overlay::Channels(_))));
    let list = list(model)?;
    let taken = match answer {
        Ok(Reading::Channels(rows)) => list.read.answer(request, Ok(rows)),
        Ok(_) => false,
        Err(error) => list.read.answer(request, Err(error)),
    };
    list.take(covered, now);
    let rows = list.read.value().cloned();
    if let (true, Some(rows), Some(form)) = (taken, rows, form(model)) {
        form.take(&rows);
    }
    taken.then_some(Dirty::Live)
}

/// Orders were carried out: a form that is in the database now goes, and all is read again.
pub fn acted(model: &mut Model, answers: &[(Order, ActionAnswer)]) {
    for (order, answer) in answers {
        if !matches!(order.action, Action::AddChannel { .. } | Action::EditChannel { .. }) {
            continue;
        }
        if matches!(answer, ActionAnswer::Done { .. }) {
            model.overlays.retain(|overlay| !matches!(overlay, Overlay::Channel(form) if form.saves()));
        }
    }
    not_saved(model);
    if let Some(list) = list(model) {
        list.read.ask_anew();
    }
}

/// What the form says is not on its way any more.
pub fn not_saved(model: &mut Model) {
    if let Some(form) = form(model) {
        form.is_saving(false);
    }
}

/// What came of a test.
pub fn tested(model: &mut Model, name: &Safe, answer: Result<(), BackendError>) -> Vec<Effect> {
    match answer {
        Ok(()) => model.toast(Level::Ok, format!("{name} took the test")),
        Err(error) => model.toast(Level::Bad, format!("{name} did not take the test: {error}")),
    }
    Vec::new()
}

/// A question did not get out.
pub fn not_asked(model: &mut Model, request: u64) {
    if let Some(list) = list(model) {
        list.read.not_asked(request);
    }
}
