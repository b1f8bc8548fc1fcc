//! `signalbox doctor`: every check with what was found and what to do about it.

mod accounts;
mod alerts;
mod keys;
mod media;
mod senders;
mod server;

use super::{
    CliError, Global,
    output::{Out, Table},
    secret,
    session::{for_operators, open_database},
};
use crate::{
    config::Config,
    postgres::{
        connect::{Database, Purpose},
        migrate::{self, MIGRATIONS, SchemaState},
    },
    store::{
        Store,
        invariant::{INVARIANTS, Violation},
        organization::OrganizationRecord,
    },
};
use serde::Serialize;

/// Violations that one check names.
const NAMED: usize = 5;

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    ok: bool,
    detail: String,
    fix: Option<String>,
}

impl Check {
    fn good(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), ok: true, detail: detail.into(), fix: None }
    }

    fn bad(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, detail: detail.into(), fix: Some(fix.into()) }
    }

    fn of(name: &str, done: Result<String, CliError>, fix: &str) -> Self {
        match done {
            Ok(detail) => Self::good(name, detail),
            Err(error) => Self::bad(name, error.message().unwrap_or_default(), fix),
        }
    }
}

/// Runs every check; fails when one of them does.
pub async fn run(global: &Global, out: &Out) -> Result<(), CliError> {
    let mut checks = Vec::new();
    match open_database(global, out).await {
        Ok((config, database)) => {
            check_database(&config, &database, &mut checks).await;
            if let Some(cluster) = database.cluster().cloned() {
                drop(database);
                cluster.close().await?;
            }
        }
        Err(error) => {
            checks.push(Check::bad(
                "database",
                error.message().unwrap_or_default(),
                "set DATABASE_URL, or install PostgreSQL for a local cluster",
            ));
        }
    }
    let failed = checks.iter().filter(|check| !check.ok).count();
    out.show(&checks, || {
        let mut table = Table::new(&["", "CHECK", "FOUND", "WHAT TO DO"]);
        for check in &checks {
            let mark = if check.ok { "ok" } else { "FAIL" };
            table.row([
                mark.to_owned(),
                check.name.clone(),
                check.detail.clone(),
                check.fix.clone().unwrap_or_default(),
            ]);
        }
        table.render()
    })?;
    match failed {
        0 => Ok(()),
        1 => Err(CliError::failed("one check failed")),
        several => Err(CliError::failed(format!("{several} checks failed"))),
    }
}

async fn check_database(config: &Config, database: &Database, checks: &mut Vec<Check>) {
    let pool = match database.reach(Purpose::Screen).await {
        Ok(pool) => pool,
        Err(error) => {
            checks.push(Check::bad(
                "database",
                CliError::from(error).message().unwrap_or_default(),
                "start the server, or correct DATABASE_URL",
            ));
            return;
        }
    };
    checks.push(match database.warning() {
        None => Check::good("database", database.place()),
        Some(warning) => {
            Check::bad("database", warning.to_string(), "add sslmode=verify-full to the database address")
        }
    });
    let state = migrate::check(&pool, &MIGRATIONS).await;
    pool.close().await;
    let current = matches!(&state, Ok(state) if state.is_current());
    checks.push(match state {
        Ok(state) if state.is_current() => Check::good("schema", state.to_string()),
        Ok(state) => Check::bad("schema", state.to_string(), way_on(state)),
        Err(error) => Check::bad("schema", error.to_string(), "see whether the role may read the schema"),
    });
    if !current {
        return;
    }
    match for_operators(database).await {
        Ok(database) => {
            let store = Store::new(&database);
            checks.push(Check::of(
                "rights",
                rights(&store).await,
                "signalbox operator add ROLE --role manager",
            ));
            check_store(config, &database, &store, checks).await;
            store.close().await;
        }
        Err(error) => checks.push(Check::of("rights", Err(error), "see whether this role owns the schema")),
    }
}

