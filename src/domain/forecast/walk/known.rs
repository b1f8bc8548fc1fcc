//! What still goes out while an account is full.

use super::Walk;
use super::taker::Taker;
use crate::domain::sharing;
use chrono::{DateTime, Utc};

impl Walk<'_> {
    /// Numbers of full accounts go on with people who count already. The answer is how many they sent.
    pub(super) fn go_on(&mut self, at: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let mut sum = 0;
        for place in 0..self.left.len() {
            let opens = self.world.numbers[place].opens;
            if self.account_left(place) > 0 || self.left[place] == 0 || !opens.by(at) {
                continue;
            }
            let mut most = self.capacity_of(place, self.left[place], at, until);
            let mut campaigns = self.that_may_go_on(place, at);
            while most > 0 && !campaigns.is_empty() {
                // Nobody knows beforehand whom a campaign has: who gets less than its share has no more of them.
                let shares = self.shares_of(place, most.min(self.organization), &campaigns);
                if shares.is_empty() {
                    break;
                }
                for (campaign, share) in shares {
                    let sent = self.go_on_with(campaign, place, share.into(), at);
                    if sent < share.into() {
                        campaigns.retain(|other| *other != campaign);
                    }
                    most -= sent;
                    sum += sent;
                }
                campaigns.retain(|campaign| self.lines[*campaign].left > 0 && self.organization > 0);
            }
        }
        sum
    }

    /// The campaigns that may have such people for a number, in the order in which they share it.
    fn that_may_go_on(&self, place: usize, at: DateTime<Utc>) -> Vec<usize> {
        let may = |campaign: &usize| {
            let (line, each) = (&self.lines[*campaign], &self.world.campaigns[*campaign]);
            // On the recipients' own clocks nobody goes on (`claim_bound`, migration 0009).
            let is_known = self.world.is_member(each, place) && !each.calendar.by_recipient();
            is_known && line.may_go_on(place) && self.has_work(*campaign, at)
        };
        self.in_order.iter().copied().filter(may).collect()
    }

    /// How campaigns share so many messages of a number, whatever each has to send.
    fn shares_of(&self, place: usize, most: u64, campaigns: &[usize]) -> Vec<(usize, u32)> {
        let candidates = campaigns.iter().map(|campaign| {
            let (line, each) = (&self.lines[*campaign], &self.world.campaigns[*campaign]);
            sharing::Candidate {
                campaign: each.id,
                priority: each.priority,
                weight: each.weight,
                used_today: line.used[place],
                queued: u32::MAX,
                campaign_remaining: Some(u32::try_from(line.left).unwrap_or(u32::MAX)),
            }
        });
        let mut shares = Vec::new();
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        sharing::Table::default().share(most, self.limits[place], candidates, |nth, count| {
            shares.push((campaigns[nth], count));
        });
        shares
    }

    fn go_on_with(&mut self, campaign: usize, place: usize, most: u64, at: DateTime<Utc>) -> u64 {
        let (number, each) = (&self.world.numbers[place], &self.world.campaigns[campaign]);
        let taker = Taker::unweighed(self.world, each, place, &[], self.grain());
        let Some(reached) = number.account.and_then(|account| self.reached.get_mut(account)) else {
            return 0;
        };
        let sent = self.lines[campaign].go_on(most, at, taker, reached);
        self.charge(place, &[(campaign, u32::try_from(sent).unwrap_or(u32::MAX))], at)
    }
}
