//! How much of what a number sends fails, and how many people block it: warnings before its provider acts.

/// A warning that is on goes off below this part of the percentage that it came on at: one that hovers is one warning.
pub const OFF: f64 = 0.7;

/// Messages of a number in a rolling stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ratios {
    /// Taken or refused for good.
    pub tried: u32,
    /// Refused for good, or taken and not delivered after all.
    pub failed: u32,
    /// Whose recipient blocked the number or wants no more.
    pub blocked: u32,
}

impl Ratios {
    /// How many of a hundred these are; none while nothing was tried.
    #[must_use]
    pub fn percent(self, part: u32) -> Option<f64> {
        (self.tried > 0).then(|| f64::from(part) * 100.0 / f64::from(self.tried))
    }
}

/// Whether a warning is on: from `limit` percent on, once there are `least` messages to speak of; off again well below it.
/// Without a limit nothing warns.
#[must_use]
pub fn warns(ratios: Ratios, part: u32, limit: Option<u32>, least: u32, was_on: bool) -> bool {
    let (Some(limit), Some(percent)) = (limit, ratios.percent(part)) else { return false };
    if ratios.tried < least {
        return was_on;
    }
    percent >= f64::from(limit) * if was_on { OFF } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tried: u32, failed: u32) -> Ratios {
        Ratios { tried, failed, blocked: 0 }
    }

    #[test]
    fn a_warning_comes_once_and_goes_well_below() {
        for (tried, failed, was_on, is_on) in [
            (49, 49, false, false),
            (49, 0, true, true),
            (100, 9, false, false),
            (100, 10, false, true),
            (100, 9, true, true),
            (100, 7, true, true),
            (100, 6, true, false),
            (0, 0, true, false),
        ] {
            let ratios = of(tried, failed);
            assert_eq!(warns(ratios, failed, Some(10), 50, was_on), is_on, "{tried} {failed} {was_on}");
            assert!(!warns(ratios, failed, None, 50, was_on));
        }
    }

    #[test]
    fn one_that_hovers_at_the_limit_is_one_warning() {
        let mut on = false;
        let mut crossings = 0;
        for failed in [8, 10, 9, 11, 9, 10, 8, 12, 9, 5, 9] {
            let next = warns(of(100, failed), failed, Some(10), 50, on);
            crossings += u32::from(next && !on);
            on = next;
        }
        assert_eq!((crossings, on), (1, false));
    }
}
