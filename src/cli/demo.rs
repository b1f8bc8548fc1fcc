//! `signalbox demo`: a throw-away world with simulated providers, to see everything without touching anybody.

use super::{
    CliError, Command, Global, Session, campaign, console, contact, logging, output::Out, secret, sender,
    session::Org,
};
use crate::{
    config::{Config, Flags},
    domain::{
        action::NewNumber,
        ids::AccountId,
        number::{Pacing, ProviderKind},
        phone::Phone,
    },
    postgres::{
        cluster::{Cluster, Settings},
        connect::Database,
        migrate::{self, MIGRATIONS},
    },
    provider::simulator::{Script, Simulator},
    sender::{DRAIN_LIMIT, Status, clock::Moment, line::token_place},
    store::{
        account::{NewAccount, SealedSecrets},
        organization::NewOrganization,
    },
};
use clap::Parser;
use serde_json::json;
use std::{
    fmt::Write,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::watch;

const CONTACTS: &str = include_str!("../../assets/demo/contacts.csv");
const SCRIPT: &str = include_str!("../../assets/demo/script.toml");
const WELCOME: &str = include_str!("../../assets/demo/welcome.toml");
const OFFER: &str = include_str!("../../assets/demo/premium-offer.toml");

/// How the demo is run.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  signalbox demo
  signalbox demo --headless --recipients 10000 --json")]
pub struct Options {
    /// Without a terminal: at full speed, to the end, then totals and both sides' ledgers compared
    #[arg(long)]
    headless: bool,
    /// With the console in lines, for screen readers, dumb terminals and pipes
    #[arg(long, conflicts_with = "headless")]
    plain: bool,
    /// How many people (headless; the console's demo has its own 2,000)
    #[arg(long, value_name = "N", requires = "headless", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    recipients: Option<u32>,
}

/// One number of the demo: provider, phone, id at the provider, name, priority, pacing.
struct Line {
    provider: ProviderKind,
    phone: &'static str,
    sender_id: &'static str,
    name: &'static str,
    priority: i32,
    pacing: Pacing,
}

/// Four numbers carry the traffic, two stand by: what a lost number leaves moves to the others.
const LINES: [Line; 6] = [
    line(ProviderKind::Meta, "+237600000101", "100000000000101", "support-a", 1, 6, 0),
    line(ProviderKind::Meta, "+237600000102", "100000000000102", "support-b", 1, 6, 0),
    line(ProviderKind::Ultramsg, "+237600000103", "instance1103", "promo", 1, 0, 1_000),
    line(ProviderKind::Twilio, "+14155550105", "", "sales", 1, 4, 0),
    line(ProviderKind::Ultramsg, "+237600000104", "instance1104", "promo-2", 2, 0, 1_000),
    line(ProviderKind::Twilio, "+14155550106", "", "reserve", 2, 4, 0),
];

const fn line(
    provider: ProviderKind,
    phone: &'static str,
    sender_id: &'static str,
    name: &'static str,
    priority: i32,
    per_second: u32,
    interval_ms: u64,
) -> Line {
    let pacing = Pacing { interval: Duration::from_millis(interval_ms), per_second, in_flight: 10 };
    Line { provider, phone, sender_id, name, priority, pacing }
}

/// A sender that was idle for so long has nothing more to send.
const SURELY_IDLE: Duration = Duration::from_millis(1_500);
/// So long the end waits for doubts: what a rehearsal's providers can be asked about is settled by then.
const DOUBTS_SETTLE: Duration = Duration::from_secs(12);

/// Makes the world, shows it, and removes everything.
pub async fn run(global: &Global, options: &Options) -> Result<(), CliError> {
    if !options.headless && !options.plain {
        crate::tui::terminal::check().map_err(|error| CliError::failed(error.to_string()))?;
    }
    let out = Out::new(global.json);
    out.progress("starting a throw-away PostgreSQL …");
    let cluster = Cluster::throwaway(Settings::default()).await?;
    // Within the cluster's folder: what a killed demo leaves behind goes with its cluster.
    let folder = tempfile::Builder::new()
        .prefix("demo-")
        .tempdir_in(cluster.folder())
        .map_err(|error| CliError::because("failed to make a folder for the demo", error))?;
    cluster.ensure_database("demo").await?;
    let database = Database::on_cluster(&cluster, "demo");
    migrate::run(&database, &MIGRATIONS, Duration::from_mins(1), |_waited| {}).await?;
    let config = Config::load(Flags { data_dir: Some(folder.path().to_owned()), ..Flags::default() })?;
    let session = Session::on(database, config, out, "demo");
    let simulator = Simulator::start_on_own_thread(SocketAddr::from(([127, 0, 0, 1], 0)), script()?)?;
    let done = play(&session, options, &simulator, folder.path()).await;
    simulator.stop().await;
    let closed = session.close().await;
    let stopped = cluster.close().await.map_err(CliError::from);
    done.and(closed).and(stopped)
}

fn script() -> Result<Script, CliError> {
    Script::parse(SCRIPT).map_err(|error| CliError::because("the demo's script cannot be read", error))
}

async fn play(
    session: &Session,
    options: &Options,
    simulator: &Simulator,
    folder: &Path,
) -> Result<(), CliError> {
    session.out.progress("setting up accounts, numbers, contacts and campaigns …");
    let org = furnish(session, options, simulator).await?;
    let contacts = contacts(options, folder)?;
    quietly(session, &["contact", "import", &contacts.display().to_string()]).await?;
    let speed =
        |text: &str| if options.headless { text.replace("\"30s\"", "\"1s\"") } else { text.to_owned() };
    for (name, text) in [("welcome", WELCOME), ("premium-offer", OFFER)] {
        let file = folder.join(format!("{name}.toml"));
        fs::write(&file, speed(text))
            .map_err(|error| CliError::because("failed to write a campaign file", error))?;
        quietly(session, &["campaign", "create", &file.display().to_string()]).await?;
        quietly(session, &["campaign", "start", name]).await?;
    }
    session.out.progress("");
    if options.headless {
        headless(session, &org, simulator).await
    } else {
        let flags = console::Flags { plain: options.plain, ..console::Flags::default() };
        console::show(session, &org, flags, "DEMO", false).await
    }
}

/// Runs a command of ours without its output.
async fn quietly(session: &Session, words: &[&str]) -> Result<(), CliError> {
    let words = std::iter::once("signalbox").chain(words.iter().copied());
    let cli = super::Cli::try_parse_from(words).map_err(|error| CliError::Usage(error.to_string()))?;
    let quiet = session.quiet();
    match cli.command {
        Some(Command::Contact(verb)) => contact::run(&quiet, verb).await,
        Some(Command::Campaign(verb)) => campaign::run(&quiet, verb).await,
        _ => Ok(()),
    }
}

async fn furnish(session: &Session, options: &Options, simulator: &Simulator) -> Result<Org, CliError> {
    let actor = session.actor();
    let new = NewOrganization {
        slug: "demo",
        name: "Demo",
        time_zone: "Africa/Douala",
        default_locale: "en",
        daily_limit: None,
        warm_up: crate::domain::warm_up::Ladder::usual(),
        rehearsal: true,
    };
    session.store.add_organization(&new, actor).await?;
    let org = session.organization().await?;
    let keys =
        secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await?;
    let base_url = simulator.base_url();
    for (provider, name, external_id, token) in [
        (ProviderKind::Meta, "meta-main", "100000000000001", "demo-meta-token"),
        (ProviderKind::Ultramsg, "ultramsg", "", "demo-ultramsg-token"),
        (ProviderKind::Twilio, "twilio", "ACde30000000000000000000000000de30", "demo-twilio-token"),
    ] {
        let id = AccountId::new();
        let token = keys.seal(&token_place(org.id, id), token)?.as_str().to_owned();
        let sealed = SealedSecrets { token: Some(token), ..SealedSecrets::default() };
        let account = NewAccount {
            id,
            name,
            provider,
            external_id,
            base_url: Some(&base_url),
            rolling_limit: None,
            sealed,
        };
        session.store.add_account(org.id, &account, actor).await?;
        for line in LINES.iter().filter(|line| line.provider == provider) {
            let phone = Phone::parse(line.phone)
                .map_err(|error| CliError::because("a number of the demo cannot be read", error))?;
            let full_speed = Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 100 };
            let number = NewNumber {
                phone,
                account: id,
                sender_id: line.sender_id.to_owned(),
                name: line.name.to_owned(),
                priority: line.priority,
                daily_limit: Some(if options.headless { 10_000_000 } else { 1_000 }),
                pacing: Some(if options.headless { full_speed } else { line.pacing }),
                warm_up: None,
            };
            session.store.add_number(org.id, &number, Some("default"), actor).await?;
        }
    }
    Ok(org)
}

