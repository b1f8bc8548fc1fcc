//! Claims whose answer was lost: their intents may be committed, so the database is asked until it says.

use super::{
    clock::Moment,
    shared::{Shared, Signal},
};
use crate::domain::ids::AttemptId;
use crate::store::{StoreError, attempt::ClaimRequest};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Most attempts of one claim that are looked up after a lost answer, and how long.
const RECOVER_FOR: Duration = Duration::from_mins(10);
/// After this long the server has ended a claim one way or the other: its limit on statements, and something.
const STATEMENT_SURELY_OVER: Duration = Duration::from_secs(17);

/// The answer to a claim was lost, but its intents may be committed: asks for them until the database says. They go on
/// only inside the start window; later ones are recorded as not sent.
pub async fn recover(
    shared: &Arc<Shared>,
    request: &ClaimRequest,
    began: Moment,
    error: &StoreError,
) -> Signal {
    tracing::warn!("the answer to a claim was lost: {error}");
    shared.status.send_modify(|status| status.store_unwell = Some(error.to_string()));
    let mut wait = Duration::from_millis(50);
    while began.elapsed() < RECOVER_FOR {
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(2));
        match shared.store.recover_claim(shared.organization, &request.attempts).await {
            Ok(messages) => {
                let used: HashSet<AttemptId> = messages.iter().map(|message| message.attempt).collect();
                let unknown = request.attempts.iter().copied().filter(|attempt| !used.contains(attempt));
                tokio::spawn(look_again(Arc::clone(shared), unknown.collect(), began));
                return Signal::Recovered { messages, began, late: false };
            }
            Err(error) if error.is_passing() => {}
            Err(error) => return Signal::ClaimFailed { why: report(&error) },
        }
        if shared.ended() {
            break;
        }
    }
    Signal::ClaimFailed {
        why: "the database did not come back; what was claimed will be found in doubt".to_owned(),
    }
}

/// The server may still be at a claim whose connection broke: it commits when its lock comes free, until its time limit
/// ends it. What it commits after the first look is found here, and is too late to be begun.
async fn look_again(shared: Arc<Shared>, attempts: Vec<AttemptId>, began: Moment) {
    while !shared.ended() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if began.elapsed() < STATEMENT_SURELY_OVER {
            continue;
        }
        match shared.store.recover_claim(shared.organization, &attempts).await {
            Ok(messages) => {
                let used: HashSet<AttemptId> = messages.iter().map(|message| message.attempt).collect();
                shared.close_attempts(attempts.into_iter().filter(|attempt| !used.contains(attempt)));
                let late = Signal::Recovered { messages, began, late: true };
                if shared.signals.send(late).await.is_err() {
                    tracing::error!("the engine is gone; late claims will be found in doubt");
                }
                shared.wake.notify_one();
                return;
            }
            Err(error) => tracing::warn!("the second look at a lost claim has to wait: {error}"),
        }
    }
}

/// An error with its causes, on one line.
pub fn report(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
