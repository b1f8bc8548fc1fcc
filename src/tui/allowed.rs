//! Whether a command is possible now, and if not, why: for the hint line, the help, the palette, and for the key that
//! is pressed anyway.

use crate::domain::action::Subject;
use crate::domain::right::NO_OPERATOR;
use crate::store::view::{CampaignRow, NumberRow, RecipientRow, ThreadRow};
use crate::tui::keymap::Reason;
use crate::tui::model::{Model, Tab};
use crate::tui::overlays::audit::AuditPanel;
use crate::tui::overlays::{
    Overlay, drawer::DrawerOf, forecast::ForecastPanel, pools::PoolPanel, slots::SlotGrid,
};
use crate::tui::verbs::{
    CampaignVerb, NumberVerb, RecipientVerb, ThreadVerb, first_of_pool, remove_pool, way_back,
};

type Allowed = Result<(), Reason>;

fn no(why: &'static str) -> Allowed {
    Err(Reason::Borrowed(why))
}

/// Possible if it is for any of the rows.
fn any<R>(rows: &[&R], nothing: &'static str, allowed: impl Fn(&R) -> Allowed) -> Allowed {
    let mut why = no(nothing);
    for row in rows {
        why = allowed(row);
        if why.is_ok() {
            break;
        }
    }
    why
}

/// Why there is no row to act on: what is crossed out under the cursor says what became of it.
fn none_chosen(crossed_out: Option<bool>, nothing: &'static str) -> &'static str {
    match crossed_out {
        None => nothing,
        Some(true) => "it does not fit the filter any more; Enter opens it, j and k go on",
        Some(false) => "it is gone; j and k go on",
    }
}

fn no_number(model: &Model) -> &'static str {
    let crossed_out = model.numbers.current().filter(|standing| standing.gone);
    let is_there = crossed_out.map(|standing| model.number(standing.row.id).is_some());
    none_chosen(is_there, "no number is selected")
}

fn no_campaign(model: &Model) -> &'static str {
    let crossed_out = model.campaigns.current().filter(|standing| standing.gone);
    let is_there = crossed_out.map(|standing| model.campaign(standing.row.id).is_some());
    none_chosen(is_there, "no campaign is selected")
}

/// The numbers that a key acts on: that of the drawer, or the chosen ones.
pub fn numbers(model: &Model) -> Vec<&NumberRow> {
    match drawer(model) {
        Some(DrawerOf::Number(id)) => model.number(*id).into_iter().collect(),
        _ => model.numbers.chosen(),
    }
}

/// The campaigns that a key acts on.
pub fn campaigns(model: &Model) -> Vec<&CampaignRow> {
    match drawer(model) {
        Some(DrawerOf::Campaign(id)) => model.campaign(*id).into_iter().collect(),
        _ => model.campaigns.chosen(),
    }
}

/// The recipients that a key acts on.
pub fn recipients(model: &Model) -> Vec<&RecipientRow> {
    match drawer(model) {
        Some(DrawerOf::Recipient(id)) => model.recipients.list.find(*id).into_iter().collect(),
        _ => model.recipients.list.chosen(),
    }
}

/// The threads that a key acts on.
pub fn threads(model: &Model) -> Vec<&ThreadRow> {
    match drawer(model) {
        Some(DrawerOf::Thread(id)) => model.replies.list.find(*id).into_iter().collect(),
        _ => model.replies.list.chosen(),
    }
}

/// What the drawer on top shows.
pub fn drawer(model: &Model) -> Option<&DrawerOf> {
    model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Drawer(drawer) => Some(&drawer.of),
        _ => None,
    })
}

fn number(model: &Model, verb: NumberVerb) -> Allowed {
    any(&numbers(model), no_number(model), |row| verb.allowed(row))
}

