//! How long a forecast takes: ten million recipients, fifty numbers, twenty campaigns, a year.
//!
//! `cargo bench --bench forecast`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use chrono::{TimeDelta, TimeZone, Utc};
use signalbox::domain::{
    campaign::Failover,
    forecast::{Account, Campaign, Cap, Expiry, Forecast, Number, Opens, Pool, Work, World},
    ids::{CampaignId, NumberId},
    number::Pacing,
    selection::Strategy,
};
use std::time::{Duration, Instant};

const RECIPIENTS: u64 = 10_000_000;
const NUMBERS: u32 = 50;
const CAMPAIGNS: u32 = 20;
const DAYS: u32 = 365;
const TIMES: usize = 20;

fn main() {
    // `cargo test --benches` runs every bench once; this one is for `cargo bench`.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    for (name, world) in [
        ("every number full every day", world(0, false, false)),
        ("numbers that keep their distance", world(120, false, false)),
        ("campaigns with limits and three steps, accounts with limits", world(0, true, false)),
        ("the same, and people stay with their number", world(0, true, true)),
        ("numbers that keep their distance, limits and steps", world(120, true, false)),
        ("numbers that keep their distance, and people stay with them", world(120, true, true)),
    ] {
        let mut took: Vec<Duration> = (0..TIMES)
            .map(|_| {
                let began = Instant::now();
                assert!(Forecast::of(&world, DAYS).days.len() > 1);
                began.elapsed()
            })
            .collect();
        took.sort_unstable();
        println!("{name}: p50 {:.1?}, longest {:.1?}", took[TIMES / 2], took[TIMES - 1]);
    }
}

fn world(interval: u64, limited: bool, sticky: bool) -> World {
    let number = |nth: u32| Number {
        id: NumberId::new(),
        priority: i32::try_from(nth % 3).unwrap_or(0),
        cap: Cap { limit: Some(250 + nth * 10), used_today: nth },
        pacing: Pacing { interval: Duration::from_secs(interval), per_second: 80, in_flight: 40 },
        warm_up: Vec::new(),
        next_slot: None,
        last_sent: None,
        opens: Opens::Now,
        account: limited.then_some(usize::try_from(nth % 10).unwrap_or(0)),
        label: None,
    };
    let campaign = |nth: u32| Campaign {
        id: CampaignId::new(),
        priority: i32::try_from(nth % 4).unwrap_or(0),
        weight: 1 + nth % 3,
        cap: Cap { limit: limited.then_some(700), used_today: 0 },
        pool: usize::try_from(nth % 2).unwrap_or(0),
        opens: Opens::Now,
        calendar: signalbox::domain::window::Calendar::default(),
        work: vec![Work {
            step: 0,
            due: None,
            people: RECIPIENTS / u64::from(CAMPAIGNS),
            zone: None,
            bound: None,
        }],
        delays: vec![TimeDelta::days(1); if limited { 3 } else { 1 }],
        used: Vec::new(),
        standing: false,
        is_test: false,
        rollout: None,
        only: None,
        failover: Failover::Pool,
        expiry: Expiry::default(),
    };
    let numbers: Vec<Number> = (0..NUMBERS).map(number).collect();
    let all: Vec<usize> = (0..numbers.len()).collect();
    World {
        zone: chrono_tz::Africa::Douala,
        now: Utc.timestamp_nanos(1_780_000_000_000_000_000),
        cap: Cap::default(),
        numbers,
        pools: vec![
            Pool { strategy: Strategy::Priority, sticky, numbers: all.clone(), weights: Vec::new() },
            Pool { strategy: Strategy::LeastUsed, sticky, numbers: all, weights: Vec::new() },
        ],
        campaigns: (0..CAMPAIGNS).map(campaign).collect(),
        default: None,
        accounts: vec![Account { limit: 1_000, reached: Vec::new() }; 10],
        simultaneous: false,
    }
}
