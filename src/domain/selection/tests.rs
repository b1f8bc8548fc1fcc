use super::*;
use crate::domain::seeded::Seeded;
use chrono::TimeDelta;
use uuid::Uuid;

fn id(number: u32) -> NumberId {
    NumberId(Uuid::from_u128(u128::from(number)))
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap_or_default()
}

/// A number: id, priority, used of 250, last used at that second.
fn number(number: u32, priority: i32, used_today: u32, last: i64) -> Candidate {
    Candidate {
        number: id(number),
        priority,
        weight: 1,
        daily_limit: Some(250),
        used_today,
        last_used: Some(at(last)),
        standing: Standing::Ready,
    }
}

impl Candidate {
    fn is(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    fn limited_to(self, daily_limit: Option<u32>) -> Self {
        Self { daily_limit, ..self }
    }
}

const OUT: Standing = Standing::OutOfService;

fn busy(second: i64) -> Standing {
    Standing::Busy { until: Some(at(second)) }
}

fn resting(second: i64) -> Standing {
    Standing::Resting { until: Some(at(second)) }
}

fn send(number: u32, reason: Reason) -> Choice {
    Choice::Send { number: id(number), reason }
}

fn wait(number: u32, reason: Reason, second: i64) -> Choice {
    Choice::Wait { number: id(number), reason, until: Some(at(second)) }
}

#[test]
fn priority_takes_the_lowest_number_and_keeps_the_rest_as_backups() {
    let first = number(1, 1, 200, 9);
    let second = number(2, 2, 0, 0);
    let third = number(3, 2, 0, -5);
    let table: &[(&str, &[Candidate], Choice)] = &[
        ("the lowest goes first, however much it sent", &[second, first], send(1, Reason::Pool)),
        ("suspended: the next", &[first.is(OUT), second], send(2, Reason::Pool)),
        ("cap reached: the next", &[first.is(resting(99)), second], send(2, Reason::Pool)),
        ("among equals the least recently used", &[first.is(OUT), second, third], send(3, Reason::Pool)),
        ("paced: no backup steps in", &[first.is(busy(9)), second], wait(1, Reason::Pool, 9)),
        ("an equal that is ready steps in", &[second.is(busy(9)), third], send(3, Reason::Pool)),
        (
            "all rest: the one that opens first",
            &[first.is(resting(9)), second.is(resting(5))],
            wait(2, Reason::Pool, 5),
        ),
        ("all out and no default", &[first.is(OUT), second.is(OUT)], Choice::NoNumber),
        ("an empty pool and no default", &[], Choice::NoNumber),
    ];
    for (case, pool, expected) in table {
        let view = View { strategy: Strategy::Priority, pool, sticky: None, default: None };
        assert_eq!(select(&view), *expected, "{case}");
    }
}

#[test]
fn least_used_is_relative_to_the_limit() {
    let table: &[(&str, &[Candidate], u32)] = &[
        ("fewer of the same limit", &[number(1, 1, 20, 0), number(2, 9, 10, 0)], 2),
        (
            "a smaller part of a larger limit",
            &[number(1, 1, 100, 0).limited_to(Some(1_000)), number(2, 1, 50, 0)],
            1,
        ),
        (
            "equal parts: least recently used",
            &[number(1, 1, 100, 7).limited_to(Some(500)), number(2, 1, 50, 3)],
            2,
        ),
        ("never used before", &[number(1, 1, 0, 3), Candidate { last_used: None, ..number(2, 1, 0, 0) }], 2),
        ("nothing known: the older", &[number(2, 1, 0, 0), number(1, 1, 0, 0)], 1),
        ("no limit has used no part", &[number(1, 1, 5, 0), number(2, 1, 5_000, 0).limited_to(None)], 2),
        (
            "among those without limit by count",
            &[number(1, 1, 9, 0).limited_to(None), number(2, 1, 5, 0).limited_to(None)],
            2,
        ),
        ("a limit of zero is all used", &[number(1, 1, 0, 0).limited_to(Some(0)), number(2, 1, 249, 0)], 2),
        (
            "one that keeps its distance is passed over",
            &[number(1, 1, 0, 0).is(busy(9)), number(2, 1, 99, 0)],
            2,
        ),
    ];
    for (case, pool, expected) in table {
        let view = View { strategy: Strategy::LeastUsed, pool, sticky: None, default: None };
        assert_eq!(select(&view), send(*expected, Reason::Pool), "{case}");
    }
}

#[test]
fn the_sticky_number_goes_before_the_strategy_while_it_works() {
    let pool = |standing| [number(1, 1, 0, 0), number(2, 2, 99, 9).is(standing)];
    let table = [
        ("ready", Standing::Ready, send(2, Reason::Sticky)),
        ("paced: wait for it", busy(9), wait(2, Reason::Sticky, 9)),
        ("cap reached: by strategy", resting(9), send(1, Reason::Pool)),
        ("suspended: by strategy", OUT, send(1, Reason::Pool)),
    ];
    for (case, standing, expected) in table {
        let pool = pool(standing);
        let view = View { strategy: Strategy::Priority, pool: &pool, sticky: Some(id(2)), default: None };
        assert_eq!(select(&view), expected, "{case}");
    }
    let pool = pool(Standing::Ready);
    let view = View { strategy: Strategy::Priority, pool: &pool, sticky: Some(id(7)), default: None };
    assert_eq!(select(&view), send(1, Reason::Pool), "it left the pool");
}

#[test]
fn the_default_number_stands_in_for_a_pool_out_of_service() {
    let default = number(9, 1, 0, 0);
    let busy_default = default.is(busy(4));
    let out_default = default.is(OUT);
    let (first, second) = (number(1, 1, 0, 0), number(2, 1, 0, 0));
    let table: &[(&str, &[Candidate], &Candidate, Choice)] = &[
        ("an empty pool", &[], &default, send(9, Reason::Default)),
        ("none in service", &[first.is(OUT), second.is(OUT)], &default, send(9, Reason::Default)),
        (
            "one only rests: wait for it",
            &[first.is(OUT), second.is(resting(5))],
            &default,
            wait(2, Reason::Pool, 5),
        ),
        ("the default keeps its distance", &[], &busy_default, wait(9, Reason::Default, 4)),
        ("the default is out too", &[first.is(OUT)], &out_default, Choice::NoNumber),
    ];
    for (case, pool, default, expected) in table {
        let view = View { strategy: Strategy::Priority, pool, sticky: None, default: Some(default) };
        assert_eq!(select(&view), *expected, "{case}");
    }
}

#[test]
fn a_driver_knows_whether_its_number_takes_part() {
    type Answer = Result<(), Option<NumberId>>;
    let default = number(9, 1, 0, 0);
    let (one, equal, backup) = (number(1, 1, 0, 0), number(2, 1, 50, 9), number(3, 2, 0, 0));
    let full = [one, equal, backup];
    let suspended = [one.is(OUT), equal.is(OUT), backup];
    let nobody = [one.is(OUT)];
    let goes_first = |number| Err(Some(id(number)));
    let table: [(Strategy, &[Candidate], u32, Answer); 10] = [
        (Strategy::Priority, &full, 1, Ok(())),
        (Strategy::Priority, &full, 2, Ok(())),
        (Strategy::Priority, &full, 3, goes_first(1)),
        (Strategy::Priority, &full, 9, goes_first(1)),
        (Strategy::Priority, &suspended, 3, Ok(())),
        (Strategy::Priority, &suspended, 1, goes_first(3)),
        (Strategy::LeastUsed, &full, 3, Ok(())),
        (Strategy::LeastUsed, &suspended, 1, goes_first(3)),
        (Strategy::Priority, &nobody, 9, Ok(())),
        (Strategy::Priority, &nobody, 1, goes_first(9)),
    ];
    for (strategy, pool, asked, expected) in table {
        let view = View { strategy, pool, sticky: None, default: Some(&default) };
        assert_eq!(takes_part(&view, id(asked)), expected, "{strategy} {asked}");
    }
    let view = View { strategy: Strategy::Priority, pool: &nobody, sticky: None, default: None };
    assert_eq!(takes_part(&view, id(1)), Err(None));
}

#[test]
fn a_hold_tells_how_a_number_stands() {
    let until = at(9);
    let reason = String::new;
    let table = [
        (None, Standing::Ready),
        (Some(Hold::Paced { until }), busy(9)),
        (Some(Hold::InFlightFull { limit: 1 }), Standing::Busy { until: None }),
        (Some(Hold::NumberDisabled), OUT),
        (Some(Hold::NumberSuspended { reason: reason(), until: Some(until) }), OUT),
        (Some(Hold::NumberLimited { reason: reason(), until }), resting(9)),
        (Some(Hold::NoLease { holder: None }), Standing::Resting { until: None }),
    ];
    for (hold, expected) in table {
        assert_eq!(Standing::of(hold.as_ref()), expected, "{hold:?}");
    }
}

#[test]
fn strategies_are_read_by_name() {
    let table = [
        ("priority", Ok(Strategy::Priority)),
        ("least-used", Ok(Strategy::LeastUsed)),
        (" Least_Used ", Ok(Strategy::LeastUsed)),
        ("weighted", Ok(Strategy::Weighted)),
        ("random", Err("unknown strategy \"random\": it is priority, least_used or weighted")),
    ];
    for (text, expected) in table {
        let read = text.parse::<Strategy>().map_err(|error| error.to_string());
        assert_eq!(read, expected.map_err(str::to_owned));
    }
}

fn random_pool(random: &mut Seeded) -> Vec<Candidate> {
    (0..random.below_u32(7))
        .map(|nth| {
            let second = i64::from(random.below_u32(5));
            let standing =
                random.pick(&[Standing::Ready, Standing::Ready, busy(second), resting(second), OUT]);
            let last_used = random.pick(&[None, Some(at(second)), Some(at(0) - TimeDelta::hours(1))]);
            let limit = random.pick(&[Some(250), Some(250), Some(1_000), Some(0), None]);
            let priority = random.pick(&[1, 1, 2, 3]);
            let used = random.below_u32(200);
            Candidate { last_used, ..number(nth + 1, priority, used, 0).is(standing).limited_to(limit) }
        })
        .collect()
}

#[test]
fn ten_thousand_histories_choose_only_what_may_send_and_do_not_depend_on_the_order() {
    for seed in 0..10_000 {
        let mut random = Seeded::new(seed);
        let mut pool = random_pool(&mut random);
        let default = number(99, 1, 0, 0).is(random.pick(&[Standing::Ready, busy(3), OUT]));
        let strategy = random.pick(&Strategy::ALL);
        let sticky = random.once_in(2).then(|| id(1 + random.below_u32(8)));
        let default = random.once_in(2).then_some(&default);
        let choice = select(&View { strategy, pool: &pool, sticky, default });
        let case = format!("seed {seed}: {strategy} {sticky:?} {pool:?} -> {choice:?}");
        let standing = |wanted: NumberId| {
            pool.iter()
                .chain(default)
                .find(|candidate| candidate.number == wanted)
                .map(|found| found.standing)
        };
        let in_service = pool.iter().chain(default).any(|candidate| candidate.standing != OUT);
        match choice {
            Choice::Send { number, reason } => {
                assert_eq!(standing(number), Some(Standing::Ready), "{case}");
                let pool_serves = pool.iter().any(|candidate| candidate.standing != OUT);
                assert_eq!(reason == Reason::Default, !pool_serves, "{case}");
            }
            Choice::Wait { number, until, .. } => match standing(number) {
                Some(Standing::Busy { until: known } | Standing::Resting { until: known }) => {
                    assert_eq!(until, known, "{case}");
                }
                other => panic!("waits for {other:?}: {case}"),
            },
            Choice::NoNumber => assert!(!in_service, "{case}"),
        }
        for place in (1..pool.len()).rev() {
            pool.swap(place, random.below(place + 1));
        }
        assert_eq!(select(&View { strategy, pool: &pool, sticky, default }), choice, "shuffled: {case}");
    }
}

#[test]
fn least_used_spreads_a_day_evenly_over_numbers() {
    let mut pool = [number(1, 1, 0, 0), number(2, 1, 0, 0).limited_to(Some(500)), number(3, 1, 0, 0)];
    for second in 0..400 {
        let Choice::Send { number, .. } =
            select(&View { strategy: Strategy::LeastUsed, pool: &pool, sticky: None, default: None })
        else {
            panic!("all are ready");
        };
        for candidate in pool.iter_mut().filter(|candidate| candidate.number == number) {
            candidate.used_today += 1;
            candidate.last_used = Some(at(second));
        }
    }
    assert_eq!(pool.map(|candidate| candidate.used_today), [100, 200, 100]);
}

/// The plain rule: everybody is put in a row, by exact fractions, and the first is taken.
fn model(view: &View<'_>) -> Choice {
    let opens = |candidate: &Candidate| match candidate.standing {
        Standing::Ready => Some(None),
        Standing::Busy { until } | Standing::Resting { until } => Some(until),
        Standing::OutOfService => None,
    };
    let choice = |candidate: &Candidate, reason| match candidate.standing {
        Standing::Ready => Choice::Send { number: candidate.number, reason },
        _ => Choice::Wait { number: candidate.number, reason, until: opens(candidate).flatten() },
    };
    let works =
        |candidate: &&Candidate| matches!(candidate.standing, Standing::Ready | Standing::Busy { .. });
    if let Some(bound) =
        view.pool.iter().filter(|candidate| Some(candidate.number) == view.sticky).find(works)
    {
        return choice(bound, Reason::Sticky);
    }
    // A fraction of the day in billionths, exact enough for these counts; unlimited numbers come first, by count.
    let used = |candidate: &Candidate| match candidate.daily_limit {
        None => (0, candidate.used_today),
        Some(0) => (1_000_000_000, 0),
        Some(limit) => (u64::from(candidate.used_today) * 1_000_000_000 / u64::from(limit), 0),
    };
    let place = |candidate: &Candidate| {
        let by_strategy = match view.strategy {
            Strategy::Priority => {
                let busy = u32::from(candidate.standing != Standing::Ready);
                (i64::from(candidate.priority), busy)
            }
            Strategy::LeastUsed => {
                let (part, count) = used(candidate);
                (i64::try_from(part).unwrap(), count)
            }
            Strategy::Weighted => (i64::from(candidate.used_today), 0),
        };
        (by_strategy, candidate.last_used, candidate.number)
    };
    for (numbers, reason) in [
        (view.pool, Reason::Pool),
        (view.default.map(std::slice::from_ref).unwrap_or_default(), Reason::Default),
    ] {
        let mut now: Vec<&Candidate> = numbers.iter().filter(works).collect();
        if view.strategy != Strategy::Priority {
            now.retain(|candidate| candidate.standing == Standing::Ready);
        }
        now.sort_by_key(|candidate| place(candidate));
        if let Some(first) = now.first() {
            return choice(first, reason);
        }
        let mut later: Vec<&Candidate> = numbers.iter().filter(|each| opens(each).is_some()).collect();
        let waits = |candidate: &Candidate| {
            // Among those that open together nobody is ready, so the busy one has no advantage but its place.
            let at = opens(candidate).flatten().unwrap_or(DateTime::<Utc>::MAX_UTC);
            let busy = u32::from(matches!(candidate.standing, Standing::Busy { .. }));
            let (mut by_strategy, last, number) = place(candidate);
            if view.strategy == Strategy::Priority {
                by_strategy.1 = busy;
            }
            (at, by_strategy, last, number)
        };
        later.sort_by_key(|candidate| waits(candidate));
        if let Some(first) = later.first() {
            return choice(first, reason);
        }
    }
    Choice::NoNumber
}

#[test]
fn ten_thousand_histories_choose_as_the_plain_rule_does() {
    let mut sent = 0;
    for seed in 0..10_000 {
        let mut random = Seeded::new(seed);
        let pool = random_pool(&mut random);
        let default = number(99, 1, 0, 0).is(random.pick(&[Standing::Ready, busy(3), OUT]));
        // All weights of these pools are one.
        let strategy = random.pick(&Strategy::ALL);
        let view = View {
            strategy,
            pool: &pool,
            sticky: random.once_in(3).then(|| id(1 + random.below_u32(8))),
            default: random.once_in(2).then_some(&default),
        };
        let choice = select(&view);
        assert_eq!(choice, model(&view), "seed {seed}: {view:?}");
        sent += u32::from(matches!(choice, Choice::Send { .. }));
    }
    assert!(sent > 3_000, "the histories are about nothing: {sent}");
}
