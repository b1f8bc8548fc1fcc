//! One line for the operator's words: they go into the audit log with the action.

use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::verbs::Proposal;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use ratatui::layout::Rect;

/// The prompt.
#[derive(Debug, Clone)]
pub struct ReasonPrompt {
    /// What is done with the words.
    pub proposal: Proposal,
    /// The words.
    pub input: Input,
    /// Whether there have to be any.
    pub required: bool,
    /// Whether they were missing when Enter was pressed.
    pub missing: bool,
}

impl ReasonPrompt {
    /// For taking a number out of service: words are welcome, not required, because stopping must be quick.
    pub fn suspend(proposal: Proposal) -> Self {
        Self { proposal, input: Input::default(), required: false, missing: false }
    }

    /// For a verdict on an attempt in doubt.
    pub fn settle(proposal: Proposal, required: bool) -> Self {
        Self { proposal, input: Input::default(), required, missing: false }
    }

    /// Draws it.
    pub fn view(&self, _: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let dialog = centred(area, 66, 7);
        canvas.clear(dialog);
        let title = self.proposal.title.trim_end_matches('?');
        let inside = canvas.panel(dialog, Border { title, foot: "", double: false }, Role::Warn);
        let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
        let subject = self.proposal.lines.first().map_or("", |(_, value, _)| value.as_str());
        canvas.text(x, inside.y, room, subject, Role::Text);
        canvas.text(x, inside.y + 2, 8, "Reason", Role::Dim);
        canvas.text(x + 8, inside.y + 2, 1, "[", Role::Text);
        self.input.draw(canvas, x + 9, inside.y + 2, room.saturating_sub(10), true);
        canvas.text(x + room - 1, inside.y + 2, 1, "]", Role::Text);
        let (hint, role) = match (self.missing, self.required) {
            (true, _) => ("!! this needs a reason, for those who read the record", Role::Bad),
            (false, true) => ("Enter goes on   Esc = cancel", Role::Dim),
            (false, false) => ("Enter acts (no words: \"by operator\")   Esc = cancel", Role::Dim),
        };
        canvas.text(x, inside.y + 4, room, hint, role);
    }
}
