//! Keys and text for what lies over the tabs.

use super::{
    actions, alerts, audit, channels, copy, filter, findings, guide, number_file, pools, progress, run,
    settings, wizard,
};
use crate::domain::action::Verdict;
use crate::domain::forecast::WhatIf;
use crate::store::view::DoubtRow;
use crate::tui::Ended;
use crate::tui::keymap::{Cmd, Danger};
use crate::tui::lists::Motion;
use crate::tui::model::{Level, Model};
use crate::tui::msg::{Consent, Effect};
use crate::tui::overlays::drawer::{Drawer, DrawerOf};
use crate::tui::overlays::{Overlay, form::Form, picker::Choice, reason::Asks, reason::ReasonPrompt};
use crate::tui::verbs::{
    add_number, add_pool, edit_campaign, edit_many, edit_number, edit_pool, handing_to, saying, settle,
    slot_for_phone, slot_moved_to, weighed_in_pool,
};
use crossterm::event::KeyEvent;

/// Runs a command of the overlay on top; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    match model.overlays.last()? {
        Overlay::Drawer(_) => drawer(model, cmd),
        Overlay::Doubts => doubts(model, cmd),
        Overlay::Confirm(_) => confirm(model, cmd),
        Overlay::Quit(_) => quit(model, cmd),
        Overlay::Form(_) => form(model, cmd),
        Overlay::NumberFile(_) => number_file::run(model, cmd),
        Overlay::Wizard(_) => wizard::run(model, cmd),
        Overlay::Progress(_) => progress::run(model, cmd),
        Overlay::Alerts(_) => alerts::run(model, cmd),
        Overlay::Settings(_) => settings::run(model, cmd),
        Overlay::Channels(_) => channels::run(model, cmd),
        Overlay::Channel(_) => channels::run_form(model, cmd),
        Overlay::Audit(_) => audit::run(model, cmd),
        Overlay::Pools(_) => pools::run(model, cmd),
        Overlay::Reason(_) => reason(model, cmd),
        Overlay::Filter(_) => filter_input(model, cmd),
        Overlay::Palette(_) => palette(model, cmd),
        Overlay::Help(_) => help(model, cmd),
        Overlay::Guide(_) => guide::run(model, cmd),
        Overlay::Copy => copy_menu(model, cmd),
        Overlay::Picker(_) => picker(model, cmd),
        Overlay::Forecast(_) => forecast(model, cmd),
        Overlay::Findings(_) => findings::run(model, cmd),
        Overlay::Instances(_)
        | Overlay::Stop
        | Overlay::Slots(_)
        | Overlay::Handover(_)
        | Overlay::Qr(_)
        | Overlay::Schedule(_) => None,
    }
}

fn drawer(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    match cmd {
        Cmd::Escaped => {
            if let Some(Overlay::Drawer(drawer)) = model.overlays.last_mut() {
                drawer.escaped = !drawer.escaped;
            }
            Some(Vec::new())
        }
        Cmd::DrawerNext | Cmd::DrawerPrevious => {
            let motion = Motion::By(if cmd == Cmd::DrawerNext { 1 } else { -1 });
            let over_doubts = model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Doubts));
            let effects = if over_doubts {
                model.doubts.go(motion);
                Vec::new()
            } else {
                run::go(model, motion)
            };
            let of = crate::tui::overlays::drawer::under_cursor(model, over_doubts);
            if let (Some(Overlay::Drawer(drawer)), Some(of)) = (model.overlays.last_mut(), of) {
                drawer.of = of;
                drawer.scroll = 0;
            }
            Some(effects)
        }
        _ => {
            let row = drawn_doubt(model)?.clone();
            doubt(model, cmd, &row)
        }
    }
}

/// The attempt in doubt whose details lie on top.
fn drawn_doubt(model: &Model) -> Option<&DoubtRow> {
    match model.overlays.last()? {
        Overlay::Drawer(Drawer { of: DrawerOf::Doubt(row), .. }) => Some(row),
        _ => None,
    }
}

