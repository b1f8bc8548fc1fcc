//! The only place with SQL: one file per aggregate, typed answers.

pub mod view;
