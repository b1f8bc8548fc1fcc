//! A forecast of seven weeks: a campaign that shares its numbers with another one for the first three.

use super::wall;
use crate::domain::forecast::{Bound, WhatIf};
use crate::domain::ids::CampaignId;
use crate::store::view::{ForecastDay, ForecastNumber, ForecastView, Forecasts};
use chrono::{Days, TimeDelta};

const DAYS: u64 = 49;
const SHARED: u64 = 21;

/// With a limit asked for it takes a week longer.
pub fn forecasts(campaign: CampaignId, what_if: &WhatIf) -> Forecasts {
    let as_it_is = forecast(campaign);
    let instead = (!what_if.is_empty()).then(|| {
        let mut instead = forecast(campaign);
        instead.finish = instead.finish.map(|finish| finish + TimeDelta::days(7));
        let last = instead.days[48].clone();
        for later in 1..=7 {
            let bound = (later < 7).then_some(Bound::CampaignCap);
            instead.days.push(ForecastDay { date: last.date + Days::new(later), bound, ..last.clone() });
        }
        for day in &mut instead.days[..48] {
            (day.own, day.bound) = (day.own - 30, Some(Bound::CampaignCap));
        }
        for number in &mut instead.numbers {
            number.messages.extend([100; 7]);
        }
        instead.binding = Some((Bound::CampaignCap, instead.days[0].date));
        (what_if.clone(), instead)
    });
    Forecasts { as_it_is, instead }
}

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
        over: false,
        as_if: false,
        finish: Some(wall() + TimeDelta::days(48)),
        binding: Some((Bound::NumberCap, begin)),
        expired: 0,
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
