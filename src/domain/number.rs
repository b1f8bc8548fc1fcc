//! Sending numbers: what they are, what they may, and what state they are in.

use super::ids::{AccountId, NumberId};
use super::money::Money;
use super::phone::Phone;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// The last place in the order of numbers; 0 is the first.
pub const LAST_PRIORITY: i32 = 9_999;

/// Which provider an account is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Meta `WhatsApp` Business Cloud API: official.
    Meta,
    /// `UltraMsg`: unofficial automation of a `WhatsApp` account; a number can be banned like any phone.
    Ultramsg,
    /// Twilio: reseller of Meta.
    Twilio,
}

impl ProviderKind {
    /// All of them, in the order in which lists show them.
    pub const ALL: [Self; 3] = [Self::Meta, Self::Ultramsg, Self::Twilio];

    /// The name that the command line, the database and the screen use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Ultramsg => "ultramsg",
            Self::Twilio => "twilio",
        }
    }

    /// The name that people know.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Meta => "Meta",
            Self::Ultramsg => "UltraMsg",
            Self::Twilio => "Twilio",
        }
    }

    /// Whether `WhatsApp` sanctions this way of sending.
    #[must_use]
    pub fn is_official(self) -> bool {
        !matches!(self, Self::Ultramsg)
    }

    /// Where the provider is reached unless the environment or the account says otherwise.
    #[must_use]
    pub fn default_base_url(self) -> &'static str {
        match self {
            Self::Meta => "https://graph.facebook.com",
            Self::Ultramsg => "https://api.ultramsg.com",
            Self::Twilio => "https://api.twilio.com",
        }
    }

    /// Default spacing between two messages of one number (`design.md`, section 7): two minutes for unofficial
    /// gateways, none for official ones.
    #[must_use]
    pub fn default_interval(self) -> Duration {
        if self.is_official() { Duration::ZERO } else { Duration::from_mins(2) }
    }

    /// Default messages a second of one number: Meta's and Twilio's documented throughput is 80 a second per sender
    /// (`meta-cloud.md` section 5, `twilio.md` section 5); `UltraMsg` sends one a second at best.
    #[must_use]
    pub fn default_per_second(self) -> u32 {
        if self.is_official() { 80 } else { 1 }
    }

    /// Default number of requests of one number that may be on the wire at once.
    #[must_use]
    pub fn default_in_flight(self) -> u32 {
        if self.is_official() { 40 } else { 1 }
    }

    /// Longest free text, in characters (provider sheets, section 2).
    #[must_use]
    pub fn text_limit(self) -> usize {
        match self {
            Self::Meta | Self::Ultramsg => 4096,
            Self::Twilio => 1600,
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A provider name that is none of the three.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown provider {0:?}: it is meta, ultramsg or twilio")]
pub struct UnknownProvider(pub String);

impl FromStr for ProviderKind {
    type Err = UnknownProvider;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownProvider(text.to_owned()))
    }
}

/// How far the approval of a number is, as operators know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// Asked for, and not answered yet.
    Requested,
    /// Given.
    Approved,
    /// Not given.
    Refused,
}

impl Approval {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Requested, Self::Approved, Self::Refused];

    /// The name that the command line, the database and the screen use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an approval is requested, approved or refused")]
pub struct UnknownApproval;

impl FromStr for Approval {
    type Err = UnknownApproval;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.trim();
        let found = Self::ALL.into_iter().find(|approval| approval.name().eq_ignore_ascii_case(word));
        found.ok_or(UnknownApproval)
    }
}

/// What operators note of a number, and no provider says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// For the next operator.
    pub notes: String,
    /// What a campaign may switch within (`failover = "label"`).
    pub label: Option<String>,
    /// What it costs a month.
    pub monthly_cost: Option<Money>,
    /// How far its approval is.
    pub approval: Option<Approval>,
}

/// What is to be called or noted otherwise of a number: only what is `Some` is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberWords {
    /// What operators call it.
    pub name: Option<String>,
    /// For the next operator.
    pub notes: Option<String>,
    /// What a campaign may switch within; `Some(None)` takes it off.
    pub label: Option<Option<String>>,
    /// What it costs a month; `Some(None)` forgets it.
    pub monthly_cost: Option<Option<Money>>,
    /// How far its approval is; `Some(None)` forgets it.
    pub approval: Option<Option<Approval>>,
}

/// How a number stands at its provider and here, beside its limits and what it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// The provider's id of it (`phone-number-id`, `instance…`); empty where the provider needs none.
    pub sender_id: String,
    /// When its warm-up began or begins; none: it is on no ladder.
    pub warm_up: Option<DateTime<Utc>>,
    /// Percent of its daily limit and rate that only replies may use.
    pub reply_share: u32,
    /// Most messages that may wait in its gateway's own queue; none: it keeps none.
    pub queue: Option<u32>,
    /// Whether it is tried out with messages to the canary phone.
    pub canaries: bool,
}

/// What of that is to be otherwise: only what is `Some` is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetupChange {
    /// The provider's id of it.
    pub sender_id: Option<String>,
    /// When its warm-up begins; `Some(None)` takes it off the ladder.
    pub warm_up: Option<Option<DateTime<Utc>>>,
    /// Percent that only replies may use.
    pub reply_share: Option<u32>,
    /// Most messages in its gateway's own queue.
    pub queue: Option<u32>,
    /// Whether it is tried out with messages to the canary phone.
    pub canaries: Option<bool>,
}

