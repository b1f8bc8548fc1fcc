//! `signalbox demo`: a throw-away world with simulated providers, to see everything without touching anybody.

use super::{
    CliError, Command, Global, Session,
    account::{place, seal},
    campaign, console, contact, listen, logging,
    output::Out,
    secret, sender,
    session::Org,
};
use crate::{
    config::{Config, Flags},
    domain::{
        action::NewNumber,
        content::StepTemplate,
        ids::AccountId,
        locale::Locale,
        number::{Pacing, ProviderKind, Remarks},
        phone::Phone,
    },
    postgres::{
        cluster::{Cluster, Settings},
        connect::Database,
        migrate::{self, MIGRATIONS},
    },
    provider::simulator::{Script, Simulator, Webhook},
    secrets::KeyRing,
    sender::{DRAIN_LIMIT, Status, Totals, clock::Moment, line::token_place},
    store::{
        account::{NewAccount, SealedSecrets},
        chore::{Recorded, Reports},
        invariant::Violation,
        organization::NewOrganization,
        vitals::VitalEdit,
    },
};
use clap::Parser;
use serde_json::json;
use std::{
    fmt::Write,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::watch;
use url::Url;

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

/// One account of the demo: provider, name, id at the provider, token, and the secret that its webhooks are believed by.
struct Account {
    provider: ProviderKind,
    name: &'static str,
    external_id: &'static str,
    token: &'static str,
    webhook_secret: &'static str,
}

const ACCOUNTS: [Account; 3] = [
    Account {
        provider: ProviderKind::Meta,
        name: "meta-main",
        external_id: "100000000000001",
        token: "demo-meta-token",
        webhook_secret: "demo-app-secret",
    },
    Account {
        provider: ProviderKind::Ultramsg,
        name: "ultramsg",
        external_id: "",
        token: "demo-ultramsg-token",
        webhook_secret: "demoPathSecret",
    },
    Account {
        provider: ProviderKind::Twilio,
        name: "twilio",
        external_id: "ACde30000000000000000000000000de30",
        token: "demo-twilio-token",
        // The token that requests carry signs what comes back, too.
        webhook_secret: "demo-twilio-token",
    },
];

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

/// Who gets the canaries of numbers whose messages do not arrive. Nobody of the audience.
const CANARY: &str = "+237699000199";

/// A sender that was idle for so long has nothing more to send.
const SURELY_IDLE: Duration = Duration::from_millis(1_500);
/// So long the end waits for doubts: what a rehearsal's providers can be asked about is settled by then.
const DOUBTS_SETTLE: Duration = Duration::from_secs(12);

/// So long the end waits for reports: the simulator's last ones come half a minute after their messages, many take longer.
const REPORTS_ARRIVE: Duration = Duration::from_mins(2);

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
    let session = Session::on(database, config, out, "demo").await?;
    let script = script(options.headless)?;
    let simulator = Simulator::start_on_own_thread(SocketAddr::from(([127, 0, 0, 1], 0)), script)?;
    let done = Box::pin(play(&session, options, &simulator, folder.path())).await;
    simulator.stop().await;
    let closed = session.close().await;
    let stopped = cluster.close().await.map_err(CliError::from);
    done.and(closed).and(stopped)
}

/// Without a terminal nobody watches people read for half a minute.
fn script(headless: bool) -> Result<Script, CliError> {
    let text = if headless {
        SCRIPT.replace("\"25s\"", "\"6s\"").replace("\"12s\"", "\"4s\"")
    } else {
        SCRIPT.to_owned()
    };
    Script::parse(&text).map_err(|error| CliError::because("the demo's script cannot be read", error))
}

async fn play(
    session: &Session,
    options: &Options,
    simulator: &Simulator,
    folder: &Path,
) -> Result<(), CliError> {
    session.out.progress("setting up accounts, numbers, contacts and campaigns …");
    let listening = listening()?;
    let org = furnish(session, options, simulator, &listening).await?;
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
        headless(session, &org, simulator, &listening).await
    } else {
        let flags = console::Flags { plain: options.plain, listening, ..console::Flags::default() };
        console::show(session, &org, flags, "DEMO", false).await
    }
}

/// A free port of this machine, for the demo's own listener: its address is told to the providers before it listens.
fn listening() -> Result<listen::Flags, CliError> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
    let address =
        free.map_err(|error| CliError::because("failed to find a port for the demo's webhooks", error))?;
    let public = Url::parse(&format!("http://{address}"))
        .map_err(|error| CliError::because("the demo's own address cannot be read", error))?;
    Ok(listen::Flags { listen: Some(address), public_url: Some(public) })
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

