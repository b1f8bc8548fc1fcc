//! What operators steer of a campaign while it lives.

use super::Failover;
use crate::domain::{
    ids::{NumberId, PoolId},
    window::Window,
};

/// A campaign's place, caps, hours and numbers, named whole: what a console changes of one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steering {
    /// Lower goes first.
    pub priority: i32,
    /// Its share among equals.
    pub weight: u32,
    /// Most messages a day; `None`: no limit of its own.
    pub daily_limit: Option<u32>,
    /// The pool that it sends through.
    pub pool: PoolId,
    /// What happens to a message whose number is refused.
    pub failover: Failover,
    /// The hours in which it sends; `None`: any that the organisation allows.
    pub window: Option<Window>,
    /// The only number that may send for it; `None`: all of its pool.
    pub only_number: Option<NumberId>,
}
