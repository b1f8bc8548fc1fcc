//! Attempts as they happen.

use crate::domain::ids::{AttemptId, RecipientId};
use crate::domain::phone::Phone;
use crate::domain::text::Safe;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What became of one attempt, as the live log tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiveKind {
    /// Accepted.
    Ok,
    /// Refused for good.
    Fail,
    /// Refused or not sent, to be tried again.
    Retry,
    /// Nobody knows.
    Doubt,
    /// Proven not sent; nothing more is known.
    Unsent,
    /// Work moved from one number to another.
    Move,
}

impl LiveKind {
    /// The word of the filter.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Retry => "retry",
            Self::Doubt => "doubt",
            Self::Unsent => "unsent",
            Self::Move => "move",
        }
    }

    /// Whether somebody may want to look.
    #[must_use]
    pub fn is_error(self) -> bool {
        !matches!(self, Self::Ok)
    }
}

/// One line of the live log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: LiveKind,
    /// The attempt; `None` for moves.
    pub attempt: Option<AttemptId>,
    /// The recipient; `None` for moves.
    pub recipient: Option<RecipientId>,
    /// The campaign's name.
    pub campaign: Safe,
    /// The number, by name; for moves the one left.
    pub number: Safe,
    /// For moves: the one that took over.
    pub to_number: Option<Safe>,
    /// The phone.
    pub phone: Option<Phone>,
    /// How long it took.
    pub took: Option<Duration>,
    /// The provider's code, or ours.
    pub code: Option<Safe>,
    /// The provider's own words, or what moved and why.
    pub words: Safe,
    /// The provider's id of the message.
    pub provider_message_id: Option<Safe>,
    /// The host that sent it.
    pub instance: Safe,
}
