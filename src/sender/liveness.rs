//! What a running sender says of itself, for whoever watches over it: a health check, a monitoring system.

use super::{Status, shared::Shared};
use crate::domain::ids::InstanceId;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// A look at a running sender. Keeps nothing of it alive.
#[derive(Clone)]
pub struct Liveness(Weak<Shared>);

impl std::fmt::Debug for Liveness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Liveness").finish_non_exhaustive()
    }
}

/// How a sender is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alive {
    /// The instance on record.
    pub instance: InstanceId,
    /// What it is doing.
    pub status: Status,
    /// How long ago it looked at the database last; `None`: not yet.
    pub looked: Option<Duration>,
    /// How long ago it last wrote that it is alive. Who can read and not write sends nothing.
    pub beaten: Duration,
    /// How long ago the database answered a claim of its last; `None`: it has claimed nothing yet.
    pub claimed: Option<Duration>,
}

impl Liveness {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }

    /// How it is; `None`: it has left.
    #[must_use]
    pub fn read(&self) -> Option<Alive> {
        let shared = self.0.upgrade()?;
        if shared.ended() {
            return None;
        }
        let mut status = shared.status.borrow().clone();
        // The dispatcher tells of these only when it comes round.
        status.in_air = shared.in_air();
        status.unrecorded = shared.unrecorded();
        status.totals = shared.totals();
        status.draining = shared.draining();
        Some(Alive {
            instance: shared.instance,
            status,
            looked: shared.looked_ago(),
            beaten: shared.beaten_ago(),
            claimed: shared.claimed_ago(),
        })
    }
}
