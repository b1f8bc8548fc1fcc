//! Work that one sender does for all: starting and completing campaigns, judging, keeping sums. Each chore is a row that is
//! taken by a conditional update, and each pass is idempotent. One does them one after the other, so nothing here waits for
//! anybody but the database: providers are asked elsewhere ([`super::reconcile`], [`super::health`]).

use super::{clock::Moment, plan::carry, rollouts, shared::Shared, thresholds};
use crate::store::StoreError;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Attempts taken into the contacts' last-sent times in one statement.
const SENDS_AT_ONCE: i32 = 5_000;
/// How old those are at least: longer than a message is on the wire, and than clocks of two hosts differ.
const SENDS_LAG: Duration = Duration::from_mins(5);
/// Contacts told in one statement what people said of consent.
const CONSENTS_AT_ONCE: i32 = 1_000;
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
}

impl Chore {
    /// All of them, in the order in which they are done.
    const ALL: [Self; 11] = [
        Self::Lifecycle,
        Self::Rollouts,
        Self::Pace,
        Self::Limits,
        Self::Thresholds,
        Self::Stranded,
        Self::Standing,
        Self::Enrolments,
        Self::Alerts,
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
            Self::Enrolments => {
                let moved = store.carry_over_left_behind(organization).await?;
                store.enrol_left_behind(organization, shared.instance).await? || moved
            }
            Self::LastSends => return keep_contacts(shared).await,
            Self::Suppressions => return suppress(shared).await,
            Self::Alerts => return store.raise_alerts(organization).await.map(drop),
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
    let mut turns = Turns::default();
    while !shared.ended() {
        pass(&shared, &mut turns).await;
        shared.rest(Duration::from_millis(500)).await;
    }
}

/// Finds attempts whose outcome nobody will tell any more, until the sender ends. It is not leased, because it is what finds
/// that others are gone, and it waits for no chore: how late a doubt is shown is promised.
pub async fn sweep(shared: Arc<Shared>) {
    let grace = shared.config.timing.grace;
    while !shared.ended() {
        match shared.store.sweep_overdue(shared.organization, grace, shared.clock().now()).await {
            Ok(0) => {}
            Ok(found) => tracing::warn!("{found} attempts have no outcome and are in doubt"),
            Err(error) => tracing::warn!("overdue attempts cannot be swept: {error}"),
        }
        shared.rest(grace / 2).await;
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
    store.enrol_before_start(organization, shared.clock().now()).await?;
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

/// Tells contacts what people said while somebody held them, and when they were last sent to.
async fn keep_contacts(shared: &Shared) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    while store.settle_consents(organization, CONSENTS_AT_ONCE).await? == i64::from(CONSENTS_AT_ONCE)
        && !shared.ended()
    {}
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