impl SetupChange {
    /// What of it is not so already.
    #[must_use]
    pub fn beside(self, now: &Setup) -> Self {
        Self {
            sender_id: self.sender_id.filter(|id| *id != now.sender_id),
            warm_up: self.warm_up.filter(|at| *at != now.warm_up),
            reply_share: self.reply_share.filter(|share| *share != now.reply_share),
            queue: self.queue.filter(|queue| Some(*queue) != now.queue),
            canaries: self.canaries.filter(|sends| *sends != now.canaries),
        }
    }

    /// Whether more may go out because of it: less is kept for replies, a warm-up ends or is older, or more may wait where
    /// nothing reaches it any more.
    #[must_use]
    pub fn loosens(&self, now: &Setup) -> bool {
        let older = match (now.warm_up, self.warm_up) {
            (Some(_), Some(None)) => true,
            (Some(began), Some(Some(begins))) => begins < began,
            (None, _) | (_, None) => false,
        };
        older
            || self.reply_share.is_some_and(|share| share < now.reply_share)
            || self.queue.is_some_and(|queue| now.queue.is_some_and(|now| queue > now))
    }
}

/// How fast one number may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pacing {
    /// Least time between two messages; jitter makes it longer, never shorter. Zero: no spacing.
    pub interval: Duration,
    /// Most messages in one second; zero means no limit of our own.
    pub per_second: u32,
    /// Most requests on the wire at once, at least one.
    pub in_flight: u32,
}

impl Pacing {
    /// The same at so many percent of its speed, at least a twentieth. One that knows no time between messages has fewer on
    /// the wire instead; less than one a second is a time between messages.
    #[must_use]
    pub fn at_percent(self, percent: u32) -> Self {
        let percent = percent.clamp(5, 100);
        let part =
            |count: u32| u32::try_from(u64::from(count) * u64::from(percent) / 100).unwrap_or(count).max(1);
        if self.interval.is_zero() && self.per_second == 0 {
            return Self { in_flight: part(self.in_flight), ..self };
        }
        let interval = self.interval.saturating_mul(100) / percent;
        let rate = self.per_second.saturating_mul(percent);
        if self.per_second > 0 && rate < 100 {
            let seconds = Duration::from_secs(1).saturating_mul(100) / rate;
            return Self { interval: interval.max(seconds), per_second: 0, in_flight: self.in_flight };
        }
        Self {
            interval,
            per_second: if self.per_second == 0 { 0 } else { part(self.per_second) },
            in_flight: self.in_flight,
        }
    }
}

/// Why a number is suspended, since when, until when and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suspension {
    /// In the words of the operator or the provider.
    pub reason: String,
    /// When it took effect.
    pub since: DateTime<Utc>,
    /// When it ends by itself; `None`: when somebody resumes it.
    pub until: Option<DateTime<Utc>>,
    /// The operator, or `sender` when a provider's answer caused it.
    pub by: String,
}

/// What a number may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberState {
    /// It may send.
    Active,
    /// It rests until a time, by itself: throttled, out of a provider-side limit, breaker open.
    Limited {
        /// When it goes on.
        until: DateTime<Utc>,
        /// Why it rests.
        reason: String,
    },
    /// Somebody or some answer took it out of service.
    Suspended(Suspension),
    /// Switched off by an operator.
    Disabled,
}

impl NumberState {
    /// The name that the command line and the database use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Limited { .. } => "limited",
            Self::Suspended(_) => "suspended",
            Self::Disabled => "disabled",
        }
    }
}

/// One sending number, as the plan sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// The account that owns it.
    pub account: AccountId,
    /// Its phone.
    pub phone: Phone,
    /// Which provider it is at.
    pub provider: ProviderKind,
    /// Lower goes first.
    pub priority: i32,
    /// Most messages in one day of the organisation's zone; `None`: no limit of our own.
    pub daily_limit: Option<u32>,
    /// How fast it may send.
    pub pacing: Pacing,
    /// What it may do now.
    pub state: NumberState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slower_pace_is_longer_rarer_or_narrower() {
        let pacing = |interval_ms, per_second, in_flight| Pacing {
            interval: Duration::from_millis(interval_ms),
            per_second,
            in_flight,
        };
        for (own, percent, slow) in [
            (pacing(0, 80, 40), 50, pacing(0, 40, 40)),
            (pacing(120_000, 1, 1), 50, pacing(240_000, 0, 1)),
            (pacing(0, 0, 40), 25, pacing(0, 0, 10)),
            (pacing(0, 1, 40), 25, pacing(4_000, 0, 40)),
            (pacing(0, 2, 40), 25, pacing(2_000, 0, 40)),
            (pacing(0, 7, 40), 50, pacing(0, 3, 40)),
            (pacing(1_000, 0, 3), 100, pacing(1_000, 0, 3)),
            (pacing(1_000, 0, 3), 0, pacing(20_000, 0, 3)),
        ] {
            assert_eq!(own.at_percent(percent), slow, "{own:?} at {percent} %");
        }
    }

    #[test]
    fn providers_are_read_by_name() {
        assert_eq!("Meta".parse(), Ok(ProviderKind::Meta));
        assert_eq!(" twilio ".parse(), Ok(ProviderKind::Twilio));
        assert_eq!("baileys".parse::<ProviderKind>(), Err(UnknownProvider("baileys".into())));
    }
}
