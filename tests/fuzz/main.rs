//! Webhook bodies and provider answers that nobody would send: bytes flipped, cut, repeated and spliced, values of other types,
//! keys twice, numbers and depths beyond every limit, text that is none.
//!
//! Whatever comes, nothing panics, nothing takes long or much memory; only an id that stands in the answer is an acceptance, what
//! nobody documented stays unknown, an empty listing is a proof only where it says that it is empty, and no text that
//! moves a terminal gets through.
//!
//! `cargo test --test fuzz` runs the same cases every time. A longer run, with other cases each time:
//!
//! ```sh
//! SIGNALBOX_FUZZ_SECONDS=600 cargo test --test fuzz -- --nocapture
//! ```
//!
//! Every run says its seed; `SIGNALBOX_FUZZ_SEED` sets it, and `SIGNALBOX_FUZZ_CASE` runs one case of it alone.

#![allow(
    clippy::pedantic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed; a run says its seed"
)]
#![cfg(test)]

#[allow(dead_code, reason = "requests of ours are nothing that comes in")]
#[path = "../sheets/examples.rs"]
mod examples;

mod answers;
mod corpus;
mod mutate;
mod reports;
mod wire;

use mutate::Chance;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

/// Of the run that is the same every time.
const SEED: u64 = 20_260_101;
/// One case takes microseconds; this is for a machine that is busy with something else.
const SLOW: Duration = Duration::from_secs(2);
/// How much more memory the whole program may have needed at once, in KiB.
const MEMORY: u64 = 256 * 1024;

fn variable(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Runs a case again and again, so many times or as long as was asked for.
fn run(name: &str, cases: u64, case: impl Fn(&mut Chance)) {
    let seconds = variable("SIGNALBOX_FUZZ_SECONDS").map(Duration::from_secs);
    let now = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(SEED, |now| now.as_nanos() as u64)
    };
    let seed =
        variable("SIGNALBOX_FUZZ_SEED").unwrap_or_else(|| if seconds.is_some() { now() } else { SEED });
    let alone = variable("SIGNALBOX_FUZZ_CASE");
    let (began, memory) = (Instant::now(), peak());
    let mut nth = alone.unwrap_or(0);
    while alone.map_or_else(|| seconds.map_or(nth < cases, |limit| began.elapsed() < limit), |one| nth == one)
    {
        let started = Instant::now();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(&mut Chance::of(seed, nth)))) {
            eprintln!("{name}: SIGNALBOX_FUZZ_SEED={seed} SIGNALBOX_FUZZ_CASE={nth} shows it again");
            resume_unwind(panic);
        }
        let took = started.elapsed();
        assert!(took < SLOW, "{name}: seed {seed}, case {nth} took {took:?}");
        nth += 1;
    }
    let grown = peak().saturating_sub(memory);
    eprintln!("{name}: {nth} cases of seed {seed} in {:.1?}, {grown} KiB more", began.elapsed());
    assert!(grown < MEMORY, "{name}: seed {seed} took {grown} KiB");
}

/// The most memory this program ever had, in KiB; nothing where the system does not say.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// What goes to screens, logs and the database.
#[track_caller]
fn is_clean(text: &str) {
    let moves =
        |sign: char| sign.is_control() || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.chars().any(moves), "{text:?}");
    assert!(text.len() <= 16 * 1024, "{} bytes", text.len());
}
