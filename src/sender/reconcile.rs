//! Asks providers about doubts (rule F). A task of its own and one more for each account: a provider that takes a question
//! and is silent holds up nothing but what else it would be asked.

use super::{
    clock::Moment,
    judge::{self, Judgement, Measure},
    sent,
    shared::Shared,
    supervise::watched,
};
use crate::domain::{
    ids::{AccountId, AttemptId},
    outcome::{Class, Failure, Outcome},
    text::Safe,
};
use crate::provider::{Evidence, Fit, Lookup};
use crate::store::{
    StoreError,
    attempt::Next,
    chore::{Doubt, SpokenFor},
};
use futures_util::{StreamExt as _, stream};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// Between two looks whether a doubt is due.
const LOOK: Duration = Duration::from_secs(2);
/// Doubts of one account in one pass.
const DOUBTS_A_PASS: i64 = 50;
/// Questions under way at once, to one account.
const AT_ONCE: usize = 4;
/// A pass that has lasted so long asks nothing more: what is left is due again, and whoever comes next begins with it.
const BUDGET: Duration = Duration::from_secs(20);

/// The passes under way. `None`: doubts whose number is gone.
type Passes = HashMap<Option<AccountId>, JoinHandle<()>>;

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    let mut passes = Passes::new();
    while !shared.ended() {
        passes.retain(|_, pass| !pass.is_finished());
        // A draining sender begins nothing. Before the first picture there is no line to ask through, and a check would be
        // spent on nothing.
        if !shared.draining()
            && shared.lines().is_ready()
            && let Err(error) = begin(&shared, &mut passes).await
        {
            tracing::warn!("doubts have to wait: {error}");
        }
        shared.rest(LOOK / 2).await;
    }
    for pass in passes.into_values() {
        // It is watched: whether it panicked is known.
        let _ = pass.await;
    }
}

/// Begins a pass for each account that has doubts, unless one is under way, here or elsewhere.
async fn begin(shared: &Arc<Shared>, passes: &mut Passes) -> Result<(), StoreError> {
    let (store, organization, instance) = (&shared.store, shared.organization, shared.instance);
    if !store.take_chore(organization, instance, "reconcile", LOOK).await? {
        return Ok(());
    }
    // So long as no pass lasts: if we die, another asks then.
    let held = BUDGET + shared.config.client.total_timeout * 2;
    for account in store.accounts_in_doubt(organization, shared.config.timing.pace()).await? {
        if !passes.contains_key(&account)
            && store.take_chore(organization, instance, &chore(account), held).await?
        {
            let pass = pass(Arc::clone(shared), account);
            passes.insert(account, watched(shared, "questions about doubts", pass));
        }
    }
    Ok(())
}

fn chore(account: Option<AccountId>) -> String {
    account.map_or_else(|| "reconcile gone".to_owned(), |account| format!("reconcile {account}"))
}

/// Asks about the doubts of one account, and lets go of it.
async fn pass(shared: Arc<Shared>, account: Option<AccountId>) {
    if let Err(error) = ask_all(&shared, account).await {
        tracing::warn!("doubts have to wait: {error}");
    }
    if let Err(error) = shared.store.end_chore(shared.organization, shared.instance, &chore(account)).await {
        tracing::warn!("doubts of an account wait longer than they have to: {error}");
    }
}

async fn ask_all(shared: &Shared, account: Option<AccountId>) -> Result<(), StoreError> {
    let timing = &shared.config.timing;
    let began = Moment::now();
    let doubts = shared
        .store
        .doubts_to_ask(shared.organization, account, DOUBTS_A_PASS, timing.pace(), timing.settle)
        .await?;
    let mut texts = texts(shared, &doubts).await?;
    let mut asked = stream::iter(doubts)
        .map(|doubt| {
            let text = doubt.reply.clone().or_else(|| texts.remove(&doubt.attempt));
            async move {
                if began.elapsed() >= BUDGET || shared.draining() {
                    return Ok(());
                }
                ask(shared, &doubt, text).await
            }
        })
        .buffer_unordered(AT_ONCE);
    let mut failed = None;
    while let Some(result) = asked.next().await {
        failed = failed.or(result.err());
    }
    failed.map_or(Ok(()), Err)
}

