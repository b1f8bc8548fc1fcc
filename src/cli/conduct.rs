//! How an organisation's campaigns behave where their files say nothing: slots, when they stop, the opt-out line.

use super::{CliError, Session, output::card, session::Org};
use crate::{
    domain::{campaign::conduct::Share, ids::OrganizationId, slot::SlotRange},
    store::conduct::ConductEdit,
};
use clap::{Args, ValueEnum};

/// Days, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(Option<u16>);

/// A switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is done.
    On,
    /// It is not.
    Off,
}

fn days(raw: &str) -> Result<Days, String> {
    if raw == "none" {
        return Ok(Days(None));
    }
    let days = raw.parse().ok().filter(|days| (1..=3_650).contains(days));
    days.map(|days| Days(Some(days))).ok_or_else(|| "it is 1 to 3650 days, or none".to_owned())
}

fn share(raw: &str) -> Result<Share, String> {
    Share::parse(raw).map_err(|error| format!("it {error}"))
}

/// What can be changed of it.
#[derive(Debug, Default, Args)]
pub struct ConductFlags {
    /// The slots that people get, such as 1-30
    #[arg(long, value_name = "FIRST-LAST")]
    slots: Option<SlotRange>,
    /// A slot that no campaign used for so long is free again; or none
    #[arg(long, value_name = "DAYS|none", value_parser = days, allow_hyphen_values = true)]
    slot_expiry_days: Option<Days>,
    /// A campaign pauses when more of the last hour's messages failed, such as 0.3; 1 for never
    #[arg(long, value_name = "SHARE", value_parser = share, allow_hyphen_values = true)]
    stop_failed: Option<Share>,
    /// A campaign pauses when more people ask for no more within a day, such as 0.05; 1 for never
    #[arg(long, value_name = "SHARE", value_parser = share, allow_hyphen_values = true)]
    stop_opted_out: Option<Share>,
    /// A campaign pauses when so many of its last 50 messages were refused for one cause in their content, such as 0.2; 1
    /// for never
    #[arg(long, value_name = "SHARE", value_parser = share, allow_hyphen_values = true)]
    stop_content_refused: Option<Share>,
    /// Messages that judging by failures and opt-outs needs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    stop_after: Option<u32>,
    /// Whether the texts of new campaigns end with the line that says how to stop
    #[arg(long, value_name = "on|off")]
    opt_out_line: Option<Switch>,
}

impl ConductFlags {
    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.slots.is_none() && self.slot_expiry_days.is_none() && self.edit() == ConductEdit::default()
    }

    fn edit(&self) -> ConductEdit {
        ConductEdit {
            stop_failed: self.stop_failed,
            stop_opted_out: self.stop_opted_out,
            stop_content_refused: self.stop_content_refused,
            stop_after: self.stop_after,
            opt_out_line: self.opt_out_line.map(|switch| switch == Switch::On),
        }
    }

    /// Changes what was asked for. `false`: nothing was there to change.
    pub async fn change(
        &self,
        session: &Session,
        organization: OrganizationId,
        reason: Option<&str>,
    ) -> Result<bool, CliError> {
        use crate::store::action::ActionResult;
        let (store, actor) = (&session.store, session.actor());
        if self.slots.is_some() || self.slot_expiry_days.is_some() {
            let expiry = self.slot_expiry_days.map(|days| days.0);
            let result = store.edit_slot_rules(organization, self.slots, expiry, reason, actor).await?;
            match result {
                ActionResult::Refused(sentence) => return Err(CliError::Refused(sentence.to_string())),
                ActionResult::Missing(_) => return Ok(false),
                ActionResult::Done { .. } | ActionResult::AlreadySo { .. } | ActionResult::Changed { .. } => {
                }
            }
        }
        if self.edit() != ConductEdit::default() {
            return Ok(store.edit_conduct_rules(organization, &self.edit(), reason, actor).await?);
        }
        Ok(true)
    }
}

/// Shows it.
pub async fn show(session: &Session, org: &Org) -> Result<(), CliError> {
    let rules = session.store.conduct_rules(org.id).await?;
    let percent = |ten_thousandths: i32| match ten_thousandths {
        10_000 => "never".to_owned(),
        share => format!("more than {} %", f64::from(share) / 100.0),
    };
    session.out.show(&rules, || {
        card(&[
            ("slots", format!("{} to {}", rules.slot_first, rules.slot_last)),
            (
                "a slot is free again after",
                rules.slot_expiry_days.map_or_else(|| "never".to_owned(), |days| format!("{days} days")),
            ),
            ("a campaign pauses when as many fail in an hour", percent(rules.stop_failed)),
            ("a campaign pauses when as many opt out in a day", percent(rules.stop_opted_out)),
            (
                "a campaign pauses when of its last 50 are refused for their content",
                match rules.stop_content_refused {
                    10_000 => "never".to_owned(),
                    share => format!("{} %", f64::from(share) / 100.0),
                },
            ),
            ("messages that failures and opt-outs are judged by", rules.stop_after.to_string()),
            ("texts say how to stop", if rules.opt_out_line { "yes" } else { "no" }.to_owned()),
        ])
    })
}
