//! `signalbox number`.

use super::{
    CliError, Session, account, number_edit, number_file, number_move, number_show, number_stats,
    number_test, number_validate,
    output::local,
    parse::{self, Limit, WarmUp, When},
    qr,
    session::Org,
    why,
};
use crate::{
    domain::{
        action::{Action, NewNumber, Order},
        ids::NumberId,
        number::{Pacing, ProviderKind, Remarks},
        phone::Phone,
        right::Right,
    },
    store::number::{NumberRecord, default_pacing},
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::time::Duration;

/// How fast a number may send.
#[derive(Debug, Clone, Args)]
pub struct PacingArgs {
    /// Least time between two messages; 120 for unofficial gateways unless given
    #[arg(long, value_name = "SECONDS", value_parser = parse::interval, allow_hyphen_values = true)]
    pub interval: Option<u32>,
    /// Most messages in one second; 0 for no limit of our own
    #[arg(long, value_name = "N", value_parser = parse::per_second, allow_hyphen_values = true)]
    pub per_second: Option<u32>,
    /// Most requests on the wire at once
    #[arg(long, value_name = "N", value_parser = parse::in_flight, allow_hyphen_values = true)]
    pub in_flight: Option<u32>,
}

/// What a new number is made of.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// In international form
    #[arg(value_parser = parse::phone)]
    phone: Phone,
    /// The account that owns it
    #[arg(long, value_name = "NAME")]
    account: String,
    /// The provider's id of it: phone-number-id (Meta), instance… (`UltraMsg`)
    #[arg(long, value_name = "ID")]
    instance_id: Option<String>,
    /// What operators call it
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Its place in the order; lower goes first
    #[arg(long, value_name = "N", default_value = "100", value_parser = parse::priority, allow_hyphen_values = true)]
    priority: i32,
    /// Most messages a day, on the organisation's clock; 0 sends nothing
    #[arg(long, value_name = "N", value_parser = parse::number_limit, allow_hyphen_values = true)]
    daily_limit: Option<Limit>,
    /// Its pace
    #[command(flatten)]
    pacing: PacingArgs,
    /// Begin small: 20, 50, 100, 200 messages on its first days unless the organisation has a ladder of its own (org edit
    /// --warm-up), then its daily limit. From today, or from TIME. Not by itself: a number that is new here may be old at
    /// its provider. Advised for every number that is new to `WhatsApp`, and most of all behind an unofficial gateway
    #[arg(long, value_name = "now|TIME", num_args = 0..=1, default_missing_value = "now", value_parser = parse::warm_up)]
    warm_up: Option<WarmUp>,
    /// The pool that it joins, made where there is none of that name
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// Notes for the next operator
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// What a campaign may switch within (failover = "label")
    #[arg(long, value_name = "WORD")]
    label: Option<String>,
    /// What operators note beside it
    #[command(flatten)]
    remarks: number_edit::RemarkArgs,
}

