//! The only place of the sender that reads a clock.
//!
//! What two instances must agree on is decided by the database's clock. These clocks only bound how long this process
//! may trust what it was told.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::{Duration, Instant, SystemTime};

/// A moment on both of this machine's clocks. The monotonic one stands still while a machine sleeps, and the wall
/// clock can be set: whichever says *later* counts.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: wall() }
    }

    /// So long ago on each of the two clocks.
    #[cfg(test)]
    pub fn back(monotonic: Duration, wall: Duration) -> Self {
        let now = Self::now();
        let monotonic = now.monotonic.checked_sub(monotonic).unwrap_or(now.monotonic);
        Self { monotonic, wall: now.wall.checked_sub(wall).unwrap_or(now.wall) }
    }

    /// How long ago this was, by the clock that says more. A wall clock that was set back says nothing.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.monotonic.elapsed().max(wall().duration_since(self.wall).unwrap_or_default())
    }

    /// Whether this was before `other`, in the order of this process's steps.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.monotonic < other.monotonic
    }

    /// How long ago this was by the monotonic clock alone: for durations that are only shown.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.monotonic.elapsed()
    }
}

/// What this machine's wall clock shows.
#[cfg(not(debug_assertions))]
#[must_use]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// What this machine's wall clock shows. `SIGNALBOX_WALL_JUMP=3:-3600` lets a test set it back by an hour after three
/// seconds, as an administrator or a time server may.
#[cfg(debug_assertions)]
#[must_use]
pub fn wall() -> SystemTime {
    use std::sync::LazyLock;
    static JUMP: LazyLock<Option<(Instant, f64)>> = LazyLock::new(|| {
        let value = std::env::var("SIGNALBOX_WALL_JUMP").ok()?;
        let (after, by) = value.split_once(':')?;
        Some((Instant::now() + Duration::from_secs_f64(after.parse().ok()?), by.parse().ok()?))
    });
    let now = SystemTime::now();
    match *JUMP {
        Some((at, by)) if Instant::now() >= at => {
            let by_much = Duration::from_secs_f64(by.abs());
            let jumped = if by < 0.0 { now.checked_sub(by_much) } else { now.checked_add(by_much) };
            jumped.unwrap_or(now)
        }
        _ => now,
    }
}

/// The clock that campaigns live by.
#[derive(Debug, Clone, Copy)]
pub enum CampaignClock {
    /// The database's.
    Database,
    /// A rehearsal's: starts at a time and runs faster. Leases and heartbeats keep real time.
    Rehearsal {
        /// What it showed at its start.
        start: DateTime<Utc>,
        /// How many times faster than real time it runs.
        speed: f64,
        /// When it was started.
        since: Moment,
    },
}

impl CampaignClock {
    /// What a statement should take as now; `None`: the database's own clock.
    #[must_use]
    pub fn now(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Database => None,
            Self::Rehearsal { start, speed, since } => {
                let passed = since.elapsed().mul_f64(*speed);
                Some(*start + TimeDelta::from_std(passed).unwrap_or(TimeDelta::MAX))
            }
        }
    }

    /// An estimate of now from a time that the database told `since` ago.
    #[must_use]
    pub fn estimate(&self, told: DateTime<Utc>, since: &Moment) -> DateTime<Utc> {
        self.now().unwrap_or_else(|| told + TimeDelta::from_std(since.elapsed()).unwrap_or(TimeDelta::zero()))
    }

    /// How long to wait in real time until the campaign clock shows `at`.
    #[must_use]
    pub fn until(&self, now: DateTime<Utc>, at: DateTime<Utc>) -> Duration {
        let wait = (at - now).to_std().unwrap_or_default();
        match self {
            Self::Database => wait,
            Self::Rehearsal { speed, .. } => wait.div_f64(speed.max(f64::MIN_POSITIVE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn whichever_clock_says_later_counts() {
        let slept = Moment::back(SECOND, SECOND * 60);
        assert!(slept.age() >= SECOND * 60, "a machine that slept for a minute: {:?}", slept.age());
        let ago = Moment::back(SECOND * 20, Duration::ZERO);
        let set_back = Moment { wall: ago.wall + SECOND * 3_600, ..ago };
        assert!(set_back.age() >= SECOND * 20, "a wall clock that was set back: {:?}", set_back.age());
        assert!(slept.elapsed() < SECOND * 60, "what is shown and paced knows the monotonic clock only");
    }

    #[test]
    fn a_wall_clock_that_was_set_moves_no_estimate() {
        let told = "2026-03-10T09:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let estimate = CampaignClock::Database.estimate(told, &Moment::back(SECOND * 2, SECOND * 3_600));
        let passed = estimate - told;
        assert!(passed >= TimeDelta::seconds(2) && passed < TimeDelta::seconds(60), "{passed}");
    }
}
