//! The gates that a message passes on its way out, in order, as `why` prints them.

use super::{Hold, binding, facts::AccountRoom, last_to_open};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::fmt;

impl Hold {
    /// Whether it is still there at `soon`, as far as anybody can tell. An edit that is carried over takes a moment: that is no
    /// reason to go, although nobody knows when it is over.
    #[must_use]
    pub fn outlasts(&self, soon: DateTime<Utc>) -> bool {
        !matches!(self, Self::TimesChange) && self.until().is_none_or(|until| until > soon)
    }
}

/// The gates in the order in which they are asked. The first closed one binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateName {
    /// Can the database be reached, and can it record?
    Store,
    /// Is the campaign active? One that does not run is held up by nothing else.
    Campaign,
    /// Has nobody stopped all sending?
    Switch,
    /// Does the subscription last?
    Subscription,
    /// Does a sender run?
    Sender,
    /// May this person be written to?
    Consent,
    /// Is it known what became of the earlier try?
    Doubt,
    /// Is the step due?
    Due,
    /// Is it an hour of a day on which people are written to?
    Window,
    /// Can a number of the pool send what the campaign carries?
    Content,
    /// Has the pool a number for it?
    Pool,
    /// Is the number in service?
    Number,
    /// Is the breaker closed?
    Breaker,
    /// Does somebody hold the number's lease?
    Lease,
    /// Has the organisation room today?
    OrganizationCap,
    /// Has the account room in the last 24 hours?
    AccountCap,
    /// Has the campaign room today?
    CampaignCap,
    /// Has the number room today?
    NumberCap,
    /// Is it the campaign's turn on this number?
    Share,
    /// Is the number's next slot open?
    Pace,
}

impl GateName {
    /// All of them, in order.
    pub const ALL: [Self; 20] = [
        Self::Store,
        Self::Campaign,
        Self::Switch,
        Self::Subscription,
        Self::Sender,
        Self::Consent,
        Self::Doubt,
        Self::Due,
        Self::Window,
        Self::Content,
        Self::Pool,
        Self::Number,
        Self::Breaker,
        Self::Lease,
        Self::OrganizationCap,
        Self::AccountCap,
        Self::CampaignCap,
        Self::NumberCap,
        Self::Share,
        Self::Pace,
    ];

    /// What `why` calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Store => "database",
            Self::Switch => "stop switch",
            Self::Subscription => "subscription",
            Self::Sender => "sender",
            Self::Campaign => "campaign",
            Self::Consent => "consent",
            Self::Doubt => "doubt",
            Self::Due => "due time",
            Self::Window => "window",
            Self::Content => "content",
            Self::Pool => "pool",
            Self::Number => "number",
            Self::Breaker => "breaker",
            Self::Lease => "lease",
            Self::OrganizationCap => "organisation cap",
            Self::AccountCap => "account cap",
            Self::CampaignCap => "campaign cap",
            Self::NumberCap => "number cap",
            Self::Share => "share",
            Self::Pace => "pace",
        }
    }

    /// What `why` says when it is open and nothing more is known.
    #[must_use]
    pub fn open(self) -> &'static str {
        match self {
            Self::Store => "records",
            Self::Switch => "nobody stopped sending",
            Self::Subscription => "goes on",
            Self::Sender => "running",
            Self::Campaign => "active",
            Self::Consent => "may be written to",
            Self::Doubt => "nothing in doubt",
            Self::Due => "due",
            Self::Window => "open",
            Self::Content => "can be sent",
            Self::Pool => "has a number",
            Self::Number => "in service",
            Self::Breaker => "closed",
            Self::Lease => "held",
            Self::OrganizationCap | Self::AccountCap | Self::CampaignCap | Self::NumberCap => "room left",
            Self::Share => "its turn",
            Self::Pace => "slot open",
        }
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One gate on the way out, as `why` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// Which one.
    pub name: &'static str,
    /// Whether it is open.
    pub open: bool,
    /// Whether it is the one that binds: the first closed one.
    pub binds: bool,
    /// The hold that keeps it closed.
    pub hold: Option<&'static str>,
    /// What is known about it, such as `61 of 250 used`, or the hold in a sentence.
    pub detail: String,
    /// When it opens, if it is closed and that is known.
    pub until: Option<DateTime<Utc>>,
}

/// All of `asked`, in order, each open unless one of `holds` closes it. Where several close the same gate, it shows
/// the one that opens last: both have to open. `known` says more about open ones.
#[must_use]
pub fn gates(asked: &[GateName], holds: &[Hold], known: &[(GateName, String)], zone: Tz) -> Vec<Gate> {
    let mut asked = asked.to_vec();
    asked.extend(holds.iter().map(Hold::gate));
    asked.sort_unstable();
    asked.dedup();
    let binding = binding(holds).map(Hold::gate);
    asked
        .into_iter()
        .map(|gate| {
            let hold = last_to_open(holds.iter().filter(|hold| hold.gate() == gate));
            let more = known.iter().find(|(name, _)| *name == gate).map(|(_, text)| text.clone());
            Gate {
                name: gate.name(),
                open: hold.is_none(),
                binds: binding == Some(gate),
                hold: hold.map(Hold::code),
                detail: hold.map_or_else(
                    || more.unwrap_or_else(|| gate.open().to_owned()),
                    |hold| hold.sentence(zone),
                ),
                until: hold.and_then(Hold::until),
            }
        })
        .collect()
}

/// `61 of 250 used`, for an open gate.
#[must_use]
pub fn room(gate: GateName, limit: Option<u32>, used: u32) -> (GateName, String) {
    let text =
        limit.map_or_else(|| format!("{used} used, no limit"), |limit| format!("{used} of {limit} used"));
    (gate, text)
}

/// `61 of 250 people in 24 hours`, for the open gate of an account; none has no limit.
#[must_use]
pub fn account_room(account: Option<AccountRoom>) -> (GateName, String) {
    let text = account.map_or_else(
        || "no limit over 24 hours".to_owned(),
        |room| format!("{} of {} people in 24 hours", room.used, room.limit),
    );
    (GateName::AccountCap, text)
}

/// As [`room`], for a number whose limit of today its warm-up makes: `warm-up day 3: 61 of 100 used`.
#[must_use]
pub fn number_room(limit: Option<u32>, used: u32, warm_up: Option<u32>) -> (GateName, String) {
    let (gate, text) = room(GateName::NumberCap, limit, used);
    (gate, warm_up.map_or_else(|| text.clone(), |day| format!("warm-up day {day}: {text}")))
}
