//! The plan: which numbers claim how much from which campaigns now, and why the others wait. Pure.
//!
//! It has two stages. [`Roster::of`] asks once per snapshot what each number may and which numbers serve each campaign;
//! [`Roster::lanes`] asks at every slot what to claim. What closes a gate is asked of [`facts`], by which the console says
//! why something waits too; `why` asks this very roster ([`why`]). So none of them can disagree with the sender.

pub mod carry;
mod service;
pub mod why;

pub use service::Service;

use crate::domain::{
    day,
    hold::{
        self, BreakerScope, CapScope, Hold,
        facts::{self, CampaignFacts, Now, NumberFacts, OrganizationFacts, Service as InService},
    },
    ids::{AccountId, CampaignId, InstanceId, NumberId, PoolId},
    pacing::{self, Turn},
    selection::{self, Standing, Strategy},
    sharing,
    text::Safe,
    weighting::Weighting,
};
use crate::store::snapshot::{CampaignView, NumberView, PoolView, Snapshot};
use carry::Unable;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;

/// A breaker that is open: a rest, then one trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenBreaker {
    /// Until when nothing is tried.
    pub until: DateTime<Utc>,
}

/// What bears on the plan and is known to this process only.
#[derive(Debug, Clone, Default)]
pub struct Local {
    /// Leases we hold and trust, by epoch.
    pub leases: HashMap<NumberId, i64>,
    /// Requests on the wire.
    pub in_air: HashMap<NumberId, u32>,
    /// Later slots than the snapshot knows of.
    pub next_send_at: HashMap<NumberId, DateTime<Utc>>,
    /// The same for replies.
    pub next_reply_at: HashMap<NumberId, DateTime<Utc>>,
    /// Accounts whose provider does not answer well.
    pub breakers: HashMap<AccountId, OpenBreaker>,
    /// Numbers that this process took out at once, before the database says so.
    pub closed: HashMap<NumberId, DateTime<Utc>>,
    /// Campaigns that had nothing more when they were last asked, and when to ask again.
    pub dry: HashMap<CampaignId, DateTime<Utc>>,
    /// Numbers that had no bound work when they were last asked, and when to ask again.
    pub bound_dry: HashMap<(NumberId, CampaignId), DateTime<Utc>>,
    /// Whether whoever asks only looks: a sender is a sender itself, whatever the database says of its heartbeat.
    pub watching: bool,
}

/// What one number claims now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberLanes {
    /// Place in the snapshot's numbers.
    pub number: usize,
    /// Most messages at this slot.
    pub batch: u32,
    /// How many replies go first.
    pub replies: u32,
    /// Campaign (place in the snapshot), how many, and whether only work that is bound to this number.
    pub shares: Vec<(usize, u32, bool)>,
}

/// What the plan says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to claim now.
    pub claims: Vec<NumberLanes>,
    /// When something that waits now may go on, as far as that is known.
    pub opens: Option<DateTime<Utc>>,
}

impl Plan {
    /// How many messages it wants.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.claims
            .iter()
            .map(|claim| claim.replies + claim.shares.iter().map(|(_, count, _)| count).sum::<u32>())
            .sum()
    }

    fn may_open(&mut self, at: DateTime<Utc>) {
        self.opens = Some(self.opens.map_or(at, |opens| opens.min(at)));
    }
}

/// What each number may and which numbers serve each campaign, at one moment.
#[derive(Debug, Clone)]
pub struct Roster {
    zone: Tz,
    /// Why nothing at all is sent.
    pub everything: Option<Hold>,
    /// All that keeps everything.
    above: Vec<Hold>,
    /// Why each number of the snapshot may not send, lease and pace aside.
    pub numbers: Vec<Option<Hold>>,
    /// All that keeps each number of the snapshot, lease and pace aside.
    own: Vec<Vec<Hold>>,
    /// Why each campaign of the snapshot waits as a whole, or which numbers serve it.
    pub campaigns: Vec<Service>,
    /// For each number, the campaigns it takes part in; `true`: only with what is bound to it.
    serves: Vec<Vec<(usize, bool)>>,
}

