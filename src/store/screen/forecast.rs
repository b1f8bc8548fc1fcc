//! A campaign's forecast for the console: the very one that `campaign forecast` prints.

use super::{ReadError, Seat};
use crate::domain::{
    campaign::CampaignState,
    forecast::{Day, WhatIf},
    ids::CampaignId,
    text::Shown,
};
use crate::store::{
    Store,
    forecast::ForecastWorld,
    view::{FORECAST_DAYS, ForecastDay, ForecastNumber, ForecastView, Forecasts},
};

impl Store {
    /// When a campaign will be done, and what goes out on each day until then; with `what_if` also as it would be, from the
    /// same look at the database.
    ///
    /// # Errors
    /// When the campaign is gone, or the database is away or refuses.
    pub async fn forecast_view(
        &self,
        seat: &Seat,
        campaign: CampaignId,
        what_if: WhatIf,
    ) -> Result<Forecasts, ReadError> {
        // Who looks uses the connections of those who look.
        let store = Self { work: self.screen.clone(), ..self.clone() };
        let world = store.forecast_world(seat.organization, campaign).await?;
        let place = world.world.campaigns.iter().position(|each| each.id == campaign);
        let place = place.ok_or(ReadError::Gone("campaign"))?;
        // Tenths of a second of computing would keep everything else on this thread waiting.
        let computed = tokio::task::spawn_blocking(move || both(world, place, what_if)).await;
        computed.map_err(|_| ReadError::refused("the forecast failed; details are in the log"))
    }
}

/// What will be, and what would be if something is asked.
fn both(mut world: ForecastWorld, place: usize, what_if: WhatIf) -> Forecasts {
    let as_it_is = view(&mut world.clone(), place);
    let instead = (!what_if.is_empty()).then(|| {
        world.suppose(place, &what_if);
        let instead = view(&mut world, place);
        (what_if, instead)
    });
    Forecasts { as_it_is, instead }
}

/// Forecasts, and keeps what is drawn.
fn view(world: &mut ForecastWorld, place: usize) -> ForecastView {
    let forecast = world.foretell(FORECAST_DAYS);
    let days = forecast.until_done(place);
    let carried = |day: &Day, number: usize| {
        day.flows.iter().filter(|flow| flow.number == number).map(|flow| flow.messages).sum::<u64>()
    };
    let number = |(at, name): (usize, &String)| {
        let messages: Vec<u64> = days.iter().map(|day| carried(day, at)).collect();
        let limit = world.world.numbers[at].cap.limit;
        messages.iter().any(|count| *count > 0).then(|| ForecastNumber {
            name: Shown::new(name),
            limit,
            messages,
        })
    };
    ForecastView {
        campaign: world.world.campaigns[place].id,
        over: matches!(world.states[place], CampaignState::Completed | CampaignState::Cancelled),
        as_if: !matches!(world.states[place], CampaignState::Active | CampaignState::Scheduled),
        finish: forecast.finish[place],
        binding: forecast.binding(place),
        expired: forecast.expired[place],
        numbers: world.called.iter().enumerate().filter_map(number).collect(),
        days: days
            .iter()
            .map(|day| ForecastDay {
                date: day.date,
                own: day.of_campaign(place),
                all: day.total(),
                bound: day.bounds[place],
            })
            .collect(),
    }
}
