//! People of one campaign who go by the same clock: who is due, to whose number they are bound, and who is due later.

use super::heard::Heard;
use super::line::Late;
use super::reached::Reached;
use super::taker::Taker;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::{BTreeMap, VecDeque};

/// What is left for people of one clock.
pub(super) struct Part {
    /// Whose clock, where that matters.
    pub(super) zone: Option<Tz>,
    /// Whether their hours are open in this phase.
    pub(super) open: bool,
    /// Put-back work and later steps that are due and bound to no number.
    free: Queue,
    /// The same of what is bound, by place of its number; it has no more places than that needs.
    bound: Vec<Queue>,
    /// The people in all of these, kept as a sum: it is asked for at every turn.
    waiting: u64,
    /// People at the first step whom nothing but their turn keeps.
    pub(super) fresh: u64,
    /// What is due later.
    later: BTreeMap<DateTime<Utc>, Vec<Later>>,
}

/// What is due and goes one way, first come first served.
#[derive(Default)]
struct Queue {
    due: VecDeque<Due>,
    people: u64,
}

struct Due {
    step: usize,
    people: u64,
    since: DateTime<Utc>,
    heard: Heard,
}

struct Later {
    step: usize,
    bound: Option<usize>,
    people: u64,
    heard: Heard,
}

/// What went out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    pub(super) messages: u64,
    /// Somebody's first of the campaign.
    pub(super) first: u64,
}

impl Queue {
    fn push(&mut self, due: Due) {
        self.people += due.people;
        self.due.push_back(due);
    }

    /// At most so many of those who are due first.
    fn take(&mut self, most: u64) -> Option<Due> {
        let first = self.due.front_mut()?;
        if first.people <= most {
            self.people -= first.people;
            return self.due.pop_front();
        }
        first.people -= most;
        self.people -= most;
        Some(Due { step: first.step, people: most, since: first.since, heard: first.heard.clone() })
    }

    /// Takes out what it is too late for, and answers how many people that concerns. What is due first is too late first.
    fn expire(&mut self, at: DateTime<Utc>, late: Late) -> u64 {
        let mut people = 0;
        while let Some(due) = self.due.pop_front_if(|due| late.is_past(Some(due.since), at)) {
            people += due.people;
        }
        self.people -= people;
        people
    }
}

impl Part {
    pub(super) fn new(zone: Option<Tz>) -> Self {
        Self {
            zone,
            open: true,
            free: Queue::default(),
            bound: Vec::new(),
            waiting: 0,
            fresh: 0,
            later: BTreeMap::new(),
        }
    }

    /// Everybody who is due, whoever may write to them.
    pub(super) fn ready(&self) -> u64 {
        self.fresh + self.waiting
    }

    /// Of those, who is bound to no number.
    pub(super) fn free(&self) -> u64 {
        self.fresh + self.free.people
    }

    /// Of those, who is bound to this number.
    pub(super) fn bound_to(&self, number: usize) -> u64 {
        self.bound.get(number).map_or(0, |queue| queue.people)
    }

    /// Whether anybody who is due is bound to a number.
    pub(super) fn is_bound(&self) -> bool {
        self.waiting > self.free.people
    }

    /// Who is bound to this number, or to one that it goes on for.
    pub(super) fn bound_for(&self, taker: Taker<'_>) -> u64 {
        if self.is_bound() { taker.owners().map(|owner| self.bound_to(owner)).sum() } else { 0 }
    }

    /// Whether nobody waits, nor will.
    pub(super) fn is_empty(&self) -> bool {
        self.ready() == 0 && self.later.is_empty()
    }

    /// Whether somebody is due later.
    pub(super) fn has_later(&self) -> bool {
        !self.later.is_empty()
    }

