use super::*;
use crate::domain::seeded::Seeded;

fn pacing(interval_ms: u64, per_second: u32, in_flight: u32) -> Pacing {
    Pacing { interval: Duration::from_millis(interval_ms), per_second, in_flight }
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_780_000_000_000_000 + micros).unwrap_or_default()
}

#[test]
fn time_is_cut_into_slots() {
    // Interval in ms, rate, in flight: batch, gap in microseconds.
    let table = [
        // Unofficial gateway: one message every two minutes.
        (120_000, 1, 1, 1, 120_000_000),
        (500, 1, 1, 1, 1_000_000),
        (500, 0, 40, 1, 500_000),
        // Official: 80 a second in tenths.
        (0, 80, 40, 8, 100_000),
        (0, 1, 40, 1, 1_000_000),
        (0, 3, 40, 1, 333_334),
        (0, 9, 40, 1, 111_112),
        (0, 19, 40, 1, 52_632),
        // 25 a second: 2 at a time would lose one a second, and 1 of 2 is less than half of the largest.
        (0, 25, 40, 2, 83_334),
        (0, 83, 40, 8, 100_000),
        (0, 84, 40, 7, 83_334),
        (0, 1_000, 500, 100, 100_000),
        (0, 1_000, 40, 40, 40_000),
        (0, 5_000, 1, 1, 200),
        (0, 0, 500, 500, 0),
        (0, 0, 0, 1, 0),
    ];
    for (interval, rate, in_flight, batch, gap) in table {
        let slots = Slots::of(&pacing(interval, rate, in_flight));
        assert_eq!(
            (slots.batch, slots.gap),
            (batch, Duration::from_micros(gap)),
            "{interval} {rate} {in_flight}"
        );
    }
}

#[test]
fn jitter_only_makes_a_gap_longer_and_never_by_more_than_a_quarter() {
    let gateway = pacing(120_000, 1, 1);
    let table = [
        (0.0, 120_000),
        (0.5, 135_000),
        (1.0, 150_000),
        (-3.0, 120_000),
        (7.0, 150_000),
        (f64::NAN, 120_000),
    ];
    for (jitter, millis) in table {
        assert_eq!(next_send_at(&gateway, at(0), jitter), at(millis * 1_000), "{jitter}");
    }
    let official = pacing(0, 80, 40);
    assert_eq!(next_send_at(&official, at(0), 0.9), at(100_000), "a rate is not random");
}

#[test]
fn a_number_takes_its_turn_when_its_slot_is_open_and_the_wire_has_room() {
    let official = pacing(0, 80, 20);
    let gateway = pacing(120_000, 1, 1);
    let paced = |micros| Turn::Wait(Hold::Paced { until: at(micros) });
    let full = |limit| Turn::Wait(Hold::InFlightFull { limit });
    let table = [
        (&official, None, 0, Turn::Claim(8)),
        (&official, Some(0), 0, Turn::Claim(8)),
        (&official, Some(1), 0, paced(1)),
        (&official, None, 15, Turn::Claim(5)),
        (&official, None, 20, full(20)),
        (&official, None, 21, full(20)),
        (&official, Some(1), 20, paced(1)),
        (&gateway, Some(-1), 0, Turn::Claim(1)),
        (&gateway, None, 1, full(1)),
        (&gateway, Some(90_000_000), 0, paced(90_000_000)),
    ];
    for (pacing, next, in_air, expected) in table {
        assert_eq!(turn(pacing, at(0), next.map(at), in_air), expected, "{next:?} {in_air}");
    }
}

#[test]
fn an_absurd_interval_does_not_leave_the_calendar() {
    let never = Pacing { interval: Duration::MAX, per_second: 1, in_flight: 1 };
    assert!(next_send_at(&never, at(0), 1.0) > at(0));
    assert_eq!(next_send_at(&never, DateTime::<Utc>::MAX_UTC, 1.0), DateTime::<Utc>::MAX_UTC);
}

