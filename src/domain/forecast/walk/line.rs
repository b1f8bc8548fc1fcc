//! What is left of a campaign on the walk through the days: who waits, on whose clock, and whom a rollout lets go later.

use super::super::{Campaign, Opens, Stages};
use super::reached::Reached;
use crate::domain::window::{Calendar, Closed};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::{BTreeMap, VecDeque};

/// What is left for people of one clock.
pub(super) struct Part {
    /// Whose clock, where that matters.
    pub(super) zone: Option<Tz>,
    /// Whether their hours are open in this phase.
    pub(super) open: bool,
    /// Put-back work and later steps that are due, first come first served: step, people, and since when.
    due: VecDeque<(usize, u64, DateTime<Utc>)>,
    /// The people among them, kept as a sum: it is asked for at every turn.
    waiting: u64,
    /// People at the first step whom nothing but their turn keeps.
    pub(super) fresh: u64,
    /// What is due later.
    pub(super) later: BTreeMap<DateTime<Utc>, Vec<(usize, u64)>>,
}

/// What is left of one campaign.
pub(super) struct Line {
    /// By whose clock; most campaigns go by one.
    pub(super) parts: Vec<Part>,
    /// Its rollout, as far as that is still to come.
    pub(super) rollout: Option<Stages>,
    /// Left of its cap today.
    pub(super) left: u64,
    /// Sent today, by place of the number.
    pub(super) used: Vec<u32>,
    /// Of those what this forecast sends, by place of the number.
    pub(super) flows: Vec<u64>,
    /// First messages of somebody today.
    pub(super) first: u64,
    /// When its last message so far goes out.
    pub(super) last: Option<DateTime<Utc>>,
    /// When it is too late for its messages.
    pub(super) late: Late,
    /// People for whose message it became too late.
    pub(super) expired: u64,
}

/// When it is too late for the messages of a campaign.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Late {
    /// For all of them.
    at: Option<DateTime<Utc>>,
    /// For each so long after it was due, and not before the campaign has begun.
    after: Option<(TimeDelta, DateTime<Utc>)>,
}

impl Late {
    pub(super) fn of(campaign: &Campaign, now: DateTime<Utc>) -> Self {
        let opens = match campaign.opens {
            Opens::Now => Some(now),
            Opens::At(at) => Some(at),
            Opens::Never => None,
        };
        Self { at: campaign.expiry.at, after: campaign.expiry.after.zip(campaign.expiry.began.or(opens)) }
    }

    /// For a message that is due since then; none: as soon as the campaign began.
    fn when(self, due: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let own = self.after.and_then(|(after, began)| {
            let due = due.map_or(began, |due| due.max(began));
            due.checked_add_signed(after)
        });
        [self.at, own].into_iter().flatten().min()
    }

    fn is_past(self, due: Option<DateTime<Utc>>, at: DateTime<Utc>) -> bool {
        self.when(due).is_some_and(|late| late <= at)
    }
}

impl Part {
    pub(super) fn new(zone: Option<Tz>) -> Self {
        Self { zone, open: true, due: VecDeque::new(), waiting: 0, fresh: 0, later: BTreeMap::new() }
    }

    pub(super) fn ready(&self) -> u64 {
        self.fresh + self.waiting
    }

    pub(super) fn release(&mut self, at: DateTime<Utc>) {
        while let Some(entry) = self.later.first_entry().filter(|entry| *entry.key() <= at) {
            let (since, released) = entry.remove_entry();
            self.waiting += released.iter().map(|(_, people)| people).sum::<u64>();
            self.due.extend(released.into_iter().map(|(step, people)| (step, people, since)));
        }
    }

    /// Ends what it is too late for; answers of how many people. What is due first is too late first.
    fn expire(&mut self, at: DateTime<Utc>, late: Late) -> u64 {
        let mut people = 0;
        if late.is_past(None, at) {
            people += std::mem::take(&mut self.fresh);
        }
        while let Some((_, each, _)) = self.due.pop_front_if(|(_, _, since)| late.is_past(Some(*since), at)) {
            self.waiting -= each;
            people += each;
        }
        if late.at.is_some_and(|late| late <= at) {
            people +=
                std::mem::take(&mut self.later).into_values().flatten().map(|(_, each)| each).sum::<u64>();
        }
        people
    }

