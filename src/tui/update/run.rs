//! What each command does.

use super::{actions, alerts, audit, copy, filter, findings, guide, overlay, wants};
use crate::domain::action::Subject;
use crate::store::view::{MessageState, NumberRow, Place};
use crate::tui::Ended;
use crate::tui::allowed;
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Level, Model, Tab};
use crate::tui::msg::{Effect, Report};
use crate::tui::overlays::{
    Overlay,
    drawer::{Drawer, DrawerOf},
    forecast::ForecastPanel,
    form::Form,
    handover::HandoverPanel,
    help::Help,
    palette,
    picker::Picker,
    qr::QrPanel,
    quit::Quit,
    reason::ReasonPrompt,
};
use crate::tui::verbs::{CampaignVerb, NumberVerb, RecipientVerb, ThreadVerb, release_stop, stop_all};

/// Does it.
pub fn run(model: &mut Model, cmd: Cmd) -> Vec<Effect> {
    if matches!(model.overlays.last(), Some(Overlay::Slots(_)))
        && let Some(effects) = super::slots::run(model, cmd)
    {
        return effects;
    }
    if let Some(effects) = move_about(model, cmd) {
        return effects;
    }
    if let Some(effects) = super::progress::open(model, cmd) {
        return effects;
    }
    match cmd {
        Cmd::CampaignNew => super::wizard::open(model),
        Cmd::CampaignLike | Cmd::CampaignSteps => {
            return super::wizard::open_like(model, cmd == Cmd::CampaignSteps);
        }
        Cmd::Slots => super::slots::open(model),
        Cmd::Pools => super::pools::open(model),
        Cmd::NumberImport | Cmd::NumberExport => super::number_file::open(model, cmd == Cmd::NumberImport),
        _ => return further(model, cmd),
    }
    Vec::new()
}

fn further(model: &mut Model, cmd: Cmd) -> Vec<Effect> {
    if let Some(effects) = act(model, cmd).or_else(|| talk(model, cmd)) {
        return effects;
    }
    if let Some(effects) = overlay::run(model, cmd) {
        return effects;
    }
    everywhere(model, cmd)
}

fn everywhere(model: &mut Model, cmd: Cmd) -> Vec<Effect> {
    match cmd {
        Cmd::Help => model.overlays.push(Overlay::Help(Help::default())),
        Cmd::Guides => guide::open(model),
        Cmd::Palette => palette::open(model),
        Cmd::Filter => filter::open(model),
        Cmd::Alerts => alerts::open(model),
        Cmd::Audit => audit::open(model),
        Cmd::Settings => super::settings::open(model),
        Cmd::Channels => super::channels::open(model),
        Cmd::CampaignFindings => findings::open(model),
        Cmd::Handover => report(model, Report::Shift),
        Cmd::NumberStats => report(model, Report::Numbers),
        Cmd::Instances => model.overlays.push(Overlay::Instances(0)),
        Cmd::Doubts => {
            model.overlays.push(Overlay::Doubts);
            return wants::load_doubts(model, Place::Start);
        }
        Cmd::Copy => model.overlays.push(Overlay::Copy),
        Cmd::Quit | Cmd::Back | Cmd::Interrupt => return back(model, cmd),
        Cmd::Redraw => return vec![Effect::Redraw],
        Cmd::SuspendProcess => return vec![Effect::SuspendProcess],
        Cmd::Undo => return actions::undo(model),
        Cmd::Reload => return reload(model),
        Cmd::ChooseCampaign => model.overlays.push(Overlay::Picker(Picker::campaigns(model))),
        Cmd::Order => model.overlays.push(Overlay::Picker(Picker::orders(model))),
        Cmd::Sort => sort(model),
        Cmd::Reveal => return copy::reveal(model, None),
        Cmd::Open => open(model),
        Cmd::Follow => model.live.toggle(model.now.wall, model.session.zone),
        Cmd::ErrorsOnly => model.live.errors_only = !model.live.errors_only,
        Cmd::Clear => model.live.clear(),
        Cmd::Window1 => model.live.window_minutes = 1,
        Cmd::Window5 => model.live.window_minutes = 5,
        Cmd::Window15 => model.live.window_minutes = 15,
        _ => {}
    }
    Vec::new()
}

