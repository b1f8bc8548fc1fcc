//! The fault matrix of `reliability.md`, section 14: one named case for each row. Each ends with both sides compared and
//! the invariants checked.

#![allow(
    clippy::pedantic,
    reason = "cases read as sentences: seconds where the matrix says seconds, panics that print the whole world"
)]
#![cfg(test)]

#[path = "../world/mod.rs"]
mod world;

mod alerts;
mod content;
mod database;
mod doubts;
mod edit;
mod evidence;
mod examples;
mod failover;
mod hand;
mod health;
mod kept;
mod keys;
mod leases;
mod limits;
mod mailroom;
mod meetings;
mod migration;
mod news;
mod process;
mod provider;
mod reach;
mod replies;
mod reports;
mod rollout;
mod spool;
mod standing;
mod sums;
mod thresholds;
mod throttle;
mod time;
mod variants;
mod vitals;
mod windows;

/// Not a test: this program as a sender of its own, when [`world::child`] starts it.
#[test]
fn child() {
    world::child::run_if_child();
}
