//! What comes in and what goes out: the whole of the console's traffic.

use crate::domain::action::{Order, Subject};
use crate::domain::campaign::CampaignSpec;
use crate::domain::forecast::WhatIf;
use crate::domain::ids::{CampaignId, ChannelId, ConversationId, NumberId, RecipientId};
use crate::domain::setting::Settings;
use crate::domain::text::Safe;
use crate::store::view::{
    AlertRow, AudienceCount, AuditDetail, AuditRow, CampaignDetail, ChannelRow, Cursor, DoubtRow, FileCheck,
    FindingRow, Forecasts, HandoverView, Known, LiveEvent, Load, NumberDetail, NumberTest, Overview, Page,
    Place, PoolView, ProgressView, QueueLine, RecipientDetail, RecipientQuery, RecipientRow, Session,
    SlotHolder, SlotResetView, SlotsView, ThreadDetail, ThreadQuery, ThreadRow, Total,
};
use crate::tui::backend::{ActionAnswer, BackendError, FileTold, FileWork, Inside, Making, Notice};
use crate::tui::overlays::wizard::Origin;
use crate::tui::terminal::signals::StopSignal;
use chrono::{DateTime, Utc};
use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Now, on both clocks. The console reads the time in one place and passes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// For lengths of time.
    pub mono: Instant,
    /// For times on screen.
    pub wall: DateTime<Utc>,
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key.
    Key(KeyEvent),
    /// Pasted text.
    Paste(String),
    /// The wheel, or a click.
    Mouse(MouseEvent),
    /// The terminal has another size.
    Resize(Size),
    /// A time that the model asked for has come.
    Tick,
    /// A picture of everything, or why there is none.
    Overview(Result<Arc<Overview>, BackendError>),
    /// An answer to a question.
    Answer {
        /// Which one.
        slot: Slot,
        /// Its number.
        request: u64,
        /// How long it took.
        took: Duration,
        /// The answer.
        answer: Result<Reading, BackendError>,
    },
    /// What became of orders.
    Acted {
        /// Which ones.
        act: u64,
        /// Each with its answer.
        answers: Vec<(Order, ActionAnswer)>,
    },
    /// A reveal was recorded, or not.
    Revealed {
        /// Whose phone.
        subject: Subject,
        /// Whether it goes to the clipboard rather than on the screen.
        copy: Option<Safe>,
        /// The answer.
        answer: Result<(), BackendError>,
    },
    /// What a test of a number found.
    Tested {
        /// Which one, as operators call it.
        name: Safe,
        /// The answer.
        answer: Result<NumberTest, BackendError>,
    },
    /// What came of a test of a channel for alerts.
    ChannelTested {
        /// Which one, as operators call it.
        name: Safe,
        /// The answer.
        answer: Result<(), BackendError>,
    },
    /// What became of a campaign that was to be made of this file.
    Made {
        /// The file.
        source: String,
        /// The answer.
        answer: Result<Making, BackendError>,
    },
    /// A campaign file that is to be read into the form.
    Opened {
        /// Where it comes from.
        origin: Origin,
        /// What stands in it.
        answer: Result<String, BackendError>,
    },
    /// What became of a file that was to be written.
    Written {
        /// What stands in it.
        source: String,
        /// Where it is.
        answer: Result<Safe, BackendError>,
    },
    /// What became of a file of numbers.
    NumberFile {
        /// Whose answer it is.
        request: u64,
        /// The answer.
        answer: Result<FileTold, BackendError>,
    },
    /// Attempts as they happened, and how many were lost before them.
    Live(Vec<Arc<LiveEvent>>, u64),
    /// Somebody else changed something.
    Notice(Notice),
    /// The organisation's zone or our rights are others now.
    Session(Box<Session>),
    /// The sender inside this process failed, or is another one now.
    Inside(Inside),
    /// Notices were lost: everything visible is to be read again.
    NoticesLost,
    /// A task elsewhere in the program panicked.
    Alarm(Safe),
    /// An effect could not be handed over.
    Busy(Effect),
    /// The clipboard's bytes were written, or the text was too long.
    Copied(bool),
    /// The program goes on after a stop, or could not be stopped.
    Continued(Result<(), Safe>),
    /// Job control asks us to stop for a while.
    Suspend,
    /// Somebody woke us; the terminal may have been changed meanwhile.
    Woken,
    /// A signal asks us to end.
    Stop(StopSignal),
    /// The terminal is gone.
    TerminalLost,
}

