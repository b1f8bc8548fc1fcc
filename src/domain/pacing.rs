//! Pacing: when a number may send again, and how many messages at once.
//!
//! A number's time is cut into slots. At each slot a claim takes at most [`Slots::batch`] messages, and the next slot
//! opens [`Slots::gap`] later, however few were taken. Slots are placed so that no window of one second, wherever it
//! begins, holds more than the rate; a bucket that refills by the message would let a full batch follow a second of
//! single messages and exceed it. Jitter makes a gap longer, never shorter.
//!
//! The next slot is kept with the number in the database (`next_send_at`), so a takeover cannot shorten a gap.

use super::health::Quality;
use super::hold::Hold;
use super::number::{LAST_PRIORITY, Pacing};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Largest part of an interval that jitter adds.
pub const JITTER_SHARE: f64 = 0.25;
/// Most slots a second: a batch is at most what the rate allows in 100 ms, so that a crash leaves little in doubt.
const SLOTS_PER_SECOND: u32 = 10;
/// Longest gap that is kept; an interval of years would leave the calendar.
const LONGEST_GAP: Duration = Duration::from_hours(366 * 24);

/// The place of a number in the order of its pool: its priority, but after all others where many complain.
#[must_use]
pub fn place(priority: i32, quality: Option<Quality>) -> i32 {
    if quality == Some(Quality::Red) { priority.saturating_add(LAST_PRIORITY + 1) } else { priority }
}

/// How a number's time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// Most messages at one slot, at least one. Not yet bounded by what is on the wire.
    pub batch: u32,
    /// From one slot to the next, before jitter.
    pub gap: Duration,
    /// Whether jitter makes the gap longer: only spacing is random, a rate is not.
    pub jittered: bool,
}

impl Slots {
    /// The slots of a number with this pacing.
    #[must_use]
    pub fn of(pacing: &Pacing) -> Self {
        let in_flight = pacing.in_flight.max(1);
        if !pacing.interval.is_zero() {
            let by_rate = gap_of(pacing.per_second, 1);
            let gap = pacing.interval.max(by_rate).min(LONGEST_GAP);
            return Self { batch: 1, gap, jittered: true };
        }
        if pacing.per_second == 0 {
            return Self { batch: in_flight, gap: Duration::ZERO, jittered: false };
        }
        let batch = best_batch(pacing.per_second).min(in_flight);
        Self { batch, gap: gap_of(pacing.per_second, batch), jittered: false }
    }

    /// The gap that follows a claim. `jitter` is drawn by the caller, in `[0, 1)`; anything else is moved into it.
    #[must_use]
    pub fn gap_with(&self, jitter: f64) -> Duration {
        if !self.jittered || jitter.is_nan() {
            return self.gap;
        }
        self.gap + self.gap.mul_f64(JITTER_SHARE * jitter.clamp(0.0, 1.0))
    }

    /// When the slot after a claim made at `now` opens.
    #[must_use]
    pub fn next_after(&self, now: DateTime<Utc>, jitter: f64) -> DateTime<Utc> {
        later(now, self.gap_with(jitter))
    }
}

/// The batch, at most a tenth of the rate, that wastes least of it: whole batches fit into a second as
/// `rate / batch`, rounded down, and the rest is lost. Of equally good ones the largest, never less than half of the
/// largest allowed: fewer claims cost less.
fn best_batch(per_second: u32) -> u32 {
    let largest = (per_second / SLOTS_PER_SECOND).max(1);
    // Above 1,000 a second the waste of any batch near the top is under one percent.
    let smallest = (largest / 2 + 1).max(largest.saturating_sub(100));
    (smallest..=largest).rev().min_by_key(|batch| per_second % batch).unwrap_or(largest)
}

/// Time between slots of `batch` messages at `per_second`, rounded up to the microseconds that Postgres keeps.
fn gap_of(per_second: u32, batch: u32) -> Duration {
    if per_second == 0 {
        return Duration::ZERO;
    }
    let slots = (per_second / batch.max(1)).max(1);
    Duration::from_micros(1_000_000_u64.div_ceil(u64::from(slots)))
}

fn later(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| at.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What a number may do at `now`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Claim at most this many messages, at least one.
    Claim(u32),
    /// Nothing now: [`Hold::Paced`] or [`Hold::InFlightFull`].
    Wait(Hold),
}

/// Whether a number's slot is open, and how many messages it may claim. `next_send_at` is the number's next slot
/// (`None`: it never sent), `in_air` the requests of the number that are on the wire.
#[must_use]
pub fn turn(pacing: &Pacing, now: DateTime<Utc>, next_send_at: Option<DateTime<Utc>>, in_air: u32) -> Turn {
    if let Some(until) = next_send_at.filter(|until| *until > now) {
        return Turn::Wait(Hold::Paced { until });
    }
    match burst(pacing, in_air) {
        0 => Turn::Wait(Hold::InFlightFull { limit: pacing.in_flight.max(1) }),
        count => Turn::Claim(count),
    }
}

/// How many messages may be claimed at an open slot while `in_air` requests of the number are on the wire.
#[must_use]
pub fn burst(pacing: &Pacing, in_air: u32) -> u32 {
    Slots::of(pacing).batch.min(pacing.in_flight.max(1).saturating_sub(in_air))
}

/// When the slot after a claim made at `now` opens: the value for `next_send_at`.
#[must_use]
pub fn next_send_at(pacing: &Pacing, now: DateTime<Utc>, jitter: f64) -> DateTime<Utc> {
    Slots::of(pacing).next_after(now, jitter)
}

/// How many messages a number sends in `span` at most, for forecasts: by its spacing with the mean jitter, or by its
/// rate. `None`: no limit of our own.
#[must_use]
pub fn capacity_in(pacing: &Pacing, span: Duration) -> Option<u64> {
    let slots = Slots::of(pacing);
    let gap = slots.gap_with(0.5);
    if gap.is_zero() {
        return None;
    }
    let count = span.as_nanos().div_ceil(gap.as_nanos()).saturating_mul(u128::from(slots.batch));
    Some(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
