//! Who serves a campaign, and how far each of them may go where its pool splits by weight.

use super::carry::Unable;
use crate::domain::{
    hold::Hold,
    ids::{CampaignId, NumberId},
    weighting::{self, Weighting},
};
use crate::store::snapshot::Snapshot;

/// Who serves a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Why the campaign waits as a whole.
    pub hold: Option<Hold>,
    /// All that keeps it as a whole.
    pub holds: Vec<Hold>,
    /// The number that goes first.
    pub first: Option<NumberId>,
    /// All numbers that take part.
    pub numbers: Vec<NumberId>,
    /// The weight of each of them, if the pool splits by weight.
    pub(super) weights: Vec<u32>,
    /// Numbers of its pool, and the default number, that cannot send what it carries, and why.
    pub unable: Vec<Unable>,
}

impl Service {
    /// How far each of its numbers may go now, if its pool splits by weight.
    pub(super) fn weighting(&self, snapshot: &Snapshot, campaign: CampaignId) -> Option<Weighting> {
        let members: Vec<weighting::Member> = self
            .numbers
            .iter()
            .zip(&self.weights)
            .map(|(number, weight)| weighed(snapshot, campaign, *number, *weight))
            .collect();
        Weighting::of(&members)
    }

    /// How many messages of the campaign this number may send before the others of its pool have caught up.
    pub(super) fn room_by_weight(
        &self,
        weighting: Option<&Weighting>,
        snapshot: &Snapshot,
        campaign: CampaignId,
        number: NumberId,
    ) -> u32 {
        let place = self.numbers.iter().position(|member| *member == number);
        let weight = place.and_then(|place| self.weights.get(place));
        match (weighting, weight) {
            (Some(weighting), Some(weight)) => weighting.room(&weighed(snapshot, campaign, number, *weight)),
            _ => u32::MAX,
        }
    }

    /// Whether this number cannot send what the campaign carries.
    #[must_use]
    pub fn is_unable(&self, number: NumberId) -> bool {
        self.unable.iter().any(|unable| unable.number == number)
    }
}

/// A number of a weighted pool, with what it sent of the campaign today.
fn weighed(snapshot: &Snapshot, campaign: CampaignId, number: NumberId, weight: u32) -> weighting::Member {
    let used = snapshot.shares.get(&(number, campaign)).copied().unwrap_or(0);
    weighting::Member { number, weight, used }
}
