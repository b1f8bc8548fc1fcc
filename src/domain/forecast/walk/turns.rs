//! How numbers take turns at what there is to send in one phase, and what each turn costs them.

use super::taker::{Duty, Serving};
use super::times::Times;
use super::{MOST_TURNS, TURNS, Walk, later};
use crate::domain::selection::Strategy;
use crate::domain::sharing;
use chrono::{DateTime, TimeDelta, Utc};

impl Walk<'_> {
    /// Lets the numbers send what they can from `at` to `until`; the answer is how much that was.
    pub(super) fn hand_out(&mut self, duty: &mut Duty<'_>, at: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let mut room: Vec<u64> = (0..duty.serves.len())
            .map(|place| {
                let most = if duty.serves[place].is_empty() { 0 } else { self.left[place] };
                self.capacity_of(place, most, at, until)
            })
            .collect();
        let mut order: Vec<usize> = (0..room.len()).filter(|place| room[*place] > 0).collect();
        let mut at_work: Vec<usize> = duty.serves.iter().flatten().map(|serving| serving.campaign).collect();
        at_work.sort_unstable();
        at_work.dedup();
        let (mut chunk, mut sum) = (None, 0);
        loop {
            let all = room.iter().fold(0_u64, |all, each| all.saturating_add(*each));
            let work = self.work_of(&at_work).min(all);
            if work == 0 {
                return sum;
            }
            let weighed = duty.weightings.iter().any(Option::is_some);
            let chunk = *chunk.get_or_insert_with(|| {
                let plenty = !weighed && self.is_plenty(&at_work, &room, all);
                (!plenty).then(|| self.chunk(work, order.len()))
            });
            if weighed && sum > 0 {
                self.weigh_again(duty);
            }
            let few = chunk.is_some_and(|chunk| chunk <= u64::try_from(order.len()).unwrap_or(u64::MAX));
            let by_the_slot = few && until > at && duty.grain.is_exact() && self.turns < MOST_TURNS;
            self.effort += u64::try_from(order.len()).unwrap_or(u64::MAX);
            self.put_in_order(&mut order);
            let taken = if by_the_slot {
                self.take_next(duty, &order, &mut room, at, until)
            } else {
                self.take_turns(duty, &order, &mut room, chunk, at, until)
            };
            sum += taken;
            if taken == 0 {
                return sum;
            }
            if duty.grain.is_exact() {
                // Who is full now needs others for those who are bound to it.
                duty.resting = self.resting(at);
            }
        }
    }

    /// Whichever number's slot opens first, of those that have something to send, sends what belongs to it. Answers how much.
    fn take_next(
        &mut self,
        duty: &Duty<'_>,
        order: &[usize],
        room: &mut [u64],
        at: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> u64 {
        let mut waiting: Vec<usize> = order.iter().copied().filter(|place| room[*place] > 0).collect();
        // Those of one moment stay in their order.
        waiting.sort_by_key(|place| self.first_slot(*place, at));
        let of_first = |place: &usize| self.take_turns(duty, &[*place], room, Some(1), at, until);
        waiting.iter().map(of_first).find(|taken| *taken > 0).unwrap_or(0)
    }

    /// Each number takes its part of `chunk`, or all that it can. Answers how much all took.
    fn take_turns(
        &mut self,
        duty: &Duty<'_>,
        order: &[usize],
        room: &mut [u64],
        chunk: Option<u64>,
        at: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> u64 {
        // Scarce work is divided by how fast each sends: evenly among those that need no time.
        let pace = |room: u64| if until > at { room } else { u64::from(room > 0) };
        let of_all = room.iter().map(|room| u128::from(pace(*room))).sum::<u128>().max(1);
        // What one number of an account plans to send the others leave alone, though it may be to people who count already.
        let mut accounts: Vec<u64> =
            (0..self.world.accounts.len()).map(|account| self.left_of(account)).collect();
        let mut taken = 0;
        self.claims += 1;
        for place in order {
            let part = match chunk {
                None => room[*place],
                Some(chunk) => {
                    let part = u128::from(pace(room[*place])) * u128::from(chunk) / of_all;
                    // Never less than it claims at once.
                    let batch = u64::from(self.slots[*place].batch);
                    let least = if until > at && order.len() > 1 { 1 } else { batch };
                    u64::try_from(part).unwrap_or(u64::MAX).max(least).min(room[*place])
                }
            };
            let account = self.world.numbers[*place].account.and_then(|account| accounts.get_mut(account));
            let most = account.as_ref().map_or(part, |left| part.min(**left));
            let sent = if most == 0 { 0 } else { self.send(*place, duty, most, at) };
            if let Some(left) = account {
                *left -= sent;
            }
            room[*place] -= sent;
            taken += sent;
            // It asked for more than there was for it: what is left others ask for after it has its answer.
            self.claims += u64::from(0 < sent && sent < most);
        }
        self.turns += u64::from(chunk.is_some()) * u64::try_from(order.len()).unwrap_or(0);
        taken
    }

    /// In which order numbers are asked: as they are, but where a pool goes by what was used of them, by that, and whoever sent
    /// last goes last.
    fn put_in_order(&self, order: &mut [usize]) {
        if self.world.pools.iter().any(|pool| pool.strategy == Strategy::LeastUsed) {
            order.sort_by_key(|place| {
                let limit = u64::from(self.limits[*place].unwrap_or(u32::MAX).max(1));
                let relative = u64::from(self.used[*place]) * 1_000_000 / limit;
                (relative, self.used[*place], self.last_sent[*place])
            });
        }
    }

    /// Whether nothing runs dry if each number takes all that it can.
    fn is_plenty(&self, at_work: &[usize], room: &[u64], all: u64) -> bool {
        self.organization >= all && at_work.iter().all(|place| self.lines[*place].is_plenty(room, all))
    }

    /// How much of scarce work all numbers take in one turn.
    fn chunk(&self, work: u64, numbers: usize) -> u64 {
        let numbers = u64::try_from(numbers).unwrap_or(u64::MAX);
        if self.turns > MOST_TURNS { work } else { (work / TURNS).max(numbers) }
    }

    /// What could be sent if the numbers that serve had no limits.
    fn work_of(&self, at_work: &[usize]) -> u64 {
        let work = at_work.iter().map(|place| &self.lines[*place]).map(|line| line.ready().min(line.left));
        work.sum::<u64>().min(self.organization)
    }

    /// Sends at most `most` messages through a number, shared among the campaigns that it serves.
    fn send(&mut self, place: usize, duty: &Duty<'_>, most: u64, at: DateTime<Utc>) -> u64 {
        let most = u32::try_from(most.min(self.organization)).unwrap_or(u32::MAX);
        let number = &self.world.numbers[place];
        let serves = &duty.serves[place];
        let candidate = |serving: &Serving| {
            let (line, campaign) = (&self.lines[serving.campaign], &self.world.campaigns[serving.campaign]);
            let ready = line.ready_for(duty.taker(place, *serving, line.used[place]));
            sharing::Candidate {
                campaign: campaign.id,
                priority: campaign.priority,
                weight: campaign.weight,
                used_today: line.used[place],
                queued: u32::try_from(ready).unwrap_or(u32::MAX),
                campaign_remaining: Some(u32::try_from(line.left).unwrap_or(u32::MAX)),
            }
        };
        let (mut table, mut shares) = (std::mem::take(&mut self.table), std::mem::take(&mut self.shares));
        shares.clear();
        let candidates = serves.iter().map(candidate);
        table.share(most, self.limits[place], candidates, |nth, count| shares.push((nth, count)));
        let sum: u32 = shares.iter().map(|(_, count)| *count).sum();
        let times = self.times(place, sum.into(), at);
        for (nth, count) in &mut shares {
            let serving = serves[*nth];
            for (time, count) in times.of((*count).into()) {
                let account = number.account.and_then(|account| self.reached.get_mut(account));
                let line = &mut self.lines[serving.campaign];
                let taker = duty.taker(place, serving, line.used[place]);
                line.send(count, time, taker, account);
            }
            *nth = serving.campaign;
        }
        let sum = self.charge(place, &shares, at);
        (self.table, self.shares) = (table, shares);
        sum
    }

    /// When a number sends so many messages, from its next slot on; of a large world all of them when the phase begins.
    fn times(&self, place: usize, messages: u64, at: DateTime<Utc>) -> Times {
        let batch = self.slots[place].batch.into();
        if self.grain().is_exact() {
            Times { first: self.first_slot(place, at), gap: self.gap(place), batch, messages }
        } else {
            Times { first: at, gap: TimeDelta::zero(), batch, messages }
        }
    }

    /// Messages through a number, by campaign, from its next slot on. Answers how many they are.
    pub(super) fn charge(&mut self, place: usize, shares: &[(usize, u32)], at: DateTime<Utc>) -> u64 {
        let sum: u64 = shares.iter().map(|(_, count)| u64::from(*count)).sum();
        if sum == 0 {
            return 0;
        }
        self.left[place] -= sum.min(self.left[place]);
        self.used[place] = self.used[place].saturating_add(u32::try_from(sum).unwrap_or(u32::MAX));
        self.organization -= sum;
        self.sent += sum;
        let (first, gap) = (self.first_slot(place, at), self.gap(place));
        let gaps = i32::try_from(sum.div_ceil(u64::from(self.slots[place].batch))).unwrap_or(i32::MAX);
        let last = later(first, gap, gaps - 1);
        self.next_slot[place] = later(first, gap, gaps);
        self.last_sent[place] = (Some(last), self.claims);
        for (campaign, count) in shares {
            let line = &mut self.lines[*campaign];
            line.used[place] += count;
            line.flows[place] += u64::from(*count);
            line.last = line.last.max(Some(last));
        }
        sum
    }
}
