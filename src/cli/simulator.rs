//! `signalbox simulator`.

use super::{CliError, output::Out};
use crate::provider::simulator::{Script, Simulator};
use clap::Args;
use serde_json::json;
use std::{net::SocketAddr, path::PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// How it is run.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  signalbox simulator --listen 127.0.0.1:9090 --script assets/demo/storm.toml"
)]
pub struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How it behaves; without one it accepts everything
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// Runs it until somebody ends it.
pub async fn run(options: &Options, out: &Out) -> Result<(), CliError> {
    let script = match &options.script {
        None => Script::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| CliError::because(format!("failed to read {}", path.display()), error))?;
            Script::parse(&text).map_err(|error| CliError::because(path.display().to_string(), error))?
        }
    };
    let asked_to_end =
        |kind| signal(kind).map_err(|error| CliError::because("failed to listen for signals", error));
    let (mut terminate, mut interrupt) =
        (asked_to_end(SignalKind::terminate())?, asked_to_end(SignalKind::interrupt())?);
    let simulator = Simulator::start(options.listen, script)?;
    out.show(
        &json!({ "address": simulator.address().to_string(), "base_url": simulator.base_url() }),
        || simulator.base_url(),
    )?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    simulator.stop().await;
    Ok(())
}
