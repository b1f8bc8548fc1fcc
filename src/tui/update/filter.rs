//! Typing a filter: applied while it is typed, the last good result stays while it is wrong.

use super::{data::refresh_lists, wants};
use crate::domain::filter::{Filter, Scope};
use crate::tui::model::{Model, Tab};
use crate::tui::msg::Effect;
use crate::tui::overlays::{Overlay, filter::FilterInput};

/// The scope of the open tab.
pub fn scope(tab: Tab) -> Scope {
    match tab {
        Tab::Numbers => Scope::Numbers,
        Tab::Campaigns => Scope::Campaigns,
        Tab::Recipients => Scope::Recipients,
        Tab::Live => Scope::Live,
        Tab::Replies => Scope::Threads,
    }
}

/// The filter of the open tab, as it was typed.
pub fn text(model: &Model) -> &str {
    match model.tab {
        Tab::Numbers => &model.numbers.filter_text,
        Tab::Campaigns => &model.campaigns.filter_text,
        Tab::Recipients => &model.recipients.filter_text,
        Tab::Live => &model.live.filter_text,
        Tab::Replies => &model.replies.filter_text,
    }
}

/// Opens the input.
pub fn open(model: &mut Model) {
    model.overlays.clear();
    let text = text(model).to_owned();
    model.overlays.push(Overlay::Filter(FilterInput::new(scope(model.tab), &text)));
}

/// The text changed.
pub fn typed(model: &mut Model) {
    let Some(Overlay::Filter(input)) = model.overlays.last_mut() else { return };
    if input.is_between() {
        return;
    }
    if let Ok(filter) = input.parse() {
        let text = input.text().to_owned();
        apply(model, text, filter, true);
    } else {
        (model.recipients.typed_at, model.replies.typed_at) = (None, None);
    }
}

/// Puts a filter on the open tab. The database is asked when typing pauses, rows at hand are filtered at once.
pub fn apply(model: &mut Model, text: String, filter: Filter, typing: bool) {
    match model.tab {
        Tab::Numbers => (model.numbers.filter_text, model.numbers.filter) = (text, filter),
        Tab::Campaigns => (model.campaigns.filter_text, model.campaigns.filter) = (text, filter),
        Tab::Live => (model.live.filter_text, model.live.filter) = (text, filter),
        Tab::Replies => {
            if model.replies.filter_text != text {
                model.replies.filter_text = text;
                model.replies.typed_at = Some(pause_from(model, typing));
            }
            return;
        }
        Tab::Recipients => {
            let changed = model.recipients.filter != filter;
            (model.recipients.filter_text, model.recipients.filter) = (text, filter);
            if changed {
                model.recipients.typed_at = Some(pause_from(model, typing));
            }
            return;
        }
    }
    refresh_lists(model, true);
}

/// From when the pause counts: nobody is still typing what is applied whole.
fn pause_from(model: &Model, typing: bool) -> std::time::Instant {
    let now = model.now.mono;
    if typing { now } else { now.checked_sub(wants::TYPING_PAUSE).unwrap_or(now) }
}

/// Takes the filter away; `None` if there is none.
pub fn clear(model: &mut Model) -> Option<Vec<Effect>> {
    if text(model).is_empty() {
        return None;
    }
    apply(model, String::new(), Filter::default(), false);
    Some(Vec::new())
}
