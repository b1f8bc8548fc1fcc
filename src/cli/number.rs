//! `signalbox number`.

use super::{
    CliError, Session, account,
    later::Later,
    number_show, number_test, number_validate,
    parse::{self, Limit, WarmUp, When},
    session::Org,
    why,
};
use crate::{
    domain::{
        action::{Action, NewNumber, Order},
        ids::NumberId,
        money::{self, Currency, Money},
        number::{Pacing, ProviderKind},
        phone::Phone,
    },
    store::number::{NumberEdit, NumberRecord, default_pacing},
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::time::Duration;
use zeroize::Zeroizing;

/// How fast a number may send.
#[derive(Debug, Clone, Args)]
pub struct PacingArgs {
    /// Least time between two messages; 120 for unofficial gateways unless given
    #[arg(long, value_name = "SECONDS", value_parser = parse::interval, allow_hyphen_values = true)]
    interval: Option<u32>,
    /// Most messages in one second; 0 for no limit of our own
    #[arg(long, value_name = "N", value_parser = parse::per_second, allow_hyphen_values = true)]
    per_second: Option<u32>,
    /// Most requests on the wire at once
    #[arg(long, value_name = "N", value_parser = parse::in_flight, allow_hyphen_values = true)]
    in_flight: Option<u32>,
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
}

/// A change of a number.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// Which one
    #[arg(value_parser = parse::phone)]
    phone: Phone,
    /// What operators call it
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Notes for the next operator
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// The provider's id of it
    #[arg(long, value_name = "ID")]
    instance_id: Option<String>,
    /// Its place in the order; lower goes first
    #[arg(long, value_name = "N", value_parser = parse::priority, allow_hyphen_values = true)]
    priority: Option<i32>,
    /// Most messages a day, or none
    #[arg(long, value_name = "N|none", value_parser = parse::number_limit, allow_hyphen_values = true)]
    daily_limit: Option<Limit>,
    /// Its pace
    #[command(flatten)]
    pacing: PacingArgs,
    /// Begin or began its warm-up now or at TIME, or take it off the ladder
    #[arg(long, value_name = "now|off|TIME", value_parser = parse::warm_up)]
    warm_up: Option<WarmUp>,
    /// Percent of its daily limit and of its rate that only replies may use
    #[arg(long, value_name = "PERCENT", value_parser = parse::reply_share, allow_hyphen_values = true)]
    reply_share: Option<u32>,
    /// What a campaign may switch within (failover = "label"): numbers that people take for the same sender; or none
    #[arg(long, value_name = "WORD|none")]
    label: Option<String>,
    /// Most messages that may wait in its gateway's own queue, where neither a pause nor a STOP reaches them (`UltraMsg`)
    #[arg(long, value_name = "N", value_parser = parse::queue, allow_hyphen_values = true)]
    queue: Option<u32>,
    /// What it costs a month, or none
    #[arg(long, value_name = "AMOUNT|none", value_parser = cost, allow_hyphen_values = true)]
    monthly_cost: Option<Cost>,
    /// In this currency
    #[arg(long, value_name = "CODE", requires = "monthly_cost", value_parser = currency)]
    currency: Option<Currency>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Hundredths, or nothing any more.
#[derive(Debug, Clone, Copy)]
struct Cost(Option<i64>);

fn cost(raw: &str) -> Result<Cost, String> {
    if raw == "none" {
        return Ok(Cost(None));
    }
    money::hundredths(raw).map(|amount| Cost(Some(amount))).map_err(|error| error.to_string())
}

fn currency(raw: &str) -> Result<Currency, String> {
    raw.parse().map_err(|error: money::MoneyError| error.to_string())
}

impl Cost {
    /// As an amount of a currency; none: forgotten.
    fn of(self, currency: Option<Currency>) -> Result<Option<Money>, CliError> {
        match (self.0, currency) {
            (None, _) => Ok(None),
            (Some(amount), Some(currency)) => Ok(Some(Money { amount, currency })),
            (Some(_), None) => {
                Err(CliError::Usage("say in which currency: --monthly-cost 12.50 --currency EUR".to_owned()))
            }
        }
    }
}

/// A number and a reason.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Which one
    #[arg(value_parser = parse::phone)]
    phone: Phone,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
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
    Add(AddArgs),
    /// Lists the numbers by priority
    List,
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
    /// Changes a number
    #[command(after_help = "Example:\n  signalbox number edit +237600000001 --daily-limit 500 --interval 30")]
    Edit(EditArgs),
    /// Takes a number out of service; what waits for it moves to the next ones
    #[command(
        after_help = "Example:\n  signalbox number suspend +237600000001 --reason \"blocked by many\" --until 2026-12-01T09:00"
    )]
    Suspend {
        /// Which one
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Why
        #[arg(long, value_name = "TEXT")]
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
    /// Removes a number that never sent anything
    Remove(OneArgs),
    /// Says whether a phone can be written to: its form, and whether it is on `WhatsApp` where a provider can be asked
    Validate(number_validate::ValidateArgs),
    /// Sends nothing, and says whether the provider would take it
    Test(number_test::TestArgs),
    /// Reads many numbers from a file
    #[command(hide = true)]
    Import(Later),
    /// Writes the numbers to a file
    #[command(hide = true)]
    Export(Later),
    /// Moves the load of one number to another
    #[command(hide = true)]
    Migrate(Later),
    /// The entry point as a QR code
    #[command(hide = true)]
    Qr(Later),
}

