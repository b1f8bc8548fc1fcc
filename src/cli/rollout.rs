//! `signalbox campaign widen`: the stages of a gradual rollout, by hand.

use super::{CliError, Session, campaign::find, output::local, session::Org};
use crate::store::rollout::RolloutRecord;
use chrono_tz::Tz;
use clap::Args;

/// Which stage opens.
#[derive(Debug, Args)]
pub struct WidenArgs {
    /// Which campaign
    name: String,
    /// The stage that opens, in percent; else the next one
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(i32).range(1..=100))]
    to: Option<i32>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Opens it.
pub async fn widen(session: &Session, org: &Org, args: &WidenArgs) -> Result<(), CliError> {
    let campaign = find(session, org, &args.name).await?;
    let store = &session.store;
    let result = store
        .widen_rollout(org.id, campaign.id, None, args.to, args.reason.as_deref(), session.actor(), None)
        .await?;
    let percent = store.rollout(org.id, campaign.id).await?.map_or(100, |rollout| rollout.percent);
    session.out.settle(&format!("campaign {}: rolled out to {percent} %", args.name), org.zone, &result)
}

/// `10 % since …, 100 of 1000 people: what it waits for`; a dash where it goes to all at once.
pub fn in_words(rollout: Option<&RolloutRecord>, zone: Tz) -> String {
    let Some(rollout) = rollout else { return "-".to_owned() };
    let stages: Vec<String> = rollout.stages.iter().map(ToString::to_string).collect();
    let goes_on = rollout.goes_on();
    let waits = if goes_on { format!("; the next stage waits: {}", rollout.why) } else { String::new() };
    let until = rollout
        .until
        .filter(|_| goes_on)
        .map_or_else(String::new, |at| format!(", opens {}", local(at, zone)));
    format!(
        "{} % since {} (of {}): {} of {} people{waits}{until}",
        rollout.percent,
        local(rollout.since, zone),
        stages.join(", "),
        rollout.released,
        rollout.people,
    )
}
