//! When messages may go out: hours of a day, on days of a week, on somebody's clock.
//!
//! A clock in a zone decides, and nothing else: hours are open at an instant if that clock shows an open time then. Where
//! it jumps, they are as much shorter or longer as the clock makes them. The database decides by the same rule
//! (`hours_are_open`), so what is shown here as the next opening is when claims begin.

use chrono::{
    DateTime, Datelike, Days, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc, Weekday,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Minutes of a day by the clock.
const DAY: u16 = 24 * 60;
/// How far one looks for an opening or a closing: a week, and what clocks may add to it. What is not open by then opens only
/// after clocks have changed.
pub(super) const FARTHEST: TimeDelta = TimeDelta::days(10);
/// How far one looks for a change of clocks, after which hours may be open together that exclude each other before it: a
/// year, by when all clocks have been through their changes.
const YEAR: TimeDelta = TimeDelta::days(370);
/// What goes by between two looks at a clock: no zone changes it twice within so short a time.
const WEEK: TimeDelta = TimeDelta::days(7);

/// Hours of a day on days of a week. Those that end before they begin go over midnight and belong to the day on which they
/// begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// From this minute of the day on, 0 to 1,439.
    from: u16,
    /// Until this minute, 1 to 1,440.
    to: u16,
    /// The days, Monday in the lowest bit.
    days: u8,
}

/// Whose clock decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Each recipient's own.
    Recipient,
    /// The organisation's.
    Organization,
    /// That of a zone.
    Zone(Tz),
}

/// When a campaign may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The hours.
    pub hours: Hours,
    /// On whose clock.
    pub zone: Whose,
}

/// Why hours are none. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// No time of day.
    #[error("{0:?} is no time of day: write it as \"09:00\", or \"24:00\" for the end of the day")]
    Time(String),
    /// Nothing lies between.
    #[error("begins and ends at {0}: nothing would ever be sent")]
    Nothing(String),
    /// No day at all.
    #[error("names no day: write days = [\"mon\", \"tue\"], or leave days out for all of them")]
    NoDay,
    /// No day of the week.
    #[error("{0:?} is no day of the week: write mon, tue, wed, thu, fri, sat or sun")]
    Day(String),
    /// Not of the form.
    #[error("{0:?} is no span of hours: write it as 20:00-08:00")]
    Span(String),
}

/// The day's short name, as files and the command line have it.
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Every day of the week.
pub const EVERY_DAY: u8 = 0b111_1111;

/// A minute of the day, from `09:00`.
///
/// # Errors
/// When it is no time of day.
pub fn minute(raw: &str) -> Result<u16, HoursError> {
    let wrong = || HoursError::Time(raw.to_owned());
    let (hour, minute) = raw.split_once(':').ok_or_else(wrong)?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return Err(wrong());
    }
    let hour: u16 = hour.parse().map_err(|_| wrong())?;
    let minute: u16 = minute.parse().map_err(|_| wrong())?;
    let of_day = hour * 60 + minute;
    if minute < 60 && of_day <= DAY { Ok(of_day) } else { Err(wrong()) }
}

/// The bit of a day of the week.
///
/// # Errors
/// When it is none.
pub fn day(raw: &str) -> Result<u8, HoursError> {
    let place = NAMES.iter().position(|name| *name == raw).ok_or_else(|| HoursError::Day(raw.to_owned()))?;
    Ok(1 << place)
}

/// Days of the week, from `mon-fri`, `mon,wed,sat` or `all`.
///
/// # Errors
/// When a part of it is no day.
pub fn days(raw: &str) -> Result<u8, HoursError> {
    if raw.trim() == "all" {
        return Ok(EVERY_DAY);
    }
    let mut days = 0;
    for part in raw.split(',').map(str::trim) {
        match part.split_once('-') {
            None => days |= day(part)?,
            Some((first, last)) => {
                let (mut bit, last) = (day(first)?, day(last)?);
                days |= bit;
                // Over the weekend too: fri-mon.
                while bit != last {
                    bit = if bit == 1 << 6 { 1 } else { bit << 1 };
                    days |= bit;
                }
            }
        }
    }
    Ok(days)
}

