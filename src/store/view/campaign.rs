//! Campaigns.

use super::{Gate, HoldView, LogLine};
use crate::domain::action::Version;
use crate::domain::campaign::{Steering, rollout::Rollout};
use crate::domain::ids::CampaignId;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, NaiveDate, Utc};
use std::time::Duration;

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

    /// Whose last message the provider has: accepted, delivered or read.
    #[must_use]
    pub fn reached(&self) -> u64 {
        self.accepted.saturating_add(self.delivered).saturating_add(self.read)
    }

    /// What needs nothing more.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.reached().saturating_add(self.failed).saturating_add(self.skipped)
    }
}

/// How far a campaign is rolled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutLine {
    /// Its stages, in percent.
    pub stages: Vec<u32>,
    /// The open one, from 1.
    pub stage: u32,
    /// People that the percentages are of.
    pub people: u64,
    /// How many of them were let go.
    pub released: u64,
    /// Since when the stage is open; of the first one since the campaign began, if it did.
    pub since: Option<DateTime<Utc>>,
    /// What it waits for, as it was seen last.
    pub why: Safe,
    /// When the next one opens, if only time is missing.
    pub until: Option<DateTime<Utc>>,
    /// It went badly: somebody has to widen it.
    pub held: bool,
    /// So long a stage lasts at least.
    pub wait: Duration,
}

impl RolloutLine {
    fn index(&self) -> usize {
        usize::try_from(self.stage).unwrap_or(1)
    }

    /// Percent of its people that it may send to.
    #[must_use]
    pub fn percent(&self) -> u32 {
        self.stages.get(self.index().saturating_sub(1)).copied().unwrap_or(100)
    }

    /// The stage that opens next, in percent.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        self.stages.get(self.index()).copied()
    }

    /// How many people each later stage lets go.
    #[must_use]
    pub fn later(&self) -> Vec<u64> {
        let target = |percent: u32| Rollout::target(self.people, percent);
        let stages = self.stages.get(self.index().saturating_sub(1)..).unwrap_or_default();
        stages.windows(2).map(|pair| target(pair[1]).saturating_sub(target(pair[0]))).collect()
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
    /// Messages that a provider took, over all steps.
    pub sent: u64,
    /// Attempts on the wire now, all instances.
    pub in_air: u32,
    /// Messages a second over the last ten seconds.
    pub per_second: f64,
    /// When it starts, if that is to come.
    pub starts_at: Option<DateTime<Utc>>,
    /// The campaign that has to be completed before it starts, if it is not yet.
    pub behind: Option<Shown>,
    /// By when everybody who waits got the message that is next for them, as far as one can tell. Later steps are not
    /// reckoned with: that is the forecast's.
    pub done_at: Option<DateTime<Utc>>,
    /// Its place, caps, hours and numbers.
    pub terms: Steering,
    /// Whether its people go by their own clocks: only then can it have hours on them.
    pub zoned: bool,
    /// How far it is rolled out; `None`: to all at once.
    pub rollout: Option<RolloutLine>,
    /// Contacts that were looked at and all of them, while its people are being enrolled; it does not start before that.
    pub enrolling: Option<(u64, u64)>,
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

/// What was charged to a campaign on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLine {
    /// The day, in the organisation's zone.
    pub date: NaiveDate,
    /// Messages: taken by a provider, on the wire, or in doubt.
    pub sent: u64,
}

/// How the variants of a campaign compare.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Variants {
    /// Everybody gets the same.
    #[default]
    None,
    /// There are more people than can be counted while somebody looks: `campaign stats` does.
    Many(Vec<Shown>),
    /// Their figures, and what they mean in sentences.
    Compared(Vec<VariantLine>, Vec<Safe>),
}

/// What became of the people of one variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantLine {
    /// Its name.
    pub name: Shown,
    /// A provider took a message to them.
    pub sent: u64,
    /// They have seen some message.
    pub read: u64,
    /// They wrote back.
    pub replied: u64,
    /// They asked for no more.
    pub opted_out: u64,
    /// That is where they ended.
    pub failed: u64,
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
    /// Messages of its latest days, oldest first.
    pub days: Vec<DayLine>,
    /// Gates in order.
    pub gates: Vec<Gate>,
    /// Its steps.
    pub steps: Vec<StepLine>,
    /// How its variants compare, if it has any.
    pub variants: Variants,
    /// What went wrong most often, the most frequent first.
    pub errors: Vec<ErrorLine>,
    /// What operators and the sender did, latest first.
    pub log: Vec<LogLine>,
}