/// Where an answer belongs. A newer question to a slot makes the answer to an older one worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Pages of recipients.
    Recipients,
    /// Present values of recipients on screen.
    RecipientRows,
    /// The total.
    Count,
    /// Rows above the first.
    Newer,
    /// Pages of doubts.
    Doubts,
    /// Pages of threads.
    Threads,
    /// Present values of threads on screen.
    ThreadRows,
    /// The drawer or side panel.
    Detail,
    /// A forecast.
    Forecast,
    /// What is worth knowing of a campaign.
    Findings,
    /// The same, of one that is about to start.
    Risks,
    /// What a campaign file can be wrong about.
    Known,
    /// What is wrong with one.
    Check,
    /// How many people one would have.
    Estimate,
    /// Who has which number.
    Slots,
    /// Who has one of them.
    SlotHolders,
    /// What taking all of them back would do.
    SlotReset,
    /// How far a campaign is.
    Progress,
    /// What waits behind what.
    Queue,
    /// What operators were told.
    Alerts,
    /// Where alerts go besides the console.
    Channels,
    /// Pages of what was decided.
    Audit,
    /// What is set of the organisation.
    Settings,
    /// The pools.
    Pools,
    /// One decision.
    AuditEntry,
    /// A report that reads itself again.
    Handover,
    /// What would move to another number.
    Load,
}

/// Which report a panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The note for the next shift.
    Shift,
    /// How the numbers did.
    Numbers,
}

/// A load that is to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The number whose load goes.
    pub from: NumberId,
    /// The number that takes it.
    pub to: NumberId,
    /// Whether open threads go too.
    pub threads: bool,
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// A page of recipients.
    Recipients(RecipientQuery, Place),
    /// Present values.
    RecipientRows(Vec<RecipientId>),
    /// The total.
    Count(RecipientQuery),
    /// Rows above this one.
    Newer(RecipientQuery, Cursor),
    /// A page of doubts.
    Doubts(Place),
    /// A page of threads.
    Threads(ThreadQuery, Place),
    /// Present values of these.
    ThreadRows(Vec<ConversationId>),
    /// Everything about one thing.
    Detail(Subject),
    /// When a campaign will be done; and when it would be, if something is asked.
    Forecast(CampaignId, WhatIf),
    /// What is worth knowing of a campaign.
    Findings(CampaignId),
    /// The same, of one that is about to start.
    Risks(CampaignId),
    /// What the organisation knows that a campaign file can be wrong about.
    Known,
    /// What is wrong with a file, by all that is known; with a name it is to change that campaign. For how many people, if that
    /// bears on it.
    Check(String, Option<Safe>, Option<u64>),
    /// How many people this would be for.
    Estimate(Arc<CampaignSpec>),
    /// Who has which number: of a campaign, or of the organisation.
    Slots(Option<CampaignId>),
    /// Who has this one.
    SlotHolders(Option<CampaignId>, u16),
    /// What taking all of them back would do.
    SlotReset(Option<CampaignId>),
    /// How far a campaign is, and who of it gets nothing.
    Progress(CampaignId),
    /// What waits behind what.
    Queue,
    /// What operators were told.
    Alerts,
    /// What is set of the organisation.
    Settings,
    /// Where alerts go besides the console.
    Channels,
    /// The pools and their numbers.
    Pools,
    /// A page of what was decided, with these words in it.
    Audit(Safe, Place),
    /// All of one decision.
    AuditEntry(uuid::Uuid),
    /// A report.
    Handover(Report),
    /// How much would move.
    Load(Move),
}

