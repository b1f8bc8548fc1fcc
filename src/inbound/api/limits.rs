//! How often a key may ask: a bucket that fills at a rate and holds so many.

use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

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
