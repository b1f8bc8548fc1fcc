//! `signalbox sender`: a sender without a screen.

use super::{CliError, Session, listen, logging, secret, sender_several, session::Org};
use crate::domain::number::ProviderKind;
use crate::sender::{
    Config, DRAIN_LIMIT, Sender, Status, Timing, Totals,
    clock::{CampaignClock, Moment},
};
use crate::store::health::Turns;
use chrono::NaiveDateTime;
use clap::Args;
use serde_json::json;
use std::time::Duration;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// Nothing may be due for this long before `--until-idle` believes it.
pub const SURELY_IDLE: Duration = Duration::from_millis(1_500);

/// How it is run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox sender
  signalbox sender --until-idle --json
  signalbox sender --listen 127.0.0.1:8080 --public-url https://hooks.example.com
  signalbox sender --org rehearsal --clock-start 2025-06-01T08:00 --clock-speed 20000")]
pub struct Options {
    /// How webhooks are taken
    #[command(flatten)]
    listening: listen::Flags,
    /// End when nothing is due and nothing is in flight, and print the totals
    #[arg(long)]
    until_idle: bool,
    /// Start the campaign clock here (rehearsal organisations only)
    #[arg(long, value_name = "TIME", requires = "clock_speed")]
    clock_start: Option<String>,
    /// Run the campaign clock so many times faster (rehearsal organisations only)
    #[arg(long, value_name = "FACTOR", requires = "clock_start", value_parser = speed, allow_hyphen_values = true)]
    clock_speed: Option<f64>,
}

/// Sends until it is asked to end.
pub async fn run(session: &Session, options: &Options) -> Result<(), CliError> {
    logging::to_stderr(session.config.log.as_deref());
    let mut orgs = session.served().await?;
    if orgs.len() > 1 {
        if options.listening.listen.is_some() || options.clock_start.is_some() {
            return Err(CliError::Usage(
                "webhooks and clocks are one organisation's: name it with --org".to_owned(),
            ));
        }
        return sender_several::run(session, &orgs, options.until_idle).await;
    }
    let org = orgs.remove(0);
    if !session.store.seat(org.id, None).await?.may_write() {
        let (role, slug) = (session.store.login_role().await?, &org.record.slug);
        return Err(CliError::Refused(format!(
            "{role} is a viewer of {slug}: viewers look and do not send; signalbox operator edit {role} --role service"
        )));
    }
    let mut signals = Signals::listen()?;
    let began = Moment::now();
    let mut config = config(session, &org, "sender");
    config.clock = clock(&org, options)?;
    config.public.clone_from(&options.listening.public_url);
    let sender = start(session, config).await?;
    let (_, shown) = watch::channel(Some(sender.liveness()));
    let listener = listen::start(session, &org, sender.instance(), shown, &options.listening).await?;
    if let Some(listener) = &listener {
        session.out.note(&format!("webhooks are taken at {}", listener.address()));
    }
    let mut status = sender.status();
    let ended = wait(&mut status, &mut signals, options.until_idle).await;
    // Reports that came are kept before the sender that would apply them leaves.
    if let Some(listener) = listener {
        listener.end().await;
    }
    let draining = sender.drain(DRAIN_LIMIT);
    let (totals, left) = tokio::select! {
        done = draining => done,
        // The second signal does not wait: what has no outcome is found in doubt.
        () = signals.next() => return Err(CliError::failed("ended at once; what was on the wire will be found in doubt")),
    };
    if left > 0 {
        session.out.note(&format!("{left} messages had no outcome in time; they will be found in doubt"));
    }
    if let Ended::Failed(what) = ended {
        return Err(CliError::failed(format!(
            "the sender's {what} failed; what was on the wire is settled or will be found in doubt"
        )));
    }
    if ended == Ended::Idle || session.out.is_json() {
        print_totals(session, totals, began)?;
    }
    Ok(())
}

