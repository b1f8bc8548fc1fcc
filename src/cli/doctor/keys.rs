//! Whether the key ring opens every secret that is sealed in the database.

use super::CliError;
use crate::{
    cli::secret,
    config::Config,
    postgres::connect::Database,
    secrets::{KeyRing, Sealed},
    store::Store,
};
use std::collections::BTreeSet;

/// What to do when it does not.
pub const FIX: &str = "name the right key file in ENCRYPTION_KEY_FILE; a key that was taken off the ring too early is put back \
                       behind the others, until signalbox key rotate was run once more";
/// Secrets that are named.
const NAMED: usize = 5;

/// What the ring opens. The check value alone proves one key: what a sender sealed that was told of another first key is found
/// by its own.
pub async fn opened(config: &Config, database: &Database, store: &Store) -> Result<String, CliError> {
    let ring = secret::key_ring(config, database.cluster().is_some(), store).await?;
    let (mut closed, mut lacking, mut all) = (Vec::new(), BTreeSet::new(), 0_usize);
    for organization in store.organizations(None).await? {
        let accounts = store.sealed_rows(organization.id).await?.into_iter().map(|row| {
            let name = format!("account {} of {}", row.name, organization.slug);
            (name, row.sealed.into_iter().flatten().collect::<Vec<_>>())
        });
        let channels = store.alert_channels(organization.id, None).await?.into_iter().map(|row| {
            let name = format!("alert channel {} of {}", row.name, organization.slug);
            (name, row.sealed_secret.into_iter().collect())
        });
        for (name, sealed) in accounts.chain(channels) {
            all += sealed.len();
            let keys: BTreeSet<String> = sealed.iter().filter_map(|text| lacks(&ring, text)).collect();
            if !keys.is_empty() {
                closed.push(name);
                lacking.extend(keys);
            }
        }
    }
    if closed.is_empty() {
        return Ok(format!("the ring opens this database's {all} secrets (keys {})", ring.ids()));
    }
    let lacking = lacking.into_iter().collect::<Vec<_>>().join(", ");
    let more = closed.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    closed.truncate(NAMED);
    Err(CliError::failed(format!(
        "the ring (keys {}) does not open {}{more}: sealed with key {lacking}",
        ring.ids(),
        closed.join(", ")
    )))
}

/// The key that opens this and is not on the ring, or that it is none.
fn lacks(ring: &KeyRing, text: &str) -> Option<String> {
    match text.parse::<Sealed>().and_then(|sealed| sealed.key()) {
        Ok(key) if ring.has(key) => None,
        Ok(key) => Some(key.to_string()),
        Err(_) => Some("of another form".to_owned()),
    }
}
