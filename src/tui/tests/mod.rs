//! Whole screens, bytes, hostile text, invariants.

mod bytes;
mod effects;
mod health;
mod hostile;
mod invariants;
mod replies;
mod screens;
