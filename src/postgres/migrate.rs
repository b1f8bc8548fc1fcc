//! The schema's version: bringing it up to date, one migrator at a time, and refusing to work on one that does not fit.

use super::{
    admin,
    connect::{ConnectError, Database, Purpose},
};
use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::{AppliedMigration, Migrate, MigrateError, Migration, Migrator},
};
use std::{
    collections::HashMap,
    fmt,
    time::{Duration, Instant},
};

/// The migrations that this program was built with.
pub static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long each look at another migrator's lock lasts.
const LOOK_AT_LOCK: Duration = Duration::from_secs(1);
/// How long one migration waits for a lock on a table: senders wait behind it. What somebody reads for longer, such as a
/// report, makes it let everybody pass and try again.
const LOCK_TABLE_WITHIN: Duration = Duration::from_secs(1);
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_secs(1);
const TABLE: &str = "_sqlx_migrations";

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Somebody else migrates for too long.
    #[error(
        "another program has been migrating this database for more than {seconds} s; try again when it is done"
    )]
    Busy {
        /// How long we waited.
        seconds: u64,
    },
    /// The schema is of a kind that no migration of ours can lead on from.
    #[error("{0}")]
    Refused(SchemaState),
    /// One migration failed; it left nothing behind, and those before it stay.
    #[error("failed to apply migration {version} ({description})")]
    Apply {
        /// Its number.
        version: i64,
        /// Its name.
        description: String,
        /// What the database said.
        source: MigrateError,
    },
    /// The list of applied migrations cannot be read or locked.
    #[error("failed to read which migrations are applied")]
    Read(#[source] MigrateError),
}

/// How the schema in the database relates to the one that this program was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// They are the same.
    Current {
        /// The newest migration.
        version: i64,
    },
    /// Nothing was ever migrated here.
    Empty,
    /// The database lacks migrations.
    Older {
        /// The newest one it has.
        found: i64,
        /// The newest one this program needs.
        needed: i64,
    },
    /// The database has migrations that this program does not know.
    Newer {
        /// The newest one it has.
        found: i64,
        /// The newest one this program knows.
        known: i64,
    },
    /// A migration was begun outside a transaction and not finished.
    Dirty {
        /// Its number.
        version: i64,
    },
    /// A migration was changed after it was applied.
    Changed {
        /// Its number.
        version: i64,
    },
}

impl SchemaState {
    /// Whether this program may send on it.
    #[must_use]
    pub fn is_current(self) -> bool {
        matches!(self, Self::Current { .. })
    }
}

impl fmt::Display for SchemaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current { version } => {
                write!(f, "the database is at schema version {version}, as it should be")
            }
            Self::Empty => f.write_str("the database is empty; run signalbox migrate"),
            Self::Older { found, needed } => write!(
                f,
                "the database is at schema version {found} and this program needs {needed}; run signalbox migrate"
            ),
            Self::Newer { found, known } => write!(
                f,
                "the database is at schema version {found} and this program only knows {known}; use a newer signalbox"
            ),
            Self::Dirty { version } => write!(
                f,
                "migration {version} was begun and not finished; restore the database or finish that migration by hand"
            ),
            Self::Changed { version } => write!(
                f,
                "migration {version} in the database is not the one of this program; they come from different builds"
            ),
        }
    }
}

/// What a migration run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The versions applied now, in order; empty when there was nothing to do.
    pub applied: Vec<i64>,
    /// The version that the schema has now.
    pub version: i64,
}

/// Brings the schema up to date. Waits for another migrator for at most `wait`; `waiting` is told each second that it does.
///
/// Every migration is one transaction together with its record, so a crash leaves whole migrations only, and running again
/// goes on where it stopped.
///
/// # Errors
/// When the database cannot be reached, somebody else migrates for too long, the schema does not fit, or a migration fails.
pub async fn run(
    database: &Database,
    migrations: &Migrator,
    wait: Duration,
    mut waiting: impl FnMut(Duration) + Send,
) -> Result<Migrated, MigrationError> {
    let mut connection = database.connect(Purpose::Migrate).await?;
    lock(&mut connection, wait, &mut waiting).await?;
    let done = apply_missing(&mut connection, migrations).await;
    // Closing gives the lock up as well, also after a failure.
    let _ = connection.close().await;
    done
}

