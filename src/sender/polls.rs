//! Asks for failures where a provider reports none by itself, gently: a number in its turn, one request at a time.
//!
//! What is found is kept as a receipt, once, and applied like any other: late, and judged like an answer.

use super::{line::ReadyLine, shared::Shared};
use crate::domain::ids::NumberId;
use crate::provider::report::Receipt;
use crate::store::{StoreError, receipt::NewReceipt};
use std::{sync::Arc, time::Duration};

/// Numbers of one look.
const NUMBERS_A_LOOK: i32 = 5;
/// Pages of one state at one time: what lies further back was asked for before, or is found the next time.
const PAGES: u32 = 5;
/// Between two requests.
const APART: Duration = Duration::from_secs(1);
/// Between two looks whether a number is due.
const LOOK: Duration = Duration::from_secs(10);

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    let every = LOOK.min(shared.config.failures);
    while !shared.ended() {
        // Nothing to ask for, nobody to ask: most organisations have no such provider.
        if !shared.draining()
            && asks(&shared)
            && let Err(error) = look(&shared, every).await
        {
            tracing::warn!("failures that nobody reports have to wait: {error}");
        }
        shared.rest(every).await;
    }
}

fn asks(shared: &Shared) -> bool {
    shared.lines().ready().any(|line| !line.provider.unreported_states().is_empty())
}

async fn look(shared: &Shared, every: Duration) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    if !store.take_chore(organization, shared.instance, "failures", every).await? {
        return Ok(());
    }
    for number in store.take_polls(organization, NUMBERS_A_LOOK, shared.config.failures).await? {
        poll(shared, number).await?;
    }
    Ok(())
}

async fn poll(shared: &Shared, number: NumberId) -> Result<(), StoreError> {
    let Some(line) = shared.line(number) else { return Ok(()) };
    for state in line.provider.unreported_states() {
        for page in 1..=PAGES {
            if shared.draining() {
                return Ok(());
            }
            let asked = shared.client.failures(line.provider, &line.line, state, page).await;
            shared.rest(APART.min(shared.config.failures / 10)).await;
            let found = match asked {
                Ok(found) => found,
                Err(why) => {
                    tracing::warn!(number.id = %number, "messages that are {state} cannot be listed: {why}");
                    break;
                }
            };
            // The newest come first: behind one that is known, everything is.
            if found.is_empty() || keep(shared, &line, &found).await? < found.len() as u64 {
                break;
            }
        }
    }
    Ok(())
}

/// Answers how many are new.
async fn keep(shared: &Shared, line: &ReadyLine, found: &[Receipt]) -> Result<u64, StoreError> {
    let receipts: Vec<NewReceipt> = found
        .iter()
        .filter(|receipt| receipt.message.is_some() || receipt.attempt.is_some())
        .map(|receipt| NewReceipt {
            account: line.account,
            message: receipt.message.clone(),
            reference: receipt.attempt,
            delivery: receipt.delivery,
            at: receipt.at,
            failure: receipt.failure.clone(),
        })
        .collect();
    let new = shared.store.keep_receipts(shared.organization, &receipts).await?;
    if new > 0 {
        tracing::info!(number.id = %line.number, "{new} messages failed without a report");
    }
    Ok(new)
}
