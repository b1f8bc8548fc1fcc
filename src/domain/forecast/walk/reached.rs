//! Whom an account reached, and until when they count.

use super::super::Account;
use super::grain::Grain;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;

/// Whom an account reached, and who of them still counts.
#[derive(Default)]
pub(super) struct Reached {
    /// Until when they count, and how many; the first first.
    until: VecDeque<(DateTime<Utc>, u32)>,
    /// All of them: it is asked for at every turn.
    people: u64,
}

impl Reached {
    /// What is known of people is known by the hour.
    const KNOWN_BY: TimeDelta = TimeDelta::hours(1);

    /// Before the forecast begins.
    pub(super) fn of(account: &Account) -> Self {
        let people = account.reached.iter().map(|(_, people)| u64::from(*people)).sum();
        Self { until: account.reached.iter().copied().collect(), people }
    }

    /// All who count now.
    pub(super) fn people(&self) -> u64 {
        self.people
    }

    /// When the next of them count no more.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        self.until.front().map(|(until, _)| *until)
    }

    /// People who were written to now, and did not count before.
    pub(super) fn reach(&mut self, at: DateTime<Utc>, people: u64, grain: Grain) {
        if people > 0 {
            self.add(grain.near(at + Account::WINDOW), people);
        }
    }

    fn add(&mut self, until: DateTime<Utc>, people: u64) {
        let count = u32::try_from(people).unwrap_or(u32::MAX);
        match self.until.back_mut().filter(|(last, _)| *last >= until) {
            Some((_, known)) => *known = known.saturating_add(count),
            None => self.until.push_back((until, count)),
        }
        self.people += u64::from(count);
    }

    pub(super) fn forget(&mut self, at: DateTime<Utc>) {
        while let Some((_, people)) = self.until.pop_front_if(|(until, _)| *until <= at) {
            self.people -= u64::from(people);
        }
    }

    /// Another message to people who were written to at `last`: who of them still counts does so from `at` on, and takes no
    /// room. Answers how many of `most` these are.
    pub(super) fn renew(&mut self, last: DateTime<Utc>, at: DateTime<Utc>, most: u64, grain: Grain) -> u64 {
        let counted_until = last + Account::WINDOW;
        let mut left = most;
        let mut place = self.until.partition_point(|(until, _)| *until <= counted_until);
        while left > 0 && place > 0 {
            place -= 1;
            let (until, people) = &mut self.until[place];
            if *until <= counted_until - Self::KNOWN_BY {
                break;
            }
            let renewed = left.min(u64::from(*people));
            *people -= u32::try_from(renewed).unwrap_or(*people);
            left -= renewed;
        }
        let renewed = most - left;
        self.people -= renewed;
        while self.until.pop_front_if(|(_, people)| *people == 0).is_some() {}
        self.reach(at, renewed, grain);
        renewed
    }
}