impl Roster {
    /// Asks what each number may and which numbers serve each campaign at `now`.
    #[must_use]
    pub fn of(snapshot: &Snapshot, local: &Local, now: DateTime<Utc>) -> Self {
        let zone: Tz = snapshot.organization.time_zone.parse().unwrap_or(Tz::UTC);
        let now = Now { at: now, midnight: day::next_day(now, zone) };
        let above = everything(snapshot, local, now);
        let own: Vec<Vec<Hold>> =
            snapshot.numbers.iter().map(|number| number_holds(number, local, now)).collect();
        let numbers: Vec<Option<Hold>> = own.iter().map(|holds| hold::binding(holds).cloned()).collect();
        let places: HashMap<NumberId, usize> =
            snapshot.numbers.iter().enumerate().map(|(place, view)| (view.number.id, place)).collect();
        let candidates: Vec<selection::Candidate> = snapshot
            .numbers
            .iter()
            .zip(&numbers)
            .map(|(view, hold)| candidate(view, hold.as_ref()))
            .collect();
        let pools: HashMap<PoolId, &PoolView> = snapshot.pools.iter().map(|pool| (pool.id, pool)).collect();
        let default = snapshot.organization.default_number.and_then(|id| places.get(&id).copied());
        let mut serves: Vec<Vec<(usize, bool)>> = vec![Vec::new(); snapshot.numbers.len()];
        let campaigns = snapshot
            .campaigns
            .iter()
            .enumerate()
            .map(|(at, campaign)| {
                let pool = pools.get(&campaign.pool).copied();
                let able = Numbers { candidates: &candidates, holds: &numbers, default };
                let mut unable = carry::unable(snapshot, campaign, pool, default);
                unable.retain(|unable| campaign.may_use(unable.number));
                let service = serve(campaign, pool, &places, &able, unable, now);
                for number in &service.numbers {
                    if let Some(place) = places.get(number) {
                        serves[*place].push((at, false));
                    }
                }
                // Work may be bound in a free pool too: a campaign that never switches keeps it for its number.
                if let Some(pool) = pools.get(&campaign.pool) {
                    let backups = pool.numbers.iter().filter(|number| !service.numbers.contains(number));
                    let backups = backups.filter(|number| campaign.may_use(**number));
                    for number in backups.filter(|number| !service.is_unable(**number)) {
                        if let Some(place) = places.get(number) {
                            serves[*place].push((at, true));
                        }
                    }
                }
                service
            })
            .collect();
        let everything = hold::binding(&above).cloned();
        Self { zone, everything, above, numbers, own, campaigns, serves }
    }

    /// The organisation's zone.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Numbers out of service or at rest, whose bound work others may take over.
    #[must_use]
    pub fn takes_over(&self, snapshot: &Snapshot) -> Vec<NumberId> {
        snapshot
            .numbers
            .iter()
            .zip(&self.numbers)
            .filter(|(_, hold)| hold.is_some())
            .map(|(view, _)| view.number.id)
            .collect()
    }

