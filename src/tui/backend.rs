//! Everything that the console asks of the outside. The console knows this trait and nothing behind it.

use crate::domain::action::{Order, Subject, Version};
use crate::domain::campaign::CampaignSpec;
use crate::domain::forecast::WhatIf;
use crate::domain::ids::{CampaignId, ChannelId, ConversationId, InstanceId, NumberId, RecipientId};
use crate::domain::setting::Settings;
use crate::domain::text::Safe;
use crate::store::number_batch::NumbersImported;
use crate::store::view::{
    AlertRow, AudienceCount, AuditDetail, AuditRow, CampaignDetail, CampaignMade, ChannelRow, Cursor,
    DoubtRow, FileCheck, FindingRow, Forecasts, HandoverView, Known, LiveEvent, Load, NumberDetail,
    NumberTest, Overview, Page, Place, PoolView, ProgressView, QueueLine, RecipientDetail, RecipientQuery,
    RecipientRow, Session, SlotHolder, SlotResetView, SlotsView, ThreadDetail, ThreadQuery, ThreadRow, Total,
};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::sync::{broadcast, oneshot, watch};

/// An answer under way. It owns what it needs, so that it can run in a task of its own and always to its end: a query
/// that is dropped half-way can leave a connection inside a transaction (`reference/reliability.md`, section 7).
pub type Reply<T> = BoxFuture<'static, Result<T, BackendError>>;

/// Length of the channel of live events; an operator who looks away loses the oldest, and the screen says how many.
pub const LIVE_CHANNEL: usize = 4_096;

/// Why there is no answer. Each reads as a sentence of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The database cannot be reached.
    #[error("the database cannot be reached: {0}")]
    Away(Safe),
    /// It took too long and was ended.
    #[error("the database took too long; narrow the filter or try again")]
    Slow,
    /// A rule forbids it.
    #[error("{0}")]
    Refused(Safe),
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionAnswer {
    /// Committed.
    Done {
        /// The row's version now; `None` where no row has one.
        version: Option<Version>,
        /// The order that brings back the former state, if there is one.
        undo: Option<Box<Order>>,
    },
    /// Somebody was first and wanted the same.
    AlreadySo {
        /// Who.
        by: Safe,
        /// When.
        at: DateTime<Utc>,
    },
    /// The row has moved on meanwhile; nothing was done.
    Changed {
        /// What it is now.
        to: Safe,
        /// Who changed it.
        by: Safe,
        /// When.
        at: DateTime<Utc>,
    },
    /// A rule forbids it; the sentence says which.
    Refused(Safe),
    /// It could not be tried, or nobody knows whether it was done; the sentence says what to do.
    Failed(Safe),
}

/// What became of a campaign that was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Making {
    /// It was made.
    Made(CampaignMade),
    /// It was changed: its name, and what of the file changes nothing.
    Changed(Safe, Vec<Safe>),
    /// Nothing was done: this is wrong with the file, by place.
    Wrong(Vec<(Safe, Safe)>),
}

/// What is to be done with a file of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileWork {
    /// Look what the file of this name would change; nothing is written.
    Check(String),
    /// Import what was looked at.
    Import(Arc<str>),
    /// Write all numbers to a file of this name, never over one that exists.
    Export(String),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileTold {
    /// It can be imported.
    Checked {
        /// What stands in it.
        source: Arc<str>,
        /// How many lines that is.
        lines: usize,
        /// How many of them are numbers that are not there yet.
        new: usize,
        /// Pools that it names and that are not there yet.
        new_pools: Vec<Safe>,
    },
    /// It was imported.
    Imported(NumbersImported),
    /// It is wrong, and nothing was imported.
    Wrong {
        /// The first refusals, with line and column.
        faults: Vec<Safe>,
        /// How many there are.
        all: usize,
    },
    /// So many numbers stand in this file.
    Exported(usize, Safe),
}

