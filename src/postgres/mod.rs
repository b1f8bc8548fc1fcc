//! Postgres, found or started (`design.md`, section 13): the binaries of this machine, local clusters made with them,
//! connections, and the schema's version.
//!
//! The little SQL that stands here concerns whole databases and connections, never a table of ours: it is all in
//! `admin.rs`. Everything else belongs to `store`.

mod admin;
pub mod binaries;
pub mod cluster;
pub mod connect;
pub mod migrate;
pub mod way;
