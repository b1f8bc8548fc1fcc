//! Who stays with which number, who goes on for whom, and how a pool splits by weight.

use super::*;

const MIDNIGHT: &str = "2025-05-31T23:00:00Z";

/// What each of these numbers sends on each day.
fn by_number(forecast: &Forecast, numbers: usize) -> Vec<Vec<u64>> {
    let of = |day: &Day, number: usize| {
        let flows = day.flows.iter().filter(|flow| flow.number == number);
        flows.map(|flow| flow.messages).sum::<u64>()
    };
    (0..numbers).map(|number| forecast.days.iter().map(|day| of(day, number)).collect()).collect()
}

/// A message an hour, with the spacing that jitter adds on average.
fn hourly(place: u128) -> Number {
    let pacing = Pacing { interval: Duration::from_secs(3_200), per_second: 0, in_flight: 1 };
    Number { pacing, ..number(place, None) }
}

fn bound_to(number: usize, people: u64) -> Work {
    Work { step: 0, due: Some(at(MIDNIGHT)), people, zone: None, bound: Some(number) }
}

#[test]
fn whoever_is_bound_waits_for_a_number_that_keeps_its_distance() {
    let mut scene = world(MIDNIGHT, vec![number(1, Some(100)), hourly(2)], vec![campaign(1, 5)]);
    scene.pools[0].sticky = true;
    scene.campaigns[0].work.push(bound_to(1, 30));
    let forecast = Forecast::of(&scene, 10);
    assert_eq!(by_number(&forecast, 2), [[5, 0], [24, 6]]);
    assert_eq!(forecast.days[0].bounds, [Some(Bound::Paced)]);
    scene.campaigns[0].work[1].bound = None;
    assert_eq!(totals(&Forecast::of(&scene, 10)), [35], "whoever is bound to nobody does not");
}

#[test]
fn the_next_step_comes_from_the_number_of_the_first() {
    // The first number warms up: on the first day others have to help, on the second it could do it alone.
    let warm = Number { warm_up: vec![10], ..number(1, Some(100)) };
    let backup = Number { priority: 20, ..number(2, Some(100)) };
    let mut scene = world(MIDNIGHT, vec![warm, backup], vec![campaign(1, 25)]);
    scene.campaigns[0].delays = vec![TimeDelta::zero(), TimeDelta::days(1)];
    assert_eq!(by_number(&Forecast::of(&scene, 10), 2), [[10, 25], [15, 0]]);
    scene.pools[0].sticky = true;
    assert_eq!(by_number(&Forecast::of(&scene, 10), 2), [[10, 10], [15, 15]]);
}

#[test]
fn who_goes_on_for_a_suspended_number_is_up_to_the_campaign() {
    let mut suspended = number(1, Some(100));
    suspended.opens = Opens::Never;
    let mut scene = world(MIDNIGHT, vec![suspended, number(2, Some(100))], vec![campaign(1, 5)]);
    scene.pools[0].sticky = true;
    scene.campaigns[0].work.push(bound_to(0, 10));
    assert_eq!(totals(&Forecast::of(&scene, 10)), [15]);
    for (failover, labels) in [
        (Failover::Never, [None, None]),
        (Failover::Label, [None, None]),
        (Failover::Label, [Some("north"), None]),
        (Failover::Label, [Some("north"), Some("south")]),
    ] {
        scene.campaigns[0].failover = failover;
        for (number, label) in scene.numbers.iter_mut().zip(labels) {
            number.label = label.map(str::to_owned);
        }
        let forecast = Forecast::of(&scene, 10);
        assert_eq!(forecast.days[0].total(), 5, "{failover:?} {labels:?}");
        assert_eq!(forecast.finish, [None], "{failover:?} {labels:?}");
        assert_eq!(forecast.binding(0).map(|(bound, _)| bound), Some(Bound::NoNumber));
    }
    scene.numbers[1].label = Some("north".to_owned());
    assert_eq!(totals(&Forecast::of(&scene, 10)), [15], "the same label");
    // What is bound to a number that may not send for the campaign any more is let go.
    scene.campaigns[0].failover = Failover::Never;
    scene.campaigns[0].only = Some(scene.numbers[1].id);
    assert_eq!(totals(&Forecast::of(&scene, 10)), [15], "the only number");
}

