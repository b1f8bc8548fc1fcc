//! How finely a walk looks.
//!
//! Every moment at which somebody is due ends a phase, and what is sent in that phase makes a new such moment: where numbers keep
//! their distance, and sequences follow, they become more with every day. Worlds of ordinary size are walked exactly, by the
//! microsecond. Of larger ones the first days are; after that moments are put together.

use chrono::{DateTime, TimeDelta, Utc};

/// What a walk affords before it looks less finely: a phase costs as much as it has numbers times campaigns, and a turn
/// within it as much as it has numbers. This takes some ten milliseconds.
const EXACT: u64 = 150_000;
/// And before it looks less finely still.
const BY_THE_HOUR: u64 = 350_000;

/// Moments this close count as one: what is put together is half of it early or late, and on the whole neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Grain(i64);

impl Grain {
    /// After so much effort.
    pub(super) fn after(effort: u64) -> Self {
        Self(match effort {
            0..=EXACT => 0,
            effort if effort <= BY_THE_HOUR => 3_600,
            _ => 6 * 3_600,
        })
    }

    /// Whether every moment stands alone.
    pub(super) fn is_exact(self) -> bool {
        self.0 == 0
    }

    pub(super) fn span(self) -> TimeDelta {
        TimeDelta::seconds(self.0)
    }

    /// The moment itself, or the nearest that is looked at.
    pub(super) fn near(self, at: DateTime<Utc>) -> DateTime<Utc> {
        if self.is_exact() {
            return at;
        }
        let half = TimeDelta::seconds(self.0 / 2);
        let Some(up) = at.checked_add_signed(half) else { return at };
        let over = TimeDelta::seconds(up.timestamp().rem_euclid(self.0))
            + TimeDelta::nanoseconds(up.timestamp_subsec_nanos().into());
        up.checked_sub_signed(over).unwrap_or(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_less_finely_is_early_as_often_as_late() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let exact = "2026-06-01T07:29:59.000001Z";
        for (effort, expected) in [
            (0, exact),
            (EXACT, exact),
            (EXACT + 1, "2026-06-01T07:00:00Z"),
            (BY_THE_HOUR + 1, "2026-06-01T06:00:00Z"),
        ] {
            assert_eq!(Grain::after(effort).near(at(exact)), at(expected), "{effort}");
        }
        // An account counts somebody for a day and a minute: a day, or it would lose hours with every one of them.
        let day_and_minute = at("2026-06-01T12:00:00Z") + super::super::super::Account::WINDOW;
        assert_eq!(Grain::after(u64::MAX).near(day_and_minute), at("2026-06-02T12:00:00Z"));
    }
}
