//! How far a campaign is beside what was foretold, who of it is left out, and what waits behind what.

use super::ErrorLine;
use crate::domain::ids::CampaignId;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, NaiveDate, Utc};

/// A day of a campaign: what was foretold and what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressDay {
    /// The day, in the organisation's zone.
    pub date: NaiveDate,
    /// Messages foretold when the campaign was made or started.
    pub planned: u64,
    /// Messages charged to the day.
    pub sent: u64,
}

/// People of a campaign who get nothing, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkipReason {
    /// What the reason is known by, such as `missing_variable`.
    pub code: Safe,
    /// The reason with what is known of it.
    pub words: Safe,
    /// How many people.
    pub people: u64,
}

/// How fast a campaign went, minute by minute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaceView {
    /// The last minute that was kept.
    pub until: Option<DateTime<Utc>>,
    /// Messages of each minute up to then, oldest first, without gaps.
    pub sent: Vec<u64>,
}

/// How far a campaign is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgressView {
    /// Day by day, from the first that was planned or sent on.
    pub days: Vec<ProgressDay>,
    /// Who gets nothing and why, the most frequent reason first.
    pub skipped: Vec<SkipReason>,
    /// How fast it went.
    pub pace: PaceView,
    /// What went wrong most often, the most frequent first.
    pub errors: Vec<ErrorLine>,
    /// The campaign that has to be completed before it starts.
    pub behind: Option<Shown>,
    /// Those that start when it is completed.
    pub followers: Vec<Shown>,
}

/// Which campaign waits for which other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLine {
    /// The one that waits.
    pub campaign: CampaignId,
    /// The one that has to be completed first.
    pub behind: Shown,
}
