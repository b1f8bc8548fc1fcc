//! What a forecast is made from: the numbers.

use super::Reach;
use crate::domain::{
    forecast::{Cap, Number, Opens},
    ids::NumberId,
    number::{NumberState, Pacing},
    pacing,
};
use crate::store::snapshot::{NumberView, Snapshot};
use std::collections::HashMap;

/// What campaigns may use of a number: replies keep their share of its day and of its rate. Its own limit and what its warm-up
/// allows on each day from today on: today's limit is the smaller of both, and holds for no other day.
fn for_campaigns(view: &NumberView) -> (Cap, Vec<u32>, Pacing) {
    let left = 100 - view.reply_share.min(90);
    let share = |limit: u32| {
        let share = (u64::from(limit) * u64::from(100 - left)).div_ceil(100);
        u32::try_from(share).unwrap_or(u32::MAX)
    };
    let by_replies = view.number.daily_limit.map_or(0, share).saturating_sub(view.held_back);
    let without_share = |limit: u32| limit.saturating_sub(share(limit));
    let cap = Cap {
        limit: view.own_limit.map(without_share),
        used_today: view.used_today.saturating_sub(by_replies),
    };
    let warm_up = view.rungs.iter().map(|rung| without_share(*rung)).collect();
    let Pacing { interval, per_second, in_flight } = view.number.pacing;
    let per_second = if per_second == 0 { 0 } else { (per_second * left / 100).max(1) };
    (cap, warm_up, Pacing { interval: interval * 100 / left, per_second, in_flight })
}

/// All numbers as a forecast needs them.
pub(super) fn numbers(snapshot: &Snapshot, reach: &Reach, labels: &HashMap<NumberId, String>) -> Vec<Number> {
    let number = |view: &NumberView| {
        let (cap, warm_up, pacing) = for_campaigns(view);
        Number {
            id: view.number.id,
            priority: pacing::place(view.number.priority, view.quality),
            cap,
            warm_up,
            pacing,
            next_slot: view.next_send_at,
            last_sent: view.last_sent_at,
            opens: match &view.number.state {
                NumberState::Active => Opens::Now,
                NumberState::Limited { until, .. } => Opens::At(*until),
                NumberState::Suspended(suspension) => suspension.until.map_or(Opens::Never, Opens::At),
                NumberState::Disabled => Opens::Never,
            },
            account: reach.places.get(&view.number.account).copied(),
            label: labels.get(&view.number.id).cloned(),
        }
    };
    snapshot.numbers.iter().map(number).collect()
}
