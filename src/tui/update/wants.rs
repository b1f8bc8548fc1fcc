//! What the screen needs and does not have yet, decided in one place after every message.

use super::data::{forecast_panel, wanted_subject};
use crate::store::view::{Place, RecipientOrder};
use crate::tui::model::{Model, Shown, Tab};
use crate::tui::msg::{Effect, Question};
use crate::tui::overlays::Overlay;
use std::time::{Duration, Instant};

/// A filter is applied when typing has paused for so long.
pub const TYPING_PAUSE: Duration = Duration::from_millis(150);
/// Details are asked for when the cursor has rested for so long.
pub const CURSOR_REST: Duration = Duration::from_millis(120);
/// How often what is on screen is read again.
pub const AGAIN: Duration = Duration::from_secs(2);

/// Asks for what is wanted.
pub fn wants(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    if model.ended.is_some() {
        return effects;
    }
    recipients(model, &mut effects);
    threads(model, &mut effects);
    if model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Doubts))
        && let Some(place) = model.doubts.wants()
    {
        effects.extend(load_doubts(model, place));
    }
    super::guide::fit(model);
    forecast(model, &mut effects);
    super::findings::wants(model, &mut effects);
    super::findings::wants_risks(model, &mut effects);
    super::wizard::wants(model, &mut effects);
    super::slots::wants(model, &mut effects);
    super::progress::wants(model, &mut effects);
    super::alerts::wants(model, &mut effects);
    super::audit::wants(model, &mut effects);
    super::settings::wants(model, &mut effects);
    super::channels::wants(model, &mut effects);
    super::pools::wants(model, &mut effects);
    details(model, &mut effects);
    effects
}

fn forecast(model: &mut Model, effects: &mut Vec<Effect>) {
    let (now, request) = (model.now.mono, model.next_request);
    if model.source.away.is_some() {
        return;
    }
    if let Some(panel) = forecast_panel(model)
        && panel.read.wants(request, now)
    {
        let question = Question::Forecast(panel.campaign, panel.what_if.clone());
        effects.push(ask(model, question));
    }
}

fn recipients(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    if model.recipients.typed_at.is_some_and(|typed| now >= typed + TYPING_PAUSE) {
        effects.extend(reload_recipients(model));
        return;
    }
    if model.tab != Tab::Recipients || model.source.away.is_some() {
        return;
    }
    let list = &model.recipients.list;
    if !list.loaded && list.asked.is_none() && list.error.is_none() && model.overview().is_some() {
        effects.extend(reload_recipients(model));
        return;
    }
    if let Some(place) = list.wants() {
        effects.extend(load_recipients(model, place));
    }
    if due(model.recipients.refreshed_at, now) && !model.recipients.list.rows().is_empty() {
        let ids: Vec<_> = model
            .recipients
            .list
            .rows()
            .iter()
            .skip(model.geometry.list_offset)
            .take(model.geometry.list_rows.max(1))
            .map(|kept| kept.row.id)
            .collect();
        model.recipients.refreshed_at = Some(now);
        effects.push(ask(model, Question::RecipientRows(ids)));
    }
    if model.recipients.order == RecipientOrder::Updated
        && due(model.recipients.newer_at, now)
        && let Some(top) = model.recipients.top
    {
        model.recipients.newer_at = Some(now);
        let query = model.recipients.query();
        effects.push(ask(model, Question::Newer(query, top)));
    }
}

