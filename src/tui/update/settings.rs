//! Keys and answers of the organisation's settings.

use super::{actions, wants::ask};
use crate::domain::action::{Action, Order};
use crate::tui::backend::{ActionAnswer, BackendError};
use crate::tui::keymap::Cmd;
use crate::tui::model::{Dirty, Level, Model};
use crate::tui::msg::{Effect, Question, Reading};
use crate::tui::overlays::{Overlay, settings::SettingsForm};
use crate::tui::verbs::edit_settings;
use crate::tui::words;
use crossterm::event::KeyEvent;

/// The form, wherever it lies.
fn form(model: &mut Model) -> Option<&mut SettingsForm> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Settings(form) => Some(&mut **form),
        _ => None,
    })
}

/// Opens it.
pub fn open(model: &mut Model) {
    model.overlays.push(Overlay::Settings(Box::default()));
}

/// Runs a command of it; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let form = form(model)?;
    match cmd {
        Cmd::NextField | Cmd::Accept => form.step(1),
        Cmd::PreviousField => form.step(-1),
        Cmd::NextPage => form.turn(true),
        Cmd::PreviousPage => form.turn(false),
        Cmd::Toggle => form.toggle(),
        Cmd::Save => return Some(save(model)),
        _ => return None,
    }
    Some(Vec::new())
}

/// What was edited is proposed; the form stays until it is closed, so that what is refused is not lost.
fn save(model: &mut Model) -> Vec<Effect> {
    match form(model).map(SettingsForm::changes) {
        None => Vec::new(),
        Some(Err(why)) => {
            model.toast(Level::Warn, why);
            Vec::new()
        }
        Some(Ok(changes)) => actions::propose(model, edit_settings(&changes)),
    }
}

/// A key that edits. Where nothing may be changed it says so.
pub fn key(model: &mut Model, event: KeyEvent) {
    if may_edit(model)
        && let Some(form) = form(model)
    {
        form.key(event);
    }
}

/// Pasted text.
pub fn paste(model: &mut Model, text: &str) {
    if may_edit(model)
        && let Some(form) = form(model)
    {
        form.paste(text);
    }
}

fn may_edit(model: &mut Model) -> bool {
    let may = model.may_act();
    if !may {
        model.toast(Level::Info, "READ-ONLY: nothing can be changed here");
    }
    may
}

/// One step back: what is not saved is told once. `false`: it is to be closed.
pub fn step_back(model: &mut Model) -> bool {
    let Some(Overlay::Settings(form)) = model.overlays.last_mut() else { return false };
    if form.may_close() {
        return false;
    }
    let edited = words::count(form.edited() as u64, "change");
    model.toast(Level::Warn, format!("{edited} not saved: ctrl-s saves, Esc again leaves"));
    true
}

/// Asks for what it needs.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, request) = (model.now.mono, model.next_request);
    let away = model.source.away.is_some();
    if form(model).is_some_and(|form| !away && form.read.wants(request, now)) {
        effects.push(ask(model, Question::Settings));
    }
}

/// Takes in an answer.
pub fn answer(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let form = form(model)?;
    let taken = match answer {
        Ok(Reading::Settings(settings)) => form.answer(request, Ok(settings)),
        Ok(_) => false,
        Err(error) => form.answer(request, Err(error)),
    };
    taken.then_some(Dirty::Live)
}

/// Orders were carried out: what they changed is read again.
pub fn acted(model: &mut Model, answers: &[(Order, ActionAnswer)]) {
    let Some(form) = form(model) else { return };
    for (order, answer) in answers {
        if let (Action::EditSettings(changes), ActionAnswer::Done { .. }) = (&order.action, answer) {
            form.carried_out(changes);
        }
    }
    form.read.ask_anew();
}

/// Somebody changed something of the organisation.
pub fn noticed(model: &mut Model) {
    if let Some(form) = form(model) {
        form.read.reread();
    }
}

/// A question did not get out.
pub fn not_asked(model: &mut Model, request: u64) {
    if let Some(form) = form(model) {
        form.read.not_asked(request);
    }
}
