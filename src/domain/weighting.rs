//! Weights: how a pool splits a campaign's messages of the day in proportion, whoever of its numbers is faster.
//!
//! Each number has a level: what it sent today of the campaign, by its weight. Nobody goes further than one *round* beyond
//! the lowest level, a round being a twentieth of what was sent today, 20 messages at least and 2,000 at most. So the
//! parts stay in proportion within a round at every moment, and no process has to remember anything: same counts, same
//! answer, everywhere.
//!
//! The pool therefore goes as fast as its slowest number allows in proportion. One that is out of service or at rest does not
//! count. When it comes back it is not waited for as long as it is more than [`PATIENCE`] rounds behind: it catches up as fast
//! as it can, and the others go on meanwhile.

use super::ids::NumberId;

/// The smallest round, in messages.
pub const LEAST_ROUND: u64 = 20;
/// The largest round.
pub const MOST_ROUND: u64 = 2_000;
/// So many rounds behind, a number is not waited for.
pub const PATIENCE: u64 = 10;
/// Keeps products of weights and counts within 128 bits, whatever stands in the database.
const HEAVIEST: u32 = 1_000_000;

/// One number of a weighted pool that may send for the campaign now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Which one.
    pub number: NumberId,
    /// Its part; zero counts as one.
    pub weight: u32,
    /// What it sent of the campaign today.
    pub used: u32,
}

impl Member {
    fn weight(&self) -> u128 {
        u128::from(self.weight.clamp(1, HEAVIEST))
    }

    fn used(&self) -> u128 {
        u128::from(self.used)
    }

    /// How far this one is behind another, times both weights.
    fn behind(&self, other: &Self) -> u128 {
        (other.used() * self.weight()).saturating_sub(self.used() * other.weight())
    }
}

/// How far the members of a pool may go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighting {
    sum: u128,
    round: u128,
    lowest: Member,
}

impl Weighting {
    /// Of these numbers, all that may send; `None`: there is nobody to be in proportion with.
    #[must_use]
    pub fn of(members: &[Member]) -> Option<Self> {
        let top = members.iter().reduce(|one, other| if one.behind(other) > 0 { other } else { one })?;
        if members.len() < 2 {
            return None;
        }
        let sum: u128 = members.iter().map(Member::weight).sum();
        let total: u64 = members.iter().map(|member| u64::from(member.used)).sum();
        let round = u128::from((total / 20).clamp(LEAST_ROUND, MOST_ROUND));
        let is_waited_for = |member: &&Member| {
            member.behind(top) * sum <= u128::from(PATIENCE) * round * member.weight() * top.weight()
        };
        let lowest = members
            .iter()
            .filter(is_waited_for)
            .reduce(|one, other| if other.behind(one) > 0 { other } else { one })?;
        Some(Self { sum, round, lowest: *lowest })
    }

    /// How many messages this member may send before the others have caught up. Never zero for the lowest.
    #[must_use]
    pub fn room(&self, member: &Member) -> u32 {
        let lowest = &self.lowest;
        let reach = member.weight() * (lowest.used() * self.sum + self.round * lowest.weight());
        let most = reach.div_ceil(lowest.weight() * self.sum);
        u32::try_from(most.saturating_sub(member.used())).unwrap_or(u32::MAX)
    }

    /// The number that the others wait for.
    #[must_use]
    pub fn waits_for(&self) -> NumberId {
        self.lowest.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::seeded::Seeded;

    fn member(nth: u128, weight: u32, used: u32) -> Member {
        Member { number: NumberId(uuid::Uuid::from_u128(nth)), weight, used }
    }

    #[test]
    fn cases() {
        // Weights and what was sent; what each may send now.
        let table = [
            (vec![(1, 0), (1, 0)], vec![10, 10]),
            (vec![(3, 0), (1, 0)], vec![15, 5]),
            (vec![(3, 15), (1, 0)], vec![0, 5]),
            (vec![(3, 15), (1, 5)], vec![15, 5]),
            (vec![(1, 10), (1, 3)], vec![3, 10]),
            // A weight that is nothing counts as one.
            (vec![(0, 0), (1, 0)], vec![10, 10]),
            // The lightest may always send one.
            (vec![(1_000_000, 20), (1, 0)], vec![0, 1]),
            // A round is a twentieth of the day.
            (vec![(1, 1_000), (1, 1_000)], vec![50, 50]),
            (vec![(1, 1_000_000), (1, 1_000_000)], vec![1_000, 1_000]),
            // Who was away is not waited for, and may catch up.
            (vec![(1, 900), (1, 0)], vec![23, 923]),
            (vec![(1, 900), (1, 880), (1, 0)], vec![10, 30, 910]),
        ];
        for (given, expected) in table {
            let members: Vec<Member> =
                given.iter().zip(0..).map(|((weight, used), nth)| member(nth, *weight, *used)).collect();
            let weighting = Weighting::of(&members).unwrap();
            let rooms: Vec<u32> = members.iter().map(|member| weighting.room(member)).collect();
            assert_eq!(rooms, expected, "{given:?}");
        }
    }

    #[test]
    fn nobody_is_in_proportion_with_nobody() {
        assert_eq!(Weighting::of(&[]), None);
        assert_eq!(Weighting::of(&[member(0, 1, 9)]), None);
    }

    #[test]
    fn a_thousand_days_stay_in_proportion_whoever_is_faster() {
        for seed in 0..1_000 {
            let mut random = Seeded::new(seed);
            let mut members: Vec<Member> =
                (0..2 + random.below(6) as u128).map(|nth| member(nth, 1 + random.below_u32(9), 0)).collect();
            // Some can take a hundred at once and others one: they are waited for.
            let paces: Vec<u32> = members.iter().map(|_| random.pick(&[1, 5, 100])).collect();
            for _ in 0..2_000 {
                let at = random.below(members.len());
                let weighting = Weighting::of(&members).unwrap();
                let lowest = members.iter().find(|member| member.number == weighting.waits_for()).unwrap();
                assert!(weighting.room(lowest) > 0, "seed {seed}: nobody could go on: {members:?}");
                let taken = weighting.room(&members[at]).min(paces[at]);
                members[at].used += taken;
                assert!(!is_apart(&members), "seed {seed}: {members:?} of {paces:?}");
            }
            assert!(members.iter().all(|member| member.used > 20), "seed {seed}: {members:?}");
        }
    }

    /// Whether somebody is further from its part than a round.
    fn is_apart(members: &[Member]) -> bool {
        let sum: u64 = members.iter().map(|member| u64::from(member.weight)).sum();
        let total: u64 = members.iter().map(|member| u64::from(member.used)).sum();
        let round = (total / 20).clamp(LEAST_ROUND, MOST_ROUND);
        members.iter().any(|member| {
            let fair = total * u64::from(member.weight) / sum;
            u64::from(member.used).abs_diff(fair) > round + u64::from(member.weight)
        })
    }
}