async fn ask(shared: &Shared, doubt: &Doubt, text: Option<String>) -> Result<(), StoreError> {
    let Some(line) = shared.line(doubt.number) else {
        let why = "the number cannot be used to ask";
        return shared.store.note_evidence(shared.organization, doubt.attempt, false, why).await;
    };
    let lookup =
        Lookup { attempt: doubt.attempt, to: doubt.phone.clone(), started_at: doubt.started_at, text };
    let evidence = match shared.client.look_up(line.provider, &line.line, &lookup).await {
        Evidence::Fitting { fits, is_whole } => whose(shared, doubt, fits, is_whole).await?,
        evidence => evidence,
    };
    weigh(shared, doubt, evidence, line.provider.abilities().absence_is_proof).await
}

/// What was said to those whose provider lists messages by the person, and knows nothing of our attempts.
async fn texts(shared: &Shared, doubts: &[Doubt]) -> Result<HashMap<AttemptId, String>, StoreError> {
    let lists_by_person = |number| {
        let line = shared.line(number);
        line.map(|line| line.provider.abilities()).is_some_and(|can| can.list_by_recipient && !can.reference)
    };
    let doubts = doubts.iter().filter(|doubt| doubt.reply.is_none() && lists_by_person(doubt.number));
    let attempts: Vec<AttemptId> = doubts.map(|doubt| doubt.attempt).collect();
    if attempts.is_empty() {
        return Ok(HashMap::new());
    }
    sent::texts(&shared.store, shared.organization, &attempts).await
}

/// Finds out whose the messages are that fit.
async fn whose(
    shared: &Shared,
    doubt: &Doubt,
    fits: Vec<Fit>,
    is_whole: bool,
) -> Result<Evidence, StoreError> {
    let ids: Vec<String> = fits.iter().map(|fit| fit.provider_message_id.clone()).collect();
    let spoken_for = shared.store.spoken_for(shared.organization, doubt, &ids).await?;
    Ok(choose(fits, is_whole, &spoken_for))
}

/// A message that belongs to another attempt proves nothing of this one. What nobody has is this one's, unless another is
/// open that it may belong to: then only its text says whose it is.
fn choose(mut fits: Vec<Fit>, is_whole: bool, spoken_for: &SpokenFor) -> Evidence {
    fits.retain(|fit| !spoken_for.others.contains(&fit.provider_message_id));
    match (fits.len(), fits.pop()) {
        (_, None) if is_whole => Evidence::Absent,
        (_, None) => Evidence::Unclear("the listing does not reach back to the attempt".to_owned()),
        (1, Some(fit)) if fit.says_the_same || !spoken_for.has_rival => {
            Evidence::Found { provider_message_id: fit.provider_message_id, state: fit.state }
        }
        (1, Some(_)) => Evidence::Unclear(
            "a message fits, and may be that of another attempt to this person which is open too".to_owned(),
        ),
        (count, Some(_)) => Evidence::Several(count),
    }
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
        // Whose they are was found out before.
        Evidence::Fitting { fits, .. } => {
            let words = format!("{} messages at the provider may be this one", fits.len());
            shared.store.note_evidence(shared.organization, doubt.attempt, false, &words).await
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(id: &str, says_the_same: bool) -> Fit {
        Fit { provider_message_id: id.to_owned(), state: "sent".to_owned(), says_the_same }
    }

    fn found(id: &str) -> Evidence {
        Evidence::Found { provider_message_id: id.to_owned(), state: "sent".to_owned() }
    }

    #[test]
    fn what_belongs_to_another_attempt_proves_nothing() {
        let nobody = SpokenFor::default();
        let another = SpokenFor { others: vec!["SM1".to_owned()], has_rival: false };
        let of = |fits: &[Fit], is_whole, spoken_for| choose(fits.to_vec(), is_whole, spoken_for);
        let (first, second) = (fit("SM1", false), fit("SM2", false));
        assert_eq!(of(std::slice::from_ref(&first), true, &nobody), found("SM1"));
        assert_eq!(of(std::slice::from_ref(&first), true, &another), Evidence::Absent);
        assert!(matches!(of(std::slice::from_ref(&first), false, &another), Evidence::Unclear(_)));
        assert_eq!(of(&[first.clone(), second.clone()], true, &nobody), Evidence::Several(2));
        assert_eq!(of(&[first, second.clone()], true, &another), found("SM2"));
        assert_eq!(of(&[second, fit("SM1", true)], true, &another), found("SM2"), "whatever it says");
    }

    #[test]
    fn what_may_belong_to_another_that_is_open_too_is_told_apart_by_its_text_only() {
        let rival = SpokenFor { others: Vec::new(), has_rival: true };
        assert!(matches!(choose(vec![fit("SM1", false)], true, &rival), Evidence::Unclear(_)));
        assert_eq!(choose(vec![fit("SM1", true)], true, &rival), found("SM1"));
    }
}