fn move_about(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let page = isize::try_from(model.geometry.list_rows.max(2) - 1).unwrap_or(10);
    let motion = match cmd {
        Cmd::Up => Motion::By(-1),
        Cmd::Down => Motion::By(1),
        Cmd::PageUp => Motion::By(-page),
        Cmd::PageDown => Motion::By(page),
        Cmd::Top => Motion::Top,
        Cmd::Bottom => Motion::Bottom,
        _ => return tabs_and_marks(model, cmd),
    };
    if !model.overlays.is_empty() {
        return Some(overlay::go(model, motion));
    }
    Some(go(model, motion))
}

/// Moves the cursor of the open tab.
pub fn go(model: &mut Model, motion: Motion) -> Vec<Effect> {
    let now = model.now.mono;
    match model.tab {
        Tab::Numbers => model.numbers.go(motion, now),
        Tab::Campaigns => model.campaigns.go(motion, now),
        Tab::Recipients => {
            if let Some(place) = model.recipients.list.go(motion) {
                return wants::load_recipients(model, place);
            }
        }
        Tab::Replies => {
            if let Some(place) = model.replies.list.go(motion) {
                return wants::load_threads(model, place);
            }
        }
        Tab::Live => model.live.go(motion, model.now.wall, model.session.zone),
    }
    Vec::new()
}

fn tabs_and_marks(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let here = Tab::ALL.iter().position(|tab| *tab == model.tab).unwrap_or(0);
    let now = model.now.mono;
    match cmd {
        Cmd::TabNumbers => switch(model, Tab::Numbers),
        Cmd::TabCampaigns => switch(model, Tab::Campaigns),
        Cmd::TabRecipients => switch(model, Tab::Recipients),
        Cmd::TabLive => switch(model, Tab::Live),
        Cmd::TabReplies => switch(model, Tab::Replies),
        Cmd::NextTab => switch(model, Tab::ALL[(here + 1) % Tab::ALL.len()]),
        Cmd::PreviousTab => switch(model, Tab::ALL[(here + Tab::ALL.len() - 1) % Tab::ALL.len()]),
        Cmd::Mark => match model.tab {
            Tab::Numbers => model.numbers.toggle_mark(now),
            Tab::Campaigns => model.campaigns.toggle_mark(now),
            Tab::Recipients => model.recipients.list.toggle_mark(),
            Tab::Replies => model.replies.list.toggle_mark(),
            Tab::Live => {}
        },
        Cmd::MarkRange => match model.tab {
            Tab::Numbers => model.numbers.mark_range(),
            Tab::Campaigns => model.campaigns.mark_range(),
            Tab::Recipients => model.recipients.list.mark_range(),
            Tab::Replies => model.replies.list.mark_range(),
            Tab::Live => {}
        },
        Cmd::MarkAll => mark_all(model),
        Cmd::Left | Cmd::Right => shift(model, cmd == Cmd::Right),
        Cmd::NextHit | Cmd::PreviousHit => return Some(seek_hit(model, cmd == Cmd::NextHit)),
        Cmd::NextFailed | Cmd::PreviousFailed => return Some(seek_failed(model, cmd == Cmd::NextFailed)),
        _ => return None,
    }
    Some(Vec::new())
}

/// Opens a tab.
pub fn switch(model: &mut Model, tab: Tab) {
    model.overlays.clear();
    model.tab = tab;
    if tab == Tab::Recipients && !model.recipients.opened {
        model.recipients.opened = true;
        model.recipients.campaign = model.campaigns.current().map(|standing| standing.row.id);
    }
}