    /// When it is too late for somebody who waits.
    fn next_late(&self, late: Late) -> Option<DateTime<Utc>> {
        let fresh = (self.fresh > 0).then(|| late.when(None)).flatten();
        let due = self.due.front().and_then(|(_, _, since)| late.when(Some(*since)));
        let later = late.at.filter(|_| !self.later.is_empty());
        [fresh, due, later].into_iter().flatten().min()
    }

    /// Sends at most so many: what is due first, then the fresh. Later steps become due. Answers how many, and how many of
    /// them were somebody's first. An account counts people once, however many of these are to them.
    pub(super) fn send(
        &mut self,
        mut messages: u64,
        at: DateTime<Utc>,
        delays: &[TimeDelta],
        mut account: Option<&mut Reached>,
    ) -> Sent {
        let mut all = Sent::default();
        while messages > 0 {
            let (step, since, sent) = if let Some((step, people, since)) = self.due.front_mut() {
                let (step, since, sent) = (*step, Some(*since), messages.min(*people));
                *people -= sent;
                self.waiting -= sent;
                if *people == 0 {
                    self.due.pop_front();
                }
                (step, since, sent)
            } else {
                let sent = messages.min(self.fresh);
                self.fresh -= sent;
                if sent == 0 {
                    return all;
                }
                (0, None, sent)
            };
            messages -= sent;
            all.messages += sent;
            all.first += if step == 0 { sent } else { 0 };
            if let Some(account) = &mut account {
                let again = last_message(step, since, delays).map_or(0, |last| account.renew(last, at, sent));
                account.reach(at, sent - again);
            }
            self.follow(step, sent, at, delays);
        }
        all
    }

    /// Sends at most so many to people who count for the account already: nothing else goes out while it is full. Answers how
    /// many.
    fn go_on(&mut self, most: u64, at: DateTime<Utc>, delays: &[TimeDelta], account: &mut Reached) -> u64 {
        let mut sum = 0;
        for place in 0..self.due.len() {
            let (step, people, since) = self.due[place];
            let Some(last) = last_message(step, Some(since), delays) else { continue };
            let sent = account.renew(last, at, people.min(most - sum));
            self.due[place].1 -= sent;
            self.waiting -= sent;
            sum += sent;
            if sent > 0 {
                self.follow(step, sent, at, delays);
            }
            if sum == most {
                break;
            }
        }
        self.due.retain(|(_, people, _)| *people > 0);
        sum
    }

    /// The step after one that so many people have got becomes due.
    fn follow(&mut self, step: usize, people: u64, at: DateTime<Utc>, delays: &[TimeDelta]) {
        let Some(delay) = delays.get(step + 1) else { return };
        let due = at.checked_add_signed(*delay).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let steps = self.later.entry(due).or_default();
        match steps.iter_mut().find(|(each, _)| *each == step + 1) {
            Some((_, known)) => *known += people,
            None => steps.push((step + 1, people)),
        }
    }
}

/// The rollout of a campaign, if anything of it is still to come: its open stage begins with the campaign.
pub(super) fn stages_of(campaign: &Campaign) -> Option<Stages> {
    let mut stages = campaign.rollout.clone().filter(|stages| !stages.people.is_empty())?;
    if let (None, Opens::At(begins)) = (campaign.expiry.began, campaign.opens) {
        stages.lasts_until =
            stages.lasts_until.max(stages.lasts_until.and(begins.checked_add_signed(stages.wait)));
    }
    Some(stages)
}

/// When people who wait for a step since then got the one before it.
fn last_message(step: usize, since: Option<DateTime<Utc>>, delays: &[TimeDelta]) -> Option<DateTime<Utc>> {
    let delay = delays.get(step).filter(|_| step > 0)?;
    since?.checked_sub_signed(*delay)
}

/// What went out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    pub(super) messages: u64,
    /// Somebody's first of the campaign.
    pub(super) first: u64,
}

impl Line {
    /// What could go out now, by the clocks of those who wait.
    pub(super) fn ready(&self) -> u64 {
        self.parts.iter().filter(|part| part.open).map(Part::ready).sum()
    }

    /// What is due, whatever the hour.
    pub(super) fn due(&self) -> u64 {
        self.parts.iter().map(Part::ready).sum()
    }

    pub(super) fn is_done(&self) -> bool {
        self.rollout.is_none() && self.parts.iter().all(|part| part.ready() == 0 && part.later.is_empty())
    }

    pub(super) fn waits_for_nothing_later(&self) -> bool {
        self.parts.iter().all(|part| part.later.is_empty())
    }

