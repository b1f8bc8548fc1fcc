//! `signalbox campaign skipped` and `reinclude`: who gets nothing and why, and taking people back.

use super::{
    CliError, Session, campaign,
    export::{Export, JsonArray, leaves_room},
    output::{Table, local},
    parse,
    session::Org,
};
use crate::{
    domain::{campaign::lifecycle::OPENED_AGAIN, ids::RecipientId, phone::Phone},
    store::skipped::TakeBack,
};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Rows read at once.
const PAGE: i64 = 5_000;
/// People that a terminal is shown; a file gets all of them.
const SHOWN: i64 = 100;

/// Whose register.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Of which campaign
    name: String,
    /// Only those of this reason, such as `missing_variable`
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Write all of them to this file; - for standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Whom to take back.
#[derive(Debug, Args)]
pub struct TakeBackArgs {
    /// Into which campaign
    name: String,
    /// Only those of this reason, such as `missing_variable`
    #[arg(long, value_name = "CODE", required_unless_present = "phone")]
    reason: Option<String>,
    /// Only this person
    #[arg(long, value_name = "PHONE", value_parser = parse::phone)]
    phone: Option<Phone>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Lists everybody who is enrolled and gets nothing.
pub async fn list(session: &Session, org: &Org, args: &ListArgs) -> Result<(), CliError> {
    leaves_room(&session.out, "--csv", args.csv.as_deref())?;
    let campaign = campaign::find(session, org, &args.name).await?;
    let code = args.reason.as_deref();
    let mut after = RecipientId(uuid::Uuid::nil());
    let page = async |after, most| session.store.skipped(org.id, campaign.id, code, after, most).await;
    if let Some(file) = &args.csv {
        let mut export = Export::begin(file, &["phone", "name", "reason", "step", "since"])?;
        loop {
            let lines = page(after, PAGE).await?;
            let Some(last) = lines.last() else { break };
            after = last.id;
            for line in &lines {
                let name = line.name.clone().unwrap_or_default();
                let (step, since) = (line.step.to_string(), line.since.to_rfc3339());
                export.row([line.phone.as_str(), &name, &line.reason, &step, &since])?;
            }
        }
        let rows = export.end()?;
        if file == Path::new("-") {
            return Ok(());
        }
        return session.out.show(&json!({ "file": file, "rows": rows }), || {
            format!("wrote {rows} people to {}", file.display())
        });
    }
    if session.out.is_json() {
        let mut array = JsonArray::begin()?;
        loop {
            let lines = page(after, PAGE).await?;
            let Some(last) = lines.last() else { return array.end() };
            after = last.id;
            lines.iter().try_for_each(|line| array.push(line))?;
        }
    }
    let reasons = session.store.skip_reasons(org.id, campaign.id).await?;
    // One more tells whether there are more.
    let lines = first(session, page(after, SHOWN + 1).await?);
    session.out.show(&lines, || {
        let mut counts = Table::new(&["REASON", "PEOPLE"]);
        for (reason, count) in &reasons {
            counts.row([reason.replace('_', " "), count.to_string()]);
        }
        let mut people = Table::new(&["PHONE", "NAME", "REASON", "SINCE"]);
        for line in &lines {
            people.row([
                line.phone.clone(),
                line.name.clone().unwrap_or_default(),
                line.reason.replace('_', " "),
                local(line.since, org.zone),
            ]);
        }
        format!("{}\n{}", counts.render(), people.render())
    })
}

/// The people that a terminal is shown; it says so if there are more.
fn first<T>(session: &Session, mut lines: Vec<T>) -> Vec<T> {
    let shown = usize::try_from(SHOWN).unwrap_or(usize::MAX);
    if lines.len() > shown {
        lines.truncate(shown);
        session
            .out
            .note(&format!("these are the first {shown} people; --csv FILE and --json have all of them"));
    }
    lines
}

/// Queues those again against whom nothing stands any more.
pub async fn take_back(session: &Session, org: &Org, args: &TakeBackArgs) -> Result<(), CliError> {
    let store = &session.store;
    let campaign = campaign::find(session, org, &args.name).await?;
    // A completed one is opened again by that; one that takes in whom it finds was ended by somebody's word.
    let is_over =
        campaign.state == "cancelled" || campaign.state == "completed" && campaign.standing.is_some();
    if is_over {
        return Err(CliError::Refused(format!(
            "campaign {} is {}; nobody can be taken back into it",
            campaign.name, campaign.state
        )));
    }
    let terms = store.terms_of_campaign(org.id, campaign.id, campaign.audience).await?;
    let whom = TakeBack { reason: args.reason.as_deref(), phone: args.phone.as_ref() };
    let done =
        store.include_again(org.id, campaign.id, whom, &terms, args.why.as_deref(), session.actor()).await?;
    if let (0, Some(phone)) = (done.included, &args.phone) {
        // The limit is asked where people are taken back, by how many are left.
        let mut unlimited = terms.clone();
        unlimited.audience.as_object_mut().map(|audience| audience.remove("limit"));
        let reason = store.reason_against(org.id, &unlimited, phone).await?.flatten();
        let why = match (done.kept, reason) {
            (_, Some(reason)) => reason.replace('_', " "),
            (_, None) if done.over_limit > 0 => "as many people as the audience takes are in it".to_owned(),
            (0, None) => "nobody of this phone is skipped there".to_owned(),
            (_, None) => "a message to this phone may have arrived".to_owned(),
        };
        return Err(CliError::Refused(format!("{} stays as it is: {why}", phone.reveal())));
    }
    let reopened = campaign.state == "completed" && done.included > 0;
    let mut value = json!({ "included": done.included, "kept": done.kept });
    if reopened {
        value["reopened"] = true.into();
    }
    session.out.show(&value, || {
        let kept = match done.kept {
            0 => String::new(),
            kept if kept == done.over_limit => {
                format!("; {kept} stay skipped, because the audience takes no more people")
            }
            kept => format!("; {kept} stay skipped, because something still stands against them"),
        };
        let again = if reopened { format!("\nthe campaign is {OPENED_AGAIN}") } else { String::new() };
        format!("campaign {}: {} will be sent to after all{kept}{again}", campaign.name, done.included)
    })
}