impl Question {
    /// Where its answer belongs.
    pub fn slot(&self) -> Slot {
        match self {
            Self::Recipients(..) => Slot::Recipients,
            Self::RecipientRows(_) => Slot::RecipientRows,
            Self::Count(_) => Slot::Count,
            Self::Newer(..) => Slot::Newer,
            Self::Doubts(_) => Slot::Doubts,
            Self::Threads(..) => Slot::Threads,
            Self::ThreadRows(_) => Slot::ThreadRows,
            Self::Detail(_) => Slot::Detail,
            Self::Forecast(..) => Slot::Forecast,
            Self::Findings(_) => Slot::Findings,
            Self::Risks(_) => Slot::Risks,
            Self::Known => Slot::Known,
            Self::Check(..) => Slot::Check,
            Self::Estimate(_) => Slot::Estimate,
            Self::Slots(_) => Slot::Slots,
            Self::SlotHolders(..) => Slot::SlotHolders,
            Self::SlotReset(_) => Slot::SlotReset,
            Self::Progress(_) => Slot::Progress,
            Self::Queue => Slot::Queue,
            Self::Alerts => Slot::Alerts,
            Self::Settings => Slot::Settings,
            Self::Channels => Slot::Channels,
            Self::Pools => Slot::Pools,
            Self::Audit(..) => Slot::Audit,
            Self::AuditEntry(_) => Slot::AuditEntry,
            Self::Handover(_) => Slot::Handover,
            Self::Load(_) => Slot::Load,
        }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A page of recipients.
    Recipients(Page<RecipientRow>),
    /// Present values of these.
    RecipientRows(Vec<RecipientId>, Vec<RecipientRow>),
    /// The total.
    Count(Total),
    /// How many stand above.
    Newer(u64),
    /// A page of doubts.
    Doubts(Page<DoubtRow>),
    /// A page of threads.
    Threads(Page<ThreadRow>),
    /// Present values of these.
    ThreadRows(Vec<ConversationId>, Vec<ThreadRow>),
    /// Everything about one thing.
    Detail(Detail),
    /// When a campaign will be done.
    Forecast(Arc<Forecasts>),
    /// What is worth knowing of a campaign.
    Findings(Arc<Vec<FindingRow>>),
    /// What a campaign file can be wrong about.
    Known(Arc<Known>),
    /// What is wrong with one.
    Check(FileCheck),
    /// How many people one would have.
    Estimate(Arc<AudienceCount>),
    /// Who has which number.
    Slots(Arc<SlotsView>),
    /// Who has one of them.
    SlotHolders(Arc<Vec<SlotHolder>>),
    /// What taking all of them back would do.
    SlotReset(SlotResetView),
    /// How far a campaign is, and who of it gets nothing.
    Progress(Arc<ProgressView>),
    /// What waits behind what.
    Queue(Arc<Vec<QueueLine>>),
    /// What operators were told.
    Alerts(Arc<Vec<AlertRow>>),
    /// What is set of the organisation.
    Settings(Arc<Settings>),
    /// Where alerts go besides the console.
    Channels(Arc<Vec<ChannelRow>>),
    /// The pools and their numbers.
    Pools(Arc<Vec<PoolView>>),
    /// A page of what was decided.
    Audit(Page<AuditRow>),
    /// All of one decision.
    AuditEntry(Arc<AuditDetail>),
    /// A report.
    Handover(Arc<HandoverView>),
    /// How much would move.
    Load(Move, Load),
}

/// Everything about one thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// A number.
    Number(Box<NumberDetail>),
    /// A campaign.
    Campaign(Box<CampaignDetail>),
    /// A recipient.
    Recipient(Box<RecipientDetail>),
    /// A thread.
    Thread(Box<ThreadDetail>),
}

/// Why an order may be carried out although it starts something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It starts nothing.
    NotNeeded,
    /// The operator answered the question.
    Confirmed,
    /// The operator takes back what was done a moment ago.
    Undo,
}

/// Something to be done outside the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask.
    Ask {
        /// The question's number.
        request: u64,
        /// The question.
        question: Question,
    },
    /// Carry out orders, one after the other.
    Act {
        /// Their number.
        act: u64,
        /// The orders.
        orders: Vec<Order>,
        /// Why that is allowed.
        consent: Consent,
    },
    /// Record that a phone is shown or copied in full.
    Reveal {
        /// Whose.
        subject: Subject,
        /// Whether it goes to the clipboard.
        copy: Option<Safe>,
    },
    /// Test a number.
    Test {
        /// Which one.
        number: NumberId,
        /// As operators call it.
        name: Safe,
    },
    /// Send a test to a channel for alerts.
    TestChannel {
        /// Which one.
        channel: ChannelId,
        /// As operators call it.
        name: Safe,
    },
    /// Make a campaign of a file.
    Make {
        /// The file.
        source: String,
        /// The campaign that it is like: where that one sends through a single number, so does this.
        like: Option<CampaignId>,
    },
    /// Put the steps of this file in the place of a campaign's.
    Change {
        /// Which one.
        campaign: CampaignId,
        /// Its name.
        name: Safe,
        /// The file.
        source: String,
    },
    /// Read a campaign file into the form.
    Open(Origin),
    /// Write a file that does not exist yet.
    Write {
        /// Its name.
        name: String,
        /// What is to stand in it.
        source: String,
    },
    /// Do something with a file of numbers.
    NumberFile {
        /// By which its answer is known.
        request: u64,
        /// What.
        work: FileWork,
    },
    /// Nobody waits for an estimate any more.
    ForgetEstimate,
    /// Read the overview now.
    Refresh,
    /// Put text into the terminal's clipboard.
    Copy(Safe),
    /// Have the terminal report wheel and clicks, or no longer.
    Mouse(bool),
    /// Paint everything anew.
    Redraw,
    /// Stop this process for a while.
    SuspendProcess,
    /// Take the terminal again, as if for the first time.
    Retake,
}
