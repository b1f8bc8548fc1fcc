//! `signalbox` without a noun: the console, with its sender inside.

use super::{CliError, Session, logging, sender, session::Org};
use crate::{
    domain::text::Safe,
    sender::{DRAIN_LIMIT, Sender, clock::Moment},
    tui::{
        self, Ended, Options,
        store_backend::{StoreBackend, Surroundings},
        theme::Theme,
    },
};
use std::{
    convert::Infallible,
    io::{Write, stderr},
    sync::Arc,
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);

/// How the console is run.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Flags {
    /// The console without a sender inside
    #[arg(long)]
    pub watch: bool,
    /// The console without any key that changes something
    #[arg(long)]
    pub read_only: bool,
}

/// Shows the console until its operator leaves, then ends the sender well.
pub async fn run(session: &Session, flags: Flags) -> Result<(), CliError> {
    tui::terminal::check().map_err(|error| CliError::failed(error.to_string()))?;
    let org = session.organization().await?;
    let environment = if org.record.rehearsal { "REHEARSAL" } else { "PROD" };
    show(session, &org, flags, environment, !org.record.rehearsal).await
}

/// Shows the console on an organisation. `environment` is the word in its header.
pub async fn show(
    session: &Session,
    org: &Org,
    flags: Flags,
    environment: &str,
    production: bool,
) -> Result<(), CliError> {
    let _log = logging::to_file(&session.config.data_dir.join("log"), session.config.log.as_deref())?;
    let sends = !(flags.watch || flags.read_only);
    let mut sender = if sends {
        Some(sender::start(session, sender::config(session, org, "console")).await?)
    } else {
        None
    };
    let seat = session.store.seat(org.id, sender.as_ref().map(Sender::instance)).await?;
    let on_loss = if sends {
        "if this terminal is lost, what is on the wire is finished and sending stops; run inside tmux to keep it"
    } else {
        "this console does not send"
    };
    let around = Surroundings {
        operator: session.operator_name().into(),
        environment: environment.into(),
        production,
        database: Safe::new(&session.database.place()),
        read_only: flags.read_only,
        on_terminal_loss: on_loss.into(),
    };
    let backend = Arc::new(StoreBackend::new(session.store.clone(), seat, around));
    let options = Options { read_only: flags.read_only, theme: Theme::detect(None, None), keys: None };
    let ended = tokio::select! {
        ended = tui::run(backend, options) => ended,
        never = keep_sending(session, org, &mut sender) => match never {},
    };
    if let Some(sender) = sender {
        leave(sender).await?;
    }
    match ended {
        Ok(Ended::Quit | Ended::Signal(_) | Ended::TerminalLost) => Ok(()),
        Err(error) => Err(CliError::because("the console ended", error)),
    }
}

/// Replaces the sender whenever a part of it failed. Never ends.
async fn keep_sending(session: &Session, org: &Org, sender: &mut Option<Sender>) -> Infallible {
    loop {
        // A console that only watches has none.
        let Some(running) = sender.as_ref() else { return std::future::pending().await };
        if running.status().wait_for(|status| status.failed.is_some()).await.is_err() {
            return std::future::pending().await;
        }
        if let Some(failed) = sender.take() {
            failed.drain(DRAIN_LIMIT).await;
        }
        while sender.is_none() {
            match sender::start(session, sender::config(session, org, "console")).await {
                Ok(started) => *sender = Some(started),
                Err(error) => {
                    let why = error.message().unwrap_or_default();
                    tracing::error!("the sender cannot be started again: {why}");
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }
}

/// Ends the sender well and says, once a second, what it waits for. Whoever interrupts it once is asked, twice is
/// obeyed.
async fn leave(sender: Sender) -> Result<(), CliError> {
    let mut signals = sender::Signals::listen()?;
    let mut status = sender.status();
    let began = Moment::now();
    let draining = sender.drain(DRAIN_LIMIT);
    tokio::pin!(draining);
    let mut seconds = tokio::time::interval(SECOND);
    // The first one is at once.
    seconds.tick().await;
    let mut asked = false;
    let (totals, left) = loop {
        tokio::select! {
            done = &mut draining => break done,
            _ = seconds.tick() => {
                let now = status.borrow_and_update().clone();
                say(&format!(
                    "finishing: {} on the wire, {} to record, {} s",
                    now.in_air,
                    now.unrecorded,
                    began.elapsed().as_secs()
                ));
            }
            () = signals.next_press() => {
                if asked {
                    return Err(CliError::failed("ended at once; what was on the wire will be found in doubt"));
                }
                asked = true;
                let in_air = status.borrow().in_air;
                say(&format!("Ctrl-c once more ends at once: {in_air} on the wire would be left in doubt"));
            }
        }
    };
    let doubts =
        if left > 0 { format!("; {left} without outcome, to be found in doubt") } else { String::new() };
    say(&format!(
        "sent {}, refused {}, in doubt {}{doubts}",
        totals.accepted, totals.rejected, totals.in_doubt
    ));
    Ok(())
}

/// A line for the operator, if anybody is there to read it.
fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}
