//! When what is due of a campaign will be done, as far as one can tell from its pace and its limits: one message to each
//! who waits. The forecast proper, with all steps, is elsewhere; this is a column of a list.

use crate::domain::day::{local_date, next_day, start_of_day};
use crate::store::view::RolloutLine;
use chrono::{DateTime, Days, TimeDelta, Utc};
use chrono_tz::Tz;

/// Farther away than this nobody believes an estimate.
const FARTHEST_DAYS: u64 = 3_650;

/// What may still be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Room {
    /// Today; `None`: no limit of ours.
    pub today: Option<u64>,
    /// On a whole day; `None`: no limit of ours.
    pub a_day: Option<u64>,
}

impl Room {
    /// Both bind.
    pub fn and(self, other: Self) -> Self {
        let least = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self { today: least(self.today, other.today), a_day: least(self.a_day, other.a_day) }
    }

    /// Either may be used; one without a limit makes both unlimited.
    pub fn beside(self, other: Self) -> Self {
        let sum = |one: Option<u64>, two: Option<u64>| Some(one?.saturating_add(two?));
        Self { today: sum(self.today, other.today), a_day: sum(self.a_day, other.a_day) }
    }

    /// A daily limit of which so many are used.
    pub fn of(limit: Option<u32>, used: u32) -> Self {
        Self { today: limit.map(|limit| u64::from(limit.saturating_sub(used))), a_day: limit.map(u64::from) }
    }
}

/// When `remaining` messages will have gone out at `per_second` within `room`; `None`: it stands still.
pub(super) fn done_at(
    remaining: u64,
    per_second: f64,
    room: Room,
    now: DateTime<Utc>,
    zone: Tz,
) -> Option<DateTime<Utc>> {
    if remaining == 0 {
        return None;
    }
    let (begin, rest) = match (room.today, room.a_day) {
        (Some(today), Some(a_day)) if remaining > today => {
            if a_day == 0 {
                return None;
            }
            let left = remaining - today;
            let whole_days = (left - 1) / a_day;
            if whole_days > FARTHEST_DAYS {
                return None;
            }
            let first = local_date(next_day(now, zone), zone);
            let day = first.checked_add_days(Days::new(whole_days))?;
            (start_of_day(day, zone), left - whole_days * a_day)
        }
        _ => (now, remaining),
    };
    if per_second <= 0.0 {
        // A full day's limit is no standstill: it goes on tomorrow, at a pace nobody knows.
        return (begin > now).then_some(begin);
    }
    let seconds = f64::from(u32::try_from(rest).unwrap_or(u32::MAX)) / per_second;
    if seconds > 86_400.0 * 3_650.0 {
        return None;
    }
    begin.checked_add_signed(TimeDelta::try_milliseconds(to_milliseconds(seconds))?)
}

/// When the last stage of a rollout will be sent if all goes well: every stage before it lasts as long as its messages take,
/// and as long as its file says at least. `None`: it stands still, or waits for somebody to widen it.
pub(super) fn staged(
    remaining: u64,
    per_second: f64,
    rollout: &RolloutLine,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if per_second <= 0.0 || rollout.held {
        return None;
    }
    let wait = TimeDelta::from_std(rollout.wait).ok()?;
    let takes = |people: u64| {
        let seconds = f64::from(u32::try_from(people).unwrap_or(u32::MAX)) / per_second;
        (seconds <= 86_400.0 * 3_650.0)
            .then(|| TimeDelta::try_milliseconds(to_milliseconds(seconds)))
            .flatten()
    };
    let later = rollout.later();
    let open = remaining.saturating_sub(later.iter().sum());
    let mut at = now.checked_add_signed(takes(open)?)?;
    at = at.max(rollout.since.unwrap_or(now).checked_add_signed(wait)?);
    for (nth, people) in later.iter().enumerate() {
        let is_last = nth + 1 == later.len();
        at = at.checked_add_signed(if is_last { takes(*people)? } else { takes(*people)?.max(wait) })?;
    }
    Some(at)
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by ten years of seconds")]
fn to_milliseconds(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = chrono_tz::Africa::Douala;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn pace_and_limits_give_the_end() {
        let now = at("2026-05-04T12:00:00Z");
        let unlimited = Room::default();
        let limited = Room::of(Some(250), 200);
        let cases = [
            ("nothing left", 0, 10.0, unlimited, None),
            ("by pace", 600, 10.0, unlimited, Some("2026-05-04T12:01:00Z")),
            ("standing still", 600, 0.0, unlimited, None),
            ("fits today", 50, 1.0, limited, Some("2026-05-04T12:00:50Z")),
            ("flows on to tomorrow's midnight in Douala", 51, 1.0, limited, Some("2026-05-04T23:00:01Z")),
            ("fills tomorrow", 300, 1.0, limited, Some("2026-05-04T23:04:10Z")),
            ("needs the day after", 301, 1.0, limited, Some("2026-05-05T23:00:01Z")),
            ("waits for midnight", 51, 0.0, limited, Some("2026-05-04T23:00:00Z")),
            ("a limit of nothing", 5, 1.0, Room::of(Some(0), 0), None),
        ];
        for (name, remaining, per_second, room, expected) in cases {
            assert_eq!(done_at(remaining, per_second, room, now, ZONE), expected.map(at), "{name}");
        }
    }

    #[test]
    fn stages_of_a_rollout_take_their_time() {
        let now = at("2026-05-04T12:00:00Z");
        let rollout = RolloutLine {
            stages: vec![1, 10, 100],
            stage: 1,
            people: 10_000,
            released: 100,
            since: Some(at("2026-05-04T11:30:00Z")),
            why: "has just begun".into(),
            until: None,
            held: false,
            wait: std::time::Duration::from_hours(1),
        };
        assert_eq!((rollout.percent(), rollout.next(), rollout.later()), (1, Some(10), vec![900, 9_000]));
        // The first stage ends at 12:30, the second an hour later, and 9,000 messages take 15 minutes.
        let end = |remaining, stage, per_second| {
            staged(remaining, per_second, &RolloutLine { stage, ..rollout.clone() }, now)
        };
        assert_eq!(end(9_950, 1, 10.0), Some(at("2026-05-04T13:45:00Z")));
        assert_eq!(end(9_400, 2, 10.0), Some(at("2026-05-04T12:45:00Z")), "no further wait after the last");
        assert_eq!(end(9_900, 2, 0.1), Some(at("2026-05-05T15:30:00Z")), "the pace binds");
        assert_eq!(end(9_900, 1, 0.0), None);
        let held = RolloutLine { held: true, ..rollout };
        assert_eq!(staged(9_900, 10.0, &held, now), None, "nobody knows when somebody acts");
    }

    #[test]
    fn the_tighter_of_two_limits_binds() {
        let both = Room::of(Some(100), 90).and(Room::of(Some(50), 0));
        assert_eq!(both, Room { today: Some(10), a_day: Some(50) });
        assert_eq!(Room::default().and(Room::of(Some(5), 1)), Room { today: Some(4), a_day: Some(5) });
        let either = Room::of(Some(100), 90).beside(Room::of(Some(50), 0));
        assert_eq!(either, Room { today: Some(60), a_day: Some(150) });
        assert_eq!(Room::default().beside(Room::of(Some(5), 1)), Room::default());
    }
}
