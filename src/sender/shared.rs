//! What the tasks of one sender share.

use super::{
    Config, Status, Totals,
    clock::{CampaignClock, Moment},
    event::{EVENT_CHANNEL, SendEvent},
    flight::Settled,
    line::{Lines, ReadyLine},
    warden::Note,
};
use crate::domain::{
    ids::{AccountId, AttemptId, CampaignId, InstanceId, NumberId, OrganizationId},
    outcome::Outcome,
};
use crate::provider::client::Client;
use crate::store::{
    Store,
    attempt::{ClaimRequest, Claimed, ClaimedMessage},
    lease::LEASE_TTL,
    snapshot::{Snapshot, StepContents},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, broadcast, mpsc, watch};

/// A lease is trusted for this long from the *start* of the request that renewed it: a slow answer must not lengthen
/// trust.
const TRUST: Duration = LEASE_TTL.saturating_sub(Duration::from_secs(3));

/// What the engine is told.
pub enum Signal {
    /// A look at the organisation, and the texts that were missing.
    Snapshot { snapshot: Box<Snapshot>, texts: Vec<StepContents>, asked: Moment },
    /// A claim came back.
    Claimed { request: Box<ClaimRequest>, claimed: Claimed, began: Moment },
    /// A claim's answer was lost; these of its messages were committed. `late`: found by the second look.
    Recovered { messages: Vec<ClaimedMessage>, began: Moment, late: bool },
    /// So many messages wait in a gateway's own queue at most; none: it does not say.
    Queue { number: NumberId, waiting: Option<u32> },
    /// A claim failed; nothing was committed.
    ClaimFailed { why: String },
}

/// The receiving ends, each for one task.
pub struct Inbox {
    pub signals: mpsc::Receiver<Signal>,
    pub outcomes: mpsc::Receiver<Settled>,
    pub measures: mpsc::Receiver<Note>,
}

/// What may still begin: checked by every flight just before it writes.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    /// Somebody pressed the panic key.
    pub stopped: bool,
    /// Campaigns that are active.
    pub campaigns: HashSet<CampaignId>,
    /// Numbers that are suspended or disabled.
    pub closed_numbers: HashSet<NumberId>,
}

/// A lease as far as this process trusts it.
#[derive(Debug, Clone, Copy)]
pub struct Trusted {
    pub epoch: i64,
    /// When the request began that granted or renewed it.
    pub since: Moment,
    /// When it became ours: what others had sent through the number before is in every look that began after this.
    pub taken: Moment,
}

impl Trusted {
    pub fn holds(&self) -> bool {
        self.since.age() < TRUST
    }

    /// Whether a look shows everything that was sent through the number by whoever had the lease before.
    pub fn is_shown_by(&self, looked: &Moment) -> bool {
        self.taken.is_before(looked)
    }
}

/// What the tasks of one sender share. Locks are held for moments and never across an await.
pub struct Shared {
    pub store: Store,
    pub client: Client,
    pub organization: OrganizationId,
    pub instance: InstanceId,
    pub config: Config,
    pub wake: Notify,
    pub refresh: Notify,
    pub renew: Notify,
    pub signals: mpsc::Sender<Signal>,
    pub outcomes: mpsc::Sender<Settled>,
    pub measures: mpsc::Sender<Note>,
    pub events: broadcast::Sender<SendEvent>,
    pub status: watch::Sender<Status>,
    /// The latest look, for the tasks that need one.
    pub latest: watch::Sender<Option<Arc<Snapshot>>>,
    /// Revisions of campaigns whose texts the engine has.
    pub texts: Mutex<HashMap<CampaignId, i64>>,
    gate: RwLock<Arc<Gate>>,
    leases: RwLock<HashMap<NumberId, Trusted>>,
    closed: Mutex<HashMap<NumberId, (Moment, Duration)>>,
    breakers: Mutex<HashMap<AccountId, (Moment, Duration)>>,
    lines: RwLock<Lines>,
    looked: Mutex<Option<(DateTime<Utc>, Moment)>>,
    claimed: Mutex<Option<Moment>>,
    /// The last heartbeat that was written; the first one is the introduction.
    beaten: Mutex<Moment>,
    open: Mutex<BTreeSet<AttemptId>>,
    in_air: AtomicU32,
    unrecorded: AtomicU32,
    draining: AtomicBool,
    ended: AtomicBool,
    /// Told once, at the end.
    ending: Notify,
    accepted: AtomicU64,
    rejected: AtomicU64,
    not_sent: AtomicU64,
    in_doubt: AtomicU64,
}

