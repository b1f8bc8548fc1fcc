//! The statements about whole databases and connections; none touches a table of ours.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};

/// `create database`, as a copy of `template` when one is named.
pub(super) async fn create_database(
    server: &PgConnectOptions,
    name: &str,
    template: Option<&str>,
) -> sqlx::Result<()> {
    let template = template.map(|template| format!(" template {}", quoted(template))).unwrap_or_default();
    run(server, format!("create database {}{template}", quoted(name))).await
}

/// Makes a database if there is none of that name; two at once is fine. Answers whether it was made here.
pub(super) async fn ensure_database(server: &PgConnectOptions, name: &str) -> sqlx::Result<bool> {
    match create_database(server, name, None).await {
        Ok(()) => Ok(true),
        Err(error) if is_one_of(&error, &["42P04", "23505"]) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `drop database`, cutting every connection to it.
pub(super) async fn drop_database(server: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    run(server, format!("drop database if exists {} with (force)", quoted(name))).await
}

/// Ends whatever transaction a connection may have been left in, whether the driver knows of it or not.
///
/// A `begin()` that is dropped halfway leaves the server inside a transaction of which the driver knows nothing (sqlx
/// 0.8.4 to 0.9.0, upstream issue 4393), and the driver does not show what the server says about it. A bare
/// `rollback` outside a transaction makes the server log a warning each time; after a `begin` it does not, and a `begin`
/// inside a forgotten transaction is itself only a warning.
pub(super) async fn end_forgotten_transaction(connection: &mut PgConnection) -> sqlx::Result<()> {
    connection.execute("begin; rollback").await.map(|_done| ())
}

/// Sets how long a statement of this connection waits for a lock.
pub(super) async fn set_lock_timeout(connection: &mut PgConnection, milliseconds: u64) -> sqlx::Result<()> {
    connection.execute(AssertSqlSafe(format!("set lock_timeout = {milliseconds}"))).await.map(|_done| ())
}

/// Whether the server refused because a wait for a lock took too long.
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    is_one_of(error, &["55P03"])
}

/// Whether the server refused because a table does not exist.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    is_one_of(error, &["42P01"])
}

/// Whether the server refused because the login role has no right to it.
pub(super) fn is_forbidden(error: &sqlx::Error) -> bool {
    is_one_of(error, &["42501"])
}

fn is_one_of(error: &sqlx::Error, codes: &[&str]) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| codes.contains(&code.as_ref()))
}

async fn run(server: &PgConnectOptions, statement: String) -> sqlx::Result<()> {
    let mut connection = server.connect().await?;
    let done = connection.execute(AssertSqlSafe(statement)).await.map(|_done| ());
    let _ = connection.close().await;
    done
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
