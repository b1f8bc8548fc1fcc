//! The copy menu and showing a phone in full.

use crate::domain::action::Subject;
use crate::domain::phone::Phone;
use crate::domain::text::Safe;
use crate::tui::allowed::{drawer, subject_with_phone};
use crate::tui::backend::BackendError;
use crate::tui::model::{Level, Model, Tab};
use crate::tui::msg::{Detail, Effect};
use crate::tui::overlays::{Overlay, drawer::DrawerOf};
use crate::tui::tabs;
use std::time::Duration;

/// A phone is shown in full for so long.
const REVEAL: Duration = Duration::from_secs(30);

/// Asks that the reveal be recorded; only then is the phone shown or copied.
pub fn reveal(model: &mut Model, copy: Option<Safe>) -> Vec<Effect> {
    subject_with_phone(model).map(|subject| Effect::Reveal { subject, copy }).into_iter().collect()
}

/// It was recorded, or not.
pub fn revealed(
    model: &mut Model,
    subject: Subject,
    copy: Option<Safe>,
    answer: Result<(), BackendError>,
) -> Vec<Effect> {
    if let Err(error) = answer {
        model.toast(Level::Warn, format!("not shown, because it could not be recorded: {error}"));
        return Vec::new();
    }
    if let Some(phone) = copy {
        return vec![Effect::Copy(phone)];
    }
    model.revealed = Some((subject, model.now.mono + REVEAL));
    model.toast(Level::Info, "the phone is shown for 30 s; that is recorded");
    Vec::new()
}

/// A phone as it is to be shown now.
pub fn phone(model: &Model, subject: Subject, phone: &Phone) -> String {
    if model.is_revealed(subject) { phone.reveal().to_owned() } else { phone.masked() }
}

/// The phone that the copy menu means.
fn phone_here(model: &Model) -> Option<Phone> {
    match drawer(model) {
        Some(DrawerOf::Number(id)) => return model.number(*id).map(|row| row.phone.clone()),
        Some(DrawerOf::Recipient(id)) => {
            return model
                .recipients
                .list
                .rows()
                .iter()
                .find(|kept| kept.row.id == *id)
                .map(|kept| kept.row.phone.clone());
        }
        Some(DrawerOf::Thread(id)) => {
            let rows = model.replies.list.rows().iter();
            return rows.map(|kept| &kept.row).find(|row| row.id == *id).map(|row| row.phone.clone());
        }
        Some(DrawerOf::Event(event)) => return event.phone.clone(),
        Some(DrawerOf::Doubt(row)) => return Some(row.phone.clone()),
        Some(DrawerOf::Campaign(_)) => return None,
        None => {}
    }
    if in_doubts(model) {
        return model.doubts.current().map(|kept| kept.row.phone.clone());
    }
    match model.tab {
        Tab::Numbers => model.numbers.current().map(|standing| standing.row.phone.clone()),
        Tab::Recipients => model.recipients.list.current().map(|kept| kept.row.phone.clone()),
        Tab::Live => model.live.current().and_then(|event| event.phone.clone()),
        Tab::Replies => model.replies.list.current().map(|kept| kept.row.phone.clone()),
        Tab::Campaigns => None,
    }
}

fn in_doubts(model: &Model) -> bool {
    model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Doubts))
}

/// The provider's id of the message under the cursor, if it is known here.
pub fn message_id(model: &Model) -> Option<Safe> {
    let from_detail = || match model.shown.as_ref()?.detail.as_ref()? {
        Detail::Recipient(detail) => {
            detail.attempts.iter().find_map(|attempt| attempt.provider_message_id.clone())
        }
        _ => None,
    };
    match (drawer(model), model.tab) {
        (Some(DrawerOf::Event(event)), _) => event.provider_message_id.clone().or_else(from_detail),
        (Some(_), _) => from_detail(),
        (None, Tab::Live) => model.live.current().and_then(|event| event.provider_message_id.clone()),
        (None, _) => None,
    }
}

/// Copies the row's own words.
pub fn row(model: &Model) -> Option<Safe> {
    if in_doubts(model) {
        return model.doubts.current().map(|kept| {
            let row = &kept.row;
            Safe::new(&format!("{} {} {} {}", row.id, row.phone, row.number.as_str(), row.evidence.as_str()))
        });
    }
    match model.tab {
        Tab::Numbers => model.numbers.current().map(|standing| tabs::numbers::as_text(&standing.row)),
        Tab::Campaigns => model.campaigns.current().map(|standing| tabs::campaigns::as_text(&standing.row)),
        Tab::Recipients => model.recipients.list.current().map(|kept| tabs::recipients::as_text(&kept.row)),
        Tab::Live => model.live.current().map(|event| tabs::live::as_text(event, model)),
        Tab::Replies => model.replies.list.current().map(|kept| tabs::replies::as_text(&kept.row)),
    }
}

/// Copies the id.
pub fn id(model: &Model) -> Option<Safe> {
    let text = |id: uuid::Uuid| Safe::new(&id.to_string());
    if in_doubts(model) {
        return model.doubts.current().map(|kept| text(kept.row.id.0));
    }
    match model.tab {
        Tab::Numbers => model.numbers.current().map(|standing| text(standing.row.id.0)),
        Tab::Campaigns => model.campaigns.current().map(|standing| text(standing.row.id.0)),
        Tab::Recipients => model.recipients.list.current().map(|kept| text(kept.row.id.0)),
        Tab::Live => model.live.current().and_then(|event| event.attempt).map(|id| text(id.0)),
        Tab::Replies => model.replies.list.current().map(|kept| text(kept.row.id.0)),
    }
}

/// Copies the phone, once that is recorded.
pub fn copy_phone(model: &mut Model) -> Vec<Effect> {
    match phone_here(model) {
        Some(phone) => reveal(model, Some(Safe::new(phone.reveal()))),
        None => Vec::new(),
    }
}
