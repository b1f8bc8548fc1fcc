//! Figures of the last quarter of an hour, from the live events: a slot a second for the chart, a slot of ten seconds
//! by number and by error. Bounded whatever happens.

use crate::domain::text::Safe;
use crate::store::view::{LiveEvent, LiveKind};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Seconds kept.
pub const SECONDS: usize = 15 * 60;
const SLOT_SECONDS: i64 = 10;
const SLOTS: usize = SECONDS / 10;
/// Names kept in one slot; more are counted together.
const NAMES: usize = 200;
/// Latencies fall into buckets, four to each doubling: 1 ms to about 150 s.
const BUCKETS: usize = 69;

#[derive(Debug, Clone, Copy)]
struct Second {
    ok: u32,
    fail: u32,
    retry: u32,
    other: u32,
    took: [u16; BUCKETS],
}

impl Default for Second {
    fn default() -> Self {
        Self { ok: 0, fail: 0, retry: 0, other: 0, took: [0; BUCKETS] }
    }
}

#[derive(Debug, Clone, Default)]
struct Slot {
    by_number: BTreeMap<Safe, (u32, u32)>,
    by_error: BTreeMap<Safe, (u32, Safe)>,
}

/// The figures.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    /// The newest is the last; `newest` is its second since the epoch.
    seconds: VecDeque<Second>,
    newest: i64,
    slots: VecDeque<Slot>,
    newest_slot: i64,
}

/// Sums over a window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Summary {
    /// Accepted.
    pub ok: u32,
    /// Refused for good, in doubt, or not sent.
    pub fail: u32,
    /// To be tried again.
    pub retry: u32,
    /// Half of the answers took no longer.
    pub p50: Option<Duration>,
    /// All but one of a hundred took no longer.
    pub p99: Option<Duration>,
}

impl Summary {
    /// Attempts in all.
    pub fn all(&self) -> u32 {
        self.ok + self.fail + self.retry
    }
}

impl Rates {
    /// Counts an event.
    pub fn add(&mut self, event: &LiveEvent) {
        if event.kind == LiveKind::Move {
            return;
        }
        let at = event.at.timestamp();
        if let Some(second) = self.second(at) {
            match event.kind {
                LiveKind::Ok => second.ok += 1,
                LiveKind::Fail => second.fail += 1,
                LiveKind::Retry => second.retry += 1,
                LiveKind::Doubt | LiveKind::Unsent | LiveKind::Move => second.other += 1,
            }
            if let Some(took) = event.took {
                let bucket = bucket(took);
                second.took[bucket] = second.took[bucket].saturating_add(1);
            }
        }
        if let Some(slot) = self.slot(at.div_euclid(SLOT_SECONDS)) {
            if slot.by_number.len() < NAMES || slot.by_number.contains_key(&event.number) {
                let sums = slot.by_number.entry(event.number.clone()).or_default();
                if event.kind == LiveKind::Ok { sums.0 += 1 } else { sums.1 += 1 }
            }
            if let Some(code) = event.code.as_ref().filter(|_| event.kind != LiveKind::Ok)
                && (slot.by_error.len() < NAMES || slot.by_error.contains_key(code))
            {
                slot.by_error.entry(code.clone()).or_insert_with(|| (0, event.words.clone())).0 += 1;
            }
        }
    }

    fn second(&mut self, at: i64) -> Option<&mut Second> {
        roll(&mut self.seconds, &mut self.newest, at, SECONDS)
    }

    fn slot(&mut self, at: i64) -> Option<&mut Slot> {
        roll(&mut self.slots, &mut self.newest_slot, at, SLOTS)
    }

    /// Accepted in each of the last `seconds` seconds before `now`, oldest first.
    pub fn accepted(&self, now: DateTime<Utc>, seconds: usize) -> Vec<u32> {
        self.window(now.timestamp(), seconds).map(|second| second.map_or(0, |second| second.ok)).collect()
    }

