//! Keys and answers of the panels that say how far campaigns are and who gets nothing.

use super::{actions, run, wants::ask};
use crate::domain::filter::{Filter, Scope};
use crate::tui::allowed;
use crate::tui::backend::BackendError;
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Model};
use crate::tui::msg::{Effect, Question, Reading, Slot};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::progress::{ProgressPanel, Shows};
use crate::tui::overlays::schedule::Schedule;
use crate::tui::verbs::take_back;

/// The filter that lists who gets nothing.
const SKIPPED: &str = "status:skipped";

/// The panel, wherever it lies.
fn panel(model: &mut Model) -> Option<&mut ProgressPanel> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Progress(panel) => Some(&mut **panel),
        _ => None,
    })
}

fn schedule(model: &mut Model) -> Option<&mut Schedule> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Schedule(schedule) => Some(&mut **schedule),
        _ => None,
    })
}

/// Opens one of them; `None`: the command is another.
pub fn open(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let shows = match cmd {
        Cmd::CampaignProgress => Shows::Progress,
        Cmd::CampaignSkipped => Shows::Skipped,
        Cmd::Schedule => {
            model.overlays.push(Overlay::Schedule(Box::default()));
            return Some(Vec::new());
        }
        _ => return None,
    };
    let panel = allowed::campaigns(model).first().map(|row| ProgressPanel::new(row, shows));
    model.overlays.extend(panel.map(|panel| Overlay::Progress(Box::new(panel))));
    Some(Vec::new())
}

/// Runs a command of the panel; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let open = panel(model)?;
    let (campaign, reason) = (open.campaign, open.reason().cloned());
    match cmd {
        Cmd::OtherView => {
            open.shows = match open.shows {
                Shows::Progress => Shows::Skipped,
                Shows::Skipped => Shows::Progress,
            };
            Some(Vec::new())
        }
        Cmd::TakeBack => {
            let reason = reason?;
            let proposal = take_back(model.campaign(campaign), &reason);
            Some(actions::propose(model, proposal))
        }
        Cmd::Open => {
            let mut effects = run::show_recipients(model, Some(campaign));
            model.recipients.filter = Filter::parse(SKIPPED, Scope::Recipients).unwrap_or_default();
            SKIPPED.clone_into(&mut model.recipients.filter_text);
            effects.extend(super::wants::reload_recipients(model));
            Some(effects)
        }
        _ => None,
    }
}

/// Moves in the panel on top.
pub fn go(model: &mut Model, motion: Motion) {
    let (geometry, now) = (model.geometry, model.now.mono);
    let hidden = geometry.overlay_lines.saturating_sub(geometry.overlay_rows);
    match model.overlays.last_mut() {
        Some(Overlay::Progress(panel)) => panel.go(motion, hidden, now),
        Some(Overlay::Schedule(schedule)) => {
            schedule.scroll = motion.from(schedule.scroll.min(hidden), hidden + 1);
        }
        _ => {}
    }
}

/// Asks for what the panels need.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, request) = (model.now.mono, model.next_request);
    if model.source.away.is_some() {
        return;
    }
    let of = panel(model).and_then(|panel| panel.read.wants(request, now).then_some(panel.campaign));
    effects.extend(of.map(|of| ask(model, Question::Progress(of))));
    let request = model.next_request;
    let queue = schedule(model).is_some_and(|schedule| schedule.queue.wants(request, now));
    effects.extend(queue.then(|| ask(model, Question::Queue)));
}

/// Takes in an answer.
pub fn answer(
    model: &mut Model,
    slot: Slot,
    request: u64,
    answer: Result<Reading, BackendError>,
) -> Option<Dirty> {
    let (now, covered) = (model.now.mono, !matches!(model.overlays.last(), Some(Overlay::Progress(_))));
    let taken = match (slot, answer) {
        (Slot::Progress, Ok(Reading::Progress(view))) => panel(model)?.read.answer(request, Ok(view)),
        (Slot::Progress, Err(error)) => panel(model)?.read.answer(request, Err(error)),
        (Slot::Queue, Ok(Reading::Queue(queue))) => schedule(model)?.queue.answer(request, Ok(queue)),
        (Slot::Queue, Err(error)) => schedule(model)?.queue.answer(request, Err(error)),
        _ => false,
    };
    if let Some(panel) = panel(model) {
        panel.take(covered, now);
    }
    taken.then_some(Dirty::Live)
}

/// Orders were carried out: what they changed is read again.
pub fn acted(model: &mut Model) {
    if let Some(panel) = panel(model) {
        panel.read.reread();
    }
}

/// A question did not get out.
pub fn not_asked(model: &mut Model, request: u64) {
    if let Some(panel) = panel(model) {
        panel.read.not_asked(request);
    }
    if let Some(schedule) = schedule(model) {
        schedule.queue.not_asked(request);
    }
}
