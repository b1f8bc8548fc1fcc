//! The console.

pub mod backend;
pub mod store_backend;
