//! When a campaign will be done, day by day.

use crate::domain::forecast::{Bound, WhatIf};
use crate::domain::ids::CampaignId;
use crate::domain::text::Shown;
use chrono::{DateTime, NaiveDate, Utc};

/// Days that the console looks ahead.
pub const FORECAST_DAYS: u32 = 365;

/// What will be, and what would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecasts {
    /// As it is.
    pub as_it_is: ForecastView,
    /// What was asked, and as it would be then; of the same instant.
    pub instead: Option<(WhatIf, ForecastView)>,
}

/// A forecast as the console draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastView {
    /// Of this campaign.
    pub campaign: CampaignId,
    /// It is completed or cancelled: nothing is foretold of it, unless somebody asks what would be.
    pub over: bool,
    /// It does not run: this is what would be if it went on now.
    pub as_if: bool,
    /// When its last message goes out; `None`: not within [`FORECAST_DAYS`], or somebody has to act before.
    pub finish: Option<DateTime<Utc>>,
    /// What binds first, and from which day on.
    pub binding: Option<(Bound, NaiveDate)>,
    /// People for whose message it is too late before their turn comes.
    pub expired: u64,
    /// The numbers that carry something on these days.
    pub numbers: Vec<ForecastNumber>,
    /// From today until it is done.
    pub days: Vec<ForecastDay>,
}

/// A number on these days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastNumber {
    /// What operators call it.
    pub name: Shown,
    /// Its daily limit.
    pub limit: Option<u32>,
    /// What it carries on each day, for all campaigns.
    pub messages: Vec<u64>,
}

/// One day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastDay {
    /// Its date in the organisation's zone.
    pub date: NaiveDate,
    /// Messages of this campaign.
    pub own: u64,
    /// Messages of all campaigns.
    pub all: u64,
    /// What keeps the rest of this campaign for a later day.
    pub bound: Option<Bound>,
}
