//! Warm-up: a new number sends little on its first days and more each day, until its own limit holds alone.
//!
//! Days are those of the organisation's zone, counted from the day on which the warm-up began, whether it sent on them or
//! not. The claim decides by the same expression in the database (`limit_of_day`).

use chrono::NaiveDate;
use std::{fmt, str::FromStr};

/// Most messages on the first day, the second, and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder(Vec<u32>);

/// Most days of a ladder.
pub const MOST_DAYS: usize = 90;

/// What a ladder allows a number on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Which day of the warm-up it is; 1 is the first.
    pub day: u32,
    /// Most messages on it.
    pub limit: u32,
}

impl Ladder {
    /// Of an organisation that set none of its own (requirement A38).
    #[must_use]
    pub fn usual() -> Self {
        Self(vec![20, 50, 100, 200])
    }

    /// As the database keeps it: one number for each day.
    #[must_use]
    pub fn of(days: impl IntoIterator<Item = u32>) -> Self {
        Self(days.into_iter().collect())
    }

    /// One number for each day.
    #[must_use]
    pub fn days(&self) -> &[u32] {
        &self.0
    }

    /// What it allows on the day of this rung and on those after it.
    #[must_use]
    pub fn from(&self, rung: Option<Rung>) -> Vec<u32> {
        let passed = rung.and_then(|rung| usize::try_from(rung.day).ok()?.checked_sub(1));
        passed.and_then(|passed| self.0.get(passed..)).unwrap_or_default().to_vec()
    }

    /// Where a number stands on `day` that began on `started`; `None`: it is through, or was never on it.
    #[must_use]
    pub fn rung(&self, started: Option<NaiveDate>, day: NaiveDate) -> Option<Rung> {
        // What begins later has its first day still before it.
        let passed = usize::try_from((day - started?).num_days()).unwrap_or(0);
        let limit = *self.0.get(passed)?;
        Some(Rung { day: u32::try_from(passed).unwrap_or(u32::MAX).saturating_add(1), limit })
    }
}

/// Most messages of a number on a day: its own limit, and no more than the rung it stands on.
#[must_use]
pub fn limit_of_day(own: Option<u32>, rung: Option<Rung>) -> Option<u32> {
    match (own, rung) {
        (Some(own), Some(rung)) => Some(own.min(rung.limit)),
        (own, rung) => own.or(rung.map(|rung| rung.limit)),
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.pad("off");
        }
        let days: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.pad(&days.join(","))
    }
}

/// A text that is no ladder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LadderError {
    /// One of its parts is no number of messages.
    #[error("{0:?} is no number of messages a day: write whole numbers from 1, as in 20,50,100,200, or off")]
    NoNumber(String),
    /// It is longer than anybody warms up.
    #[error("a ladder has at most {MOST_DAYS} days")]
    TooLong,
}

impl FromStr for Ladder {
    type Err = LadderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().eq_ignore_ascii_case("off") {
            return Ok(Self(Vec::new()));
        }
        let read = |part: &str| match part.trim().parse::<u32>() {
            Ok(limit) if limit > 0 && i32::try_from(limit).is_ok() => Ok(limit),
            _ => Err(LadderError::NoNumber(part.trim().to_owned())),
        };
        let days = text.split(',').map(read).collect::<Result<Vec<u32>, LadderError>>()?;
        if days.len() > MOST_DAYS {
            return Err(LadderError::TooLong);
        }
        Ok(Self(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
    }

    #[test]
    fn a_number_climbs_a_rung_a_day_and_then_its_own_limit_holds() {
        let ladder = Ladder::usual();
        let limits =
            |own| (8..=14).map(move |at| limit_of_day(own, Ladder::usual().rung(Some(day(9)), day(at))));
        assert_eq!(
            limits(Some(1_000)).map(Option::unwrap).collect::<Vec<_>>(),
            [20, 20, 50, 100, 200, 1_000, 1_000]
        );
        assert_eq!(limits(Some(60)).map(Option::unwrap).collect::<Vec<_>>(), [20, 20, 50, 60, 60, 60, 60]);
        assert_eq!(limits(None).skip(4).collect::<Vec<_>>(), [Some(200), None, None]);
        assert_eq!(ladder.rung(Some(day(9)), day(11)), Some(Rung { day: 3, limit: 100 }));
        assert_eq!(ladder.rung(None, day(11)), None);
        assert_eq!(Ladder::of([]).rung(Some(day(9)), day(9)), None, "no ladder holds nobody");
    }

    #[test]
    fn a_ladder_is_read_as_it_is_written() {
        for text in ["20,50,100,200", "5", "off"] {
            assert_eq!(text.parse::<Ladder>().unwrap().to_string(), text);
        }
        assert_eq!(" 20, 50 ".parse::<Ladder>(), Ok(Ladder::of([20, 50])));
        for bad in ["", "0", "20,,50", "-5", "many", "4294967296", "2147483648"] {
            assert!(bad.parse::<Ladder>().is_err(), "{bad}");
        }
        let long = vec!["1"; MOST_DAYS + 1].join(",");
        assert_eq!(long.parse::<Ladder>(), Err(LadderError::TooLong));
    }
}
