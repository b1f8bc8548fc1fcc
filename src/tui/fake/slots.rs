//! Thirty slots, of which the first ones are held, one by several people and one for too long.

use super::{ago, campaign_id, phone};
use crate::domain::ids::CampaignId;
use crate::domain::text::Shown;
use crate::store::view::{SlotCell, SlotHolder, SlotResetView, SlotsView};

const DAY: i64 = 86_400;
const NAMES: [&str; 7] = ["Ana", "Bob", "Chantal Ngo Bassong", "", "Eve", "Fay", "Gil"];

fn held(rows: u64) -> usize {
    if rows == 0 { 0 } else { NAMES.len() }
}

pub fn slots_view(of: Option<CampaignId>, rows: u64) -> SlotsView {
    let cell = |(at, name): (u16, &&str)| SlotCell {
        slot: at * 2 + 1,
        people: if at == 2 { 3 } else { 1 },
        phone: phone(500 + u64::from(at)),
        name: Shown::new(name),
        used_at: ago(DAY * (1 + 10 * i64::from(at))),
        is_over: at == 4,
    };
    let taken = held(rows) as u64;
    SlotsView {
        campaign: of.filter(|of| *of == campaign_id(2)),
        campaigns: vec![(campaign_id(2), Shown::new("spring-vip"))],
        first: 1,
        last: 30,
        expiry_days: Some(30),
        people: if rows == 0 { 0 } else { taken + 2 },
        free: 30 - taken,
        shared: u64::from(rows > 0),
        held: (0..).zip(&NAMES).take(held(rows)).map(cell).collect(),
    }
}

pub fn slot_holders(slot: u16) -> Vec<SlotHolder> {
    let people = if slot == 5 { 3 } else { 1 };
    (0..people)
        .map(|nth: u32| SlotHolder {
            phone: phone(500 + u64::from(slot / 2) + u64::from(nth) * 100),
            name: Shown::new(NAMES[usize::from(slot / 2) % NAMES.len()]),
            shared: nth > 0,
            given_by: "spring-news".into(),
            given_at: ago(DAY * 20),
            used_at: ago(DAY * (1 + i64::from(nth))),
            until: Some(ago(DAY * (i64::from(nth) - 29))),
        })
        .collect()
}

pub fn slot_reset(rows: u64) -> SlotResetView {
    if rows == 0 { SlotResetView { released: 0, kept: 0 } } else { SlotResetView { released: 6, kept: 3 } }
}
