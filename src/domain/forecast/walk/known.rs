//! What still goes out while an account is full.

use super::Walk;
use super::taker::Taker;
use chrono::{DateTime, Utc};

impl Walk<'_> {
    /// Numbers of full accounts go on with people who count already. The answer is how many they sent.
    pub(super) fn go_on(&mut self, at: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let mut sum = 0;
        for place in 0..self.left.len() {
            let number = &self.world.numbers[place];
            if self.account_left(place) > 0 || self.left[place] == 0 || !number.opens.by(at) {
                continue;
            }
            let mut most = self.capacity_of(place, self.left[place], at, until);
            for nth in 0..self.in_order.len() {
                let campaign = self.in_order[nth];
                let (line, each) = (&self.lines[campaign], &self.world.campaigns[campaign]);
                // On the recipients' own clocks nobody goes on (`claim_bound`, migration 0009).
                let may = self.world.is_member(each, place) && !each.calendar.by_recipient();
                if most == 0 || !may || !line.may_go_on(place) || !self.has_work(campaign, at) {
                    continue;
                }
                let known = most.min(self.organization).min(line.left);
                let taker = Taker::unweighed(self.world, each, place, &[], self.grain());
                let Some(reached) = number.account.and_then(|account| self.reached.get_mut(account)) else {
                    break;
                };
                let sent = self.lines[campaign].go_on(known, at, taker, reached);
                let sent = self.charge(place, &[(campaign, u32::try_from(sent).unwrap_or(u32::MAX))], at);
                most -= sent;
                sum += sent;
            }
        }
        sum
    }
}
