//! What comes back from the database.

use crate::domain::action::Subject;
use crate::domain::filter::Facts;
use crate::domain::ids::ConversationId;
use crate::domain::text::Safe;
use crate::store::view::{Overview, Place, ThreadRow};
use crate::tui::backend::BackendError;
use crate::tui::lists::local::Change;
use crate::tui::model::{Dirty, Model, Tab};
use crate::tui::msg::{Effect, Reading, Slot};
use crate::tui::overlays::{Overlay, forecast::ForecastPanel};
use crate::tui::tabs;
use std::sync::Arc;
use std::time::Duration;

/// Takes in a picture of everything, or the news that there is none.
pub fn overview(model: &mut Model, answer: Result<Arc<Overview>, BackendError>) -> Vec<Effect> {
    match answer {
        Ok(overview) => {
            model.source.fresh_at = Some(model.now.mono);
            if model.source.away.take().is_some() {
                // What was missed while it was away is unknown: read everything visible again.
                super::reload_visible(model);
                model.recipients.list.error = None;
                model.doubts.error = None;
                model.replies.list.error = None;
                super::audit::is_back(model);
                model.touch(Dirty::Input);
            }
            let changed = match &model.source.overview {
                Some(former) => differs(former, &overview, shows_heartbeats(model)),
                None => true,
            };
            model.source.overview = Some(overview);
            if changed {
                refresh_lists(model, false);
                check_confirmation(model);
                drop_stale_undo(model);
                model.touch(Dirty::Live);
            }
        }
        Err(error) => {
            if model.source.away.is_none() {
                model.source.away = Some((model.now, Safe::new(&error.to_string())));
                model.touch(Dirty::Input);
            }
        }
    }
    Vec::new()
}

/// Whether two pictures differ in anything that is on screen: the hour and the heartbeats alone are no reason to draw.
fn differs(one: &Overview, other: &Overview, heartbeats: bool) -> bool {
    if heartbeats && (one.leases != other.leases || one.instances != other.instances) {
        return true;
    }
    let quiet = |overview: &Overview| {
        overview
            .instances
            .iter()
            .map(|row| (row.id, row.in_air, row.sends, row.phase.clone()))
            .collect::<Vec<_>>()
    };
    let holders = |overview: &Overview| {
        overview.leases.iter().map(|lease| (lease.number, lease.instance)).collect::<Vec<_>>()
    };
    one.numbers != other.numbers
        || one.campaigns != other.campaigns
        || one.campaigns_total != other.campaigns_total
        || one.stop != other.stop
        || (one.queued, one.in_air, one.in_doubt, one.capacity)
            != (other.queued, other.in_air, other.in_doubt, other.capacity)
        || (one.unread, one.heard_at) != (other.unread, other.heard_at)
        || crate::tui::words::rate(one.per_second) != crate::tui::words::rate(other.per_second)
        || one.operators != other.operators
        || one.accounts != other.accounts
        || quiet(one) != quiet(other)
        || holders(one) != holders(other)
}

fn shows_heartbeats(model: &Model) -> bool {
    model
        .overlays
        .iter()
        .any(|overlay| matches!(overlay, Overlay::Instances(_) | Overlay::Stop | Overlay::Drawer(_)))
        || (model.geometry.panel && model.tab == Tab::Numbers)
}

/// Puts the lists of numbers and campaigns in order again, unless they have to stand still. `at_once`: the operator
/// asked for another order or filter.
pub fn refresh_lists(model: &mut Model, at_once: bool) {
    let Some(overview) = model.source.overview.clone() else { return };
    let (now, wall, zone) = (model.now.mono, model.now.wall, model.session.zone);
    let in_dialog = model.in_dialog();
    let change = |is_still: bool| match (at_once, in_dialog || is_still) {
        (true, _) => Change::All,
        (false, true) => Change::Values,
        (false, false) => Change::Order,
    };
    let filter = model.numbers.filter.clone();
    let may_change = change(model.numbers.is_still(now));
    let compare = tabs::numbers::SORTS[model.numbers.sort.min(tabs::numbers::SORTS.len() - 1)].1;
    model.numbers.refresh(
        &overview.numbers.iter(),
        may_change,
        |row| {
            let facts = Facts {
                status: row.standing.name(),
                phone: row.phone.reveal(),
                name: row.name.as_str(),
                country: row.phone.country().unwrap_or_default(),
                ..Facts::default()
            };
            filter.matches(&facts, wall, zone)
        },
        compare,
    );
    let filter = model.campaigns.filter.clone();
    let may_change = change(model.campaigns.is_still(now));
    let compare = tabs::campaigns::SORTS[model.campaigns.sort.min(tabs::campaigns::SORTS.len() - 1)].1;
    model.campaigns.refresh(
        &overview.campaigns.iter(),
        may_change,
        |row| {
            let facts = Facts { status: row.standing.name(), name: row.name.as_str(), ..Facts::default() };
            filter.matches(&facts, wall, zone)
        },
        compare,
    );
}