#[test]
fn a_forecast_knows_what_fits_into_a_day() {
    let day = Duration::from_hours(24);
    assert_eq!(capacity_in(&pacing(120_000, 1, 1), day), Some(640));
    assert_eq!(capacity_in(&pacing(0, 80, 40), day), Some(80 * 86_400));
    assert_eq!(capacity_in(&pacing(0, 0, 40), day), None);
}

/// Plays one number: claims of any size at any time the slots allow. Returns when each message began.
fn play(random: &mut Seeded, pacing: &Pacing) -> Vec<(DateTime<Utc>, u32)> {
    let mut now = at(0);
    let mut next = None;
    let mut claims = Vec::new();
    for _ in 0..60 {
        match turn(pacing, now, next, random.below_u32(pacing.in_flight.max(1) + 1)) {
            Turn::Wait(hold) => {
                // The worst a driver can do is to come back at the very moment.
                now = hold.until().unwrap_or(now + TimeDelta::microseconds(1));
            }
            Turn::Claim(most) => {
                let taken = if random.once_in(3) { 1 + random.below_u32(most) } else { most };
                claims.push((now, taken));
                next = Some(next_send_at(pacing, now, random.unit()));
                if random.once_in(8) {
                    now += TimeDelta::microseconds(i64::from(random.below_u32(2_000_000)));
                }
            }
        }
    }
    claims
}

#[test]
fn ten_thousand_histories_keep_rate_and_interval() {
    for seed in 0..10_000 {
        let mut random = Seeded::new(seed);
        let interval = random.pick(&[0, 0, 0, 250, 30_000, 120_000]);
        let rate = random.pick(&[0, 1, 2, 3, 7, 10, 19, 25, 80, 83, 97, 250, 999, 1_000, 4_321]);
        let pacing = pacing(interval, rate, 1 + random.below_u32(600));
        let claims = play(&mut random, &pacing);
        assert!(claims.len() > 1, "seed {seed}: nothing was sent");
        for (nth, (began, _)) in claims.iter().enumerate() {
            if let Some((after, _)) = claims.get(nth + 1) {
                let gap = (*after - *began).to_std().unwrap_or_default();
                assert!(gap >= pacing.interval, "seed {seed}: {gap:?} apart under {pacing:?}");
            }
            let end = *began + TimeDelta::seconds(1);
            let in_window: u32 =
                claims[nth..].iter().take_while(|(at, _)| *at < end).map(|(_, taken)| *taken).sum();
            assert!(rate == 0 || in_window <= rate, "seed {seed}: {in_window} in a second under {pacing:?}");
        }
    }
}

#[test]
fn a_busy_number_reaches_nearly_its_whole_rate() {
    for rate in 1..=2_000 {
        let slots = Slots::of(&pacing(0, rate, 1_000));
        let reached = f64::from(slots.batch) / slots.gap.as_secs_f64();
        assert!(reached <= f64::from(rate) + 1e-6, "{rate}: {reached}");
        assert!(reached >= f64::from(rate) * 0.93, "{rate}: only {reached}");
    }
}

#[test]
fn half_the_rate_is_half_the_rate() {
    let pacing = |interval, per_second, in_flight| Pacing {
        interval: Duration::from_secs(interval),
        per_second,
        in_flight,
    };
    for (usual, half) in [
        (pacing(120, 1, 1), pacing(240, 0, 1)),
        (pacing(0, 80, 40), pacing(0, 40, 40)),
        (pacing(0, 1, 1), pacing(2, 0, 1)),
        (pacing(0, 0, 100), pacing(0, 0, 50)),
        (pacing(0, 0, 1), pacing(0, 0, 1)),
    ] {
        assert_eq!(usual.at_percent(50), half);
        let span = Duration::from_hours(1);
        if let (Some(usual), Some(half)) = (capacity_in(&usual, span), capacity_in(&half, span)) {
            assert!(half * 2 <= usual + 2, "{half} of {usual}");
        }
    }
}