fn mark_all(model: &mut Model) {
    let marked = match model.tab {
        Tab::Numbers => {
            model.numbers.mark_all();
            model.numbers.marks().len()
        }
        Tab::Campaigns => {
            model.campaigns.mark_all();
            model.campaigns.marks().len()
        }
        Tab::Recipients => {
            model.recipients.list.mark_all();
            model.recipients.list.marks().len()
        }
        Tab::Replies => {
            model.replies.list.mark_all();
            model.replies.list.marks().len()
        }
        Tab::Live => return,
    };
    model.toast(Level::Info, format!("{marked} loaded rows are marked; Esc takes the marks away"));
}

fn shift(model: &mut Model, right: bool) {
    let shift = match model.tab {
        Tab::Numbers => &mut model.numbers.shift,
        Tab::Campaigns => &mut model.campaigns.shift,
        Tab::Recipients => &mut model.recipients.list.shift,
        Tab::Replies => &mut model.replies.list.shift,
        Tab::Live => return,
    };
    *shift = if right { (*shift + 1).min(5) } else { shift.saturating_sub(1) };
}

fn seek_failed(model: &mut Model, forward: bool) -> Vec<Effect> {
    match model.tab {
        Tab::Live => {
            if !model.live.seek_error(forward, model.now.wall, model.session.zone) {
                model.toast(Level::Info, "no further error in the lines kept");
            }
        }
        Tab::Recipients => {
            let found = model.recipients.list.seek(forward, |row| row.state == MessageState::Failed);
            if let Some(place) = found {
                return wants::load_recipients(model, place);
            }
        }
        Tab::Numbers | Tab::Campaigns | Tab::Replies => {}
    }
    Vec::new()
}

/// What does not fit is hidden, so the next hit is the next row. Like a pager it stops at the last one and says so.
fn seek_hit(model: &mut Model, forward: bool) -> Vec<Effect> {
    let before = place_of_cursor(model);
    let effects = go(model, Motion::By(if forward { 1 } else { -1 }));
    if place_of_cursor(model) == before {
        let loading = model.tab == Tab::Recipients && model.recipients.list.asked.is_some();
        let words = match (loading, forward) {
            (true, _) => "more hits are being read",
            (false, true) => "that was the last hit",
            (false, false) => "that was the first hit",
        };
        model.toast(Level::Info, words);
    }
    effects
}

/// Where the cursor stands among the rows; nowhere while the log is followed.
fn place_of_cursor(model: &Model) -> Option<usize> {
    match model.tab {
        Tab::Numbers => Some(model.numbers.cursor()),
        Tab::Campaigns => Some(model.campaigns.cursor()),
        Tab::Recipients => Some(model.recipients.list.cursor()),
        Tab::Replies => Some(model.replies.list.cursor()),
        Tab::Live => model.live.cursor_in(&model.live.visible(model.now.wall, model.session.zone)),
    }
}

