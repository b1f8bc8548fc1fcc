//! What time alone changes, and when the console has to wake up for it. When nothing is due, nothing wakes it: an idle
//! console draws nothing.

use super::data::refresh_lists;
use super::wants::{AGAIN, CURSOR_REST, TYPING_PAUSE};
use crate::tui::model::{Dirty, Model, STALE, Tab};
use crate::tui::overlays::{Overlay, confirm::GUARD};
use std::time::{Duration, Instant};

/// A spinner appears after so long.
pub const SPINNER_AFTER: Duration = Duration::from_millis(150);
/// And moves this often: nothing moves faster than four times a second.
const SPINNER_STEP: Duration = Duration::from_millis(250);

/// What on screen moves by itself. Two equal ones look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Motion {
    clock: i64,
    undo_left: u64,
    stale: u64,
    spinner: u64,
    guarded: bool,
}

/// Lets time pass: what has run out goes.
pub fn pass(model: &mut Model) {
    let now = model.now.mono;
    let before = (model.toasts.len(), model.flashes.len());
    model.toasts.retain(|toast| now < toast.until);
    model.flashes.retain(|_, until| now < *until);
    let mut expired = before != (model.toasts.len(), model.flashes.len());
    if model.undo.as_ref().is_some_and(|undo| now >= undo.until) {
        model.undo = None;
        expired = true;
    }
    if model.elsewhere.as_ref().is_some_and(|elsewhere| now >= elsewhere.until) {
        model.elsewhere = None;
        expired = true;
    }
    if model.revealed.is_some_and(|(_, until)| now >= until) {
        model.revealed = None;
        expired = true;
    }
    if model.order_due && !model.in_dialog() && !is_still(model) {
        model.order_due = false;
        refresh_lists(model, false);
        expired = true;
    }
    if is_still(model) {
        model.order_due = true;
    }
    let motion = motion(model);
    if motion != model.motion {
        model.motion = motion;
        expired = true;
    }
    if expired {
        model.touch(Dirty::Live);
    }
}

fn is_still(model: &Model) -> bool {
    model.numbers.is_still(model.now.mono) || model.campaigns.is_still(model.now.mono)
}

/// Whether something on screen changes every second.
pub fn counts_seconds(model: &Model) -> bool {
    let sends = model.overview().is_some_and(|overview| overview.per_second > 0.0 || overview.in_air > 0);
    let live = model.tab == Tab::Live
        && model.live.follows()
        && model.live.rates.is_moving(model.now.wall, model.live.window_minutes * 60);
    let overlay =
        model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Stop | Overlay::Instances(_)));
    // A hold that is about to open is counted down in the drawer.
    let soon = model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Drawer(_)));
    sends || live || overlay || soon || model.elsewhere.is_some()
}

fn motion(model: &Model) -> Motion {
    let wall = model.now.wall.timestamp();
    Motion {
        clock: if counts_seconds(model) { wall } else { wall.div_euclid(60) * 60 },
        undo_left: model.undo.as_ref().map_or(0, |undo| seconds_left(undo.until, model.now.mono)),
        stale: model.stale().map_or(0, |age| age.as_secs()),
        spinner: spinner(model).map_or(0, |frame| frame + 1),
        guarded: guard_end(model).is_some(),
    }
}

fn seconds_left(until: Instant, now: Instant) -> u64 {
    until.saturating_duration_since(now).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// The spinner's frame, when something takes long enough for one.
pub fn spinner(model: &Model) -> Option<u64> {
    let since = waiting_since(model)? + SPINNER_AFTER;
    let shown = model.now.mono.checked_duration_since(since)?;
    u64::try_from(shown.as_millis() / SPINNER_STEP.as_millis()).ok()
}

fn waiting_since(model: &Model) -> Option<Instant> {
    let recipients =
        model.recipients.list.asked.filter(|_| model.tab == Tab::Recipients).map(|asked| asked.since);
    let doubts = model
        .doubts
        .asked
        .filter(|_| model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Doubts)))
        .map(|asked| asked.since);
    let threads = model.replies.list.asked.filter(|_| model.tab == Tab::Replies).map(|asked| asked.since);
    recipients.or(doubts).or(threads)
}

