//! The one picture of everything that fits on a screen, and who is here.

use super::{CampaignRow, NumberRow};
use crate::domain::action::{Subject, Version};
use crate::domain::ids::{AccountId, InstanceId, NumberId, PoolId};
use crate::domain::number::ProviderKind;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Most campaigns and most numbers of one [`Overview`]: those at work first, then the latest.
pub const OVERVIEW_ROWS: usize = 2_000;

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

/// Who is here, on which organisation, with which rights.
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
    /// The sender inside this process; `None` in watch mode. Another one when it failed and was replaced.
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
    /// Pools that a campaign can send through.
    pub pools: Vec<PoolRow>,
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
    /// Threads with something that was not answered; counted up to 10,001.
    pub unread: u64,
    /// When somebody wrote last who was not answered since.
    pub heard_at: Option<DateTime<Utc>>,
    /// Alerts that nobody has taken note of, without those that are only worth knowing; counted up to 10,001.
    pub alerts: u64,
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

/// A pool, as far as a form needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRow {
    /// Its id.
    pub id: PoolId,
    /// What operators call it.
    pub name: Shown,
    /// How often it has been changed.
    pub version: Version,
    /// Its numbers.
    pub members: Vec<NumberId>,
    /// Who may send for it: its numbers, and the organisation's default number, which stands in for them.
    pub numbers: Vec<NumberId>,
}

/// Another operator's console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub operator: Safe,
    /// What they look at, if they look at one thing.
    pub viewing: Option<Subject>,
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
