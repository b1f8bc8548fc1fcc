//! Keys and answers of the grid of slots.

use super::{actions, wants::ask};
use crate::tui::allowed;
use crate::tui::backend::BackendError;
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Level, Model};
use crate::tui::msg::{Effect, Question, Reading, Slot};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::reason::ReasonPrompt;
use crate::tui::overlays::slots::SlotGrid;
use crate::tui::verbs::{move_slot, release_slot, reset_slots};

/// The grid, wherever it lies.
pub fn open_one(model: &mut Model) -> Option<&mut SlotGrid> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Slots(grid) => Some(&mut **grid),
        _ => None,
    })
}

/// Opens it: of the campaign under the cursor, if that has slots of its own.
pub fn open(model: &mut Model) {
    let of = allowed::campaigns(model).first().map(|row| row.id);
    let grid = SlotGrid::new(of, model.now.mono);
    model.overlays.push(Overlay::Slots(Box::new(grid)));
}

/// Runs a command of the grid; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let now = model.now.mono;
    let columns = isize::try_from(model.geometry.overlay_offset.max(1)).unwrap_or(1);
    let page = columns * isize::try_from(model.geometry.overlay_rows.max(1)).unwrap_or(1);
    let motion = match cmd {
        Cmd::Left => Motion::By(-1),
        Cmd::Right => Motion::By(1),
        Cmd::Up => Motion::By(-columns),
        Cmd::Down => Motion::By(columns),
        Cmd::PageUp => Motion::By(-page),
        Cmd::PageDown => Motion::By(page),
        Cmd::Top => Motion::Top,
        Cmd::Bottom => Motion::Bottom,
        _ => return act(model, cmd),
    };
    open_one(model)?.go(motion, now);
    Some(Vec::new())
}

fn act(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let now = model.now.mono;
    let grid = open_one(model)?;
    let (campaign, scope, slot) = (grid.campaign(), grid.scope(), grid.slot());
    let holder = grid.holder().cloned();
    match (cmd, slot, holder) {
        (Cmd::DrawerNext, ..) => grid.next_holder(1),
        (Cmd::DrawerPrevious, ..) => grid.next_holder(-1),
        (Cmd::SlotScope, ..) => {
            if !grid.next_scope(now) {
                model.toast(Level::Info, "no campaign has slots of its own");
            }
        }
        (Cmd::Reload, ..) => grid.reread(),
        (Cmd::SlotGive, Some(slot), _) => {
            model.overlays.push(Overlay::Reason(Box::new(ReasonPrompt::give_slot(campaign, &scope, slot))));
        }
        (Cmd::SlotMove, Some(slot), Some(holder)) => {
            let prompt = ReasonPrompt::move_slot(move_slot(campaign, slot, &holder));
            model.overlays.push(Overlay::Reason(Box::new(prompt)));
        }
        (Cmd::SlotFree, Some(slot), Some(holder)) => {
            let proposal = release_slot(campaign, &scope, slot, &holder);
            return Some(actions::propose(model, Ok(proposal)));
        }
        (Cmd::SlotReset, Some(_), _) => {
            let request = model.next_request;
            if let Some(grid) = open_one(model) {
                grid.reset_asked = Some(request);
            }
            return Some(vec![ask(model, Question::SlotReset(campaign))]);
        }
        (Cmd::SlotGive | Cmd::SlotMove | Cmd::SlotFree | Cmd::SlotReset, ..) => {
            model.toast(Level::Info, "still reading who has it");
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Asks for what the grid needs and does not have yet.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    if model.source.away.is_some() {
        return;
    }
    let request = model.next_request;
    let of = open_one(model).and_then(|grid| grid.wants(request, now).then_some(grid.asked_of));
    effects.extend(of.map(|of| ask(model, Question::Slots(of))));
    let request = model.next_request;
    let slot = open_one(model).and_then(|grid| Some((grid.campaign(), grid.wants_holders(request, now)?)));
    effects.extend(slot.map(|(of, slot)| ask(model, Question::SlotHolders(of, slot))));
}

/// Takes in an answer.
pub fn answer(
    model: &mut Model,
    slot: Slot,
    request: u64,
    answer: Result<Reading, BackendError>,
) -> Option<Dirty> {
    let grid = open_one(model)?;
    let taken = match (slot, answer) {
        (Slot::Slots, Ok(Reading::Slots(view))) => grid.answer(request, Ok(view)),
        (Slot::Slots, Err(error)) => grid.answer(request, Err(error)),
        (Slot::SlotHolders, Ok(Reading::SlotHolders(holders))) => grid.answer_holders(request, Ok(holders)),
        (Slot::SlotHolders, Err(error)) => grid.answer_holders(request, Err(error)),
        (Slot::SlotReset, answer) => {
            let (campaign, scope) = (grid.campaign(), grid.scope());
            if grid.answer_reset(request) && matches!(model.overlays.last(), Some(Overlay::Slots(_))) {
                match answer {
                    Ok(Reading::SlotReset(reset)) => {
                        actions::propose(model, reset_slots(campaign, &scope, reset));
                    }
                    Ok(_) => {}
                    Err(error) => model.toast(Level::Warn, format!("not counted: {error}")),
                }
            }
            true
        }
        _ => false,
    };
    taken.then_some(Dirty::Input)
}

/// Orders were carried out: who has what is read again.
pub fn acted(model: &mut Model) {
    if let Some(grid) = open_one(model) {
        grid.reread();
    }
}

/// A question did not get out.
pub fn not_asked(model: &mut Model, request: u64) {
    if let Some(grid) = open_one(model) {
        grid.not_asked(request);
    }
}
