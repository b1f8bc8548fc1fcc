//! Keys and answers of the findings of a campaign.

use super::{actions, wants::ask};
use crate::tui::allowed;
use crate::tui::backend::BackendError;
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Model};
use crate::tui::msg::{Effect, Question, Reading};
use crate::tui::overlays::{Overlay, findings::FindingList, reason::ReasonPrompt, risks::Risks};
use crate::tui::verbs::accept_finding;

/// The list, wherever it lies.
fn list(model: &mut Model) -> Option<&mut FindingList> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Findings(list) => Some(&mut **list),
        _ => None,
    })
}

/// Opens the list of the campaign under the cursor.
pub fn open(model: &mut Model) {
    let list = allowed::campaigns(model).first().map(|row| FindingList::new(row));
    model.overlays.extend(list.map(|list| Overlay::Findings(Box::new(list))));
}

/// Runs a command of the list; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let list = list(model)?;
    match cmd {
        Cmd::AcceptFinding => {
            let proposal = accept_finding(list.campaign, list.name(), list.rows.row());
            Some(actions::ask_reason(model, proposal, |proposal| ReasonPrompt::settle(proposal, true)))
        }
        Cmd::Reload => {
            list.rows.read.reread();
            Some(Vec::new())
        }
        _ => None,
    }
}

/// Moves in it.
pub fn go(model: &mut Model, motion: Motion) {
    let now = model.now.mono;
    if let Some(list) = list(model) {
        list.rows.go(motion, now);
    }
}

/// Asks for what it needs.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, request) = (model.now.mono, model.next_request);
    if model.source.away.is_some() {
        return;
    }
    let question = list(model)
        .and_then(|list| list.rows.read.wants(request, now).then_some(Question::Findings(list.campaign)));
    effects.extend(question.map(|question| ask(model, question)));
}

/// Takes in an answer.
pub fn answer(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let (now, covered) = (model.now.mono, !matches!(model.overlays.last(), Some(Overlay::Findings(_))));
    let list = list(model)?;
    let taken = match answer {
        Ok(Reading::Findings(rows)) => list.rows.read.answer(request, Ok(rows)),
        Ok(_) => false,
        Err(error) => list.rows.read.answer(request, Err(error)),
    };
    list.rows.take(covered, now);
    taken.then_some(Dirty::Live)
}

/// Orders were carried out: what they changed is read again.
pub fn acted(model: &mut Model) {
    if let Some(list) = list(model) {
        list.rows.read.reread();
    }
}

/// A question did not get out.
pub fn not_asked(model: &mut Model, request: u64) {
    if let Some(list) = list(model) {
        list.rows.read.not_asked(request);
    }
}

/// What is open of campaigns about whose start is asked.
fn risks(model: &mut Model) -> Option<&mut Risks> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Confirm(confirm) => confirm.risks.as_mut(),
        _ => None,
    })
}

/// Asks what is open of the next campaign that would start.
pub fn wants_risks(model: &mut Model, effects: &mut Vec<Effect>) {
    let request = model.next_request;
    if model.source.away.is_some() {
        return;
    }
    let campaign = risks(model).and_then(|risks| risks.wants(request));
    effects.extend(campaign.map(|campaign| ask(model, Question::Risks(campaign))));
}

/// Takes in what is open of one.
pub fn risks_came(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let risks = risks(model)?;
    let taken = match answer {
        Ok(Reading::Findings(rows)) => risks.answer(request, Ok(rows.as_slice())),
        Ok(_) => false,
        Err(error) => risks.answer(request, Err(error)),
    };
    taken.then_some(Dirty::Input)
}

/// The question did not get out.
pub fn risks_not_asked(model: &mut Model, request: u64) {
    if let Some(risks) = risks(model) {
        risks.not_asked(request);
    }
}
