//! `signalbox campaign edit`, `clone` and `retry`: other terms, a copy, another try.

use super::{
    CliError, Session,
    campaign::find,
    campaign_file,
    output::card,
    parse::{self, Limit},
    pool,
    session::Org,
};
use crate::{
    domain::{
        campaign::{CampaignName, Delay, Failover, Missed, file, lifecycle::OPENED_AGAIN},
        phone::Phone,
        window::Window,
    },
    store::campaign_edit::{CampaignEdit, RetryScope},
};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::str::FromStr;

/// Other terms for a campaign.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// Which one
    name: String,
    /// Its place; lower goes first
    #[arg(long, value_name = "N", value_parser = parse::priority, allow_hyphen_values = true)]
    priority: Option<i32>,
    /// Its share among campaigns of the same priority, 1 to 1000
    #[arg(long, value_name = "N", value_parser = weight, allow_hyphen_values = true)]
    weight: Option<u32>,
    /// Most messages a day, or none
    #[arg(long, value_name = "N|none", value_parser = parse::positive_limit, allow_hyphen_values = true)]
    daily_limit: Option<Limit>,
    /// The pool that it sends through
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// What happens to a message whose number is refused: never, label or pool
    #[arg(long, value_name = "POLICY", value_parser = Failover::from_str)]
    failover: Option<Failover>,
    /// The hours in which it sends, such as "09:00-20:00 mon-sat recipient"; or none
    #[arg(long, value_name = "HOURS [DAYS] [ZONE]|none")]
    window: Option<String>,
    /// The campaign that has to be completed before it starts, or none
    #[arg(long, value_name = "NAME|none")]
    run_after: Option<String>,
    /// What becomes of a start that no sender was there for: `send`, `next_window` or `ask`
    #[arg(long, value_name = "POLICY", value_parser = missed)]
    missed: Option<Missed>,
    /// How long after it was due a message may still go, such as 6h; or none
    #[arg(long, value_name = "TIME|none")]
    expires_after: Option<String>,
    /// From when on it is too late for all of its messages, on the organisation's clock; or none
    #[arg(long, value_name = "TIME|none")]
    until: Option<String>,
    /// The only number that may send for it, to roll back to a single one; or none
    #[arg(long, value_name = "PHONE|none")]
    only: Option<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

fn weight(raw: &str) -> Result<u32, String> {
    let value: Option<u32> = raw.trim().parse().ok();
    value
        .filter(|weight| (1..=1_000).contains(weight))
        .ok_or_else(|| "a weight is a whole number from 1 to 1000".to_owned())
}

fn missed(raw: &str) -> Result<Missed, String> {
    raw.parse().map_err(|why| format!("the policy for a missed start {why}"))
}

/// `none`, or a value that is read.
#[expect(
    clippy::option_option,
    reason = "whether it is to change and whether there is one are two questions"
)]
fn or_none<T>(
    raw: Option<&String>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<Option<T>>, CliError> {
    match raw.map(String::as_str) {
        None => Ok(None),
        Some("none") => Ok(Some(None)),
        Some(raw) => read(raw).map(|value| Some(Some(value))).map_err(CliError::Usage),
    }
}

/// Changes the terms of a campaign.
pub async fn edit(session: &Session, org: &Org, args: &EditArgs) -> Result<(), CliError> {
    let window =
        or_none(args.window.as_ref(), |raw| raw.parse::<Window>().map_err(|why| format!("--window: {why}")))?;
    let expires_after = or_none(args.expires_after.as_ref(), |raw| {
        let delay = Delay::parse(raw).map_err(|why| format!("--expires-after {why}"))?;
        let seconds = Some(delay.seconds()).filter(|seconds| *seconds > 0);
        seconds.ok_or_else(|| "--expires-after is no time at all: nothing would ever be sent".to_owned())
    })?;
    let until = or_none(args.until.as_ref(), |raw| parse::when(raw)?.in_zone(org.zone))?;
    let only = or_none(args.only.as_ref(), parse::phone)?;
    let campaign = find(session, org, &args.name).await?;
    let run_after = match args.run_after.as_deref() {
        None => None,
        Some("none") => Some(None),
        Some(before) => Some(Some(find(session, org, before).await?.id)),
    };
    let only_number = match only {
        Some(Some(phone)) => {
            let ids = pool::ids(session, org, std::slice::from_ref::<Phone>(&phone)).await?;
            Some(ids.first().copied())
        }
        Some(None) => Some(None),
        None => None,
    };
    let pool = match args.pool.as_deref() {
        Some(name) => Some(pool::find(session, org, name).await?.id),
        None => None,
    };
    let edit = CampaignEdit {
        priority: args.priority,
        weight: args.weight,
        daily_limit: args.daily_limit.map(Limit::get),
        pool,
        failover: args.failover,
        window,
        run_after,
        missed: args.missed,
        expires_after,
        until,
        only_number,
    };
    if edit == CampaignEdit::default() {
        return Err(CliError::Usage(
            "name at least one thing to change; see signalbox campaign edit --help".to_owned(),
        ));
    }
    let result = session
        .store
        .edit_campaign(org.id, campaign.id, &edit, None, args.reason.as_deref(), session.actor())
        .await?;
    session.out.settle(&format!("changed campaign {}", args.name), org.zone, &result)
}

/// Makes a campaign like another one, with the people who are in its audience now.
pub async fn clone(session: &Session, org: &Org, name: &str, new: &str) -> Result<(), CliError> {
    CampaignName::parse(new).map_err(|why| CliError::Usage(format!("the name {new:?} {why}")))?;
    let campaign = find(session, org, name).await?;
    let source = session.store.campaign_source(org.id, campaign.id).await?;
    let copy = file::copy(&source, new).ok_or_else(|| {
        CliError::failed(format!("campaign {name} was not made from a file: there is nothing to copy"))
    })?;
    let single = session.store.only_number(org.id, campaign.id).await?;
    let from = format!("the file of {name}");
    let only = single.as_ref().map(|(number, _)| *number);
    campaign_file::create_with(session, org, (&from, copy.into_bytes()), only).await?;
    if let Some((_, phone)) = single {
        let made = find(session, org, new).await?;
        session.out.note(&match session.store.only_number(org.id, made.id).await? {
            Some(_) => format!("note: {phone} alone sends for {new}, as for {name}"),
            None => format!(
                "note: {phone} alone sends for {name}, and its pool has that number no more: any of the pool sends for {new}"
            ),
        });
    }
    Ok(())
}

/// What is tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Scope {
    /// What failed for good
    #[default]
    Failed,
    /// What was put back and waits for its next try
    Pending,
    /// What was too late
    Expired,
    /// What nobody knows: says that it needs a verdict
    InDoubt,
}

