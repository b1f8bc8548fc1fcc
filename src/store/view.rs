//! What the console reads: plain data, ready to be shown.
//!
//! Every text from outside is [`Safe`] or [`Shown`] here, so that view code cannot meet anything else: no field of this
//! file is a bare string (a test reads the file). Phones carry their own mask. Times are the database's.

use crate::domain::action::Version;
use crate::domain::filter::Filter;
use crate::domain::ids::{AccountId, AttemptId, CampaignId, InstanceId, NumberId, RecipientId};
use crate::domain::number::{Pacing, ProviderKind};
use crate::domain::phone::Phone;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Rows of one page of a list. One more is asked for: it says whether there is a next page.
pub const PAGE_ROWS: usize = 200;
/// Most campaigns and most numbers of one [`Overview`]: those at work first, then the latest.
pub const OVERVIEW_ROWS: usize = 2_000;
/// Counting stops here; what is above is shown as "about".
pub const COUNT_LIMIT: u64 = 10_001;

/// The one reason why something waits now, and when that ends: the words of the function that the sender obeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldView {
    /// Two or three words for a column: `cap reached`, `quiet hours`.
    pub short: Safe,
    /// The whole sentence: `number cap reached: 250 of 250 today`.
    pub sentence: Safe,
    /// When it opens by itself; `None`: when somebody does something.
    pub until: Option<DateTime<Utc>>,
}

/// One gate on the way to the wire, in the order in which the sender looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// What is asked: `number may send`.
    pub name: Safe,
    /// Whether it is open.
    pub open: bool,
    /// Whether this is the one that binds.
    pub binds: bool,
    /// What was found.
    pub found: Safe,
    /// When it opens by itself.
    pub until: Option<DateTime<Utc>>,
}

/// One line of a log of decisions: who, what, when, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: DateTime<Utc>,
    /// The operator, or `sender`.
    pub by: Safe,
    /// What happened, with its reason.
    pub what: Safe,
}

/// Who is here, on which organisation, with which rights. Fixed for the life of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The operator's name.
    pub operator: Safe,
    /// Viewer, manager or admin.
    pub role: Safe,
    /// The organisation's slug.
    pub organisation: Safe,
    /// The word in the header: `PROD`, `TEST`, `DEMO`.
    pub environment: Safe,
    /// Whether that word means real people.
    pub production: bool,
    /// Host or socket of the database, short.
    pub database: Safe,
    /// The organisation's zone: all times on screen are in it.
    pub zone: chrono_tz::Tz,
    /// Whether the role may change anything.
    pub may_write: bool,
    /// The sender inside this process; `None` in watch mode.
    pub instance: Option<InstanceId>,
    /// What goes on when this terminal is lost, as a sentence.
    pub on_terminal_loss: Safe,
}

/// Everything that fits on one screen, read in one go.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The database's clock when it was read.
    pub at: DateTime<Utc>,
    /// How long reading it took.
    pub took: Duration,
    /// All numbers, up to [`OVERVIEW_ROWS`].
    pub numbers: Vec<NumberRow>,
    /// Campaigns at work and the latest others, up to [`OVERVIEW_ROWS`].
    pub campaigns: Vec<CampaignRow>,
    /// How many campaigns there are.
    pub campaigns_total: u64,
    /// Running programs.
    pub instances: Vec<InstanceRow>,
    /// Who holds which number.
    pub leases: Vec<LeaseRow>,
    /// Accounts that a new number can belong to.
    pub accounts: Vec<AccountRow>,
    /// Other operators who are here.
    pub operators: Vec<Presence>,
    /// Set while all sending is stopped.
    pub stop: Option<Stop>,
    /// Messages a second over the last ten seconds, all instances.
    pub per_second: f64,
    /// Due messages that wait.
    pub queued: u64,
    /// Attempts on the wire now, all instances.
    pub in_air: u32,
    /// Attempts that wait for evidence or an operator's word.
    pub in_doubt: u64,
    /// What may still be sent today through numbers with a limit, and the sum of those limits.
    pub capacity: Option<(u64, u64)>,
}

/// An account, as far as a form needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// What operators call it.
    pub name: Shown,
    /// Which provider it is at.
    pub provider: ProviderKind,
}

/// Another operator's console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub operator: Safe,
    /// What they look at, if they look at one thing.
    pub viewing: Option<crate::domain::action::Subject>,
}

/// All sending is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// By whom.
    pub by: Safe,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why.
    pub reason: Safe,
}

