//! One line for the operator's words: for the audit log, for a person who is answered, or who something is handed to.

use crate::domain::ids::CampaignId;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::verbs::{Proposal, give_slot};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use ratatui::layout::Rect;

/// What the words are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// They go into the audit log with the action.
    Reason,
    /// A person is answered with them.
    Answer,
    /// An operator's name.
    Operator,
    /// The phone of who gets this slot, of a campaign or of the organisation.
    Phone(Option<CampaignId>, u16),
    /// The number of a slot.
    Slot,
    /// A share in a pool.
    Share,
}

/// The prompt.
#[derive(Debug, Clone)]
pub struct ReasonPrompt {
    /// What is done with the words.
    pub proposal: Proposal,
    /// The words.
    pub input: Input,
    /// What they are for.
    pub asks: Asks,
    /// Whether there have to be any.
    pub required: bool,
    /// Whether they were missing when Enter was pressed.
    pub missing: bool,
    /// Why they were not taken.
    pub wrong: Option<String>,
}

impl ReasonPrompt {
    /// For taking a number out of service: words are welcome, not required, because stopping must be quick.
    pub fn suspend(proposal: Proposal) -> Self {
        Self::of(proposal, Input::default(), Asks::Reason, false)
    }

    /// For a verdict on an attempt in doubt.
    pub fn settle(proposal: Proposal, required: bool) -> Self {
        Self::of(proposal, Input::default(), Asks::Reason, required)
    }

    /// For an answer.
    pub fn answer(proposal: Proposal) -> Self {
        Self::of(proposal, Input::long(), Asks::Answer, true)
    }

    /// For handing over.
    pub fn hand_over(proposal: Proposal) -> Self {
        Self::of(proposal, Input::default(), Asks::Operator, true)
    }

    /// For giving a slot to somebody.
    pub fn give_slot(campaign: Option<CampaignId>, scope: &str, slot: u16) -> Self {
        Self::of(give_slot(scope, slot), Input::default(), Asks::Phone(campaign, slot), true)
    }

    /// For giving somebody another slot.
    pub fn move_slot(proposal: Proposal) -> Self {
        Self::of(proposal, Input::default(), Asks::Slot, true)
    }

    /// For another share of a number in a pool.
    pub fn weigh(proposal: Proposal) -> Self {
        Self::of(proposal, Input::default(), Asks::Share, true)
    }

    fn of(proposal: Proposal, input: Input, asks: Asks, required: bool) -> Self {
        Self { proposal, input, asks, required, missing: false, wrong: None }
    }

    /// What is asked for, in a word.
    pub fn label(&self) -> &'static str {
        match self.asks {
            Asks::Reason => "Reason",
            Asks::Answer => "Answer",
            Asks::Operator => "To",
            Asks::Phone(..) => "Phone",
            Asks::Slot => "Slot",
            Asks::Share => "Share",
        }
    }

    /// Draws it.
    pub fn view(&self, _: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let (width, extra) = if self.asks == Asks::Answer { (area.width.min(100), 2) } else { (66, 0) };
        let dialog = centred(area, width, 7 + extra);
        canvas.clear(dialog);
        let title = self.proposal.title.trim_end_matches('?');
        let inside = canvas.panel(dialog, Border { title, foot: "", double: false }, Role::Warn);
        let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
        let subject = self.proposal.lines.first().map_or("", |(_, value, _)| value.as_str());
        canvas.text(x, inside.y, room, subject, Role::Text);
        if self.asks == Asks::Answer {
            for ((_, value, role), y) in self.proposal.lines.iter().skip(2).zip(inside.y + 1..) {
                canvas.text(x, y, room, value, *role);
            }
        }
        let y = inside.y + 2 + extra;
        canvas.text(x, y, 8, self.label(), Role::Dim);
        canvas.text(x + 8, y, 1, "[", Role::Text);
        self.input.draw(canvas, x + 9, y, room.saturating_sub(10), true);
        canvas.text(x + room - 1, y, 1, "]", Role::Text);
        if let Some(wrong) = &self.wrong {
            canvas.text(x, y + 2, room, &format!("!! {wrong}"), Role::Bad);
            return;
        }
        let (hint, role) = match (self.missing, self.required) {
            (true, _) if self.asks == Asks::Reason => {
                ("!! this needs a reason, for those who read the record", Role::Bad)
            }
            (true, _) => ("!! nothing is typed yet", Role::Bad),
            (false, true) if self.asks == Asks::Operator => {
                ("an operator's name, or none   Enter hands over   Esc = cancel", Role::Dim)
            }
            (false, true) if matches!(self.asks, Asks::Phone(..)) => {
                ("a contact's phone, +237600000001   Enter gives   Esc = cancel", Role::Dim)
            }
            (false, true) => ("Enter goes on   Esc = cancel", Role::Dim),
            (false, false) => ("Enter acts (no words: \"by operator\")   Esc = cancel", Role::Dim),
        };
        canvas.text(x, y + 2, room, hint, role);
    }
}
