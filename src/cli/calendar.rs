//! When an organisation's campaigns may send: quiet hours, business days, the end of its subscription.

use super::{
    CliError,
    parse::{self, When},
};
use crate::{
    domain::window::{self, EVERY_DAY, Hours},
    store::organization::{CalendarEdit, OrganizationRecord},
};
use chrono_tz::Tz;
use clap::Args;

/// Flags of `org edit`.
#[derive(Debug, Default, Args)]
pub struct CalendarFlags {
    /// Hours in which no campaign sends, on the organisation's clock, such as 20:00-08:00; or none
    #[arg(long, value_name = "HH:MM-HH:MM|none")]
    quiet: Option<String>,
    /// The days on which campaigns send, such as mon-fri or mon,wed,sat; or all
    #[arg(long, value_name = "DAYS|all")]
    business_days: Option<String>,
    /// When its subscription ends: nothing is sent from then on; or none
    #[arg(long, value_name = "TIME|none")]
    subscription_ends: Option<String>,
}

impl CalendarFlags {
    /// What is to change of the organisation as it is; `zone`: the one that it gets with the same words.
    pub fn edit(&self, record: &OrganizationRecord, zone: Option<&str>) -> Result<CalendarEdit, CliError> {
        let zone: Tz = zone.unwrap_or(&record.time_zone).parse().unwrap_or(Tz::UTC);
        let hours = if self.quiet.is_some() || self.business_days.is_some() {
            Some(self.hours(record.hours())?)
        } else {
            None
        };
        let ends = match self.subscription_ends.as_deref() {
            None => None,
            Some("none") => Some(None),
            Some(raw) => Some(Some(
                parse::when(raw)
                    .and_then(|when: When| when.in_zone(zone))
                    .map_err(|why| CliError::Usage(format!("--subscription-ends: {why}; or none")))?,
            )),
        };
        Ok(CalendarEdit { hours, subscription_ends: ends })
    }

    /// Quiet hours are the rest of the open ones.
    fn hours(&self, known: Option<Hours>) -> Result<Option<Hours>, CliError> {
        let usage = |flag: &str, why: window::HoursError| CliError::Usage(format!("{flag} {why}"));
        let (from, to) = match self.quiet.as_deref() {
            None => known.map_or((0, 1_440), |hours| (hours.from(), hours.to())),
            Some("none") => (0, 1_440),
            Some(raw) => {
                let (begins, ends) = window::span(raw).map_err(|why| usage("--quiet", why))?;
                (ends, begins)
            }
        };
        let days = match self.business_days.as_deref() {
            None => known.map_or(EVERY_DAY, Hours::days),
            Some(raw) => window::days(raw).map_err(|why| usage("--business-days", why))?,
        };
        let hours = Hours::new(from, to, days).map_err(|why| usage("--quiet", why))?;
        // At any hour of any day is no rule at all.
        Ok((hours.from() != 0 || hours.to() != 1_440 || days != EVERY_DAY).then_some(hours))
    }
}
