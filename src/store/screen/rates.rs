//! How fast campaigns go: from one picture to the next.
//!
//! The ledger is not asked "how many in the last ten seconds" every second. The counts that are read anyway say it: what
//! was begun since the picture of ten seconds ago.

use crate::domain::ids::CampaignId;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};

/// How far back a rate looks.
const WINDOW: TimeDelta = TimeDelta::seconds(10);
/// Pictures kept, whatever their distance: bounded memory.
const KEPT: usize = 64;

/// Attempts begun by each campaign, as of the last pictures.
#[derive(Debug, Clone, Default)]
pub struct RateWindow {
    samples: VecDeque<(DateTime<Utc>, HashMap<CampaignId, u64>)>,
}

impl RateWindow {
    /// Notes a picture. Times that go backwards begin anew.
    pub fn note(&mut self, at: DateTime<Utc>, attempts: HashMap<CampaignId, u64>) {
        if self.samples.back().is_some_and(|(last, _)| *last >= at) {
            self.samples.clear();
        }
        self.samples.push_back((at, attempts));
        // The oldest one kept is the newest that is at least one window old.
        while self.samples.len() > KEPT
            || self.samples.get(1).is_some_and(|(second, _)| at - *second >= WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// Messages a second of one campaign; `None`: there is only one picture yet.
    #[must_use]
    pub fn of(&self, campaign: CampaignId) -> Option<f64> {
        let (first_at, first) = self.samples.front()?;
        let (last_at, last) = self.samples.back().filter(|_| self.samples.len() > 1)?;
        let seconds = (*last_at - *first_at).as_seconds_f64();
        let last = last.get(&campaign)?;
        let begun = last.saturating_sub(*first.get(&campaign).unwrap_or(last));
        Some(f64::from(u32::try_from(begun).unwrap_or(u32::MAX)) / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_rate_is_the_difference_over_the_window() {
        let campaign = CampaignId::new();
        let mut window = RateWindow::default();
        assert_eq!(window.of(campaign), None);
        for second in 0..30 {
            let begun = if second < 20 { 100 * second } else { 1_900 };
            window.note(at(second), HashMap::from([(campaign, u64::try_from(begun).unwrap())]));
            let expected = match second {
                0 => None,
                1..=19 => Some(100.0),
                second => Some(f64::from(i32::try_from((29 - second) * 10).unwrap())),
            };
            assert_eq!(window.of(campaign), expected, "second {second}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_starts_anew() {
        let campaign = CampaignId::new();
        let mut window = RateWindow::default();
        window.note(at(100), HashMap::from([(campaign, 10)]));
        window.note(at(50), HashMap::from([(campaign, 20)]));
        assert_eq!(window.of(campaign), None);
        window.note(at(51), HashMap::from([(campaign, 30)]));
        assert_eq!(window.of(campaign), Some(10.0));
    }

    #[test]
    fn a_campaign_that_is_new_has_begun_nothing_yet() {
        let campaign = CampaignId::new();
        let mut window = RateWindow::default();
        window.note(at(0), HashMap::new());
        window.note(at(1), HashMap::from([(campaign, 500)]));
        assert_eq!(window.of(campaign), Some(0.0));
    }
}
