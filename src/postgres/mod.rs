//! Postgres, found or started (`design.md`, section 13): the binaries of this machine, local clusters made with them,
//! connections, and the schema's version.
//!
//! The little SQL that stands here concerns whole databases and connections, never a table of ours: it is all in
//! `admin.rs`. Everything else belongs to `store`.

mod admin;
pub mod binaries;
pub mod cluster;
pub mod connect;
pub mod migrate;
pub mod way;

/// An error as people read it: the driver puts behind the server's words the line of the server's own sources at which it said
/// them.
#[must_use]
pub fn plainly(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(sqlx::Error::Database(said)) = error.downcast_ref::<sqlx::Error>() {
        return format!("the server says: {}", said.message());
    }
    // Behind that error stands what it holds, in its box.
    let boxed = error.downcast_ref::<Box<dyn sqlx::error::DatabaseError>>().map(|said| said.message());
    let bare =
        error.downcast_ref::<sqlx::postgres::PgDatabaseError>().map(sqlx::postgres::PgDatabaseError::message);
    boxed.or(bare).map_or_else(|| error.to_string(), str::to_owned)
}
