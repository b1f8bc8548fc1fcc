//! The live log: a ring of the latest events, followed or frozen.

use super::Motion;
use super::rates::Rates;
use crate::domain::filter::{Facts, Filter};
use crate::store::view::LiveEvent;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events kept.
pub const KEPT: usize = 2_000;

/// One event with its number in the order of arrival.
pub type Numbered = (u64, Arc<LiveEvent>);

/// The log.
#[derive(Debug, Clone, Default)]
pub struct LiveLog {
    ring: VecDeque<Numbered>,
    next: u64,
    /// What is shown while the picture stands still; the ring goes on behind it.
    frozen: Option<VecDeque<Numbered>>,
    cursor: Option<u64>,
    /// Events that were lost because nobody read them in time.
    pub dropped: u64,
    /// Only what somebody may want to look at.
    pub errors_only: bool,
    /// What was typed as filter.
    pub filter_text: String,
    /// Only what fits.
    pub filter: Filter,
    /// Minutes that the figures cover: 1, 5 or 15.
    pub window_minutes: usize,
    /// The figures.
    pub rates: Rates,
}

impl LiveLog {
    /// A log that follows.
    pub fn new() -> Self {
        Self { window_minutes: 5, ..Self::default() }
    }

    /// Takes in events, oldest first.
    pub fn add(&mut self, events: impl IntoIterator<Item = Arc<LiveEvent>>) {
        for event in events {
            self.rates.add(&event);
            self.ring.push_back((self.next, event));
            self.next += 1;
            if self.ring.len() > KEPT {
                self.ring.pop_front();
            }
        }
    }

    /// Whether new events come into the picture.
    pub fn follows(&self) -> bool {
        self.frozen.is_none()
    }

    /// Events kept.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Events that came since the picture was frozen.
    pub fn behind(&self) -> u64 {
        let last = self.frozen.as_ref().map(|frozen| frozen.back().map_or(0, |(number, _)| number + 1));
        last.map_or(0, |last| self.next.saturating_sub(last))
    }

    /// Stops the picture, the cursor on its last line; or lets it go on.
    pub fn toggle(&mut self, now: DateTime<Utc>, zone: Tz) {
        if self.frozen.take().is_some() {
            self.cursor = None;
        } else {
            self.freeze();
            self.cursor = self.visible(now, zone).last().map(|(number, _)| *number);
        }
    }

    fn freeze(&mut self) {
        if self.frozen.is_none() {
            self.frozen = Some(self.ring.clone());
        }
    }

    /// Forgets the lines, not the figures.
    pub fn clear(&mut self) {
        self.ring.clear();
        self.frozen = None;
        self.cursor = None;
    }

    /// Lines that are listed, oldest first.
    pub fn visible(&self, now: DateTime<Utc>, zone: Tz) -> Vec<&Numbered> {
        let lines = self.frozen.as_ref().unwrap_or(&self.ring);
        lines.iter().filter(|(_, event)| self.fits(event, now, zone)).collect()
    }

    fn fits(&self, event: &LiveEvent, now: DateTime<Utc>, zone: Tz) -> bool {
        if self.errors_only && !event.kind.is_error() {
            return false;
        }
        if self.filter.is_empty() {
            return true;
        }
        let facts = Facts {
            status: event.kind.name(),
            error: event.code.as_deref().unwrap_or_default(),
            phone: event.phone.as_ref().map_or("", |phone| phone.reveal()),
            number: &event.number,
            campaign: &event.campaign,
            name: &event.campaign,
            updated: Some(event.at),
            ..Facts::default()
        };
        self.filter.matches(&facts, now, zone)
    }

    /// The line under the cursor; none while following.
    pub fn current(&self) -> Option<&Arc<LiveEvent>> {
        let wanted = self.cursor?;
        self.frozen.as_ref()?.iter().find(|(number, _)| *number == wanted).map(|(_, event)| event)
    }