/// Compares the schema in the database with `migrations`, changing nothing.
///
/// # Errors
/// When the database cannot be asked.
pub async fn check(pool: &PgPool, migrations: &Migrator) -> Result<SchemaState, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    match read_state(&mut connection, migrations).await {
        Ok((state, _missing)) => Ok(state),
        Err(MigrateError::Execute(error)) if admin::is_missing_table(&error) => Ok(SchemaState::Empty),
        Err(MigrateError::Execute(error)) => Err(error),
        Err(other) => Err(sqlx::Error::Migrate(Box::new(other))),
    }
}

/// Whether a schema could not be read because the login role has no right to it.
#[must_use]
pub fn is_forbidden(error: &sqlx::Error) -> bool {
    admin::is_forbidden(error)
}

async fn lock(
    connection: &mut PgConnection,
    wait: Duration,
    waiting: &mut (impl FnMut(Duration) + Send),
) -> Result<(), MigrationError> {
    let begun = Instant::now();
    limit_lock_wait(connection, LOOK_AT_LOCK).await?;
    loop {
        match Migrate::lock(connection).await {
            Ok(()) => break,
            Err(MigrateError::Execute(error)) if admin::is_lock_timeout(&error) => {
                if begun.elapsed() >= wait {
                    return Err(MigrationError::Busy { seconds: begun.elapsed().as_secs() });
                }
                waiting(begun.elapsed());
            }
            Err(error) => return Err(MigrationError::Read(error)),
        }
    }
    limit_lock_wait(connection, LOCK_TABLE_WITHIN).await
}

async fn limit_lock_wait(connection: &mut PgConnection, limit: Duration) -> Result<(), MigrationError> {
    let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    admin::set_lock_timeout(connection, milliseconds)
        .await
        .map_err(|error| MigrationError::Read(MigrateError::Execute(error)))
}

async fn apply_missing(
    connection: &mut PgConnection,
    migrations: &Migrator,
) -> Result<Migrated, MigrationError> {
    connection.ensure_migrations_table(TABLE).await.map_err(MigrationError::Read)?;
    let (state, missing) = read_state(connection, migrations).await.map_err(MigrationError::Read)?;
    match state {
        SchemaState::Current { version } => return Ok(Migrated { applied: Vec::new(), version }),
        SchemaState::Empty | SchemaState::Older { .. } => {}
        SchemaState::Newer { .. } | SchemaState::Dirty { .. } | SchemaState::Changed { .. } => {
            return Err(MigrationError::Refused(state));
        }
    }
    let mut applied = Vec::with_capacity(missing.len());
    for migration in missing {
        apply(connection, migration).await.map_err(|source| MigrationError::Apply {
            version: migration.version,
            description: migration.description.to_string(),
            source,
        })?;
        applied.push(migration.version);
    }
    Ok(Migrated { applied, version: newest(migrations) })
}

/// Applies one migration. Where it waits for a table for too long it left nothing behind, and is tried again a little
/// later; one outside of a transaction is not.
async fn apply(connection: &mut PgConnection, migration: &Migration) -> Result<(), MigrateError> {
    for _ in 1..LOCK_TRIES {
        match connection.apply(TABLE, migration).await {
            Err(MigrateError::ExecuteMigration(error, _) | MigrateError::Execute(error))
                if admin::is_lock_timeout(&error) && !migration.no_tx =>
            {
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            done => return done.map(|_took| ()),
        }
    }
    connection.apply(TABLE, migration).await.map(|_took| ())
}

async fn read_state<'m>(
    connection: &mut PgConnection,
    migrations: &'m Migrator,
) -> Result<(SchemaState, Vec<&'m Migration>), MigrateError> {
    let dirty = connection.dirty_version(TABLE).await?;
    let applied = connection.list_applied_migrations(TABLE).await?;
    Ok(compare(dirty, &applied, migrations))
}

