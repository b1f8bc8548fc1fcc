//! What would be if: changes to a world before it is forecast.

use super::{Cap, Number, Opens, World};
use crate::domain::{
    ids::{CampaignId, NumberId},
    number::Pacing,
};
use std::time::Duration;

/// What is asked; nothing of it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhatIf {
    /// These numbers were suspended.
    pub suspend: Vec<NumberId>,
    /// The campaign's pool had further numbers, with these daily limits.
    pub add: Vec<u32>,
    /// The campaign had this daily limit.
    pub daily_limit: Option<u32>,
    /// These campaigns were paused.
    pub pause: Vec<CampaignId>,
}

impl WhatIf {
    /// Whether nothing would be otherwise.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl World {
    /// Changes it as is asked about the campaign at `place`. Numbers and campaigns that it does not have are passed over;
    /// those that are added stand behind all others, in the order in which they are named.
    pub fn suppose(&mut self, place: usize, what_if: &WhatIf) {
        for number in self.numbers.iter_mut().filter(|number| what_if.suspend.contains(&number.id)) {
            number.opens = Opens::Never;
        }
        for campaign in self.campaigns.iter_mut().filter(|campaign| what_if.pause.contains(&campaign.id)) {
            campaign.opens = Opens::Never;
        }
        let Some(campaign) = self.campaigns.get_mut(place) else { return };
        campaign.cap.limit = what_if.daily_limit.or(campaign.cap.limit);
        let pool = campaign.pool;
        for limit in &what_if.add {
            self.add_number(pool, *limit);
        }
    }

    /// One number more in a pool, as quick as its first one.
    fn add_number(&mut self, pool: usize, limit: u32) {
        let like = self.pools[pool].numbers.first().map(|first| &self.numbers[*first]);
        let at_will = Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 1 };
        let number = Number {
            id: NumberId::new(),
            priority: like.map_or(100, |like| like.priority),
            cap: Cap { limit: Some(limit), used_today: 0 },
            pacing: like.map_or(at_will, |like| like.pacing),
            warm_up: Vec::new(),
            next_slot: None,
            last_sent: None,
            opens: Opens::Now,
            account: None,
            label: like.and_then(|like| like.label.clone()),
        };
        let pool = &mut self.pools[pool];
        pool.numbers.push(self.numbers.len());
        if let Some(weight) = pool.weights.first().copied() {
            pool.weights.push(weight);
        }
        self.numbers.push(number);
    }
}
