//! Plain types and decisions. Nothing here does I/O, reads a clock or draws a random number: time and chance are
//! arguments, so that every decision can be tested in microseconds.

pub mod action;
pub mod filter;
pub mod ids;
pub mod number;
pub mod outcome;
pub mod phone;
pub mod text;
