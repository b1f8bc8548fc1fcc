//! Secrets: from standard input or a variable, never from an argument, and sealed before they go anywhere.

use super::CliError;
use crate::{
    config::{Config, Hidden},
    secrets::{self, KeyRing},
    store::Store,
};
use std::{env, io::BufRead};
use zeroize::Zeroizing;

/// Longest secret that anybody means, in bytes.
const LONGEST: usize = 16 * 1024;

/// Reads the secret that a variable holds.
pub fn from_variable(name: &str) -> Result<Zeroizing<String>, CliError> {
    let value = env::var(name)
        .map(Zeroizing::new)
        .map_err(|_| CliError::Usage(format!("the variable {name} is not set, or is not text")))?;
    checked(&value, name)
}

/// Reads a secret from the first line of standard input.
pub fn from_stdin() -> Result<Zeroizing<String>, CliError> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CliError::because("failed to read the secret from standard input", error))?;
    checked(&line, "standard input")
}

fn checked(secret: &str, from: &str) -> Result<Zeroizing<String>, CliError> {
    let secret = secret.trim();
    if secret.is_empty() {
        return Err(CliError::Usage(format!("{from} holds no secret")));
    }
    if secret.len() > LONGEST {
        return Err(CliError::Usage(format!("the secret in {from} is longer than {LONGEST} bytes")));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

/// The key ring of this run, compared with the database's check value, which is stored at first use.
pub async fn key_ring(config: &Config, local: bool, store: &Store) -> Result<KeyRing, CliError> {
    let own_file = config.data_dir.join("keys");
    let ring = secrets::load(
        config.encryption_key_file.as_deref(),
        config.encryption_key.as_ref().map(Hidden::reveal),
        local.then_some(own_file.as_path()),
    )?;
    let own = ring.check_value()?;
    let stored = store.key_check(own.as_str()).await?;
    ring.verify(&stored.parse()?)?;
    Ok(ring)
}