/// The demo's own contacts, or as many as were asked for.
fn contacts(options: &Options, folder: &Path) -> Result<PathBuf, CliError> {
    let path = folder.join("contacts.csv");
    let text = match options.recipients {
        None => CONTACTS.to_owned(),
        Some(count) => {
            let mut text = String::from("phone,name,locale,customer_tier,city\n");
            for place in 0..count {
                let tier = if place % 4 == 0 { "premium" } else { "standard" };
                let locale = ["en", "fr", "es", "pt"][usize::try_from(place % 4).unwrap_or(0)];
                // Writing to a string does not fail.
                let _ = writeln!(text, "+2376{place:08},Person {place},{locale},{tier},Douala");
            }
            text
        }
    };
    fs::write(&path, text)
        .map_err(|error| CliError::because("failed to write the demo's contacts", error))?;
    Ok(path)
}

/// Waits until everything was sent and what can be settled is.
async fn until_over(
    session: &Session,
    org: &Org,
    status: &mut watch::Receiver<Status>,
) -> Result<(), CliError> {
    let mut idle_since: Option<Moment> = None;
    loop {
        let _ = tokio::time::timeout(Duration::from_millis(200), status.changed()).await;
        let now = status.borrow_and_update().clone();
        session.out.progress(&format!("{} accepted, {} on the wire", now.totals.accepted, now.in_air));
        match (now.idle, idle_since) {
            (true, Some(since)) if since.elapsed() > SURELY_IDLE => {
                let doubts = session.store.accepted_and_doubted(org.id).await?.in_doubt;
                if doubts == 0 || since.elapsed() > DOUBTS_SETTLE {
                    return Ok(());
                }
            }
            (true, None) => idle_since = Some(Moment::now()),
            (true, Some(_)) => {}
            (false, _) => idle_since = None,
        }
    }
}