fn threads(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    if model.replies.typed_at.is_some_and(|typed| now >= typed + TYPING_PAUSE) {
        effects.extend(reload_threads(model));
        return;
    }
    let Some(heard_at) = model.overview().map(|overview| overview.heard_at) else { return };
    if model.tab != Tab::Replies || model.source.away.is_some() {
        return;
    }
    let list = &model.replies.list;
    let idle = list.asked.is_none() && list.error.is_none();
    if idle && !list.loaded {
        effects.extend(load_threads(model, Place::Start));
        return;
    }
    // Whoever reads at the top sees what comes in; further down nothing moves.
    let at_top = list.is_at_top() && model.geometry.list_offset == 0 && list.marks().is_empty();
    if idle && at_top && model.overlays.is_empty() && model.replies.loaded_before(heard_at) {
        effects.push(load_threads_again(model));
        return;
    }
    if let Some(place) = list.wants() {
        effects.extend(load_threads(model, place));
    }
    if due(model.replies.refreshed_at, now) && !model.replies.list.rows().is_empty() {
        let rows = model.replies.list.rows().iter();
        let shown = rows.skip(model.geometry.list_offset).take(model.geometry.list_rows.max(1));
        let ids: Vec<_> = shown.map(|kept| kept.row.id).collect();
        model.replies.refreshed_at = Some(now);
        effects.push(ask(model, Question::ThreadRows(ids)));
    }
}

/// Asks for the first page of threads again, because somebody wrote: the cursor stays with whom it was with.
fn load_threads_again(model: &mut Model) -> Effect {
    let request = model.number_request();
    model.replies.asked_heard_at = model.overview().and_then(|overview| overview.heard_at);
    model.replies.list.ask_again(request, model.now.mono);
    Effect::Ask { request, question: Question::Threads(model.replies.query(), Place::Start) }
}

/// Asks for a page of threads.
pub fn load_threads(model: &mut Model, place: Place) -> Vec<Effect> {
    let request = model.number_request();
    if place == Place::Start {
        model.replies.asked_heard_at = model.overview().and_then(|overview| overview.heard_at);
    }
    model.replies.list.ask(request, place, model.now.mono);
    vec![Effect::Ask { request, question: Question::Threads(model.replies.query(), place) }]
}

/// Asks the whole question anew.
pub fn reload_threads(model: &mut Model) -> Vec<Effect> {
    model.replies.typed_at = None;
    model.replies.list.restart();
    load_threads(model, Place::Start)
}

fn due(last: Option<Instant>, now: Instant) -> bool {
    last.is_none_or(|last| now >= last + AGAIN)
}

/// Asks.
pub fn ask(model: &mut Model, question: Question) -> Effect {
    Effect::Ask { request: model.number_request(), question }
}

/// Asks for a page of recipients.
pub fn load_recipients(model: &mut Model, place: Place) -> Vec<Effect> {
    let request = model.number_request();
    model.recipients.list.ask(request, place, model.now.mono);
    vec![Effect::Ask { request, question: Question::Recipients(model.recipients.query(), place) }]
}

/// Asks the whole question anew: first page and total.
pub fn reload_recipients(model: &mut Model) -> Vec<Effect> {
    model.recipients.typed_at = None;
    model.recipients.total = None;
    model.recipients.newer = 0;
    model.recipients.list.restart();
    let mut effects = load_recipients(model, Place::Start);
    let query = model.recipients.query();
    effects.push(ask(model, Question::Count(query)));
    effects
}

/// Asks for a page of doubts.
pub fn load_doubts(model: &mut Model, place: Place) -> Vec<Effect> {
    let request = model.number_request();
    model.doubts.ask(request, place, model.now.mono);
    vec![Effect::Ask { request, question: Question::Doubts(place) }]
}

fn details(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    let Some(subject) = wanted_subject(model) else {
        model.shown = None;
        return;
    };
    if model.shown.as_ref().is_none_or(|shown| shown.subject != subject) {
        model.shown = Some(Shown {
            subject,
            detail: None,
            error: None,
            request: 0,
            asked_at: None,
            waiting: false,
            since: now,
        });
    }
    let at_once = model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Drawer(_)));
    let away = model.source.away.is_some();
    let Some(shown) = &mut model.shown else { return };
    let rested = at_once || now >= shown.since + CURSOR_REST;
    if shown.waiting || away || !rested || !due(shown.asked_at, now) {
        return;
    }
    shown.waiting = true;
    shown.asked_at = Some(now);
    let request = model.next_request;
    shown.request = request;
    model.next_request += 1;
    effects.push(Effect::Ask { request, question: Question::Detail(subject) });
}
