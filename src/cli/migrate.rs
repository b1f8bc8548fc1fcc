//! `signalbox migrate`.

use super::{
    CliError, Global,
    output::Out,
    session::{MIGRATE_WITHIN, open_database},
};
use crate::{
    postgres::migrate::{self, MIGRATIONS, MigrationError},
    store::Store,
};
use serde_json::json;

/// Brings the schema up to date.
pub async fn run(global: &Global, out: &Out) -> Result<(), CliError> {
    let (_config, database) = open_database(global, out).await?;
    let migrated = migrate::run(&database, &MIGRATIONS, MIGRATE_WITHIN, |waited| {
        out.note(&format!(
            "another program is migrating this database, waiting since {} s",
            waited.as_secs()
        ));
    })
    .await;
    let migrated = match migrated {
        Err(MigrationError::Refused(state)) => return Err(CliError::Refused(state.to_string())),
        migrated => migrated?,
    };
    // What is new belongs to operators as well.
    let store = Store::new(&database);
    let granted = store.grant_operators().await;
    store.close().await;
    granted?;
    out.show(&json!({ "applied": migrated.applied, "version": migrated.version }), || {
        match migrated.applied.len() {
            0 => format!("nothing to do: the schema is at version {}", migrated.version),
            applied => format!("applied {applied} migrations: the schema is at version {}", migrated.version),
        }
    })?;
    if let Some(cluster) = database.cluster().cloned() {
        drop(database);
        cluster.close().await?;
    }
    Ok(())
}
