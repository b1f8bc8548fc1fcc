//! When and in which order a campaign may send.

use super::{CampaignState, rollout::Standing};
use crate::domain::day::{self, LocalTimeError};
use crate::domain::window::Calendar;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What becomes of a start that no sender was there for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// It starts as soon as a sender is there.
    #[default]
    Send,
    /// It starts with its next window; without one, a day later at the same time.
    NextWindow,
    /// Somebody decides.
    Ask,
}

impl Missed {
    /// The name that the file and the database use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::NextWindow => "next_window",
            Self::Ask => "ask",
        }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Missed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Send, Self::NextWindow, Self::Ask];
        let found = all.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| format!("is {text:?}: write send, next_window or ask"))
    }
}

/// The campaign that another one waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predecessor {
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: CampaignState,
}

/// When and in which order a campaign may send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The hours of its days.
    pub calendar: Calendar,
    /// The campaign that has to be completed first.
    pub run_after: Option<Predecessor>,
    /// The start that was missed, while somebody is asked.
    pub missed_at: Option<DateTime<Utc>>,
    /// From then on it is too late for all of its messages.
    pub expires_at: Option<DateTime<Utc>>,
    /// The stage of its rollout, where everybody whom it lets go has been sent to.
    pub rollout: Option<Standing>,
    /// Whether an edited delay is being carried over to those who wait, and all of them wait for their time: until it is,
    /// nobody's is known for certain.
    pub times_change: bool,
}

impl Terms {
    /// When a campaign starts whose start was missed and waits for its next window: the next time that its hours open; or
    /// where it has none, at the same time of day on the next day.
    #[must_use]
    pub fn next_start(&self, missed: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        let calendar = &self.calendar;
        let opening = match calendar.closed(now) {
            Some(closed) => closed.opens,
            None => calendar.next_change(now).and_then(|closing| calendar.next_opening(closing)),
        };
        opening
            .filter(|opening| *opening > now)
            .unwrap_or_else(|| same_time_after(missed, now, calendar.zone))
    }
}

/// The first time after `now` at which a clock in `zone` shows what it showed at `at`.
fn same_time_after(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let time = at.with_timezone(&zone).time();
    let mut date = day::local_date(now, zone);
    for _ in 0..3 {
        let found = match day::resolve(date.and_time(time), zone) {
            Ok(found) => found,
            Err(LocalTimeError::Missing { opens, .. }) => opens,
            Err(LocalTimeError::Twice { first, .. }) => first,
        };
        if found > now {
            return found;
        }
        date = date.succ_opt().unwrap_or(date);
    }
    now + TimeDelta::days(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::window::Window;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_missed_start_waits_for_the_next_opening_or_the_next_day() {
        let zone = Tz::Europe__Berlin;
        let table = [
            // In the middle of a window: the next one, not the rest of this one.
            (
                Some("09:00-20:00 mon-fri"),
                "2026-03-27T08:00:00Z",
                "2026-03-27T10:00:00Z",
                "2026-03-30T07:00:00Z",
            ),
            (Some("09:00-20:00"), "2026-03-27T08:00:00Z", "2026-03-27T22:00:00Z", "2026-03-28T08:00:00Z"),
            // Nine in the morning, over the night on which the clock jumps ahead.
            (None, "2026-03-28T08:00:00Z", "2026-03-28T10:00:00Z", "2026-03-29T07:00:00Z"),
            (None, "2026-03-28T01:30:00Z", "2026-03-28T10:00:00Z", "2026-03-29T01:00:00Z"),
            (None, "2026-03-20T08:00:00Z", "2026-03-28T06:00:00Z", "2026-03-28T08:00:00Z"),
        ];
        for (window, missed, now, expected) in table {
            let window = window.map(|text| text.parse::<Window>().unwrap_or_else(|error| panic!("{error}")));
            let terms =
                Terms { calendar: Calendar { zone, window, ..Calendar::default() }, ..Terms::default() };
            assert_eq!(terms.next_start(at(missed), at(now)), at(expected), "{window:?} at {now}");
        }
    }
}
