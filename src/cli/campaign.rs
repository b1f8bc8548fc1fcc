//! `signalbox campaign`: what is done with campaigns that exist. Reading files is `campaign_file`'s.

use super::{
    CliError, Session, audience, campaign_check,
    campaign_edit::{self, EditArgs, RetryArgs},
    campaign_export, campaign_file, campaign_preview,
    forecast::{self, ForecastArgs},
    output::{Table, card, local_or_dash, or_dash},
    parse::{self, When},
    rollout,
    session::Org,
    skipped, variants, why,
};
use crate::{
    domain::{
        action::{Action, Order},
        campaign::{Delay, comparison, conduct::Conduct},
        day::next_day,
        hold::Hold,
        ids::CampaignId,
        phone::Phone,
        right::Right,
    },
    store::{campaign::CampaignRecord, stats::CampaignStats},
};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// A campaign and a reason.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Which one
    name: String,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What can be done with campaigns.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Checks a campaign file, or a campaign, and counts its audience; writes nothing but what is accepted
    #[command(
        after_help = "Example:\n  signalbox campaign check summer-sale.toml\n  signalbox campaign check summer-sale --accept same-for-all-1-en --why \"it is a notice\""
    )]
    Check {
        /// The file; or the name of a campaign, where there is no such file
        file: PathBuf,
        /// A finding that stays as it is; may be given several times
        #[arg(long, value_name = "FINDING", requires = "why")]
        accept: Vec<String>,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", requires = "accept")]
        why: Option<String>,
    },
    /// Makes a campaign from a file and enrols its audience
    #[command(
        after_help = "Example:\n  signalbox campaign create summer-sale.toml && signalbox campaign start summer-sale"
    )]
    Create {
        /// The file
        file: PathBuf,
    },
    /// Goes on with an enrolment that was interrupted: nobody is left out, nobody is in it twice
    #[command(after_help = "Example:\n  signalbox campaign enrol summer-sale")]
    Enrol {
        /// Which one
        name: String,
    },
    /// Puts a file's steps in the place of a campaign's: who waits gets the new version, nobody gets a step twice
    #[command(
        after_help = "Example:\n  signalbox campaign update summer-sale summer-sale.toml --reason \"typo in French\""
    )]
    Update {
        /// Which one
        name: String,
        /// The file
        file: PathBuf,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Takes the texts of a file's steps for all later files whose steps give none
    #[command(after_help = "Example:\n  signalbox campaign defaults seven-days.toml")]
    Defaults {
        /// The file
        file: PathBuf,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Sends one step to a chosen phone, marked as a test and counted in every limit
    #[command(
        after_help = "Example:\n  signalbox campaign test summer-sale +237600000009 --as +237600000001"
    )]
    Test {
        /// Which campaign
        name: String,
        /// Where to
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Filled with this contact's values; else with those of the phone
        #[arg(long = "as", value_name = "PHONE", value_parser = parse::phone)]
        like: Option<Phone>,
        /// Which step
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i16).range(1..))]
        step: i16,
        /// Which variant of it; else the first
        #[arg(long, value_name = "NAME")]
        variant: Option<String>,
    },
    /// Lists the campaigns: running ones first, then the latest
    List,
    /// Shows what people would get, word for word, through each account; sends nothing
    #[command(
        after_help = "Examples:\n  signalbox campaign preview summer-sale\n  signalbox campaign preview summer-sale --phone +237600000001 --json"
    )]
    Preview {
        /// Which one
        name: String,
        /// For this person; else for the first three
        #[arg(long, value_name = "PHONE", value_parser = parse::phone)]
        phone: Option<Phone>,
    },
    /// Shows a campaign
    Show {
        /// Which one
        name: String,
    },
    /// Starts a draft or scheduled campaign now
    Start(OneArgs),
    /// Lets a draft or scheduled campaign start by itself
    Schedule {
        /// Which one
        name: String,
        /// When, on the organisation's clock
        #[arg(long, value_name = "TIME", value_parser = parse::when)]
        at: When,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Nothing new of it is sent; what is on the wire ends
    Pause(OneArgs),
    /// Goes on after a pause
    Resume(OneArgs),
    /// Ends it for good; who waits is skipped
    Cancel(OneArgs),
    /// Opens the next stage of a gradual rollout, or the one named
    #[command(
        after_help = "Examples:\n  signalbox campaign widen summer-sale\n  signalbox campaign widen summer-sale --to 100 --reason \"all is well\""
    )]
    Widen(rollout::WidenArgs),
    /// Other limits, hours, order and numbers for a campaign, also one that sends: obeyed from the next message on
    #[command(
        after_help = "Examples:\n  signalbox campaign edit summer-sale --daily-limit 500 --window \"09:00-20:00 mon-sat\"\n  signalbox campaign edit summer-sale --only +237600000001 --reason \"back to one number\""
    )]
    Edit(EditArgs),
    /// Makes a campaign like another one, for who is in its audience now
    Clone {
        /// Which one
        name: String,
        /// What the new one is called
        new: String,
    },
    /// Tries messages again: what failed, what was put back, what came too late
    #[command(
        after_help = "Example:\n  signalbox campaign retry summer-sale --scope failed --code 131026 --dry-run"
    )]
    Retry(RetryArgs),
    /// Takes one person out: what waits is skipped, what is on the wire is the last
    #[command(
        after_help = "Example:\n  signalbox campaign remove onboarding +237600000001 --reason \"paid in cash\""
    )]
    Remove {
        /// Which campaign
        name: String,
        /// Whom
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Who is enrolled and gets nothing, each for one reason
    #[command(
        after_help = "Examples:\n  signalbox campaign skipped summer-sale\n  signalbox campaign skipped summer-sale --csv skipped.csv"
    )]
    Skipped(skipped::ListArgs),
    /// Sends after all to skipped people whose reason has passed; never to who opted out
    #[command(
        after_help = "Example:\n  signalbox contact import names.csv && signalbox campaign reinclude summer-sale --reason missing_variable"
    )]
    Reinclude(skipped::TakeBackArgs),
    /// Why it sends nothing now, gate by gate, and until when
    Why {
        /// Which one
        name: String,
    },
    /// Its figures
    Stats {
        /// Which one
        name: String,
    },
    /// Writes one row for each recipient
    Export {
        /// Which one
        name: String,
        /// The file; - for standard output
        #[arg(default_value = "-")]
        file: PathBuf,
        /// With what each person was told last, written again from what was kept of it
        #[arg(long)]
        texts: bool,
    },
    /// How many people a file or a campaign would enrol, and why the others would get nothing; writes nothing
    #[command(
        after_help = "Examples:\n  signalbox campaign estimate summer-sale.toml\n  signalbox campaign estimate summer-sale --json"
    )]
    Estimate {
        /// The file, or the name of a campaign
        #[arg(value_name = "FILE|NAME")]
        source: String,
    },
    /// When it will be done, day by day; also what if
    #[command(
        after_help = "Example:\n  signalbox campaign forecast summer-sale --add-number 250 --suspend +237600000001"
    )]
    Forecast(ForecastArgs),
}

