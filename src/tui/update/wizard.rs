//! Keys, questions and answers of the form for a new campaign.

use super::wants::ask;
use crate::domain::text::Safe;
use crate::tui::allowed;
use crate::tui::backend::{BackendError, Making};
use crate::tui::keymap::Cmd;
use crate::tui::model::{Dirty, Level, Model, Tab};
use crate::tui::msg::{Effect, Question, Reading, Slot};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::wizard::{Origin, Wish, Wizard};
use crate::tui::words;
use crossterm::event::KeyEvent;

/// The form, wherever it lies.
pub fn open_one(model: &mut Model) -> Option<&mut Wizard> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Wizard(wizard) => Some(&mut **wizard),
        _ => None,
    })
}

/// Opens an empty form.
pub fn open(model: &mut Model) {
    model.overlays.push(Overlay::Wizard(Box::new(Wizard::new(model.session.zone))));
}

/// Asks for the file of the campaign under the cursor: to make another one like it, or to change it.
pub fn open_like(model: &mut Model, edits: bool) -> Vec<Effect> {
    let row = allowed::campaigns(model).first().map(|row| (row.id, Safe::new(row.name.as_str())));
    let origin = |(id, name)| if edits { Origin::Edit(id, name) } else { Origin::Like(id, name) };
    row.map(origin).map(Effect::Open).into_iter().collect()
}

/// A file came that is to be put into the form.
pub fn opened(model: &mut Model, origin: &Origin, answer: Result<String, BackendError>) -> Vec<Effect> {
    not_asked(model, None);
    // Whoever left meanwhile wants no form.
    let wanted = match origin {
        Origin::File(_) => open_one(model).is_some_and(|wizard| wizard.is_opening()),
        Origin::Like(..) | Origin::Edit(..) => model.overlays.is_empty() && model.tab == Tab::Campaigns,
    };
    if !wanted {
        return Vec::new();
    }
    let read = answer.map_err(|error| error.to_string());
    match read.and_then(|source| Wizard::begun_with(&source, origin, model.session.zone)) {
        Ok(wizard) => {
            model.overlays.retain(|overlay| !matches!(overlay, Overlay::Wizard(_)));
            model.overlays.push(Overlay::Wizard(Box::new(wizard)));
        }
        Err(why) => model.toast(Level::Bad, format!("not opened: {why}")),
    }
    model.touch(Dirty::Input);
    Vec::new()
}

/// Runs a command of the form; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let now = model.now.mono;
    let wizard = open_one(model)?;
    let wish = match cmd {
        Cmd::NextField | Cmd::PreviousField => {
            wizard.go(cmd == Cmd::NextField);
            Wish::Nothing
        }
        Cmd::NextPage | Cmd::PreviousPage => {
            wizard.turn(cmd == Cmd::NextPage);
            Wish::Nothing
        }
        Cmd::Toggle => {
            wizard.choose(true, now);
            Wish::Nothing
        }
        Cmd::AddStep => {
            wizard.add_step(now);
            Wish::Nothing
        }
        Cmd::AddVariant => {
            wizard.add_variant(now);
            Wish::Nothing
        }
        Cmd::RemoveStep => wizard.remove_step(now),
        Cmd::Accept => wizard.accept(now),
        Cmd::Yes => wizard.leave(now),
        Cmd::Save => wizard.save(),
        Cmd::OpenFile => {
            wizard.open();
            Wish::Nothing
        }
        _ => return None,
    };
    Some(grant(model, wish))
}

fn grant(model: &mut Model, wish: Wish) -> Vec<Effect> {
    let may_act = model.may_act();
    match wish {
        Wish::Nothing => {}
        Wish::Say(words) => model.toast(Level::Warn, words),
        Wish::Close => return close(model),
        Wish::Create(..) | Wish::Change(..) if !may_act => {
            model.toast(Level::Info, "READ-ONLY: nothing is made from here");
        }
        Wish::Create(source, like) => {
            work(model);
            return vec![Effect::Make { source, like }];
        }
        Wish::Change(campaign, name, source) => {
            work(model);
            return vec![Effect::Change { campaign, name, source }];
        }
        Wish::Open(name) => {
            work(model);
            return vec![Effect::Open(Origin::File(name))];
        }
        Wish::Write(name, source) => {
            work(model);
            return vec![Effect::Write { name, source }];
        }
    }
    Vec::new()
}

fn work(model: &mut Model) {
    if let Some(wizard) = open_one(model) {
        wizard.working = true;
    }
}

fn close(model: &mut Model) -> Vec<Effect> {
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Wizard(_)));
    super::data::refresh_lists(model, false);
    vec![Effect::ForgetEstimate]
}

/// One step back.
pub fn back(model: &mut Model) -> Vec<Effect> {
    let now = model.now.mono;
    let enrols = model.overlays.iter().any(|overlay| match overlay {
        Overlay::Wizard(wizard) => wizard.enrolling(model).is_some(),
        _ => false,
    });
    if enrols {
        model.toast(Level::Info, "it goes on being enrolled; the list says how far, c cancels it");
        return close(model);
    }
    let wish = open_one(model).map_or(Wish::Nothing, |wizard| wizard.back(now));
    grant(model, wish)
}