/// Prints totals as `interfaces.md` says.
pub fn print_totals(session: &Session, totals: Totals, began: Moment) -> Result<(), CliError> {
    let seconds = (began.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0;
    let value = json!({
        "accepted": totals.accepted, "rejected": totals.rejected, "not_sent": totals.not_sent,
        "in_doubt": totals.in_doubt, "seconds": seconds,
    });
    session.out.show(&value, || {
        format!(
            "{} accepted, {} rejected, {} not sent, {} in doubt in {seconds} s",
            totals.accepted, totals.rejected, totals.not_sent, totals.in_doubt
        )
    })
}

/// A sender's settings from this run's configuration.
pub fn config(session: &Session, org: &Org, kind: &'static str) -> Config {
    let mut config = Config::new(org.id, session.config.data_dir.join("spool"));
    session.operator_name().clone_into(&mut config.operator);
    config.kind = kind;
    reach_providers(&mut config, &session.config);
    if org.record.rehearsal {
        config.timing =
            Timing { grace: Duration::from_secs(2), settle: Duration::from_secs(6), ..Timing::default() };
        // Its providers count no questions.
        config.failures = Duration::from_secs(5);
        config.checks = Turns {
            usual: Duration::from_secs(30),
            suspended: Duration::from_secs(5),
            apart: Duration::ZERO,
        };
    }
    config
}

/// Where providers are reached in this run, and whether what is said to them is logged.
pub fn reach_providers(sender: &mut Config, run: &crate::config::Config) {
    let urls = ProviderKind::ALL.map(|kind| run.base_url(kind).to_owned());
    sender.base_url = Box::new(move |kind| {
        let at = ProviderKind::ALL.iter().position(|each| *each == kind).unwrap_or(0);
        urls[at].clone()
    });
    sender.client.debug = run.provider_debug;
}

/// Starts a sender with the run's keys.
pub async fn start(session: &Session, config: Config) -> Result<Sender, CliError> {
    let keys =
        secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await?;
    Sender::start(session.store.clone(), keys, config)
        .await
        .map_err(|error| CliError::because("failed to start the sender", error))
}

/// At most so fast that a clock that ran for weeks still shows a year that can be written.
fn speed(raw: &str) -> Result<f64, String> {
    let speed = raw.trim().parse().ok().filter(|speed| (0.001..=1_000_000.0).contains(speed));
    speed.ok_or_else(|| "the speed of a clock is a number from 0.001 to 1000000".to_owned())
}

fn clock(org: &Org, options: &Options) -> Result<CampaignClock, CliError> {
    let (Some(start), Some(speed)) = (&options.clock_start, options.clock_speed) else {
        return Ok(CampaignClock::Database);
    };
    if !org.record.rehearsal {
        return Err(CliError::Refused(format!(
            "{} is no rehearsal organisation: only one made with `org add --rehearsal` may run on another clock",
            org.record.slug
        )));
    }
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(start, form).ok())
        .ok_or_else(|| {
            CliError::Usage(format!("--clock-start is a time such as 2025-06-01T08:00, not {start:?}"))
        })?;
    let start = crate::domain::day::resolve(local, org.zone)
        .map_err(|error| CliError::Usage(format!("--clock-start: {error}")))?;
    Ok(CampaignClock::Rehearsal { start, speed, since: Moment::now() })
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Asked,
    Idle,
    Failed(&'static str),
}

async fn wait(status: &mut watch::Receiver<Status>, signals: &mut Signals, until_idle: bool) -> Ended {
    let mut idle_since: Option<Moment> = None;
    loop {
        tokio::select! {
            () = signals.next() => return Ended::Asked,
            _ = tokio::time::timeout(Duration::from_millis(200), status.changed()) => {}
        }
        let now = status.borrow_and_update().clone();
        if let Some(what) = now.failed {
            return Ended::Failed(what);
        }
        if !until_idle {
            continue;
        }
        if now.idle {
            let since = *idle_since.get_or_insert_with(Moment::now);
            if since.elapsed() >= SURELY_IDLE {
                return Ended::Idle;
            }
        } else {
            idle_since = None;
        }
    }
}

/// The signals that ask a program to end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    quit: Signal,
}

/// How urgent a signal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// End well.
    Well,
    /// End at once.
    AtOnce,
}

impl Signals {
    /// Listens from now on.
    pub fn listen() -> Result<Self, CliError> {
        let asked =
            |kind| signal(kind).map_err(|error| CliError::because("failed to listen for signals", error));
        Ok(Self {
            terminate: asked(SignalKind::terminate())?,
            interrupt: asked(SignalKind::interrupt())?,
            hang_up: asked(SignalKind::hangup())?,
            quit: asked(SignalKind::quit())?,
        })
    }

    /// The next one that somebody means: a hang-up comes along with a terminal that is lost. Ctrl-\ does not wait.
    pub async fn next_press(&mut self) -> Urgency {
        tokio::select! {
            _ = self.terminate.recv() => Urgency::Well,
            _ = self.interrupt.recv() => Urgency::Well,
            _ = self.quit.recv() => Urgency::AtOnce,
        }
    }

    /// The next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}
