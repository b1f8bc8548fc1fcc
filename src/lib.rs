//! signalbox: the control room for WhatsApp campaigns.
//!
//! # The map
//!
//! In reading order, from what needs nothing to what needs everything. Imports run downward only: a layer knows those
//! that stand before it here, and `tests/house` fails when one does not.
//!
//! | layer | what it is |
//! | --- | --- |
//! | [`domain`] | plain types and decisions: phones, numbers, campaigns, outcomes, pacing, sharing, holds; no I/O, no clock |
//! | [`config`] | what this run was told by flags, environment and file |
//! | [`secrets`] | keys, and the credentials that are sealed with them |
//! | [`import`] | CSV in; cleaned rows and an account of the refused ones out |
//! | [`postgres`] | finding, starting and stopping a local cluster; connecting; migrating |
//! | [`provider`] | the three dialects, the one guarded HTTP client, and a simulator that speaks all three |
//! | [`store`] | the only place with SQL: one file per aggregate, typed answers |
//! | [`sender`] | the engine, and the life of a message: plan, claim, send, judge, record |
//! | [`inbound`] | HTTP in: what providers report, believed, kept, and only then answered; and what other programs ask |
//! | [`tui`] | the console: keys in, screens out; reads through the store, commands through store and sender |
//!
//! Beside it: `migrations/` is the schema, with the claim (`0009`) and the outcomes (`0010`) as functions, and says which
//! locks are taken in which order; `assets/` holds the demo's contacts, campaigns and provider scripts.

pub mod cli;
pub mod config;
pub mod domain;
pub mod import;
pub mod inbound;
pub mod postgres;
pub mod provider;
pub mod secrets;
pub mod sender;
pub mod store;
pub mod tui;
