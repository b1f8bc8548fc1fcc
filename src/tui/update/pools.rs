//! Keys and answers of the pools.

use super::{actions, run::show_code, wants::ask};
use crate::domain::ids::{NumberId, PoolId};
use crate::tui::backend::BackendError;
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Level, Model};
use crate::tui::msg::{Effect, Question, Reading};
use crate::tui::overlays::form::Form;
use crate::tui::overlays::picker::Picker;
use crate::tui::overlays::reason::ReasonPrompt;
use crate::tui::overlays::{Overlay, pools::PoolPanel};
use crate::tui::verbs::{first_of_pool, put_into_pool, remove_pool, take_out_of_pool, weigh_in_pool};

/// The panel, wherever it lies.
fn panel(model: &mut Model) -> Option<&mut PoolPanel> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Pools(panel) => Some(&mut **panel),
        _ => None,
    })
}

/// Opens it.
pub fn open(model: &mut Model) {
    model.overlays.push(Overlay::Pools(Box::default()));
}

/// Runs a command of it; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    match cmd {
        Cmd::DrawerNext => panel(model)?.next_member(1),
        Cmd::DrawerPrevious => panel(model)?.next_member(-1),
        Cmd::Reload => panel(model)?.read.reread(),
        Cmd::PoolNew => {
            let form = Form::new_pool(model);
            model.overlays.push(Overlay::Form(Box::new(form)));
        }
        _ => return act(model, cmd),
    }
    Some(Vec::new())
}

/// What is done to the pool under the cursor, or to a number of it.
fn act(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let panel = panel(model)?;
    let (pool, member) = (panel.pool().cloned(), panel.member().map(|member| member.number));
    let pool = pool?;
    let gone = || "no number is chosen".into();
    Some(match cmd {
        Cmd::PoolEdit => {
            model.overlays.push(Overlay::Form(Box::new(Form::edit_pool(&pool))));
            Vec::new()
        }
        Cmd::PoolRemove => actions::propose(model, remove_pool(&pool)),
        Cmd::PoolPut => {
            model.overlays.push(Overlay::Picker(Picker::for_pool(model, &pool)));
            Vec::new()
        }
        Cmd::PoolTakeOut => {
            let proposal = member.ok_or_else(gone).and_then(|number| take_out_of_pool(&pool, number, model));
            actions::propose(model, proposal)
        }
        Cmd::PoolWeigh => {
            let proposal = member.ok_or_else(gone).and_then(|number| weigh_in_pool(&pool, number, model));
            actions::ask_reason(model, proposal, ReasonPrompt::weigh)
        }
        Cmd::PoolQr => {
            if let Some(row) = first_of_pool(&pool, model).cloned() {
                show_code(model, &row)
            } else {
                model.toast(Level::Info, "no number of it is in service, nor a default number");
                Vec::new()
            }
        }
        _ => return None,
    })
}

/// A number was chosen that is to come into a pool.
pub fn chosen(model: &mut Model, pool: PoolId, number: NumberId) -> Vec<Effect> {
    let pool = panel(model).and_then(|panel| panel.find(pool).cloned());
    let proposal = pool.ok_or_else(|| "this pool is gone".into());
    let proposal = proposal.and_then(|pool| put_into_pool(&pool, number, model));
    actions::propose(model, proposal)
}

/// Moves in it.
pub fn go(model: &mut Model, motion: Motion) {
    let now = model.now.mono;
    if let Some(panel) = panel(model) {
        panel.go(motion, now);
    }
}

/// Asks for what it needs.
pub fn wants(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, request) = (model.now.mono, model.next_request);
    let away = model.source.away.is_some();
    if panel(model).is_some_and(|panel| !away && panel.read.wants(request, now)) {
        effects.push(ask(model, Question::Pools));
    }
}

/// Takes in an answer.
pub fn answer(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let (now, covered) = (model.now.mono, !matches!(model.overlays.last(), Some(Overlay::Pools(_))));
    let panel = panel(model)?;
    let taken = match answer {
        Ok(Reading::Pools(pools)) => panel.read.answer(request, Ok(pools)),
        Ok(_) => false,
        Err(error) => panel.read.answer(request, Err(error)),
    };
    panel.take(covered, now);
    taken.then_some(Dirty::Live)
}

/// Orders were carried out, or somebody changed something: they are read again.
pub fn noticed(model: &mut Model) {
    if let Some(panel) = panel(model) {
        panel.read.reread();
    }
}

/// A question did not get out.
pub fn not_asked(model: &mut Model, request: u64) {
    if let Some(panel) = panel(model) {
        panel.read.not_asked(request);
    }
}
