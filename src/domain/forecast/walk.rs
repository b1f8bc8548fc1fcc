//! The walk through the days.

mod grain;
mod heard;
mod known;
mod line;
mod part;
mod reached;
mod serve;
mod taker;
mod times;
mod turns;

use super::{Bound, Day, Flow, Forecast, Opens, World};
use crate::domain::day::{local_date, start_of_day};
use crate::domain::pacing::Slots;
use crate::domain::sharing;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use grain::Grain;
use heard::Heard;
use line::{Late, Line};
use part::Part;
use reached::Reached;
use taker::Duty;

/// In how many turns the numbers take what is scarce: as in reality each takes a little, and is asked again. Up to so many
/// messages a number this is exact.
const TURNS: u64 = 64;
/// How many such turns of one number a forecast affords; after that scarce work is divided at once.
const MOST_TURNS: u64 = 20_000;
/// After so many, numbers of a pool that splits by weight are taken for equals.
const MOST_WEIGHED_TURNS: u64 = 100_000;
/// Steps that follow sooner are looked for so often.
const SOONEST: TimeDelta = TimeDelta::minutes(15);

pub(super) fn walk(world: &World, days: u32) -> Forecast {
    let mut walk = Walk::new(world);
    let mut forecast = Forecast::default();
    let mut date = local_date(world.now, world.zone);
    for nth in 0..days {
        let Some(next) = date.succ_opt() else { break };
        let (begin, end) = (start_of_day(date, world.zone).max(world.now), start_of_day(next, world.zone));
        // The first day may be no whole one: only from the third on is it known that a whole one sent nothing.
        if walk.is_done() || nth > 1 && walk.is_stuck(begin) {
            break;
        }
        forecast.days.push(walk.day(date, begin, end, usize::try_from(nth).unwrap_or(usize::MAX)));
        date = next;
    }
    forecast.finish = walk.lines.iter().map(|line| line.last.filter(|_| line.is_done())).collect();
    forecast.expired = walk.lines.iter().map(|line| line.expired).collect();
    forecast
}

struct Walk<'a> {
    world: &'a World,
    lines: Vec<Line>,
    /// Each number's limit today.
    limits: Vec<Option<u32>>,
    /// Left of each number's cap today.
    left: Vec<u64>,
    /// Sent today by each number.
    used: Vec<u32>,
    /// How each number's time is cut.
    slots: Vec<Slots>,
    /// When each number's next slot opens.
    next_slot: Vec<DateTime<Utc>>,
    /// When each number sent last, and in which claim of that moment.
    last_sent: Vec<(Option<DateTime<Utc>>, u64)>,
    /// Claims so far.
    claims: u64,
    /// Left of the organisation's cap today.
    organization: u64,
    /// Whom each account reached: until when they count, and how many.
    reached: Vec<Reached>,
    /// Today's messages.
    sent: u64,
    /// Turns in which scarce work was divided.
    turns: u64,
    /// What the walk cost so far: by every phase its numbers times its campaigns.
    effort: u64,
    /// Places of the campaigns in the order in which a number is shared.
    in_order: Vec<usize>,
    /// Where that is done.
    table: sharing::Table,
    /// What each campaign got of it.
    shares: Vec<(usize, u32)>,
}

impl<'a> Walk<'a> {
    fn new(world: &'a World) -> Self {
        let lines = world.campaigns.iter().map(|campaign| {
            let mut line = Line {
                parts: vec![Part::new(None)],
                rollout: line::stages_of(campaign),
                left: 0,
                used: vec![0; world.numbers.len()],
                flows: vec![0; world.numbers.len()],
                first: 0,
                last: None,
                late: Late::of(campaign, world.now),
                expired: 0,
            };
            for work in campaign.work.iter().filter(|work| work.people > 0) {
                let part = line.part(work.zone);
                match work.due {
                    None if work.step == 0 => part.fresh += work.people,
                    due => {
                        let bound = work.bound.filter(|number| world.is_member(campaign, *number));
                        part.expect(due.unwrap_or(world.now), work.step, bound, work.people, Heard::Before);
                    }
                }
            }
            for (zone, _) in campaign.rollout.iter().flat_map(|stages| stages.clocks.iter().flatten()) {
                line.part(Some(*zone));
            }
            if line.parts.len() > 1 {
                // Whom a rollout keeps back are people of these clocks.
                line.parts.retain(|part| part.zone.is_some() || !part.is_empty());
            }
            line
        });
        let mut in_order: Vec<usize> = (0..world.campaigns.len()).collect();
        in_order.sort_by_key(|place| (world.campaigns[*place].priority, world.campaigns[*place].id));
        Self {
            in_order,
            table: sharing::Table::default(),
            shares: Vec::new(),
            reached: world.accounts.iter().map(Reached::of).collect(),
            world,
            lines: lines.collect(),
            limits: Vec::new(),
            left: Vec::new(),
            used: Vec::new(),
            slots: world.numbers.iter().map(|number| Slots::of(&number.pacing)).collect(),
            next_slot: world.numbers.iter().map(|number| number.next_slot.unwrap_or(world.now)).collect(),
            last_sent: world.numbers.iter().map(|number| (number.last_sent, 0)).collect(),
            claims: 0,
            organization: 0,
            sent: 0,
            turns: 0,
            effort: 0,
        }
    }

