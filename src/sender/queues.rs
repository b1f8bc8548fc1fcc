//! Keeps the queues of gateways short: asks how many messages wait there, so that a number is given more only when they
//! have gone. Only whoever holds a number's lease asks, and only while something may wait.

use super::{
    clock::Moment,
    line::ReadyLine,
    shared::{Shared, Signal},
};
use crate::domain::ids::NumberId;
use crate::provider::Waiting;
use crate::store::StoreError;
use futures_util::{StreamExt as _, stream};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_millis(20);
/// While messages wait there, or the gateway cannot be asked.
const SOON: Duration = Duration::from_secs(1);
/// Where nothing waits and nothing was sent, or the gateway does not say.
const SELDOM: Duration = Duration::from_mins(1);
/// Questions under way at once.
const AT_ONCE: usize = 8;

/// What a gateway said last.
struct Asked {
    at: Moment,
    said: Waiting,
    /// Outcomes of this sender until then: as long as there are no more, nothing new can wait.
    outcomes: u64,
}

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    let mut asked: HashMap<NumberId, Asked> = HashMap::new();
    while !shared.ended() {
        let due = due(&shared, &asked);
        let outcomes = outcomes(&shared);
        let mut answers = stream::iter(due)
            .map(|line| {
                let shared = &shared;
                async move { (line.number, read(shared, &line).await) }
            })
            .buffer_unordered(AT_ONCE);
        while let Some((number, said)) = answers.next().await {
            match said {
                Ok(said) => {
                    asked.insert(number, Asked { at: Moment::now(), said, outcomes });
                }
                Err(error) => tracing::warn!(number.id = %number, "a gateway's queue is not known: {error}"),
            }
        }
        shared.rest(LOOK).await;
    }
}

fn outcomes(shared: &Shared) -> u64 {
    let totals = shared.totals();
    totals.accepted + totals.rejected + totals.not_sent + totals.in_doubt
}

/// The numbers whose gateway is to be asked now.
fn due(shared: &Shared, asked: &HashMap<NumberId, Asked>) -> Vec<Arc<ReadyLine>> {
    if shared.draining() {
        return Vec::new();
    }
    let outcomes = outcomes(shared);
    let latest = shared.latest.borrow();
    let numbers = latest.iter().flat_map(|snapshot| &snapshot.numbers);
    numbers
        .filter(|view| view.queue.is_some() && shared.trusts(view.number.id))
        .filter(|view| {
            let Some(last) = asked.get(&view.number.id) else { return true };
            let wait = match last.said {
                Waiting::Messages(0) if last.outcomes < outcomes => LOOK,
                Waiting::Messages(0) | Waiting::Untold => SELDOM,
                Waiting::Messages(_) | Waiting::Unclear(_) => SOON,
            };
            last.at.age() >= wait
        })
        .filter_map(|view| shared.line(view.number.id))
        .collect()
}

/// Asks one gateway and keeps what it says.
async fn read(shared: &Shared, line: &ReadyLine) -> Result<Waiting, StoreError> {
    let (store, organization, number) = (&shared.store, shared.organization, line.number);
    // Both before the question: what is on the wire may or may not be in the answer, and is counted on top.
    let before = store.queue_of(organization, number).await?;
    let in_air = line.gauge.count();
    let said = shared.client.queue(line.provider, &line.line).await;
    let waiting = match &said {
        Waiting::Messages(count) => Some(count.saturating_add(in_air)),
        Waiting::Untold => None,
        // It stays as it was: what cannot be known is not assumed to be gone.
        Waiting::Unclear(why) => {
            tracing::debug!(number.id = %number, "the gateway does not say how many messages wait: {why}");
            return Ok(said);
        }
    };
    let now = store.note_queue(organization, shared.instance, number, before, waiting).await?;
    let signal = Signal::Queue { number, waiting: now };
    if shared.signals.send(signal).await.is_ok() {
        shared.wake.notify_one();
    }
    Ok(said)
}