/// Sends everything, then compares what we recorded with what the providers received.
async fn headless(session: &Session, org: &Org, simulator: &Simulator) -> Result<(), CliError> {
    logging::to_stderr(session.config.log.as_deref().or(Some("off")));
    let began = Moment::now();
    let sender = sender::start(session, sender::config(session, org, "sender")).await?;
    let mut status = sender.status();
    until_over(session, org, &mut status).await?;
    session.out.progress("");
    let (totals, left) = sender.drain(DRAIN_LIMIT).await;
    let seconds = began.elapsed().as_secs_f64();
    let recorded = session.store.accepted_and_doubted(org.id).await?;
    let violations = session.store.check_invariants(org.id).await?;
    let received = simulator.count();
    let duplicates = simulator.duplicates().len();
    let lowest = recorded.accepted;
    let agree = duplicates == 0
        && u64::try_from(received)
            .is_ok_and(|received| received >= lowest && received <= lowest + recorded.in_doubt)
        && violations.is_empty()
        && left == 0;
    let value = json!({
        "accepted": totals.accepted, "rejected": totals.rejected, "not_sent": totals.not_sent,
        "in_doubt": totals.in_doubt, "seconds": (seconds * 1_000.0).round() / 1_000.0,
        "recorded": { "accepted": recorded.accepted, "in_doubt": recorded.in_doubt },
        "received": { "messages": received, "duplicates": duplicates },
        "violations": violations.iter().map(|each| format!("{}: {}", each.invariant, each.detail)).collect::<Vec<String>>(),
        "both_sides_agree": agree,
    });
    session.out.show(&value, || {
        format!(
            "{} accepted, {} rejected, {} not sent, {} in doubt in {seconds:.1} s ({:.0} a second)\n\
             recorded: {} accepted, {} in doubt   received by the providers: {received}, {duplicates} duplicates\n\
             {}",
            totals.accepted,
            totals.rejected,
            totals.not_sent,
            totals.in_doubt,
            f64::from(u32::try_from(totals.accepted).unwrap_or(u32::MAX)) / seconds.max(0.001),
            recorded.accepted,
            recorded.in_doubt,
            if agree { "both sides agree" } else { "BOTH SIDES DO NOT AGREE" },
        )
    })?;
    if agree {
        Ok(())
    } else {
        Err(CliError::failed("what we recorded and what the providers received do not agree"))
    }
}
