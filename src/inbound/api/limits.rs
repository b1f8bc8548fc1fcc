//! How often a key may ask: a bucket that fills at a rate and holds so many.

use crate::sender::clock::Moment;
use std::{collections::HashMap, time::Duration};

/// A key that opened is no stranger's for so long: strangers, however many, do not shut out whoever has come before.
const KNOWN: Duration = Duration::from_hours(24);
/// Keys that are remembered; who opened longest ago is forgotten first.
const MOST_KNOWN: usize = 10_000;

/// A rate and what may be saved up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests in one second.
    pub per_second: f64,
    /// Most at once, after a pause.
    pub burst: f64,
}

/// What is left of it for one key.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    left: f64,
}

impl Bucket {
    /// A full one.
    #[must_use]
    pub fn full(rate: Rate) -> Self {
        Self { left: rate.burst }
    }

    /// Takes one, `since` after the last time that somebody asked.
    ///
    /// # Errors
    /// When there is none: how long until there is.
    pub fn take(&mut self, rate: Rate, since: Duration) -> Result<(), Duration> {
        self.left = since.as_secs_f64().mul_add(rate.per_second, self.left).min(rate.burst);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) / rate.per_second))
    }

    /// Whether forgetting it gives nothing away, `since` after the last time.
    #[must_use]
    pub fn is_full(self, rate: Rate, since: Duration) -> bool {
        since.as_secs_f64().mul_add(rate.per_second, self.left) >= rate.burst
    }
}

/// The keys that opened lately, by their digests.
#[derive(Debug, Default)]
pub struct Known(HashMap<[u8; 32], Moment>);

impl Known {
    /// This one opened then.
    pub fn opened(&mut self, digest: [u8; 32], at: Moment) {
        self.0.insert(digest, at);
        if self.0.len() > MOST_KNOWN {
            let first = self.0.iter().max_by_key(|(_, at)| at.elapsed()).map(|(digest, _)| *digest);
            first.map(|digest| self.0.remove(&digest));
        }
    }

    /// This one opens nothing any more.
    pub fn forget(&mut self, digest: &[u8; 32]) {
        self.0.remove(digest);
    }

    /// Whether it opened lately.
    #[must_use]
    pub fn has(&self, digest: &[u8; 32]) -> bool {
        self.0.get(digest).is_some_and(|at| at.elapsed() < KNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_quiet_for_minutes_is_no_stranger_and_not_everybody_is_remembered() {
        let ago = |minutes| Moment::back(Duration::from_mins(minutes), Duration::ZERO);
        let mut known = Known::default();
        known.opened([1; 32], ago(600));
        known.opened([2; 32], ago(60 * 25));
        assert!(known.has(&[1; 32]) && !known.has(&[2; 32]) && !known.has(&[3; 32]));
        for key in 0..MOST_KNOWN {
            let mut digest = [9; 32];
            digest[..8].copy_from_slice(&key.to_be_bytes());
            known.opened(digest, Moment::now());
        }
        assert_eq!(known.0.len(), MOST_KNOWN);
        assert!(!known.has(&[1; 32]), "it opened longest ago");
        let mut last = [9; 32];
        last[..8].copy_from_slice(&(MOST_KNOWN - 1).to_be_bytes());
        known.forget(&last);
        assert!(!known.has(&last), "a key that opens nothing is a stranger's at once");
    }

    #[test]
    fn a_burst_is_taken_at_once_and_then_one_by_one() {
        let rate = Rate { per_second: 2.0, burst: 3.0 };
        let mut bucket = Bucket::full(rate);
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, Duration::ZERO), Ok(()));
        }
        assert_eq!(bucket.take(rate, Duration::ZERO), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(rate, Duration::from_millis(250)), Err(Duration::from_millis(250)));
        assert_eq!(bucket.take(rate, Duration::from_millis(250)), Ok(()));
        assert!(
            !bucket.is_full(rate, Duration::from_secs(1)) && bucket.is_full(rate, Duration::from_secs(2))
        );
        // However long nobody asks, no more than the burst is saved.
        assert_eq!(bucket.take(rate, Duration::from_hours(1)), Ok(()));
        assert_eq!(bucket.take(rate, Duration::ZERO), Ok(()));
        assert_eq!(bucket.take(rate, Duration::ZERO), Ok(()));
        assert!(bucket.take(rate, Duration::ZERO).is_err());
    }
}