#[test]
fn whom_a_full_number_cannot_write_to_others_take_over_on_the_same_day() {
    let mut scene = world(MIDNIGHT, vec![number(1, Some(10)), number(2, Some(12))], vec![campaign(1, 0)]);
    scene.pools[0].sticky = true;
    scene.campaigns[0].work = vec![bound_to(0, 30)];
    assert_eq!(by_number(&Forecast::of(&scene, 10), 2), [[10, 8], [12, 0]]);
    scene.campaigns[0].failover = Failover::Never;
    let forecast = Forecast::of(&scene, 10);
    assert_eq!(by_number(&forecast, 2), [[10, 10, 10], [0, 0, 0]]);
    assert_eq!(forecast.days[0].bounds, [Some(Bound::NumberCap)]);
}

#[test]
fn a_pool_that_splits_by_weight_goes_as_fast_as_its_slowest_allows() {
    let many_at_once =
        |place| Number { pacing: Pacing { in_flight: 40, ..UNPACED }, ..number(place, Some(100)) };
    let mut scene = world(MIDNIGHT, vec![many_at_once(1), many_at_once(2)], vec![campaign(1, 40)]);
    scene.pools[0].strategy = Strategy::Weighted;
    scene.pools[0].weights = vec![3, 1];
    assert_eq!(by_number(&Forecast::of(&scene, 10), 2), [[30], [10]]);
    // Nobody goes further than a round of twenty messages beyond the lowest: half of it each.
    let mut scene = world(MIDNIGHT, vec![number(1, None), hourly(2)], vec![campaign(1, 200)]);
    scene.pools[0].strategy = Strategy::Weighted;
    scene.pools[0].weights = vec![1, 1];
    let forecast = Forecast::of(&scene, 2);
    assert_eq!(by_number(&forecast, 2), [[34, 34], [24, 24]]);
    assert_eq!(forecast.days[0].bounds, [Some(Bound::Paced)]);
}

/// Fifty numbers that keep their distance, twenty campaigns of three steps, ten accounts for a thousand people a day each.
fn large_world(sticky: bool) -> World {
    let number = |nth: u32| Number {
        priority: i32::try_from(nth % 3).unwrap(),
        cap: Cap { limit: Some(250 + nth * 10), used_today: nth },
        pacing: Pacing { interval: Duration::from_mins(2), per_second: 80, in_flight: 40 },
        account: Some(usize::try_from(nth % 10).unwrap()),
        ..number(u128::from(nth), None)
    };
    let campaign = |nth: u32| Campaign {
        priority: i32::try_from(nth % 4).unwrap(),
        weight: 1 + nth % 3,
        cap: Cap { limit: Some(700), used_today: 0 },
        pool: usize::try_from(nth % 2).unwrap(),
        delays: vec![TimeDelta::days(1); 3],
        ..campaign(u128::from(nth), 500_000)
    };
    let mut scene =
        world("2026-06-01T08:00:00Z", (0..50).map(number).collect(), (0..20).map(campaign).collect());
    scene.pools[0].sticky = sticky;
    scene.pools.push(Pool { strategy: Strategy::LeastUsed, ..scene.pools[0].clone() });
    scene.accounts = vec![Account { limit: 1_000, reached: Vec::new() }; 10];
    scene
}

#[test]
fn a_large_world_loses_nothing_where_it_is_looked_at_less_finely() {
    let sum = |sticky| totals(&Forecast::of(&large_world(sticky), 60)).iter().sum::<u64>();
    assert_eq!(sum(false), 60 * 10 * 1_000);
    // Who waits for a number that is full leaves a few places of its account.
    let sticky = sum(true);
    assert!((599_000..=600_000).contains(&sticky), "{sticky}");
}
