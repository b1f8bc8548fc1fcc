//! Days of a time zone, as instants.
//!
//! A cap belongs to a local date, and a date ends where the zone says: some dates have 23 or 25 hours, some have no
//! midnight (Cairo, Beirut), some begin twice (St John's before 2011), one was left out altogether (Apia, 2011).
//! Nothing is reset at midnight: usage is keyed by date (`reliability.md`, section 5), so what is told here is only
//! *when the key changes*, for those who wait and those who watch.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use std::fmt;

/// The date that a calendar in `zone` shows at `at`: the key under which usage is charged.
#[must_use]
pub fn local_date(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The first instant of `date` in `zone`: midnight, or the first moment after it where there is none. A date that the
/// zone left out begins where the next one does.
#[must_use]
pub fn start_of_day(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    starts(date, zone).0
}

/// When the local date after that of `at` begins: the moment at which a full daily cap opens. Always later than `at`.
///
/// Where a clock goes back over midnight the date begins twice; from the hour between, this is the second beginning.
#[must_use]
pub fn next_day(at: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let mut date = local_date(at, zone);
    // One step is enough for every date but the one before a date that was left out.
    for _ in 0..2 {
        date = date.succ_opt().unwrap_or(NaiveDate::MAX);
        let (first, again) = starts(date, zone);
        if let Some(start) = [first, again].into_iter().find(|start| *start > at) {
            return start;
        }
    }
    at + TimeDelta::days(1)
}

/// How long `date` is in `zone`: 24 hours, but for the dates on which clocks change; zero for one that was left out.
#[must_use]
pub fn length_of_day(date: NaiveDate, zone: Tz) -> TimeDelta {
    let next = date.succ_opt().unwrap_or(NaiveDate::MAX);
    start_of_day(next, zone) - start_of_day(date, zone)
}

/// Both beginnings of a date; they differ only where the clock goes back over midnight.
fn starts(date: NaiveDate, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    let midnight = date.and_time(NaiveTime::MIN);
    match resolve(midnight, zone) {
        Ok(start) => (start, start),
        Err(LocalTimeError::Twice { first, second, .. }) => (first, second),
        Err(LocalTimeError::Missing { opens, .. }) => (opens, opens),
    }
}

/// A local time that does not name one instant. Reads well after "`starts_at` …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalTimeError {
    /// The clock jumps over it.
    Missing {
        /// The time that was asked for.
        local: NaiveDateTime,
        /// The zone it was read in.
        zone: Tz,
        /// The first instant after the jump.
        opens: DateTime<Utc>,
    },
    /// The clock shows it twice.
    Twice {
        /// The time that was asked for.
        local: NaiveDateTime,
        /// The zone it was read in.
        zone: Tz,
        /// The earlier reading.
        first: DateTime<Utc>,
        /// The later reading.
        second: DateTime<Utc>,
    },
}

impl std::error::Error for LocalTimeError {}

impl fmt::Display for LocalTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORM: &str = "%Y-%m-%dT%H:%M";
        match *self {
            Self::Missing { local, zone, opens } => {
                let jump = jump_at(opens, zone);
                write!(
                    f,
                    "{} does not exist in {zone}: the clock jumps over it. Write {} (before) or {} (after)",
                    local.format(FORM),
                    (local - jump).format(FORM),
                    (local + jump).format(FORM),
                )
            }
            Self::Twice { local, zone, first, second } => {
                let (first, second) = (first.with_timezone(&zone), second.with_timezone(&zone));
                write!(
                    f,
                    "{} happens twice in {zone}, when the clock goes back: it can mean {} or {}. Write a time \
                     outside the repeated hour",
                    local.format(FORM),
                    first.format("%H:%M UTC%:z"),
                    second.format("%H:%M UTC%:z"),
                )
            }
        }
    }
}

/// By how much the clock jumps forward at `opens`.
fn jump_at(opens: DateTime<Utc>, zone: Tz) -> TimeDelta {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(i64::from(offset(opens) - offset(opens - TimeDelta::seconds(1))))
}

/// The one instant that a clock in `zone` shows as `local`.
///
/// # Errors
/// When the clock never shows it, or shows it twice.
pub fn resolve(local: NaiveDateTime, zone: Tz) -> Result<DateTime<Utc>, LocalTimeError> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(at.with_timezone(&Utc)),
        LocalResult::Ambiguous(one, other) => {
            let (one, other) = (one.with_timezone(&Utc), other.with_timezone(&Utc));
            Err(LocalTimeError::Twice { local, zone, first: one.min(other), second: one.max(other) })
        }
        LocalResult::None => {
            let opens = GapInfo::new(&local, &zone)
                .and_then(|gap| gap.end)
                .map_or_else(|| local.and_utc(), |end| end.with_timezone(&Utc));
            Err(LocalTimeError::Missing { local, zone, opens })
        }
    }
}

/// Whether a clock in `zone` shows the local time of `at` twice, so that an offset has to stand beside it.
#[must_use]
pub fn is_repeated(at: DateTime<Utc>, zone: Tz) -> bool {
    let local = at.with_timezone(&zone).naive_local();
    matches!(zone.from_local_datetime(&local), LocalResult::Ambiguous(..))
}

#[cfg(test)]
mod tests;