    /// What to claim at `now`, at most `most` messages.
    #[must_use]
    pub fn lanes(&self, snapshot: &Snapshot, local: &Local, now: DateTime<Utc>, most: u32) -> Plan {
        let mut plan = Plan::default();
        if let Some(hold) = &self.everything {
            hold.until().into_iter().for_each(|until| plan.may_open(until));
            return plan;
        }
        let organization = &snapshot.organization;
        let mut left = most.min(room_of(organization.daily_limit, organization.used_today));
        let mut rooms: Vec<Room> =
            snapshot.campaigns.iter().map(|campaign| Room::of(campaign, local, now)).collect();
        for (room, (campaign, service)) in
            rooms.iter_mut().zip(snapshot.campaigns.iter().zip(&self.campaigns))
        {
            room.weighting = service.weighting(snapshot, campaign.id);
        }
        let mut accounts = rooms_of_accounts(snapshot);
        for room in &rooms {
            room.opens.into_iter().for_each(|at| plan.may_open(at));
        }
        for place in order(snapshot) {
            let view = &snapshot.numbers[place];
            if left == 0 || !local.leases.contains_key(&view.number.id) {
                continue;
            }
            let replies = self.replies(view, place, local, left, now, &mut plan);
            let account = accounts.get(&view.number.account).copied();
            let hold = self.numbers[place].as_ref();
            hold.and_then(Hold::until).into_iter().for_each(|until| plan.may_open(until));
            let (batch, shares) = match hold {
                Some(_) if !self.is_only_account_full(place) => (0, Vec::new()),
                // Others of its account took the last of the room just now.
                None if account == Some(0) => (0, Vec::new()),
                _ => {
                    let account = account.filter(|left| *left > 0).unwrap_or(u32::MAX);
                    let left = left.min(account.saturating_add(replies));
                    self.campaign_work(snapshot, local, place, left, replies, &mut rooms, now, &mut plan)
                }
            };
            let taken: u32 = shares.iter().map(|(_, count, _)| count).sum();
            accounts.entry(view.number.account).and_modify(|left| *left = left.saturating_sub(taken));
            let taken = replies + taken;
            left -= taken;
            if taken > 0 {
                plan.claims.push(NumberLanes { number: place, batch: batch.max(replies), replies, shares });
            }
        }
        plan
    }

    /// Whether nothing holds the number at this place but its account's cap: it may go on with people who count already.
    fn is_only_account_full(&self, place: usize) -> bool {
        let is_account = |hold: &Hold| matches!(hold, Hold::CapReached { scope: CapScope::Account, .. });
        self.own[place].iter().all(is_account)
    }

    /// How many replies go through a number now. They go first, have a slot of their own, and may use what is held back.
    fn replies(
        &self,
        view: &NumberView,
        place: usize,
        local: &Local,
        left: u32,
        now: DateTime<Utc>,
        plan: &mut Plan,
    ) -> u32 {
        let is_cap =
            |hold: &Hold| matches!(hold, Hold::CapReached { scope, .. } if *scope != CapScope::Organization);
        let room = room_of(view.number.daily_limit, view.used_today);
        if view.replies_due == 0 || room == 0 || !self.own[place].iter().all(is_cap) {
            return 0;
        }
        match reply_turn(view, local, now) {
            Turn::Wait(hold) => {
                hold.until().into_iter().for_each(|until| plan.may_open(until));
                0
            }
            Turn::Claim(batch) => view.replies_due.min(batch).min(left).min(room),
        }
    }

    /// What a number claims from campaigns now, beside so many replies: the most at this slot, and from which.
    #[expect(clippy::too_many_arguments, reason = "everything that a slot depends on")]
    fn campaign_work(
        &self,
        snapshot: &Snapshot,
        local: &Local,
        place: usize,
        left: u32,
        replies: u32,
        rooms: &mut [Room],
        now: DateTime<Utc>,
        plan: &mut Plan,
    ) -> (u32, Vec<(usize, u32, bool)>) {
        let view = &snapshot.numbers[place];
        let has_work = |(at, _): &(usize, bool)| {
            rooms[*at].left > 0 && self.numbers[place].is_none()
                || may_have_bound_work(snapshot, local, place, *at, now)
        };
        if !self.serves[place].iter().any(has_work) {
            return (0, Vec::new());
        }
        match turn(view, local, now) {
            Turn::Wait(hold) => {
                hold.until().into_iter().for_each(|until| plan.may_open(until));
                (0, Vec::new())
            }
            Turn::Claim(batch) => {
                let room = room_of(view.campaign_limit(), view.used_today);
                let capacity = batch.min(left).saturating_sub(replies).min(room);
                (batch, self.divide(snapshot, local, place, capacity, rooms, now))
            }
        }
    }

