//! How an organisation reaches people: what `org edit` changes of it, and the list of those it writes to no more.

use super::{
    CliError, Session,
    export::{Export, JsonArray, leaves_room},
    output::{Table, local},
    session::Org,
};
use crate::store::suppression::ReachEdit;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::Path;

/// Rows read at once.
const PAGE: i64 = 5_000;

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// It is so.
    Yes,
    /// It is not.
    No,
}

/// A number of campaigns, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Campaigns(Option<u32>);

fn campaigns(raw: &str) -> Result<Campaigns, String> {
    if raw == "none" {
        return Ok(Campaigns(None));
    }
    let number = raw.parse().ok().filter(|number| (1..=1_000).contains(number));
    number
        .map(|number| Campaigns(Some(number)))
        .ok_or_else(|| "it is 1 to 1000 campaigns, or none".to_owned())
}

/// What can be changed of it.
#[derive(Debug, Default, Args)]
pub struct ReachFlags {
    /// Whether standing campaigns send while other campaigns run; else they yield
    #[arg(long, value_name = "yes|no")]
    allow_simultaneous: Option<Choice>,
    /// Suppress whom so many campaigns, one after the other, could not reach for good; or none
    #[arg(long, value_name = "N|none", value_parser = campaigns, allow_hyphen_values = true)]
    suppress_after_failures: Option<Campaigns>,
    /// Suppress who was sent so many campaigns, each at least three days ago, without a word since; or none
    #[arg(long, value_name = "N|none", value_parser = campaigns, allow_hyphen_values = true)]
    suppress_after_unanswered: Option<Campaigns>,
}

impl ReachFlags {
    /// As the database changes it.
    pub fn edit(&self) -> ReachEdit {
        ReachEdit {
            allow_simultaneous: self.allow_simultaneous.map(|choice| choice == Choice::Yes),
            suppress_after_failures: self.suppress_after_failures.map(|count| count.0),
            suppress_after_unanswered: self.suppress_after_unanswered.map(|count| count.0),
        }
    }
}

/// The list for people, page by page.
async fn table(session: &Session, org: &Org) -> Result<(), CliError> {
    let mut table = Table::new(&["PHONE", "NAME", "SINCE", "SOURCE", "WHY"]);
    let (mut after, mut widths) = (String::new(), Vec::new());
    loop {
        let page = session.store.suppressions(org.id, &after, PAGE).await?;
        for line in &page {
            table.row([
                line.phone.clone(),
                line.name.clone().unwrap_or_default(),
                local(line.since, org.zone),
                line.source.clone(),
                line.reason.clone(),
            ]);
        }
        session.out.print(&table.page(&mut widths))?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.phone);
    }
}

/// Lists the phones that no campaign writes to, or writes them to a file.
pub async fn suppressed(session: &Session, org: &Org, csv: Option<&Path>) -> Result<(), CliError> {
    leaves_room(&session.out, "--csv", csv)?;
    let store = &session.store;
    let mut after = String::new();
    let Some(file) = csv else {
        if session.out.is_json() {
            let mut array = JsonArray::begin()?;
            loop {
                let page = store.suppressions(org.id, &after, PAGE).await?;
                let Some(last) = page.last() else { return array.end() };
                after.clone_from(&last.phone);
                page.iter().try_for_each(|line| array.push(line))?;
            }
        }
        return table(session, org).await;
    };
    let mut export = Export::begin(file, &["phone", "name", "since", "source", "reason"])?;
    loop {
        let page = store.suppressions(org.id, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.phone);
        for line in &page {
            let (name, since) = (line.name.clone().unwrap_or_default(), line.since.to_rfc3339());
            export.row([line.phone.as_str(), &name, &since, &line.source, &line.reason])?;
        }
    }
    let rows = export.end()?;
    if file == Path::new("-") {
        return Ok(());
    }
    session
        .out
        .show(&json!({ "file": file, "rows": rows }), || format!("wrote {rows} phones to {}", file.display()))
}
