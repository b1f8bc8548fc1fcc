//! How benches begin that ask a database of their own: what they were asked for, and where they work.

use signalbox::postgres::{
    cluster::{Cluster, Settings},
    connect::Database,
    migrate,
};
use std::{error::Error, time::Duration};

/// What stands behind `cargo bench --bench NAME --`.
pub struct Arguments(Vec<String>);

impl Arguments {
    /// `None`: this is no `cargo bench`. `cargo test --benches` runs every bench once; these are not for that.
    pub fn read() -> Option<Self> {
        let arguments: Vec<String> = std::env::args().collect();
        arguments.iter().any(|argument| argument == "--bench").then_some(Self(arguments))
    }

    /// The figure behind a flag, or the usual one.
    pub fn value(&self, name: &str, usual: u64) -> u64 {
        let at = self.0.iter().position(|argument| argument == name);
        at.and_then(|at| self.0.get(at + 1)?.parse().ok()).unwrap_or(usual)
    }
}

/// A server of the bench's own, `fsync` on, with an empty, migrated database. It lives as long as the cluster is kept.
pub async fn database() -> Result<(Cluster, Database), Box<dyn Error + Send + Sync>> {
    let cluster = Cluster::throwaway(Settings::default()).await?;
    cluster.ensure_database("bench").await?;
    let database = Database::on_cluster(&cluster, "bench");
    migrate::run(&database, &migrate::MIGRATIONS, Duration::from_secs(30), |_| {}).await?;
    Ok((cluster, database))
}
