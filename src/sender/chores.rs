//! Work that one sender does for all: starting and completing campaigns, sweeping overdue attempts, asking providers
//! about doubts. Each chore is a row that is taken by a conditional update, and each pass is idempotent.

use super::{
    clock::Moment,
    judge::{self, Judgement, Measure},
    plan::carry,
    rollouts, sent,
    shared::Shared,
    thresholds,
};
use crate::domain::{
    ids::AttemptId,
    outcome::{Class, Failure, Outcome},
    text::Safe,
};
use crate::provider::{Evidence, Fit, Lookup};
use crate::store::{
    StoreError,
    attempt::Next,
    chore::{Doubt, SpokenFor},
};
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

/// What one sender does for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Chore {
    Lifecycle,
    Rollouts,
    Pace,
    Limits,
    Thresholds,
    Stranded,
    Standing,
    Enrolments,
    LastSends,
    Suppressions,
    Alerts,
    Reconcile,
}

impl Chore {
    /// All of them, in the order in which they are done.
    const ALL: [Self; 12] = [
        Self::Lifecycle,
        Self::Rollouts,
        Self::Pace,
        Self::Limits,
        Self::Thresholds,
        Self::Stranded,
        Self::Standing,
        Self::Enrolments,
        Self::Alerts,
        Self::Reconcile,
        Self::LastSends,
        Self::Suppressions,
    ];

    /// What its row is called, and how often it is done.
    fn terms(self) -> (&'static str, Duration) {
        match self {
            Self::Lifecycle => ("lifecycle", Duration::from_millis(900)),
            Self::Rollouts => ("rollouts", Duration::from_secs(1)),
            Self::Pace => ("pace", PACE_EVERY),
            Self::Limits => ("limits", Duration::from_secs(2)),
            Self::Thresholds => ("thresholds", Duration::from_secs(1)),
            Self::Stranded => ("stranded", Duration::from_secs(10)),
            Self::Standing => ("standing", Duration::from_secs(1)),
            Self::Enrolments => ("enrolments", Duration::from_secs(1)),
            Self::LastSends => ("last sends", Duration::from_mins(1)),
            Self::Suppressions => ("suppressions", Duration::from_mins(10)),
            Self::Alerts => ("alerts", ALERTS_EVERY),
            Self::Reconcile => ("reconcile", Duration::from_secs(2)),
        }
    }

    /// Does it once.
    async fn run(self, shared: &Shared) -> Result<(), StoreError> {
        let (store, organization, now) = (&shared.store, shared.organization, shared.clock().now());
        let changed = match self {
            Self::Lifecycle => lifecycle(shared).await?,
            Self::Rollouts => return rollouts::judge(shared).await,
            Self::Pace => return store.note_pace(organization).await,
            Self::Limits => store.follow_provider_limits(organization).await? > 0,
            Self::Thresholds => return thresholds::judge(shared).await,
            Self::Stranded => free_stranded(shared).await?,
            // A standing campaign takes in who is ripe for it.
            Self::Standing => store.enrol_standing(organization, now).await? > 0,
            Self::Enrolments => store.enrol_left_behind(organization, shared.instance).await?,
            Self::LastSends => return keep_last_sends(shared).await,
            Self::Suppressions => return suppress(shared).await,
            Self::Alerts => return store.raise_alerts(organization).await.map(drop),
            Self::Reconcile => return reconcile(shared).await,
        };
        if changed {
            shared.refresh.notify_one();
        }
        Ok(())
    }
}

/// Whose turn it is, asked no more often than it can have changed and for all chores at once: most of what a sender that
/// waits would ask the database.
#[derive(Default)]
struct Turns(HashMap<Chore, Moment>);

