//! Sending numbers.

use super::{Gate, HoldView, LogLine};
use crate::domain::action::Version;
use crate::domain::hold::facts::AccountRoom;
use crate::domain::ids::NumberId;
use crate::domain::money::Money;
use crate::domain::number::{Pacing, ProviderKind, Remarks, Setup};
use crate::domain::phone::Phone;
use crate::domain::pulse::Pulse;
use crate::domain::ratio::Ratios;
use crate::domain::text::{Safe, Shown};
use crate::store::today::Slowed;
use chrono::{DateTime, Utc};

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

    /// Whether it sends, or goes on by itself when its rest is over: nobody took it out of service.
    #[must_use]
    pub fn is_in_service(&self) -> bool {
        matches!(self, Self::Active | Self::Limited { .. })
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
    /// What operators note of it.
    pub remarks: Remarks,
    /// How it stands at its provider and here.
    pub setup: Setup,
    /// The account that owns it.
    pub account: Shown,
    /// Which provider it is at.
    pub provider: ProviderKind,
    /// Lower goes first.
    pub priority: i32,
    /// What it may do now.
    pub standing: NumberStanding,
    /// Whether what it sends arrives.
    pub pulse: Pulse,
    /// What it warns of: too many failures, or people who block it.
    pub warns: Option<Safe>,
    /// Why it sends nothing now although it may; `None`: it sends, or has nothing to send.
    pub hold: Option<HoldView>,
    /// Most messages a day.
    pub daily_limit: Option<u32>,
    /// Most messages today: less than that on the first days of its warm-up.
    pub limit_today: Option<u32>,
    /// The day of its warm-up that makes the limit of today.
    pub warm_up: Option<u32>,
    /// What is left of its account's cap over 24 hours, if it has one.
    pub account_room: Option<AccountRoom>,
    /// Charged today.
    pub used_today: u32,
    /// How fast it may send.
    pub pacing: Pacing,
    /// Why it goes slower than that, if it does.
    pub slowed: Option<Slowed>,
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

impl NumberRow {
    /// What was seen, if few of its messages arrive.
    #[must_use]
    pub fn silent(&self) -> Option<&Safe> {
        self.slowed.as_ref().and_then(Slowed::silent)
    }
}

/// What the provider says of a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthView {
    /// `sendable`, `limited`, `not_sendable` or `unclear`; none: it was not asked yet.
    pub state: Option<Safe>,
    /// The code and words of its answer.
    pub words: Safe,
    /// How far the provider approved it: name and verification, in its words.
    pub approval: Option<Safe>,
    /// How people take what the number sends.
    pub quality: Option<Safe>,
    /// How many people it may begin to talk to in 24 hours.
    pub people: Option<u32>,
    /// As many as there are.
    pub unlimited: bool,
    /// When it was asked last.
    pub checked_at: Option<DateTime<Utc>>,
    /// Since when checks find the number well.
    pub well_since: Option<DateTime<Utc>>,
}

/// How a number does by its own past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VitalsView {
    /// Whether what it sends arrives.
    pub pulse: Pulse,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// What was seen, or why nothing can be said.
    pub words: Safe,
    /// Messages of the last 24 hours, and what failed or was blocked.
    pub ratios: Ratios,
    /// It fails more than it should.
    pub failed_on: bool,
    /// It is blocked more than it should be.
    pub blocked_on: bool,
    /// What it costs a month.
    pub cost: Option<Money>,
    /// What became of the last canary, and when it was sent.
    pub canary: Option<(Safe, DateTime<Utc>)>,
    /// Why the one that was wanted since could not be sent.
    pub no_canary: Option<Safe>,
}

impl Default for VitalsView {
    fn default() -> Self {
        Self {
            pulse: Pulse::Unknown,
            since: None,
            words: Safe::default(),
            ratios: Ratios::default(),
            failed_on: false,
            blocked_on: false,
            cost: None,
            canary: None,
            no_canary: None,
        }
    }
}

/// What a test of a number found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberTest {
    /// The provider would take messages.
    pub is_well: bool,
    /// State, code and words: `not sendable, status_qr: qr`.
    pub said: Safe,
    /// How long the answer took, in milliseconds.
    pub took_ms: u32,
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
    /// What its provider says of it.
    pub health: HealthView,
    /// How it does by its own past.
    pub vitals: VitalsView,
    /// Gates in order.
    pub gates: Vec<Gate>,
    /// Due messages that wait for it.
    pub queued: u64,
    /// Accepted a minute, last 30 minutes, oldest first.
    pub per_minute: Vec<u32>,
    /// Suspensions, switches and changes, latest first.
    pub log: Vec<LogLine>,
}