    fn divide(
        &self,
        snapshot: &Snapshot,
        local: &Local,
        place: usize,
        capacity: u32,
        rooms: &mut [Room],
        now: DateTime<Utc>,
    ) -> Vec<(usize, u32, bool)> {
        let view = &snapshot.numbers[place];
        let number = view.number.id;
        let candidates: Vec<(usize, bool, sharing::Candidate)> = self.serves[place]
            .iter()
            // What is free to go through any number is spoken for: what is bound to this one is not.
            // So is, to a full account, who counts already: what is put back or follows may be theirs.
            .map(|(at, bound_only)| {
                let weighting = rooms[*at].weighting.as_ref();
                let campaign = snapshot.campaigns[*at].id;
                let free = match weighting {
                    Some(_) => self.campaigns[*at].room_by_weight(weighting, snapshot, campaign, number),
                    None => u32::MAX,
                };
                let free = free.min(rooms[*at].left);
                (at, *bound_only || free == 0 || self.numbers[place].is_some(), free)
            })
            .filter(|(at, bound_only, _)| {
                self.campaigns[**at].hold.is_none()
                    && (!bound_only || may_have_bound_work(snapshot, local, place, **at, now))
            })
            .map(|(at, bound_only, free)| {
                let campaign = &snapshot.campaigns[*at];
                let candidate = sharing::Candidate {
                    campaign: campaign.id,
                    priority: campaign.priority,
                    weight: campaign.weight,
                    used_today: snapshot.shares.get(&(number, campaign.id)).copied().unwrap_or(0),
                    queued: if bound_only {
                        u32::try_from(campaign.queued).unwrap_or(u32::MAX)
                    } else {
                        free
                    },
                    campaign_remaining: Some(rooms[*at].today),
                };
                (*at, bound_only, candidate)
            })
            .collect();
        let asked: Vec<sharing::Candidate> = candidates.iter().map(|(_, _, candidate)| *candidate).collect();
        sharing::share(capacity, view.campaign_limit(), &asked)
            .into_iter()
            .filter_map(|(campaign, count)| {
                let (at, bound_only, _) = candidates.iter().find(|(_, _, each)| each.campaign == campaign)?;
                rooms[*at].today -= count;
                if !bound_only {
                    rooms[*at].left -= count.min(rooms[*at].left);
                }
                Some((*at, count, *bound_only))
            })
            .collect()
    }
}

/// People that each account with a cap may still begin to talk to.
fn rooms_of_accounts(snapshot: &Snapshot) -> HashMap<AccountId, u32> {
    let rooms = snapshot.accounts.iter().filter_map(|account| Some((account.id, account.room?.left())));
    rooms.collect()
}

/// Whether work may wait that is bound to this number, or to one whose work it takes over. What is bound has a due time,
/// in a pool that binds nobody too: of campaigns that never switch, and from when the pool was sticky.
fn may_have_bound_work(
    snapshot: &Snapshot,
    local: &Local,
    place: usize,
    at: usize,
    now: DateTime<Utc>,
) -> bool {
    let campaign = &snapshot.campaigns[at];
    let key = (snapshot.numbers[place].number.id, campaign.id);
    campaign.next_due.is_some_and(|due| due <= now)
        && local.bound_dry.get(&key).is_none_or(|until| *until <= now)
}

/// Numbers in the order in which they are asked: by priority as the snapshot has them, but those of a least-used pool
/// by what they used relative to their limit, so that scarce work goes to the one that did least.
fn order(snapshot: &Snapshot) -> Vec<usize> {
    let mut order: Vec<usize> = (0..snapshot.numbers.len()).collect();
    if snapshot.pools.iter().any(|pool| pool.strategy == Strategy::LeastUsed) {
        let relative = |view: &NumberView| {
            let limit = view.number.daily_limit.unwrap_or(u32::MAX).max(1);
            u64::from(view.used_today) * 1_000_000 / u64::from(limit)
        };
        order.sort_by_key(|place| {
            let view = &snapshot.numbers[*place];
            (relative(view), view.used_today, view.last_sent_at)
        });
    }
    order
}