/// What a number may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberStanding {
    /// It may send.
    Active,
    /// It rests until a time, by itself.
    Limited {
        /// When it goes on.
        until: DateTime<Utc>,
        /// Why it rests.
        reason: Safe,
    },
    /// Out of service until somebody resumes it, or until a time.
    Suspended {
        /// Why, in the operator's or the provider's words.
        reason: Safe,
        /// Since when.
        since: DateTime<Utc>,
        /// When it ends by itself.
        until: Option<DateTime<Utc>>,
        /// The operator, or `sender`.
        by: Safe,
    },
    /// Switched off by an operator.
    Disabled,
}

impl NumberStanding {
    /// The word that the command line and the database use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Limited { .. } => "limited",
            Self::Suspended { .. } => "suspended",
            Self::Disabled => "disabled",
        }
    }
}

/// One sending number in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberRow {
    /// Its id.
    pub id: NumberId,
    /// How often it has been changed.
    pub version: Version,
    /// Its phone.
    pub phone: Phone,
    /// What operators call it.
    pub name: Shown,
    /// The account that owns it.
    pub account: Shown,
    /// Which provider it is at.
    pub provider: ProviderKind,
    /// Lower goes first.
    pub priority: i32,
    /// What it may do now.
    pub standing: NumberStanding,
    /// Why it sends nothing now although it may; `None`: it sends, or has nothing to send.
    pub hold: Option<HoldView>,
    /// Most messages a day.
    pub daily_limit: Option<u32>,
    /// Charged today.
    pub used_today: u32,
    /// How fast it may send.
    pub pacing: Pacing,
    /// Accepted in the last minute.
    pub last_minute: u32,
    /// Attempts of the last five minutes: refused or not sent, of all.
    pub errors: (u32, u32),
    /// The last error's code or words, short.
    pub last_error: Option<Safe>,
    /// Attempts on the wire now.
    pub in_air: u32,
    /// The host that sends through it.
    pub holder: Option<Safe>,
}

/// Everything about one number.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberDetail {
    /// The number.
    pub id: NumberId,
    /// The operators' notes.
    pub notes: Shown,
    /// Pools that it is in.
    pub pools: Vec<Shown>,
    /// Gates in order.
    pub gates: Vec<Gate>,
    /// Due messages that wait for it.
    pub queued: u64,
    /// Accepted a minute, last 30 minutes, oldest first.
    pub per_minute: Vec<u32>,
    /// Suspensions, switches and changes, latest first.
    pub log: Vec<LogLine>,
}

/// The life of a campaign (`design.md`, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CampaignStanding {
    /// Not to start by itself.
    Draft,
    /// Starts at a time.
    Scheduled,
    /// Runs.
    Active,
    /// Stands still.
    Paused,
    /// Done.
    Completed,
    /// Ended by an operator.
    Cancelled,
}

impl CampaignStanding {
    /// The word that the command line and the database use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Recipients by the furthest state they reached; the states are disjoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Enrolled.
    pub planned: u64,
    /// Waiting.
    pub queued: u64,
    /// On the wire.
    pub sending: u64,
    /// Taken by the provider.
    pub accepted: u64,
    /// On the phone.
    pub delivered: u64,
    /// Seen.
    pub read: u64,
    /// Refused for good.
    pub failed: u64,
    /// Nobody knows.
    pub in_doubt: u64,
    /// Left out, with a reason.
    pub skipped: u64,
}

impl Counts {
    /// The sum of all states; equals `planned`, always.
    #[must_use]
    pub fn sum(&self) -> u64 {
        [
            self.queued,
            self.sending,
            self.accepted,
            self.delivered,
            self.read,
            self.failed,
            self.in_doubt,
            self.skipped,
        ]
        .iter()
        .fold(0_u64, |sum, part| sum.saturating_add(*part))
    }

    /// Whether nobody is lost.
    #[must_use]
    pub fn hold(&self) -> bool {
        self.sum() == self.planned
    }

    /// What the provider has: accepted, delivered or read.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.accepted.saturating_add(self.delivered).saturating_add(self.read)
    }

    /// What needs nothing more.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.sent().saturating_add(self.failed).saturating_add(self.skipped)
    }
}

