use super::*;
use crate::domain::seeded::Seeded;

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}")).with_timezone(&Utc)
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Zone, date, its first instant, its length in minutes.
const DAYS: &[(&str, &str, &str, i64)] = &[
    ("Africa/Douala", "2026-12-01", "2026-11-30T23:00:00Z", 1440),
    // Midnight does not exist: clocks jump from 00:00 to 01:00.
    ("Africa/Cairo", "2025-04-25", "2025-04-24T22:00:00Z", 1380),
    ("Asia/Beirut", "2025-03-30", "2025-03-29T22:00:00Z", 1380),
    // 24:00 becomes 23:00: the last hour of the day before is repeated, the date itself begins once.
    ("Africa/Cairo", "2025-10-30", "2025-10-29T21:00:00Z", 1500),
    ("Africa/Cairo", "2025-10-31", "2025-10-30T22:00:00Z", 1440),
    ("Asia/Beirut", "2025-10-25", "2025-10-24T21:00:00Z", 1500),
    ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", 1500),
    ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 1380),
    // 01:00 becomes 00:00: midnight comes twice on one date, which begins with the first.
    ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", 1500),
    // 00:01 becomes 23:01: the date begins, ends after a minute, and begins again.
    ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z", 1500),
    ("America/St_Johns", "2010-03-14", "2010-03-14T03:30:00Z", 1380),
    ("Europe/Paris", "2025-03-30", "2025-03-29T23:00:00Z", 1380),
    ("Europe/Paris", "2025-10-26", "2025-10-25T22:00:00Z", 1500),
    // Half an hour of daylight saving.
    ("Australia/Lord_Howe", "2025-10-05", "2025-10-04T13:30:00Z", 1410),
    ("Asia/Kathmandu", "2025-01-01", "2024-12-31T18:15:00Z", 1440),
    // Samoa crossed the date line and left a Friday out.
    ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 1440),
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0),
    ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 1440),
];

#[test]
fn a_day_begins_at_its_first_moment_and_has_its_own_length() {
    for &(name, day, start, minutes) in DAYS {
        assert_eq!(start_of_day(date(day), zone(name)), utc(start), "{name} {day}");
        assert_eq!(length_of_day(date(day), zone(name)).num_minutes(), minutes, "{name} {day}");
    }
}

#[test]
fn the_next_day_opens_when_the_date_changes() {
    // Zone, now, when the next date begins.
    let table = [
        ("Africa/Douala", "2026-11-30T22:59:59Z", "2026-11-30T23:00:00Z"),
        ("Africa/Douala", "2026-11-30T23:00:00Z", "2026-12-01T23:00:00Z"),
        ("Africa/Cairo", "2025-04-24T21:59:59Z", "2025-04-24T22:00:00Z"),
        ("Africa/Cairo", "2025-10-30T20:30:00Z", "2025-10-30T22:00:00Z"),
        ("Africa/Cairo", "2025-10-30T21:30:00Z", "2025-10-30T22:00:00Z"),
        ("America/Havana", "2025-11-02T04:30:00Z", "2025-11-03T05:00:00Z"),
        ("America/Havana", "2025-11-02T05:30:00Z", "2025-11-03T05:00:00Z"),
        // Before the first beginning; in its only minute; in the repeated hour; after the second beginning.
        ("America/St_Johns", "2010-11-07T02:00:00Z", "2010-11-07T02:30:00Z"),
        ("America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-08T03:30:00Z"),
        ("America/St_Johns", "2010-11-07T03:00:00Z", "2010-11-07T03:30:00Z"),
        ("America/St_Johns", "2010-11-07T03:30:00Z", "2010-11-08T03:30:00Z"),
        ("Pacific/Apia", "2011-12-30T09:59:00Z", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
    ];
    for (name, now, next) in table {
        assert_eq!(next_day(utc(now), zone(name)), utc(next), "{name} {now}");
    }
}

#[test]
fn every_zone_and_instant_has_a_later_next_day_with_a_later_date() {
    let mut random = Seeded::new(47);
    for _ in 0..100_000 {
        let zone = chrono_tz::TZ_VARIANTS[random.below(chrono_tz::TZ_VARIANTS.len())];
        // 1970 to 2050, a third of them within minutes of a day's start.
        let mut at =
            DateTime::from_timestamp(i64::from(random.below_u32(u32::MAX / 17 * 10)), 0).unwrap_or_default();
        if random.below(3) == 0 {
            at = start_of_day(local_date(at, zone), zone)
                + TimeDelta::seconds(i64::from(random.below_u32(7200)) - 3600);
        }
        let next = next_day(at, zone);
        assert!(next > at, "{zone} {at}: {next}");
        assert!(local_date(next, zone) > local_date(at, zone), "{zone} {at}: {next}");
        let before = next - TimeDelta::seconds(1);
        assert!(
            local_date(before, zone) < local_date(next, zone),
            "{zone} {at}: {next} is not the first moment"
        );
        assert!(next - at <= TimeDelta::hours(50), "{zone} {at}: {next}");
    }
}

#[test]
fn a_local_time_names_one_instant_or_says_which_two_it_could_mean() {
    let local = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap_or_default();
    assert_eq!(resolve(local("2026-12-01T09:00"), zone("Africa/Douala")), Ok(utc("2026-12-01T08:00:00Z")));
    let missing = resolve(local("2026-03-29T02:30"), zone("Europe/Paris")).map_err(|error| error.to_string());
    assert_eq!(
        missing,
        Err("2026-03-29T02:30 does not exist in Europe/Paris: the clock jumps over it. Write 2026-03-29T01:30 \
             (before) or 2026-03-29T03:30 (after)"
            .to_owned())
    );
    let twice = resolve(local("2026-10-25T02:30"), zone("Europe/Paris")).map_err(|error| error.to_string());
    assert_eq!(
        twice,
        Err("2026-10-25T02:30 happens twice in Europe/Paris, when the clock goes back: it can mean 02:30 \
             UTC+02:00 or 02:30 UTC+01:00. Write a time outside the repeated hour"
            .to_owned())
    );
    assert!(is_repeated(utc("2026-10-25T00:30:00Z"), zone("Europe/Paris")));
    assert!(is_repeated(utc("2026-10-25T01:30:00Z"), zone("Europe/Paris")));
    assert!(!is_repeated(utc("2026-10-25T02:30:00Z"), zone("Europe/Paris")));
}
