//! The forecast: how much goes out on which day, through which number, for which campaign, and when it is done. Pure,
//! over counts and never over rows: ten million recipients cost as much as ten.
//!
//! It walks through the days as the sender would: who serves a campaign is asked of [`selection::participants`], and how
//! campaigns divide a number of [`sharing::share`], the functions that the plan asks. A day is cut into phases, within
//! which nobody's standing changes; within a phase messages flow evenly. A rollout is foretold as if all went well.
//!
//! People stay with their number where their pool is sticky, and a pool that splits by weight splits; where the claims are many
//! and small, a message more or less may go through another number than foretold.
//!
//! What it is too late for it cuts off, and counts. A retry it takes to be too late as long after its own due time as any
//! message is. What it cannot know it leaves out: refusals and retries, people who ask not to be written to, and numbers that get
//! suspended. People whom a later stage lets go it puts on the clocks in equal parts. `tests/reality` plays random organisations
//! through the sender's own claims, and compares.

mod walk;
mod what_if;

pub use what_if::WhatIf;

use super::campaign::Failover;
use super::ids::{CampaignId, NumberId};
use super::number::Pacing;
use super::selection::Strategy;
use super::window::Calendar;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Days that a forecast looks ahead at most: ten years. Farther away nobody believes it.
pub const FARTHEST_DAYS: u32 = 3_650;

/// Everything the forecast needs, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The organisation's zone: its days are the days of every limit.
    pub zone: Tz,
    /// From when on.
    pub now: DateTime<Utc>,
    /// The organisation's daily limit.
    pub cap: Cap,
    /// All numbers, in the order of their priority.
    pub numbers: Vec<Number>,
    /// All pools.
    pub pools: Vec<Pool>,
    /// The campaigns that send, and those that will start by themselves.
    pub campaigns: Vec<Campaign>,
    /// Place of the number that stands in where a pool has none in service.
    pub default: Option<usize>,
    /// Accounts whose numbers together may begin to talk to so many people in any 24 hours.
    pub accounts: Vec<Account>,
    /// Whether standing campaigns send while others run; else they yield.
    pub simultaneous: bool,
}

/// A cap over a moving window, shared by the numbers of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Most people within [`Account::WINDOW`].
    pub limit: u32,
    /// Whom it reached before the forecast begins: when they count no more, and how many.
    pub reached: Vec<(DateTime<Utc>, u32)>,
}

impl World {
    /// Whether a number belongs to a campaign's pool, and may send for it: people who are bound to any other are let go.
    fn is_member(&self, campaign: &Campaign, number: usize) -> bool {
        let in_pool = self.pools.get(campaign.pool).is_some_and(|pool| pool.numbers.contains(&number));
        in_pool && self.numbers.get(number).is_some_and(|number| campaign.may_use(number.id))
    }
}

impl Account {
    /// How long somebody counts: a minute longer than the provider says (`reach_window`, migration 0080).
    pub const WINDOW: TimeDelta = TimeDelta::seconds(24 * 60 * 60 + 60);
}

/// A daily limit and what is used of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cap {
    /// Most messages on one day of the organisation's zone; `None`: no limit.
    pub limit: Option<u32>,
    /// Charged on the first day of the forecast before it begins.
    pub used_today: u32,
}

impl Cap {
    /// What is left on a day: the first, of which some is used, or a later one.
    fn left(self, first: bool) -> u64 {
        let used = if first { self.used_today } else { 0 };
        self.limit.map_or(u64::MAX, |limit| u64::from(limit.saturating_sub(used)))
    }
}

impl Number {
    /// Its limit on a day of the forecast, from zero.
    #[must_use]
    pub fn cap_on(&self, day: usize) -> Cap {
        let limit = match (self.cap.limit, self.warm_up.get(day).copied()) {
            (Some(limit), Some(rung)) => Some(limit.min(rung)),
            (limit, rung) => limit.or(rung),
        };
        Cap { limit, ..self.cap }
    }
}

/// When something may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// At once.
    Now,
    /// From a time on.
    At(DateTime<Utc>),
    /// Not by itself: somebody has to act.
    Never,
}

impl Opens {
    fn by(self, at: DateTime<Utc>) -> bool {
        match self {
            Self::Now => true,
            Self::At(opens) => opens <= at,
            Self::Never => false,
        }
    }

    fn later_than(self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::At(opens) if opens > at => Some(opens),
            _ => None,
        }
    }
}

