//! The HTTP API of the real program over real HTTP, with a simulated provider behind it: everything that its document says is so,
//! each operator may what the operator may, and a whole campaign's life goes through it.

#![allow(
    clippy::pedantic,
    reason = "cases read as sentences: requests by value, texts put together where they are sent"
)]
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod document;
mod life;
mod place;
mod rights;
mod slots;
mod sql;
mod walk;