fn guard_end(model: &Model) -> Option<Instant> {
    let opened = match model.overlays.last()? {
        Overlay::Confirm(confirm) => confirm.opened_at,
        Overlay::Quit(quit) => quit.opened_at,
        _ => return None,
    };
    Some(opened + GUARD).filter(|end| model.now.mono < *end)
}

/// When to send the next [`crate::tui::msg::Msg::Tick`]; `None`: nothing will change by itself.
pub fn wake_at(model: &Model) -> Option<Instant> {
    let now = model.now.mono;
    let next_second = now + until_next(model.now.wall, 1);
    let clock = if counts_seconds(model) { next_second } else { now + until_next(model.now.wall, 60) };
    let mut times = vec![clock];
    times.extend(model.toasts.iter().map(|toast| toast.until));
    times.extend(model.flashes.values().copied());
    times.extend(model.undo.as_ref().map(|undo| {
        let whole = seconds_left(undo.until, now).saturating_sub(1);
        undo.until.checked_sub(Duration::from_secs(whole)).unwrap_or(undo.until)
    }));
    times.extend(model.elsewhere.as_ref().map(|elsewhere| elsewhere.until));
    times.extend(model.revealed.map(|(_, until)| until));
    times.extend(
        model.source.fresh_at.map(|fresh| if model.stale().is_some() { next_second } else { fresh + STALE }),
    );
    times.extend(model.recipients.typed_at.map(|typed| typed + TYPING_PAUSE));
    times.extend(model.replies.typed_at.map(|typed| typed + TYPING_PAUSE));
    times.extend(waiting_since(model).map(|since| {
        let shown = since + SPINNER_AFTER;
        if now < shown { shown } else { now + SPINNER_STEP }
    }));
    times.extend(guard_end(model));
    times.extend(model.overlays.iter().flat_map(|overlay| match overlay {
        Overlay::Wizard(wizard) => wizard.wakes_at().collect::<Vec<_>>(),
        Overlay::Slots(grid) => grid.wakes_at().collect(),
        Overlay::Progress(panel) => panel.read.wakes_at().into_iter().collect(),
        Overlay::Schedule(schedule) => schedule.queue.wakes_at().into_iter().collect(),
        Overlay::Audit(panel) => panel.wakes_at(),
        Overlay::Pools(panel) => panel.read.wakes_at().into_iter().collect(),
        Overlay::Alerts(list) => list.read.wakes_at().into_iter().collect(),
        Overlay::Settings(form) => form.read.wakes_at().into_iter().collect(),
        Overlay::Channels(list) => list.read.wakes_at().into_iter().collect(),
        Overlay::Handover(panel) => panel.read.wakes_at().into_iter().collect(),
        _ => Vec::new(),
    }));
    if model.order_due {
        times.extend([model.numbers.still_until(), model.campaigns.still_until()].into_iter().flatten());
    }
    times.extend(again(model));
    times.into_iter().filter(|at| *at > now).min()
}

/// When something on screen is to be read again.
fn again(model: &Model) -> Vec<Instant> {
    let mut times = Vec::new();
    if model.source.away.is_none() {
        if model.tab == Tab::Recipients && model.recipients.list.loaded {
            times.extend(model.recipients.refreshed_at.map(|at| at + AGAIN));
            times.extend(model.recipients.newer_at.map(|at| at + AGAIN));
        }
        if model.tab == Tab::Replies && model.replies.list.loaded {
            times.extend(model.replies.refreshed_at.map(|at| at + AGAIN));
        }
        if let Some(shown) = model.shown.as_ref().filter(|shown| !shown.waiting) {
            times.push(match shown.asked_at {
                Some(asked) => asked + AGAIN,
                None => shown.since + CURSOR_REST,
            });
        }
    }
    times
}

fn until_next(wall: chrono::DateTime<chrono::Utc>, seconds: i64) -> Duration {
    let millis = wall.timestamp_millis();
    let span = seconds * 1000;
    // One more, so that the tick comes when the figure has changed and not just before.
    Duration::from_millis(u64::try_from(span - millis.rem_euclid(span)).unwrap_or(1000) + 1)
}