/// The forecast: what if, and back to what is.
fn forecast(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let Some(Overlay::Forecast(panel)) = model.overlays.last_mut() else { return None };
    match cmd {
        Cmd::WhatIf => {
            let (campaign, asked) = (panel.campaign, panel.what_if.clone());
            let form = model.campaign(campaign).map(|row| Form::what_if(row, &asked, model));
            if form.is_none() {
                model.toast(Level::Info, "this campaign is gone");
            }
            model.overlays.extend(form.map(|form| Overlay::Form(Box::new(form))));
        }
        Cmd::AsItIs => panel.ask(WhatIf::default()),
        _ => return None,
    }
    Some(Vec::new())
}

fn doubts(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let row = model.doubts.current().map(|kept| kept.row.clone())?;
    doubt(model, cmd, &row)
}

/// A verdict on an attempt, as it stands in the list now.
fn doubt(model: &mut Model, cmd: Cmd, row: &DoubtRow) -> Option<Vec<Effect>> {
    let verdict = match cmd {
        Cmd::SettleSent => Verdict::Sent,
        Cmd::SettleNotSent => Verdict::NotSent,
        Cmd::SettleResend => Verdict::Resend,
        _ => return None,
    };
    let proposal = match model.doubts.find(row.id) {
        Some(there) => Ok(settle(there, verdict, model)),
        None => Err("it is no longer in doubt".into()),
    };
    Some(actions::ask_reason(model, proposal, |proposal| {
        ReasonPrompt::settle(proposal, verdict != Verdict::Sent)
    }))
}

