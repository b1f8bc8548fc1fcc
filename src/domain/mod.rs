//! Plain types and decisions. Nothing here does I/O, reads a clock or draws a random number: time and chance are
//! arguments, so that every decision can be tested in microseconds.

pub mod action;
pub mod alike;
pub mod attempt;
pub mod audience;
pub mod campaign;
pub mod channel;
pub mod consent;
pub mod content;
pub mod country;
pub mod day;
pub mod delivery;
pub mod entry_point;
pub mod filter;
pub mod forecast;
pub mod given;
pub mod health;
pub mod hold;
pub mod ids;
pub mod json;
pub mod locale;
pub mod money;
pub mod number;
pub mod opposite;
pub mod opt_out;
pub mod outcome;
pub mod pacing;
pub mod phone;
pub mod pool;
pub mod pulse;
pub mod ratio;
pub mod recipient;
pub mod review;
pub mod right;
pub mod selection;
pub mod setting;
pub mod sharing;
pub mod sheet;
pub mod slot;
pub mod suggest;
pub mod template;
pub mod text;
pub mod thread;
pub mod warm_up;
pub mod weighting;
pub mod window;

#[cfg(test)]
pub(crate) mod seeded;