/// The short names of these days, from Monday on.
#[must_use]
pub fn names_of(days: u8) -> Vec<&'static str> {
    let named = NAMES.iter().enumerate().filter(|(place, _)| days >> place & 1 == 1);
    named.map(|(_, name)| *name).collect()
}

/// A span of hours, from `09:00-20:00`.
///
/// # Errors
/// When it is none.
pub fn span(raw: &str) -> Result<(u16, u16), HoursError> {
    let (from, to) = raw.split_once('-').ok_or_else(|| HoursError::Span(raw.to_owned()))?;
    Ok((minute(from.trim())?, minute(to.trim())?))
}

/// A minute of the day as a clock shows it, `09:00`.
#[must_use]
pub fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

impl Hours {
    /// Hours from a minute of the day to another, on these days.
    ///
    /// # Errors
    /// When that is no time at all, or on no day.
    pub fn new(from: u16, to: u16, days: u8) -> Result<Self, HoursError> {
        if from % DAY == to % DAY && !(from == 0 && to == DAY) {
            return Err(HoursError::Nothing(clock(from)));
        }
        if days & EVERY_DAY == 0 {
            return Err(HoursError::NoDay);
        }
        // The end of a day is the beginning of the next.
        let to = if to == 0 { DAY } else { to };
        Ok(Self { from: from % DAY, to, days: days & EVERY_DAY })
    }

    /// As the database keeps them: from, to and days; `None`: what stands there are no hours.
    #[must_use]
    pub fn of_columns(from: Option<i16>, to: Option<i16>, days: Option<i16>) -> Option<Self> {
        let whole = |column: Option<i16>| column.and_then(|column| u16::try_from(column).ok());
        Self::new(whole(from)?, whole(to)?, u8::try_from(days?).ok()?).ok()
    }

    /// From which minute of the day on.
    #[must_use]
    pub fn from(self) -> u16 {
        self.from
    }

    /// Until which minute of the day.
    #[must_use]
    pub fn to(self) -> u16 {
        self.to
    }

    /// On which days, Monday in the lowest bit.
    #[must_use]
    pub fn days(self) -> u8 {
        self.days
    }

    fn has(self, day: Weekday) -> bool {
        self.days >> day.num_days_from_monday() & 1 == 1
    }

    /// Whether they are open when a clock shows this.
    fn show_open(self, local: NaiveDateTime) -> bool {
        let minute = local.hour() * 60 + local.minute();
        let (from, to) = (u32::from(self.from), u32::from(self.to));
        if from < to {
            return (from..to).contains(&minute) && self.has(local.weekday());
        }
        minute >= from && self.has(local.weekday()) || minute < to && self.has(local.weekday().pred())
    }

    /// Whether they are open at `at`, on a clock in `zone`.
    #[must_use]
    pub fn are_open(self, at: DateTime<Utc>, zone: Tz) -> bool {
        self.show_open(at.with_timezone(&zone).naive_local())
    }

    /// How many minutes a clock in `zone` shows at `at` until they end: of several that are open, the one that ends first goes
    /// first, as with `open_zones` in the database.
    #[must_use]
    pub fn left_of(self, at: DateTime<Utc>, zone: Tz) -> u32 {
        let local = at.with_timezone(&zone);
        let day = u32::from(DAY);
        (u32::from(self.to) + day - local.hour() * 60 - local.minute()) % day
    }

    /// The first instant from `at` on at which they are open.
    #[must_use]
    pub fn next_opening(self, at: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        self.next(at, zone, true)
    }

    /// The first instant from `at` on at which they are closed; `None`: they never close.
    #[must_use]
    pub fn next_closing(self, at: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        self.next(at, zone, false)
    }

