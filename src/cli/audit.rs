//! `signalbox audit`: who did what, to what, when and why, and what was before and after.

use super::{
    CliError, Session,
    output::{Table, local},
    parse::{self, When},
    session::Org,
};
use crate::store::audit::{AuditEntry, AuditQuery};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::Value;

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Lists what operators and senders decided, the latest first
    #[command(after_help = "\
Examples:
  signalbox audit list --actor bea --since 2026-12-01T00:00
  signalbox audit list --subject summer-sale --json
  signalbox audit list --kind \"suspend number\" --text quality")]
    List(ListArgs),
    /// Takes a decision back, as the console does: its opposite, if it has one and nobody decided about the same since
    #[command(after_help = "\
The id is that of audit list --json.

Example:
  signalbox audit undo 0198f2a4-5b7c-7d1e-8f00-3a5d9c1e2b47 --reason \"wrong pool\"")]
    Undo {
        /// Which one
        #[arg(value_name = "ID")]
        id: uuid::Uuid,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Which entries.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only by this operator, by the name that was signed or the login role; `sender` for what senders decided by themselves
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only about what is called so, a campaign's name or a number's phone, or has this id
    #[arg(long, value_name = "NAME|ID")]
    subject: Option<String>,
    /// Only about things of this kind (campaign, number, operator, …), or only this action (pause campaign, …)
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Not before, on the organisation's clock
    #[arg(long, value_name = "TIME", value_parser = parse::when)]
    since: Option<When>,
    /// Before, on the organisation's clock
    #[arg(long, value_name = "TIME", value_parser = parse::when)]
    until: Option<When>,
    /// Only with this text in any of it
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let org = session.organization().await?;
    match verb {
        Verb::List(args) => list(session, &org, &args).await,
        Verb::Undo { id, reason } => super::audit_undo::undo(session, &org, id, reason).await,
    }
}

fn instant(when: Option<&When>, org: &Org) -> Result<Option<DateTime<Utc>>, CliError> {
    when.map(|when| when.in_zone(org.zone)).transpose().map_err(CliError::Usage)
}

async fn list(session: &Session, org: &Org, args: &ListArgs) -> Result<(), CliError> {
    let query = AuditQuery {
        actor: args.actor.as_deref(),
        subject: args.subject.as_deref(),
        kind: args.kind.as_deref(),
        since: instant(args.since.as_ref(), org)?,
        until: instant(args.until.as_ref(), org)?,
        text: args.text.as_deref().filter(|text| !text.is_empty()),
        most: i64::from(args.limit),
    };
    let entries = session.store.audit(org.id, &query).await?;
    session.out.show(&entries, || {
        let mut table = Table::new(&["AT", "WHO", "WHAT", "TO", "WHY", "CHANGED"]);
        for entry in &entries {
            table.row([
                local(entry.at, org.zone),
                who(entry),
                entry.action.clone(),
                entry.subject.clone(),
                entry.reason.clone(),
                changes(entry),
            ]);
        }
        table.render()
    })
}

/// Who signed, and as which role that was, where it is another name: anybody may sign with any.
fn who(entry: &AuditEntry) -> String {
    match entry.login.as_ref().filter(|login| **login != entry.actor) {
        Some(login) => format!("{}, logged in as {login}", entry.actor),
        None => entry.actor.clone(),
    }
}

/// `state: active -> paused, priority: 10 -> 5`.
fn changes(entry: &AuditEntry) -> String {
    let none = serde_json::Map::new();
    let columns = |side: &Option<Value>| side.as_ref().and_then(Value::as_object).cloned();
    let (before, after) = (columns(&entry.before), columns(&entry.after));
    let (before, after) = (before.as_ref().unwrap_or(&none), after.as_ref().unwrap_or(&none));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let said = |side: &serde_json::Map<String, Value>, name: &str| match side.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let changed: Vec<String> = names
        .into_iter()
        .map(|name| (name, said(before, name), said(after, name)))
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| format!("{name}: {before} -> {after}"))
        .collect();
    changed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_named_from_both_sides() {
        let entry = AuditEntry {
            id: uuid::Uuid::nil(),
            at: DateTime::UNIX_EPOCH,
            actor: "ana".into(),
            login: None,
            instance_id: None,
            action: "pause campaign".into(),
            kind: "campaign".into(),
            subject_id: uuid::Uuid::nil(),
            subject: "spring".into(),
            reason: "x".into(),
            before: Some(json!({ "state": "active", "hold_reason": null, "weight": 1 })),
            after: Some(json!({ "state": "paused", "hold_reason": "x", "weight": 1 })),
        };
        assert_eq!(who(&entry), "ana");
        assert_eq!(who(&AuditEntry { login: Some("ana".into()), ..entry.clone() }), "ana");
        assert_eq!(
            who(&AuditEntry { login: Some("acme_console".into()), ..entry.clone() }),
            "ana, logged in as acme_console"
        );
        assert_eq!(changes(&entry), "hold_reason: - -> x, state: active -> paused");
        assert_eq!(changes(&AuditEntry { before: None, after: None, ..entry }), "");
    }
}