/// An open question about a row that has changed meanwhile says so and waits.
fn check_confirmation(model: &mut Model) {
    let mut overlays = std::mem::take(&mut model.overlays);
    for overlay in &mut overlays {
        if let Overlay::Confirm(confirm) = overlay {
            confirm.check(model);
        }
    }
    model.overlays = overlays;
}

/// Taking back is offered only while the row is as we left it.
fn drop_stale_undo(model: &mut Model) {
    let stale = model.undo.as_ref().is_some_and(|undo| {
        undo.orders.iter().any(|order| {
            let subject = order.action.subject();
            // Several orders about a row made a version each: the last of them is how we left it.
            let about = undo.orders.iter().filter(|other| other.action.subject() == subject);
            let left = about.filter_map(|other| other.expected).max();
            matches!((left, model.version(subject)), (Some(left), Some(present)) if present > left)
        })
    });
    if stale {
        model.undo = None;
        for toast in &mut model.toasts {
            toast.undo = false;
        }
    }
}

/// Takes in an answer, if it is the one that is waited for.
pub fn answer(
    model: &mut Model,
    slot: Slot,
    request: u64,
    took: Duration,
    answer: Result<Reading, BackendError>,
) -> Vec<Effect> {
    let dirty = match (slot, answer) {
        (Slot::Recipients, answer) => recipients_page(model, request, took, answer),
        (Slot::Doubts, answer) => doubts_came(model, request, answer),
        (Slot::Threads, answer) => threads_came(model, request, answer),
        (Slot::ThreadRows, Ok(Reading::ThreadRows(asked, rows))) => {
            Some(thread_rows_came(model, &asked, &rows))
        }
        (Slot::RecipientRows, Ok(Reading::RecipientRows(asked, rows))) => {
            let before = visible_rows(model);
            model.recipients.list.refresh(&asked, &rows);
            (before != visible_rows(model)).then_some(Dirty::Live)
        }
        (Slot::Count, Ok(Reading::Count(total))) => {
            (model.recipients.total.replace(total) != Some(total)).then_some(Dirty::Live)
        }
        (Slot::Newer, Ok(Reading::Newer(newer))) => {
            (std::mem::replace(&mut model.recipients.newer, newer) != newer).then_some(Dirty::Live)
        }
        (Slot::Detail, answer) => detail(model, request, answer),
        (Slot::Known | Slot::Check | Slot::Estimate, answer) => {
            super::wizard::answer(model, slot, request, answer)
        }
        (Slot::Alerts | Slot::Channels, answer) => super::alerts::answer(model, slot, request, answer),
        (Slot::Audit | Slot::AuditEntry, answer) => super::audit::answer(model, slot, request, answer),
        (Slot::Settings, answer) => super::settings::answer(model, request, answer),
        (Slot::Pools, answer) => super::pools::answer(model, request, answer),
        (Slot::Handover, answer) => super::alerts::note(model, request, answer),
        (Slot::Load, answer) => super::actions::load_counted(model, answer),
        (Slot::Progress | Slot::Queue, answer) => super::progress::answer(model, slot, request, answer),
        (Slot::Slots | Slot::SlotHolders | Slot::SlotReset, answer) => {
            super::slots::answer(model, slot, request, answer)
        }
        (Slot::Findings, answer) => super::findings::answer(model, request, answer),
        (Slot::Risks, answer) => super::findings::risks_came(model, request, answer),
        (Slot::Forecast, answer) => forecast(model, request, answer),
        // A failed count or refresh changes nothing: the page's own error tells the operator.
        _ => None,
    };
    if let Some(dirty) = dirty {
        model.touch(dirty);
    }
    Vec::new()
}

fn doubts_came(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let answer = match answer {
        Ok(Reading::Doubts(page)) => Ok(page),
        Ok(_) => return None,
        Err(error) => Err(error),
    };
    model.doubts.answer(request, answer).then_some(Dirty::Input)
}

fn threads_came(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let is_first = model.replies.list.asked.is_some_and(|asked| asked.place == Place::Start);
    let answer = match answer {
        Ok(Reading::Threads(page)) => Ok(page),
        Ok(_) => return None,
        Err(error) => Err(error),
    };
    let is_read = answer.is_ok();
    let taken = model.replies.list.answer(request, answer);
    if taken && is_read && is_first {
        // What was heard when it was asked for; a later word shows in the next picture.
        model.replies.heard_at = model.replies.asked_heard_at;
        model.replies.refreshed_at = Some(model.now.mono);
    }
    taken.then_some(Dirty::Input)
}

