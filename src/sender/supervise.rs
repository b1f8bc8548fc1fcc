//! What happens when a task of the sender panics: half a sender would keep its numbers from everybody and send nothing.

use super::{DRAIN_LIMIT, clock::Moment, keeper, shared::Shared};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// Runs a task of the sender. Should it panic, the whole sender leaves in order: it claims nothing any more, what is on the
/// wire ends, and its numbers go to others. [`super::Status::failed`] tells whoever holds it.
pub fn watched(
    shared: &Arc<Shared>,
    what: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        if tokio::spawn(task).await.is_err_and(|error| error.is_panic()) {
            leave(&shared, what).await;
        }
    })
}

async fn leave(shared: &Shared, what: &'static str) {
    tracing::error!("the sender's {what} failed: it sends nothing new and gives its numbers up");
    shared.status.send_modify(|status| status.failed = Some(what));
    shared.begin_drain();
    let began = Moment::now();
    while shared.in_air() + shared.unrecorded() > 0 && began.elapsed() < DRAIN_LIMIT {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if let Err(error) = keeper::give_up_all(shared, false).await {
        tracing::warn!("leases were not given up, they expire by themselves: {error}");
    }
}
