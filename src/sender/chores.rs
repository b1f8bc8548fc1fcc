//! Work that one sender does for all: starting and completing campaigns, sweeping overdue attempts, asking providers
//! about doubts. Each chore is a row that is taken by a conditional update, and each pass is idempotent.

use super::{
    clock::Moment,
    judge::{self, Judgement, Measure},
    plan::carry,
    rollouts,
    shared::Shared,
    thresholds,
};
use crate::domain::{
    outcome::{Class, Failure, Outcome},
    text::Safe,
};
use crate::provider::{Evidence, Lookup};
use crate::store::{StoreError, attempt::Next, chore::Doubt};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Doubts asked about in one pass.
const DOUBTS_A_PASS: i64 = 50;
/// Attempts taken into the contacts' last-sent times in one statement.
const SENDS_AT_ONCE: i32 = 5_000;
/// How old those are at least: longer than a message is on the wire, and than clocks of two hosts differ.
const SENDS_LAG: Duration = Duration::from_mins(5);
/// How often the sums of campaigns are kept: the last look of a minute is what stands for it.
const PACE_EVERY: Duration = Duration::from_secs(15);
/// How long people have to answer a campaign before it counts as unanswered.
const PATIENCE: Duration = Duration::from_hours(72);
/// Between two looks at what operators should be told.
const ALERTS_EVERY: Duration = Duration::from_secs(3);
/// People suppressed in one statement.
const SUPPRESSED_AT_ONCE: i32 = 200;

/// Whose turn it is, asked no more often than it can have changed: most of what a sender that waits would ask the database.
#[derive(Default)]
struct Turns(HashMap<&'static str, Moment>);

impl Turns {
    /// Whether this chore, which is due so often, is ours now.
    async fn take(
        &mut self,
        shared: &Shared,
        chore: &'static str,
        every: Duration,
    ) -> Result<bool, StoreError> {
        if self.0.get(chore).is_some_and(|asked| asked.age() < every / 2) {
            return Ok(false);
        }
        self.0.insert(chore, Moment::now());
        shared.store.take_chore(shared.organization, shared.instance, chore, every).await
    }
}

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    let mut swept: Option<Moment> = None;
    let mut turns = Turns::default();
    while !shared.ended() {
        if let Err(error) = pass(&shared, &mut turns).await {
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

async fn pass(shared: &Shared, turns: &mut Turns) -> Result<(), StoreError> {
    let store = &shared.store;
    let (organization, instance) = (shared.organization, shared.instance);
    if turns.take(shared, "lifecycle", Duration::from_millis(900)).await? {
        let put_off = store.put_off_missed_starts(organization, instance, shared.clock().now()).await?;
        let changed = store.run_lifecycle(organization, instance, shared.clock().now()).await?;
        if changed {
            store.plan_followers(organization).await?;
        }
        if changed || put_off > 0 {
            shared.refresh.notify_one();
        }
    }
    if turns.take(shared, "rollouts", Duration::from_secs(1)).await? {
        rollouts::judge(shared).await?;
    }
    if turns.take(shared, "pace", PACE_EVERY).await? {
        store.note_pace(organization).await?;
    }
    if turns.take(shared, "limits", Duration::from_secs(2)).await?
        && store.follow_provider_limits(organization).await? > 0
    {
        shared.refresh.notify_one();
    }
    if turns.take(shared, "thresholds", Duration::from_secs(1)).await? {
        thresholds::judge(shared).await?;
    }
    if turns.take(shared, "stranded", Duration::from_secs(10)).await? {
        store.end_stranded(organization).await?;
        let latest = shared.latest.borrow().clone();
        for (campaign, numbers) in latest.iter().flat_map(|snapshot| carry::stuck(snapshot)) {
            if store.free_bound(organization, campaign, &numbers).await? > 0 {
                shared.refresh.notify_one();
            }
        }
    }
    people(shared, turns).await?;
    if turns.take(shared, "alerts", ALERTS_EVERY).await? {
        store.raise_alerts(organization).await?;
    }
    // Before the first picture there is no line to ask through, and a check would be spent on nothing.
    if shared.lines().is_ready() && turns.take(shared, "reconcile", Duration::from_secs(2)).await? {
        reconcile(shared).await?;
    }
    Ok(())
}

/// What is done about people: standing campaigns take in who is ripe for them, contacts learn when they were last sent
/// to, and whom nothing reaches is suppressed.
async fn people(shared: &Shared, turns: &mut Turns) -> Result<(), StoreError> {
    let (store, organization, now) = (&shared.store, shared.organization, shared.clock().now());
    if turns.take(shared, "standing", Duration::from_secs(1)).await?
        && store.enrol_standing(organization, now).await? > 0
    {
        shared.refresh.notify_one();
    }
    if turns.take(shared, "enrolments", Duration::from_secs(1)).await?
        && store.enrol_left_behind(organization, shared.instance).await?
    {
        shared.refresh.notify_one();
    }
    if turns.take(shared, "last sends", Duration::from_mins(1)).await? {
        while store.keep_last_sends(organization, SENDS_AT_ONCE, SENDS_LAG).await? == i64::from(SENDS_AT_ONCE)
            && !shared.ended()
        {}
    }
    if turns.take(shared, "suppressions", Duration::from_mins(10)).await? {
        while store.suppress_by_rule(organization, PATIENCE, now, SUPPRESSED_AT_ONCE).await?
            >= i64::from(SUPPRESSED_AT_ONCE)
            && !shared.ended()
        {}
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
