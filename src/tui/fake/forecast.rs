//! A forecast of seven weeks: a campaign that shares its numbers with another one for the first three.

use super::wall;
use crate::domain::forecast::Bound;
use crate::domain::ids::CampaignId;
use crate::store::view::{ForecastDay, ForecastNumber, ForecastView};
use chrono::{Days, TimeDelta};

const DAYS: u64 = 49;
const SHARED: u64 = 21;

pub fn forecast(campaign: CampaignId) -> ForecastView {
    let begin = wall().date_naive();
    let own = |day: u64| match day {
        0..SHARED => 300,
        48 => 210,
        _ => 600,
    };
    let number = |name: &str, limit: Option<u32>, messages: fn(u64) -> u64| ForecastNumber {
        name: name.into(),
        limit,
        messages: (0..DAYS).map(messages).collect(),
    };
    ForecastView {
        campaign,
        as_if: false,
        finish: Some(wall() + TimeDelta::days(48)),
        binding: Some((Bound::NumberCap, begin)),
        numbers: vec![
            number("support-a", Some(250), |_| 250),
            number("support-b", Some(250), |day| if day < 7 { day * 30 } else { 250 }),
            number("promo", Some(1_000), |day| if day < SHARED { 100 } else { 0 }),
        ],
        days: (0..DAYS)
            .map(|day| ForecastDay {
                date: begin + Days::new(day),
                own: own(day),
                all: 600,
                bound: (day < 48).then_some(Bound::NumberCap),
            })
            .collect(),
    }
}