fn act(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let number = |verb: NumberVerb, model: &Model| verb.propose(&allowed::numbers(model), model);
    let campaign = |verb: CampaignVerb, model: &Model| verb.propose(&allowed::campaigns(model), model);
    let proposal = match cmd {
        Cmd::NumberSuspend => {
            let proposal = number(NumberVerb::Suspend, model);
            return Some(actions::ask_reason(model, proposal, ReasonPrompt::suspend));
        }
        Cmd::NumberDisable => {
            let proposal = number(NumberVerb::Disable, model);
            return Some(actions::ask_reason(model, proposal, ReasonPrompt::suspend));
        }
        Cmd::NumberResume => number(NumberVerb::Resume, model),
        Cmd::NumberRaise => number(NumberVerb::Raise, model),
        Cmd::NumberLower => number(NumberVerb::Lower, model),
        Cmd::NumberFailOver => number(NumberVerb::FailOver, model),
        Cmd::NumberEnable => number(NumberVerb::Enable, model),
        Cmd::NumberRemove => number(NumberVerb::Remove, model),
        Cmd::CampaignPauseResume => {
            let rows = allowed::campaigns(model);
            let verb = rows.first().map_or(CampaignVerb::Pause, |row| CampaignVerb::pause_or_resume(row));
            verb.propose(&rows, model)
        }
        Cmd::CampaignLaunch => campaign(CampaignVerb::Launch, model),
        Cmd::CampaignWiden => campaign(CampaignVerb::Widen, model),
        Cmd::CampaignCancel => campaign(CampaignVerb::Cancel, model),
        Cmd::RecipientExclude => RecipientVerb::Exclude.propose(&allowed::recipients(model)),
        Cmd::RecipientRetry => RecipientVerb::Retry.propose(&allowed::recipients(model)),
        Cmd::ReleaseStop => release_stop(model),
        Cmd::StopAll => {
            model.overlays.retain(|overlay| !matches!(overlay, Overlay::Stop));
            model.overlays.push(Overlay::Stop);
            Ok(stop_all())
        }
        Cmd::NumberTest => return Some(actions::test_numbers(model)),
        Cmd::NumberQr => return Some(qr(model)),
        Cmd::NumberMove => return Some(choose_target(model)),
        Cmd::NumberNew | Cmd::NumberEdit | Cmd::CampaignEdit => {
            let form = form(model, cmd);
            model.overlays.extend(form.map(|form| Overlay::Form(Box::new(form))));
            return Some(Vec::new());
        }
        Cmd::RecipientsOf => return Some(recipients_of(model)),
        Cmd::CampaignForecast => {
            let panel = allowed::campaigns(model).first().map(|row| ForecastPanel::new(row));
            model.overlays.extend(panel.map(|panel| Overlay::Forecast(Box::new(panel))));
            return Some(Vec::new());
        }
        _ => return None,
    };
    Some(actions::propose(model, proposal))
}

/// The form that a key opens.
fn form(model: &Model, cmd: Cmd) -> Option<Form> {
    match cmd {
        Cmd::NumberNew => Some(Form::new(model)),
        Cmd::NumberEdit => match allowed::numbers(model).as_slice() {
            [] => None,
            [row] => Some(Form::edit(row, model)),
            many => Some(Form::edit_many(many, model)),
        },
        _ => allowed::campaigns(model).first().map(|row| Form::edit_campaign(row, model)),
    }
}

/// What is done to threads.
fn talk(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let propose = |verb: ThreadVerb, model: &Model| verb.propose(&allowed::threads(model), model);
    Some(match cmd {
        Cmd::ThreadAnswer => {
            let proposal = propose(ThreadVerb::Answer, model);
            actions::ask_reason(model, proposal, ReasonPrompt::answer)
        }
        Cmd::ThreadHandOver => {
            let proposal = propose(ThreadVerb::Assign(None), model);
            actions::ask_reason(model, proposal, ReasonPrompt::hand_over)
        }
        Cmd::ThreadTake => {
            let me = model.session.operator.to_string();
            let proposal = propose(ThreadVerb::Assign(Some(me)), model);
            actions::propose(model, proposal)
        }
        Cmd::ThreadEnd => {
            let proposal = propose(ThreadVerb::End, model);
            actions::propose(model, proposal)
        }
        _ => return None,
    })
}

fn report(model: &mut Model, report: Report) {
    model.overlays.push(Overlay::Handover(Box::new(HandoverPanel::new(report))));
}

/// Asks to which number the load of this one is to go.
fn choose_target(model: &mut Model) -> Vec<Effect> {
    let picker = allowed::numbers(model).first().map(|row| Picker::other_numbers(model, row.id));
    model.overlays.extend(picker.map(Overlay::Picker));
    Vec::new()
}

/// Opens the code of a number; that its phone is shown is recorded first.
fn qr(model: &mut Model) -> Vec<Effect> {
    // Shown again it is the same code, whatever lies under the cursor by now.
    if let Some(Overlay::Qr(panel)) = model.overlays.last() {
        let subject = panel.subject;
        return if model.is_revealed(subject) {
            Vec::new()
        } else {
            vec![Effect::Reveal { subject, copy: None }]
        };
    }
    let Some(row) = allowed::numbers(model).first().copied().cloned() else { return Vec::new() };
    show_code(model, &row)
}

