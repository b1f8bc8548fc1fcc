//! Work that one sender does for all: starting and completing campaigns, sweeping overdue attempts, asking providers
//! about doubts. Each chore is a row that is taken by a conditional update, and each pass is idempotent.

use super::{
    clock::Moment,
    judge::{self, Judgement, Measure},
    plan::carry,
    shared::Shared,
    thresholds,
};
use crate::domain::{
    outcome::{Class, Failure, Outcome},
    text::Safe,
};
use crate::provider::{Evidence, Lookup};
use crate::store::{StoreError, attempt::Next, chore::Doubt};
use std::{sync::Arc, time::Duration};

/// Doubts asked about in one pass.
const DOUBTS_A_PASS: i64 = 50;

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    let mut swept: Option<Moment> = None;
    while !shared.ended() {
        if let Err(error) = pass(&shared).await {
            tracing::warn!("a chore has to wait: {error}");
        }
        // The sweep is not leased: it is what finds that others are gone.
        if swept.is_none_or(|last| last.age() >= shared.config.timing.grace / 2) {
            swept = Some(Moment::now());
            match shared
                .store
                .sweep_overdue(shared.organization, shared.config.timing.grace, shared.clock().now())
                .await
            {
                Ok(0) => {}
                Ok(found) => tracing::warn!("{found} attempts have no outcome and are in doubt"),
                Err(error) => tracing::warn!("overdue attempts cannot be swept: {error}"),
            }
        }
        shared.rest(Duration::from_millis(500)).await;
    }
}

async fn pass(shared: &Shared) -> Result<(), StoreError> {
    let store = &shared.store;
    let (organization, instance) = (shared.organization, shared.instance);
    if store.take_chore(organization, instance, "lifecycle", Duration::from_millis(900)).await?
        && store.run_lifecycle(organization, instance, shared.clock().now()).await?
    {
        shared.refresh.notify_one();
    }
    if store.take_chore(organization, instance, "limits", Duration::from_secs(2)).await?
        && store.follow_provider_limits(organization).await? > 0
    {
        shared.refresh.notify_one();
    }
    if store.take_chore(organization, instance, "thresholds", Duration::from_secs(1)).await? {
        thresholds::judge(shared).await?;
    }
    if store.take_chore(organization, instance, "stranded", Duration::from_secs(10)).await? {
        store.end_stranded(organization).await?;
        let latest = shared.latest.borrow().clone();
        for (campaign, numbers) in latest.iter().flat_map(|snapshot| carry::stuck(snapshot)) {
            if store.free_bound(organization, campaign, &numbers).await? > 0 {
                shared.refresh.notify_one();
            }
        }
    }
    // Before the first picture there is no line to ask through, and a check would be spent on nothing.
    if shared.lines().is_ready()
        && store.take_chore(organization, instance, "reconcile", Duration::from_secs(2)).await?
    {
        reconcile(shared).await?;
    }
    Ok(())
}

/// Asks providers about doubts that are due to be asked about (rule F).
async fn reconcile(shared: &Shared) -> Result<(), StoreError> {
    let timing = &shared.config.timing;
    let doubts =
        shared.store.doubts_to_ask(shared.organization, DOUBTS_A_PASS, timing.pace(), timing.settle).await?;
    for doubt in doubts {
        let Some(line) = shared.line(doubt.number) else {
            let why = "the number cannot be used to ask";
            shared.store.note_evidence(shared.organization, doubt.attempt, false, why).await?;
            continue;
        };
        let lookup = Lookup {
            attempt: doubt.attempt,
            to: doubt.phone.clone(),
            started_at: doubt.started_at,
            text: None,
        };
        let evidence = shared.client.look_up(line.provider, &line.line, &lookup).await;
        let absence_is_proof = line.provider.abilities().absence_is_proof;
        weigh(shared, &doubt, evidence, absence_is_proof).await?;
    }
    Ok(())
}

async fn weigh(
    shared: &Shared,
    doubt: &Doubt,
    evidence: Evidence,
    absence_is_proof: bool,
) -> Result<(), StoreError> {
    match evidence {
        Evidence::Found { provider_message_id, state } => {
            let words = format!("found at the provider: {}", Safe::new(&state));
            shared.store.note_evidence(shared.organization, doubt.attempt, false, &words).await?;
            let outcome = Outcome::Accepted { provider_message_id };
            settle(shared, doubt, &outcome, Next::Advance).await
        }
        Evidence::Absent => {
            shared
                .store
                .note_evidence(shared.organization, doubt.attempt, true, "not known to the provider")
                .await?;
            if !absence_is_proof || doubt.absences < 1 || !doubt.is_settled {
                return Ok(());
            }
            let failure = Failure {
                class: Class::Withheld,
                code: Some("absent".to_owned()),
                words: "the provider was asked twice and does not know it".to_owned(),
            };
            settle(shared, doubt, &Outcome::NotSent(failure), Next::Retry(Duration::ZERO)).await
        }
        Evidence::Several(count) => {
            let words = format!("{count} messages at the provider fit: a person must decide");
            shared.store.note_evidence(shared.organization, doubt.attempt, false, &words).await
        }
        Evidence::Unclear(why) => {
            let words = Safe::new(&why);
            shared.store.note_evidence(shared.organization, doubt.attempt, false, &words).await
        }
    }
}

async fn settle(shared: &Shared, doubt: &Doubt, outcome: &Outcome, next: Next) -> Result<(), StoreError> {
    let judgement = Judgement { next, measure: Measure::Well };
    let record = judge::record(doubt.attempt, outcome, &judgement, None);
    shared.store.record_outcomes(shared.organization, &[record], shared.clock().now()).await?;
    shared.refresh.notify_one();
    Ok(())
}
