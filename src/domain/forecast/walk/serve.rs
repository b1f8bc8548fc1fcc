//! Who serves a campaign in one phase: asked of [`selection::participants`], as the plan asks.

use super::super::{Campaign, Number};
use super::line::Line;
use super::taker::{Duty, Serving, Taker};
use super::{MOST_WEIGHED_TURNS, Walk};
use crate::domain::selection::{self, Candidate, Standing};
use crate::domain::weighting::Weighting;
use chrono::{DateTime, Utc};

impl<'a> Walk<'a> {
    /// For each number the campaigns that it serves now, in the order in which they share it.
    pub(super) fn duty(&self, at: DateTime<Utc>) -> Duty<'a> {
        let mut duty = Duty {
            world: self.world,
            serves: vec![Vec::new(); self.left.len()],
            resting: Vec::new(),
            weightings: vec![None; self.lines.len()],
            grain: self.grain(),
        };
        let at_work: Vec<usize> =
            self.in_order.iter().copied().filter(|place| self.has_work(*place, at)).collect();
        if at_work.is_empty() {
            return duty;
        }
        let candidates: Vec<Candidate> =
            (0..self.left.len()).map(|place| self.candidate(place, at)).collect();
        duty.resting = self.resting(at);
        let mut of_pool: Vec<Option<Vec<usize>>> = vec![None; self.world.pools.len()];
        for place in at_work {
            let campaign = &self.world.campaigns[place];
            let Some(pool) = self.world.pools.get(campaign.pool) else { continue };
            // Most campaigns take what their pool has: that is chosen once for all of them.
            let own = campaign.only.map(|_| self.members(campaign, &candidates));
            let members: &[usize] = match &own {
                Some(own) => own,
                None => of_pool[campaign.pool].get_or_insert_with(|| self.members(campaign, &candidates)),
            };
            let free = members.iter().map(|number| (*number, true));
            let is_backup = |number: &usize| {
                let candidate = &candidates[*number];
                let may = candidate.standing == Standing::Ready && campaign.may_use(candidate.number);
                may && !members.contains(number)
            };
            // Backups write to nobody but to those who are bound.
            let line = &self.lines[place];
            let backups = pool.numbers.iter().copied().filter(|number| line.is_bound() && is_backup(number));
            duty.weightings[place] = self.weighting(place, members);
            for (number, free) in free.chain(backups.map(|number| (number, false))) {
                let serving = Serving { campaign: place, free, waits: false };
                let waits = line.ready_for(duty.taker(number, serving, line.used[number])) == 0;
                if !waits || free && line.free() > 0 {
                    duty.serves[number].push(Serving { waits, ..serving });
                }
            }
        }
        duty
    }

    /// The numbers that serve a campaign now.
    fn members(&self, campaign: &Campaign, candidates: &[Candidate]) -> Vec<usize> {
        let may = |candidate: &&Candidate| campaign.may_use(candidate.number);
        let pool = &self.world.pools[campaign.pool];
        let in_pool = pool.numbers.iter().filter_map(|number| candidates.get(*number));
        let in_pool: Vec<Candidate> = in_pool.filter(may).copied().collect();
        let default = self.world.default.and_then(|number| candidates.get(number)).filter(may);
        let view = selection::View { strategy: pool.strategy, pool: &in_pool, sticky: None, default };
        let chosen = selection::participants(&view).map(|serving| serving.numbers).unwrap_or_default();
        let serves = |number: &usize| {
            let candidate = &candidates[*number];
            candidate.standing == Standing::Ready && chosen.contains(&candidate.number)
        };
        (0..candidates.len()).filter(serves).collect()
    }

    /// How far these numbers may go for a campaign, if its pool splits by weight.
    fn weighting(&self, place: usize, members: &[usize]) -> Option<Weighting> {
        let campaign = &self.world.campaigns[place];
        if self.world.pools[campaign.pool].weights.is_empty() || self.turns > MOST_WEIGHED_TURNS {
            return None;
        }
        let used = &self.lines[place].used;
        let members: Vec<_> =
            members.iter().map(|number| self.world.member(campaign, *number, used[*number])).collect();
        Weighting::of(&members)
    }

    /// The same anew, after some of them sent: who is full is no longer waited for.
    pub(super) fn weigh_again(&self, duty: &mut Duty<'_>) {
        for place in 0..duty.weightings.len() {
            if duty.weightings[place].is_some() {
                let has_room = |number: &usize| duty.is_free(*number, place) && self.room(*number) > 0;
                let members: Vec<usize> = (0..duty.serves.len()).filter(has_room).collect();
                duty.weightings[place] = self.weighting(place, &members);
            }
        }
    }

    /// Whether a campaign has something that it may send now.
    pub(super) fn has_work(&self, place: usize, at: DateTime<Utc>) -> bool {
        let (line, campaign) = (&self.lines[place], &self.world.campaigns[place]);
        let idle = line.left == 0 || line.ready() == 0 || self.yields(place, at);
        !idle && campaign.opens.by(at) && campaign.calendar.is_open(at)
    }

    /// Whether a standing campaign waits for another one that runs (`yields_to`, migration 0090).
    pub(super) fn yields(&self, place: usize, at: DateTime<Utc>) -> bool {
        let runs = |(campaign, line): (&Campaign, &Line)| {
            !campaign.standing && !campaign.is_test && campaign.opens.by(at) && !line.is_done()
        };
        self.world.campaigns[place].standing
            && !self.world.simultaneous
            && self.world.campaigns.iter().zip(&self.lines).any(runs)
    }

    /// People whom a number's account may still begin to talk to.
    pub(super) fn account_left(&self, number: usize) -> u64 {
        self.world.numbers[number].account.map_or(u64::MAX, |account| self.left_of(account))
    }

    /// People whom an account may still begin to talk to.
    pub(super) fn left_of(&self, account: usize) -> u64 {
        let (Some(account), Some(reached)) = (self.world.accounts.get(account), self.reached.get(account))
        else {
            return u64::MAX;
        };
        u64::from(account.limit).saturating_sub(reached.people())
    }

    /// What a number has left: of its day, and of its account's people.
    pub(super) fn room(&self, number: usize) -> u64 {
        self.left[number].min(self.account_left(number))
    }

    /// Numbers out of service or at rest: others may go on for them.
    pub(super) fn resting(&self, at: DateTime<Utc>) -> Vec<usize> {
        let numbers = self.world.numbers.iter().enumerate();
        let rests = |(place, number): &(usize, &Number)| !number.opens.by(at) || self.room(*place) == 0;
        numbers.filter(rests).map(|(place, _)| place).collect()
    }

    fn candidate(&self, place: usize, at: DateTime<Utc>) -> Candidate {
        let number = &self.world.numbers[place];
        Candidate {
            number: number.id,
            priority: number.priority,
            weight: 1,
            daily_limit: self.limits[place],
            used_today: self.used[place],
            last_used: None,
            standing: match number.opens {
                opens if !opens.by(at) => Standing::OutOfService,
                _ if self.room(place) == 0 => Standing::Resting { until: None },
                _ => Standing::Ready,
            },
        }
    }

    /// The numbers that could write to those who wait for a campaign, if limits and hours let them.
    pub(super) fn could_serve(&self, place: usize, at: DateTime<Utc>) -> Vec<usize> {
        let (line, campaign) = (&self.lines[place], &self.world.campaigns[place]);
        let pool = self.world.pools.get(campaign.pool).map_or(&[][..], |pool| &pool.numbers);
        let works = |place: &usize| {
            let number = &self.world.numbers[*place];
            number.opens.by(at) && campaign.may_use(number.id)
        };
        let default = self.world.default.filter(|_| !pool.iter().any(works));
        let mut able: Vec<usize> = pool.iter().copied().chain(default).filter(works).collect();
        let resting = self.resting(at);
        let taker = |number| Taker::unweighed(self.world, campaign, number, &resting, self.grain());
        able.retain(|number| line.has_due_for(taker(*number)));
        able
    }
}