/// One campaign in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignRow {
    /// Its id.
    pub id: CampaignId,
    /// How often it has been changed.
    pub version: Version,
    /// Its name.
    pub name: Shown,
    /// Where in its life it is.
    pub standing: CampaignStanding,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who brought it there.
    pub by: Safe,
    /// Why it sends nothing now although it runs.
    pub hold: Option<HoldView>,
    /// Recipients by state.
    pub counts: Counts,
    /// Attempts on the wire now, all instances.
    pub in_air: u32,
    /// Messages a second over the last ten seconds.
    pub per_second: f64,
    /// When it starts, if that is to come.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it will be done, as far as one can tell.
    pub done_at: Option<DateTime<Utc>>,
    /// Lower goes first.
    pub priority: i32,
}

/// One step of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLine {
    /// 1 is the first.
    pub position: u32,
    /// How long after the previous one.
    pub after: Duration,
    /// Its text or template, short.
    pub what: Shown,
    /// Recipients who wait for it.
    pub waiting: u64,
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorLine {
    /// The provider's code, or ours.
    pub code: Safe,
    /// What it means, in the provider's words.
    pub words: Safe,
    /// How many.
    pub count: u64,
}

/// Everything about one campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignDetail {
    /// The campaign.
    pub id: CampaignId,
    /// The pool's name.
    pub pool: Shown,
    /// Numbers that may send for it, by name.
    pub numbers: Vec<Shown>,
    /// Its daily limit, and what was sent today.
    pub today: (u64, Option<u32>),
    /// Gates in order.
    pub gates: Vec<Gate>,
    /// Its steps.
    pub steps: Vec<StepLine>,
    /// What went wrong most often, the most frequent first.
    pub errors: Vec<ErrorLine>,
    /// What operators and the sender did, latest first.
    pub log: Vec<LogLine>,
}

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
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// Why it waits.
    pub hold: Option<HoldView>,
    /// Gates in order.
    pub gates: Vec<Gate>,
    /// Attempts, latest first.
    pub attempts: Vec<AttemptLine>,
}

/// An attempt that nobody knows the end of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubtRow {
    /// The attempt.
    pub id: AttemptId,
    /// How often the row has been changed.
    pub version: Version,
    /// For whom.
    pub recipient: RecipientId,
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

/// One running program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Its id.
    pub id: InstanceId,
    /// Host and process.
    pub host: Safe,
    /// Who started it.
    pub operator: Safe,
    /// Its version.
    pub version: Safe,
    /// Since when it runs.
    pub started_at: DateTime<Utc>,
    /// Its last sign of life.
    pub seen_at: DateTime<Utc>,
    /// Whether it sends at all (a watching console does not).
    pub sends: bool,
    /// Attempts on the wire now.
    pub in_air: u32,
    /// What it does now: `sending`, `draining`, `waiting`.
    pub phase: Safe,
}

/// Who may send through a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// The number.
    pub number: NumberId,
    /// The instance.
    pub instance: InstanceId,
    /// How often the lease changed hands.
    pub epoch: i64,
    /// Renewed last.
    pub renewed_at: DateTime<Utc>,
    /// Ends unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

/// In which order recipients are listed. Each has an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RecipientOrder {
    /// What was tried last comes first; behind it what was never tried, as enrolled. (An index on the time of the last
    /// change would cost every message more than its row in the ledger does.)
    #[default]
    Updated,
    /// As they were enrolled.
    Enrolled,
}

/// A place in an ordered list: the row that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When that row changed last, as of the page.
    pub at: DateTime<Utc>,
    /// That row's id.
    pub id: uuid::Uuid,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first.
    Start,
    /// The last.
    End,
    /// The one behind this row.
    After(Cursor),
    /// The one before this row.
    Before(Cursor),
    /// The one with the next row behind this one whose message failed, and that row first.
    NextFailed(Cursor),
    /// The one with the last row before this one whose message failed, and that row last.
    PreviousFailed(Cursor),
}

/// Which recipients, in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientQuery {
    /// Of this campaign; `None`: of all.
    pub campaign: Option<CampaignId>,
    /// Only these.
    pub filter: Filter,
    /// In this order.
    pub order: RecipientOrder,
}

/// One page, in the order of the list whatever the direction it was read in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Up to [`PAGE_ROWS`] rows.
    pub rows: Vec<T>,
    /// Whether there are rows before the first.
    pub more_before: bool,
    /// Whether there are rows behind the last.
    pub more_after: bool,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), more_before: false, more_after: false }
    }
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Counted.
    Exactly(u64),
    /// More than [`COUNT_LIMIT`] − 1; the planner's guess, if it has one.
    About(Option<u64>),
}

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