/// Whom to try again.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Which campaign
    name: String,
    /// What is tried again
    #[arg(long, default_value = "failed")]
    scope: Scope,
    /// Only what met this code, class or reason
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Says what would be done, and does nothing
    #[arg(long)]
    dry_run: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl RetryArgs {
    /// Whether it changes nothing.
    pub fn only_says(&self) -> bool {
        self.dry_run
    }
}

/// Why somebody is not tried again, in words.
fn why_not(verdict: &str) -> String {
    match verdict {
        "opted_out" => "asked not to be written to".to_owned(),
        "refused_by_the_person" => "blocked the number, or are not to be reached".to_owned(),
        "over_limit" => "find no room: the audience takes no more people".to_owned(),
        "has_left" => "left the campaign: they replied, have what ends it, or were taken out".to_owned(),
        "accepted_or_in_doubt" => "have an attempt that is accepted or in doubt".to_owned(),
        "in_doubt_without_verdict" => "are in doubt: settle them first, signalbox attempt resolve".to_owned(),
        "campaign_completed" | "campaign_cancelled" => "belong to a campaign that is over".to_owned(),
        "campaign_is_too_late" => "belong to a campaign whose time is over".to_owned(),
        "subscription_ended" => "belong to an organisation whose subscription is over".to_owned(),
        "has_its_turn_already" => "wait for their turn already".to_owned(),
        "is_due_already" => "are due already".to_owned(),
        "the_provider_asked_to_wait" => "wait as the provider asked for their sake".to_owned(),
        "may_have_arrived" => {
            "may have got it: the provider took it and gave a reason that nobody can read; name its code to try again"
                .to_owned()
        }
        "step_is_not_due" => "wait for their next step, which is not due".to_owned(),
        other => other.replace('_', " "),
    }
}

/// Tries messages again.
pub async fn retry(session: &Session, org: &Org, args: &RetryArgs) -> Result<(), CliError> {
    let campaign = find(session, org, &args.name).await?;
    let scope = match args.scope {
        Scope::Failed => RetryScope::Failed,
        Scope::Pending => RetryScope::Pending,
        Scope::Expired => RetryScope::Expired,
        Scope::InDoubt => RetryScope::InDoubt,
    };
    let (reason, code) = (args.reason.as_deref(), args.code.as_deref());
    let mut verdicts = session
        .store
        .retry_recipients(org.id, campaign.id, scope, code, args.dry_run, reason, session.actor())
        .await?;
    let retried = verdicts.remove("retry").unwrap_or(0);
    let refused: u64 = verdicts.values().sum();
    if retried == 0 && refused > 0 && !args.dry_run {
        let why: Vec<String> =
            verdicts.iter().map(|(verdict, count)| format!("{count} {}", why_not(verdict))).collect();
        return Err(CliError::Refused(format!("nobody is tried again: {}", why.join("; "))));
    }
    // A retry is what opens it again, so that what was tried before the retry began says whether this one did.
    let reopened = campaign.state == "completed" && retried > 0;
    let mut value =
        json!({ "retried": retried, "refused": refused, "reasons": verdicts, "dry_run": args.dry_run });
    if reopened && !args.dry_run {
        value["reopened"] = true.into();
    }
    session.out.show(&value, || {
        let done = if args.dry_run { "would be tried again" } else { "will be tried again" };
        let mut lines = vec![("people", format!("{retried} {done}"))];
        lines
            .extend(verdicts.iter().map(|(verdict, count)| ("not", format!("{count} {}", why_not(verdict)))));
        if reopened {
            let verb = if args.dry_run { "would be" } else { "is" };
            lines.push(("campaign", format!("{verb} {OPENED_AGAIN}")));
        }
        card(&lines)
    })
}