async fn furnish(
    session: &Session,
    options: &Options,
    simulator: &Simulator,
    listening: &listen::Flags,
) -> Result<Org, CliError> {
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
    session.found(&new).await?;
    let org = session.organization().await?;
    watch_arrivals(session, options, &org).await?;
    let keys =
        secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await?;
    let base_url = simulator.base_url();
    for kind in &ACCOUNTS {
        let id = AccountId::new();
        let account = NewAccount {
            id,
            name: kind.name,
            provider: kind.provider,
            external_id: kind.external_id,
            base_url: Some(&base_url),
            rolling_limit: None,
            portfolio: None,
            sealed: sealed(&keys, &org, id, kind)?,
        };
        session.store.add_account(org.id, &account, actor).await?;
        report_to(simulator, listening, id, kind)?;
        for line in LINES.iter().filter(|line| line.provider == kind.provider) {
            add_number(session, options, &org, id, line).await?;
        }
    }
    Ok(org)
}

/// Where there is time to see it, a number whose messages do not arrive is found by a canary.
async fn watch_arrivals(session: &Session, options: &Options, org: &Org) -> Result<(), CliError> {
    if options.headless {
        return Ok(());
    }
    let canary = Phone::parse(CANARY)
        .map_err(|error| CliError::because("the canary phone of the demo cannot be read", error))?;
    let template = canary_template()?;
    let edit = VitalEdit {
        canary_phone: Some(Some(&canary)),
        canary_template: Some(Some(&template)),
        ..VitalEdit::default()
    };
    let changed = session.store.edit_vital_rules(org.id, &edit, None, session.actor()).await?;
    CliError::unless(changed, "the organisation of the demo")
}

/// The one that the script's providers approved.
fn canary_template() -> Result<StepTemplate, CliError> {
    let language = Locale::parse("en")
        .map_err(|error| CliError::because("the canary template of the demo cannot be read", error))?;
    Ok(StepTemplate::plain("are_you_there".to_owned(), language))
}

fn sealed(keys: &KeyRing, org: &Org, id: AccountId, kind: &Account) -> Result<SealedSecrets, CliError> {
    let word = |column| seal(keys, &place(org, id, column), kind.webhook_secret).map(Some);
    let (app_secret, webhook_secret) = match kind.provider {
        ProviderKind::Meta => (word("sealed_app_secret")?, None),
        ProviderKind::Ultramsg => (None, word("sealed_webhook_secret")?),
        ProviderKind::Twilio => (None, None),
    };
    let token = Some(seal(keys, &token_place(org.id, id), kind.token)?);
    Ok(SealedSecrets { token, app_secret, verify_token: None, webhook_secret })
}

/// What an operator does in a provider's own console: registers our webhook.
fn report_to(
    simulator: &Simulator,
    listening: &listen::Flags,
    id: AccountId,
    kind: &Account,
) -> Result<(), CliError> {
    let Some(public) = &listening.public_url else { return Ok(()) };
    let secret_part = if kind.provider == ProviderKind::Ultramsg {
        format!("/{}", kind.webhook_secret)
    } else {
        String::new()
    };
    let webhook = Webhook {
        provider: kind.provider,
        url: format!("{public}webhooks/{}/{id}{secret_part}", kind.provider),
        secret: kind.webhook_secret.to_owned(),
        numbers: Vec::new(),
        account: kind.external_id.to_owned(),
        connect: None,
    };
    simulator.add_webhook(webhook).map_err(CliError::failed)
}

async fn add_number(
    session: &Session,
    options: &Options,
    org: &Org,
    account: AccountId,
    line: &Line,
) -> Result<(), CliError> {
    let phone = Phone::parse(line.phone)
        .map_err(|error| CliError::because("a number of the demo cannot be read", error))?;
    let full_speed = Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 100 };
    let number = NewNumber {
        phone,
        account,
        sender_id: line.sender_id.to_owned(),
        name: line.name.to_owned(),
        priority: line.priority,
        daily_limit: Some(if options.headless { 10_000_000 } else { 1_000 }),
        pacing: Some(if options.headless { full_speed } else { line.pacing }),
        warm_up: None,
        remarks: Remarks::default(),
        pool: None,
    };
    session.store.add_number(org.id, &number, session.actor()).await?;
    Ok(())
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

