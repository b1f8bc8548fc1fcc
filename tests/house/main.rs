//! Reads the sources and keeps the rules of the house that no lint can say.
//!
//! Each rule says why it is there and what to do instead. Where a rule has exceptions, they are listed with a reason
//! each; an entry that is no longer needed fails as a new offence does, so that the lists only shrink.

#![cfg(test)]

mod layers;
mod migrations;
mod size;
mod source;
mod texts;
mod world;

use source::Source;
use std::fmt::Write;
use std::path::PathBuf;

/// A rule, as its failure reads.
struct Rule {
    /// What must hold.
    what: &'static str,
    /// Why.
    reason: &'static str,
    /// What to do instead.
    instead: &'static str,
}

/// Something that is excepted from a rule, and why.
struct Exception(&'static str, &'static str);

/// Something that a rule concerns.
struct Found {
    /// What it would be excepted by.
    key: String,
    /// Where it is.
    at: String,
}

impl Found {
    fn new(key: impl Into<String>, at: impl Into<String>) -> Self {
        Self { key: key.into(), at: at.into() }
    }
}

impl Rule {
    /// Fails if anything was found.
    fn keep(&self, found: &[String]) {
        let mut report =
            format!("\nthe rule: {}\nwhy: {}\ninstead: {}\n", self.what, self.reason, self.instead);
        for place in found {
            writeln!(report, "  {place}").unwrap();
        }
        assert!(found.is_empty(), "{report}");
    }

    /// Fails if anything was found that is not excepted, or an exception is not needed.
    fn keep_except(&self, found: &[Found], exceptions: &[Exception]) {
        let excepted = |key: &str| exceptions.iter().any(|Exception(known, _)| *known == key);
        let mut wrong: Vec<String> =
            found.iter().filter(|found| !excepted(&found.key)).map(|found| found.at.clone()).collect();
        for Exception(key, reason) in exceptions {
            assert!(reason.split_whitespace().count() > 3, "the exception for {key} gives no reason");
            if !found.iter().any(|found| found.key == *key) {
                wrong.push(format!("{key} is excepted and no longer needs it: take it off the list"));
            }
        }
        self.keep(&wrong);
    }
}

/// The crate's root; the environment's, so that a built test can read another copy.
fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// The program's sources.
fn program() -> Vec<Source> {
    let sources = source::all(&root(), &["src"]);
    assert!(sources.len() > 50, "only {} sources were found: the rules would prove nothing", sources.len());
    sources
}

/// All sources, tests and benchmarks too.
fn everything() -> Vec<Source> {
    source::all(&root(), &["src", "tests", "benches"])
}
