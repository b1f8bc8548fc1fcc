//! Values as operators write them, in arguments, files and forms: each refused with a sentence that says what it should be.

use super::{day, number::LAST_PRIORITY, phone::Phone};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

/// A limit, or its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most so many.
    AtMost(u32),
    /// `none`.
    None,
}

impl Limit {
    /// As the domain has it.
    #[must_use]
    pub fn get(self) -> Option<u32> {
        match self {
            Self::AtMost(most) => Some(most),
            Self::None => None,
        }
    }

    /// As the database has it.
    #[must_use]
    pub fn column(self) -> Option<i32> {
        self.get().and_then(|most| i32::try_from(most).ok())
    }
}

/// A phone in international form.
///
/// # Errors
/// What it should be.
pub fn phone(raw: &str) -> Result<Phone, String> {
    Phone::parse(raw).map_err(|error| format!("the phone {error}"))
}

fn whole(raw: &str, from: i64, to: i64, what: &str) -> Result<i64, String> {
    let value: i64 =
        raw.trim().parse().map_err(|_| format!("{what} is a whole number from {from} to {to}"))?;
    if (from..=to).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{what} is a whole number from {from} to {to}"))
    }
}

fn small(raw: &str, from: i64, to: i64, what: &str) -> Result<u32, String> {
    whole(raw, from, to, what).map(|value| u32::try_from(value).unwrap_or_default())
}

/// A number's daily limit: 0 sends nothing, `none` takes the limit off.
///
/// # Errors
/// What it should be.
pub fn number_limit(raw: &str) -> Result<Limit, String> {
    limit(raw, 0, "a daily limit")
}

/// A limit of at least one, or `none`.
///
/// # Errors
/// What it should be.
pub fn positive_limit(raw: &str) -> Result<Limit, String> {
    limit(raw, 1, "a limit")
}

fn limit(raw: &str, from: i64, what: &str) -> Result<Limit, String> {
    if raw.trim() == "none" {
        return Ok(Limit::None);
    }
    small(raw, from, i64::from(i32::MAX), what).map(Limit::AtMost).map_err(|sentence| sentence + ", or none")
}

/// A priority.
///
/// # Errors
/// What it should be.
pub fn priority(raw: &str) -> Result<i32, String> {
    whole(raw, 0, i64::from(LAST_PRIORITY), "a priority, lower goes first,")
        .map(|value| i32::try_from(value).unwrap_or_default())
}

/// Seconds between two messages, in milliseconds.
///
/// # Errors
/// What it should be.
pub fn interval(raw: &str) -> Result<u32, String> {
    let sentence = || "an interval is 0 to 86400 seconds, such as 120 or 0.5".to_owned();
    let seconds: f64 = raw.trim().parse().map_err(|_| sentence())?;
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(sentence());
    }
    let milliseconds = std::time::Duration::from_secs_f64(seconds).as_millis();
    u32::try_from(milliseconds).map_err(|_| sentence())
}

/// Messages in one second; 0 for no limit of our own.
///
/// # Errors
/// What it should be.
pub fn per_second(raw: &str) -> Result<u32, String> {
    small(raw, 0, 1_000, "a rate per second, 0 for none,")
}

/// Requests on the wire at once.
///
/// # Errors
/// What it should be.
pub fn in_flight(raw: &str) -> Result<u32, String> {
    small(raw, 1, 1_000, "the number of requests in flight")
}

/// A share held back for replies, in percent.
///
/// # Errors
/// What it should be.
pub fn reply_share(raw: &str) -> Result<u32, String> {
    small(raw.trim_end_matches('%'), 0, 90, "the share held back for replies, in percent,")
}

/// A number's share in a weighted pool.
///
/// # Errors
/// What it should be.
pub fn weight(raw: &str) -> Result<u32, String> {
    small(raw, 1, 1_000_000, "a weight in a pool")
}

/// What a label is; the database says so too.
pub const LABEL_IS: &str =
    "a label is 1 to 40 letters, digits, \"-\", \"_\" and \".\", and begins with a letter or digit";

/// The label by which numbers are told to be of one sender; `none` takes it off.
///
/// # Errors
/// What it should be.
pub fn label(raw: &str) -> Result<Option<String>, String> {
    if raw == "none" {
        return Ok(None);
    }
    let mut letters = raw.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphanumeric());
    let goes_on = letters.all(|each| each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-'));
    if begins && goes_on && raw.len() <= 40 { Ok(Some(raw.to_owned())) } else { Err(LABEL_IS.to_owned()) }
}

/// Messages in a gateway's own queue.
///
/// # Errors
/// What it should be.
pub fn queue(raw: &str) -> Result<u32, String> {
    small(raw, 1, 1_000, "the number of messages in the gateway's queue")
}