    /// Whether the last `seconds` seconds saw anything.
    pub fn is_moving(&self, now: DateTime<Utc>, seconds: usize) -> bool {
        !self.seconds.is_empty()
            && self.newest.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)) > now.timestamp()
    }

    fn window(&self, now: i64, seconds: usize) -> impl Iterator<Item = Option<&Second>> {
        let span = i64::try_from(seconds).unwrap_or(i64::MAX);
        (now - span + 1..=now).map(|at| {
            let back = usize::try_from(self.newest - at).ok()?;
            self.seconds.len().checked_sub(back + 1).and_then(|index| self.seconds.get(index))
        })
    }

    /// Sums of the last `seconds` seconds.
    pub fn summary(&self, now: DateTime<Utc>, seconds: usize) -> Summary {
        let mut sums = Summary::default();
        let mut took = [0_u32; BUCKETS];
        for second in self.window(now.timestamp(), seconds).flatten() {
            sums.ok += second.ok;
            sums.fail += second.fail + second.other;
            sums.retry += second.retry;
            for (sum, part) in took.iter_mut().zip(second.took) {
                *sum += u32::from(part);
            }
        }
        sums.p50 = quantile(&took, 50);
        sums.p99 = quantile(&took, 99);
        sums
    }

    /// Accepted and not, by number, most used first.
    pub fn by_number(&self, now: DateTime<Utc>, seconds: usize) -> Vec<(Safe, u32, u32)> {
        let mut sums: BTreeMap<&Safe, (u32, u32)> = BTreeMap::new();
        for slot in self.slots_in(now, seconds) {
            for (number, (ok, fail)) in &slot.by_number {
                let sum = sums.entry(number).or_default();
                sum.0 += ok;
                sum.1 += fail;
            }
        }
        let mut rows: Vec<_> =
            sums.into_iter().map(|(number, (ok, fail))| (number.clone(), ok, fail)).collect();
        rows.sort_by_key(|(_, ok, fail)| std::cmp::Reverse(ok + fail));
        rows
    }

    /// Failures by code, the most frequent first.
    pub fn by_error(&self, now: DateTime<Utc>, seconds: usize) -> Vec<(Safe, Safe, u32)> {
        let mut sums: BTreeMap<&Safe, (u32, &Safe)> = BTreeMap::new();
        for slot in self.slots_in(now, seconds) {
            for (code, (count, words)) in &slot.by_error {
                sums.entry(code).or_insert((0, words)).0 += count;
            }
        }
        let mut rows: Vec<_> =
            sums.into_iter().map(|(code, (count, words))| (code.clone(), words.clone(), count)).collect();
        rows.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
        rows
    }

    fn slots_in(&self, now: DateTime<Utc>, seconds: usize) -> impl Iterator<Item = &Slot> {
        let newest_wanted = now.timestamp().div_euclid(SLOT_SECONDS);
        let oldest_wanted = newest_wanted - i64::try_from(seconds / 10).unwrap_or(0);
        self.slots.iter().rev().enumerate().filter_map(move |(back, slot)| {
            let at = self.newest_slot - i64::try_from(back).ok()?;
            (oldest_wanted..=newest_wanted).contains(&at).then_some(slot)
        })
    }
}

/// The entry for `at` in a ring whose newest entry stands for `newest`; `None` if that is too long ago.
fn roll<'a, T: Default + Clone>(
    ring: &'a mut VecDeque<T>,
    newest: &mut i64,
    at: i64,
    kept: usize,
) -> Option<&'a mut T> {
    if ring.is_empty() {
        *newest = at;
        ring.push_back(T::default());
    }
    // A clock that jumps by days must not make us count through them.
    if at.saturating_sub(*newest) > i64::try_from(kept).unwrap_or(i64::MAX) {
        ring.clear();
        ring.push_back(T::default());
        *newest = at;
    }
    while *newest < at {
        ring.push_back(T::default());
        *newest += 1;
        if ring.len() > kept {
            ring.pop_front();
        }
    }
    let back = usize::try_from(*newest - at).ok().filter(|back| *back < kept)?;
    // Events of several instances come a little out of order.
    while ring.len() <= back {
        ring.push_front(T::default());
    }
    let index = ring.len() - 1 - back;
    ring.get_mut(index)
}

fn bucket(took: Duration) -> usize {
    let quarters = (took.as_secs_f64() * 1000.0).max(1.0).log2() * 4.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "zero or more, and bounded below"
    )]
    let bucket = quarters as usize;
    bucket.min(BUCKETS - 1)
}

/// The middle of the bucket in which the quantile lies: right to a tenth.
fn quantile(took: &[u32; BUCKETS], percent: u32) -> Option<Duration> {
    let all: u64 = took.iter().map(|count| u64::from(*count)).sum();
    if all == 0 {
        return None;
    }
    let wanted = (all * u64::from(percent)).div_ceil(100);
    let mut seen = 0;
    for (bucket, count) in took.iter().enumerate() {
        seen += u64::from(*count);
        if seen >= wanted {
            let middle = (f64::from(u32::try_from(bucket).ok()?) + 0.5) / 4.0;
            return Some(Duration::from_secs_f64(middle.exp2() / 1000.0));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fake::event;

    #[test]
    fn sums_are_of_their_window() {
        let mut rates = Rates::default();
        let now = crate::tui::fake::wall();
        for second in 0..120_i64 {
            for _ in 0..10 {
                rates.add(&event(now - chrono::Duration::seconds(second), LiveKind::Ok, "support-a"));
            }
            rates.add(&event(now - chrono::Duration::seconds(second), LiveKind::Fail, "promo"));
        }
        let minute = rates.summary(now, 60);
        assert_eq!((minute.ok, minute.fail), (600, 60));
        assert_eq!(rates.accepted(now, 60), vec![10; 60]);
        assert_eq!(rates.summary(now, SECONDS).all(), 120 * 11);
        assert_eq!(rates.by_number(now, 900)[0].1, 1200);
        assert_eq!(rates.by_error(now, 900)[0].2, 120);
        let p50 = minute.p50.unwrap().as_millis();
        assert!((400..=900).contains(&p50), "{p50}");
    }

    #[test]
    fn a_jump_of_the_clock_costs_nothing() {
        let mut rates = Rates::default();
        let now = crate::tui::fake::wall();
        rates.add(&event(now, LiveKind::Ok, "a"));
        rates.add(&event(now + chrono::Duration::days(40_000), LiveKind::Ok, "a"));
        rates.add(&event(now, LiveKind::Ok, "a"));
        assert!(rates.seconds.len() <= SECONDS && rates.slots.len() <= SLOTS);
    }

    #[test]
    fn many_names_are_bounded() {
        let mut rates = Rates::default();
        for number in 0..10_000 {
            rates.add(&event(crate::tui::fake::wall(), LiveKind::Fail, &format!("n{number}")));
        }
        assert!(rates.slots.iter().all(|slot| slot.by_number.len() <= NAMES));
    }
}
