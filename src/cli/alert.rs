//! `signalbox alert`: what operators are told, and how.

use super::{
    CliError, Session, alert_channel,
    output::{Table, card, local, local_or_dash, or_dash},
    session::Org,
};
use crate::{
    domain::{ids::AlertId, right::Right, window},
    store::alert::{AlertRecord, AlertRules, AlertRulesEdit, AlertScope},
};
use clap::Subcommand;
use serde_json::json;

/// What can be done with alerts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Lists the alerts that nobody has taken note of, the latest first
    #[command(after_help = "Examples:\n  signalbox alert list\n  signalbox alert list --all --json")]
    List {
        /// Also those that somebody has taken note of
        #[arg(long)]
        all: bool,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
    },
    /// Takes note of alerts: they leave the list, and your name stands beside them
    #[command(
        after_help = "Examples:\n  signalbox alert ack 0197…\n  signalbox alert ack --all --reason \"seen at hand-over\""
    )]
    Ack {
        /// Which ones
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<AlertId>,
        /// All of them
        #[arg(long)]
        all: bool,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Shows or changes what alerts go by
    #[command(
        after_help = "Example:\n  signalbox alert rules --quiet 22:00-07:00 --report-at 07:30 --credential-days 60\n\nIn quiet hours only what is critical goes out; the rest goes out when they are over. The console shows everything."
    )]
    Rules(RuleFlags),
    /// Channels: where alerts go besides the console, by e-mail or webhook
    #[command(subcommand)]
    Channel(alert_channel::Verb),
}

/// What is to change of the rules.
#[derive(Debug, Default, clap::Args)]
pub struct RuleFlags {
    /// Hours on the organisation's clock in which only what is critical goes out; or none
    #[arg(long, value_name = "HH:MM-HH:MM|none")]
    quiet: Option<String>,
    /// Tokens that are older are told; or none
    #[arg(long, value_name = "N|none")]
    credential_days: Option<String>,
    /// When the report of the day before goes out, on the organisation's clock; or none
    #[arg(long, value_name = "HH:MM|none")]
    report_at: Option<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl RuleFlags {
    fn is_empty(&self) -> bool {
        self.quiet.is_none() && self.credential_days.is_none() && self.report_at.is_none()
    }

    fn edit(&self) -> Result<AlertRulesEdit, CliError> {
        let none_or = |raw: &str| raw.trim() == "none";
        let minute = |minute: u16| i16::try_from(minute).unwrap_or(i16::MAX);
        let quiet = match self.quiet.as_deref() {
            None => None,
            Some(raw) if none_or(raw) => Some(None),
            Some(raw) => {
                let usage = |why: window::HoursError| CliError::Usage(format!("--quiet {why}; or none"));
                let (from, to) = window::span(raw).map_err(usage)?;
                // Hours that are none are refused here, with a sentence.
                let hours = window::Hours::new(from, to, window::EVERY_DAY).map_err(usage)?;
                Some(Some((minute(hours.from()), minute(hours.to()))))
            }
        };
        let credential_days = match self.credential_days.as_deref() {
            None => None,
            Some(raw) if none_or(raw) => Some(None),
            Some(raw) => Some(Some(
                raw.trim().parse().ok().filter(|days| (1..=3650).contains(days)).ok_or_else(|| {
                    CliError::Usage(format!(
                        "--credential-days is a number of days from 1 to 3650, or none, not {raw:?}"
                    ))
                })?,
            )),
        };
        let report_at = match self.report_at.as_deref() {
            None => None,
            Some(raw) if none_or(raw) => Some(None),
            Some(raw) => Some(Some(
                window::minute(raw)
                    .map(|of_day| minute(of_day % 1_440))
                    .map_err(|why| CliError::Usage(format!("--report-at {why}; or none")))?,
            )),
        };
        Ok(AlertRulesEdit { quiet, credential_days, report_at })
    }
}

impl Verb {
    /// The right that it takes.
    fn right(&self) -> Right {
        match self {
            Self::List { .. } => Right::Sees,
            Self::Rules(flags) if flags.is_empty() => Right::Sees,
            Self::Ack { .. } | Self::Rules(_) => Right::Runs,
            Self::Channel(verb) => verb.right(),
        }
    }
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let org = session.organization_for(verb.right()).await?;
    match verb {
        Verb::List { all, limit } => {
            let scope = if all { AlertScope::All } else { AlertScope::Open };
            let alerts = session.store.alerts(org.id, scope, i64::from(limit)).await?;
            session.out.show(&alerts, || table(&alerts, &org))
        }
        Verb::Ack { ids, all, reason } => {
            let which = (!all).then_some(ids.as_slice());
            let count =
                session.store.acknowledge_alerts(org.id, which, reason.as_deref(), session.actor()).await?;
            if count == 0 && !all {
                return Err(CliError::Refused(
                    "nothing was acknowledged: somebody has taken note of it already, or there is no such alert; \
                     signalbox alert list --all shows them"
                        .to_owned(),
                ));
            }
            session.out.show(&json!({ "acknowledged": count }), || format!("acknowledged {count}"))
        }
        Verb::Rules(flags) => rules(session, &org, &flags).await,
        Verb::Channel(verb) => alert_channel::run(session, &org, verb).await,
    }
}

async fn rules(session: &Session, org: &Org, flags: &RuleFlags) -> Result<(), CliError> {
    let edit = flags.edit()?;
    if edit != AlertRulesEdit::default() {
        let reason = flags.reason.as_deref();
        let changed = session.store.edit_alert_rules(org.id, &edit, reason, session.actor()).await?;
        CliError::unless(changed, &format!("the rules of organisation {}", org.record.slug))?;
    }
    let rules = session.store.alert_rules(org.id).await?;
    session.out.show(&rules, || shown(&rules))
}

fn shown(rules: &AlertRules) -> String {
    let clock = |minute: i16| window::clock(u16::try_from(minute).unwrap_or(0));
    let quiet = rules.quiet_from.zip(rules.quiet_to);
    card(&[
        (
            "quiet hours",
            quiet.map_or("none".to_owned(), |(from, to)| format!("{}-{}", clock(from), clock(to))),
        ),
        (
            "tokens are old after",
            rules.credential_days.map_or("never".to_owned(), |days| format!("{days} days")),
        ),
        ("report of the day before at", rules.report_at.map_or("none".to_owned(), clock)),
    ])
}

fn table(alerts: &[AlertRecord], org: &Org) -> String {
    let mut table = Table::new(&["ID", "RAISED", "SEVERITY", "KIND", "OVER SINCE", "SEEN BY", "WHAT"]);
    for alert in alerts {
        table.row([
            alert.id.to_string(),
            local(alert.raised_at, org.zone),
            alert.severity.clone(),
            alert.kind.replace('_', " "),
            local_or_dash(alert.ended_at, org.zone),
            or_dash(alert.acknowledged_by.as_ref()),
            alert.words.clone(),
        ]);
    }
    table.render()
}
