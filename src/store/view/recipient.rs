//! Recipients, their attempts, and the attempts in doubt.

use super::{Gate, HoldView};
use crate::domain::action::{Subject, Version};
use crate::domain::ids::{AttemptId, CampaignId, RecipientId};
use crate::domain::phone::Phone;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, NaiveDate, Utc};
use std::time::Duration;

/// Where a recipient's message is, in the operator's words (`design.md`, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Waits.
    Queued,
    /// On the wire.
    Sending,
    /// The provider has it.
    Accepted,
    /// On the phone.
    Delivered,
    /// Seen.
    Read,
    /// Refused for good.
    Failed,
    /// Nobody knows.
    InDoubt,
    /// Left out.
    Skipped,
}

impl MessageState {
    /// The word on screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::InDoubt => "in doubt",
            Self::Skipped => "skipped",
        }
    }
}

/// One recipient in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientRow {
    /// The id.
    pub id: RecipientId,
    /// How often the row has been changed.
    pub version: Version,
    /// The campaign that enrolled this person.
    pub campaign: CampaignId,
    /// Its name.
    pub campaign_name: Shown,
    /// Whether it is completed: it is opened again by whoever tries this person again.
    pub campaign_completed: bool,
    /// The phone.
    pub phone: Phone,
    /// The name.
    pub name: Shown,
    /// Where the message is.
    pub state: MessageState,
    /// How many attempts there were at the current step.
    pub tries: u32,
    /// When the row changed last.
    pub updated_at: DateTime<Utc>,
    /// The number used last, by name.
    pub number: Option<Shown>,
    /// Code and a word or two of the last failure, or the reason of a skip.
    pub error: Option<Safe>,
}

/// One attempt in a recipient's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLine {
    /// The id.
    pub id: AttemptId,
    /// How often the row has been changed.
    pub version: Version,
    /// Which step; 1 is the first.
    pub step: u32,
    /// When the intent was committed.
    pub started_at: DateTime<Utc>,
    /// How long it took; `None`: still on the wire, or nobody knows.
    pub took: Option<Duration>,
    /// The number, by name.
    pub number: Shown,
    /// `accepted`, `rejected`, `not sent`, `in doubt`, `sending`, `waived`.
    pub outcome: Safe,
    /// The provider's code.
    pub code: Option<Safe>,
    /// The provider's own words.
    pub words: Shown,
    /// The provider's id of the message.
    pub provider_message_id: Option<Safe>,
    /// The host that sent it.
    pub instance: Safe,
    /// What it said, written again from the version of its step then and the values frozen for the person; `None`: nobody
    /// looked yet.
    pub said: Option<Shown>,
    /// What the provider reported of it later, in the order in which it came.
    pub receipts: Vec<ReceiptLine>,
}

/// What a provider reported of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLine {
    /// `sent`, `delivered`, `read`, `failed`.
    pub what: Safe,
    /// When, as the provider says; else when it came.
    pub at: DateTime<Utc>,
    /// The code of a failure and the provider's words.
    pub why: Option<Safe>,
}

/// Everything about one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientDetail {
    /// The recipient.
    pub id: RecipientId,
    /// ISO country.
    pub country: Option<Safe>,
    /// Which step is next or current, of how many.
    pub step: (u32, u32),
    /// Which variant of the texts this person gets; none: everybody gets the same.
    pub variant: Option<Safe>,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// On which day of the organisation's zone its first message was planned.
    pub planned_on: Option<NaiveDate>,
    /// Why it waits.
    pub hold: Option<HoldView>,
    /// Gates in order.
    pub gates: Vec<Gate>,
    /// Attempts, latest first.
    pub attempts: Vec<AttemptLine>,
    /// The other campaigns that this person is or was in, latest first.
    pub elsewhere: Vec<ElsewhereLine>,
}

/// The same person in another campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElsewhereLine {
    /// The campaign's name.
    pub campaign: Shown,
    /// Where the message is.
    pub state: MessageState,
    /// Why it failed or was skipped.
    pub reason: Option<Safe>,
    /// Which step, of how many.
    pub step: (u32, u32),
    /// Which variant of its texts.
    pub variant: Option<Safe>,
    /// When the last attempt began.
    pub last_attempt_at: Option<DateTime<Utc>>,
}

/// An attempt that nobody knows the end of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubtRow {
    /// The attempt.
    pub id: AttemptId,
    /// How often the row has been changed.
    pub version: Version,
    /// For whom: a recipient of a campaign, or a thread.
    pub about: Subject,
    /// The campaign's name.
    pub campaign: Shown,
    /// The phone.
    pub phone: Phone,
    /// The person's name.
    pub name: Shown,
    /// The number, by name.
    pub number: Shown,
    /// When the intent was committed.
    pub started_at: DateTime<Utc>,
    /// What is known: `connection closed after the request`.
    pub evidence: Shown,
    /// How often the provider was asked, and what it said last.
    pub asked: (u32, Safe),
}
