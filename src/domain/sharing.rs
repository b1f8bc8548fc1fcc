//! Sharing: how running campaigns divide what one number can carry.
//!
//! Lower priority value first, strictly. Equal priorities are levelled by what each already sent *today through this
//! number*, by weight: two campaigns on a 250-a-day number send 125 each, whichever began first. What one cannot use
//! flows to the others.
//!
//! A campaign that starts late is behind and catches up, but it must not starve those that are ahead: while the
//! campaigns of one priority are more than [`SLACK`] apart, one message in [`TRICKLE`] still goes to those ahead, as long as
//! that leaves everybody's share of the day whole. Which messages these are is read off the counts, so the answer
//! needs no memory: same view, same answer, in every process.

use super::ids::CampaignId;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Differences up to this many messages (by weight) are levelled at once.
pub const SLACK: u64 = 10;
/// While somebody catches up, one message in this many goes to the campaigns that are ahead.
pub const TRICKLE: u64 = 4;
/// Keeps products of weights and counts within 64 bits.
const HEAVIEST: u32 = 1_000_000;

/// A campaign that has something to send through the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub campaign: CampaignId,
    /// Lower goes first.
    pub priority: i32,
    /// Its share among equal priorities; zero counts as one, more than a million as a million.
    pub weight: u32,
    /// What it sent today through this number.
    pub used_today: u32,
    /// How many of its messages are due and may go through this number.
    pub queued: u32,
    /// What its own daily cap leaves; `None`: no cap.
    pub campaign_remaining: Option<u32>,
}

impl Candidate {
    /// How many messages it could use now.
    fn room(&self) -> u64 {
        u64::from(self.campaign_remaining.map_or(self.queued, |left| left.min(self.queued)))
    }

    fn weight(&self) -> u64 {
        u64::from(self.weight.clamp(1, HEAVIEST))
    }
}

/// One campaign while capacity is handed out.
#[derive(Debug)]
struct Taker {
    candidate: Candidate,
    given: u64,
}

impl Taker {
    fn used(&self) -> u64 {
        u64::from(self.candidate.used_today) + self.given
    }

    fn room(&self) -> u64 {
        self.candidate.room() - self.given
    }

    /// What it has had, by weight, rounded down.
    fn level(&self) -> u64 {
        self.used() / self.candidate.weight()
    }
}

/// Divides `capacity` messages of one number. `day_limit` is the number's daily limit, if it has one: then nobody who
/// is ahead is given more than the share of the day that leaves the others theirs.
///
/// The answer names each campaign that gets something once, those that go first first. The sum is the smaller of
/// `capacity` and what all can use.
#[must_use]
pub fn share(capacity: u32, day_limit: Option<u32>, candidates: &[Candidate]) -> Vec<(CampaignId, u32)> {
    let mut in_order = candidates.to_vec();
    in_order.sort_by_key(|candidate| (candidate.priority, candidate.campaign));
    let mut shares = Vec::new();
    Table::default().share(capacity, day_limit, in_order.iter().copied(), |nth, count| {
        shares.push((in_order[nth].campaign, count));
    });
    shares
}

/// Where capacity is divided: whoever divides often brings the same one, and nothing is allocated.
#[derive(Debug, Default)]
pub struct Table {
    equals: Vec<Taker>,
    /// Each taker's place among the candidates.
    places: Vec<usize>,
    rooms: Vec<u64>,
    still: BinaryHeap<Reverse<Turn>>,
}

impl Table {
    /// As [`share`], of candidates that stand in their order: by priority, then by campaign. They are asked for one priority
    /// after the other, as long as there is something left. `give` hears the candidate's place, from zero, and its share.
    pub fn share(
        &mut self,
        capacity: u32,
        day_limit: Option<u32>,
        candidates: impl Iterator<Item = Candidate>,
        mut give: impl FnMut(usize, u32),
    ) {
        let mut left = u64::from(capacity);
        let mut candidates = candidates.enumerate().filter(|(_, candidate)| candidate.room() > 0).peekable();
        while left > 0
            && let Some((_, Candidate { priority, .. })) = candidates.peek().copied()
        {
            self.equals.clear();
            self.places.clear();
            while let Some((place, candidate)) = candidates.next_if(|(_, next)| next.priority == priority) {
                self.equals.push(Taker { candidate, given: 0 });
                self.places.push(place);
            }
            left -= self.divide_among_equals(left, day_limit);
            for (taker, place) in self.equals.iter().zip(&self.places).filter(|(taker, _)| taker.given > 0) {
                give(*place, u32::try_from(taker.given).unwrap_or(u32::MAX));
            }
        }
    }