/// Pure: what is applied against what is known.
fn compare<'m>(
    dirty: Option<i64>,
    applied: &[AppliedMigration],
    migrations: &'m Migrator,
) -> (SchemaState, Vec<&'m Migration>) {
    if let Some(version) = dirty {
        return (SchemaState::Dirty { version }, Vec::new());
    }
    let known: HashMap<i64, &Migration> =
        ours(migrations).map(|migration| (migration.version, migration)).collect();
    let found = applied.iter().map(|migration| migration.version).max().unwrap_or(0);
    let needed = newest(migrations);
    if applied.iter().any(|migration| !known.contains_key(&migration.version)) {
        return (SchemaState::Newer { found, known: needed }, Vec::new());
    }
    let changed = applied.iter().find(|migration| {
        known.get(&migration.version).is_some_and(|own| own.checksum != migration.checksum)
    });
    if let Some(changed) = changed {
        return (SchemaState::Changed { version: changed.version }, Vec::new());
    }
    let missing: Vec<&Migration> = ours(migrations)
        .filter(|migration| !applied.iter().any(|done| done.version == migration.version))
        .collect();
    let state = if missing.is_empty() {
        SchemaState::Current { version: needed }
    } else if applied.is_empty() {
        SchemaState::Empty
    } else {
        SchemaState::Older { found, needed }
    };
    (state, missing)
}

fn ours(migrations: &Migrator) -> impl Iterator<Item = &Migration> {
    migrations.iter().filter(|migration| !migration.migration_type.is_down_migration())
}

fn newest(migrations: &Migrator) -> i64 {
    ours(migrations).map(|migration| migration.version).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{SqlSafeStr, migrate::MigrationType};

    fn migrations(texts: &[&'static str]) -> Migrator {
        Migrator::with_migrations(
            (1..)
                .zip(texts)
                .map(|(version, text)| {
                    Migration::new(version, "x".into(), MigrationType::Simple, (*text).into_sql_str(), false)
                })
                .collect(),
        )
    }

    fn applied(of: &Migrator) -> Vec<AppliedMigration> {
        of.iter()
            .map(|migration| AppliedMigration {
                version: migration.version,
                checksum: migration.checksum.clone(),
            })
            .collect()
    }

    #[test]
    fn old_and_new_schemas_are_told_apart() {
        let (one, two) = (migrations(&["a"]), migrations(&["a", "b"]));
        let state = |dirty, applied: &[AppliedMigration], known| compare(dirty, applied, known).0;
        assert_eq!(state(None, &[], &two), SchemaState::Empty);
        assert_eq!(state(None, &applied(&one), &two), SchemaState::Older { found: 1, needed: 2 });
        assert_eq!(state(None, &applied(&two), &one), SchemaState::Newer { found: 2, known: 1 });
        assert_eq!(state(None, &applied(&two), &two), SchemaState::Current { version: 2 });
        assert_eq!(state(Some(2), &applied(&two), &two), SchemaState::Dirty { version: 2 });
        let other = migrations(&["a", "c"]);
        assert_eq!(state(None, &applied(&other), &two), SchemaState::Changed { version: 2 });
    }

    #[test]
    fn a_skipped_migration_is_still_missing() {
        let two = migrations(&["a", "b"]);
        let (state, missing) = compare(None, &applied(&two)[1..], &two);
        assert_eq!(state, SchemaState::Older { found: 2, needed: 2 });
        assert_eq!(missing.iter().map(|migration| migration.version).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn every_refusal_says_which_version_is_needed() {
        let older = SchemaState::Older { found: 3, needed: 7 }.to_string();
        assert!(older.contains('3') && older.contains('7') && older.contains("signalbox migrate"), "{older}");
        let newer = SchemaState::Newer { found: 9, known: 7 }.to_string();
        assert!(newer.contains('9') && newer.contains('7'), "{newer}");
    }
}