/// A number and a reason.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Which one
    #[arg(value_parser = parse::phone)]
    pub phone: Phone,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// A number that goes back into service.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Which one
    #[arg(value_parser = parse::phone)]
    phone: Phone,
    /// Ask its provider first, and resume it only if it would take messages
    #[arg(long)]
    test: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What can be done with numbers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds a number
    #[command(
        after_help = "Example:\n  signalbox number add +237600000001 --account main --instance-id 5544332211 --priority 10 --daily-limit 250"
    )]
    Add(Box<AddArgs>),
    /// Lists the numbers by priority
    List {
        /// Those that were removed, and are still named by what they sent
        #[arg(long)]
        retired: bool,
    },
    /// Shows a number
    Show {
        /// Which one
        #[arg(value_parser = parse::phone)]
        phone: Phone,
    },
    /// Why it sends nothing now, gate by gate, and until when
    Why {
        /// Which one
        #[arg(value_parser = parse::phone)]
        phone: Phone,
    },
    /// Changes a number, or many at once
    #[command(
        after_help = "Examples:\n  signalbox number edit +237600000001 --daily-limit 500 --interval 30\n  signalbox number edit --in-pool vip --daily-limit 200         says which they are; with --yes it does it"
    )]
    Edit(Box<number_edit::EditArgs>),
    /// Takes a number out of service; what waits for it moves to the next ones
    #[command(
        after_help = "Example:\n  signalbox number suspend +237600000001 --reason \"blocked by many\" --until 2026-12-01T09:00"
    )]
    Suspend {
        /// Which one
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = parse::reason)]
        reason: String,
        /// When it ends by itself; else when somebody resumes it
        #[arg(long, value_name = "TIME", value_parser = parse::when)]
        until: Option<When>,
    },
    /// Puts a suspended, resting or slowed number back into service
    #[command(after_help = "Example:\n  signalbox number resume +237600000001 --test")]
    Resume(ResumeArgs),
    /// Sets a number's place in the order
    Priority {
        /// Which one
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Lower goes first
        #[arg(value_parser = parse::priority, allow_hyphen_values = true)]
        priority: i32,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lets a disabled number take part again
    Enable(OneArgs),
    /// Switches a number off until it is enabled
    Disable(OneArgs),
    /// Removes a number from lists, pools and plans; what it sent still names it
    Remove(OneArgs),
    /// Says whether a phone can be written to: its form, and whether it is on `WhatsApp` where a provider can be asked
    Validate(number_validate::ValidateArgs),
    /// Sends nothing, and says whether the provider would take it
    Test(number_test::TestArgs),
    /// Adds and changes numbers as a CSV file says: all of it, or nothing
    #[command(
        after_help = "Example:\n  signalbox number export numbers.csv && signalbox number import numbers.csv\n\nAn empty cell leaves what it is about as it is; none takes a limit, a label, a cost, an approval or all pools off.\nPools are written default|vip=3, with the weight where it is not 1."
    )]
    Import(number_file::ImportArgs),
    /// Writes the numbers to a CSV file that import reads; no secret stands in it
    Export(number_file::ExportArgs),
    /// Gives the queued work of one number to another one, and its open threads if that is said
    #[command(
        alias = "migrate",
        after_help = "Example:\n  signalbox number move +237600000001 +237600000002        says how much that is; with --yes it does it\n\nWhat is on the wire or in doubt stays where it is."
    )]
    Move(number_move::MoveArgs),
    /// The number as a QR code that opens a chat with it
    #[command(
        after_help = "Examples:\n  signalbox number qr +237600000001 --text \"Hello\"\n  signalbox number qr +237600000001 --png door.png --svg door.svg"
    )]
    Qr(qr::NumberArgs),
    /// How the numbers did: sent, delivered, failed, out of service, tests, delivery times, trend, advice
    #[command(
        after_help = "Examples:\n  signalbox number stats --days 30\n  signalbox number stats +237600000001\n  signalbox number stats --csv days.csv\n\nDelivery times are read from the last 50,000 tries at most. The trend compares the last seven days with the seven before."
    )]
    Stats(number_stats::StatsArgs),
}

impl Verb {
    /// The right that it takes.
    fn right(&self) -> Right {
        match self {
            Self::List { .. }
            | Self::Show { .. }
            | Self::Why { .. }
            | Self::Validate(_)
            | Self::Export(_)
            | Self::Qr(_)
            | Self::Stats(_) => Right::Sees,
            // A test is kept.
            Self::Add(_)
            | Self::Edit(_)
            | Self::Suspend { .. }
            | Self::Resume(_)
            | Self::Priority { .. }
            | Self::Enable(_)
            | Self::Disable(_)
            | Self::Remove(_)
            | Self::Test(_)
            | Self::Import(_)
            | Self::Move(_) => Right::Runs,
        }
    }
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let org = session.organization_for(verb.right()).await?;
    match verb {
        Verb::Add(args) => add(session, &org, &args).await,
        Verb::List { retired: true } => number_show::retired(session, &org).await,
        Verb::List { retired: false } => number_show::list(session, &org).await,
        Verb::Show { phone } => number_show::show(session, &org, &phone).await,
        Verb::Why { phone } => {
            let number = find(session, &org, &phone).await?;
            why::number(session, &org, number.id, &phone).await
        }
        Verb::Edit(args) => number_edit::edit(session, &org, &args).await,
        Verb::Suspend { phone, reason, until } => {
            let until = until.map(|when| when.in_zone(org.zone)).transpose().map_err(CliError::Usage)?;
            if until.is_some_and(|until| until <= org.record.now) {
                return Err(CliError::Usage("--until lies in the past".to_owned()));
            }
            let done = "suspended: what waits for it moves to the next numbers";
            let action = |number| Action::SuspendNumber { number, until };
            act(session, &org, &phone, action, Some(reason), done).await
        }
        Verb::Resume(args) => resume(session, &org, args).await,
        Verb::Validate(args) => number_validate::run(session, &org, &args).await,
        Verb::Priority { phone, priority, reason } => {
            let action = |number| Action::SetPriority { number, priority };
            act(session, &org, &phone, action, reason, "changed the priority").await
        }
        Verb::Enable(args) => {
            act(session, &org, &args.phone, Action::EnableNumber, args.reason, "enabled").await
        }
        Verb::Disable(args) => {
            act(session, &org, &args.phone, Action::DisableNumber, args.reason, "disabled").await
        }
        Verb::Remove(args) => number_edit::remove(session, &org, &args).await,
        Verb::Test(args) => number_test::run(session, &org, &args).await,
        Verb::Import(args) => number_file::import(session, &org, &args).await,
        Verb::Export(args) => number_file::export(session, &org, &args).await,
        Verb::Move(args) => number_move::run(session, &org, &args).await,
        Verb::Qr(args) => qr::of_number(session, &org, &args).await,
        Verb::Stats(args) => number_stats::run(session, &org, &args).await,
    }
}

