//! Everything about one row, at the right side.

use crate::domain::ids::{CampaignId, ConversationId, NumberId, RecipientId};
use crate::store::view::{DoubtRow, LiveEvent};
use crate::tui::keymap::Layer;
use crate::tui::model::{Geometry, Model, Tab};
use crate::tui::msg::Detail;
use crate::tui::tabs;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use ratatui::layout::Rect;
use std::sync::Arc;

/// About what.
#[derive(Debug, Clone, PartialEq)]
pub enum DrawerOf {
    /// A number.
    Number(NumberId),
    /// A campaign.
    Campaign(CampaignId),
    /// A recipient of the list.
    Recipient(RecipientId),
    /// A thread of the list.
    Thread(ConversationId),
    /// A line of the live log.
    Event(Arc<LiveEvent>),
    /// An attempt in doubt.
    Doubt(Box<DoubtRow>),
}

/// The drawer.
#[derive(Debug, Clone)]
pub struct Drawer {
    /// About what.
    pub of: DrawerOf,
    /// Lines scrolled away.
    pub scroll: usize,
    /// Whether altered text is shown as it is stored.
    pub escaped: bool,
}

impl Drawer {
    /// Opens it.
    pub fn new(of: DrawerOf) -> Self {
        Self { of, scroll: 0, escaped: false }
    }

    /// The layers of keys that count in it: its own, then those of what it shows.
    pub fn layers(&self) -> Vec<Layer> {
        let of = match self.of {
            DrawerOf::Number(_) => Some(Layer::Numbers),
            DrawerOf::Campaign(_) => Some(Layer::Campaigns),
            DrawerOf::Recipient(_) => Some(Layer::Recipients),
            DrawerOf::Thread(_) => Some(Layer::Replies),
            DrawerOf::Event(_) => None,
            DrawerOf::Doubt(_) => Some(Layer::Doubts),
        };
        let mut layers = vec![Layer::Drawer];
        layers.extend(of);
        layers.push(Layer::Global);
        layers
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        let width = if area.width >= 120 { 70 } else { (area.width / 2 + 4).max(44).min(area.width) };
        let place = Rect::new(area.right() - width, area.y, width, area.height);
        canvas.clear(place);
        let title = self.title(model);
        let inside = canvas.panel(
            place,
            Border { title: &title, foot: "Esc close  J/K next", double: false },
            Role::Frame,
        );
        let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
        let facts = self.facts(model, inside.width);
        geometry.overlay_rows = usize::from(inside.height);
        geometry.overlay_lines = facts.len();
        facts.draw(canvas, inside, self.scroll);
    }

    fn title(&self, model: &Model) -> String {
        let short = |id: uuid::Uuid| tabs::recipients::short_id(id);
        match &self.of {
            DrawerOf::Number(id) => {
                format!("Number {}", model.number(*id).map_or("gone", |row| row.name.as_str()))
            }
            DrawerOf::Campaign(id) => {
                format!("Campaign {}", model.campaign(*id).map_or("gone", |row| row.name.as_str()))
            }
            DrawerOf::Recipient(id) => format!("Recipient {}", short(id.0)),
            DrawerOf::Thread(id) => format!("Thread {}", short(id.0)),
            DrawerOf::Event(event) => {
                event.attempt.map_or("Move".into(), |id| format!("Attempt {}", short(id.0)))
            }
            DrawerOf::Doubt(row) => format!("In doubt {}", short(row.id.0)),
        }
    }

    fn facts(&self, model: &Model, columns: u16) -> Facts {
        let mut facts = Facts::new(columns, model.theme);
        let detail = model.shown.as_ref().and_then(|shown| shown.detail.as_ref());
        match &self.of {
            DrawerOf::Number(id) => {
                let of_number = match detail {
                    Some(Detail::Number(detail)) if detail.id == *id => Some(&**detail),
                    _ => None,
                };
                match model.number(*id) {
                    Some(row) => {
                        tabs::numbers::describe(&mut facts, model, row, of_number, self.escaped, true);
                    }
                    None => facts.paragraph("This number is no longer there.", Role::Warn),
                }
            }
            DrawerOf::Campaign(id) => {
                let of_campaign = match detail {
                    Some(Detail::Campaign(detail)) if detail.id == *id => Some(&**detail),
                    _ => None,
                };
                match model.campaign(*id) {
                    Some(row) => {
                        tabs::campaigns::describe(&mut facts, model, row, of_campaign, self.escaped, true);
                    }
                    None => facts.paragraph("This campaign is no longer there.", Role::Warn),
                }
            }
            DrawerOf::Recipient(id) => {
                match model.recipients.list.rows().iter().find(|kept| kept.row.id == *id) {
                    Some(kept) => tabs::recipients::describe(&mut facts, model, &kept.row, self.escaped),
                    None => facts.paragraph("This recipient is no longer there.", Role::Warn),
                }
                tabs::recipients::history(&mut facts, model, *id);
            }
            DrawerOf::Thread(id) => tabs::replies::describe(&mut facts, model, *id, self.escaped),
            DrawerOf::Event(event) => {
                tabs::live::describe(&mut facts, model, event);
                if let Some(recipient) = event.recipient {
                    tabs::recipients::history(&mut facts, model, recipient);
                }
            }
            DrawerOf::Doubt(row) => {
                super::doubts::describe(&mut facts, model, row);
                tabs::recipients::history(&mut facts, model, row.recipient);
            }
        }
        if let Some(error) = model.shown.as_ref().and_then(|shown| shown.error.as_ref()) {
            facts.gap();
            facts.paragraph(&format!("!! details could not be read: {error}"), Role::Bad);
        }
        facts
    }
}

/// What the drawer shows when the cursor of the list behind it moves.
pub fn under_cursor(model: &Model, over_doubts: bool) -> Option<DrawerOf> {
    if over_doubts {
        return model.doubts.current().map(|kept| DrawerOf::Doubt(Box::new(kept.row.clone())));
    }
    match model.tab {
        Tab::Numbers => model.numbers.current().map(|standing| DrawerOf::Number(standing.row.id)),
        Tab::Campaigns => model.campaigns.current().map(|standing| DrawerOf::Campaign(standing.row.id)),
        Tab::Recipients => model.recipients.list.current().map(|kept| DrawerOf::Recipient(kept.row.id)),
        Tab::Live => model.live.current().map(|event| DrawerOf::Event(event.clone())),
        Tab::Replies => model.replies.list.current().map(|kept| DrawerOf::Thread(kept.row.id)),
    }
}