/// Opens the code of this number.
pub fn show_code(model: &mut Model, row: &NumberRow) -> Vec<Effect> {
    let subject = Subject::Number(row.id);
    model.overlays.push(Overlay::Qr(Box::new(QrPanel::new(row))));
    if model.is_revealed(subject) { Vec::new() } else { vec![Effect::Reveal { subject, copy: None }] }
}

fn recipients_of(model: &mut Model) -> Vec<Effect> {
    let campaign = allowed::campaigns(model).first().map(|row| row.id);
    model.recipients.opened = true;
    show_recipients(model, campaign)
}

/// Opens the Recipients tab on one campaign, or on all.
pub fn show_recipients(model: &mut Model, campaign: Option<crate::domain::ids::CampaignId>) -> Vec<Effect> {
    let changed = model.recipients.campaign != campaign;
    model.recipients.opened = true;
    model.recipients.campaign = campaign;
    switch(model, Tab::Recipients);
    if changed { wants::reload_recipients(model) } else { Vec::new() }
}

fn back(model: &mut Model, cmd: Cmd) -> Vec<Effect> {
    if !model.overlays.is_empty() {
        return overlay::close(model);
    }
    match cmd {
        Cmd::Quit if !model.sends_here() => model.ended = Some(Ended::Quit),
        Cmd::Quit | Cmd::Interrupt => model.overlays.push(Overlay::Quit(Quit::new(model.now.mono))),
        // Escape never quits: the filter goes first, then the marks.
        _ => {
            if let Some(effects) = filter::clear(model) {
                return effects;
            }
            match model.tab {
                Tab::Numbers => model.numbers.unmark(),
                Tab::Campaigns => model.campaigns.unmark(),
                Tab::Recipients => model.recipients.list.unmark(),
                Tab::Replies => model.replies.list.unmark(),
                Tab::Live => {
                    if !model.live.follows() {
                        model.live.toggle(model.now.wall, model.session.zone);
                    }
                    true
                }
            };
        }
    }
    Vec::new()
}

fn reload(model: &mut Model) -> Vec<Effect> {
    let mut effects = vec![Effect::Refresh];
    super::reload_visible(model);
    if model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Doubts)) {
        effects.extend(wants::load_doubts(model, Place::Start));
    } else if model.tab == Tab::Recipients {
        effects.extend(wants::reload_recipients(model));
    } else if model.tab == Tab::Replies {
        effects.extend(wants::reload_threads(model));
    }
    effects
}

fn sort(model: &mut Model) {
    match model.tab {
        Tab::Numbers => {
            model.numbers.sort = (model.numbers.sort + 1) % crate::tui::tabs::numbers::SORTS.len();
        }
        Tab::Campaigns => {
            model.campaigns.sort = (model.campaigns.sort + 1) % crate::tui::tabs::campaigns::SORTS.len();
        }
        Tab::Recipients | Tab::Live | Tab::Replies => {}
    }
    super::data::refresh_lists(model, true);
}

fn open(model: &mut Model) {
    if matches!(model.overlays.last(), Some(Overlay::Doubts)) {
        let row = model.doubts.current().map(|kept| kept.row.clone());
        model.overlays.extend(row.map(|row| Overlay::Drawer(Drawer::new(DrawerOf::Doubt(Box::new(row))))));
        return;
    }
    if !model.overlays.is_empty() {
        return;
    }
    let of = match model.tab {
        Tab::Numbers => model.numbers.current().map(|standing| DrawerOf::Number(standing.row.id)),
        Tab::Campaigns => model.campaigns.current().map(|standing| DrawerOf::Campaign(standing.row.id)),
        Tab::Recipients => model.recipients.list.current().map(|kept| DrawerOf::Recipient(kept.row.id)),
        Tab::Live => model.live.current().map(|event| DrawerOf::Event(event.clone())),
        Tab::Replies => model.replies.list.current().map(|kept| DrawerOf::Thread(kept.row.id)),
    };
    model.overlays.extend(of.map(|of| Overlay::Drawer(Drawer::new(of))));
}
