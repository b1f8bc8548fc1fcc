//! Campaigns: who gets what, when, through which pool.
//!
//! [`lifecycle`] says which states a campaign has and what may be done in each.

pub mod lifecycle;

pub use lifecycle::{CampaignAction, CampaignState, Refusal};