/// One sending number.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Which one.
    pub id: NumberId,
    /// Lower goes first.
    pub priority: i32,
    /// Its daily limit.
    pub cap: Cap,
    /// What its warm-up allows on the first day of the forecast, on the second, and so on; afterwards its limit holds alone.
    pub warm_up: Vec<u32>,
    /// Its spacing and rate.
    pub pacing: Pacing,
    /// When its next slot opens; `None`: now.
    pub next_slot: Option<DateTime<Utc>>,
    /// When it sent last; `None`: never.
    pub last_sent: Option<DateTime<Utc>>,
    /// When it may send.
    pub opens: Opens,
    /// Place of its account, if that has a cap over 24 hours.
    pub account: Option<usize>,
    /// Its label: what campaigns may switch within.
    pub label: Option<String>,
}

/// Numbers that campaigns share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// How it picks.
    pub strategy: Strategy,
    /// Whether people stay with the number of their first message.
    pub sticky: bool,
    /// Places of its numbers.
    pub numbers: Vec<usize>,
    /// The part of each of them, if it splits by weight; else empty.
    pub weights: Vec<u32>,
}

/// One campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Which one.
    pub id: CampaignId,
    /// Lower goes first.
    pub priority: i32,
    /// Its share among equals.
    pub weight: u32,
    /// Its daily limit.
    pub cap: Cap,
    /// Place of the pool that it sends through.
    pub pool: usize,
    /// The only number that may send for it, if there is one.
    pub only: Option<NumberId>,
    /// Who may go on for a number that people are bound to, when that one is out of service or at rest.
    pub failover: Failover,
    /// When it may send.
    pub opens: Opens,
    /// In which hours. On the recipients' own clocks each of its work goes by its own zone.
    pub calendar: Calendar,
    /// What is left to send of the step that each person stands at.
    pub work: Vec<Work>,
    /// How long after the step before it each step is due; the first is not looked at.
    pub delays: Vec<TimeDelta>,
    /// What it sent today, by place of the number.
    pub used: Vec<(usize, u32)>,
    /// A standing campaign yields while another one runs.
    pub standing: bool,
    /// A test, to which nobody yields.
    pub is_test: bool,
    /// Who is let go later, stage by stage; none: all are let go.
    pub rollout: Option<Stages>,
    /// When it is too late for its messages.
    pub expiry: Expiry,
}

/// When it is too late for messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expiry {
    /// From then on for all of them.
    pub at: Option<DateTime<Utc>>,
    /// For one so long after it was due; it is not due before the campaign has begun.
    pub after: Option<TimeDelta>,
    /// When the campaign began; `None`: it begins when it opens.
    pub began: Option<DateTime<Utc>>,
}

impl Campaign {
    /// Whether this number may send for it at all.
    #[must_use]
    pub fn may_use(&self, number: NumberId) -> bool {
        self.only.is_none_or(|only| only == number)
    }
}

/// The stages of a rollout that are still to open, and what the open one still needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stages {
    /// Messages that the open stage still needs; it needs no more than it has people.
    pub needs: u64,
    /// The open stage lasts at least until then; `None`: it went badly, and somebody has to widen the rollout.
    pub lasts_until: Option<DateTime<Utc>>,
    /// How many people each later stage lets go.
    pub people: Vec<u64>,
    /// For each of these stages whose clocks they go by, and how many by each, where the campaign goes by the recipients' own.
    pub clocks: Vec<Vec<(Tz, u64)>>,
    /// Messages that a later stage needs.
    pub after: u64,
    /// How long a later stage lasts at least.
    pub wait: TimeDelta,
}

impl Stages {
    /// Takes out the next of the later stages: how many people it lets go, and how many by which clock.
    pub(super) fn open_next(&mut self) -> Option<(u64, Vec<(Tz, u64)>)> {
        let people = (!self.people.is_empty()).then(|| self.people.remove(0))?;
        let clocks = if self.clocks.is_empty() { Vec::new() } else { self.clocks.remove(0) };
        Some((people, clocks))
    }
}

/// People who stand at the same step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Which step, from zero.
    pub step: usize,
    /// When it is due; `None`: as soon as its turn comes.
    pub due: Option<DateTime<Utc>>,
    /// How many people.
    pub people: u64,
    /// Whose clock they go by, where the campaign goes by the recipients' own; `None`: whichever of its zones is open.
    pub zone: Option<Tz>,
    /// Place of the number that they are bound to; `None`: whichever takes them.
    pub bound: Option<usize>,
}

