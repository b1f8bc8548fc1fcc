//! What is foretold is what is sent: random organisations are forecast, and then played to their end. The plan, the claim,
//! the outcomes, the lifecycle and the rollouts are those of the sender, on a real Postgres whose clock goes from one event
//! to the next; only the wire is left out, where every message is accepted at once.

#![allow(
    clippy::pedantic,
    clippy::print_stdout,
    reason = "cases read as sentences, and what differs is printed with its whole world"
)]
#![cfg(test)]

#[path = "../world/mod.rs"]
mod world;

mod draw;
mod play;
mod worlds;