impl Turns {
    /// The chores that are ours now.
    async fn take(&mut self, shared: &Shared) -> Result<Vec<Chore>, StoreError> {
        let due: Vec<Chore> = Chore::ALL
            .into_iter()
            .filter(|chore| self.0.get(chore).is_none_or(|asked| asked.age() >= chore.terms().1 / 2))
            // Before the first picture there is no line to ask through, and a check would be spent on nothing.
            .filter(|chore| *chore != Chore::Reconcile || shared.lines().is_ready())
            .collect();
        if due.is_empty() {
            return Ok(due);
        }
        self.0.extend(due.iter().map(|chore| (*chore, Moment::now())));
        let terms: Vec<_> = due.iter().map(|chore| chore.terms()).collect();
        let taken = shared.store.take_chores(shared.organization, shared.instance, &terms).await?;
        Ok(due.into_iter().filter(|chore| taken.iter().any(|name| name == chore.terms().0)).collect())
    }
}

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    let mut swept: Option<Moment> = None;
    let mut turns = Turns::default();
    while !shared.ended() {
        pass(&shared, &mut turns).await;
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

/// Does what is ours now. One that fails does not keep the others from being done, unless the database is away for all.
async fn pass(shared: &Shared, turns: &mut Turns) {
    let chores = match turns.take(shared).await {
        Ok(chores) => chores,
        Err(error) => return tracing::warn!("chores have to wait: {error}"),
    };
    for chore in chores {
        if let Err(error) = chore.run(shared).await {
            tracing::warn!("the chore {:?} has to wait: {error}", chore.terms().0);
            if error.is_away() {
                return;
            }
        }
    }
}

/// Starts what is to start and completes what is done. Answers whether anything changed.
async fn lifecycle(shared: &Shared) -> Result<bool, StoreError> {
    let (store, organization, instance) = (&shared.store, shared.organization, shared.instance);
    let put_off = store.put_off_missed_starts(organization, instance, shared.clock().now()).await?;
    let changed = store.run_lifecycle(organization, instance, shared.clock().now()).await?;
    if changed {
        store.plan_followers(organization).await?;
    }
    Ok(changed || put_off > 0)
}

/// Ends what nobody may send any more, and frees what is bound to a number that cannot. Answers whether anything was freed.
async fn free_stranded(shared: &Shared) -> Result<bool, StoreError> {
    shared.store.end_stranded(shared.organization).await?;
    let latest = shared.latest.borrow().clone();
    let mut freed = false;
    for (campaign, numbers) in latest.iter().flat_map(|snapshot| carry::stuck(snapshot)) {
        freed |= shared.store.free_bound(shared.organization, campaign, &numbers).await? > 0;
    }
    Ok(freed)
}

/// Tells contacts when they were last sent to.
async fn keep_last_sends(shared: &Shared) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    while store.keep_last_sends(organization, SENDS_AT_ONCE, SENDS_LAG).await? == i64::from(SENDS_AT_ONCE)
        && !shared.ended()
    {}
    Ok(())
}

/// Suppresses whom nothing reaches.
async fn suppress(shared: &Shared) -> Result<(), StoreError> {
    let (store, organization, now) = (&shared.store, shared.organization, shared.clock().now());
    while store.suppress_by_rule(organization, PATIENCE, now, SUPPRESSED_AT_ONCE).await?
        >= i64::from(SUPPRESSED_AT_ONCE)
        && !shared.ended()
    {}
    Ok(())
}

/// Asks providers about doubts that are due to be asked about (rule F).
async fn reconcile(shared: &Shared) -> Result<(), StoreError> {
    let timing = &shared.config.timing;
    let doubts =
        shared.store.doubts_to_ask(shared.organization, DOUBTS_A_PASS, timing.pace(), timing.settle).await?;
    let texts = texts(shared, &doubts).await?;
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
            text: doubt.reply.clone().or_else(|| texts.get(&doubt.attempt).cloned()),
        };
        let evidence = match shared.client.look_up(line.provider, &line.line, &lookup).await {
            Evidence::Fitting { fits, is_whole } => whose(shared, &doubt, fits, is_whole).await?,
            evidence => evidence,
        };
        let absence_is_proof = line.provider.abilities().absence_is_proof;
        weigh(shared, &doubt, evidence, absence_is_proof).await?;
    }
    Ok(())
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