/// What brings program and schema together again.
fn way_on(state: SchemaState) -> &'static str {
    match state {
        SchemaState::Empty | SchemaState::Older { .. } => "signalbox migrate",
        SchemaState::Newer { .. } => "use a newer signalbox",
        SchemaState::Dirty { .. } => "restore the database, or finish that migration by hand",
        SchemaState::Changed { .. } => "use the signalbox that migrated it",
        SchemaState::Current { .. } => "",
    }
}

/// Who we are, and what that role may do.
async fn rights(store: &Store) -> Result<String, CliError> {
    let rights = store.rights().await?;
    let role = rights.role;
    let seats: Vec<String> = rights.seats.iter().map(|(slug, right)| format!("{right} of {slug}")).collect();
    match (rights.is_owner, seats.is_empty()) {
        (true, true) => Ok(format!(
            "{role} owns the tables or is a superuser: nothing is kept from it; daily work needs a role of its own"
        )),
        (true, false) => Ok(format!(
            "{role} is {}, and owns the tables or is a superuser: nothing is kept from it",
            seats.join(", ")
        )),
        (false, false) => Ok(format!("{role} is {}, and reaches nothing else", seats.join(", "))),
        (false, true) => Err(CliError::failed(format!("{role} is no operator of any organisation"))),
    }
}

async fn check_store(config: &Config, database: &Database, store: &Store, checks: &mut Vec<Check>) {
    let durable = store.durability().await.map_err(CliError::from).and_then(|settings| {
        let off: Vec<&str> =
            settings.iter().filter(|(_, value)| value == "off").map(|(name, _)| name.as_str()).collect();
        if off.is_empty() {
            Ok("what is committed is on the disk".to_owned())
        } else {
            Err(CliError::failed(format!("{} is off: a power cut loses what was committed", off.join(", "))))
        }
    });
    checks.push(Check::of("durability", durable, "switch fsync, synchronous_commit and full_page_writes on"));
    checks.push(server::version(store).await);
    checks.push(server::clock(store).await);
    let opened = keys::opened(config, database, store).await;
    checks.push(Check::of("encryption key", opened, keys::FIX));
    match store.organizations(config.organization.as_deref()).await {
        Err(error) => {
            checks.push(Check::of("organisations", Err(error.into()), "see whether the role may read them"));
        }
        Ok(organizations) => {
            let slugs: Vec<&str> = organizations.iter().map(|each| each.slug.as_str()).collect();
            let found = if slugs.is_empty() { "none yet".to_owned() } else { slugs.join(", ") };
            checks.push(Check::good("organisations", found));
            for organization in &organizations {
                let named = organizations.len() > 1;
                check_organization(store, organization, named, checks).await;
                senders::check(store, organization, named, checks).await;
                accounts::check(config, database, store, organization, named, checks).await;
                alerts::check(store, organization, named, checks).await;
                media::check(store, organization, config.private_media, named, checks).await;
            }
        }
    }
}

async fn check_organization(
    store: &Store,
    organization: &OrganizationRecord,
    named: bool,
    checks: &mut Vec<Check>,
) {
    let name = |invariant: &str| {
        if named { format!("{invariant} {}", organization.slug) } else { invariant.to_owned() }
    };
    let found = match store.check_invariants(organization.id).await {
        Ok(found) => found,
        Err(error) => {
            let failed = CliError::from(error).message().unwrap_or_default();
            checks.push(Check::bad(name("invariants"), failed, "try again when the database is well"));
            return;
        }
    };
    for (invariant, promise) in INVARIANTS {
        let broken: Vec<&Violation> =
            found.iter().filter(|violation| violation.invariant == invariant).collect();
        checks.push(if broken.is_empty() {
            Check::good(name(invariant), promise)
        } else {
            let details: Vec<&str> =
                broken.iter().take(NAMED).map(|violation| violation.detail.as_str()).collect();
            let more = broken.len() - details.len();
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            Check::bad(
                name(invariant),
                format!("broken: {promise}. {}{more}", details.join("; ")),
                "stop sending with signalbox org stop, keep the database as it is, and look into it",
            )
        });
    }
}
