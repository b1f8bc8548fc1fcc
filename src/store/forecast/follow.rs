//! Campaigns that begin behind another one: they begin when it is foretold to be completed.

use super::{CampaignRow, ForecastWorld};
use crate::domain::{
    campaign::CampaignState,
    forecast::{FARTHEST_DAYS, Forecast, Opens},
    ids::CampaignId,
};
use chrono::{DateTime, TimeDelta, Utc};

/// A sender sees that a campaign has nobody left after its last message: what follows it takes nothing of the room that the
/// last ones go out in.
const SEEN_WITHIN: TimeDelta = TimeDelta::seconds(1);

/// A campaign that begins behind another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Follower {
    /// Which one.
    pub(super) campaign: CampaignId,
    /// The one before it.
    pub(super) behind: CampaignId,
    /// It begins no sooner.
    pub(super) not_before: Option<DateTime<Utc>>,
}

/// Those that are to begin by themselves.
pub(super) fn of(rows: &[CampaignRow]) -> Vec<Follower> {
    let follower = |row: &CampaignRow| {
        let behind = row.follows.filter(|_| row.state == CampaignState::Scheduled)?;
        Some(Follower { campaign: row.id, behind, not_before: row.starts_at })
    };
    rows.iter().filter_map(follower).collect()
}

impl ForecastWorld {
    /// Foretells so many days. Whoever begins behind another campaign begins when that one is foretold to be completed; if
    /// that one is a draft or stands still, somebody has to act before.
    #[must_use]
    pub fn foretell(&mut self, days: u32) -> Forecast {
        self.let_followers_begin();
        Forecast::of(&self.world, days)
    }

    /// Lets those begin behind others whose beginning can be foretold: the next in a row with every look.
    pub(super) fn let_followers_begin(&mut self) {
        let mut waiting: Vec<Follower> = self.followers.clone();
        while !waiting.is_empty() {
            let forecast = Forecast::of(&self.world, FARTHEST_DAYS);
            let known = waiting.len();
            let mut begin = Vec::new();
            waiting.retain(|follower| {
                let place = self.place_of(follower.behind);
                let Some(end) = place.and_then(|place| self.end_of(&forecast, place)) else { return true };
                let seen = end + SEEN_WITHIN;
                begin.push((follower.campaign, follower.not_before.map_or(seen, |start| start.max(seen))));
                false
            });
            for (campaign, at) in begin {
                if let Some(place) = self.place_of(campaign) {
                    self.world.campaigns[place].opens = Opens::At(at);
                }
            }
            if waiting.len() == known {
                return;
            }
        }
    }

    pub(super) fn place_of(&self, campaign: CampaignId) -> Option<usize> {
        self.world.campaigns.iter().position(|each| each.id == campaign)
    }

    /// When a campaign is completed; `None`: nobody can tell, or it is a standing one, which never is.
    fn end_of(&self, forecast: &Forecast, place: usize) -> Option<DateTime<Utc>> {
        let campaign = self.world.campaigns.get(place).filter(|campaign| !campaign.standing)?;
        let begins = match campaign.opens {
            Opens::Now => Some(self.world.now),
            Opens::At(at) => Some(at.max(self.world.now)),
            Opens::Never => None,
        }?;
        // One that has nobody left is completed as soon as it begins.
        let is_empty = campaign.work.iter().all(|work| work.people == 0) && campaign.rollout.is_none();
        forecast.finish[place].or_else(|| is_empty.then_some(begins))
    }
}