    /// When the next of those who are due later is, after `at`.
    pub(super) fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.later.keys().find(|due| **due > at).copied()
    }

    fn queue(&mut self, bound: Option<usize>) -> &mut Queue {
        let Some(number) = bound else { return &mut self.free };
        if self.bound.len() <= number {
            self.bound.resize_with(number + 1, Queue::default);
        }
        &mut self.bound[number]
    }

    fn queues(&self) -> impl Iterator<Item = &Queue> {
        std::iter::once(&self.free).chain(&self.bound)
    }

    fn queues_mut(&mut self) -> impl Iterator<Item = &mut Queue> {
        std::iter::once(&mut self.free).chain(&mut self.bound)
    }

    /// So many people are due since then, bound to nobody; without such a time as soon as their turn comes.
    pub(super) fn let_go(&mut self, people: u64, since: Option<DateTime<Utc>>) {
        match since {
            _ if people == 0 => {}
            Some(since) => {
                self.waiting += people;
                self.free.push(Due { step: 0, people, since, heard: Heard::nobody() });
            }
            None => self.fresh += people,
        }
    }

    /// So many people will be due at a step then.
    pub(super) fn expect(
        &mut self,
        due: DateTime<Utc>,
        step: usize,
        bound: Option<usize>,
        people: u64,
        heard: Heard,
    ) {
        let at_once = self.later.entry(due).or_default();
        let is_alike = |each: &&mut Later| (each.step, each.bound, &each.heard) == (step, bound, &heard);
        // They come number by number: who is like these was mostly the last.
        match at_once.iter_mut().rev().find(is_alike) {
            Some(known) => known.people += people,
            None => at_once.push(Later { step, bound, people, heard }),
        }
    }

    pub(super) fn release(&mut self, at: DateTime<Utc>) {
        while let Some(entry) = self.later.first_entry().filter(|entry| *entry.key() <= at) {
            let (since, released) = entry.remove_entry();
            for Later { step, bound, people, heard } in released {
                self.waiting += people;
                self.queue(bound).push(Due { step, people, since, heard });
            }
        }
    }

    /// Ends what it is too late for; answers of how many people.
    pub(super) fn expire(&mut self, at: DateTime<Utc>, late: Late) -> u64 {
        let mut people = 0;
        if late.is_past(None, at) {
            people += std::mem::take(&mut self.fresh);
        }
        let waited: u64 = self.queues_mut().map(|queue| queue.expire(at, late)).sum();
        self.waiting -= waited;
        people += waited;
        if late.is_past_for_all(at) {
            people +=
                std::mem::take(&mut self.later).into_values().flatten().map(|each| each.people).sum::<u64>();
        }
        people
    }

    /// When it is too late for somebody who waits.
    pub(super) fn next_late(&self, late: Late) -> Option<DateTime<Utc>> {
        let fresh = (self.fresh > 0).then(|| late.when(None)).flatten();
        let due = self
            .queues()
            .filter_map(|queue| queue.due.front().and_then(|first| late.when(Some(first.since))))
            .min();
        let later = late.for_all().filter(|_| self.has_later());
        [fresh, due, later].into_iter().flatten().min()
    }

    /// Sends at most so many to those who are bound to `owner`, or, without one, to those who are bound to nobody: what is due
    /// first, then the fresh. Later steps become due. Answers how many, and how many of them were somebody's first. An account
    /// counts people once, however many of these are to them.
    pub(super) fn send(
        &mut self,
        owner: Option<usize>,
        most: u64,
        at: DateTime<Utc>,
        taker: &Taker<'_>,
        mut account: Option<&mut Reached>,
    ) -> Sent {
        let mut all = Sent::default();
        while all.messages < most {
            let left = most - all.messages;
            let due = match owner {
                Some(owner) => self.bound.get_mut(owner).and_then(|queue| queue.take(left)),
                None => self.free.take(left),
            };
            let (due, since) = if let Some(due) = due {
                self.waiting -= due.people;
                let since = due.since;
                (due, Some(since))
            } else {
                let people = if owner.is_none() { left.min(self.fresh) } else { 0 };
                self.fresh -= people;
                if people == 0 {
                    return all;
                }
                (Due { step: 0, people, since: at, heard: Heard::nobody() }, None)
            };
            all.messages += due.people;
            all.first += if due.step == 0 { due.people } else { 0 };
            if let Some(account) = &mut account {
                let before = last_message(due.step, since, taker.delays());
                let last = due.heard.last(taker, owner, before);
                let again = last.map_or(0, |last| account.renew(last, at, due.people, taker.grain()));
                account.reach(at, due.people - again, taker.grain());
            }
            self.follow(&due, due.people, at, taker, owner);
        }
        all
    }

    /// Sends at most so many to people who count for the account already: nothing else goes out while it is full. Answers how
    /// many.
    pub(super) fn go_on(
        &mut self,
        owner: Option<usize>,
        most: u64,
        at: DateTime<Utc>,
        taker: &Taker<'_>,
        account: &mut Reached,
    ) -> u64 {
        if owner.is_some_and(|owner| self.bound_to(owner) == 0) {
            return 0;
        }
        let mut sum = 0;
        let mut queue = std::mem::take(self.queue(owner));
        for due in &mut queue.due {
            let before = last_message(due.step, Some(due.since), taker.delays());
            let Some(last) = due.heard.last(taker, owner, before) else { continue };
            let sent = account.renew(last, at, due.people.min(most - sum), taker.grain());
            due.people -= sent;
            sum += sent;
            if sent > 0 {
                self.follow(due, sent, at, taker, owner);
            }
            if sum == most {
                break;
            }
        }
        queue.due.retain(|due| due.people > 0);
        queue.people -= sum;
        self.waiting -= sum;
        *self.queue(owner) = queue;
        sum
    }

    /// Whether somebody waits for this number who got a step before: only these may count for an account already.
    pub(super) fn may_go_on(&self, number: usize) -> bool {
        let follows = |queue: &Queue| queue.due.iter().any(|due| due.step > 0);
        follows(&self.free) || self.bound.get(number).is_some_and(follows)
    }

    /// The step after the one that so many of these people have got becomes due.
    fn follow(&mut self, got: &Due, people: u64, at: DateTime<Utc>, taker: &Taker<'_>, owner: Option<usize>) {
        let Some(delay) = taker.delays().get(got.step + 1) else { return };
        let due = at.checked_add_signed(*delay).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let (due, heard) = (taker.grain().near(due), got.heard.and(taker, at));
        self.expect(due, got.step + 1, taker.keeps(owner), people, heard);
    }
}

/// When people who wait for a step since then got the one before it.
fn last_message(step: usize, since: Option<DateTime<Utc>>, delays: &[TimeDelta]) -> Option<DateTime<Utc>> {
    let delay = delays.get(step).filter(|_| step > 0)?;
    since?.checked_sub_signed(*delay)
}
