//! A short list to choose from: an order, a campaign.

use crate::domain::ids::{CampaignId, NumberId, PoolId};
use crate::store::view::{NumberRow, NumberStanding, PoolView, RecipientOrder, ThreadScope};
use crate::tui::lists::Motion;
use crate::tui::model::{Model, Tab};
use crate::tui::msg::Move;
use crate::tui::tabs;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use ratatui::layout::Rect;

/// What can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Recipients of this campaign, or of all.
    Campaign(Option<CampaignId>),
    /// Recipients in this order.
    Order(RecipientOrder),
    /// Numbers or campaigns in this order.
    Sort(usize),
    /// These threads.
    Threads(ThreadScope),
    /// The load of a number, to this one.
    Move(Move),
    /// This number, into the pool.
    PoolNumber(PoolId, NumberId),
}

/// The list.
#[derive(Debug, Clone)]
pub struct Picker {
    title: &'static str,
    rows: Vec<(String, Choice)>,
    cursor: usize,
}

impl Picker {
    /// The orders of the open tab.
    pub fn orders(model: &Model) -> Self {
        let named = |sorts: &[&'static str]| {
            sorts.iter().enumerate().map(|(at, name)| ((*name).to_owned(), Choice::Sort(at))).collect()
        };
        let (rows, cursor): (Vec<(String, Choice)>, usize) = match model.tab {
            Tab::Numbers => (named(&tabs::numbers::SORTS.map(|(name, _)| name)), model.numbers.sort),
            Tab::Campaigns => (named(&tabs::campaigns::SORTS.map(|(name, _)| name)), model.campaigns.sort),
            Tab::Replies => return Self::threads(model),
            Tab::Recipients | Tab::Live => (
                vec![
                    ("updated, latest first".into(), Choice::Order(RecipientOrder::Updated)),
                    ("as enrolled".into(), Choice::Order(RecipientOrder::Enrolled)),
                ],
                usize::from(model.recipients.order == RecipientOrder::Enrolled),
            ),
        };
        Self { title: "Order by", rows, cursor }
    }

    fn threads(model: &Model) -> Self {
        let me = &model.session.operator;
        let scopes = [
            ThreadScope::Open,
            ThreadScope::Unread,
            ThreadScope::Of(me.clone()),
            ThreadScope::Done,
            ThreadScope::All,
        ];
        let cursor = scopes.iter().position(|scope| *scope == model.replies.scope).unwrap_or(0);
        let rows = scopes.map(|scope| (tabs::replies::scope_name(&scope, me), Choice::Threads(scope)));
        Self { title: "Threads", rows: rows.into(), cursor }
    }

    /// The campaigns.
    pub fn campaigns(model: &Model) -> Self {
        let mut rows = vec![("all campaigns".to_owned(), Choice::Campaign(None))];
        if let Some(overview) = model.overview() {
            rows.extend(overview.campaigns.iter().map(|row| {
                (format!("{}  ({})", row.name.as_str(), row.standing.name()), Choice::Campaign(Some(row.id)))
            }));
        }
        let cursor = rows
            .iter()
            .position(|(_, choice)| *choice == Choice::Campaign(model.recipients.campaign))
            .unwrap_or(0);
        Self { title: "Recipients of", rows, cursor }
    }

    /// Numbers in service that could take the load of this one, each with and without its open threads.
    pub fn other_numbers(model: &Model, from: NumberId) -> Self {
        let others = model.overview().map_or(&[][..], |overview| &overview.numbers);
        let may = |row: &&NumberRow| {
            let out = matches!(row.standing, NumberStanding::Suspended { .. } | NumberStanding::Disabled);
            row.id != from && !out
        };
        let both = |row: &NumberRow| {
            let to = |threads| Choice::Move(Move { from, to: row.id, threads });
            let name = format!("{}  {}", row.name.as_str(), row.phone.masked());
            [(name.clone(), to(false)), (format!("{name}, open threads too"), to(true))]
        };
        Self {
            title: "Move its load to",
            rows: others.iter().filter(may).flat_map(both).collect(),
            cursor: 0,
        }
    }

    /// Numbers that are not in the pool yet.
    pub fn for_pool(model: &Model, pool: &PoolView) -> Self {
        let numbers = model.overview().map_or(&[][..], |overview| &overview.numbers);
        let others = numbers.iter().filter(|row| pool.members.iter().all(|member| member.number != row.id));
        let name = |row: &NumberRow| {
            let state = if row.standing.is_in_service() {
                String::new()
            } else {
                format!(", {}", row.standing.name())
            };
            format!("{}  {}{state}", row.name.as_str(), row.phone.masked())
        };
        let rows = others.map(|row| (name(row), Choice::PoolNumber(pool.id, row.id))).collect();
        Self { title: "Put into the pool", rows, cursor: 0 }
    }

    /// Moves.
    pub fn go(&mut self, motion: Motion) {
        self.cursor = motion.from(self.cursor, self.rows.len());
    }

    /// What is under the cursor.
    pub fn chosen(&self) -> Option<Choice> {
        self.rows.get(self.cursor).map(|(_, choice)| choice.clone())
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        let dialog = centred(area, 50, rows.saturating_add(4).min(20));
        canvas.clear(dialog);
        let inside = canvas.panel(
            dialog,
            Border { title: self.title, foot: "Enter chooses  Esc closes", double: false },
            Role::Frame,
        );
        let height = usize::from(inside.height.saturating_sub(2)).max(1);
        let from = (self.cursor + 1).saturating_sub(height);
        for ((at, (name, _)), y) in self.rows.iter().enumerate().skip(from).take(height).zip(inside.y + 1..) {
            let line = format!("{} {name}", if at == self.cursor { ">" } else { " " });
            canvas.text(inside.x + 1, y, inside.width.saturating_sub(2), &line, Role::Text);
            if at == self.cursor {
                canvas.paint(Rect::new(inside.x + 1, y, inside.width.saturating_sub(2), 1), Role::Selected);
            }
        }
    }
}
