//! Points in time as an operator types them: `02:00`, `2026-05-04`, `2026-05-04T14:00`, `10m`, `2h`, `3d`.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;

/// A point in time that may depend on when the question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long ago.
    Ago(Duration),
    /// The last time the clock showed this, in the organisation's zone.
    Today(NaiveTime),
    /// This date and time in the organisation's zone.
    Local(NaiveDateTime),
}

impl When {
    /// Reads one; `None` if it is none of the forms.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M") {
            return Some(Self::Today(time));
        }
        if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M:%S") {
            return Some(Self::Today(time));
        }
        for form in ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"] {
            if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
                return Some(Self::Local(at));
            }
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Local(day.and_time(NaiveTime::MIN)));
        }
        let unit = text.chars().last()?;
        let count: i64 =
            text.strip_suffix(unit)?.parse().ok().filter(|count| (0..100_000).contains(count))?;
        match unit {
            's' => Some(Self::Ago(Duration::seconds(count))),
            'm' => Some(Self::Ago(Duration::minutes(count))),
            'h' => Some(Self::Ago(Duration::hours(count))),
            'd' => Some(Self::Ago(Duration::days(count))),
            _ => None,
        }
    }

    /// The moment it means, asked at `now`.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Ago(ago) => now - ago,
            Self::Today(time) => {
                let today = now.with_timezone(&zone).date_naive();
                let at = resolve(today.and_time(time), zone, now);
                if at > now { resolve((today - Duration::days(1)).and_time(time), zone, now) } else { at }
            }
            Self::Local(at) => resolve(at, zone, now),
        }
    }
}

/// A local time that a clock change skipped means the moment of the change; one that came twice means the first.
fn resolve(local: NaiveDateTime, zone: Tz, fallback: DateTime<Utc>) -> DateTime<Utc> {
    (0..=8)
        .find_map(|quarter| zone.from_local_datetime(&(local + Duration::minutes(15 * quarter))).earliest())
        .map_or(fallback, |at| at.with_timezone(&Utc))
}