    fn is_done(&self) -> bool {
        self.lines.iter().all(Line::is_done)
    }

    /// Whether nothing will ever move again by itself: the day before sent nothing, and nothing is about to open. What opens
    /// with the day that begins at `at` does: it was still shut a moment before.
    fn is_stuck(&self, at: DateTime<Utc>) -> bool {
        let before = at - TimeDelta::nanoseconds(1);
        let opens = |opens: Opens| opens.later_than(before).is_some();
        self.sent == 0
            && self.lines.iter().all(Line::waits_for_nothing_later)
            && self.lines.iter().all(|line| line.next_due(before).is_none())
            && self.reached.iter().all(|reached| reached.next().is_none())
            // One that keeps its distance may need more than a day for a message.
            && self.next_slot.iter().all(|slot| *slot <= before || *slot == DateTime::<Utc>::MAX_UTC)
            && !self.world.numbers.iter().any(|number| opens(number.opens))
            && !self.world.campaigns.iter().any(|campaign| opens(campaign.opens))
            && !self.world.campaigns.iter().zip(&self.lines).any(|(campaign, line)| {
                // A weekend is no end: they open again, if only by the clock of one who waits.
                line.clocks(&campaign.calendar, before).flatten().any(|closed| closed.opens.is_some())
            })
    }

    fn day(&mut self, date: NaiveDate, begin: DateTime<Utc>, end: DateTime<Utc>, nth: usize) -> Day {
        self.open(nth);
        let mut at = begin;
        while at < end {
            for (line, campaign) in self.lines.iter_mut().zip(&self.world.campaigns) {
                line.release(at, &campaign.calendar);
            }
            for reached in &mut self.reached {
                reached.forget(at);
            }
            at = self.phase(at, end);
        }
        let bounds = (0..self.lines.len()).map(|place| self.bound(place, end)).collect();
        let of_line = |(campaign, line): (usize, &Line)| {
            let sent: Vec<Flow> = (0..line.flows.len())
                .filter(|number| line.flows[*number] > 0)
                .map(|number| Flow { number, campaign, messages: line.flows[number] })
                .collect();
            sent
        };
        let flows = self.lines.iter().enumerate().flat_map(of_line).collect();
        let first = self.lines.iter().map(|line| line.first).collect();
        Day { date, flows, first, bounds }
    }

    /// A new day: every limit is whole again, but for what today's messages used of the first day's.
    fn open(&mut self, nth: usize) {
        let (world, first) = (self.world, nth == 0);
        let caps = || world.numbers.iter().map(move |number| number.cap_on(nth));
        self.limits = caps().map(|cap| cap.limit).collect();
        self.organization = world.cap.left(first);
        self.left = caps().map(|cap| cap.left(first)).collect();
        let used_before = |used: u32| if first { used } else { 0 };
        self.used = world.numbers.iter().map(|number| used_before(number.cap.used_today)).collect();
        for (line, campaign) in self.lines.iter_mut().zip(&world.campaigns) {
            line.left = campaign.cap.left(first);
            line.first = 0;
            line.used.fill(0);
            line.flows.fill(0);
            for (number, used) in campaign.used.iter().filter(|_| first) {
                if let Some(place) = line.used.get_mut(*number) {
                    *place = *used;
                }
            }
        }
        self.sent = 0;
    }

