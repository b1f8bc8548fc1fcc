//! From a message to a changed model and a list of effects. No I/O, no clock, no task: this is what tests drive.

mod actions;
mod alerts;
mod audit;
mod channels;
pub mod copy;
mod data;
mod filter;
mod findings;
mod guide;
mod keys;
mod mouse;
mod number_file;
mod overlay;
mod pools;
mod progress;
mod run;
mod settings;
mod slots;
mod time;
mod wants;
mod wizard;

pub use actions::{ask_reason, propose};
pub use keys::{run_entry, why_read_only};
pub use mouse::switch_mouse;
pub use run::show_recipients;
pub use time::{Motion, counts_seconds, spinner, wake_at};
pub use wants::{CURSOR_REST, TYPING_PAUSE};

use crate::domain::action::Subject;
use crate::store::view::Session;
use crate::tui::Ended;
use crate::tui::backend::{Inside, Notice};
use crate::tui::keymap::Layer;
use crate::tui::model::{Dirty, Elsewhere, FLASH, Level, Model, Tab};
use crate::tui::msg::{Effect, Moment, Msg};
use crate::tui::overlays::Overlay;
use std::time::Duration;

/// Takes in one message.
pub fn update(model: &mut Model, msg: Msg, now: Moment) -> Vec<Effect> {
    model.now = now;
    let mut effects = match msg {
        Msg::Key(key) => keys::press(model, key),
        Msg::Paste(text) => keys::paste(model, &text),
        Msg::Mouse(event) => mouse::act(model, event),
        Msg::Tick => Vec::new(),
        Msg::Overview(answer) => data::overview(model, answer),
        Msg::Answer { slot, request, took, answer } => data::answer(model, slot, request, took, answer),
        Msg::Acted { act, answers } => actions::acted(model, act, answers),
        Msg::ChannelTested { name, answer } => channels::tested(model, &name, answer),
        Msg::Tested { name, answer } => actions::tested(model, &name, answer),
        Msg::Revealed { subject, copy, answer } => copy::revealed(model, subject, copy, answer),
        Msg::Live(events, dropped) => {
            live(model, events, dropped);
            Vec::new()
        }
        Msg::Notice(notice) => noticed(model, notice),
        Msg::Session(session) => session_changed(model, *session),
        Msg::Inside(inside) => sender_changed(model, inside),
        Msg::NoticesLost => {
            reload_visible(model);
            vec![Effect::Refresh]
        }
        Msg::Made { source, answer } => wizard::made(model, &source, answer),
        Msg::Opened { origin, answer } => wizard::opened(model, &origin, answer),
        Msg::NumberFile { request, answer } => number_file::told(model, request, &answer),
        Msg::Written { source, answer } => wizard::written(model, &source, answer),
        Msg::Busy(effect) => actions::busy(model, &effect),
        other => around(model, other),
    };
    time::pass(model);
    effects.extend(wants::wants(model));
    effects
}

/// What the terminal, the signals and the rest of the program have to say.
fn around(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Resize(size) => {
            model.size = size;
            model.touch(Dirty::Input);
        }
        Msg::Alarm(words) => {
            let more = "what it did goes on or is found in doubt; details are in the log";
            model.toast_with(
                Level::Bad,
                format!("a task of this program failed: {words}"),
                Some(more.into()),
                false,
            );
        }
        Msg::Copied(true) => model.toast(Level::Ok, "sent to the terminal's clipboard"),
        Msg::Copied(false) => model.toast(Level::Warn, "too long for the terminal's clipboard"),
        Msg::Continued(stopped) => {
            if let Err(why) = stopped {
                model.toast(Level::Warn, why.as_str());
            }
            reload_visible(model);
            return vec![Effect::Redraw, Effect::Refresh];
        }
        // The same as the key, so with the same conditions.
        Msg::Suspend => match crate::tui::allowed::suspend_process(model) {
            Ok(()) => return vec![Effect::SuspendProcess],
            Err(reason) => model.toast(Level::Warn, format!("not stopped: {reason}")),
        },
        Msg::Woken => return vec![Effect::Retake, Effect::Refresh],
        Msg::Stop(signal) => model.ended = Some(Ended::Signal(signal)),
        Msg::TerminalLost => model.ended = Some(Ended::TerminalLost),
        _ => {}
    }
    Vec::new()
}

fn live(model: &mut Model, events: Vec<std::sync::Arc<crate::store::view::LiveEvent>>, dropped: u64) {
    model.live.add(events);
    model.live.dropped += dropped;
    if model.tab == Tab::Live && model.live.follows() {
        model.touch(Dirty::Live);
    }
}

fn noticed(model: &mut Model, notice: Notice) -> Vec<Effect> {
    model.flashes.insert(notice.subject, model.now.mono + FLASH);
    if notice.alarming {
        model.toast(Level::Bad, notice.what.as_str());
    }
    model.elsewhere = Some(Elsewhere {
        at: notice.at,
        by: notice.by,
        what: notice.what,
        until: model.now.mono + Duration::from_secs(10),
        alarming: notice.alarming,
    });
    model.touch(Dirty::Live);
    audit::noticed(model);
    if notice.subject == Subject::Organization {
        // It is about everything: limits, the zone, or what nobody heard of while the database was away.
        reload_visible(model);
        settings::noticed(model);
        pools::noticed(model);
    }
    // What is open about this row is old now.
    if let Some(shown) = model.shown.as_mut().filter(|shown| shown.subject == notice.subject) {
        shown.asked_at = None;
    }
    vec![Effect::Refresh]
}

