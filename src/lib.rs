//! signalbox: the control room for WhatsApp campaigns.

pub mod config;
pub mod domain;
pub mod import;
pub mod postgres;
pub mod secrets;
