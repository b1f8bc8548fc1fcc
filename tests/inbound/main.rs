//! The listener on a real database, over real HTTP: what it believes, what it keeps, and what it answers while the database
//! is away (`reliability.md`, section 6, and row 43 of the fault matrix).

#![allow(
    clippy::pedantic,
    reason = "cases read as sentences: seconds where the rule says seconds, panics that print the whole world"
)]
#![cfg(test)]

#[path = "../fuzz/corpus.rs"]
#[allow(dead_code, reason = "shared with tests of answers")]
mod corpus;
#[path = "../sheets/examples.rs"]
#[allow(dead_code, reason = "shared with tests of requests")]
mod examples;
#[path = "../fuzz/mutate.rs"]
#[allow(dead_code, reason = "shared with tests that show their cases")]
mod mutate;
#[path = "../world/mod.rs"]
mod world;

mod answered;
mod asked;
mod away;
mod belief;
mod caller;
mod flood;
mod hostile;
mod limits;
mod office;
mod registration;
mod reported;
mod silent;
mod watched;

/// Not a test: this program as a listener of its own, when [`office::Process`] starts it.
#[test]
fn child() {
    office::run_if_child();
}