/// A key that edits.
pub fn key(model: &mut Model, event: KeyEvent) {
    let now = model.now.mono;
    if let Some(wizard) = open_one(model) {
        wizard.key(event, now);
    }
}

/// Pasted text.
pub fn paste(model: &mut Model, text: &str) {
    let now = model.now.mono;
    if open_one(model).is_some_and(|wizard| !wizard.paste(text, now)) {
        model.toast(Level::Warn, "the end of what was pasted found no room here and was left out");
    }
}

/// Asks for what the form needs and does not have yet.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, request) = (model.now.mono, model.next_request);
    if model.source.away.is_some() {
        return;
    }
    let Some(wizard) = open_one(model) else { return };
    if wizard.counting.is_vain() {
        wizard.counting.given_up();
        effects.push(Effect::ForgetEstimate);
    }
    let known = wizard.wants_known(request).then_some(Question::Known);
    effects.extend(known.map(|question| ask(model, question)));
    let request = model.next_request;
    let check = open_one(model).and_then(|wizard| {
        Some((wizard.wants_check(request, now)?, wizard.edited().cloned(), wizard.people()))
    });
    effects.extend(check.map(|(source, edited, people)| ask(model, Question::Check(source, edited, people))));
    let request = model.next_request;
    let count = open_one(model).and_then(|wizard| wizard.counting.wants(request, now));
    effects.extend(count.map(|spec| ask(model, Question::Estimate(spec))));
}

/// Takes in an answer.
pub fn answer(
    model: &mut Model,
    slot: Slot,
    request: u64,
    answer: Result<Reading, BackendError>,
) -> Option<Dirty> {
    let now = model.now;
    let wizard = open_one(model)?;
    let taken = match (slot, answer) {
        (Slot::Known, Ok(Reading::Known(known))) => wizard.know(request, Ok(known)),
        (Slot::Known, Err(error)) => wizard.know(request, Err(error)),
        (Slot::Check, Ok(Reading::Check(check))) => wizard.checked(request, Ok(check)),
        (Slot::Check, Err(error)) => wizard.checked(request, Err(error)),
        (Slot::Estimate, Ok(Reading::Estimate(count))) => wizard.counting.answer(request, Ok(count), now),
        (Slot::Estimate, Err(error)) => wizard.counting.answer(request, Err(error), now),
        _ => false,
    };
    taken.then_some(Dirty::Input)
}

/// A question or order of the form did not get out.
pub fn not_asked(model: &mut Model, request: Option<u64>) {
    if let Some(wizard) = open_one(model) {
        match request {
            Some(request) => wizard.not_asked(request),
            None => wizard.working = false,
        }
    }
}

/// What became of a campaign that was to be made.
pub fn made(model: &mut Model, source: &str, answer: Result<Making, BackendError>) -> Vec<Effect> {
    match answer {
        Ok(Making::Made(made)) => {
            let next = if made.starts_by_itself { "it starts by itself" } else { "L launches it" };
            let (queued, skipped) = (words::grouped(made.queued), words::grouped(made.skipped));
            let told = format!("made {}: {queued} queued, {skipped} skipped", made.name);
            let next = made.through.map_or_else(|| next.to_owned(), |through| format!("{next}; {through}"));
            model.toast_with(Level::Ok, told, Some(next), false);
            // Whoever left meanwhile may be busy with the next form.
            let waits = open_one(model).is_some_and(|wizard| wizard.working);
            let mut effects = if waits { close(model) } else { Vec::new() };
            effects.push(Effect::Refresh);
            return effects;
        }
        Ok(Making::Changed(name, unheeded)) => {
            let names: Vec<&str> = unheeded.iter().map(Safe::as_str).collect();
            let stays = (!names.is_empty()).then(|| format!("stays as it is: {}", names.join(", ")));
            model.toast_with(
                Level::Ok,
                format!("changed {name}: who waits gets the new steps"),
                stays,
                false,
            );
            let mut effects = close(model);
            effects.push(Effect::Refresh);
            return effects;
        }
        Ok(Making::Wrong(findings)) => {
            let first = findings.first().map_or_else(String::new, |(_, sentence)| sentence.to_string());
            model.toast(Level::Bad, format!("not made: {first}"));
            if let Some(wizard) = open_one(model) {
                wizard.refused(source, findings);
            }
        }
        Err(error) => {
            model.toast(Level::Bad, format!("nobody knows whether it was made, look at the list: {error}"));
            not_asked(model, None);
        }
    }
    model.touch(Dirty::Input);
    vec![Effect::Refresh]
}

/// What became of a file that was to be written.
pub fn written(model: &mut Model, source: &str, answer: Result<Safe, BackendError>) -> Vec<Effect> {
    match answer {
        Ok(place) => {
            model.toast_with(Level::Ok, "the file is written", Some(place.into_string()), false);
            if let Some(wizard) = open_one(model) {
                wizard.written(source);
            }
        }
        Err(error) => {
            model.toast(Level::Bad, error.to_string());
            not_asked(model, None);
        }
    }
    model.touch(Dirty::Input);
    Vec::new()
}
