//! The weekly review of a number: how this week was beside the last one, and what that suggests for its place in the order.

use serde::Serialize;

/// A week that has fewer messages than this says nothing.
pub const LEAST: u64 = 50;
/// Points of a hundred that a share has to be apart to count.
const APART: u64 = 10;
/// Of a hundred people, so many that block a number or want no more put it at risk.
const BLOCKED: u64 = 2;

/// What became of what a number sent in a week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Week {
    /// Taken by the provider.
    pub accepted: u64,
    /// Of those, delivered in time.
    pub delivered: u64,
    /// Refused for good, or not delivered after all.
    pub failed: u64,
    /// People who blocked it or want no more.
    pub blocked: u64,
    /// How often it was taken out of service.
    pub suspensions: u64,
}

impl Week {
    fn tried(&self) -> u64 {
        self.accepted + self.failed
    }

    /// Delivered of accepted, in percent; none: too few to say.
    #[must_use]
    pub fn delivered_percent(&self) -> Option<u64> {
        (self.accepted >= LEAST).then(|| self.delivered * 100 / self.accepted)
    }

    /// Failed of all, in percent; none: too few to say.
    #[must_use]
    pub fn failed_percent(&self) -> Option<u64> {
        (self.tried() >= LEAST).then(|| self.failed * 100 / self.tried())
    }
}

/// Where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// More of it arrives, or less fails, than the week before.
    Better,
    /// As the week before.
    Steady,
    /// Less of it arrives, or more fails.
    Worse,
    /// One of the weeks has too few messages.
    Unknown,
}

impl Trend {
    /// As lists show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Steady => "steady",
            Self::Worse => "worse",
            Self::Unknown => "unknown",
        }
    }
}

/// How this week was beside the last one. What arrives counts where the provider reports it; else what fails.
#[must_use]
pub fn trend(last: &Week, this: &Week) -> Trend {
    let (Some(failed_then), Some(failed_now)) = (last.failed_percent(), this.failed_percent()) else {
        return Trend::Unknown;
    };
    let delivered = last.delivered_percent().zip(this.delivered_percent());
    let (then, now) = match delivered.filter(|(then, now)| then + now > 0) {
        Some((then, now)) if then.abs_diff(now) >= APART => (then, now),
        _ => (100 - failed_then, 100 - failed_now),
    };
    match now.abs_diff(then) >= APART {
        true if now > then => Trend::Better,
        true => Trend::Worse,
        false => Trend::Steady,
    }
}

/// What the review suggests for a number's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Advice {
    /// It stays where it is.
    Keep,
    /// It goes behind the others.
    Lower {
        /// Why.
        because: String,
    },
    /// It does better than those before it.
    Raise {
        /// Why.
        because: String,
    },
}

/// What this week suggests for the place of one number among its organisation's. `median` is the failed share of all of them.
#[must_use]
pub fn advice(week: &Week, median: Option<u64>, is_first: bool) -> Advice {
    let lower = |because: String| Advice::Lower { because };
    if week.suspensions >= 2 {
        return lower(format!("it was taken out of service {} times", week.suspensions));
    }
    let Some(failed) = week.failed_percent() else { return Advice::Keep };
    if week.blocked * 100 >= week.tried() * BLOCKED {
        return lower(format!("{} of {} people blocked it or want no more", week.blocked, week.tried()));
    }
    match median {
        Some(median) if failed >= median + APART => {
            lower(format!("{failed}% of its messages fail, and {median}% of the others'"))
        }
        Some(median) if !is_first && failed + APART <= median && week.suspensions == 0 => {
            Advice::Raise { because: format!("{failed}% of its messages fail, and {median}% of the others'") }
        }
        _ => Advice::Keep,
    }
}

/// The middle one of some shares.
#[must_use]
pub fn median(mut shares: Vec<u64>) -> Option<u64> {
    shares.sort_unstable();
    shares.get(shares.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(accepted: u64, delivered: u64, failed: u64) -> Week {
        Week { accepted, delivered, failed, ..Week::default() }
    }

    #[test]
    fn a_trend_needs_two_weeks_and_ten_points() {
        let table = [
            (week(10, 9, 0), week(1_000, 900, 0), Trend::Unknown),
            (week(1_000, 900, 0), week(1_000, 880, 0), Trend::Steady),
            (week(1_000, 900, 0), week(1_000, 700, 0), Trend::Worse),
            (week(1_000, 700, 0), week(1_000, 900, 0), Trend::Better),
            // A provider that reports no deliveries is judged by what fails.
            (week(900, 0, 100), week(700, 0, 300), Trend::Worse),
            (week(700, 0, 300), week(900, 0, 100), Trend::Better),
            (week(900, 0, 100), week(900, 0, 100), Trend::Steady),
        ];
        for (last, this, expected) in table {
            assert_eq!(trend(&last, &this), expected, "{last:?} {this:?}");
        }
    }

    #[test]
    fn places_are_advised_by_what_fails_and_what_was_suspended() {
        let of = |week: Week, is_first| match advice(&week, Some(5), is_first) {
            Advice::Keep => "keep",
            Advice::Lower { .. } => "lower",
            Advice::Raise { .. } => "raise",
        };
        assert_eq!(of(week(1_000, 900, 50), false), "keep");
        assert_eq!(of(week(800, 700, 200), false), "lower");
        assert_eq!(of(Week { suspensions: 2, ..week(1_000, 900, 0) }, false), "lower");
        assert_eq!(of(Week { blocked: 20, ..week(1_000, 900, 0) }, false), "lower");
        assert_eq!(of(week(10, 0, 10), false), "keep", "too few to say");
        assert_eq!(
            advice(&week(1_000, 900, 0), Some(20), false),
            Advice::Raise { because: "0% of its messages fail, and 20% of the others'".into() }
        );
        assert_eq!(advice(&week(1_000, 900, 0), Some(20), true), Advice::Keep, "it is the first already");
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![9, 1, 5]), Some(5));
    }
}
