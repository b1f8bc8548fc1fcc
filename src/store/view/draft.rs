//! A campaign that is not made yet.

use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, Utc};

pub use crate::store::campaign_file::Known;

/// What the organisation says of a campaign file that can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCheck {
    /// What is wrong: where in the file, and a sentence.
    pub findings: Vec<(Safe, Safe)>,
    /// What is worth knowing all the same.
    pub notes: Vec<Safe>,
    /// Why it would be refused to make a campaign of it now, for as many people as were counted.
    pub refusal: Option<Safe>,
}

/// A finding of a campaign that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// What it is known by.
    pub finding: String,
    /// Whether it is to be fixed or accepted, and told until then.
    pub risk: bool,
    /// In a sentence.
    pub sentence: Shown,
    /// Who accepted it, when and why.
    pub accepted: Option<(Safe, DateTime<Utc>, Shown)>,
    /// What it is about now.
    pub about: String,
}

/// An audience, counted: everybody once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceCount {
    /// All contacts.
    pub contacts: u64,
    /// Who would be enrolled.
    pub planned: u64,
    /// Who would be sent to.
    pub queued: u64,
    /// Who would be enrolled and left out, by reason.
    pub skipped: Vec<(Safe, u64)>,
    /// In the audience, but behind its limit.
    pub over_limit: u64,
    /// Not in the audience, by the first condition that does not hold.
    pub not_in_audience: Vec<(Safe, u64)>,
    /// All of this was judged by a few of the contacts, and `queued` is right within so many; `None`: it was counted.
    pub margin: Option<u64>,
}

/// A campaign that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignMade {
    /// Its name.
    pub name: Safe,
    /// Who is enrolled.
    pub planned: u64,
    /// Of those, who is to be sent to.
    pub queued: u64,
    /// Of those, who is left out.
    pub skipped: u64,
    /// Whether it starts by itself.
    pub starts_by_itself: bool,
    /// Through which numbers it goes, where the one that it is like goes through a single one.
    pub through: Option<Safe>,
}