fn confirm(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let now = model.now.mono;
    let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() else { return None };
    if confirm.is_guarded(now) && cmd != Cmd::Interrupt && cmd != Cmd::StopAll {
        return Some(Vec::new());
    }
    match cmd {
        Cmd::NextField | Cmd::PreviousField => confirm.go_focused = !confirm.go_focused && confirm.is_ready(),
        // An answer that only came too early is none.
        Cmd::Accept | Cmd::Yes if confirm.is_reading() => {
            model.toast(Level::Info, "what is open of it is still being read; answer it then");
        }
        Cmd::Accept if confirm.accepts() => return Some(confirmed(model)),
        Cmd::Accept => return Some(close(model)),
        Cmd::Yes if confirm.is_ready() => return Some(confirmed(model)),
        Cmd::Yes => {}
        Cmd::Reread => {
            let before = confirm.clone();
            model.overlays.pop();
            match before.again(model) {
                Ok(anew) => model.overlays.push(Overlay::Confirm(Box::new(anew))),
                Err(reason) => model.toast(Level::Warn, format!("nothing was done: {reason}")),
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn confirmed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.pop() else { return Vec::new() };
    let form = pop_form(model);
    let effects = actions::act(model, confirm.proposal, Consent::Confirmed);
    actions::keep_form(model, &effects, form);
    effects
}

fn pop_form(model: &mut Model) -> Option<Box<Form>> {
    match model.overlays.pop() {
        Some(Overlay::Form(form)) => Some(form),
        other => {
            model.overlays.extend(other);
            None
        }
    }
}

fn quit(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let now = model.now.mono;
    let Some(Overlay::Quit(quit)) = model.overlays.last_mut() else { return None };
    if quit.is_guarded(now) && cmd != Cmd::Interrupt && cmd != Cmd::StopAll {
        return Some(Vec::new());
    }
    match cmd {
        Cmd::NextField | Cmd::PreviousField => quit.go_focused = !quit.go_focused,
        Cmd::Accept if quit.go_focused => model.ended = Some(Ended::Quit),
        Cmd::Yes => model.ended = Some(Ended::Quit),
        Cmd::Accept => {
            model.overlays.pop();
        }
        Cmd::Reread => {}
        _ => return None,
    }
    Some(Vec::new())
}

fn form(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return None };
    match cmd {
        Cmd::NextField => form.step(1),
        Cmd::PreviousField => form.step(-1),
        Cmd::Toggle => form.toggle(),
        Cmd::Accept if !form.on_save() => form.step(1),
        Cmd::Accept | Cmd::Save => return Some(save(model)),
        _ => return None,
    }
    Some(Vec::new())
}

fn save(model: &mut Model) -> Vec<Effect> {
    use crate::tui::overlays::form::Filled;
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    let filled = form.read();
    let proposal = match filled {
        Ok(Filled::New { number, account }) => Ok(add_number(number, &account, model)),
        Ok(Filled::Edit { id, version, values }) => {
            match model.number(id).cloned() {
                Some(mut row) => {
                    // The operator saw the version that the form was opened with.
                    row.version = version;
                    edit_number(&row, &values, model)
                }
                None => Err("this number is gone".into()),
            }
        }
        Ok(Filled::Many { ids, values }) => {
            let rows: Vec<_> = ids.iter().filter_map(|id| model.number(*id)).collect();
            edit_many(&rows, &values, model)
        }
        Ok(Filled::Campaign { id, version, terms }) => match model.campaign(id).cloned() {
            Some(mut row) => {
                row.version = version;
                edit_campaign(&row, terms, model)
            }
            None => Err("this campaign is gone".into()),
        },
        Ok(Filled::NewPool(new)) => Ok(add_pool(new)),
        Ok(Filled::Pool { pool, change }) => edit_pool(&pool, change, model),
        Ok(Filled::WhatIf(what_if)) => {
            model.overlays.pop();
            if let Some(panel) = super::data::forecast_panel(model) {
                panel.ask(what_if);
            }
            return Vec::new();
        }
        Err(()) => {
            model.toast(Level::Warn, "not saved: see the marked fields");
            return Vec::new();
        }
    };
    let at_once = proposal.as_ref().is_ok_and(|proposal| proposal.danger == Danger::Tier0);
    let form = if at_once { pop_form(model) } else { None };
    let effects = actions::propose(model, proposal);
    actions::keep_form(model, &effects, form);
    effects
}

fn reason(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    if cmd != Cmd::Accept {
        return (cmd == Cmd::Complete).then(Vec::new);
    }
    let Some(Overlay::Reason(prompt)) = model.overlays.last_mut() else { return None };
    if prompt.required && prompt.input.is_blank() {
        prompt.missing = true;
        return Some(Vec::new());
    }
    let Some(Overlay::Reason(prompt)) = model.overlays.pop() else { return None };
    let said = prompt.input.text().trim();
    let read = match prompt.asks {
        Asks::Phone(campaign, slot) => Some(slot_for_phone(&prompt.proposal, campaign, slot, said)),
        Asks::Slot => Some(slot_moved_to(&prompt.proposal, said)),
        Asks::Share => Some(weighed_in_pool(&prompt.proposal, said)),
        Asks::Reason | Asks::Answer | Asks::Operator => None,
    };
    match read {
        Some(Ok(proposal)) => return Some(actions::propose(model, Ok(proposal))),
        Some(Err(wrong)) => {
            // Nothing that was typed is lost: the prompt stays and says why.
            let prompt = ReasonPrompt { wrong: Some(wrong), ..*prompt };
            model.overlays.push(Overlay::Reason(Box::new(prompt)));
            return Some(Vec::new());
        }
        None => {}
    }
    match prompt.asks {
        Asks::Answer => {
            let proposal = saying(prompt.proposal, said, model.theme.ascii);
            return Some(actions::propose(model, Ok(proposal)));
        }
        Asks::Operator => return Some(actions::propose(model, Ok(handing_to(prompt.proposal, said)))),
        Asks::Reason | Asks::Phone(..) | Asks::Slot | Asks::Share => {}
    }
    let words = if prompt.input.is_blank() { "by operator" } else { prompt.input.text().trim() };
    let words = words.to_owned();
    Some(actions::propose(model, Ok(prompt.proposal.because(&words))))
}

fn filter_input(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let Some(Overlay::Filter(input)) = model.overlays.last_mut() else { return None };
    match cmd {
        Cmd::Accept => {
            if let Ok(filter) = input.parse() {
                let text = input.text().to_owned();
                model.overlays.pop();
                filter::apply(model, text, filter, false);
            }
        }
        Cmd::Complete => {
            input.complete();
            filter::typed(model);
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn palette(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    match cmd {
        Cmd::Accept => Some(crate::tui::overlays::palette::accept(model)),
        Cmd::Complete => {
            crate::tui::overlays::palette::complete(model);
            Some(Vec::new())
        }
        _ => None,
    }
}

fn help(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    if cmd != Cmd::Accept {
        return None;
    }
    let Some(Overlay::Help(help)) = model.overlays.pop() else { return None };
    let chosen = help.chosen(model);
    Some(chosen.map(|entry| super::keys::run_entry(model, entry)).unwrap_or_default())
}

fn copy_menu(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let (text, phone) = match cmd {
        Cmd::CopyRow => (copy::row(model), false),
        Cmd::CopyId => (copy::id(model), false),
        Cmd::CopyMessageId => (copy::message_id(model), false),
        Cmd::CopyPhone => (None, true),
        _ => return None,
    };
    model.overlays.pop();
    if phone {
        return Some(copy::copy_phone(model));
    }
    Some(text.map(Effect::Copy).into_iter().collect())
}

fn picker(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    if cmd != Cmd::Accept {
        return None;
    }
    let Some(Overlay::Picker(picker)) = model.overlays.pop() else { return None };
    let effects = match picker.chosen() {
        Some(Choice::Campaign(campaign)) => run::show_recipients(model, campaign),
        Some(Choice::Order(order)) => {
            model.recipients.order = order;
            super::wants::reload_recipients(model)
        }
        Some(Choice::Threads(scope)) => {
            model.replies.scope = scope;
            super::wants::reload_threads(model)
        }
        Some(Choice::Move(load)) => vec![super::wants::ask(model, crate::tui::msg::Question::Load(load))],
        Some(Choice::PoolNumber(pool, number)) => pools::chosen(model, pool, number),
        Some(Choice::Sort(sort)) => {
            match model.tab {
                crate::tui::model::Tab::Numbers => model.numbers.sort = sort,
                _ => model.campaigns.sort = sort,
            }
            super::data::refresh_lists(model, true);
            Vec::new()
        }
        None => Vec::new(),
    };
    Some(effects)
}

/// Moves in the overlay on top.
pub fn go(model: &mut Model, motion: Motion) -> Vec<Effect> {
    let geometry = model.geometry;
    let hidden = geometry.overlay_lines.saturating_sub(geometry.overlay_rows);
    let scroll = |at: usize| match motion {
        Motion::By(lines) => at.min(hidden).saturating_add_signed(lines).min(hidden),
        Motion::Top => 0,
        Motion::Bottom => hidden,
    };
    match model.overlays.last_mut() {
        Some(Overlay::Drawer(drawer)) => drawer.scroll = scroll(drawer.scroll),
        Some(Overlay::Instances(at)) => *at = scroll(*at),
        Some(Overlay::Handover(panel)) => panel.scroll = scroll(panel.scroll),
        Some(Overlay::Forecast(panel)) => panel.scroll = scroll(panel.scroll),
        Some(Overlay::Doubts) => {
            if let Some(place) = model.doubts.go(motion) {
                return super::wants::load_doubts(model, place);
            }
        }
        Some(Overlay::Alerts(_)) => alerts::go(model, motion),
        Some(Overlay::Channels(_)) => channels::go(model, motion),
        Some(Overlay::Audit(panel)) if panel.open => panel.scroll = scroll(panel.scroll),
        Some(Overlay::Audit(_)) => return audit::go(model, motion),
        Some(Overlay::Findings(_)) => findings::go(model, motion),
        Some(Overlay::Pools(_)) => pools::go(model, motion),
        Some(Overlay::NumberFile(_)) => number_file::go(model, motion),
        Some(Overlay::Slots(grid)) => grid.go(motion, model.now.mono),
        Some(Overlay::Progress(_) | Overlay::Schedule(_)) => progress::go(model, motion),
        Some(Overlay::Palette(palette)) => palette.go(motion),
        Some(Overlay::Help(help)) => help.go(motion),
        Some(Overlay::Guide(guide)) => guide.go(motion, geometry.overlay_rows),
        Some(Overlay::Picker(picker)) => picker.go(motion),
        _ => {}
    }
    Vec::new()
}

/// One step back from the overlay on top.
pub fn close(model: &mut Model) -> Vec<Effect> {
    if matches!(model.overlays.last(), Some(Overlay::Wizard(_))) {
        return wizard::back(model);
    }
    if audit::step_back(model)
        || guide::step_back(model)
        || settings::step_back(model)
        || channels::step_back(model)
    {
        return Vec::new();
    }
    match model.overlays.pop() {
        Some(Overlay::Filter(input)) => {
            // As it was before the input was opened.
            let before = input.before.clone();
            let filter = crate::domain::filter::Filter::parse(&before, input.scope).unwrap_or_default();
            filter::apply(model, before, filter, false);
        }
        Some(Overlay::Palette(palette)) if palette.argument.is_some() => {
            crate::tui::overlays::palette::open(model);
        }
        _ => {}
    }
    super::data::refresh_lists(model, false);
    Vec::new()
}

/// A key that is text, or edits text.
pub fn edit(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let now = model.now.mono;
    match model.overlays.last_mut() {
        Some(Overlay::Confirm(confirm)) => confirm.key(event, now),
        Some(Overlay::Form(form)) => form.key(event),
        Some(Overlay::NumberFile(_)) => number_file::key(model, event),
        Some(Overlay::Wizard(_)) => wizard::key(model, event),
        Some(Overlay::Settings(_)) => settings::key(model, event),
        Some(Overlay::Channel(_)) => channels::key(model, event),
        Some(Overlay::Reason(prompt)) => {
            prompt.input.key(event);
            prompt.missing = false;
            prompt.wrong = None;
        }
        Some(Overlay::Filter(input)) => {
            input.key(event);
            filter::typed(model);
        }
        Some(Overlay::Audit(panel)) => panel.key(event, now),
        Some(Overlay::Palette(_)) => crate::tui::overlays::palette::key(model, event),
        Some(Overlay::Help(help)) => help.key(event),
        Some(Overlay::Guide(guide)) => guide.key(event),
        _ => {}
    }
    Vec::new()
}

/// Text pasted into the overlay on top.
pub fn paste(model: &mut Model, text: &str) {
    let now = model.now.mono;
    match model.overlays.last_mut() {
        Some(Overlay::Confirm(confirm)) => confirm.paste(text, now),
        Some(Overlay::Form(form)) => form.paste(text),
        Some(Overlay::NumberFile(_)) => number_file::paste(model, text),
        Some(Overlay::Wizard(_)) => wizard::paste(model, text),
        Some(Overlay::Settings(_)) => settings::paste(model, text),
        Some(Overlay::Channel(_)) => channels::paste(model, text),
        Some(Overlay::Reason(prompt)) => prompt.input.paste(text),
        Some(Overlay::Filter(input)) => input.paste(text),
        Some(Overlay::Audit(panel)) => panel.paste(text, now),
        Some(Overlay::Palette(_)) => crate::tui::overlays::palette::paste(model, text),
        Some(Overlay::Help(help)) => help.search.paste(text),
        Some(Overlay::Guide(guide)) => guide.paste(text),
        _ => {}
    }
}