pub(super) fn number_resume(model: &Model) -> Allowed {
    number(model, NumberVerb::Resume)
}
pub(super) fn number_suspend(model: &Model) -> Allowed {
    number(model, NumberVerb::Suspend)
}
pub(super) fn number_raise(model: &Model) -> Allowed {
    number(model, NumberVerb::Raise)
}
pub(super) fn number_lower(model: &Model) -> Allowed {
    number(model, NumberVerb::Lower)
}
pub(super) fn number_fail_over(model: &Model) -> Allowed {
    number(model, NumberVerb::FailOver)
}
pub(super) fn number_disable(model: &Model) -> Allowed {
    number(model, NumberVerb::Disable)
}
pub(super) fn number_enable(model: &Model) -> Allowed {
    number(model, NumberVerb::Enable)
}
pub(super) fn number_edit(model: &Model) -> Allowed {
    match numbers(model).as_slice() {
        [] => no(no_number(model)),
        _ => Ok(()),
    }
}
pub(super) fn number_remove(model: &Model) -> Allowed {
    number(model, NumberVerb::Remove)
}
pub(super) fn number_move(model: &Model) -> Allowed {
    match numbers(model).as_slice() {
        [] => no(no_number(model)),
        [_] => Ok(()),
        _ => no("one number at a time"),
    }
}
pub(super) fn qr_open(model: &Model) -> Allowed {
    if !matches!(model.overlays.last(), Some(Overlay::Qr(_))) {
        return no("no code is open");
    }
    may_show_phones(model)
}
/// That a phone was shown is put on record first, and a viewer puts nothing there.
fn may_show_phones(model: &Model) -> Allowed {
    match &*model.session.role {
        "viewer" | NO_OPERATOR => no("who is shown a phone is put on record, and your role writes nothing"),
        _ => Ok(()),
    }
}
pub(super) fn number_code(model: &Model) -> Allowed {
    number_test(model)?;
    may_show_phones(model)
}
pub(super) fn recipient_phone(model: &Model) -> Allowed {
    recipient_selected(model)?;
    may_show_phones(model)
}
pub(super) fn thread_phone(model: &Model) -> Allowed {
    thread_selected(model)?;
    may_show_phones(model)
}
pub(super) fn doubt_phone(model: &Model) -> Allowed {
    doubt_selected(model)?;
    may_show_phones(model)
}
pub(super) fn drawer_phone(model: &Model) -> Allowed {
    drawer_has_phone(model)?;
    may_show_phones(model)
}
pub(super) fn copied_phone(model: &Model) -> Allowed {
    has_phone(model)?;
    may_show_phones(model)
}
pub(super) fn number_test(model: &Model) -> Allowed {
    if numbers(model).is_empty() { no(no_number(model)) } else { Ok(()) }
}
pub(super) fn number_new(model: &Model) -> Allowed {
    match model.overview() {
        None => no("no data yet"),
        Some(overview) if overview.accounts.is_empty() => no("no account yet; see signalbox account add"),
        Some(_) => Ok(()),
    }
}

pub(super) fn campaign_selected(model: &Model) -> Allowed {
    if campaigns(model).is_empty() { no(no_campaign(model)) } else { Ok(()) }
}
pub(super) fn campaign_pause_resume(model: &Model) -> Allowed {
    any(&campaigns(model), no_campaign(model), |row| CampaignVerb::pause_or_resume(row).allowed(row))
}
pub(super) fn campaign_launch(model: &Model) -> Allowed {
    any(&campaigns(model), no_campaign(model), |row| CampaignVerb::Launch.allowed(row))
}
pub(super) fn campaign_cancel(model: &Model) -> Allowed {
    any(&campaigns(model), no_campaign(model), |row| CampaignVerb::Cancel.allowed(row))
}
pub(super) fn campaign_widen(model: &Model) -> Allowed {
    match campaigns(model).as_slice() {
        [] => no(no_campaign(model)),
        [row] => CampaignVerb::Widen.allowed(row),
        _ => no("one campaign at a time"),
    }
}
pub(super) fn campaign_new(model: &Model) -> Allowed {
    match model.overview() {
        None => no("no data yet"),
        Some(_) => nothing_over(model),
    }
}
pub(super) fn campaign_like(model: &Model) -> Allowed {
    nothing_over(model)?;
    match campaigns(model).as_slice() {
        [] => no(no_campaign(model)),
        [_] => Ok(()),
        _ => no("one campaign at a time"),
    }
}
pub(super) fn campaign_steps(model: &Model) -> Allowed {
    nothing_over(model)?;
    campaign_edit(model)
}
pub(super) fn campaign_edit(model: &Model) -> Allowed {
    use crate::store::view::CampaignStanding::{Cancelled, Completed};
    match campaigns(model).as_slice() {
        [] => no(no_campaign(model)),
        [row] if matches!(row.standing, Completed | Cancelled) => no("nothing of it changes any more"),
        [_] => Ok(()),
        _ => no("one campaign at a time"),
    }
}

