//! What can be done to threads.

use super::{Origin, Proposal, name_them};
use crate::domain::action::{Action, Order};
use crate::domain::ids::ReplyId;
use crate::store::view::{ThreadRow, Window};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::model::Model;
use crate::tui::tabs::replies::window_sentence;
use crate::tui::theme::Role;
use crate::tui::words;

/// Columns of a text in a question, and most lines of it.
const TEXT_COLUMNS: usize = 44;
const TEXT_LINES: usize = 8;

/// What can be done to a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThreadVerb {
    /// One message to the person.
    Answer,
    /// It belongs to this operator; `None`: to nobody.
    Assign(Option<String>),
    /// Nothing more is to be done in it.
    End,
}

impl ThreadVerb {
    /// Whether it makes sense for this row.
    ///
    /// # Errors
    /// Why not.
    pub fn allowed(&self, row: &ThreadRow) -> Result<(), Reason> {
        match self {
            Self::Answer if row.opted_out.is_some() => Err("they asked for no more messages".into()),
            Self::Answer => match row.window {
                Window::Always | Window::Until(_) => Ok(()),
                Window::Closed(_) => Err("the 24 hours for an answer are over".into()),
                Window::Never if row.number.is_none() => Err("it has no number yet: A gives it one".into()),
                Window::Never => Err("they never wrote to this number".into()),
            },
            Self::End if row.done.is_some() => Err("it is done already".into()),
            Self::Assign(_) | Self::End => Ok(()),
        }
    }

    /// The proposal for these rows; those for which it makes no sense are left out. An answer goes to one person.
    ///
    /// # Errors
    /// Why there is nothing to propose.
    pub fn propose(&self, rows: &[&ThreadRow], model: &Model) -> Result<Proposal, Reason> {
        let mut why = Reason::Borrowed("no thread is selected");
        let fitting: Vec<&ThreadRow> = rows
            .iter()
            .copied()
            .filter(|row| self.allowed(row).map_err(|reason| why = reason).is_ok())
            .collect();
        let Some(first) = fitting.first() else { return Err(why) };
        if *self == Self::Answer && fitting.len() > 1 {
            return Err("one answer at a time: take the marks away".into());
        }
        let names: Vec<_> = fitting.iter().map(|row| &row.name).collect();
        let who = match fitting.as_slice() {
            [one] if one.name.as_str().is_empty() => one.phone.masked(),
            _ => name_them(&names, "threads"),
        };
        let mut proposal = match self {
            Self::Answer => {
                Proposal::new(Danger::Tier1, "Send this answer?", "Send", format!("answer queued for {who}"))
            }
            Self::Assign(to) => {
                let to = to.as_deref().unwrap_or("nobody");
                Proposal::new(Danger::Tier0, "Hand over?", "Hand over", format!("{who} handed to {to}"))
            }
            Self::End => Proposal::new(Danger::Tier0, "Done?", "Done", format!("done with {who}")),
        };
        proposal.lines = vec![("To", format!("{}  {}", first.name.as_str(), first.phone), Role::Text)];
        if *self == Self::Answer {
            let number = first.number.as_ref().map_or("-", |(_, name)| name.as_str());
            proposal.lines.push(("Through", number.to_owned(), Role::Text));
            proposal.lines.push(("They said", first.last_text.as_str().to_owned(), Role::Dim));
            let (sentence, role) = window_sentence(model, first);
            proposal.lines.push(("Can go", sentence, role));
        }
        proposal.orders = fitting.iter().map(|row| Order::on(self.action(row), row.version)).collect();
        let ids = fitting.iter().map(|row| row.id).collect();
        proposal.origin = Some(Origin::Threads(self.clone(), ids));
        Ok(proposal.with_bulk_rule())
    }

    fn action(&self, row: &ThreadRow) -> Action {
        match self {
            Self::Answer => Action::Answer { thread: row.id, reply: ReplyId::new(), text: String::new() },
            Self::Assign(to) => Action::AssignThread { thread: row.id, to: to.clone() },
            Self::End => Action::EndThread(row.id),
        }
    }
}

/// The same proposal with what the answer says, as the question shows it.
#[must_use]
pub fn saying(mut proposal: Proposal, said: &str, ascii: bool) -> Proposal {
    for order in &mut proposal.orders {
        if let Action::Answer { text, .. } = &mut order.action {
            said.clone_into(text);
        }
    }
    for (at, line) in words::wrap(said, TEXT_COLUMNS, TEXT_LINES, ascii).into_iter().enumerate() {
        proposal.lines.push((if at == 0 { "Text" } else { "" }, line, Role::Title));
    }
    proposal
}

/// The same proposal, to this operator.
#[must_use]
pub fn handing_to(mut proposal: Proposal, operator: &str) -> Proposal {
    let name = operator.trim();
    let whom = (name != "none").then(|| name.to_owned());
    for order in &mut proposal.orders {
        if let Action::AssignThread { to, .. } = &mut order.action {
            to.clone_from(&whom);
        }
    }
    if let Some(Origin::Threads(verb, _)) = &mut proposal.origin {
        *verb = ThreadVerb::Assign(whom);
    }
    proposal.label = format!("handed to {}", if name == "none" { "nobody" } else { name });
    proposal
}