/// A time: with an offset, or on the clock of the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// An instant.
    At(DateTime<Utc>),
    /// A local time.
    Local(NaiveDateTime),
    /// The beginning of a day.
    Day(NaiveDate),
}

/// When a warm-up begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarmUp {
    /// Today.
    Now,
    /// Never: the number is taken off the ladder.
    Off,
    /// On the day of this time.
    From(When),
}

impl WarmUp {
    /// The instant, in an organisation of this zone where it is `now`; `None`: never.
    ///
    /// # Errors
    /// When the clock there never shows that time, or shows it twice.
    pub fn starts(&self, now: DateTime<Utc>, zone: Tz) -> Result<Option<DateTime<Utc>>, String> {
        match self {
            Self::Now => Ok(Some(now)),
            Self::Off => Ok(None),
            Self::From(when) => when.in_zone(zone).map(Some),
        }
    }
}

/// `now`, `off` or a time.
///
/// # Errors
/// What it should be.
pub fn warm_up(raw: &str) -> Result<WarmUp, String> {
    match raw.trim() {
        "now" => Ok(WarmUp::Now),
        "off" => Ok(WarmUp::Off),
        time => when(time).map(WarmUp::From).map_err(|sentence| format!("{sentence}, or now, or off")),
    }
}

impl When {
    /// The instant, in an organisation of this zone.
    ///
    /// # Errors
    /// When the clock there never shows that time, or shows it twice.
    pub fn in_zone(&self, zone: Tz) -> Result<DateTime<Utc>, String> {
        match self {
            Self::At(at) => Ok(*at),
            Self::Local(local) => day::resolve(*local, zone).map_err(|error| error.to_string()),
            Self::Day(date) => Ok(day::start_of_day(*date, zone)),
        }
    }
}

/// A time, `2026-12-01T09:00` or with an offset.
///
/// # Errors
/// What it should be.
pub fn when(raw: &str) -> Result<When, String> {
    let raw = raw.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(raw) {
        return Ok(When::At(at.with_timezone(&Utc)));
    }
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(raw, form).ok())
        .map(When::Local)
        .ok_or_else(|| "a time is written 2026-12-01T09:00 (on the organisation's clock) or with an offset, 2026-12-01T09:00:00Z".to_owned())
}

/// A day, which is its beginning, or a time.
///
/// # Errors
/// What it should be.
pub fn day_or_time(raw: &str) -> Result<When, String> {
    match NaiveDate::parse_from_str(raw.trim(), "%Y-%m-%d") {
        Ok(date) => Ok(When::Day(date)),
        Err(_) => when(raw).map_err(|sentence| format!("a day is written 2026-12-01; {sentence}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_beginning_on_the_organisations_clock() {
        let douala: Tz = "Africa/Douala".parse().unwrap();
        let at = |raw: &str| day_or_time(raw).unwrap().in_zone(douala).unwrap().to_rfc3339();
        assert_eq!(at("2026-12-01"), "2026-11-30T23:00:00+00:00");
        assert_eq!(at("2026-12-01T09:00"), "2026-12-01T08:00:00+00:00");
        assert!(day_or_time("01.12.2026").unwrap_err().starts_with("a day is written 2026-12-01"));
    }

    #[test]
    fn limits_have_bounds_and_a_way_to_say_none() {
        assert_eq!(number_limit("0"), Ok(Limit::AtMost(0)));
        assert_eq!(number_limit("none"), Ok(Limit::None));
        for wrong in ["-1", "2147483648", "many", ""] {
            let sentence = number_limit(wrong).unwrap_err();
            assert_eq!(sentence, "a daily limit is a whole number from 0 to 2147483647, or none", "{wrong}");
        }
        assert!(positive_limit("0").is_err());
    }

    #[test]
    fn labels_are_short_words() {
        assert_eq!(label("none"), Ok(None));
        let longest = "a".repeat(40);
        for good in ["sales", "0-a_b.c", &longest] {
            assert_eq!(label(good), Ok(Some(good.to_owned())));
        }
        for wrong in ["", "two words", "-a", "é", &"a".repeat(41)] {
            assert!(label(wrong).is_err_and(|why| why.starts_with("a label is 1 to 40")), "{wrong}");
        }
    }

    #[test]
    fn intervals_are_seconds() {
        assert_eq!(interval("120"), Ok(120_000));
        assert_eq!(interval("0.5"), Ok(500));
        for wrong in ["-1", "86401", "NaN", "2m"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_read_on_the_organisations_clock() {
        let douala: Tz = "Africa/Douala".parse().unwrap();
        let at = when("2026-12-01T09:00").unwrap().in_zone(douala).unwrap();
        assert_eq!(at.to_rfc3339(), "2026-12-01T08:00:00+00:00");
        assert_eq!(when("2026-12-01T09:00:00+01:00").unwrap().in_zone(douala).unwrap(), at);
        assert!(when("tomorrow").is_err());
    }
}
