//! Threads with people: what they wrote, and what they were answered.

use super::MessageState;
use crate::domain::action::Version;
use crate::domain::ids::{ConversationId, NumberId};
use crate::domain::number::ProviderKind;
use crate::domain::phone::Phone;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, Utc};

/// Which threads a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ThreadScope {
    /// Those that nobody ended.
    #[default]
    Open,
    /// Those with something that was not answered.
    Unread,
    /// Open ones of this operator.
    Of(Safe),
    /// Those that were ended.
    Done,
    /// All.
    All,
}

/// Which threads, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThreadQuery {
    /// Which.
    pub scope: ThreadScope,
    /// Only where this stands in phone, name or last text; empty: wherever.
    pub text: Safe,
}

/// How long a person can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// At any time.
    Always,
    /// Until then.
    Until(DateTime<Utc>),
    /// Until then, which is past.
    Closed(DateTime<Utc>),
    /// The person never wrote to the number, or the thread has none.
    Never,
}

impl Window {
    /// Whether an answer may go now.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Always | Self::Until(_))
    }
}

/// One thread, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// Which one.
    pub id: ConversationId,
    /// Raised by what operators do.
    pub version: Version,
    /// With whom.
    pub phone: Phone,
    /// The contact's name, or the name that the person goes by.
    pub name: Shown,
    /// Through which number; none: it has none yet.
    pub number: Option<(NumberId, Shown)>,
    /// Whose dialect that one speaks.
    pub provider: Option<ProviderKind>,
    /// Its name beside others with the same number: `#282`.
    pub thread: Option<i32>,
    /// The campaign that caused it.
    pub campaign: Option<Shown>,
    /// Who has it.
    pub assigned_to: Option<Safe>,
    /// When something happened last.
    pub last_at: DateTime<Utc>,
    /// What was said last, cut.
    pub last_text: Shown,
    /// What became of it, if we said it.
    pub last_state: Option<MessageState>,
    /// Messages that were not answered.
    pub unread: u32,
    /// When it was ended, and by whom.
    pub done: Option<(DateTime<Utc>, Safe)>,
    /// How long the person can be answered.
    pub window: Window,
    /// Since when the person wants no messages.
    pub opted_out: Option<DateTime<Utc>>,
}

/// One message of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadMessage {
    /// When.
    pub at: DateTime<Utc>,
    /// Who of us said it; none: the person did.
    pub by: Option<Safe>,
    /// What kind it is, where it is no text.
    pub kind: Option<Safe>,
    /// What it says.
    pub text: Shown,
    /// What became of it, if we said it.
    pub state: Option<MessageState>,
    /// Why it came no further, or what the person asked for.
    pub note: Option<Safe>,
}

/// Everything about one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadDetail {
    /// Which one.
    pub id: ConversationId,
    /// As the list has it.
    pub row: ThreadRow,
    /// Its latest messages, the oldest first.
    pub messages: Vec<ThreadMessage>,
    /// Whether there are earlier ones.
    pub more: bool,
}