    /// The first instant from `at` on at which they are as `wanted`. Goes from one stretch of even clock to the next: within
    /// one, only where hours begin or end, or a day does, anything changes.
    fn next(self, at: DateTime<Utc>, zone: Tz, wanted: bool) -> Option<DateTime<Utc>> {
        let mut from = at;
        while from < at + FARTHEST {
            let (offset, end) = stretch(from, zone, TimeDelta::days(1));
            let local = from.naive_utc() + offset;
            let turns = [self.from, self.to % DAY, 0].map(|minute| next_shown(local, minute));
            let first = std::iter::once(local)
                .chain(sorted(turns))
                .find(|moment| self.show_open(*moment) == wanted)
                .map(|moment| (moment - offset).and_utc());
            if let Some(found) = first.filter(|found| *found < end) {
                return Some(found);
            }
            from = end;
        }
        None
    }
}

fn sorted(mut moments: [NaiveDateTime; 3]) -> [NaiveDateTime; 3] {
    moments.sort_unstable();
    moments
}

/// When a clock that goes on evenly from `local` shows this minute next, now or later.
fn next_shown(local: NaiveDateTime, minute: u16) -> NaiveDateTime {
    let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0).unwrap_or_default();
    let today = local.date().and_time(time);
    if today >= local { today } else { today.checked_add_days(Days::new(1)).unwrap_or(today) }
}

/// How far a clock in `zone` is ahead at `at`, and until when it goes on evenly: at most `span`.
fn stretch(at: DateTime<Utc>, zone: Tz, span: TimeDelta) -> (TimeDelta, DateTime<Utc>) {
    let ahead = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    let (offset, mut same, mut other) = (ahead(at), at, at + span);
    if ahead(other) != offset {
        while other - same > TimeDelta::seconds(1) {
            let middle = same + (other - same) / 2;
            if ahead(middle) == offset {
                same = middle;
            } else {
                other = middle;
            }
        }
        // Clocks change at whole seconds.
        other = other.with_nanosecond(0).unwrap_or(other);
    }
    (TimeDelta::seconds(i64::from(offset)), other)
}

/// The first instant from `at` on at which all of several hours are open; `None`: they never are together. Hours by clocks of
/// several zones may exclude each other in summer, and not in winter.
#[must_use]
pub fn all_open(hours: &[(Hours, Tz)], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut from = at;
    loop {
        if let Some(open) = soon_all_open(hours, from) {
            return Some(open);
        }
        // While clocks go on evenly, each week is as the one before.
        from = hours.iter().filter_map(|(_, zone)| next_clock_change(from, *zone, at + YEAR)).min()?;
    }
}

/// The same, of an instant that is not farther than hours of a single clock are looked for.
fn soon_all_open(hours: &[(Hours, Tz)], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut open = at;
    while open < at + FARTHEST {
        let mut next = open;
        for (hours, zone) in hours {
            next = next.max(hours.next_opening(open, *zone)?);
        }
        if next == open {
            return Some(open);
        }
        open = next;
    }
    None
}

/// When a clock in `zone` changes next after `at`, if that is before `end`.
fn next_clock_change(at: DateTime<Utc>, zone: Tz, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut from = at;
    while from < end {
        let (_, until) = stretch(from, zone, WEEK);
        if until < from + WEEK {
            return Some(until);
        }
        from = until;
    }
    None
}

/// Everything that says when a campaign may send: the organisation's hours, its own, and on whose clocks these are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// The organisation's hours.
    pub organization: Option<Hours>,
    /// The organisation's zone.
    pub zone: Tz,
    /// The campaign's own window.
    pub window: Option<Window>,
    /// Where the window is on the recipients' own clocks: the zones of those who wait.
    pub zones: Vec<Tz>,
}

/// What a closed window waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// When it opens; `None`: never, because hours that exclude each other were asked for.
    pub opens: Option<DateTime<Utc>>,
}

impl Calendar {
    /// The hours that have to be open together for somebody on the clock of `zone`, where it matters whose clock it is.
    #[must_use]
    pub fn hours(&self, zone: Tz) -> Vec<(Hours, Tz)> {
        let own = self.window.map(|window| {
            let zone = match window.zone {
                Whose::Recipient => zone,
                Whose::Organization => self.zone,
                Whose::Zone(zone) => zone,
            };
            (window.hours, zone)
        });
        self.organization.map(|hours| (hours, self.zone)).into_iter().chain(own).collect()
    }