    /// For each clock by which somebody waits, what its hours wait for; `None`: they are open.
    pub(super) fn clocks(
        &self,
        calendar: &Calendar,
        at: DateTime<Utc>,
    ) -> impl Iterator<Item = Option<Closed>> {
        let waiting = self.parts.iter().filter(|part| part.ready() > 0);
        waiting.map(move |part| match part.zone {
            Some(zone) => calendar.closed_in(zone, at),
            None => calendar.closed(at),
        })
    }

    /// Everything whose time has come by `at`, or has passed; the hours of each clock; and the next stages of a rollout.
    pub(super) fn release(&mut self, at: DateTime<Utc>, calendar: &Calendar) {
        for part in &mut self.parts {
            part.release(at);
            part.open = part.zone.is_none_or(|zone| calendar.is_open_in(zone, at));
            self.expired += part.expire(at, self.late);
        }
        if self.parts.len() > 1 {
            // Whose hours end first goes first (`open_zones`, migration 0095).
            let until_end = |zone: Tz| calendar.window.map(|window| window.hours.left_of(at, zone));
            self.parts.sort_by_cached_key(|part| part.zone.map(|zone| (until_end(zone), zone.name())));
        }
        if self.late.at.is_some_and(|late| late <= at) {
            let kept_back = self.rollout.take().map_or(0, |stages| stages.people.iter().sum());
            self.expired += kept_back;
        }
        while let Some(stages) = &mut self.rollout {
            let enough = stages.needs == 0 || self.parts.iter().all(|part| part.ready() == 0);
            if !enough || stages.lasts_until.is_none_or(|until| until > at) {
                return;
            }
            let people = stages.people.remove(0);
            stages.needs = stages.after.min(people);
            stages.lasts_until = Some(at + stages.wait);
            if stages.people.is_empty() {
                self.rollout = None;
            }
            self.let_go(people, at);
        }
    }

    /// People of the next stage, on the clocks in the proportion of nobody knows what: as many on each. Where a message may
    /// come too late they are due from now on, and not since the campaign began.
    fn let_go(&mut self, people: u64, at: DateTime<Utc>) {
        let clocks = u64::try_from(self.parts.len()).unwrap_or(1).max(1);
        for (place, part) in (0..).zip(&mut self.parts) {
            let people = people / clocks + u64::from(place < people % clocks);
            if self.late.after.is_none() {
                part.fresh += people;
            } else if people > 0 {
                part.waiting += people;
                part.due.push_back((0, people, at));
            }
        }
    }

    pub(super) fn send(
        &mut self,
        messages: u64,
        at: DateTime<Utc>,
        delays: &[TimeDelta],
        mut account: Option<&mut Reached>,
    ) {
        let mut all = Sent::default();
        for part in self.parts.iter_mut().filter(|part| part.open) {
            let sent = part.send(messages - all.messages, at, delays, account.as_deref_mut());
            all.messages += sent.messages;
            all.first += sent.first;
        }
        self.first += all.first;
        self.count(all.messages);
    }

    /// Sends at most so many to people who count for the account already. Answers how many.
    pub(super) fn go_on(
        &mut self,
        most: u64,
        at: DateTime<Utc>,
        delays: &[TimeDelta],
        account: &mut Reached,
    ) -> u64 {
        let mut sum = 0;
        for part in self.parts.iter_mut().filter(|part| part.open) {
            sum += part.go_on(most - sum, at, delays, account);
        }
        self.count(sum);
        sum
    }

    fn count(&mut self, messages: u64) {
        self.left -= messages.min(self.left);
        if let Some(stages) = &mut self.rollout {
            stages.needs = stages.needs.saturating_sub(messages);
        }
    }

    /// Whether somebody waits who got a step before: only these may count for an account already.
    pub(super) fn may_go_on(&self) -> bool {
        self.parts.iter().any(|part| part.open && part.due.iter().any(|(step, _, _)| *step > 0))
    }

    /// The next moment after `at` at which something of it is due or may be let go.
    pub(super) fn next_due(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let due = self.parts.iter().filter_map(|part| part.later.keys().find(|due| **due > at).copied());
        let stage = self.rollout.as_ref().and_then(|stages| stages.lasts_until).filter(|until| *until > at);
        let late = self.parts.iter().filter_map(|part| part.next_late(self.late)).filter(|late| *late > at);
        let kept_back = self.late.at.filter(|late| *late > at && self.rollout.is_some());
        due.chain(stage).chain(late).chain(kept_back).min()
    }
}