    /// From `at` to the next moment at which somebody's standing changes. The answer is that moment.
    fn phase(&mut self, at: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
        self.effort += u64::try_from(self.left.len() * self.lines.len()).unwrap_or(u64::MAX) + 10;
        let next = self.next_change(at, end);
        if self.go_on(at, next) > 0 {
            return at;
        }
        let mut duty = self.duty(at);
        if self.organization == 0 || duty.serves.iter().all(Vec::is_empty) {
            return next;
        }
        let until = self.filled(&duty, at).map_or(next, |filled| filled.min(next));
        let until = self.run_dry(&duty, at).map_or(until, |dry| dry.min(until));
        let until = self.follows(&duty, at).map_or(until, |due| due.min(until));
        let until = self.catches_up(&duty, at).map_or(until, |slot| slot.min(until));
        let taken = self.hand_out(&mut duty, at, until);
        // What needs no time is done at once; the clock goes on when nothing more is.
        match (until > at, taken) {
            (true, _) => until,
            (false, 0) => next,
            (false, _) => at,
        }
    }

    fn grain(&self) -> Grain {
        Grain::after(self.effort)
    }

    /// The next moment at which something opens or is due.
    fn next_change(&self, at: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
        let numbers = self.world.numbers.iter().filter_map(|number| number.opens.later_than(at));
        let campaigns = self.world.campaigns.iter().filter_map(|campaign| campaign.opens.later_than(at));
        let due = self.lines.iter().filter_map(|line| line.next_due(at));
        let counts = self.reached.iter().filter_map(Reached::next);
        let waiting = self.world.campaigns.iter().zip(&self.lines).filter(|(_, line)| line.due() > 0);
        let hours =
            waiting.filter_map(|(campaign, _)| campaign.calendar.next_change(at)).filter(|next| *next > at);
        numbers.chain(campaigns).chain(due).chain(counts).chain(hours).min().map_or(end, |next| next.min(end))
    }

