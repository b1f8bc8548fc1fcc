//! How long the choice of a number takes in a pool of 1,000. Prints the median, the 99th percentile and the worst; the
//! budget is 1 ms at the 99th percentile (`design.md`, section 6), and exceeding it is an error.

use chrono::{DateTime, Utc};
use signalbox::domain::ids::NumberId;
use signalbox::domain::selection::{Candidate, Standing, Strategy, View, select};
use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const NUMBERS: u32 = 1_000;
const ROUNDS: u32 = 20_000;
const BUDGET: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let mut within = true;
    for strategy in Strategy::ALL {
        let times = measure(strategy);
        let at = |per_mille: usize| times[(times.len() - 1) * per_mille / 1_000];
        let (median, p99, worst) = (at(500), at(990), at(1_000));
        within &= p99 < BUDGET;
        let line =
            format!("selection/{strategy}: {NUMBERS} numbers, p50 {median:?}, p99 {p99:?}, max {worst:?}");
        if writeln!(out, "{line}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Times of single choices, sorted. The pool changes with every choice, as it does when it sends.
fn measure(strategy: Strategy) -> Vec<Duration> {
    let mut pool: Vec<Candidate> = (0..NUMBERS).map(candidate).collect();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let turned = (round % NUMBERS) as usize;
        pool[turned].used_today += 1;
        pool[turned].last_used = DateTime::<Utc>::from_timestamp(i64::from(round), 0);
        let view = View { strategy, pool: &pool, sticky: None, default: None };
        let begun = Instant::now();
        black_box(select(black_box(&view)));
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times
}

fn candidate(nth: u32) -> Candidate {
    Candidate {
        number: NumberId::new(),
        priority: i32::try_from(nth % 7).unwrap_or(0),
        weight: 1 + nth % 5,
        daily_limit: Some(250 + nth % 1_000),
        used_today: nth % 200,
        last_used: None,
        standing: if nth.is_multiple_of(3) { Standing::OutOfService } else { Standing::Ready },
    }
}
