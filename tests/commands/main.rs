//! Everything an operator can change, by the real binary and by the store, on a real Postgres.

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod bad_input;
mod campaigns;
mod content;
mod demo;
mod doubts;
mod forecast;
mod health;
mod import;
mod leaving;
mod races;
mod replies;
mod setup;
mod slots;
mod vitals;
mod webhooks;
mod why;