/// The organisation's zone was changed, or our rights. The instance is told apart, with what became of it.
fn session_changed(model: &mut Model, session: Session) -> Vec<Effect> {
    let instance = model.session.instance;
    let (could, role) = (model.may_act(), session.role.clone());
    model.session = Session { instance, ..session };
    match (could, model.may_act()) {
        (true, false) => model.toast_with(
            Level::Bad,
            format!("READ-ONLY: your role is {role} now; nothing is changed or sent from here any more"),
            Some("what is on the wire finishes".into()),
            false,
        ),
        (false, true) => model.toast(Level::Ok, format!("your role is {role} now: changes are possible")),
        _ => {}
    }
    reload_visible(model);
    model.touch(Dirty::Input);
    vec![Effect::Refresh]
}

/// The sender of this process failed, was replaced, or could not be: from now on this console stands for that one.
fn sender_changed(model: &mut Model, inside: Inside) -> Vec<Effect> {
    let before = std::mem::replace(&mut model.session.instance, inside.instance());
    model.missing = None;
    match inside {
        Inside::Nobody => {}
        Inside::Sends(now) if before == Some(now) => {}
        Inside::Sends(_) => model.toast(Level::Ok, "another sender runs here now"),
        Inside::Failed(_, part) => model.toast_with(
            Level::Bad,
            format!("the sender here failed: {part}"),
            Some("what it began finishes, another starts".into()),
            false,
        ),
        Inside::Missing(why) => {
            model.toast(Level::Bad, format!("no sender runs here, trying again: {why}"));
            model.missing = Some(why);
        }
    }
    model.touch(Dirty::Input);
    vec![Effect::Refresh]
}

/// What is on screen is to be read again.
fn reload_visible(model: &mut Model) {
    model.recipients.refreshed_at = None;
    model.recipients.newer_at = None;
    model.replies.refreshed_at = None;
    if let Some(shown) = &mut model.shown {
        shown.asked_at = None;
    }
}

/// The layers of keys that count now, the upper first, and whether typed letters are text.
pub fn layers(model: &Model) -> (Vec<Layer>, bool) {
    match model.overlays.last() {
        None => (vec![model.tab.layer(), Layer::List, Layer::Global], false),
        Some(Overlay::Drawer(drawer)) => (drawer.layers(), false),
        Some(Overlay::Doubts) => (vec![Layer::Doubts, Layer::Global], false),
        Some(Overlay::Alerts(_)) => (vec![Layer::Alerts, Layer::Global], false),
        Some(Overlay::Channels(_)) => (vec![Layer::Channels, Layer::Global], false),
        Some(Overlay::Audit(panel)) if panel.is_typing() => (vec![Layer::Input], true),
        Some(Overlay::Audit(_)) => (vec![Layer::Audit, Layer::Global], false),
        Some(Overlay::Progress(_)) => (vec![Layer::Progress, Layer::Global], false),
        Some(Overlay::Findings(_)) => (vec![Layer::Findings, Layer::Global], false),
        Some(Overlay::Forecast(_)) => (vec![Layer::Forecast, Layer::Panel, Layer::Global], false),
        Some(Overlay::Slots(_)) => (vec![Layer::Slots, Layer::Global], false),
        Some(Overlay::Pools(_)) => (vec![Layer::Pools, Layer::Global], false),
        Some(
            Overlay::Instances(_)
            | Overlay::Schedule(_)
            | Overlay::Handover(_)
            | Overlay::Qr(_)
            | Overlay::Stop,
        ) => (vec![Layer::Panel, Layer::Global], false),
        Some(Overlay::Confirm(confirm)) => (vec![Layer::Dialog], confirm.takes_text()),
        Some(Overlay::Quit(_)) => (vec![Layer::Dialog], false),
        Some(Overlay::Form(_) | Overlay::Channel(_)) => (vec![Layer::Form], true),
        Some(Overlay::Settings(_)) => (vec![Layer::Settings], true),
        Some(Overlay::Wizard(wizard)) if wizard.is_leaving() => (vec![Layer::Dialog], false),
        Some(Overlay::Wizard(wizard)) => (vec![Layer::Wizard], wizard.takes_text()),
        Some(Overlay::NumberFile(_)) => (vec![Layer::File], true),
        Some(Overlay::Reason(_) | Overlay::Filter(_)) => (vec![Layer::Input], true),
        Some(Overlay::Palette(_)) => (vec![Layer::Palette], true),
        Some(Overlay::Guide(guide)) if guide.is_typing() => (vec![Layer::Input], true),
        Some(Overlay::Guide(_)) => (vec![Layer::Guide, Layer::Global], false),
        Some(Overlay::Help(_)) => (vec![Layer::Help], true),
        Some(Overlay::Copy) => (vec![Layer::Copy], false),
        Some(Overlay::Picker(_)) => (vec![Layer::Picker], false),
    }
}

#[cfg(test)]
mod audit_tests;
#[cfg(test)]
mod changed_tests;
#[cfg(test)]
mod channels_tests;
#[cfg(test)]
mod data_tests;
#[cfg(test)]
mod foretold_tests;
#[cfg(test)]
mod hit_tests;
#[cfg(test)]
mod inside_tests;
#[cfg(test)]
mod mouse_tests;
#[cfg(test)]
mod number_file_tests;
#[cfg(test)]
mod number_tests;
#[cfg(test)]
mod pools_tests;
#[cfg(test)]
mod progress_tests;
#[cfg(test)]
mod risks_tests;
#[cfg(test)]
mod settings_tests;
#[cfg(test)]
mod slots_tests;
#[cfg(test)]
mod still_tests;
#[cfg(test)]
mod terms_tests;
#[cfg(test)]
mod tests;
