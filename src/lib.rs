//! signalbox: the control room for WhatsApp campaigns.

pub mod cli;
pub mod config;
pub mod domain;
pub mod import;
pub mod postgres;
pub mod provider;
pub mod secrets;
pub mod sender;
pub mod store;
pub mod tui;
