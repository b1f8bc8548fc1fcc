//! Organisations are separate, and viewers change nothing: by Postgres, for the role that is logged in, whatever a program
//! asks. Two organisations on one database, and operators who log in as themselves.

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod doors;
mod local;
mod matrix;
mod office;
mod rights;
