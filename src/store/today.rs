//! What bears on a number today beside its own settings: its warm-up, what its provider said of it and of its speed, the
//! queue of its gateway, its account's cap. Read by the sender's picture and by the screen's alike.

use crate::domain::{
    health::Quality,
    hold::facts::AccountRoom,
    number::Pacing,
    pacing,
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
    /// How people take what it sends.
    pub quality: Option<&'a str>,
    /// What its last check found.
    pub health: Option<&'a str>,
    /// What is left of a throttle: of its own pace now.
    pub pace_percent: i32,
    /// What the provider said when it throttled it last.
    pub throttled: Option<&'a str>,
    /// When that is over.
    pub full_pace_at: Option<DateTime<Utc>>,
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
        let quality = told.quality.and_then(|word| word.parse().ok());
        let throttle = count(told.pace_percent);
        let percent = pacing::percent_of(throttle, quality, told.health == Some("limited"));
        let said = told.throttled.zip(told.full_pace_at).filter(|_| throttle < 100);
        let slowed = (percent < 100)
            .then(|| Slowed { percent, throttled: said.map(|(reason, over)| (Safe::new(reason), over)) });
        Self { limit, rungs, rung: rung.filter(|rung| limit == Some(rung.limit)), quality, slowed }
    }

    /// Its own pace, as slow as it goes today.
    pub(super) fn pace(&self, own: Pacing) -> Pacing {
        own.at_percent(self.slowed.as_ref().map_or(100, |slowed| slowed.percent))
    }
}

/// A number that goes slower than its own pace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slowed {
    /// Of its own pace, 1 to 99.
    pub percent: u32,
    /// What its provider said of its speed, and when it is back at full pace as far as that is concerned.
    pub throttled: Option<(Safe, DateTime<Utc>)>,
}

impl Slowed {
    /// `goes at 50 %: throttled by Meta, 130429; that is over at 14:05:00 Africa/Douala`.
    #[must_use]
    pub fn sentence(&self, zone: Tz) -> String {
        let percent = self.percent;
        match &self.throttled {
            Some((reason, full)) => {
                let full = full.with_timezone(&zone).format("%H:%M:%S");
                format!("goes at {percent} %: {reason}; that is over at {full} {zone}")
            }
            None => format!("goes at {percent} %: the provider doubts its quality"),
        }
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
