//! What bears on a number today beside its own settings: its warm-up, what its provider said of it and of its speed, the
//! queue of its gateway, its account's cap. Read by the sender's picture and by the screen's alike.

use crate::domain::{
    health::Quality,
    hold::facts::AccountRoom,
    number::Pacing,
    text::Safe,
    warm_up::{self, Ladder, Rung},
};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

/// The columns that it follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    /// The number's own limit.
    pub limit: Option<i32>,
    /// The organisation's ladder.
    pub ladder: &'a [i32],
    /// The day on which the number's warm-up began.
    pub began: Option<NaiveDate>,
    /// What slows it.
    pub pace: Pace<'a>,
}

/// What slows a number, as it stands in the database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace<'a> {
    /// Of its own pace now, as the database reckons it from what follows.
    pub percent: i32,
    /// What was seen of a number of which few messages arrive.
    pub silent: Option<&'a str>,
    /// What the provider said when it throttled it last, as long as something of it is left.
    pub throttled: Option<&'a str>,
    /// When that is over.
    pub full_pace_at: Option<DateTime<Utc>>,
    /// How people take what it sends.
    pub quality: Option<&'a str>,
    /// What its last check found.
    pub health: Option<&'a str>,
}

impl Pace<'_> {
    fn quality(&self) -> Option<Quality> {
        self.quality.and_then(|word| word.parse().ok())
    }

    /// Why it goes slower than its own pace, if it does: the gravest cause first.
    pub(super) fn slowed(&self) -> Option<Slowed> {
        let percent = count(self.percent);
        if percent >= 100 {
            return None;
        }
        let silent = self.silent.map(|seen| Cause::Silent(Safe::new(seen)));
        let throttled = self
            .throttled
            .zip(self.full_pace_at)
            .map(|(reason, over)| Cause::Throttled { reason: Safe::new(reason), over });
        let health = match self.quality() {
            Some(quality @ (Quality::Red | Quality::Yellow)) => Some(Cause::Complaints(quality)),
            Some(Quality::Green | Quality::Unknown) | None => {
                (self.health == Some("limited")).then_some(Cause::Warned)
            }
        };
        Some(Slowed { percent, causes: silent.into_iter().chain(throttled).chain(health).collect() })
    }
}

/// How a number stands today.
#[derive(Debug, Clone)]
pub(super) struct Today {
    /// Most messages, the warm-up included.
    pub limit: Option<u32>,
    /// What its warm-up allows on it, on the next day, and so on.
    pub rungs: Vec<u32>,
    /// The rung of its warm-up, if that makes the limit.
    pub rung: Option<Rung>,
    /// How people take what it sends.
    pub quality: Option<Quality>,
    /// Why it goes slower than its own pace, if it does.
    pub slowed: Option<Slowed>,
}

impl Today {
    /// On this day of the organisation's.
    pub(super) fn of(told: &Told<'_>, day: NaiveDate) -> Self {
        let ladder = Ladder::of(told.ladder.iter().copied().map(count));
        let rung = ladder.rung(told.began, day);
        let rungs = ladder.from(rung);
        let limit = warm_up::limit_of_day(told.limit.map(count), rung);
        Self {
            limit,
            rungs,
            rung: rung.filter(|rung| limit == Some(rung.limit)),
            quality: told.pace.quality(),
            slowed: told.pace.slowed(),
        }
    }

    /// Its own pace, as slow as it goes today.
    pub(super) fn pace(&self, own: Pacing) -> Pacing {
        own.at_percent(self.slowed.as_ref().map_or(100, |slowed| slowed.percent))
    }
}

/// A number that goes slower than its own pace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slowed {
    /// Of its own pace, 1 to 99: what all causes come to.
    pub percent: u32,
    /// Why, the gravest first.
    pub causes: Vec<Cause>,
}

/// One reason to go slower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Few of its messages arrive; what was seen.
    Silent(Safe),
    /// Its provider said that it is too fast: in its words, and when that is over.
    Throttled {
        /// What it said.
        reason: Safe,
        /// When nothing of it is left.
        over: DateTime<Utc>,
    },
    /// People complain of what it sends.
    Complaints(Quality),
    /// Its provider warns of it.
    Warned,
}

impl Cause {
    /// In two words, for lists.
    #[must_use]
    pub fn short(&self) -> &'static str {
        match self {
            Self::Silent(_) => "few arrive",
            Self::Throttled { .. } => "throttled",
            Self::Complaints(_) => "complaints",
            Self::Warned => "warned",
        }
    }

    fn sentence(&self, zone: Tz) -> String {
        match self {
            Self::Silent(seen) => seen.to_string(),
            Self::Throttled { reason, over } => {
                let over = over.with_timezone(&zone).format("%H:%M:%S");
                format!("{reason}, over at {over} {zone}")
            }
            Self::Complaints(quality) => format!("people complain, its quality is {}", quality.name()),
            Self::Warned => "its provider warns of it".to_owned(),
        }
    }
}

impl Slowed {
    /// What was seen, if few of its messages arrive.
    #[must_use]
    pub fn silent(&self) -> Option<&Safe> {
        self.causes.iter().find_map(|cause| match cause {
            Cause::Silent(seen) => Some(seen),
            Cause::Throttled { .. } | Cause::Complaints(_) | Cause::Warned => None,
        })
    }

    /// `at 50 %, throttled`: the gravest cause.
    #[must_use]
    pub fn short(&self) -> String {
        let cause = self.causes.first().map_or(String::new(), |cause| format!(", {}", cause.short()));
        format!("at {} %{cause}", self.percent)
    }

    /// `goes at 25 %: throttled by Meta, 130429, over at 14:05:00 Africa/Douala; its provider warns of it`.
    #[must_use]
    pub fn sentence(&self, zone: Tz) -> String {
        let causes: Vec<String> = self.causes.iter().map(|cause| cause.sentence(zone)).collect();
        format!("goes at {} %: {}", self.percent, causes.join("; "))
    }
}

/// The queue that a gateway keeps of what it took and has not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Most messages that may wait there.
    pub limit: u32,
    /// As many wait at most; `None`: the gateway does not say.
    pub waiting: Option<u32>,
}

impl Queue {
    /// Messages that it may be given now.
    #[must_use]
    pub fn left(self) -> u32 {
        self.waiting.map_or(u32::MAX, |waiting| self.limit.saturating_sub(waiting))
    }
}

/// What is left of an account's cap. Where nobody counted, nothing is left.
pub(super) fn room(cap: Option<i32>, used: Option<i32>, opens: Option<DateTime<Utc>>) -> Option<AccountRoom> {
    let limit = count(cap?);
    Some(AccountRoom { limit, used: used.map_or(limit, count), opens })
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
