//! From a proposal to orders, and from their answers to what the operator reads.

use super::data;
use crate::domain::action::Order;
use crate::domain::text::Safe;
use crate::store::view::{NumberRow, NumberTest};
use crate::tui::allowed;
use crate::tui::backend::{ActionAnswer, BackendError};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::model::{Dirty, Level, Model, Pending, UNDO, Undo};
use crate::tui::msg::{Consent, Effect, Reading, Slot};
use crate::tui::overlays::{Overlay, confirm::Confirm, form::Form, reason::ReasonPrompt};
use crate::tui::verbs::{Proposal, move_load};
use crate::tui::words;

/// Does what needs no question at once; asks about the rest.
pub fn propose(model: &mut Model, proposal: Result<Proposal, Reason>) -> Vec<Effect> {
    let proposal = match proposal {
        Ok(proposal) => proposal,
        Err(reason) => {
            model.toast(Level::Info, reason.into_owned());
            return Vec::new();
        }
    };
    if !model.may_act() {
        model.toast(Level::Info, "READ-ONLY: nothing can be changed here");
        return Vec::new();
    }
    if proposal.danger <= Danger::Tier0 {
        return act(model, proposal, Consent::NotNeeded);
    }
    model.overlays.push(Overlay::Confirm(Box::new(Confirm::new(proposal, model))));
    Vec::new()
}

/// Asks for the operator's words first.
pub fn ask_reason(
    model: &mut Model,
    proposal: Result<Proposal, Reason>,
    prompt: impl FnOnce(Proposal) -> ReasonPrompt,
) -> Vec<Effect> {
    match proposal {
        Ok(proposal) => model.overlays.push(Overlay::Reason(Box::new(prompt(proposal)))),
        Err(reason) => model.toast(Level::Info, reason.into_owned()),
    }
    Vec::new()
}

/// It was counted what would move: the operator is asked, unless something else is open by now.
pub fn load_counted(model: &mut Model, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    match answer {
        Ok(Reading::Load(load, found)) if model.overlays.is_empty() => {
            let proposal = move_load(model, load, &found);
            // Opening the question has no effect outside.
            let _ = propose(model, proposal);
        }
        // Something else is open by now: nobody wants to be asked.
        Ok(_) => return None,
        Err(error) => model.toast(Level::Warn, format!("not counted: {error}")),
    }
    Some(Dirty::Input)
}

/// Hands the orders over.
pub fn act(model: &mut Model, proposal: Proposal, consent: Consent) -> Vec<Effect> {
    let act = model.number_request();
    let pending = Pending {
        subjects: proposal.subjects(),
        label: proposal.label,
        more: proposal.more,
        is_undo: consent == Consent::Undo,
        form: None,
    };
    model.pending.insert(act, pending);
    vec![Effect::Act { act, orders: proposal.orders, consent }]
}

/// Keeps the form that these orders came from, if they did: what was typed is not lost if all of them are refused.
pub fn keep_form(model: &mut Model, effects: &[Effect], form: Option<Box<Form>>) {
    if let [Effect::Act { act, .. }] = effects
        && let Some(pending) = model.pending.get_mut(act)
    {
        pending.form = form;
    }
}

/// Takes back the last thing that can be taken back.
pub fn undo(model: &mut Model) -> Vec<Effect> {
    let Some(undo) = model.undo.take() else { return Vec::new() };
    model.toasts.retain(|toast| !toast.undo);
    let act = model.number_request();
    let subjects = undo.orders.iter().map(|order| order.action.subject()).collect();
    let label = format!("taken back: {}", undo.label);
    model.pending.insert(act, Pending { subjects, label, more: None, is_undo: true, form: None });
    vec![Effect::Act { act, orders: undo.orders, consent: Consent::Undo }]
}

/// Tells the operator what became of the orders.
pub fn acted(model: &mut Model, act: u64, answers: Vec<(Order, ActionAnswer)>) -> Vec<Effect> {
    // Answered twice, or not ours.
    let Some(pending) = model.pending.remove(&act) else { return Vec::new() };
    super::settings::acted(model, &answers);
    super::channels::acted(model, &answers);
    let all = answers.len();
    let vain =
        !answers.is_empty() && answers.iter().all(|(_, answer)| matches!(answer, ActionAnswer::Refused(_)));
    if let Some(form) = pending.form.filter(|_| vain && model.overlays.is_empty()) {
        model.overlays.push(Overlay::Form(form));
    }
    let mut done = 0;
    let mut undo_orders = Vec::new();
    let mut trouble: Vec<(Level, String)> = Vec::new();
    for (order, answer) in answers {
        match answer {
            ActionAnswer::Done { undo, .. } => {
                done += 1;
                undo_orders.extend(undo.map(|order| *order));
            }
            other => trouble.push(told(model, &order, other)),
        }
    }
    if done > 0 {
        let label =
            if done == all { pending.label.clone() } else { format!("{} ({done} of {all})", pending.label) };
        let can_undo = !undo_orders.is_empty() && !pending.is_undo;
        model.toast_with(Level::Ok, label, pending.more.clone(), can_undo);
        if can_undo {
            undo_orders.reverse();
            model.undo =
                Some(Undo { orders: undo_orders, label: pending.label, until: model.now.mono + UNDO });
        }
    }
    let refused = trouble.len();
    if let Some((level, sentence)) = trouble.into_iter().next() {
        let more = (refused > 1).then(|| format!("and {} more", refused - 1));
        model.toast_with(level, sentence, more, false);
    }
    super::slots::acted(model);
    super::progress::acted(model);
    super::alerts::acted(model);
    super::pools::noticed(model);
    super::audit::acted(model);
    super::findings::acted(model);
    model.recipients.refreshed_at = None;
    model.replies.refreshed_at = None;
    if let Some(shown) = &mut model.shown {
        shown.asked_at = None;
    }
    vec![Effect::Refresh]
}

