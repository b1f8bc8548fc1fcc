//! A campaign's forecast for the console: the very one that `campaign forecast` prints.

use super::{ReadError, Seat};
use crate::domain::{
    campaign::CampaignState,
    forecast::{Day, Forecast},
    ids::CampaignId,
    text::Shown,
};
use crate::store::{
    Store,
    forecast::ForecastWorld,
    view::{FORECAST_DAYS, ForecastDay, ForecastNumber, ForecastView},
};

impl Store {
    /// When a campaign will be done, and what goes out on each day until then.
    ///
    /// # Errors
    /// When the campaign is gone, or the database is away or refuses.
    pub async fn forecast_view(&self, seat: &Seat, campaign: CampaignId) -> Result<ForecastView, ReadError> {
        // Who looks uses the connections of those who look.
        let store = Self { work: self.screen.clone(), ..self.clone() };
        let world = store.forecast_world(seat.organization, campaign).await?;
        let place = world.world.campaigns.iter().position(|each| each.id == campaign);
        let place = place.ok_or(ReadError::Gone("campaign"))?;
        // Tenths of a second of computing would keep everything else on this thread waiting.
        let computed = tokio::task::spawn_blocking(move || view(&world, place)).await;
        computed.map_err(|_| ReadError::refused("the forecast failed; details are in the log"))
    }
}

/// Forecasts, and keeps what is drawn.
fn view(world: &ForecastWorld, place: usize) -> ForecastView {
    let forecast = Forecast::of(&world.world, FORECAST_DAYS);
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
        as_if: !matches!(world.states[place], CampaignState::Active | CampaignState::Scheduled),
        finish: forecast.finish[place],
        binding: forecast.binding(place),
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
