//! The real program in a pseudo-terminal, on a real database, with simulated providers: what an operator sees, what the
//! keys do to every sender, and what is left of the terminal afterwards, by whatever path the console ends.

#![allow(
    clippy::pedantic,
    clippy::print_stderr,
    reason = "cases read as sentences; measured figures are printed"
)]
#![cfg(test)]

#[path = "../world/mod.rs"]
mod world;

mod console;
mod ends;
mod forms;
mod gaps;
mod hostile;
mod modes;
mod mouse;
mod numbers;
mod plain;
mod screens;
mod steering;
mod viewer;

/// Not a test: this program as a sender of its own, when [`world::child`] starts it.
#[test]
fn child() {
    world::child::run_if_child();
}
