use super::*;
use crate::domain::seeded::Seeded;

/// Five zones whose clocks change differently: by an hour, by half an hour, never, southern, and over midnight.
const ZONES: [Tz; 5] = [
    Tz::Europe__Berlin,
    Tz::Australia__Lord_Howe,
    Tz::Africa__Douala,
    Tz::America__Santiago,
    Tz::America__St_Johns,
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hours(text: &str) -> Hours {
    text.parse::<Window>().unwrap_or_else(|error| panic!("{text}: {error}")).hours
}

fn opening(text: &str, from: &str, zone: Tz) -> String {
    let opens = hours(text).next_opening(at(from), zone).unwrap();
    opens.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %:z").to_string()
}

#[test]
fn hours_open_and_close_where_clocks_change() {
    let table = [
        // The night on which two o'clock becomes three, and the one on which three becomes two.
        ("02:30-04:00", "2026-03-28T23:00:00Z", Tz::Europe__Berlin, "Sun 2026-03-29 03:00 +02:00"),
        ("02:00-03:00", "2026-03-28T23:00:00Z", Tz::Europe__Berlin, "Mon 2026-03-30 02:00 +02:00"),
        ("02:30-04:00", "2026-10-25T00:00:00Z", Tz::Europe__Berlin, "Sun 2026-10-25 02:30 +02:00"),
        ("01:00-02:30", "2026-10-25T00:45:00Z", Tz::Europe__Berlin, "Sun 2026-10-25 02:00 +01:00"),
        ("09:00-20:00 mon-fri", "2026-03-27T19:30:00Z", Tz::Europe__Berlin, "Mon 2026-03-30 09:00 +02:00"),
        // Half an hour, and a day that begins at one in the morning.
        ("09:00-20:00", "2026-10-03T12:00:00Z", Tz::Australia__Lord_Howe, "Sun 2026-10-04 09:00 +11:00"),
        ("00:00-06:00 sun", "2026-09-06T03:00:00Z", Tz::America__Santiago, "Sun 2026-09-06 01:00 -03:00"),
        ("20:00-08:00 fri", "2026-05-09T08:00:00Z", Tz::Africa__Douala, "Fri 2026-05-15 20:00 +01:00"),
        ("20:00-08:00 fri", "2026-05-09T06:59:00Z", Tz::Africa__Douala, "Sat 2026-05-09 07:59 +01:00"),
    ];
    for (text, from, zone, expected) in table {
        assert_eq!(opening(text, from, zone), expected, "{text} from {from} in {zone}");
    }
    let closes = |text: &str, from: &str, zone: Tz| hours(text).next_closing(at(from), zone);
    assert_eq!(
        closes("09:00-20:00", "2026-03-29T07:00:00Z", Tz::Europe__Berlin),
        Some(at("2026-03-29T18:00:00Z"))
    );
    assert_eq!(closes("00:00-24:00", "2026-03-29T07:00:00Z", Tz::Europe__Berlin), None, "it never closes");
    assert_eq!(
        closes("00:00-24:00 mon-fri", "2026-05-15T07:00:00Z", Tz::Africa__Douala),
        Some(at("2026-05-15T23:00:00Z")),
        "Friday ends, and Thursday did not"
    );
}

/// What a clock on the wall says: minute by minute, with no knowledge of changes.
fn walked(hours: Hours, from: DateTime<Utc>, zone: Tz, wanted: bool) -> Option<DateTime<Utc>> {
    (0..10 * 24 * 60)
        .map(|minute| from + TimeDelta::minutes(minute))
        .find(|at| hours.are_open(*at, zone) == wanted)
}

#[test]
fn openings_are_what_a_walk_minute_by_minute_finds() {
    let mut random = Seeded::new(0x57_1D_0A);
    let around = [
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2026-04-04T15:00:00Z",
        "2026-10-03T15:30:00Z",
        "2026-09-06T04:00:00Z",
        "2026-04-05T03:00:00Z",
        "2010-11-07T02:31:00Z",
        "2010-03-14T03:31:00Z",
        "2026-06-15T12:00:00Z",
    ];
    let mut found = 0;
    for _ in 0..1_500 {
        let zone = random.pick(&ZONES);
        let near = |random: &mut Seeded| random.pick(&[0, 30, 59, 60, 90, 120, 150, 180, 540, 1_200, 1_439]);
        let (from, to) = (near(&mut random), near(&mut random));
        let week = u8::try_from(random.below(128)).unwrap();
        let Ok(hours) = Hours::new(from, to, if random.once_in(2) { EVERY_DAY } else { week }) else {
            continue;
        };
        let begin = at(random.pick(&around)) + TimeDelta::minutes(i64::from(random.below_u32(6_000)) - 3_000);
        for wanted in [true, false] {
            let expected = walked(hours, begin, zone, wanted);
            assert_eq!(
                hours.next(begin, zone, wanted),
                expected,
                "{hours} in {zone} from {begin}, open: {wanted}"
            );
            found += usize::from(expected.is_some_and(|at| at > begin));
        }
    }
    assert!(found > 1_000, "only {found} searches went anywhere");
}

#[test]
fn several_hours_open_together_or_never() {
    let douala = Tz::Africa__Douala;
    let both = |one: &str, other: &str, from: &str| {
        all_open(&[(hours(one), douala), (hours(other), Tz::Asia__Tokyo)], at(from))
    };
    // Nine in the morning in Tokyo is one in the morning in Douala.
    assert_eq!(both("08:00-20:00", "09:00-17:00", "2026-05-04T09:00:00Z"), Some(at("2026-05-05T07:00:00Z")));
    assert_eq!(both("09:00-10:00", "09:00-10:00", "2026-05-04T09:00:00Z"), None);
}

/// Six hours of the night on two clocks: 13:30 to 19:30 UTC by Lord Howe's, and from October on 13:00 to 19:00; 7:00 to 13:00 by
/// that of Los Angeles, and from November on 8:00 to 14:00.
#[test]
fn hours_of_two_clocks_may_be_open_together_in_winter_alone() {
    let night = hours("00:00-06:00");
    let both = [(night, Tz::America__Los_Angeles), (night, Tz::Australia__Lord_Howe)];
    let opens = |from: &str| all_open(&both, at(from)).map(|opens| opens.to_rfc3339());
    assert_eq!(opens("2026-04-10T00:00:00Z").as_deref(), Some("2026-11-01T13:00:00+00:00"));
    assert_eq!(opens("2026-10-20T00:00:00Z").as_deref(), Some("2026-11-01T13:00:00+00:00"));
    assert_eq!(opens("2026-11-01T14:00:00Z").as_deref(), Some("2026-11-02T13:00:00+00:00"));
    let never = [(night, Tz::America__St_Johns), (night, Tz::Australia__Lord_Howe)];
    assert_eq!(all_open(&never, at("2026-04-10T00:00:00Z")), None);
}

#[test]
fn a_campaign_of_many_zones_waits_for_the_first_to_open() {
    let window: Window = "09:00-12:00 recipient".parse().unwrap();
    let mut calendar = Calendar {
        window: Some(window),
        zones: vec![Tz::Asia__Tokyo, Tz::Europe__Berlin],
        ..Calendar::default()
    };
    // Tokyo opens at midnight UTC, Berlin at seven in summer.
    assert_eq!(
        calendar.closed(at("2026-05-04T12:00:00Z")),
        Some(Closed { opens: Some(at("2026-05-05T00:00:00Z")) })
    );
    assert_eq!(calendar.closed(at("2026-05-05T01:00:00Z")), None);
    assert_eq!(
        calendar.closed_in(Tz::Europe__Berlin, at("2026-05-05T01:00:00Z")),
        Some(Closed { opens: Some(at("2026-05-05T07:00:00Z")) }),
        "one of them is asleep while the other is not"
    );
    calendar.organization = Some(hours("06:00-20:00"));
    assert_eq!(
        calendar.closed(at("2026-05-04T21:00:00Z")),
        Some(Closed { opens: Some(at("2026-05-05T07:00:00Z")) }),
        "and the organisation's own hours close before Tokyo's end"
    );
    calendar.zones.clear();
    assert_eq!(calendar.closed(at("2026-05-04T12:00:00Z")), None, "nobody waits");
}

#[test]
fn windows_are_read_and_written() {
    let table = [
        ("09:00-20:00", "09:00-20:00 organization"),
        ("09:00-24:00 mon-fri recipient", "09:00-24:00 mon,tue,wed,thu,fri recipient"),
        ("20:00-08:00 fri-mon Africa/Lagos", "20:00-08:00 mon,fri,sat,sun Africa/Lagos"),
        ("22:00-00:00 all", "22:00-24:00 organization"),
    ];
    for (raw, written) in table {
        let window: Window = raw.parse().unwrap_or_else(|error| panic!("{raw}: {error}"));
        assert_eq!(window.to_string(), written);
        assert_eq!(written.parse(), Ok(window), "{written}");
    }
    for (raw, why) in [
        ("9:00-20:00", "no time of day"),
        ("09:00-25:00", "no time of day"),
        ("09:00-09:00", "nothing would ever be sent"),
        ("00:00-00:00", "nothing would ever be sent"),
        ("09:00", "no span of hours"),
        ("09:00-20:00 someday", "whose clock it is"),
        ("09:00-20:00 Mars/Olympus", "whose clock it is"),
    ] {
        let error = raw.parse::<Window>().unwrap_err();
        assert!(error.contains(why), "{raw}: {error}");
    }
}