fn thread_rows_came(model: &mut Model, asked: &[ConversationId], rows: &[ThreadRow]) -> Dirty {
    model.replies.list.refresh(asked, rows);
    Dirty::Live
}

fn visible_rows(model: &Model) -> Vec<crate::tui::lists::paged::Kept<crate::store::view::RecipientRow>> {
    model
        .recipients
        .list
        .rows()
        .iter()
        .skip(model.geometry.list_offset)
        .take(model.geometry.list_rows)
        .cloned()
        .collect()
}

fn recipients_page(
    model: &mut Model,
    request: u64,
    took: Duration,
    answer: Result<Reading, BackendError>,
) -> Option<Dirty> {
    let page = match answer {
        Ok(Reading::Recipients(page)) => Ok(page),
        Ok(_) => return None,
        Err(error) => Err(error),
    };
    let place = model.recipients.list.asked.map(|asked| asked.place);
    let is_empty = page.as_ref().ok().map(|page| page.rows.is_empty());
    let taken = model.recipients.list.answer(request, page);
    if let (true, Some(is_empty)) = (taken, is_empty) {
        recipients_came(model, place, is_empty, took);
    }
    taken.then_some(Dirty::Input)
}

fn recipients_came(model: &mut Model, place: Option<Place>, is_empty: bool, took: Duration) {
    model.recipients.page_took = Some(took);
    match place {
        Some(Place::Start) => {
            model.recipients.newer = 0;
            model.recipients.top = model.recipients.list.rows().front().map(|kept| kept.place);
            model.recipients.refreshed_at = Some(model.now.mono);
        }
        Some(Place::NextFailed(_) | Place::PreviousFailed(_)) if is_empty => {
            model.toast(crate::tui::model::Level::Info, "no further failure in this direction");
        }
        _ => {}
    }
}

fn detail(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let shown = model.shown.as_mut().filter(|shown| shown.waiting && shown.request == request)?;
    shown.waiting = false;
    let changed = match answer {
        Ok(Reading::Detail(detail)) => {
            let changed = shown.detail.as_ref() != Some(&detail) || shown.error.is_some();
            shown.detail = Some(detail);
            shown.error = None;
            changed
        }
        Ok(_) => false,
        Err(error) => shown.error.replace(error.clone()) != Some(error),
    };
    changed.then_some(Dirty::Live)
}

fn forecast(model: &mut Model, request: u64, answer: Result<Reading, BackendError>) -> Option<Dirty> {
    let panel = forecast_panel(model)?;
    let taken = match answer {
        Ok(Reading::Forecast(forecast)) => panel.read.answer(request, Ok(forecast)),
        Ok(_) => false,
        Err(error) => panel.read.answer(request, Err(error)),
    };
    taken.then_some(Dirty::Input)
}

/// The question about a forecast did not get out: ask again in a while.
pub fn forecast_not_asked(model: &mut Model, request: u64) {
    if let Some(panel) = forecast_panel(model) {
        panel.read.not_asked(request);
    }
}

/// The forecast that is open.
pub fn forecast_panel(model: &mut Model) -> Option<&mut ForecastPanel> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Forecast(panel) => Some(&mut **panel),
        _ => None,
    })
}

/// The question about details did not get out: ask again in a while.
pub fn detail_not_asked(model: &mut Model, request: u64) {
    if let Some(shown) = model.shown.as_mut().filter(|shown| shown.request == request) {
        shown.waiting = false;
    }
}

/// What drawer or side panel should show.
pub fn wanted_subject(model: &Model) -> Option<Subject> {
    use crate::tui::overlays::drawer::DrawerOf;
    match crate::tui::allowed::drawer(model) {
        Some(DrawerOf::Number(id)) => return Some(Subject::Number(*id)),
        Some(DrawerOf::Campaign(id)) => return Some(Subject::Campaign(*id)),
        Some(DrawerOf::Recipient(id)) => return Some(Subject::Recipient(*id)),
        Some(DrawerOf::Thread(id)) => return Some(Subject::Thread(*id)),
        Some(DrawerOf::Doubt(row)) => return Some(row.about),
        Some(DrawerOf::Event(event)) => return event.recipient.map(Subject::Recipient),
        None => {}
    }
    if !model.geometry.panel {
        return None;
    }
    match model.tab {
        Tab::Numbers => model.numbers.current().map(|standing| Subject::Number(standing.row.id)),
        Tab::Campaigns => model.campaigns.current().map(|standing| Subject::Campaign(standing.row.id)),
        Tab::Recipients | Tab::Live | Tab::Replies => None,
    }
}