/// How many messages of a campaign may be asked for.
struct Room {
    /// Of those that are free to go through any of its numbers.
    left: u32,
    /// Of all, by its own daily limit.
    today: u32,
    opens: Option<DateTime<Utc>>,
    /// How far each number may go, if its pool splits by weight.
    weighting: Option<Weighting>,
}

impl Room {
    fn of(campaign: &CampaignView, local: &Local, now: DateTime<Utc>) -> Self {
        let opens = dry_until(campaign, local, now);
        let queued = u32::try_from(campaign.queued).unwrap_or(u32::MAX);
        let left = if opens.is_some() { 0 } else { queued };
        let today = room_of(campaign.daily_limit, campaign.used_today);
        Self { left: left.min(today), today, opens, weighting: None }
    }
}

/// Until when a campaign has nothing that is free to go through any of its numbers, though something waits.
fn dry_until(campaign: &CampaignView, local: &Local, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    local.dry.get(&campaign.id).copied().filter(|until| *until > now && campaign.queued > 0)
}

/// What a daily limit leaves.
fn room_of(limit: Option<u32>, used: u32) -> u32 {
    limit.map_or(u32::MAX, |limit| limit.saturating_sub(used))
}

/// All that keeps the organisation from sending, in the order of the gates.
fn everything(snapshot: &Snapshot, local: &Local, now: Now) -> Vec<Hold> {
    let organization = &snapshot.organization;
    let facts = OrganizationFacts {
        stopped_by: organization.stopped_by.as_deref(),
        subscription_ends: organization.subscription_ends,
        senders: if local.watching { snapshot.senders } else { snapshot.senders.max(1) },
        daily_limit: organization.daily_limit,
        used_today: organization.used_today,
    };
    facts::of_organization(&facts, now).collect()
}

/// All that keeps a number from sending, lease and pace aside, in the order of the gates.
fn number_holds(view: &NumberView, local: &Local, now: Now) -> Vec<Hold> {
    let closed = local.closed.get(&view.number.id);
    let breaker = local.breakers.get(&view.number.account);
    // What is ready here is; elsewhere its holder says whether it is.
    let is_ours = !local.watching && local.leases.contains_key(&view.number.id);
    let unusable = view.unusable.as_deref().filter(|_| !is_ours);
    let facts = NumberFacts {
        service: InService::from(&view.number.state).or_unusable(unusable),
        breakers: [
            closed.map(|until| (BreakerScope::Number, *until)),
            breaker.map(|breaker| (BreakerScope::Account, breaker.until)),
        ],
        account: view.account_room,
        daily_limit: view.campaign_limit(),
        warm_up: view.warm_up.map(|rung| rung.day),
        used_today: view.used_today,
    };
    facts::of_number(&facts, now).collect()
}

/// What keeps a number whose turn it is: its slot, and what is on the wire.
fn turn(view: &NumberView, local: &Local, now: DateTime<Utc>) -> Turn {
    let in_air = local.in_air.get(&view.number.id).copied().unwrap_or(0);
    let next = local.next_send_at.get(&view.number.id).copied().max(view.next_send_at);
    match (pacing::turn(&view.number.pacing, now, next, in_air), view.queue) {
        (Turn::Claim(_), Some(queue)) if queue.left() == 0 => {
            Turn::Wait(Hold::QueueFull { limit: queue.limit })
        }
        (Turn::Claim(batch), Some(queue)) => Turn::Claim(batch.min(queue.left())),
        (turn, _) => turn,
    }
}

/// The same for a reply.
fn reply_turn(view: &NumberView, local: &Local, now: DateTime<Utc>) -> Turn {
    let in_air = local.in_air.get(&view.number.id).copied().unwrap_or(0);
    let next = local.next_reply_at.get(&view.number.id).copied().max(view.next_reply_at);
    pacing::turn(&view.number.pacing, now, next, in_air)
}

fn candidate(view: &NumberView, hold: Option<&Hold>) -> selection::Candidate {
    selection::Candidate {
        number: view.number.id,
        priority: pacing::place(view.number.priority, view.quality),
        weight: 1,
        daily_limit: view.campaign_limit(),
        used_today: view.used_today,
        last_used: view.last_sent_at,
        standing: Standing::of(hold),
    }
}