/// Somebody else changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: another operator, or `sender`.
    pub by: Safe,
    /// What changed, as `spring-vip paused`.
    pub what: Safe,
    /// About which row.
    pub subject: Subject,
    /// Its version now.
    pub version: Option<Version>,
    /// Whether an operator should look: a number suspended, a campaign stopped by itself.
    pub alarming: bool,
}

/// The sender inside this process, as whoever supervises it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    /// There is none: this console only watches.
    Nobody,
    /// This one.
    Sends(InstanceId),
    /// A part of it failed: it finishes what is on the wire, and another one takes its place.
    Failed(InstanceId, Safe),
    /// It is gone, and no other one could be started yet.
    Missing(Safe),
}

impl Inside {
    /// The instance on record that this process is now.
    #[must_use]
    pub fn instance(&self) -> Option<InstanceId> {
        match self {
            Self::Sends(instance) | Self::Failed(instance, _) => Some(*instance),
            Self::Nobody | Self::Missing(_) => None,
        }
    }
}

/// Everything that the console asks of the outside.
///
/// Calls return at once; what they return does the work. Reads go through a pool of their own with a statement time
/// limit of two seconds, so that browsing never costs the sender a connection.
pub trait Backend: Send + Sync + 'static {
    /// Who is here, on which organisation, with which rights.
    fn session(&self) -> Session;

    /// The same whenever it is another one: the organisation's zone was changed, or our rights.
    fn sessions(&self) -> watch::Receiver<Session>;

    /// One picture of everything that fits on a screen. Called about once a second.
    fn overview(&self) -> Reply<Overview>;

    /// One page of recipients.
    fn recipients(&self, query: RecipientQuery, place: Place) -> Reply<Page<RecipientRow>>;

    /// The present values of these rows, for the ones on screen. Rows that are gone are missing in the answer.
    fn recipient_rows(&self, ids: Vec<RecipientId>) -> Reply<Vec<RecipientRow>>;

    /// How many recipients there are, counted up to [`crate::store::view::COUNT_LIMIT`].
    fn count_recipients(&self, query: RecipientQuery) -> Reply<Total>;

    /// How many rows would now stand above this one, counted up to 1,000.
    fn newer_recipients(&self, query: RecipientQuery, above: Cursor) -> Reply<u64>;

    /// One page of attempts in doubt, oldest first.
    fn doubts(&self, place: Place) -> Reply<Page<DoubtRow>>;

    /// One page of threads, newest first.
    fn threads(&self, query: ThreadQuery, place: Place) -> Reply<Page<ThreadRow>>;

    /// The present values of these threads. Those that are gone are missing in the answer.
    fn thread_rows(&self, ids: Vec<ConversationId>) -> Reply<Vec<ThreadRow>>;

    /// Everything about one thread.
    fn thread(&self, id: ConversationId) -> Reply<ThreadDetail>;

    /// Everything about one number.
    fn number(&self, id: NumberId) -> Reply<NumberDetail>;

    /// Has a sender ask the provider how a number is, and answers what it found. Takes seconds.
    fn test_number(&self, id: NumberId) -> Reply<NumberTest>;

    /// Everything about one campaign.
    fn campaign(&self, id: CampaignId) -> Reply<CampaignDetail>;

    /// When a campaign will be done, day by day; and when it would be, if something is asked.
    fn forecast(&self, id: CampaignId, what_if: WhatIf) -> Reply<Forecasts>;

    /// What is worth knowing of a campaign: to be fixed, or accepted one by one.
    fn findings(&self, id: CampaignId) -> Reply<Vec<FindingRow>>;

    /// What the organisation knows that a campaign file can be wrong about.
    fn known_to_files(&self) -> Reply<Known>;

    /// What is wrong with a campaign file, and what is worth knowing of it. With a name it is to change that campaign; with how
    /// many people it would be for, also why it would be refused to make it.
    fn check_file(&self, source: String, edited: Option<Safe>, people: Option<u64>) -> Reply<FileCheck>;

    /// How many people a campaign would be for. Whoever asks again has the former answer given up: the database stops
    /// counting what nobody wants to know. Where counting takes long, `early` is told before what it is at about; else it
    /// is dropped.
    fn estimate(
        &self,
        spec: Arc<CampaignSpec>,
        early: oneshot::Sender<AudienceCount>,
    ) -> Reply<AudienceCount>;

    /// Nobody waits for an estimate any more.
    fn forget_estimate(&self);

    /// Makes the campaign of a file, as the command does; one that is like another goes through that one's only number, as
    /// with `campaign clone`.
    fn make_campaign(&self, source: String, like: Option<CampaignId>) -> Reply<Making>;

    /// Puts the steps of a file in the place of a campaign's, as the command does.
    fn change_campaign(&self, campaign: CampaignId, name: Safe, source: String) -> Reply<Making>;

    /// What stands in a campaign file of this machine.
    fn read_file(&self, name: String) -> Reply<String>;

    /// The file that a campaign was made of.
    fn campaign_file(&self, campaign: CampaignId) -> Reply<String>;

    /// Writes a new file; never over one that exists. Answers where it is.
    fn write_file(&self, name: String, source: String) -> Reply<Safe>;

    /// Looks at a file of numbers, imports it or writes one, as the command does.
    fn number_file(&self, work: FileWork) -> Reply<FileTold>;

    /// How far a campaign is beside what was foretold, and who of it gets nothing.
    fn progress(&self, campaign: CampaignId) -> Reply<ProgressView>;

    /// Which campaign waits for which other one.
    fn queue(&self) -> Reply<Vec<QueueLine>>;

    /// What operators were told, the worst of what is open first.
    fn alerts(&self) -> Reply<Vec<AlertRow>>;

    /// What is set of the organisation.
    fn settings(&self) -> Reply<Settings>;

    /// Where alerts go besides the console, and whether they get through.
    fn channels(&self) -> Reply<Vec<ChannelRow>>;

    /// Sends a test to one of these places, and answers why it did not get through. Takes seconds.
    fn test_channel(&self, id: ChannelId) -> Reply<()>;
    /// All pools with their numbers.
    fn pools(&self) -> Reply<Vec<PoolView>>;

    /// One page of what operators and senders decided, the latest first: what has all words of this text.
    fn audit(&self, text: Safe, place: Place) -> Reply<Page<AuditRow>>;

    /// All that is known of one of these decisions.
    fn audit_entry(&self, id: uuid::Uuid) -> Reply<AuditDetail>;

    /// The note for the next shift.
    fn handover(&self) -> Reply<HandoverView>;

    /// How the numbers did, and what that suggests for their order.
    fn number_report(&self) -> Reply<HandoverView>;

    /// What would move from one number to another.
    fn load_of_number(&self, from: NumberId, to: NumberId) -> Reply<Load>;

    /// Who has which number: of a campaign that has slots of its own, else of the organisation.
    fn slots(&self, campaign: Option<CampaignId>) -> Reply<SlotsView>;

    /// Who has one of them.
    fn slot_holders(&self, campaign: Option<CampaignId>, slot: u16) -> Reply<Vec<SlotHolder>>;

    /// What taking all of them back would do.
    fn slot_reset(&self, campaign: Option<CampaignId>) -> Reply<SlotResetView>;

    /// Everything about one recipient.
    fn recipient(&self, id: RecipientId) -> Reply<RecipientDetail>;

    /// Carries out an order. Runs to its end even when the console is gone.
    fn act(&self, order: Order) -> BoxFuture<'static, ActionAnswer>;

    /// Records that the operator was shown a phone number in full. Only then is it shown.
    fn record_reveal(&self, subject: Subject) -> Reply<()>;

    /// Attempts as they happen, on every instance of the database.
    fn live(&self) -> broadcast::Receiver<Arc<LiveEvent>>;

    /// The sender inside this process, now and whenever it is another one.
    fn inside(&self) -> watch::Receiver<Inside>;

    /// Changes made by others. After a lag the console reloads what it shows.
    fn notices(&self) -> broadcast::Receiver<Notice>;
}