impl Shared {
    pub fn new(store: Store, client: Client, instance: InstanceId, config: Config) -> (Self, Inbox) {
        let (signals, signals_in) = mpsc::channel(64);
        let (outcomes, outcomes_in) = mpsc::channel(8_192);
        let (measures, measures_in) = mpsc::channel(4_096);
        let shared = Self {
            store,
            client,
            organization: config.organization,
            instance,
            config,
            wake: Notify::new(),
            refresh: Notify::new(),
            renew: Notify::new(),
            signals,
            outcomes,
            measures,
            events: broadcast::Sender::new(EVENT_CHANNEL),
            status: watch::Sender::new(Status::default()),
            latest: watch::Sender::new(None),
            texts: Mutex::default(),
            gate: RwLock::default(),
            leases: RwLock::default(),
            closed: Mutex::default(),
            breakers: Mutex::default(),
            lines: RwLock::default(),
            looked: Mutex::default(),
            claimed: Mutex::default(),
            beaten: Mutex::new(Moment::now()),
            open: Mutex::default(),
            in_air: AtomicU32::new(0),
            unrecorded: AtomicU32::new(0),
            draining: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            ending: Notify::new(),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            not_sent: AtomicU64::new(0),
            in_doubt: AtomicU64::new(0),
        };
        (shared, Inbox { signals: signals_in, outcomes: outcomes_in, measures: measures_in })
    }

    pub fn clock(&self) -> &CampaignClock {
        &self.config.clock
    }

    /// The lines of this process.
    pub fn lines(&self) -> RwLockReadGuard<'_, Lines> {
        self.lines.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines of this process, to bring them up to date.
    pub fn lines_mut(&self) -> RwLockWriteGuard<'_, Lines> {
        self.lines.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn line(&self, number: NumberId) -> Option<Arc<ReadyLine>> {
        self.lines().get(number).cloned()
    }

    /// Notes what the database's clock showed at a moment.
    pub fn saw_clock(&self, told: DateTime<Utc>, at: Moment) {
        *locked(&self.looked) = Some((told, at));
    }

    /// How long ago the last look at the database was.
    pub fn looked_ago(&self) -> Option<Duration> {
        locked(&self.looked).map(|(_told, at)| at.age())
    }

    /// Notes that the database has answered a claim.
    pub fn note_claim(&self) {
        *locked(&self.claimed) = Some(Moment::now());
    }

    /// How long ago the database answered the last claim.
    pub fn claimed_ago(&self) -> Option<Duration> {
        locked(&self.claimed).map(|at| at.age())
    }

    /// Notes that a heartbeat was written.
    pub fn note_beat(&self) {
        *locked(&self.beaten) = Moment::now();
    }

    /// How long ago the last heartbeat was written.
    pub fn beaten_ago(&self) -> Duration {
        locked(&self.beaten).age()
    }

    /// An estimate of what the campaign clock shows now.
    pub fn campaign_now(&self) -> Option<DateTime<Utc>> {
        let looked = *locked(&self.looked);
        looked.map(|(told, at)| self.clock().estimate(told, &at)).or_else(|| self.clock().now())
    }

    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Nothing more of a campaign begins, until the next look says that it is active.
    pub fn close_campaign(&self, campaign: CampaignId) {
        let mut gate = Gate::clone(&self.gate());
        gate.campaigns.remove(&campaign);
        self.set_gate(gate);
    }

    /// Says what may begin from now on.
    pub fn set_gate(&self, gate: Gate) {
        *self.gate.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(gate);
    }

    /// The leases we hold and trust, but for those that we took after we looked: sharing by what that look shows could
    /// give one campaign what is another's.
    pub fn trusted_leases(&self, looked: &Moment) -> HashMap<NumberId, i64> {
        let leases = self.leases.read().unwrap_or_else(PoisonError::into_inner);
        leases
            .iter()
            .filter(|(_, lease)| lease.holds() && lease.is_shown_by(looked))
            .map(|(number, lease)| (*number, lease.epoch))
            .collect()
    }

