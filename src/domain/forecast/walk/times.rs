//! When the messages of a number go out that keeps its distance: what follows them is due by that, and not by when their phase began.

use super::later;
use chrono::{DateTime, TimeDelta, Utc};

/// The slots of so many messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The first of them.
    pub(super) first: DateTime<Utc>,
    /// From one to the next; zero: they need no time, or nobody looks so finely.
    pub(super) gap: TimeDelta,
    /// Messages in each.
    pub(super) batch: u64,
    /// Messages of all campaigns.
    pub(super) messages: u64,
}

impl Times {
    /// When so many of them go out, evenly among the others: each time, and how many then.
    pub(super) fn of(self, count: u64) -> impl Iterator<Item = (DateTime<Utc>, u64)> {
        let slots = self.messages.div_ceil(self.batch.max(1)).max(1);
        let groups = if self.gap.is_zero() { 1 } else { slots.min(count).max(1) };
        (0..groups).map(move |nth| {
            let sent = count / groups + u64::from(nth < count % groups);
            // Which of the slots this group begins with.
            let slot = i32::try_from(slots * nth / groups).unwrap_or(i32::MAX);
            (later(self.first, self.gap, slot), sent)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_out_slot_by_slot() {
        let first: DateTime<Utc> = "2026-06-01T08:00:00Z".parse().unwrap();
        let times =
            |gap: i64, batch, messages| Times { first, gap: TimeDelta::minutes(gap), batch, messages };
        let of = |times: Times, count| -> Vec<(i64, u64)> {
            times.of(count).map(|(at, count)| ((at - first).num_minutes(), count)).collect()
        };
        assert_eq!(of(times(10, 1, 3), 3), [(0, 1), (10, 1), (20, 1)]);
        assert_eq!(of(times(10, 2, 5), 5), [(0, 2), (10, 2), (20, 1)]);
        assert_eq!(of(times(0, 1, 90), 90), [(0, 90)], "no time between them");
        assert_eq!(of(times(10, 1, 6), 2), [(0, 1), (30, 1)], "among those of others");
    }
}
