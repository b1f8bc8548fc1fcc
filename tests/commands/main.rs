//! Everything an operator can change, by the real binary and by the store, on a real Postgres.

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod again;
mod alerts;
mod audience;
mod audit;
mod bad_input;
mod bounds;
mod calendar;
mod campaigns;
mod consent;
mod content;
mod demo;
mod door;
mod doubts;
mod editing;
mod enrolment;
mod forecast;
mod health;
mod import;
mod leaving;
mod load;
mod numbers;
mod preflight;
mod races;
mod replies;
mod rollout;
mod rotation;
mod scan;
mod setup;
mod slots;
mod variants;
mod vitals;
mod webhooks;
mod why;
