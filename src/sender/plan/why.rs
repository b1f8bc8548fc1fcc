//! Why something waits: everything that the roster knows to be closed, not only the first that the sender meets.

use super::{Local, Roster, carry::Unable, dry_until, turn};
use crate::domain::{
    hold::{
        self, Hold,
        facts::{self, Lease, Now, RecipientFacts},
    },
    ids::NumberId,
    pacing::Turn,
    recipient::RecipientState,
};
use crate::store::snapshot::Snapshot;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;

/// One person's message, as far as it bears on why it waits.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its own state.
    pub facts: RecipientFacts<'a>,
    /// The number that it is bound to.
    pub bound: Option<NumberId>,
    /// The zone of the person's own clock, where the campaign goes by it.
    pub zone: Option<Tz>,
}

impl Local {
    /// What somebody who only looks knows: every lease that a living instance holds counts, and breakers are unknown.
    #[must_use]
    pub fn watching(snapshot: &Snapshot, in_air: HashMap<NumberId, u32>) -> Self {
        let leases =
            snapshot.numbers.iter().filter_map(|view| Some((view.number.id, view.lease?.1))).collect();
        Self { leases, in_air, watching: true, ..Self::default() }
    }
}

impl Roster {
    /// Everything that keeps the number at this place from sending now. Empty: [`Roster::lanes`] claims through it as soon
    /// as something is due for it.
    #[must_use]
    pub fn number_holds(
        &self,
        snapshot: &Snapshot,
        local: &Local,
        place: usize,
        now: DateTime<Utc>,
    ) -> Vec<Hold> {
        let mut holds = self.above.clone();
        holds.extend(self.own_holds(snapshot, local, place, now));
        holds.extend(self.not_chosen(snapshot, place));
        in_order(holds)
    }

    /// Everything that keeps the campaign at this place from sending now. One whose numbers all wait waits for the first
    /// of them to go on.
    #[must_use]
    pub fn campaign_holds(
        &self,
        snapshot: &Snapshot,
        local: &Local,
        at: usize,
        now: DateTime<Utc>,
    ) -> Vec<Hold> {
        let campaign = &snapshot.campaigns[at];
        let mut holds = self.campaign_as_a_whole(at);
        holds.extend(dry_until(campaign, local, now).map(|due| Hold::NotDue { due }));
        holds.extend(self.first_to_go_on(snapshot, local, at, now));
        if holds.is_empty() && campaign.queued > 0 && !self.takes_a_share(snapshot, local, at, now) {
            holds.push(Hold::GivesWay);
        }
        in_order(holds)
    }

    /// Everything that keeps one person's message of the campaign at this place. What is on the wire or has ended waits for
    /// nothing; a doubt waits for evidence, whatever the campaign does.
    #[must_use]
    pub fn recipient_holds(
        &self,
        snapshot: &Snapshot,
        local: &Local,
        at: usize,
        message: &Message<'_>,
        now: DateTime<Utc>,
    ) -> Vec<Hold> {
        let clock = Now { at: now, midnight: now };
        let mut holds: Vec<Hold> = facts::of_recipient(&message.facts, clock).collect();
        if message.facts.state != RecipientState::Queued {
            return holds;
        }
        let campaign = &snapshot.campaigns[at];
        let calendar = &campaign.terms.calendar;
        if let Some(closed) = message.zone.and_then(|zone| calendar.closed_in(zone, now)) {
            holds.push(Hold::QuietHours { opens: closed.opens });
        }
        let place = |id: NumberId| snapshot.numbers.iter().position(|view| view.number.id == id);
        match message.bound.and_then(place) {
            // Nobody takes it over: it waits for its number, and for nothing else than that.
            Some(place) if campaign.never_switch() || self.numbers[place].is_none() => {
                holds.extend(self.campaign_as_a_whole(at));
                holds.extend(self.own_holds(snapshot, local, place, now));
                let unable = self.campaigns[at].unable.iter();
                let number = snapshot.numbers[place].number.id;
                holds.extend(unable.filter(|unable| unable.number == number).map(Unable::hold));
            }
            _ => {
                // What others of the campaign wait for is not this person's due time.
                let mut local = local.clone();
                local.dry.remove(&campaign.id);
                holds.extend(self.campaign_holds(snapshot, &local, at, now));
            }
        }
        in_order(holds)
    }