    /// Whether the campaign's own window is on the recipients' own clocks.
    #[must_use]
    pub fn by_recipient(&self) -> bool {
        self.window.is_some_and(|window| window.zone == Whose::Recipient)
    }

    /// The clocks by which it opens and closes: those of who waits, or the organisation's.
    fn clocks(&self) -> &[Tz] {
        if self.by_recipient() { &self.zones } else { std::slice::from_ref(&self.zone) }
    }

    /// Whether somebody on the clock of `zone` may be written to at `at`.
    #[must_use]
    pub fn is_open_in(&self, zone: Tz, at: DateTime<Utc>) -> bool {
        self.hours(zone).iter().all(|(hours, zone)| hours.are_open(at, *zone))
    }

    /// Why nobody on the clock of `zone` may be written to at `at`; `None`: they may.
    #[must_use]
    pub fn closed_in(&self, zone: Tz, at: DateTime<Utc>) -> Option<Closed> {
        (!self.is_open_in(zone, at)).then(|| Closed { opens: all_open(&self.hours(zone), at) })
    }

    /// Whether somebody may be written to at `at`, or nobody waits.
    #[must_use]
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        let clocks = self.clocks();
        clocks.is_empty() || clocks.iter().any(|zone| self.is_open_in(*zone, at))
    }

    /// Why nobody at all may be written to at `at`; `None`: some may, or nobody waits.
    #[must_use]
    pub fn closed(&self, at: DateTime<Utc>) -> Option<Closed> {
        // Whether anything is open is seen at once; when it opens has to be looked for.
        (!self.is_open(at)).then(|| {
            let opens = self.clocks().iter().filter_map(|zone| all_open(&self.hours(*zone), at));
            Closed { opens: opens.min() }
        })
    }

    /// When the campaign may send next, from `at` on.
    #[must_use]
    pub fn next_opening(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.closed(at).map_or(Some(at), |closed| closed.opens)
    }

    /// When something of it opens or closes after `at`.
    #[must_use]
    pub fn next_change(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let change = |(hours, zone): (Hours, Tz)| {
            if hours.are_open(at, zone) { hours.next_closing(at, zone) } else { hours.next_opening(at, zone) }
        };
        self.clocks().iter().flat_map(|zone| self.hours(*zone)).filter_map(change).min()
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", clock(self.from), clock(self.to))?;
        if self.days == EVERY_DAY {
            return Ok(());
        }
        write!(f, " {}", names_of(self.days).join(","))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.hours, self.zone)
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recipient => "recipient",
            Self::Organization => "organization",
            Self::Zone(zone) => zone.name(),
        })
    }
}

/// A text that names no clock. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is {0:?}: write \"recipient\", \"organization\" or a zone's IANA name such as \"Africa/Douala\"")]
pub struct UnknownZone(pub String);

impl FromStr for Whose {
    type Err = UnknownZone;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "recipient" => Ok(Self::Recipient),
            "organization" => Ok(Self::Organization),
            zone => zone.parse().map(Self::Zone).map_err(|_| UnknownZone(zone.to_owned())),
        }
    }
}

/// `09:00-20:00`, then perhaps days (`mon-fri`) and whose clock (`recipient`); without it, the organisation's.
impl FromStr for Window {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace();
        let (from, to) = span(words.next().unwrap_or_default()).map_err(|error| error.to_string())?;
        let mut week = EVERY_DAY;
        let mut zone = Whose::Organization;
        for word in words {
            match days(word) {
                Ok(days) => week = days,
                Err(error) => match word.parse() {
                    Ok(whose) => zone = whose,
                    Err(UnknownZone(_)) => {
                        return Err(format!(
                            "{error}; or whose clock it is: recipient, organization or a zone such as Africa/Douala"
                        ));
                    }
                },
            }
        }
        let hours = Hours::new(from, to, week).map_err(|error| format!("the window {error}"))?;
        Ok(Self { hours, zone })
    }
}

impl Serialize for Whose {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Whose {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
