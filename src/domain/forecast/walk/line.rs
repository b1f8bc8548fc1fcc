//! What is left of a campaign on the walk through the days: who waits, on whose clock, and whom a rollout lets go later.

use super::super::{Campaign, Opens, Stages};
use super::part::{Part, Sent};
use super::reached::Reached;
use super::taker::Taker;
use crate::domain::window::{Calendar, Closed};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

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
    pub(super) fn when(self, due: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let own = self.after.and_then(|(after, began)| {
            let due = due.map_or(began, |due| due.max(began));
            due.checked_add_signed(after)
        });
        [self.at, own].into_iter().flatten().min()
    }

    /// For all of them, if there is such a time.
    pub(super) fn for_all(self) -> Option<DateTime<Utc>> {
        self.at
    }

    pub(super) fn is_past_for_all(self, at: DateTime<Utc>) -> bool {
        self.at.is_some_and(|late| late <= at)
    }

    pub(super) fn is_past(self, due: Option<DateTime<Utc>>, at: DateTime<Utc>) -> bool {
        self.when(due).is_some_and(|late| late <= at)
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

/// What a number could send of these parts.
fn for_taker<'p>(parts: impl Iterator<Item = &'p Part>, taker: Taker<'_>) -> u64 {
    let (free, bound) = parts
        .fold((0, 0), |(free, bound): (u64, u64), part| (free + part.free(), bound + part.bound_for(taker)));
    // As far as a weight allows, whoever they are bound to; beyond that its own people alone (`Roster::divide`).
    if taker.free == 0 { bound } else { (free + bound).min(taker.free) }
}

impl Line {
    /// The people of a clock.
    pub(super) fn part(&mut self, zone: Option<Tz>) -> &mut Part {
        let place = self.parts.iter().position(|part| part.zone == zone).unwrap_or_else(|| {
            self.parts.push(Part::new(zone));
            self.parts.len() - 1
        });
        &mut self.parts[place]
    }

    /// What could go out now, by the clocks of those who wait.
    pub(super) fn ready(&self) -> u64 {
        self.open().map(Part::ready).sum()
    }

    /// Of those, who is bound to this number.
    pub(super) fn bound_to(&self, number: usize) -> u64 {
        self.open().map(|part| part.bound_to(number)).sum()
    }

    /// Whether anybody is bound to a number.
    pub(super) fn is_bound(&self) -> bool {
        self.open().any(Part::is_bound)
    }

    /// What this number could send now.
    pub(super) fn ready_for(&self, taker: Taker<'_>) -> u64 {
        for_taker(self.open(), taker)
    }

    /// Whether this number could send anything, whatever the hour. Who is bound to whom is looked at last: where many numbers
    /// rest, each of them may go on for all others.
    pub(super) fn has_due_for(&self, taker: Taker<'_>) -> bool {
        taker.free > 0 && self.parts.iter().any(|part| part.free() > 0)
            || self.parts.iter().any(|part| part.bound_for(taker) > 0)
    }

    /// Who is bound to no number, and may be written to now.
    pub(super) fn free(&self) -> u64 {
        self.open().map(Part::free).sum()
    }

    /// Whether nothing of it runs dry if each number sends what it can, all of them so many.
    pub(super) fn is_plenty(&self, room: &[u64], all: u64) -> bool {
        let free = self.free();
        let of_free = |(number, room): (usize, &u64)| room.saturating_sub(self.bound_to(number));
        let needed = || room.iter().enumerate().map(of_free).fold(0, u64::saturating_add);
        self.left >= all && (free >= all || self.is_bound() && free >= needed())
    }

    fn open(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.open)
    }

    /// What is due, whatever the hour.
    pub(super) fn due(&self) -> u64 {
        self.parts.iter().map(Part::ready).sum()
    }

    pub(super) fn is_done(&self) -> bool {
        self.rollout.is_none() && self.parts.iter().all(Part::is_empty)
    }

    pub(super) fn waits_for_nothing_later(&self) -> bool {
        !self.parts.iter().any(Part::has_later)
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
        if self.late.is_past_for_all(at) {
            let kept_back = self.rollout.take().map_or(0, |stages| stages.people.iter().sum());
            self.expired += kept_back;
        }
        while let Some(stages) = &mut self.rollout {
            let enough = stages.needs == 0 || self.parts.iter().all(|part| part.ready() == 0);
            if !enough || stages.lasts_until.is_none_or(|until| until > at) {
                return;
            }
            let (people, clocks) = stages.open_next().unwrap_or_default();
            stages.needs = stages.after.min(people);
            stages.lasts_until = Some(at + stages.wait);
            if stages.people.is_empty() {
                self.rollout = None;
            }
            self.let_go(people, &clocks, at);
        }
    }

    /// People of the next stage, by their clocks; of whom nobody knows their clock as many on each. Where a message may come too
    /// late they are due from now on, and not since the campaign began.
    fn let_go(&mut self, people: u64, known: &[(Tz, u64)], at: DateTime<Utc>) {
        let since = self.late.after.map(|_| at);
        let mut rest = people;
        for (zone, people) in known {
            if let Some(part) = self.parts.iter_mut().find(|part| part.zone == Some(*zone)) {
                let people = rest.min(*people);
                rest -= people;
                part.let_go(people, since);
            }
        }
        let clocks = u64::try_from(self.parts.len()).unwrap_or(1).max(1);
        for (place, part) in (0..).zip(&mut self.parts) {
            part.let_go(rest / clocks + u64::from(place < rest % clocks), since);
        }
    }

    /// Sends so many through a number, no more than [`Self::ready_for`] it: to those who are bound to it or to one that it goes on for, then to the others.
    pub(super) fn send(
        &mut self,
        most: u64,
        at: DateTime<Utc>,
        taker: Taker<'_>,
        mut account: Option<&mut Reached>,
    ) {
        let mut all = Sent::default();
        let bound = self.is_bound();
        let owners = taker.owners().filter(|_| bound).map(Some).chain((taker.free > 0).then_some(None));
        for owner in owners {
            for part in self.parts.iter_mut().filter(|part| part.open) {
                let sent = part.send(owner, most - all.messages, at, &taker, account.as_deref_mut());
                all.messages += sent.messages;
                all.first += sent.first;
            }
        }
        self.first += all.first;
        self.count(all.messages);
    }

    /// Sends at most so many to people who count for the account already: to those who are bound to the number, then to those
    /// who are bound to nobody. Answers how many.
    pub(super) fn go_on(
        &mut self,
        most: u64,
        at: DateTime<Utc>,
        taker: Taker<'_>,
        account: &mut Reached,
    ) -> u64 {
        let mut sum = 0;
        for owner in [Some(taker.number()), None] {
            for part in self.parts.iter_mut().filter(|part| part.open) {
                sum += part.go_on(owner, most - sum, at, &taker, account);
            }
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

    /// Whether somebody waits for this number who got a step before: only these may count for an account already.
    pub(super) fn may_go_on(&self, number: usize) -> bool {
        self.open().any(|part| part.may_go_on(number))
    }

    /// The next moment after `at` at which something of it is due or may be let go.
    pub(super) fn next_due(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let due = self.parts.iter().filter_map(|part| part.next_after(at));
        let stage = self.rollout.as_ref().and_then(|stages| stages.lasts_until).filter(|until| *until > at);
        let late = self.parts.iter().filter_map(|part| part.next_late(self.late)).filter(|late| *late > at);
        let kept_back = self.late.for_all().filter(|late| *late > at && self.rollout.is_some());
        due.chain(stage).chain(late).chain(kept_back).min()
    }
}