/// What will be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// The days on which something happens or binds, from the first on, without gaps.
    pub days: Vec<Day>,
    /// For each campaign of the world when its last message goes out; `None`: not within [`FARTHEST_DAYS`], or somebody
    /// has to act before.
    pub finish: Vec<Option<DateTime<Utc>>>,
    /// For each campaign of the world how many people wait until it is too late for their message.
    pub expired: Vec<u64>,
}

/// One day of the organisation's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Its date.
    pub date: NaiveDate,
    /// What goes out.
    pub flows: Vec<Flow>,
    /// For each campaign of the world how many of its messages are somebody's first.
    pub first: Vec<u64>,
    /// For each campaign of the world what keeps the rest of its messages from going out on this day; `None`: there is
    /// no rest.
    pub bounds: Vec<Option<Bound>>,
}

/// Messages of one campaign through one number on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Place of the number.
    pub number: usize,
    /// Place of the campaign.
    pub campaign: usize,
    /// How many.
    pub messages: u64,
}

/// What keeps the rest of a campaign for a later day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// It has not begun, or is paused.
    CampaignNotActive,
    /// Its window and the organisation's hours.
    QuietHours,
    /// What is left is a later step or a retry, due on another day.
    NotDue,
    /// The organisation's daily limit.
    OrganizationCap,
    /// Its own daily limit.
    CampaignCap,
    /// The daily limits of the numbers that serve it.
    NumberCap,
    /// The limit of their accounts over 24 hours.
    AccountCap,
    /// Another campaign runs, to which it yields.
    Yields,
    /// The open stage of its rollout.
    RolloutStage,
    /// The spacing and rate of the numbers that serve it.
    Paced,
    /// No number that could serve it is in service.
    NoNumber,
}

impl Bound {
    /// The name that JSON uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CampaignNotActive => "campaign_not_active",
            Self::QuietHours => "quiet_hours",
            Self::NotDue => "not_due",
            Self::OrganizationCap => "organization_cap",
            Self::CampaignCap => "campaign_cap",
            Self::NumberCap => "number_cap",
            Self::AccountCap => "account_cap",
            Self::Yields => "yields",
            Self::RolloutStage => "rollout_stage",
            Self::Paced => "paced",
            Self::NoNumber => "no_number",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CampaignNotActive => "the campaign is not active",
            Self::QuietHours => "the hours in which it may send",
            Self::NotDue => "the next step is due later",
            Self::OrganizationCap => "the organisation's daily limit",
            Self::CampaignCap => "the campaign's daily limit",
            Self::NumberCap => "the daily limits of its numbers",
            Self::AccountCap => "its accounts' limits over 24 hours",
            Self::Yields => "another campaign runs, to which it yields",
            Self::RolloutStage => "the open stage of its rollout",
            Self::Paced => "the spacing and rate of its numbers",
            Self::NoNumber => "no number is in service",
        })
    }
}

impl Forecast {
    /// Walks through the days until everything is sent, nothing moves any more, or `days` have passed; at most
    /// [`FARTHEST_DAYS`].
    #[must_use]
    pub fn of(world: &World, days: u32) -> Self {
        walk::walk(world, days.min(FARTHEST_DAYS))
    }

    /// The days until a campaign is done, or until nothing of it waits any more.
    #[must_use]
    pub fn until_done(&self, campaign: usize) -> &[Day] {
        let concerns = |day: &Day| day.of_campaign(campaign) > 0 || day.bounds[campaign].is_some();
        let last = self.days.iter().rposition(concerns);
        &self.days[..last.map_or(0, |last| last + 1)]
    }

    /// What bound a campaign first, and on which day. What it waits for by its own plan, a start, a later step or a stage, binds
    /// only if nothing else does.
    #[must_use]
    pub fn binding(&self, campaign: usize) -> Option<(Bound, NaiveDate)> {
        let bounds = || {
            self.days
                .iter()
                .filter_map(|day| day.bounds.get(campaign).copied().flatten().map(|bound| (bound, day.date)))
        };
        let planned = |bound| matches!(bound, Bound::NotDue | Bound::CampaignNotActive | Bound::RolloutStage);
        bounds().find(|(bound, _)| !planned(*bound)).or_else(|| bounds().next())
    }
}

impl Day {
    /// All messages of the day.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.flows.iter().map(|flow| flow.messages).sum()
    }

    /// The messages of one campaign.
    #[must_use]
    pub fn of_campaign(&self, campaign: usize) -> u64 {
        self.flows.iter().filter(|flow| flow.campaign == campaign).map(|flow| flow.messages).sum()
    }
}

#[cfg(test)]
mod tests;
