//! Pools, as the console shows and changes them.

use crate::domain::action::Version;
use crate::domain::ids::{NumberId, PoolId};
use crate::domain::selection::Strategy;
use crate::domain::text::Shown;

/// A pool with its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    /// Its id.
    pub id: PoolId,
    /// How often it has been changed.
    pub version: Version,
    /// What operators call it.
    pub name: Shown,
    /// How it picks.
    pub strategy: Strategy,
    /// Whether a recipient keeps the number of its first message.
    pub sticky: bool,
    /// Its numbers by priority.
    pub members: Vec<PoolMember>,
    /// The organisation's default number: it stands in where none of them is in service.
    pub default: Option<NumberId>,
    /// Campaigns that are not over and send through it.
    pub campaigns: u64,
    /// All campaigns that name it: while there is one, it stays.
    pub named: u64,
}

/// A number of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolMember {
    /// Which one.
    pub number: NumberId,
    /// Its share, where the pool goes by shares.
    pub weight: u32,
}
