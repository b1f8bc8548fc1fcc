//! signalbox: the control room for WhatsApp campaigns.

pub mod domain;
pub mod store;
pub mod tui;