    /// The campaigns that the number at this place takes part in; `true`: only with what is bound to it.
    #[must_use]
    pub fn served_by(&self, place: usize) -> &[(usize, bool)] {
        &self.serves[place]
    }

    /// What keeps the number at this place, apart from what keeps everything.
    fn own_holds(&self, snapshot: &Snapshot, local: &Local, place: usize, now: DateTime<Utc>) -> Vec<Hold> {
        let view = &snapshot.numbers[place];
        let mut holds = self.own[place].clone();
        // Where nobody sends at all, that says it.
        if !self.above.contains(&Hold::NoSender) {
            let holder = view.lease.map(|(holder, _)| holder.to_string());
            let lease = match holder.as_deref() {
                _ if local.leases.contains_key(&view.number.id) => Lease::Held,
                Some(holder) => Lease::HeldBy(holder),
                None => Lease::Free,
            };
            holds.extend(facts::of_lease(lease));
        }
        if let Turn::Wait(hold) = turn(view, local, now) {
            holds.push(hold);
        }
        holds
    }

    fn campaign_as_a_whole(&self, at: usize) -> Vec<Hold> {
        let mut holds = self.above.clone();
        holds.extend(self.campaigns[at].holds.iter().cloned());
        holds
    }

    /// What the first of a campaign's numbers to go on waits for; `None`: one may send now, or there is none at all.
    fn first_to_go_on(
        &self,
        snapshot: &Snapshot,
        local: &Local,
        at: usize,
        now: DateTime<Utc>,
    ) -> Option<Hold> {
        let service = &self.campaigns[at];
        let serving =
            snapshot.numbers.iter().enumerate().filter(|(_, view)| service.numbers.contains(&view.number.id));
        // Who is ahead by its weight waits for the others, and they for what this says.
        let numbers = serving.filter(|(_, view)| self.is_ahead(snapshot, at, view.number.id).is_none());
        numbers
            .map(|(place, _)| {
                let holds = in_order(self.own_holds(snapshot, local, place, now));
                hold::binding(&holds).cloned()
            })
            .reduce(|one, other| Some(one?.sooner(other?)))
            .flatten()
    }

    /// Whether the plan would give the campaign anything now, however much may be claimed.
    fn takes_a_share(&self, snapshot: &Snapshot, local: &Local, at: usize, now: DateTime<Utc>) -> bool {
        let plan = self.lanes(snapshot, local, now, u32::MAX);
        plan.claims.iter().any(|claim| claim.shares.iter().any(|(campaign, _, _)| *campaign == at))
    }

    /// The number that others wait for by their weights, if this one has gone as far as it may in the campaign at this place.
    fn is_ahead(&self, snapshot: &Snapshot, at: usize, number: NumberId) -> Option<NumberId> {
        let (service, campaign) = (&self.campaigns[at], snapshot.campaigns[at].id);
        let weighting = service.weighting(snapshot, campaign)?;
        let room = service.room_by_weight(Some(&weighting), snapshot, campaign, number);
        (room == 0).then(|| weighting.waits_for())
    }

    /// A number that could send, but only as a backup, or is ahead by its weight: all campaigns of its pools go through others now.
    fn not_chosen(&self, snapshot: &Snapshot, place: usize) -> Option<Hold> {
        let serves = &self.serves[place];
        let number = snapshot.numbers[place].number.id;
        let ahead = |at: usize| self.is_ahead(snapshot, at, number);
        let is_free = |(at, bound_only): &(usize, bool)| !bound_only && ahead(*at).is_none();
        if self.numbers[place].is_some() || serves.iter().any(is_free) {
            return None;
        }
        let first = serves.iter().find_map(|(at, _)| ahead(*at).or(self.campaigns[*at].first))?;
        let instead = snapshot.numbers.iter().find(|view| view.number.id == first)?;
        Some(Hold::NotChosen { instead: instead.called().into_string() })
    }
}

/// In the order of the gates.
fn in_order(mut holds: Vec<Hold>) -> Vec<Hold> {
    holds.sort_by_key(Hold::gate);
    holds
}
