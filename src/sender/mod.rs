//! The engine.
pub mod judge;
pub mod plan;
