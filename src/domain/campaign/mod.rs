//! Campaigns: who gets what, when, through which pool.
//!
//! [`lifecycle`] says which states a campaign has and what may be done in each; [`CampaignFile`] reads what an operator
//! wrote into a [`CampaignSpec`], or says everything that is wrong with it.

pub mod comparison;
pub mod conduct;
pub mod draft;
pub mod file;
mod finding;
pub mod lifecycle;
pub mod preflight;
pub mod present;
mod reader;
pub mod remark;
pub mod required;
pub mod rollout;
pub mod spec;
mod steering;
pub mod terms;
mod timing;

pub use file::{CampaignFile, Context};
pub use finding::Finding;
pub use lifecycle::{CampaignAction, CampaignState, Refusal};
pub use spec::{
    CampaignName, CampaignSpec, DailyLimit, Delay, Failover, Priority, Standing, StepSpec, Weight,
};
pub use steering::Steering;
pub use terms::Missed;
