//! Whom a number may write to: those who are bound to it, those of numbers that rest, and those who are bound to nobody.

use super::super::{Campaign, World};
use super::grain::Grain;
use crate::domain::campaign::Failover;
use crate::domain::weighting::{Member, Weighting};
use chrono::TimeDelta;

/// Who sends what in one phase.
pub(super) struct Duty<'a> {
    pub(super) world: &'a World,
    /// For each number the campaigns that it serves, in the order in which they share it.
    pub(super) serves: Vec<Vec<Serving>>,
    /// Numbers out of service or at rest: others may go on for them.
    pub(super) resting: Vec<usize>,
    /// For each campaign how far its numbers may go now, where its pool splits by weight.
    pub(super) weightings: Vec<Option<Weighting>>,
    pub(super) grain: Grain,
}

/// One campaign that a number serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Serving {
    pub(super) campaign: usize,
    /// Whether it writes to those who are bound to nobody; else only to those who are bound to it, or to one that rests.
    pub(super) free: bool,
    /// Whether it has nothing to do before others of its pool have caught up.
    pub(super) waits: bool,
}

/// A number that sends for a campaign.
#[derive(Clone, Copy)]
pub(super) struct Taker<'a> {
    world: &'a World,
    campaign: &'a Campaign,
    number: usize,
    resting: &'a [usize],
    /// How many it may write to as far as weights go; none: only to those who are bound.
    pub(super) free: u64,
    grain: Grain,
}

impl<'a> Duty<'a> {
    /// A number at this work, for which it sent so much today.
    pub(super) fn taker<'d>(&'d self, number: usize, serving: Serving, used: u32) -> Taker<'d>
    where
        'a: 'd,
    {
        let campaign = &self.world.campaigns[serving.campaign];
        let free = match &self.weightings[serving.campaign] {
            _ if !serving.free => 0,
            Some(weighting) => weighting.room(&self.world.member(campaign, number, used)).into(),
            None => u64::MAX,
        };
        Taker { world: self.world, campaign, number, resting: &self.resting, free, grain: self.grain }
    }

    /// Whether a number writes to those of a campaign who are bound to nobody.
    pub(super) fn is_free(&self, number: usize, campaign: usize) -> bool {
        self.serves[number].iter().any(|each| each.campaign == campaign && each.free)
    }

    /// Whether it does so now, and waits for no others of its pool.
    pub(super) fn goes(&self, number: usize, campaign: usize) -> bool {
        self.serves[number].iter().any(|each| each.campaign == campaign && each.free && !each.waits)
    }
}

impl<'a> Taker<'a> {
    /// One that no weight keeps from those who are bound to nobody; it goes on for these others.
    pub(super) fn unweighed(
        world: &'a World,
        campaign: &'a Campaign,
        number: usize,
        resting: &'a [usize],
        grain: Grain,
    ) -> Self {
        Self { world, campaign, number, resting, free: u64::MAX, grain }
    }

    pub(super) fn delays(&self) -> &'a [TimeDelta] {
        &self.campaign.delays
    }

    pub(super) fn grain(&self) -> Grain {
        self.grain
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// The place of its account, if that counts people.
    pub(super) fn account(&self) -> Option<usize> {
        self.world.numbers[self.number].account
    }

    /// Whose people it writes to: its own first (`claim_bound`, migration 0009).
    pub(super) fn owners(self) -> impl Iterator<Item = usize> + 'a {
        let label = |number: usize| self.world.numbers[number].label.as_ref();
        let may = move |owner: &usize| match self.campaign.failover {
            Failover::Pool => true,
            Failover::Label => label(*owner).is_some() && label(*owner) == label(self.number),
            Failover::Never => false,
        };
        let others = self.resting.iter().copied().filter(move |owner| *owner != self.number);
        std::iter::once(self.number).chain(others.filter(may))
    }

    /// Whom somebody stays with who gets a message from it, and was bound to `owner`. The default number keeps nobody.
    pub(super) fn keeps(&self, owner: Option<usize>) -> Option<usize> {
        let pool = self.world.pools.get(self.campaign.pool)?;
        let stays = (pool.sticky || owner.is_some()) && pool.numbers.contains(&self.number);
        stays.then_some(self.number)
    }

    /// Whether who was written to by the number that they are bound to counts for its own account.
    pub(super) fn shares_account(&self, owner: Option<usize>) -> bool {
        let account = |number: usize| self.world.numbers[number].account;
        owner.is_none_or(|owner| account(owner) == account(self.number))
    }
}

impl World {
    /// A number of a campaign's pool, as one that splits by weight sees it.
    pub(super) fn member(&self, campaign: &Campaign, number: usize, used: u32) -> Member {
        let pool = &self.pools[campaign.pool];
        let place = pool.numbers.iter().position(|member| *member == number);
        let weight = place.and_then(|place| pool.weights.get(place)).copied().unwrap_or(1);
        Member { number: self.numbers[number].id, weight, used }
    }
}
