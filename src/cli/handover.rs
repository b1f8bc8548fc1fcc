//! `signalbox handover`: the note for the next shift.

use super::{CliError, Session};
use clap::Args;
use std::time::Duration;

/// What it is about.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  signalbox handover\n  signalbox handover --hours 12 --json")]
pub struct Options {
    /// How many hours back it looks
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=744))]
    hours: u64,
}

/// Prints it.
pub async fn run(session: &Session, options: &Options) -> Result<(), CliError> {
    let org = session.organization().await?;
    // What is new is told first: there may be no sender that does.
    if let Err(error) = session.store.raise_alerts(org.id).await {
        tracing::debug!("what is new is not told: {error}");
    }
    let note = session.store.handover(org.id, Duration::from_hours(options.hours)).await?;
    session.out.show(&note, || note.text(org.zone))
}