    /// The cursor's position among the visible lines.
    pub fn cursor_in(&self, visible: &[&Numbered]) -> Option<usize> {
        let wanted = self.cursor?;
        // A line that the filter took away leaves the cursor on the one before it.
        visible.iter().rposition(|(number, _)| *number <= wanted).or(if visible.is_empty() {
            None
        } else {
            Some(0)
        })
    }

    /// Moves the cursor, which freezes the picture; going below the last line lets it go on.
    pub fn go(&mut self, motion: Motion, now: DateTime<Utc>, zone: Tz) {
        if self.follows() && matches!(motion, Motion::Bottom | Motion::By(1..)) {
            return;
        }
        self.freeze();
        let visible = self.visible(now, zone);
        let last = visible.len().saturating_sub(1);
        let at = self.cursor_in(&visible).unwrap_or(last);
        let to = motion.from(at, visible.len());
        let target = visible.get(to).map(|(number, _)| *number);
        if matches!(motion, Motion::Bottom) {
            self.frozen = None;
            self.cursor = None;
        } else {
            self.cursor = target;
        }
    }

    /// Goes to the nearest error; answers whether there was one.
    pub fn seek_error(&mut self, forward: bool, now: DateTime<Utc>, zone: Tz) -> bool {
        self.freeze();
        let visible = self.visible(now, zone);
        let at = self.cursor_in(&visible).unwrap_or(visible.len());
        let mut found = if forward {
            visible.iter().skip(at + 1).find(|(_, event)| event.kind.is_error())
        } else {
            visible.iter().take(at).rev().find(|(_, event)| event.kind.is_error())
        };
        let target = found.take().map(|(number, _)| *number);
        if target.is_some() {
            self.cursor = target;
        } else if self.cursor.is_none() {
            self.frozen = None;
        }
        target.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::view::LiveKind;
    use crate::tui::fake::{event, wall};

    const ZONE: Tz = chrono_tz::Africa::Douala;

    fn log(count: u64) -> LiveLog {
        let mut log = LiveLog::new();
        log.add((0..count).map(|at| {
            let kind = if at % 10 == 3 { LiveKind::Fail } else { LiveKind::Ok };
            Arc::new(event(wall(), kind, &format!("n{at}")))
        }));
        log
    }

    #[test]
    fn the_ring_is_bounded_and_keeps_the_latest() {
        let log = log(5_000);
        assert_eq!(log.len(), KEPT);
        assert_eq!(log.visible(wall(), ZONE).last().unwrap().1.number.as_str(), "n4999");
    }

    #[test]
    fn a_frozen_picture_stands_still_and_counts_what_it_misses() {
        let mut log = log(100);
        log.toggle(wall(), ZONE);
        log.add((0..3_000).map(|_| Arc::new(event(wall(), LiveKind::Ok, "new"))));
        assert_eq!(log.visible(wall(), ZONE).len(), 100);
        assert_eq!(log.behind(), 3_000);
        assert_eq!(log.current().unwrap().number.as_str(), "n99");
        log.toggle(wall(), ZONE);
        assert!(log.follows());
        assert_eq!(log.visible(wall(), ZONE).len(), KEPT);
    }

    #[test]
    fn moving_up_freezes_and_the_end_follows_again() {
        let mut log = log(50);
        log.go(Motion::By(-1), wall(), ZONE);
        assert!(!log.follows());
        assert_eq!(log.current().unwrap().number.as_str(), "n48");
        assert!(log.seek_error(false, wall(), ZONE));
        assert_eq!(log.current().unwrap().number.as_str(), "n43");
        log.go(Motion::Bottom, wall(), ZONE);
        assert!(log.follows());
    }

    #[test]
    fn filters_and_errors_only_hide_lines_not_events() {
        let mut log = log(100);
        log.errors_only = true;
        assert_eq!(log.visible(wall(), ZONE).len(), 10);
        log.errors_only = false;
        log.filter = Filter::parse("number:n7", crate::domain::filter::Scope::Live).unwrap();
        assert_eq!(log.visible(wall(), ZONE).len(), 1);
        assert_eq!(log.len(), 100);
    }
}
