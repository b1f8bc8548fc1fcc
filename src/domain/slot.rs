//! Slots: the number that a person keeps, `{{campaign_number}}`.
//!
//! The rule, as the database carries it out for a whole enrolment at once (`give_slots`): who has a slot keeps it; then
//! everybody gets the lowest number that nobody holds, in order; when all are held, the one that was used longest ago is
//! shared. What is given out in an enrolment was used last. [`Book`] does the same one person at a time.

use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    str::FromStr,
};

/// The highest slot there may be.
pub const LAST: u16 = 9_999;

/// Which slots there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SlotRange {
    first: u16,
    last: u16,
}

/// What is no range of slots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no range of slots: write the first and the last, from 1 to 9999, such as 1-30")]
pub struct SlotRangeError(String);

impl SlotRange {
    /// From the first to the last, both within 1 and [`LAST`].
    #[must_use]
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first >= 1 && first <= last && last <= LAST).then_some(Self { first, last })
    }

    /// The first slot.
    #[must_use]
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last slot.
    #[must_use]
    pub fn last(self) -> u16 {
        self.last
    }
}

impl FromStr for SlotRange {
    type Err = SlotRangeError;
    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (first, last) = raw.split_once('-')?;
            Self::new(first.trim().parse().ok()?, last.trim().parse().ok()?)
        };
        read().ok_or_else(|| SlotRangeError(raw.to_owned()))
    }
}

impl fmt::Display for SlotRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// A slot in somebody's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Which one.
    pub slot: u16,
    /// When a campaign used it last, in the unit of the book.
    pub used_at: u64,
    /// All were held when it was given.
    pub shared: bool,
}

/// Who holds which slot in one scope.
#[derive(Debug, Clone)]
pub struct Book<Person> {
    range: SlotRange,
    /// After so long without use a slot is free again.
    expiry: Option<u64>,
    held: BTreeMap<Person, Holding>,
}

impl<Person: Ord + Copy> Book<Person> {
    /// Nobody holds any.
    #[must_use]
    pub fn new(range: SlotRange, expiry: Option<u64>) -> Self {
        Self { range, expiry, held: BTreeMap::new() }
    }

    /// Who holds which.
    #[must_use]
    pub fn held(&self) -> &BTreeMap<Person, Holding> {
        &self.held
    }

    /// Takes a slot back.
    pub fn release(&mut self, person: Person) {
        self.held.remove(&person);
    }

