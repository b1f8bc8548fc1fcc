//! The command line: nouns and verbs, one file per noun.
//!
//! With `--json` one JSON document goes to standard output and nothing else does; everything for people goes there
//! without it, and errors, notes and progress go to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage,
//! 3 refused by a rule (`interfaces.md`).

mod account;
mod account_rotate;
mod account_templates;
mod alert;
mod alert_channel;
mod api;
mod attempt;
mod audience;
mod audit;
mod audit_undo;
mod calendar;
mod campaign;
mod campaign_check;
mod campaign_edit;
mod campaign_export;
mod campaign_file;
mod campaign_preview;
mod conduct;
mod console;
mod contact;
mod contact_history;
mod demo;
mod doctor;
mod error;
mod export;
mod forecast;
mod handover;
mod inside;
mod key;
mod key_rotate;
mod listen;
mod logging;
mod migrate;
mod number;
mod number_edit;
mod number_file;
mod number_move;
mod number_show;
mod number_stats;
mod number_test;
mod number_validate;
mod operator;
mod operator_key;
mod org;
mod output;
mod parse;
mod pool;
mod qr;
mod reach;
mod reply;
mod rollout;
mod secret;
mod sender;
mod sender_several;
mod session;
mod simulator;
mod skipped;
mod slot;
mod variants;
mod vitals;
mod why;

pub use error::CliError;
pub use session::Session;

use clap::{Args, Parser, Subcommand};
use output::Out;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  signalbox org add acme --name Acme --timezone Africa/Douala
  signalbox account add main --provider meta --external-id 1029384756 --token-env META_TOKEN
  signalbox number add +237600000001 --account main --instance-id 5544332211 --daily-limit 250
  signalbox contact import people.csv --default-country CM
  signalbox campaign create summer-sale.toml
  signalbox campaign start summer-sale
  signalbox campaign stats summer-sale --json";

/// The control room for `WhatsApp` campaigns.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// How the console is run, where no command is given.
    #[command(flatten)]
    pub console: console::Flags,
    /// What to do; without a command: the console, with a sender inside
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The shared Postgres, instead of `DATABASE_URL`; without either, the local cluster
    #[arg(long, global = true, value_name = "URL", help_heading = "For every command")]
    pub database_url: Option<String>,
    /// The organisation's slug, instead of `SIGNALBOX_ORG`; not needed when there is only one
    #[arg(long, global = true, value_name = "SLUG", help_heading = "For every command")]
    pub org: Option<String>,
    /// Print one JSON document instead of text for people
    #[arg(long, global = true, help_heading = "For every command")]
    pub json: bool,
    /// Configuration file, instead of `SIGNALBOX_CONFIG`
    #[arg(long, global = true, value_name = "FILE", help_heading = "For every command")]
    pub config: Option<PathBuf>,
    /// Where local data lives, instead of `SIGNALBOX_DATA_DIR`
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "For every command")]
    pub data_dir: Option<PathBuf>,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Organisations: the tenants; also stops and releases all sending
    #[command(subcommand)]
    Org(org::Verb),
    /// Operators: who may log in, and their rights
    #[command(subcommand)]
    Operator(operator::Verb),
    /// Accounts: credentials at a provider
    #[command(subcommand)]
    Account(account::Verb),
    /// Numbers: what messages are sent from
    #[command(subcommand)]
    Number(number::Verb),
    /// Pools: sets of numbers that campaigns send through
    #[command(subcommand)]
    Pool(pool::Verb),
    /// Contacts: people
    #[command(subcommand)]
    Contact(contact::Verb),
    /// Campaigns: who gets what, when
    #[command(subcommand)]
    Campaign(campaign::Verb),
    /// Attempts: every try, and the doubts to settle
    #[command(subcommand)]
    Attempt(attempt::Verb),
    /// Alerts: what operators are told, how and when
    #[command(subcommand)]
    Alert(alert::Verb),
    /// The audit log: who did what, when and why
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Replies: threads with people, and answering them
    #[command(subcommand)]
    Reply(reply::Verb),
    /// The note for the next shift: what happened, what stands still and why, what waits for somebody
    Handover(handover::Options),
    /// Brings the database's schema up to date
    Migrate,
    /// Checks everything that can be checked, the invariants among it
    Doctor,
    /// A sender without a screen
    Sender(sender::Options),
    /// A throw-away world: local Postgres, simulated providers, running campaigns
    Demo(demo::Options),
    /// The simulated providers alone
    Simulator(simulator::Options),
    /// The number that a person keeps and texts show
    #[command(subcommand)]
    Slot(slot::Verb),
    /// Encryption keys
    #[command(subcommand)]
    Key(key::Verb),
}

/// Does what was asked.
///
/// # Errors
/// When it failed, was asked wrongly or is refused by a rule; [`CliError::exit_code`] tells them apart.
pub async fn run(cli: Cli) -> Result<(), CliError> {
    let out = Out::new(cli.global.json);
    let Some(command) = cli.command else {
        let session = Session::open(&cli.global, out).await?;
        let done = console::run(&session, cli.console).await;
        let closed = session.close().await;
        return done.and(closed);
    };
    match command {
        Command::Key(verb) if !verb.needs_database() => key::run(&verb, &out),
        Command::Simulator(options) => simulator::run(&options, &out).await,
        Command::Migrate => migrate::run(&cli.global, &out).await,
        Command::Doctor => doctor::run(&cli.global, &out).await,
        // Everything at once: too large to be moved about.
        Command::Demo(options) => Box::pin(demo::run(&cli.global, &options)).await,
        command => {
            let session = Session::open(&cli.global, out).await?;
            let done = dispatch(&session, command).await;
            let closed = session.close().await;
            done.and(closed)
        }
    }
}

async fn dispatch(session: &Session, command: Command) -> Result<(), CliError> {
    match command {
        Command::Org(verb) => org::run(session, verb).await,
        Command::Operator(verb) => operator::run(session, verb).await,
        Command::Account(verb) => account::run(session, verb).await,
        Command::Number(verb) => number::run(session, verb).await,
        Command::Pool(verb) => pool::run(session, verb).await,
        Command::Contact(verb) => contact::run(session, verb).await,
        Command::Campaign(verb) => campaign::run(session, verb).await,
        Command::Slot(verb) => slot::run(session, verb).await,
        Command::Attempt(verb) => attempt::run(session, verb).await,
        Command::Alert(verb) => alert::run(session, verb).await,
        Command::Audit(verb) => audit::run(session, verb).await,
        Command::Reply(verb) => reply::run(session, verb).await,
        Command::Handover(options) => handover::run(session, &options).await,
        Command::Sender(options) => sender::run(session, &options).await,
        Command::Key(_) => key_rotate::run(session).await,
        Command::Demo(_) | Command::Migrate | Command::Doctor | Command::Simulator(_) => Ok(()),
    }
}
