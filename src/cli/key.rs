//! `signalbox key`.

use super::{CliError, output::Out};
use crate::secrets;
use clap::Subcommand;
use serde_json::json;
use std::path::PathBuf;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes a key in a new file that only you may read, or prints one
    #[command(
        after_help = "Example:\n  signalbox key new --file /etc/signalbox/keys\n  export ENCRYPTION_KEY_FILE=/etc/signalbox/keys"
    )]
    New {
        /// The file to make; it must not exist. Without it the key goes to standard output
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Seals every secret again with the first key of the ring; may be cut off and run again
    #[command(
        after_help = "First put the new key behind the old one on every host, so that all of them can read it; then before the old one here, and run this; then before it on every host, and run this once more, for what was sealed meanwhile; then take the old one off every host. Programs read the keys when they start: restart senders and consoles after each step."
    )]
    Rotate,
}

impl Verb {
    /// Whether it is done on a database.
    pub fn needs_database(&self) -> bool {
        matches!(self, Self::Rotate)
    }
}

/// Does it.
pub fn run(verb: &Verb, out: &Out) -> Result<(), CliError> {
    match verb {
        // Done on a database, by `key_rotate`.
        Verb::Rotate => Ok(()),
        Verb::New { file: Some(file) } => {
            secrets::new_key_file(file)?;
            out.show(&json!({ "file": file }), || {
                format!("made {}; name it in ENCRYPTION_KEY_FILE, and keep a copy elsewhere", file.display())
            })
        }
        Verb::New { file: None } => {
            let key = secrets::new_key_text()?;
            out.show(&json!({ "key": key.as_str() }), || key.to_string())
        }
    }
}