impl Verb {
    /// The name of a verb that a later part brings.
    pub fn later(&self) -> Option<&'static str> {
        match self {
            Self::Import(_) => Some("number import"),
            Self::Export(_) => Some("number export"),
            Self::Migrate(_) => Some("number migrate"),
            Self::Qr(_) => Some("number qr"),
            _ => None,
        }
    }
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let org = session.organization().await?;
    match verb {
        Verb::Add(args) => add(session, &org, &args).await,
        Verb::List => number_show::list(session, &org).await,
        Verb::Show { phone } => number_show::show(session, &org, &phone).await,
        Verb::Why { phone } => {
            let number = find(session, &org, &phone).await?;
            why::number(session, &org, number.id, &phone).await
        }
        Verb::Edit(args) => edit(session, &org, &args).await,
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
        Verb::Remove(args) => remove(session, &org, &args).await,
        Verb::Test(args) => number_test::run(session, &org, &args).await,
        Verb::Import(_) | Verb::Export(_) | Verb::Migrate(_) | Verb::Qr(_) => {
            Err(CliError::Usage(Later::sentence(verb.later().unwrap_or_default())))
        }
    }
}

/// The number of this phone.
pub async fn find(session: &Session, org: &Org, phone: &Phone) -> Result<NumberRecord, CliError> {
    session
        .store
        .numbers(org.id, Some(phone))
        .await?
        .pop()
        .ok_or_else(|| CliError::failed(format!("{} is no number of {}", phone.reveal(), org.record.slug)))
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
    let address = account.base_url.as_deref().unwrap_or_else(|| session.config.base_url(provider));
    let token = Zeroizing::new("unknown".to_owned());
    account::line(org, provider, address, &account.external_id, token, &sender_id, &args.phone)
        .map_err(|problem| CliError::Usage(format!("the number cannot be used: {problem}")))?;
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
        warm_up: args.warm_up.as_ref().map(|given| given.starts(org)).transpose()?.flatten(),
    };
    let (id, _version) =
        session.store.add_number(org.id, &number, args.pool.as_deref(), session.actor()).await?;
    let official = provider.is_official();
    session.out.show(&json!({ "id": id, "phone": args.phone.reveal(), "official": official }), || {
        let risk =
            if official { String::new() } else { format!("\n{provider} is {}", number_show::UNOFFICIAL) };
        format!("added number {}{risk}", args.phone.reveal())
    })
}

async fn edit(session: &Session, org: &Org, args: &EditArgs) -> Result<(), CliError> {
    let edit = NumberEdit {
        name: args.name.clone(),
        notes: args.notes.clone(),
        instance_id: args.instance_id.clone(),
        priority: args.priority,
        daily_limit: args.daily_limit.map(Limit::get),
        interval_ms: args.pacing.interval,
        per_second: args.pacing.per_second,
        in_flight: args.pacing.in_flight,
        warm_up_started_at: args.warm_up.as_ref().map(|given| given.starts(org)).transpose()?,
        reply_share: args.reply_share,
        label: args.label.clone().map(|label| Some(label).filter(|label| label != "none")),
        queue_limit: args.queue,
        monthly_cost: args.monthly_cost.map(|cost| cost.of(args.currency)).transpose()?,
    };
    if edit == NumberEdit::default() {
        return Err(CliError::Usage(
            "name at least one thing to change; see signalbox number edit --help".to_owned(),
        ));
    }
    let number = find(session, org, &args.phone).await?;
    if args.queue.is_some() && number.official {
        return Err(CliError::Refused(format!(
            "{} is at {}, which keeps no queue of its own: only UltraMsg's is bounded",
            args.phone.reveal(),
            number.provider
        )));
    }
    let result = session
        .store
        .edit_number(org.id, number.id, &edit, None, args.reason.as_deref(), session.actor())
        .await?;
    session.out.settle(&format!("changed number {}", args.phone.reveal()), org.zone, &result)
}

async fn remove(session: &Session, org: &Org, args: &OneArgs) -> Result<(), CliError> {
    let number = find(session, org, &args.phone).await?;
    let phone = args.phone.reveal();
    if !session.store.remove_number(org.id, number.id, args.reason.as_deref(), session.actor()).await? {
        return Err(CliError::Refused(format!(
            "{phone} has sent messages, which name it; disable it instead: signalbox number disable {phone}"
        )));
    }
    session.out.show(&json!({ "result": "done", "phone": phone }), || format!("removed number {phone}"))
}
