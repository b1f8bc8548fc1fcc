//! What of the day is used up, between two looks: what the last one showed, and what was claimed since.

use super::Engine;
use crate::domain::ids::{CampaignId, NumberId};
use crate::sender::clock::Moment;
use crate::store::{attempt::ClaimedMessage, snapshot::Snapshot};
use std::collections::HashMap;

impl Engine {
    /// Where a claim for a number and this look crossed, the look may show it and may not, and whoever adds it to what the
    /// look shows could count it twice. Nobody else claims for a number while we hold its lease: what we counted stands
    /// until a look that began after the claim, which also shows what was given back.
    pub(super) fn keep_counts(&self, snapshot: &mut Snapshot, asked: Moment) {
        let Some(known) = self.snapshot.as_ref().filter(|known| known.day == snapshot.day) else { return };
        let crossed = |number: &NumberId| {
            let claimed = self.claimed.get(number);
            claimed.is_some_and(|back| back.is_none_or(|back| !back.is_before(&asked)))
        };
        snapshot.shares.retain(|(number, _), _| !crossed(number));
        snapshot.shares.extend(known.shares.iter().filter(|((number, _), _)| crossed(number)));
        let numbers: HashMap<NumberId, u32> =
            known.numbers.iter().map(|view| (view.number.id, view.used_today)).collect();
        for view in snapshot.numbers.iter_mut().filter(|view| crossed(&view.number.id)) {
            view.used_today = numbers.get(&view.number.id).copied().unwrap_or(view.used_today);
        }
    }

    /// However a claim ended: looks that begin from now on show what it did.
    pub(super) fn note_back(&mut self) {
        let back = Moment::now();
        for under_way in self.claimed.values_mut().filter(|claim| claim.is_none()) {
            *under_way = Some(back);
        }
    }

    /// Keeps the picture's counts up with what was claimed, until the next look.
    pub(super) fn count(&mut self, messages: &[ClaimedMessage]) {
        let Some(snapshot) = &mut self.snapshot else { return };
        let total = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        snapshot.organization.used_today += total;
        let mut by_lane: HashMap<(NumberId, CampaignId), u32> = HashMap::new();
        for message in messages {
            match message.campaign() {
                Some(campaign) => *by_lane.entry((message.number, campaign)).or_default() += 1,
                None => {
                    if let Some(view) =
                        snapshot.numbers.iter_mut().find(|view| view.number.id == message.number)
                    {
                        view.claimed(1);
                        view.replies_due = view.replies_due.saturating_sub(1);
                        view.held_back = view.held_back.saturating_sub(1);
                    }
                }
            }
        }
        for ((number, campaign), count) in by_lane {
            *snapshot.shares.entry((number, campaign)).or_default() += count;
            let view = snapshot.numbers.iter_mut().find(|view| view.number.id == number);
            let account = view.map(|view| view.claimed(count));
            // Some of them may count already: the next look knows.
            if let Some(view) = snapshot.accounts.iter_mut().find(|view| Some(view.id) == account) {
                view.claimed(count);
            }
            if let Some(view) = snapshot.campaigns.iter_mut().find(|view| view.id == campaign) {
                view.used_today += count;
                view.queued = view.queued.saturating_sub(u64::from(count));
            }
        }
    }
}