    /// Gives a slot to each of `people` who has none, at `now`; answers how many that were. Nobody stands among
    /// them twice, and none of them is still to be sent a message that shows an old slot.
    pub fn give(&mut self, people: &[Person], now: u64) -> usize {
        if let Some(expiry) = self.expiry {
            self.held.retain(|_, holding| holding.used_at + expiry > now);
        }
        for person in people {
            if let Some(holding) = self.held.get_mut(person) {
                holding.used_at = now;
            }
        }
        let mut used: BTreeMap<u16, u64> = BTreeMap::new();
        for holding in self.held.values() {
            let at = used.entry(holding.slot).or_default();
            *at = holding.used_at.max(*at);
        }
        let mut free: VecDeque<u16> =
            (self.range.first..=self.range.last).filter(|slot| !used.contains_key(slot)).collect();
        used.extend(free.iter().map(|slot| (*slot, now)));
        let mut by_use: Vec<(u64, u16)> = used
            .iter()
            .filter(|(slot, _)| (self.range.first..=self.range.last).contains(*slot))
            .map(|(slot, at)| (*at, *slot))
            .collect();
        by_use.sort_unstable();
        let mut ring: VecDeque<u16> = by_use.into_iter().map(|(_, slot)| slot).collect();
        let mut given = 0;
        for person in people {
            if self.held.contains_key(person) {
                continue;
            }
            let holding = if let Some(slot) = free.pop_front() {
                Holding { slot, used_at: now, shared: false }
            } else {
                ring.rotate_left(1);
                let slot = ring.back().copied().unwrap_or(self.range.first);
                Holding { slot, used_at: now, shared: true }
            };
            self.held.insert(*person, holding);
            given += 1;
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::seeded::Seeded;
    use std::collections::BTreeSet;

    fn range(raw: &str) -> SlotRange {
        raw.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn slots(book: &Book<u32>) -> Vec<u16> {
        book.held().values().map(|holding| holding.slot).collect()
    }

    #[test]
    fn ranges_are_read_and_refused() {
        assert_eq!(range("1-30").to_string(), "1-30");
        assert_eq!(range(" 7 - 7 ").first(), 7);
        for wrong in ["", "30", "0-30", "30-1", "1-10000", "a-b", "-1-3"] {
            let error = wrong.parse::<SlotRange>().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("such as 1-30"), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_next_free_one_is_given_and_kept() {
        let mut book = Book::new(range("1-5"), None);
        assert_eq!(book.give(&[1, 2, 3], 1), 3);
        assert_eq!(slots(&book), [1, 2, 3]);
        book.release(2);
        assert_eq!(book.give(&[1, 4, 5], 2), 2);
        assert_eq!(book.held()[&4].slot, 2, "the lowest that nobody holds");
        assert_eq!(book.held()[&5].slot, 4);
    }

    #[test]
    fn when_all_are_held_the_one_used_longest_ago_is_shared() {
        let mut book = Book::new(range("1-3"), None);
        book.give(&[1], 1);
        book.give(&[2, 3], 2);
        book.give(&[1], 3);
        assert_eq!(book.give(&[4, 5, 6, 7], 4), 4);
        let holding = |person: u32| (book.held()[&person].slot, book.held()[&person].shared);
        assert_eq!([4, 5, 6, 7].map(holding), [(2, true), (3, true), (1, true), (2, true)]);
    }

    #[test]
    fn no_slot_is_given_twice_while_one_is_free() {
        for seed in 0..2_000 {
            let mut random = Seeded::new(seed);
            let size = 1 + u16::try_from(random.below(12)).unwrap_or(0);
            let expiry = random.once_in(2).then_some(5);
            let mut book = Book::new(SlotRange::new(1, size).unwrap_or_else(|| panic!("{size}")), expiry);
            let mut now = 0;
            for _ in 0..random.below(8) {
                now += random.next() % 4;
                let before = book.clone();
                let people: BTreeSet<u32> = (0..random.below(8)).map(|_| random.below_u32(20)).collect();
                let people: Vec<u32> = people.into_iter().collect();
                book.give(&people, now);
                check(seed, &before, &book, &people, now);
                if random.once_in(3) {
                    book.release(random.below_u32(20));
                }
            }
        }
    }

    /// What must hold after every enrolment, said without the algorithm.
    fn check(seed: u64, before: &Book<u32>, after: &Book<u32>, people: &[u32], now: u64) {
        let fresh = |holding: &Holding| before.expiry.is_none_or(|expiry| holding.used_at + expiry > now);
        for (person, holding) in before.held() {
            if fresh(holding) {
                assert_eq!(after.held().get(person).map(|held| held.slot), Some(holding.slot), "seed {seed}");
            }
        }
        assert!(people.iter().all(|person| after.held().contains_key(person)), "seed {seed}: all have one");
        let alone: Vec<u16> =
            after.held().values().filter(|holding| !holding.shared).map(|held| held.slot).collect();
        assert_eq!(alone.iter().collect::<BTreeSet<_>>().len(), alone.len(), "seed {seed}: one holder each");
        let given_shared = after
            .held()
            .iter()
            .any(|(person, held)| held.shared && before.held().get(person).is_none_or(|old| !fresh(old)));
        if given_shared {
            let all: BTreeSet<u16> = after.held().values().map(|holding| holding.slot).collect();
            let size = usize::from(after.range.last - after.range.first) + 1;
            assert_eq!(all.len(), size, "seed {seed}: shared only where none is free");
        }
    }
}