    /// Hands out at most `capacity` among campaigns of one priority; the answer is how many were taken.
    fn divide_among_equals(&mut self, capacity: u64, day_limit: Option<u32>) -> u64 {
        if let [only] = self.equals.as_mut_slice() {
            let taken = only.room().min(capacity);
            only.given += taken;
            return taken;
        }
        let trickled = self.trickle(capacity, day_limit);
        trickled + self.level_up(capacity - trickled, Taker::room)
    }

    /// Gives those that are ahead their few while others catch up.
    fn trickle(&mut self, capacity: u64, day_limit: Option<u32>) -> u64 {
        let equals = &self.equals;
        let lowest = equals.iter().map(Taker::level).min().unwrap_or(0);
        let is_ahead = |taker: &Taker| taker.level() > lowest + SLACK;
        if !equals.iter().any(is_ahead) {
            return 0;
        }
        let sent: u64 = equals.iter().map(Taker::used).sum();
        let due = (sent + capacity) / TRICKLE - sent / TRICKLE;
        let weights: u64 = equals.iter().map(|taker| taker.candidate.weight()).sum();
        let most = |taker: &Taker| {
            if !is_ahead(taker) {
                return 0;
            }
            let Some(limit) = day_limit else { return taker.room() };
            let share = u64::from(limit) * taker.candidate.weight() / weights;
            share.saturating_sub(taker.used()).min(taker.room())
        };
        self.level_up(due, most)
    }

    /// Hands out at most `capacity` to those that have had least, by weight, none more than `most` allows. The answer is
    /// how many were taken.
    fn level_up(&mut self, capacity: u64, most: impl Fn(&Taker) -> u64) -> u64 {
        let Self { equals, rooms, still, .. } = self;
        rooms.clear();
        rooms.extend(equals.iter().map(most));
        let whole: u64 = rooms.iter().sum();
        if whole <= capacity {
            for (taker, room) in equals.iter_mut().zip(rooms.iter()) {
                taker.given += room;
            }
            return whole;
        }
        let low = level_of(equals, rooms, capacity);
        let mut taken = 0;
        still.clear();
        for (index, (taker, room)) in equals.iter_mut().zip(rooms.iter()).enumerate() {
            let given = share_at(low, taker, *room);
            taker.given += given;
            taken += given;
            if given < *room {
                still.push(Reverse(Turn::of(index, taker, room - given)));
            }
        }
        // The rest of less than one level goes one by one.
        while taken < capacity {
            let Some(Reverse(turn)) = still.pop() else { break };
            let next = &mut equals[turn.index];
            next.given += 1;
            taken += 1;
            if turn.room > 1 {
                still.push(Reverse(Turn::of(turn.index, next, turn.room - 1)));
            }
        }
        taken
    }
}

/// What brings a taker to a level, by weight.
fn share_at(level: u64, taker: &Taker, room: u64) -> u64 {
    (level * taker.candidate.weight()).saturating_sub(taker.used()).min(room)
}

/// The highest level that can be reached by all at once. Nobody needs anything for the lowest level that one of them has; past
/// the second bound nothing more is taken.
fn level_of(equals: &[Taker], rooms: &[u64], capacity: u64) -> u64 {
    let sum_at =
        |level: u64| equals.iter().zip(rooms).map(|(taker, room)| share_at(level, taker, *room)).sum::<u64>();
    let mut low = equals.iter().map(Taker::level).min().unwrap_or(0);
    let mut high = equals.iter().map(Taker::used).max().unwrap_or(0) + capacity + 1;
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if sum_at(middle) <= capacity {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// Whose turn it is for one message: least used by weight, then the older campaign.
#[derive(Debug, PartialEq, Eq)]
struct Turn {
    used: u64,
    weight: u64,
    index: usize,
    room: u64,
}

impl Turn {
    fn of(index: usize, taker: &Taker, room: u64) -> Self {
        Self { used: taker.used(), weight: taker.candidate.weight(), index, room }
    }
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        // used / weight, compared without dividing; takers stand in the order of their ids.
        (self.used * other.weight).cmp(&(other.used * self.weight)).then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
