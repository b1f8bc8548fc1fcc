//! Where log lines go: to standard error for programs without a screen, to a file for the console.

use super::CliError;
use std::{io, path::Path};
use tracing_appender::{non_blocking::WorkerGuard, rolling};
use tracing_subscriber::EnvFilter;

fn filter(asked: Option<&str>, usual: &str) -> EnvFilter {
    EnvFilter::try_new(asked.unwrap_or(usual)).unwrap_or_else(|_| EnvFilter::new(usual))
}

/// Logs to standard error, warnings and worse unless `SIGNALBOX_LOG` asks for more.
pub fn to_stderr(asked: Option<&str>) {
    // A second call, as in tests, changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter(asked, "warn"))
        .with_writer(io::stderr)
        .with_ansi(false)
        .try_init();
}

/// Logs to a file of the day, never to the terminal. The guard writes what is left when it is dropped.
///
/// # Errors
/// When the folder cannot be made.
pub fn to_file(folder: &Path, asked: Option<&str>) -> Result<WorkerGuard, CliError> {
    std::fs::create_dir_all(folder).map_err(|error| {
        CliError::because(format!("failed to make the log folder {}", folder.display()), error)
    })?;
    let (writer, guard) = tracing_appender::non_blocking(rolling::daily(folder, "signalbox.log"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter(asked, "info"))
        .with_writer(writer)
        .with_ansi(false)
        .try_init();
    Ok(guard)
}