pub(super) fn recipient_selected(model: &Model) -> Allowed {
    if recipients(model).is_empty() { no("no recipient is selected") } else { Ok(()) }
}
pub(super) fn recipient_exclude(model: &Model) -> Allowed {
    any(&recipients(model), "no recipient is selected", |row| RecipientVerb::Exclude.allowed(row))
}
pub(super) fn recipient_retry(model: &Model) -> Allowed {
    any(&recipients(model), "no recipient is selected", |row| RecipientVerb::Retry.allowed(row))
}

fn thread(model: &Model, verb: &ThreadVerb) -> Allowed {
    any(&threads(model), "no thread is selected", |row| verb.allowed(row))
}

pub(super) fn thread_selected(model: &Model) -> Allowed {
    thread(model, &ThreadVerb::Assign(None))
}
pub(super) fn thread_answer(model: &Model) -> Allowed {
    thread(model, &ThreadVerb::Answer)
}
pub(super) fn thread_end(model: &Model) -> Allowed {
    thread(model, &ThreadVerb::End)
}

pub(super) fn row_selected(model: &Model) -> Allowed {
    if drawer(model).is_some() || matches!(model.overlays.last(), Some(Overlay::Doubts)) {
        return Ok(());
    }
    let any = match model.tab {
        Tab::Numbers => model.numbers.current().is_some(),
        Tab::Campaigns => model.campaigns.current().is_some(),
        Tab::Recipients => model.recipients.list.current().is_some(),
        Tab::Live => model.live.current().is_some(),
        Tab::Replies => model.replies.list.current().is_some(),
    };
    match (any, model.tab) {
        (true, _) => Ok(()),
        (false, Tab::Live) => no("choose a line first: f freezes, k goes up"),
        (false, _) => no("nothing is selected"),
    }
}
pub(super) fn nothing_over(model: &Model) -> Allowed {
    if model.overlays.is_empty() { Ok(()) } else { no("close this first") }
}
pub(super) fn may_sort(model: &Model) -> Allowed {
    match model.tab {
        Tab::Numbers | Tab::Campaigns => Ok(()),
        Tab::Recipients => no("o offers the orders that have an index"),
        Tab::Live => no("the log is in the order of time"),
        Tab::Replies => no("threads are in the order of time; o chooses which"),
    }
}
pub(super) fn may_order(model: &Model) -> Allowed {
    if model.tab == Tab::Live { no("the log is in the order of time") } else { Ok(()) }
}
pub(super) fn may_mark(model: &Model) -> Allowed {
    if model.tab == Tab::Live { no("lines of the log cannot be marked") } else { row_selected(model) }
}
pub(super) fn filtered(model: &Model) -> Allowed {
    let filter = match model.tab {
        Tab::Numbers => &model.numbers.filter_text,
        Tab::Campaigns => &model.campaigns.filter_text,
        Tab::Recipients => &model.recipients.filter_text,
        Tab::Live => &model.live.filter_text,
        Tab::Replies => &model.replies.filter_text,
    };
    if filter.is_empty() { no("no filter is on: / sets one") } else { Ok(()) }
}
pub(super) fn doubts(model: &Model) -> Allowed {
    match model.overview() {
        Some(overview) if overview.in_doubt == 0 => no("nothing is in doubt"),
        _ if model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Doubts)) => {
            no("this is the list")
        }
        _ => Ok(()),
    }
}
pub(super) fn alert_open(model: &Model) -> Allowed {
    let list = model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Alerts(list) => Some(&**list),
        _ => None,
    });
    match list.and_then(|list| list.open().next()) {
        Some(_) => Ok(()),
        None => no("there is nothing to acknowledge"),
    }
}
pub(super) fn no_channels_open(model: &Model) -> Allowed {
    let is_open = model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Channels(_)));
    if is_open { no("they are open") } else { Ok(()) }
}
pub(super) fn channel_selected(model: &Model) -> Allowed {
    let list = model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Channels(list) => Some(&**list),
        _ => None,
    });
    if list.and_then(|list| list.row()).is_some() { Ok(()) } else { no("there is no channel here") }
}
pub(super) fn channels_led(model: &Model) -> Allowed {
    if crate::tui::overlays::channels::leads(model) {
        Ok(())
    } else {
        no("only an admin adds and removes channels")
    }
}
pub(super) fn channel_removed(model: &Model) -> Allowed {
    channels_led(model)?;
    channel_selected(model)
}
pub(super) fn audit_selected(model: &Model) -> Allowed {
    match audit(model).and_then(AuditPanel::row) {
        Some(_) => Ok(()),
        None => no("there is no decision here"),
    }
}
pub(super) fn audit_takes_back(model: &Model) -> Allowed {
    let panel = audit(model).ok_or(Reason::Borrowed("no decision is open"))?;
    let row = panel.row().ok_or(Reason::Borrowed("there is no decision here"))?;
    match panel.detail() {
        // It is read first; the key opens it.
        None => Ok(()),
        Some(detail) => way_back(row, detail, model).map(|_| ()),
    }
}
fn audit(model: &Model) -> Option<&AuditPanel> {
    model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Audit(panel) => Some(&**panel),
        _ => None,
    })
}
pub(super) fn guide_searches(model: &Model) -> Allowed {
    match model.overlays.last() {
        Some(Overlay::Guide(guide)) if guide.searches() => Ok(()),
        _ => no("nothing is searched for; / begins that"),
    }
}
pub(super) fn undo(model: &Model) -> Allowed {
    match &model.undo {
        Some(undo) if model.now.mono < undo.until => Ok(()),
        _ => no("nothing to take back; sent messages never can be"),
    }
}
pub(super) fn stop_all(model: &Model) -> Allowed {
    match model.overview().and_then(|overview| overview.stop.as_ref()) {
        Some(_) => no("all sending is stopped already; R lifts the stop"),
        None => Ok(()),
    }
}
pub(super) fn release_stop(model: &Model) -> Allowed {
    crate::tui::verbs::release_stop(model).map(|_| ())
}
pub(super) fn suspend_process(model: &Model) -> Allowed {
    if model.sends_here() {
        return no("would stop sending; pause first or run in tmux");
    }
    model.cannot_stop.map_or(Ok(()), no)
}

