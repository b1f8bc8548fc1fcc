//! Keeps leases: takes this instance's fair share, renews, gives up what is too much, and says that we are alive.

use super::{
    clock::Moment,
    plan::{Local, Roster, fair_share, wanted_leases},
    shared::{Shared, Trusted},
};
use crate::domain::{ids::NumberId, text::Safe};
use crate::store::{StoreError, lease::Lease, snapshot::Snapshot};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Leases are renewed this often.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// We say this often that we are alive and how much is on the wire.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Runs until the sender ends.
pub async fn keep(shared: Arc<Shared>) {
    let mut renewed: Option<Moment> = None;
    let mut known: Option<Vec<NumberId>> = None;
    let mut held = 0;
    let mut told = HashMap::new();
    while !shared.ended() {
        match beat(&shared).await {
            Ok(true) => shared.note_beat(),
            Ok(false) => tracing::warn!("this sender is not on record, or its login role may only look"),
            Err(error) => tracing::warn!("cannot say that this sender is alive: {error}"),
        }
        let latest = shared.latest.borrow().clone();
        if let Some(snapshot) = latest {
            let roster = Roster::of(&snapshot, &Local::default(), snapshot.at);
            let wanted = wanted_leases(&snapshot, &roster);
            // A change of numbers, or a lease that a claim found lost, is not left waiting for the next renewal.
            let due = renewed.is_none_or(|last| last.age() >= RENEW_EVERY);
            if due || known.as_ref() != Some(&wanted) || shared.held_leases().len() != held {
                let began = Moment::now();
                match turn(&shared, &snapshot, &wanted).await {
                    Ok(()) => {
                        renewed = Some(began);
                        known = Some(wanted);
                        held = shared.held_leases().len();
                    }
                    Err(error) => tracing::warn!("leases cannot be renewed: {error}"),
                }
                shared.wake.notify_one();
            }
        }
        let unusable = unusable(&shared);
        if unusable != told {
            match tell_unusable(&shared, &unusable).await {
                Ok(()) => told = unusable,
                Err(error) => tracing::warn!("cannot say which numbers cannot be used: {error}"),
            }
        }
        let wait = if shared.latest.borrow().is_none() || known.is_none() {
            Duration::from_millis(20)
        } else {
            BEAT_EVERY
        };
        let _ = tokio::time::timeout(wait, shared.renew.notified()).await;
    }
}

async fn beat(shared: &Shared) -> Result<bool, StoreError> {
    let phase = if shared.draining() { "leaving" } else { "sending" };
    let in_air = shared.in_air();
    shared.store.heartbeat(shared.organization, shared.instance, in_air, phase, shared.oldest_open()).await
}

/// Of the numbers that we hold, under which lease: why they cannot be made ready.
fn unusable(shared: &Shared) -> HashMap<(NumberId, i64), String> {
    let held = shared.held_leases();
    let lines = shared.lines();
    let why = lines.unusable.iter().filter_map(|(number, why)| {
        let lease = held.get(number)?;
        Some(((*number, lease.epoch), Safe::new(why).into_string()))
    });
    why.collect()
}

/// Says so to everybody who asks why nothing is sent; of all others that we hold, that they can be used.
async fn tell_unusable(
    shared: &Shared,
    unusable: &HashMap<(NumberId, i64), String>,
) -> Result<(), StoreError> {
    let held = shared.held_leases().into_iter();
    let held: Vec<_> =
        held.map(|(number, lease)| (number, unusable.get(&(number, lease.epoch)).cloned())).collect();
    shared.store.note_unusable(shared.organization, shared.instance, &held).await
}

async fn turn(shared: &Shared, snapshot: &Snapshot, wanted: &[NumberId]) -> Result<(), StoreError> {
    let mut held = shared.held_leases();
    let mine: Vec<Lease> =
        held.iter().map(|(number, trusted)| Lease { number: *number, epoch: trusted.epoch }).collect();
    // Renewals come first: what we have matters more than what we may get.
    if !mine.is_empty() {
        let since = Moment::now();
        let renewed = shared.store.renew_leases(shared.organization, shared.instance, &mine).await?;
        held = renewed
            .iter()
            .map(|lease| {
                let known = held.get(&lease.number).filter(|known| known.epoch == lease.epoch);
                let taken = known.map_or_else(Moment::now, |known| known.taken);
                (lease.number, Trusted { epoch: lease.epoch, since, taken })
            })
            .collect();
        shared.set_leases(held.clone());
    }
    if shared.draining() {
        return Ok(());
    }
    let others = usize::try_from(snapshot.senders.max(1)).unwrap_or(1);
    let share = fair_share(wanted.len(), u32::try_from(others).unwrap_or(1));
    give_up_surplus(shared, &mut held, wanted, share).await?;
    let missing = share.saturating_sub(held.len());
    if missing > 0 {
        take_missing(shared, &mut held, wanted, missing).await?;
    }
    Ok(())
}

async fn take_missing(
    shared: &Shared,
    held: &mut HashMap<NumberId, Trusted>,
    wanted: &[NumberId],
    missing: usize,
) -> Result<(), StoreError> {
    let free: Vec<NumberId> = wanted.iter().filter(|number| !held.contains_key(number)).copied().collect();
    if free.is_empty() {
        return Ok(());
    }
    let since = Moment::now();
    let most = u32::try_from(missing).unwrap_or(u32::MAX);
    let taken = shared.store.take_leases(shared.organization, shared.instance, &free, most).await?;
    let now = Moment::now();
    held.extend(taken.iter().map(|lease| (lease.number, Trusted { epoch: lease.epoch, since, taken: now })));
    shared.set_leases(held.clone());
    if !taken.is_empty() {
        // What was sent through them until now is not in the last look.
        shared.refresh.notify_one();
    }
    Ok(())
}

/// Gives up numbers that may not send, and those above our share that have nothing on the wire, the least urgent
/// first, so that another sender can take them.
async fn give_up_surplus(
    shared: &Shared,
    held: &mut HashMap<NumberId, Trusted>,
    wanted: &[NumberId],
    share: usize,
) -> Result<(), StoreError> {
    let mut surplus: Vec<NumberId> = held.keys().filter(|number| !wanted.contains(number)).copied().collect();
    let kept = held.len() - surplus.len();
    surplus.extend(
        wanted.iter().rev().filter(|number| held.contains_key(number)).take(kept.saturating_sub(share)),
    );
    if surplus.is_empty() {
        return Ok(());
    }
    // First we stop trusting them, then we say so: nothing begins in between.
    held.retain(|number, _| !surplus.contains(number));
    shared.set_leases(held.clone());
    shared.store.release_leases(shared.organization, shared.instance, &surplus).await
}

/// Gives up everything at the end. `clean`: everything that began has an outcome.
///
/// # Errors
/// When the database is away; the leases expire by themselves then.
pub async fn give_up_all(shared: &Shared, clean: bool) -> Result<(), StoreError> {
    let numbers: Vec<NumberId> = shared.held_leases().into_keys().collect();
    shared.set_leases(HashMap::new());
    shared.store.release_leases(shared.organization, shared.instance, &numbers).await?;
    // Whoever leaves with something open stays on record until a sweep has found it.
    if clean && !shared.has_open_attempts() {
        shared.store.leave(shared.organization, shared.instance).await?;
    }
    Ok(())
}