impl Verb {
    /// The right that it takes.
    fn right(&self) -> Right {
        match self {
            Self::Check { accept, .. } if accept.is_empty() => Right::Sees,
            Self::List
            | Self::Preview { .. }
            | Self::Show { .. }
            | Self::Skipped(_)
            | Self::Why { .. }
            | Self::Stats { .. }
            | Self::Export { .. }
            | Self::Forecast(_)
            | Self::Estimate { .. } => Right::Sees,
            Self::Retry(args) if args.only_says() => Right::Sees,
            Self::Check { .. }
            | Self::Create { .. }
            | Self::Enrol { .. }
            | Self::Update { .. }
            | Self::Defaults { .. }
            | Self::Test { .. }
            | Self::Start(_)
            | Self::Schedule { .. }
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::Cancel(_)
            | Self::Widen(_)
            | Self::Edit(_)
            | Self::Clone { .. }
            | Self::Retry(_)
            | Self::Remove { .. }
            | Self::Reinclude(_) => Right::Runs,
        }
    }
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let org = session.organization_for(verb.right()).await?;
    match verb {
        Verb::Check { file, accept, why } => {
            campaign_check::run(session, &org, &file, &accept, why.as_deref()).await
        }
        Verb::Create { file } => campaign_file::create(session, &org, &file).await,
        Verb::Enrol { name } => enrol(session, &org, &name).await,
        Verb::Update { name, file, reason } => {
            campaign_file::update(session, &org, &name, &file, reason.as_deref()).await
        }
        Verb::Defaults { file, reason } => {
            campaign_file::set_defaults(session, &org, &file, reason.as_deref()).await
        }
        Verb::Test { name, phone, like, step, variant } => {
            let campaign = find(session, &org, &name).await?;
            let (store, actor) = (&session.store, session.actor());
            let said = (campaign.id, step, variant.as_deref());
            let test = store.test_step(org.id, said, &phone, like.as_ref(), actor).await?;
            let test = test.map_err(CliError::Refused)?;
            session.out.show(&json!({ "result": "done", "test": test }), || {
                format!("{test} sends step {step} to {}: signalbox campaign stats {test}", phone.reveal())
            })
        }
        Verb::List => list(session, &org).await,
        Verb::Preview { name, phone } => campaign_preview::run(session, &org, &name, phone.as_ref()).await,
        Verb::Show { name } => show(session, &org, &name).await,
        Verb::Start(args) => act(session, &org, args, Action::StartCampaign, "started").await,
        Verb::Pause(args) => {
            act(session, &org, args, Action::PauseCampaign, "paused: nothing new is sent").await
        }
        Verb::Resume(args) => act(session, &org, args, Action::ResumeCampaign, "resumed").await,
        Verb::Cancel(args) => {
            act(session, &org, args, Action::CancelCampaign, "cancelled: who waited is skipped").await
        }
        Verb::Schedule { name, at, reason } => schedule(session, &org, &name, &at, reason.as_deref()).await,
        Verb::Widen(args) => rollout::widen(session, &org, &args).await,
        Verb::Edit(args) => campaign_edit::edit(session, &org, &args).await,
        Verb::Clone { name, new } => campaign_edit::clone(session, &org, &name, &new).await,
        Verb::Retry(args) => campaign_edit::retry(session, &org, &args).await,
        Verb::Remove { name, phone, reason } => remove(session, &org, &name, &phone, reason).await,
        Verb::Why { name } => {
            let campaign = find(session, &org, &name).await?;
            why::campaign(session, &org, campaign.id, campaign.hold_reason.as_deref()).await
        }
        Verb::Skipped(args) => skipped::list(session, &org, &args).await,
        Verb::Reinclude(args) => skipped::take_back(session, &org, &args).await,
        Verb::Stats { name } => stats(session, &org, &name).await,
        Verb::Export { name, file, texts } => campaign_export::run(session, &org, &name, &file, texts).await,
        Verb::Forecast(args) => forecast::run(session, &org, &args).await,
        Verb::Estimate { source } => audience::estimate(session, &org, &source).await,
    }
}

