//! How long one claim takes with a million recipients queued, as a sender makes it: all numbers and campaigns at once, the
//! intents on the disk when it answers. Postgres runs with `fsync` on, on the same machine.
//!
//! `cargo bench --bench claim -- [--recipients N] [--numbers N] [--messages N]`
//!
//! Prints the median, the 99th percentile and the longest of the claims, for several sizes, beside a bare commit of one
//! row: what the disk alone takes. What the connection's first claims take, which make its plans, is printed by itself.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod begin;
mod seed;

use begin::Arguments;
use seed::{Sizes, seed};
use signalbox::{
    domain::{
        attempt::AttemptState,
        ids::{AttemptId, InstanceId, NumberId, OrganizationId, RecipientId},
    },
    postgres::connect::Purpose,
    secrets::{self, KeyRing},
    store::{
        Store,
        attempt::{ClaimCampaign, ClaimNumber, ClaimRequest, Lane, Next, OutcomeRecord},
        lease::{Introduction, Lease},
    },
};
use std::{
    collections::HashMap,
    error::Error,
    time::{Duration, Instant},
};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Claims of each size.
const CLAIMS: u32 = 500;
/// Claims at the beginning that are not counted with the others: a sender makes them once.
const FIRST: u32 = 20;

fn main() -> Fallible<()> {
    let Some(given) = Arguments::read() else { return Ok(()) };
    let sizes = Sizes {
        recipients: given.value("--recipients", 1_000_000),
        numbers: u32::try_from(given.value("--numbers", 10))?,
        in_flight: 100,
    };
    let messages = u32::try_from(given.value("--messages", 200))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&sizes, messages))
}

async fn run(sizes: &Sizes, messages: u32) -> Fallible<()> {
    let (_cluster, database) = begin::database().await.map_err(|error| -> Box<dyn Error> { error })?;
    let pool = database.reach(Purpose::Bulk).await?;
    let keys = KeyRing::parse(&secrets::new_key_text()?)?;
    let organization = seed(&pool, &keys, sizes).await?;
    // A million people were not enrolled in the same minute: what the load left to be written and cleaned up is not the
    // claim's. Without these two the server does both beside the first thousand claims.
    for upkeep in ["vacuum (analyze)", "checkpoint"] {
        sqlx::query(upkeep).execute(&pool).await?;
    }
    let store = Store::new(&database);
    let mut claimer = Claimer::new(store, organization, sizes).await?;
    let mut commits = Vec::new();
    for _ in 0..CLAIMS {
        let began = Instant::now();
        sqlx::query("update organizations set name = name").execute(&pool).await?;
        commits.push(began.elapsed());
    }
    print("a bare commit of one row", commits);
    let mut first = Vec::new();
    for _ in 0..FIRST {
        first.push(claimer.claim(sizes.numbers).await?);
    }
    print("the first claims of a connection", first);
    for size in [messages / 20, messages / 4, messages / 2, messages] {
        let size = size.next_multiple_of(sizes.numbers);
        let mut took = Vec::new();
        for _ in 0..CLAIMS {
            took.push(claimer.claim(size).await?);
        }
        let what = format!("claim of {size} with {} queued, {} numbers", sizes.recipients, sizes.numbers);
        print(&what, took);
    }
    pool.close().await;
    Ok(())
}

fn print(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at =
        |part: usize| took.get((took.len() * part / 100).min(took.len() - 1)).copied().unwrap_or_default();
    println!("{what}: p50 {:.1?}, p99 {:.1?}, longest {:.1?}", at(50), at(99), at(100));
}

struct Claimer {
    store: Store,
    organization: OrganizationId,
    instance: InstanceId,
    leases: Vec<Lease>,
    campaigns: Vec<ClaimCampaign>,
}

impl Claimer {
    async fn new(store: Store, organization: OrganizationId, sizes: &Sizes) -> Fallible<Self> {
        let instance = InstanceId::new();
        let introduction = Introduction {
            instance,
            operator: "bench".to_owned(),
            host: "bench".to_owned(),
            pid: std::process::id(),
            kind: "sender",
        };
        store.introduce(organization, &introduction).await?;
        let snapshot = store.snapshot(organization, None).await?;
        let numbers: Vec<NumberId> = snapshot.numbers.iter().map(|view| view.number.id).collect();
        let leases = store.take_leases(organization, instance, &numbers, sizes.numbers).await?;
        let campaign = |id| ClaimCampaign { id, walk_after: None, may_take_over: true };
        let campaigns = snapshot.campaigns.iter().map(|view| campaign(view.id)).collect();
        Ok(Self { store, organization, instance, leases, campaigns })
    }

    /// Claims, and answers how long that took; what was claimed is then recorded as sent.
    async fn claim(&mut self, size: u32) -> Fallible<Duration> {
        let request = self.request(size)?;
        let began = Instant::now();
        let claimed = self.store.claim(&request).await?;
        let took = began.elapsed();
        if claimed.messages.len() != usize::try_from(size)? {
            return Err(format!("{} of {size} claimed: {:?}", claimed.messages.len(), claimed.refused).into());
        }
        let walked: HashMap<_, RecipientId> = claimed.walked_to.iter().copied().collect();
        for campaign in &mut self.campaigns {
            campaign.walk_after = walked.get(&campaign.id).copied().or(campaign.walk_after);
        }
        let outcomes: Vec<OutcomeRecord> =
            claimed.messages.iter().map(|message| accepted(message.attempt)).collect();
        self.store.record_outcomes(self.organization, &outcomes, None).await?;
        let held = self.store.renew_leases(self.organization, self.instance, &self.leases).await?;
        if held.len() == self.leases.len() { Ok(took) } else { Err("a lease was lost".into()) }
    }

    /// As a sender shares a batch out: evenly over numbers, and the campaigns of each in turn.
    fn request(&self, size: u32) -> Fallible<ClaimRequest> {
        let each = size / u32::try_from(self.leases.len())?;
        let number = |lease: &Lease| ClaimNumber {
            id: lease.number,
            epoch: lease.epoch,
            batch: each,
            gap: Duration::ZERO,
        };
        let lane = |number: usize| {
            let campaign = number % self.campaigns.len();
            Lane { number, campaign: Some(campaign), wanted: each, bound_only: false }
        };
        Ok(ClaimRequest {
            organization: self.organization,
            instance: self.instance,
            numbers: self.leases.iter().map(number).collect(),
            campaigns: self.campaigns.clone(),
            lanes: (0..self.leases.len()).map(lane).collect(),
            takes_over: Vec::new(),
            attempts: (0..size).map(|_| AttemptId::new()).collect(),
            deadline: Duration::from_secs(25),
            now: None,
        })
    }
}

fn accepted(attempt: AttemptId) -> OutcomeRecord {
    OutcomeRecord {
        attempt,
        state: AttemptState::Accepted,
        provider_message_id: Some(format!("wamid.{attempt}")),
        class: None,
        blame: None,
        code: None,
        words: None,
        duration_ms: Some(40),
        next: String::new(),
        delay_ms: 0,
        reason: None,
    }
    .with_next(&Next::Advance)
}