pub(super) fn drawer_has_phone(model: &Model) -> Allowed {
    match drawer(model) {
        Some(DrawerOf::Campaign(_)) | None => no("no phone here"),
        Some(DrawerOf::Event(event)) if event.phone.is_none() => no("no phone here"),
        Some(_) => Ok(()),
    }
}
pub(super) fn drawer_has_altered(model: &Model) -> Allowed {
    let altered = match drawer(model) {
        Some(DrawerOf::Number(id)) => {
            model.number(*id).is_some_and(|row| row.name.is_altered() || row.account.is_altered())
        }
        Some(DrawerOf::Campaign(id)) => model.campaign(*id).is_some_and(|row| row.name.is_altered()),
        Some(DrawerOf::Thread(id)) => model.replies.list.rows().iter().any(|kept| {
            kept.row.id == *id && (kept.row.name.is_altered() || kept.row.last_text.is_altered())
        }),
        Some(DrawerOf::Recipient(id)) => model.recipients.list.rows().iter().any(|kept| {
            kept.row.id == *id && (kept.row.name.is_altered() || kept.row.campaign_name.is_altered())
        }),
        _ => false,
    };
    if altered { Ok(()) } else { no("nothing here was altered for the screen") }
}
pub(super) fn finding_open(model: &Model) -> Allowed {
    let list = model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Findings(list) => Some(&**list),
        _ => None,
    });
    match list.and_then(|list| list.rows.row()) {
        Some(row) if row.accepted.is_none() => Ok(()),
        Some(_) => no("it is accepted already"),
        None => no("there is nothing to accept"),
    }
}
fn forecast(model: &Model) -> Option<&ForecastPanel> {
    model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Forecast(panel) => Some(&**panel),
        _ => None,
    })
}
pub(super) fn forecast_read(model: &Model) -> Allowed {
    match forecast(model).and_then(|panel| panel.read.value()) {
        Some(_) => Ok(()),
        None => no("nothing is read yet"),
    }
}
pub(super) fn what_if_asked(model: &Model) -> Allowed {
    match forecast(model) {
        Some(panel) if !panel.what_if.is_empty() => Ok(()),
        _ => no("this is as it is"),
    }
}
pub(super) fn reason_selected(model: &Model) -> Allowed {
    let panel = model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Progress(panel) => Some(&**panel),
        _ => None,
    });
    match panel.and_then(|panel| panel.reason()) {
        Some(_) => Ok(()),
        None => no("Tab shows who gets nothing; there may be nobody"),
    }
}
fn slots(model: &Model) -> Option<&SlotGrid> {
    model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Slots(grid) => Some(&**grid),
        _ => None,
    })
}
pub(super) fn slots_read(model: &Model) -> Allowed {
    match slots(model).and_then(SlotGrid::slot) {
        Some(_) => Ok(()),
        None => no("nothing is read yet"),
    }
}
pub(super) fn slot_free(model: &Model) -> Allowed {
    slots_read(model)?;
    if slots(model).is_some_and(SlotGrid::is_free) { Ok(()) } else { no("somebody has this slot") }
}
pub(super) fn slot_held(model: &Model) -> Allowed {
    slots_read(model)?;
    if slots(model).is_some_and(|grid| !grid.is_free()) { Ok(()) } else { no("nobody has this slot") }
}
fn pools(model: &Model) -> Option<&PoolPanel> {
    model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Pools(panel) => Some(&**panel),
        _ => None,
    })
}
fn pool(model: &Model) -> Result<&crate::store::view::PoolView, Reason> {
    pools(model).and_then(PoolPanel::pool).ok_or(Reason::Borrowed("there is no pool here; n makes one"))
}
pub(super) fn pool_selected(model: &Model) -> Allowed {
    pool(model).map(|_| ())
}
pub(super) fn pool_takes(model: &Model) -> Allowed {
    let pool = pool(model)?;
    let numbers = model.overview().map_or(&[][..], |overview| &overview.numbers);
    let others = numbers.iter().any(|row| pool.members.iter().all(|member| member.number != row.id));
    if others { Ok(()) } else { no("all numbers are in it already") }
}
pub(super) fn pool_has_number(model: &Model) -> Allowed {
    pool(model)?;
    match pools(model).and_then(PoolPanel::member) {
        Some(_) => Ok(()),
        None => no("it has no numbers; a puts one in"),
    }
}
pub(super) fn pool_removable(model: &Model) -> Allowed {
    remove_pool(pool(model)?).map(|_| ())
}
pub(super) fn pool_leads(model: &Model) -> Allowed {
    match first_of_pool(pool(model)?, model) {
        Some(_) => Ok(()),
        None => no("no number of it is in service, and no default number is"),
    }
}
pub(super) fn doubt_selected(model: &Model) -> Allowed {
    if let Some(DrawerOf::Doubt(row)) = drawer(model) {
        return if model.doubts.find(row.id).is_some() { Ok(()) } else { no("it is no longer in doubt") };
    }
    if model.doubts.chosen().is_empty() { no("nothing is selected") } else { Ok(()) }
}
pub(super) fn dialog_takes_yes(model: &Model) -> Allowed {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) if confirm.proposal.typed.is_some() => no("this has to be typed"),
        _ => Ok(()),
    }
}
pub(super) fn dialog_changed(model: &Model) -> Allowed {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) if confirm.changed.is_some() => Ok(()),
        _ => no("nothing changed meanwhile"),
    }
}
pub(super) fn form_on_choice(model: &Model) -> Allowed {
    match model.overlays.last() {
        Some(Overlay::Form(form)) if form.on_choice() => Ok(()),
        Some(Overlay::Wizard(wizard)) if wizard.on_choice() => Ok(()),
        Some(Overlay::Settings(form)) if form.on_choice() => Ok(()),
        Some(Overlay::Channel(form)) if form.on_choice() => Ok(()),
        _ => no("nothing to choose here"),
    }
}
pub(super) fn has_message_id(model: &Model) -> Allowed {
    if crate::tui::update::copy::message_id(model).is_some() { Ok(()) } else { no("no message id here") }
}
pub(super) fn has_phone(model: &Model) -> Allowed {
    if subject_with_phone(model).is_some() { Ok(()) } else { no("no phone here") }
}

/// Whose phone the reveal and copy keys mean.
pub fn subject_with_phone(model: &Model) -> Option<Subject> {
    match drawer(model) {
        Some(DrawerOf::Number(id)) => return Some(Subject::Number(*id)),
        Some(DrawerOf::Recipient(id)) => return Some(Subject::Recipient(*id)),
        Some(DrawerOf::Thread(id)) => return Some(Subject::Thread(*id)),
        Some(DrawerOf::Event(event)) => return event.recipient.map(Subject::Recipient),
        Some(DrawerOf::Doubt(row)) => return Some(row.about),
        Some(DrawerOf::Campaign(_)) => return None,
        None => {}
    }
    if model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Doubts)) {
        return model.doubts.current().map(|kept| kept.row.about);
    }
    match model.tab {
        Tab::Numbers => model.numbers.current().map(|standing| Subject::Number(standing.row.id)),
        Tab::Recipients => model.recipients.list.current().map(|kept| Subject::Recipient(kept.row.id)),
        Tab::Live => model.live.current().and_then(|event| event.recipient).map(Subject::Recipient),
        Tab::Replies => model.replies.list.current().map(|kept| Subject::Thread(kept.row.id)),
        Tab::Campaigns => None,
    }
}
