//! Breakers: after several faults in a row a rest, then one trial. Pure: time is an argument.
//!
//! A provider's outage must not suspend its numbers one after the other, so faults of the way to the provider open the
//! *account's* breaker; refusals that nobody can read rest the one *number*.

use std::time::Duration;

/// Faults in a row that open a breaker.
pub const FAULTS_TO_OPEN: u32 = 5;
/// First rest; doubles with every failed trial.
pub const FIRST_REST: Duration = Duration::from_secs(2);
/// Longest rest: how late we may notice that a provider is back.
pub const LONGEST_REST: Duration = Duration::from_mins(1);
/// Unreadable refusals in a row that rest a number (provider sheets, open doubt 6).
pub const UNREADABLE_TO_REST: u32 = 3;
/// How long it rests then.
pub const UNREADABLE_REST: Duration = Duration::from_mins(5);

/// Counts faults in a row of one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    faults: u32,
    /// How often it opened since all was well.
    opened: u32,
}

/// What a fault or a success changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It opened, or opened again: rest so long.
    Open(Duration),
    /// It had been open, and all is well again.
    Closed,
}

impl Breaker {
    /// One more fault. Faults that were in the air when it opened do not make the rest longer: the caller says
    /// whether it rests now.
    pub fn fault(&mut self, resting: bool) -> Change {
        if resting {
            return Change::None;
        }
        self.faults += 1;
        // After a rest a single failed trial opens it again.
        if self.opened == 0 && self.faults < FAULTS_TO_OPEN {
            return Change::None;
        }
        self.faults = 0;
        let rest = FIRST_REST.saturating_mul(1 << self.opened.min(16)).min(LONGEST_REST);
        self.opened += 1;
        Change::Open(rest)
    }

    /// The provider answered as it should.
    pub fn success(&mut self) -> Change {
        let was_open = self.opened > 0;
        *self = Self::default();
        if was_open { Change::Closed } else { Change::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_faults_in_a_row_and_rests_longer_each_time() {
        let mut breaker = Breaker::default();
        for _ in 1..FAULTS_TO_OPEN {
            assert_eq!(breaker.fault(false), Change::None);
        }
        assert_eq!(breaker.fault(false), Change::Open(FIRST_REST));
        assert_eq!(breaker.fault(true), Change::None, "what was in the air does not count");
        assert_eq!(breaker.fault(false), Change::Open(FIRST_REST * 2), "one failed trial opens it again");
        for _ in 0..20 {
            breaker.fault(false);
        }
        assert_eq!(breaker.fault(false), Change::Open(LONGEST_REST));
        assert_eq!(breaker.success(), Change::Closed);
        assert_eq!(breaker.fault(false), Change::None);
    }

    #[test]
    fn a_success_between_faults_keeps_it_closed() {
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            assert_eq!(breaker.fault(false), Change::None);
            assert_eq!(breaker.success(), Change::None);
        }
    }
}