    /// All leases that we have not lost for certain.
    pub fn held_leases(&self) -> HashMap<NumberId, Trusted> {
        self.leases.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_leases(&self, leases: HashMap<NumberId, Trusted>) {
        *self.leases.write().unwrap_or_else(PoisonError::into_inner) = leases;
    }

    /// The database says that we do not hold these any more: nothing begins through them, and they are asked for anew.
    pub fn lose_leases(&self, numbers: &[NumberId]) {
        let mut leases = self.leases.write().unwrap_or_else(PoisonError::into_inner);
        leases.retain(|number, _| !numbers.contains(number));
        drop(leases);
        self.renew.notify_one();
    }

    pub fn trusts(&self, number: NumberId) -> bool {
        let leases = self.leases.read().unwrap_or_else(PoisonError::into_inner);
        leases.get(&number).is_some_and(Trusted::holds)
    }

    /// The epoch under which we hold a number, trusted or not.
    pub fn epoch(&self, number: NumberId) -> Option<i64> {
        let leases = self.leases.read().unwrap_or_else(PoisonError::into_inner);
        leases.get(&number).map(|lease| lease.epoch)
    }

    /// Takes a number out at once, until the database says so too.
    pub fn close_number(&self, number: NumberId, rest: Duration) {
        locked(&self.closed).insert(number, (Moment::now(), rest));
        self.wake.notify_one();
    }

    /// Numbers taken out by this process, with what is left of their rest.
    pub fn closed_numbers(&self) -> HashMap<NumberId, Duration> {
        left_of(&self.closed)
    }

    /// Opens or closes an account's breaker.
    pub fn set_breaker(&self, account: AccountId, rest: Option<Duration>) {
        let mut breakers = locked(&self.breakers);
        match rest {
            Some(rest) => breakers.insert(account, (Moment::now(), rest)),
            None => breakers.remove(&account),
        };
        self.wake.notify_one();
    }

    /// Accounts whose breaker is open, with what is left of their rest.
    pub fn open_breakers(&self) -> HashMap<AccountId, Duration> {
        left_of(&self.breakers)
    }

    /// Ids for attempts of a claim to come, noted as open. Made and noted under one lock: a heartbeat in between would
    /// otherwise name a later id as the oldest open one, and a sweep would never find these.
    pub fn open_attempts(&self, count: u32) -> Vec<AttemptId> {
        let mut open = locked(&self.open);
        let attempts: Vec<AttemptId> = (0..count).map(|_| AttemptId::new()).collect();
        open.extend(&attempts);
        attempts
    }

    /// Whether an attempt of ours may have been committed that has no recorded outcome.
    pub fn has_open_attempts(&self) -> bool {
        !locked(&self.open).is_empty()
    }

    /// Attempts that have a recorded outcome, or never were.
    pub fn close_attempts(&self, attempts: impl Iterator<Item = AttemptId>) {
        let mut open = locked(&self.open);
        attempts.for_each(|attempt| {
            open.remove(&attempt);
        });
    }

    /// No attempt of ours below this id is open.
    pub fn oldest_open(&self) -> AttemptId {
        let open = locked(&self.open);
        // Ids of one process ascend, and those to come are made under this lock.
        open.first().copied().unwrap_or_else(AttemptId::new)
    }

    pub fn in_air(&self) -> u32 {
        self.in_air.load(Ordering::Acquire)
    }

    pub fn took_off(&self, count: u32) {
        self.in_air.fetch_add(count, Ordering::AcqRel);
    }

    pub fn landed(&self) {
        self.in_air.fetch_sub(1, Ordering::AcqRel);
        self.wake.notify_one();
    }

    pub fn unrecorded(&self) -> u32 {
        self.unrecorded.load(Ordering::Acquire)
    }

    pub fn known(&self, outcome: &Outcome) {
        self.unrecorded.fetch_add(1, Ordering::AcqRel);
        let counter = match outcome {
            Outcome::Accepted { .. } => &self.accepted,
            Outcome::Rejected(_) => &self.rejected,
            Outcome::NotSent(_) => &self.not_sent,
            Outcome::InDoubt(_) => &self.in_doubt,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn recorded(&self, count: u32) {
        self.unrecorded.fetch_sub(count, Ordering::AcqRel);
        self.wake.notify_one();
    }

    pub fn totals(&self) -> Totals {
        Totals {
            accepted: self.accepted.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            not_sent: self.not_sent.load(Ordering::Relaxed),
            in_doubt: self.in_doubt.load(Ordering::Relaxed),
        }
    }

    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Ends the tasks that wait for something.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.ending.notify_waiters();
        self.begin_drain();
        self.refresh.notify_one();
        self.renew.notify_one();
    }

    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Comes back when the sender has ended.
    pub async fn until_ended(&self) {
        let told = self.ending.notified();
        tokio::pin!(told);
        // Interest is registered before looking: an end between the two is not missed.
        told.as_mut().enable();
        if !self.ended() {
            told.await;
        }
    }

    /// Waits between two looks, and no longer than the sender lives: whoever leaves does not wait for the next look.
    pub async fn rest(&self, wait: Duration) {
        // Only the wait is given up.
        let _ = tokio::time::timeout(wait, self.until_ended()).await;
    }
}

/// A lock of ours guards plain data: a panic elsewhere leaves it usable.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn left_of<K: Copy + Eq + std::hash::Hash>(
    rests: &Mutex<HashMap<K, (Moment, Duration)>>,
) -> HashMap<K, Duration> {
    let mut rests = locked(rests);
    rests.retain(|_, (since, rest)| since.age() < *rest);
    rests.iter().map(|(key, (since, rest))| (*key, rest.saturating_sub(since.age()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_trusted_until_three_seconds_before_its_end_by_the_later_clock() {
        let renewed = |monotonic, wall| {
            let since = Moment::back(Duration::from_secs(monotonic), Duration::from_secs(wall));
            Trusted { epoch: 1, since, taken: since }.holds()
        };
        assert!(renewed(11, 11));
        assert!(!renewed(12, 12));
        assert!(!renewed(0, 12), "the machine slept");
        assert!(!renewed(12, 0), "the wall clock was set back");
    }

    #[test]
    fn a_lease_is_planned_with_by_looks_that_began_after_it_was_taken() {
        let [before, taken, after] =
            [3, 2, 1].map(|ago| Moment::back(Duration::from_secs(ago), Duration::from_secs(ago)));
        let lease = Trusted { epoch: 1, since: before, taken };
        assert!(!lease.is_shown_by(&before), "who had it may have sent since");
        assert!(lease.is_shown_by(&after));
    }
}