fn told(model: &Model, order: &Order, answer: ActionAnswer) -> (Level, String) {
    let name = order.action.name();
    let ago = |at| words::relative(at, model.now.wall);
    match answer {
        ActionAnswer::Done { .. } => (Level::Ok, format!("{name}: done")),
        ActionAnswer::AlreadySo { by, at } => {
            (Level::Info, format!("{name}: already so, by {by} {}", ago(at)))
        }
        ActionAnswer::Changed { to, by, at } => {
            (Level::Warn, format!("{name}: nothing done, {by} was first {}: now {to}", ago(at)))
        }
        ActionAnswer::Refused(rule) => (Level::Bad, format!("{name} refused: {rule}")),
        ActionAnswer::Failed(why) => (Level::Bad, format!("{name} failed: {why}")),
    }
}

/// Has the selected numbers tested: one says by itself what was found, several end in one sentence.
pub fn test_numbers(model: &mut Model) -> Vec<Effect> {
    if !model.may_act() {
        model.toast(Level::Info, "READ-ONLY: nothing can be tested here");
        return Vec::new();
    }
    let name = |row: &NumberRow| {
        if row.name.as_str().is_empty() {
            Safe::new(&row.phone.masked())
        } else {
            Safe::new(row.name.as_str())
        }
    };
    let numbers: Vec<_> = allowed::numbers(model).into_iter().map(|row| (row.id, name(row))).collect();
    let what = match numbers.as_slice() {
        [(_, name)] => format!("testing {name}"),
        several => format!("testing {}", words::count(several.len() as u64, "number")),
    };
    let tests = model.tests.begin(numbers);
    model.toast(Level::Info, what);
    tests
}

/// Tells the operator what a test found.
pub fn tested(model: &mut Model, name: &Safe, answer: Result<NumberTest, BackendError>) -> Vec<Effect> {
    let is_well = answer.as_ref().is_ok_and(|test| test.is_well);
    let (level, sentence) = match answer {
        Ok(test) => (
            if is_well { Level::Ok } else { Level::Bad },
            format!("{name}: {} ({} ms)", test.said, test.took_ms),
        ),
        Err(error) => (Level::Warn, format!("{name} was not tested: {error}")),
    };
    if !model.tests.is_batch() {
        model.toast(level, sentence);
    }
    let mut effects = test_ended(model, name, is_well);
    super::reload_visible(model);
    effects.push(Effect::Refresh);
    effects
}

/// One test is over: the next may begin, and the last of several says what came of all.
fn test_ended(model: &mut Model, name: &Safe, is_well: bool) -> Vec<Effect> {
    let (effects, said) = model.tests.end(name, is_well);
    if let Some((level, sentence)) = said {
        model.toast(level, sentence);
    }
    effects
}

/// A question found no way out; the next tick that wants it asks again.
fn not_asked(model: &mut Model, request: u64, slot: Slot) {
    match slot {
        Slot::Recipients if model.recipients.list.asked.is_some_and(|asked| asked.request == request) => {
            model.recipients.list.asked = None;
        }
        Slot::Threads if model.replies.list.asked.is_some_and(|asked| asked.request == request) => {
            model.replies.list.asked = None;
        }
        Slot::Doubts if model.doubts.asked.is_some_and(|asked| asked.request == request) => {
            model.doubts.asked = None;
        }
        Slot::Detail => data::detail_not_asked(model, request),
        Slot::Findings => super::findings::not_asked(model, request),
        Slot::Risks => super::findings::risks_not_asked(model, request),
        Slot::Forecast => data::forecast_not_asked(model, request),
        Slot::Known | Slot::Check | Slot::Estimate => super::wizard::not_asked(model, Some(request)),
        Slot::Progress | Slot::Queue => super::progress::not_asked(model, request),
        Slot::Audit | Slot::AuditEntry => super::audit::not_asked(model, request),
        Slot::Settings => super::settings::not_asked(model, request),
        Slot::Channels => super::channels::not_asked(model, request),
        Slot::Pools => super::pools::not_asked(model, request),
        Slot::Alerts | Slot::Handover => super::alerts::not_asked(model, request),
        Slot::Slots | Slot::SlotHolders | Slot::SlotReset => super::slots::not_asked(model, request),
        _ => {}
    }
}

/// The way out was full: everything is as before, and the operator knows.
pub fn busy(model: &mut Model, effect: &Effect) -> Vec<Effect> {
    match effect {
        Effect::Act { act, .. } => {
            let form = model.pending.remove(act).and_then(|pending| pending.form);
            model.overlays.extend(form.map(Overlay::Form));
            super::channels::not_saved(model);
            model.toast(Level::Warn, "busy: nothing was done, try again");
        }
        Effect::Make { .. } | Effect::Change { .. } | Effect::Open(_) | Effect::Write { .. } => {
            super::wizard::not_asked(model, None);
            model.toast(Level::Warn, "busy: nothing was done, try again");
        }
        Effect::NumberFile { .. } => super::number_file::not_begun(model),
        Effect::Reveal { .. } | Effect::TestChannel { .. } => model.toast(Level::Warn, "busy: try again"),
        Effect::Test { name, .. } => {
            if !model.tests.is_batch() {
                model.toast(Level::Warn, "busy: try again");
            }
            return test_ended(model, name, false);
        }
        Effect::Ask { request, question } => not_asked(model, *request, question.slot()),
        Effect::Refresh
        | Effect::ForgetEstimate
        | Effect::Copy(_)
        | Effect::Mouse(_)
        | Effect::Redraw
        | Effect::SuspendProcess
        | Effect::Retake => {}
    }
    Vec::new()
}
