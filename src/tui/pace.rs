//! When the next frame may be drawn: at once after a key, four times a second for live data, slower when the link is.

use crate::tui::model::Dirty;
use std::time::{Duration, Instant};

/// Between two frames that answer keys.
const INPUT: Duration = Duration::from_millis(33);
/// Between two frames of live data.
const LIVE: Duration = Duration::from_millis(250);
/// However slow the link, a frame a second; a link that stood still for a minute must not cost four more.
const SLOWEST: Duration = Duration::from_secs(1);
/// The storm of sizes while a window is dragged ends after so long.
const SETTLE: Duration = Duration::from_millis(50);

/// The pace.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    last: Option<(Instant, Duration)>,
    settled_at: Option<Instant>,
}

impl Pace {
    /// A frame was begun at `start` and handing it over took `took`.
    pub fn drawn(&mut self, start: Instant, took: Duration) {
        self.last = Some((start, took));
    }

    /// The terminal has another size.
    pub fn resized(&mut self, now: Instant) {
        self.settled_at = Some(now + SETTLE);
    }

    /// When a frame for this kind of change may be drawn.
    pub fn not_before(&self, dirty: Dirty, now: Instant) -> Instant {
        let least = if dirty == Dirty::Input { INPUT } else { LIVE };
        let by_link = self
            .last
            .map_or(now, |(start, took)| start + took + Self::wait(least, took).saturating_sub(took));
        self.settled_at.map_or(by_link, |settled| by_link.max(settled))
    }

    fn wait(least: Duration, took: Duration) -> Duration {
        (took * 4).clamp(least, SLOWEST.max(least))
    }

    /// Frames a second of live data on this link.
    pub fn frames_per_second(&self) -> u32 {
        let took = self.last.map_or(Duration::ZERO, |(_, took)| took);
        let wait = Self::wait(LIVE, took).as_millis().max(1);
        u32::try_from(1000 / wait).unwrap_or(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_answered_at_once_then_thirty_times_a_second() {
        let now = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.not_before(Dirty::Input, now), now);
        pace.drawn(now, Duration::from_millis(1));
        assert_eq!(pace.not_before(Dirty::Input, now), now + INPUT);
        assert_eq!(pace.not_before(Dirty::Live, now), now + LIVE);
        assert_eq!(pace.frames_per_second(), 4);
    }

    #[test]
    fn a_slow_link_gets_fewer_frames_but_never_none() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.drawn(now, Duration::from_millis(100));
        assert_eq!(pace.not_before(Dirty::Input, now), now + Duration::from_millis(400));
        assert_eq!(pace.frames_per_second(), 2);
        pace.drawn(now, Duration::from_mins(1));
        assert!(pace.not_before(Dirty::Live, now) <= now + Duration::from_secs(61));
        assert_eq!(pace.frames_per_second(), 1);
    }

    #[test]
    fn a_storm_of_sizes_is_waited_out() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.resized(now);
        assert_eq!(pace.not_before(Dirty::Input, now), now + SETTLE);
    }
}