/// Waits until the providers have reported everything and all of it is applied.
async fn until_reported(session: &Session, org: &Org, simulator: &Simulator) -> Result<Reports, CliError> {
    let began = Moment::now();
    loop {
        let (posted, reports) = (simulator.posted(), session.store.count_reports(org.id).await?);
        session.out.progress(&format!("{} reports came, {} are to come", reports.kept, posted.waiting));
        let all_came = posted.waiting == 0 && reports.waiting == 0 && reports.kept >= posted.delivered;
        if (all_came && told(simulator, &reports)) || began.elapsed() > REPORTS_ARRIVE {
            return Ok(reports);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Whether the ledger has what the providers reported, neither more nor less.
fn told(simulator: &Simulator, reports: &Reports) -> bool {
    let posted = simulator.posted();
    posted.given_up == 0
        && (posted.of_delivery, posted.of_reading) == (reports.delivered, reports.read)
        && reports.kept == posted.delivered
}

/// Sends everything, then compares what we recorded with what the providers received, and what they reported with what we know.
async fn headless(
    session: &Session,
    org: &Org,
    simulator: &Simulator,
    listening: &listen::Flags,
) -> Result<(), CliError> {
    logging::to_stderr(session.config.log.as_deref().or(Some("off")));
    let began = Moment::now();
    let mut config = sender::config(session, org, "sender");
    config.public.clone_from(&listening.public_url);
    let sender = sender::start(session, config).await?;
    let (_, shown) = watch::channel(Some(sender.liveness()));
    let listener = listen::start(session, org, sender.instance(), shown, listening).await?;
    let mut status = sender.status();
    until_over(session, org, &mut status).await?;
    let seconds = began.elapsed().as_secs_f64();
    let reports = until_reported(session, org, simulator).await?;
    session.out.progress("");
    if let Some(listener) = listener {
        listener.end().await;
    }
    let (totals, left) = sender.drain(DRAIN_LIMIT).await;
    let end = End {
        totals,
        left,
        seconds,
        reports,
        recorded: session.store.accepted_and_doubted(org.id).await?,
        violations: session.store.check_invariants(org.id).await?,
    };
    end.show(session, simulator)
}

/// How a demo without a terminal ended.
struct End {
    totals: Totals,
    left: u32,
    seconds: f64,
    reports: Reports,
    recorded: Recorded,
    violations: Vec<Violation>,
}

impl End {
    fn agrees(&self, simulator: &Simulator) -> bool {
        let lowest = self.recorded.accepted;
        let highest = lowest + self.recorded.in_doubt;
        simulator.duplicates().is_empty()
            && u64::try_from(simulator.count()).is_ok_and(|received| (lowest..=highest).contains(&received))
            && self.violations.is_empty()
            && self.left == 0
            && told(simulator, &self.reports)
    }

    fn show(&self, session: &Session, simulator: &Simulator) -> Result<(), CliError> {
        let Self { totals, seconds, reports, recorded, .. } = self;
        let (received, duplicates, posted) =
            (simulator.count(), simulator.duplicates().len(), simulator.posted());
        let agree = self.agrees(simulator);
        let violations: Vec<String> =
            self.violations.iter().map(|each| format!("{}: {}", each.invariant, each.detail)).collect();
        let value = json!({
            "accepted": totals.accepted, "rejected": totals.rejected, "not_sent": totals.not_sent,
            "in_doubt": totals.in_doubt, "delivered": reports.delivered, "read": reports.read,
            "opted_out": reports.opted_out, "seconds": (seconds * 1_000.0).round() / 1_000.0,
            "recorded": { "accepted": recorded.accepted, "in_doubt": recorded.in_doubt,
                          "delivered": reports.delivered, "read": reports.read, "reports": reports.kept },
            "received": { "messages": received, "duplicates": duplicates },
            "reported": { "delivered": posted.of_delivery, "read": posted.of_reading, "reports": posted.delivered,
                          "given_up": posted.given_up },
            "violations": violations,
            "both_sides_agree": agree,
        });
        session.out.show(&value, || {
            format!(
                "{} accepted, {} rejected, {} not sent, {} in doubt in {seconds:.1} s ({:.0} a second)\n\
                 recorded: {} accepted, {} in doubt   received by the providers: {received}, {duplicates} duplicates\n\
                 recorded: {} delivered, {} of them read   reported by the providers: {} and {}   {} people opted out\n\
                 {}",
                totals.accepted,
                totals.rejected,
                totals.not_sent,
                totals.in_doubt,
                f64::from(u32::try_from(totals.accepted).unwrap_or(u32::MAX)) / seconds.max(0.001),
                recorded.accepted,
                recorded.in_doubt,
                reports.delivered,
                reports.read,
                posted.of_delivery,
                posted.of_reading,
                reports.opted_out,
                if agree { "both sides agree" } else { "BOTH SIDES DO NOT AGREE" },
            )
        })?;
        if agree {
            Ok(())
        } else {
            Err(CliError::failed(
                "what we recorded and what the providers received and reported do not agree",
            ))
        }
    }
}