/// The numbers of a snapshot, each at its place.
struct Numbers<'a> {
    candidates: &'a [selection::Candidate],
    holds: &'a [Option<Hold>],
    /// The place of the organisation's default number.
    default: Option<usize>,
}

impl Numbers<'_> {
    /// What the first of these to be back in service waits for, the default number among them.
    fn first_back(&self, members: &[usize]) -> Option<Hold> {
        let default = self.default.filter(|place| !members.contains(place));
        Hold::first_back(members.iter().copied().chain(default).filter_map(|place| self.holds[place].clone()))
    }
}

fn serve(
    campaign: &CampaignView,
    pool: Option<&PoolView>,
    places: &HashMap<NumberId, usize>,
    numbers: &Numbers<'_>,
    unable: Vec<Unable>,
    now: Now,
) -> Service {
    let is_able = |number: &NumberId| {
        campaign.may_use(*number) && !unable.iter().any(|unable| unable.number == *number)
    };
    let able = pool.iter().flat_map(|pool| &pool.numbers).filter(|number| is_able(number));
    let members: Vec<usize> = able.filter_map(|number| places.get(number).copied()).collect();
    let default = numbers.default.filter(|place| is_able(&numbers.candidates[*place].number));
    let numbers = &Numbers { default, ..*numbers };
    let strategy = pool.map_or(Strategy::Priority, |pool| pool.strategy);
    let candidates: Vec<selection::Candidate> =
        members.iter().map(|place| numbers.candidates[*place]).collect();
    let default = numbers.default.map(|place| &numbers.candidates[place]);
    let view = selection::View { strategy, pool: &candidates, sticky: None, default };
    let facts = CampaignFacts {
        state: campaign.state,
        starts_at: campaign.starts_at,
        changed_by: &campaign.changed_by,
        terms: &campaign.terms,
        yields_to: campaign.yields_to.as_deref(),
        daily_limit: campaign.daily_limit,
        used_today: campaign.used_today,
    };
    let mut holds: Vec<Hold> = facts::of_campaign(&facts, now).collect();
    let serving = selection::participants(&view);
    if serving.is_err() && members.is_empty() && default.is_none() && !unable.is_empty() {
        holds.push(Hold::Unsendable { reason: carry::sentence(&unable) });
    } else if serving.is_err() {
        let pool = || pool.map(|pool| Safe::new(&pool.name).into_string()).unwrap_or_default();
        // When the first is back says more than that none is there.
        holds.push(numbers.first_back(&members).unwrap_or_else(|| Hold::NoNumber { pool: pool() }));
    }
    let (first, numbers) = serving.map_or((None, Vec::new()), |one| (Some(one.first), one.numbers));
    let weights = match (strategy, pool) {
        (Strategy::Weighted, Some(pool)) => numbers.iter().map(|number| pool.weight_of(*number)).collect(),
        _ => Vec::new(),
    };
    Service { hold: hold::binding(&holds).cloned(), holds, first, numbers, weights, unable }
}

/// Which numbers this instance should hold leases for: those that may send, the most urgent first.
#[must_use]
pub fn wanted_leases(snapshot: &Snapshot, roster: &Roster) -> Vec<NumberId> {
    snapshot
        .numbers
        .iter()
        .zip(&roster.numbers)
        .filter(|(_, hold)| !matches!(hold, Some(Hold::NumberDisabled | Hold::NumberSuspended { .. })))
        .map(|(view, _)| view.number.id)
        .collect()
}

/// How many leases are this instance's fair share.
#[must_use]
pub fn fair_share(numbers: usize, senders: u32) -> usize {
    numbers.div_ceil(usize::try_from(senders.max(1)).unwrap_or(1))
}

/// Whether somebody else holds the number's lease.
#[must_use]
pub fn held_by_another(view: &NumberView, me: InstanceId) -> bool {
    view.lease.is_some_and(|(holder, _)| holder != me)
}

#[cfg(test)]
mod tests;