/// The number of this phone.
pub async fn find(session: &Session, org: &Org, phone: &Phone) -> Result<NumberRecord, CliError> {
    match session.store.numbers(org.id, Some(phone)).await?.pop() {
        Some(number) => Ok(number),
        None => Err(unknown(session, org, phone).await),
    }
}

/// Says that a phone is no number, or is none any more.
pub async fn unknown(session: &Session, org: &Org, phone: &Phone) -> CliError {
    let phone_text = phone.reveal();
    match session.store.retired_numbers(org.id, Some(phone)).await {
        Err(error) => error.into(),
        Ok(retired) => CliError::missing(retired.first().map_or_else(
            || format!("{phone_text} is no number of {}", org.record.slug),
            |number| {
                format!(
                    "{phone_text} is no number of {} any more: {} removed it on {}; signalbox number add {phone_text} takes it back",
                    org.record.slug,
                    number.retired_by,
                    local(number.retired_at, org.zone)
                )
            },
        )),
    }
}

async fn resume(session: &Session, org: &Org, args: ResumeArgs) -> Result<(), CliError> {
    if args.test {
        let number = find(session, org, &args.phone).await?;
        number_test::before_resume(session, org, &number).await?;
    }
    act(session, org, &args.phone, Action::ResumeNumber, args.reason, "resumed").await
}

async fn act(
    session: &Session,
    org: &Org,
    phone: &Phone,
    action: impl FnOnce(NumberId) -> Action,
    reason: Option<String>,
    done: &str,
) -> Result<(), CliError> {
    let number = find(session, org, phone).await?;
    let order = Order { action: action(number.id), expected: None, reason };
    let result = session.store.act(org.id, &order, session.actor().operator, None).await?;
    session.out.settle(&format!("{}: {done}", phone.reveal()), org.zone, &result)
}

async fn add(session: &Session, org: &Org, args: &AddArgs) -> Result<(), CliError> {
    let account = account::find(session, org, &args.account).await?;
    let provider: ProviderKind =
        account.provider.parse().map_err(|error| CliError::because("failed to read the account", error))?;
    let sender_id = args.instance_id.clone().unwrap_or_default();
    account::can_send(session, org, &account, &sender_id, &args.phone)?;
    let usual = default_pacing(provider);
    let pacing = Pacing {
        interval: args.pacing.interval.map_or(usual.interval, |ms| Duration::from_millis(u64::from(ms))),
        per_second: args.pacing.per_second.unwrap_or(usual.per_second),
        in_flight: args.pacing.in_flight.unwrap_or(usual.in_flight),
    };
    let number = NewNumber {
        phone: args.phone.clone(),
        account: account.id,
        sender_id,
        name: args.name.clone().unwrap_or_default(),
        priority: args.priority,
        daily_limit: args.daily_limit.and_then(Limit::get),
        pacing: Some(pacing),
        warm_up: args.warm_up.as_ref().map(|given| number_edit::starts(org, given)).transpose()?.flatten(),
        remarks: Remarks {
            notes: args.notes.clone().unwrap_or_default(),
            label: args.label.clone(),
            monthly_cost: args.remarks.cost()?.and_then(|noted| noted.0),
            approval: args.remarks.approval().and_then(|noted| noted.0),
        },
        pool: args.pool.clone(),
    };
    let (id, _version) = session.store.add_number(org.id, &number, session.actor()).await?;
    let official = provider.is_official();
    session.out.show(&json!({ "id": id, "phone": args.phone.reveal(), "official": official }), || {
        let risk =
            if official { String::new() } else { format!("\n{provider} is {}", number_show::UNOFFICIAL) };
        format!("added number {}{risk}", args.phone.reveal())
    })
}