    /// When what is sent from `at` on brings more to send: at once where a number needs no time for what it can take, and then when
    /// the soonest step after it may be due.
    fn follows(&self, duty: &Duty<'_>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let at_once = |place: usize| {
            let works = duty.serves[place].iter().any(|serving| !serving.waits);
            works && self.slots[place].gap.is_zero() && self.room(place) > 0
        };
        if (0..duty.serves.len()).any(at_once) {
            return Some(at);
        }
        let served = duty.serves.iter().flatten().map(|serving| &self.world.campaigns[serving.campaign]);
        let delays = served.flat_map(|campaign| campaign.delays.iter().skip(1));
        delays.min().and_then(|delay| at.checked_add_signed((*delay).max(SOONEST).max(duty.grain.span())))
    }

    /// When a number that others of its pool wait for, by weight, sends again: they go on slot by slot with it.
    fn catches_up(&self, duty: &Duty<'_>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let waiting = |campaign: usize| {
            duty.serves.iter().flatten().any(|each| each.campaign == campaign && each.waits)
        };
        let is_waited_for = |place: &usize| {
            let serves = &duty.serves[*place];
            serves.iter().any(|each| each.free && !each.waits && waiting(each.campaign))
        };
        let slot_after = |place: usize| match self.next_slot[place] {
            slot if slot > at => slot,
            _ => later(at, self.gap(place), 1),
        };
        if !duty.grain.is_exact() || !duty.serves.iter().flatten().any(|each| each.waits) {
            return None;
        }
        let slow = (0..duty.serves.len()).filter(|place| !self.slots[*place].gap.is_zero());
        slow.filter(is_waited_for).map(slot_after).min()
    }

    /// When the work of a campaign that others wait for, or whose rollout goes on with that, is about to be out, if numbers
    /// that keep their distance send it: within one phase nobody would notice.
    fn run_dry(&self, duty: &Duty<'_>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let yields = (0..self.lines.len()).any(|place| self.yields(place, at));
        let watched = |place: usize| {
            self.lines[place].rollout.is_some() || yields && !self.world.campaigns[place].standing
        };
        let end_of = |place: usize| {
            let line = &self.lines[place];
            // A stage that needs no more waits for its time, and that ends a phase by itself.
            let needs = line.rollout.as_ref().map(|stages| stages.needs).filter(|needs| *needs > 0);
            let work = line.ready().min(needs.unwrap_or(u64::MAX));
            // Messages in a thousand seconds, of all numbers that serve it.
            let rate: u128 = (0..duty.serves.len())
                .filter(|number| duty.goes(*number, place))
                .map(|number| {
                    let slots = self.slots[number];
                    u128::from(slots.batch) * 1_000_000_000_000 / slots.gap_with(0.5).as_nanos().max(1)
                })
                .sum();
            let milliseconds = (u128::from(work) * 1_000_000).checked_div(rate)?;
            let wait = TimeDelta::try_milliseconds(i64::try_from(milliseconds).ok()?)?;
            at.checked_add_signed(wait.max(TimeDelta::seconds(1)))
        };
        (0..self.lines.len()).filter(|place| watched(*place)).filter_map(end_of).min()
    }

    /// When the numbers of some pool have all reached their limits, if none of them stops before: backups take over then. Or when
    /// one of them has that has more people bound to it than it can write to: others take over these.
    fn filled(&self, duty: &Duty<'_>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut latest: Vec<Option<DateTime<Utc>>> = vec![None; self.lines.len()];
        let mut overflow: Option<DateTime<Utc>> = None;
        for (place, serves) in duty.serves.iter().enumerate().filter(|(_, serves)| !serves.is_empty()) {
            let (full, room) = (self.full_at(place, at), self.room(place));
            for serving in serves {
                if serving.free {
                    latest[serving.campaign] = latest[serving.campaign].max(Some(full));
                }
                if duty.grain.is_exact() && self.lines[serving.campaign].bound_to(place) > room {
                    overflow = Some(overflow.map_or(full, |first| first.min(full)));
                }
            }
        }
        latest.into_iter().flatten().chain(overflow).min()
    }

    /// When a number has reached its limit, if it does not stop before.
    fn full_at(&self, place: usize, at: DateTime<Utc>) -> DateTime<Utc> {
        let slots = self.slots[place];
        if slots.gap.is_zero() {
            return at;
        }
        // With its last slot, and not a gap after it.
        let gaps = self.room(place).div_ceil(u64::from(slots.batch)).saturating_sub(1);
        later(self.first_slot(place, at), self.gap(place), i32::try_from(gaps).unwrap_or(i32::MAX))
    }

    /// The first slot of a number from `at` on.
    fn first_slot(&self, place: usize, at: DateTime<Utc>) -> DateTime<Utc> {
        self.next_slot[place].max(at)
    }

    /// From one slot of a number to its next, with what jitter adds on average.
    fn gap(&self, place: usize) -> TimeDelta {
        TimeDelta::from_std(self.slots[place].gap_with(0.5)).unwrap_or(TimeDelta::MAX)
    }

    /// How many messages a number that may send so many sends from `at` to `until`.
    fn capacity_of(&self, place: usize, room: u64, at: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let slots = self.slots[place];
        if slots.gap.is_zero() {
            return room;
        }
        let span = (until - self.first_slot(place, at)).num_nanoseconds().unwrap_or(i64::MAX);
        let gap = u64::try_from(slots.gap_with(0.5).as_nanos()).unwrap_or(u64::MAX).max(1);
        // The slot that opens at `at` is there even where no time goes by.
        let count = if until == at && self.next_slot[place] <= at {
            1
        } else {
            u64::try_from(span).unwrap_or(0).div_ceil(gap)
        };
        count.saturating_mul(u64::from(slots.batch)).min(room)
    }

    /// Why the rest of a campaign stays for a later day.
    fn bound(&self, place: usize, end: DateTime<Utc>) -> Option<Bound> {
        let (line, campaign) = (&self.lines[place], &self.world.campaigns[place]);
        let last = end - TimeDelta::seconds(1);
        if line.is_done() {
            return None;
        }
        let numbers = self.could_serve(place, last);
        Some(if !campaign.opens.by(last) {
            Bound::CampaignNotActive
        } else if self.yields(place, last) {
            Bound::Yields
        } else if line.due() == 0 && line.rollout.is_some() {
            Bound::RolloutStage
        } else if line.due() == 0 {
            Bound::NotDue
        } else if numbers.is_empty() {
            Bound::NoNumber
        } else if self.organization == 0 {
            Bound::OrganizationCap
        } else if line.left == 0 {
            Bound::CampaignCap
        } else if numbers.iter().all(|number| self.left[*number] == 0) {
            Bound::NumberCap
        } else if numbers.iter().all(|number| self.room(*number) == 0) {
            Bound::AccountCap
        } else if line.clocks(&campaign.calendar, last).all(|closed| closed.is_some()) {
            Bound::QuietHours
        } else {
            Bound::Paced
        })
    }
}

fn later(at: DateTime<Utc>, gap: TimeDelta, times: i32) -> DateTime<Utc> {
    gap.checked_mul(times).and_then(|span| at.checked_add_signed(span)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