/// The campaign of this name.
pub async fn find(session: &Session, org: &Org, name: &str) -> Result<CampaignRecord, CliError> {
    session.store.campaigns(org.id, Some(name)).await?.pop().ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> CliError {
    CliError::missing(format!("there is no campaign {name:?}; signalbox campaign list shows them"))
}

async fn enrol(session: &Session, org: &Org, name: &str) -> Result<(), CliError> {
    let campaign = find(session, org, name).await?;
    let enrolled =
        session.store.enrol_the_rest(org.id, campaign.id, &campaign_file::progress(session)).await?;
    let planned = find(session, org, name).await?.planned;
    session.out.show(&json!({ "enrolled": enrolled, "planned": planned }), || {
        format!("campaign {name}: {enrolled} more enrolled, {planned} in all")
    })
}

async fn act(
    session: &Session,
    org: &Org,
    args: OneArgs,
    action: impl FnOnce(CampaignId) -> Action,
    done: &str,
) -> Result<(), CliError> {
    let campaign = find(session, org, &args.name).await?;
    let order = Order { action: action(campaign.id), expected: None, reason: args.reason };
    let open = match order.action {
        Action::StartCampaign(_) => session.store.open_findings(org.id, campaign.id).await?,
        _ => None,
    };
    let result = session.store.act(org.id, &order, session.actor().operator, None).await?;
    session.out.settle(&format!("campaign {}: {done}", args.name), org.zone, &result)?;
    note(session, open.as_deref());
    Ok(())
}

fn note(session: &Session, sentence: Option<&str>) {
    if let Some(sentence) = sentence {
        session.out.note(sentence);
    }
}

async fn schedule(
    session: &Session,
    org: &Org,
    name: &str,
    at: &When,
    reason: Option<&str>,
) -> Result<(), CliError> {
    let at = at.in_zone(org.zone).map_err(CliError::Usage)?;
    if at <= org.record.now && !org.record.rehearsal {
        return Err(CliError::Usage("--at lies in the past; start it by hand instead".to_owned()));
    }
    let campaign = find(session, org, name).await?;
    let open = session.store.open_findings(org.id, campaign.id).await?;
    let result =
        session.store.schedule_campaign(org.id, campaign.id, at, None, reason, session.actor()).await?;
    let clock = local_or_dash(Some(at), org.zone);
    session.out.settle(&format!("campaign {name} starts at {clock}"), org.zone, &result)?;
    note(session, open.as_deref());
    Ok(())
}

async fn remove(
    session: &Session,
    org: &Org,
    name: &str,
    phone: &Phone,
    reason: Option<String>,
) -> Result<(), CliError> {
    let campaign = find(session, org, name).await?;
    let recipient =
        session.store.recipient_of(org.id, campaign.id, phone).await?.ok_or_else(|| {
            CliError::failed(format!("{} is not enrolled in campaign {name}", phone.reveal()))
        })?;
    let order = Order { action: Action::ExcludeRecipient(recipient), expected: None, reason };
    let result = session.store.act(org.id, &order, session.actor().operator, None).await?;
    session.out.settle(&format!("{} gets nothing more of campaign {name}", phone.reveal()), org.zone, &result)
}

async fn list(session: &Session, org: &Org) -> Result<(), CliError> {
    let campaigns = session.store.campaigns(org.id, None).await?;
    session.out.show(&campaigns, || {
        let mut table = Table::new(&[
            "NAME", "STATE", "PRIO", "POOL", "PLANNED", "QUEUED", "REACHED", "FAILED", "DOUBT", "SKIPPED",
            "STARTS",
        ]);
        for campaign in &campaigns {
            table.row([
                campaign.name.clone(),
                campaign.state.clone(),
                campaign.priority.to_string(),
                campaign.pool.clone(),
                campaign.planned.to_string(),
                campaign.queued.to_string(),
                campaign.sent.to_string(),
                campaign.failed.to_string(),
                campaign.in_doubt.to_string(),
                campaign.skipped.to_string(),
                local_or_dash(campaign.started_at.or(campaign.starts_at), org.zone),
            ]);
        }
        table.render()
    })
}

async fn show(session: &Session, org: &Org, name: &str) -> Result<(), CliError> {
    let campaign = find(session, org, name).await?;
    let terms = session.store.campaign_terms(org.id, campaign.id).await?;
    let window = terms.calendar.window.map(|window| window.to_string());
    let before = terms.run_after.map(|before| before.name);
    let mut value = serde_json::to_value(&campaign)
        .map_err(|error| CliError::because("failed to write the campaign as JSON", error))?;
    value["window"] = json!(window);
    value["run_after"] = json!(before);
    value["until"] = json!(terms.expires_at);
    let too_late = delay(campaign.expires_after);
    value["missed"] = json!(campaign.missed);
    value["expires_after"] = json!(too_late);
    let split = variants::of(session, org, campaign.id).await?;
    value["variants"] = json!(split);
    let stages = session.store.rollout(org.id, campaign.id).await?;
    value["rollout"] = json!(stages);
    let conduct: Conduct = serde_json::from_value(campaign.conduct.clone()).unwrap_or_default();
    session.out.show(&value, || {
        card(&[
            ("name", campaign.name.clone()),
            ("state", campaign.state.clone()),
            ("paused because", or_dash(campaign.hold_reason.as_ref())),
            ("priority", campaign.priority.to_string()),
            ("weight", campaign.weight.to_string()),
            ("pool", campaign.pool.clone()),
            ("failover", campaign.failover.clone()),
            ("daily limit", or_dash(campaign.daily_limit)),
            ("window", or_dash(window.as_ref())),
            ("runs after", or_dash(before.as_ref())),
            ("missed start", campaign.missed.clone()),
            ("too late after", or_dash(too_late.as_ref())),
            ("too late from", local_or_dash(terms.expires_at, org.zone)),
            ("starts", local_or_dash(campaign.starts_at, org.zone)),
            ("started", local_or_dash(campaign.started_at, org.zone)),
            ("finished", local_or_dash(campaign.finished_at, org.zone)),
            ("steps", campaign.steps.to_string()),
            ("variants", variants::in_words(&split)),
            ("rollout", rollout::in_words(stages.as_ref(), org.zone)),
            ("audience", campaign.audience.to_string()),
            ("standing", or_dash(campaign.standing.as_ref())),
            ("slots", conduct.slots.in_words().to_owned()),
            ("leaves early", conduct.exit.in_words()),
            ("stops itself", conduct.stop_when.in_words()),
            ("planned", campaign.planned.to_string()),
            ("queued", campaign.queued.to_string()),
            ("reached", campaign.sent.to_string()),
            ("failed", campaign.failed.to_string()),
            ("in doubt", campaign.in_doubt.to_string()),
            ("skipped", campaign.skipped.to_string()),
            ("made by", campaign.created_by.clone()),
            ("changed by", campaign.changed_by.clone()),
        ])
    })
}

/// A length of time as files write it.
fn delay(seconds: Option<i64>) -> Option<String> {
    seconds.and_then(|seconds| Delay::parse(&format!("{seconds}s")).ok()).map(String::from)
}

async fn stats(session: &Session, org: &Org, name: &str) -> Result<(), CliError> {
    let stats = session.store.campaign_stats(org.id, name).await?.ok_or_else(|| unknown(name))?;
    let campaign = find(session, org, name).await?;
    let hold = why::hold_of(session, org, campaign.id).await?;
    let stages = session.store.rollout(org.id, campaign.id).await?;
    let estimated = completion(session, org, campaign.id, &stats).await?;
    let mut value = serde_json::to_value(&stats)
        .map_err(|error| CliError::because("failed to write the figures as JSON", error))?;
    value["hold"] = json!(hold.as_ref().map(Hold::code));
    value["hold_until"] = json!(hold.as_ref().and_then(Hold::until));
    value["estimated_completion"] = json!(estimated);
    let figures = session.store.compare_variants(org.id, campaign.id).await?;
    let comparison = comparison::compare(&figures);
    value["variants"] = json!(figures);
    value["comparison"] = json!(comparison);
    value["rollout"] = json!(stages);
    session.out.show(&value, || {
        let percent = |rate: Option<f64>| or_dash(rate.map(|rate| format!("{:.1} %", rate * 100.0)));
        let mut shown = card(&[
            ("name", stats.name.clone()),
            ("state", stats.state.clone()),
            ("hold", or_dash(hold.as_ref().map(|hold| hold.sentence(org.zone)))),
            ("paused because", or_dash(stats.hold_reason.as_ref())),
            ("planned", stats.planned.to_string()),
            ("queued", stats.queued.to_string()),
            ("sending", stats.sending.to_string()),
            ("accepted", stats.accepted.to_string()),
            ("delivered", stats.delivered.to_string()),
            ("read", stats.read.to_string()),
            ("failed", stats.failed.to_string()),
            ("in doubt", stats.in_doubt.to_string()),
            ("skipped", format!("{} ({} opted out)", stats.skipped, stats.opted_out)),
            ("sums hold", if stats.sums_hold { "yes" } else { "NO: run signalbox doctor" }.to_owned()),
            ("attempts", stats.attempts.to_string()),
            ("sent today", stats.sent_today.to_string()),
            ("delivery rate", percent(stats.delivery_rate)),
            ("read rate", percent(stats.read_rate)),
            ("started", local_or_dash(stats.started_at, org.zone)),
            ("done at about", local_or_dash(estimated, org.zone)),
            ("rollout", rollout::in_words(stages.as_ref(), org.zone)),
        ]);
        shown.push_str(&variants::describe(&figures, &comparison));
        shown
    })
}

/// When it will be done: as its forecast says; where that is today, at its pace so far if that is slower.
async fn completion(
    session: &Session,
    org: &Org,
    campaign: CampaignId,
    stats: &CampaignStats,
) -> Result<Option<DateTime<Utc>>, CliError> {
    if stats.state != "active" || stats.queued + stats.sending == 0 {
        return Ok(None);
    }
    let Some(foretold) = session.store.finish(org.id, campaign).await? else { return Ok(None) };
    let slower = stats.done_at_its_pace().filter(|_| foretold < next_day(stats.at, org.zone));
    Ok(Some(slower.map_or(foretold, |slower| slower.max(foretold))))
}
