//! What tests on a real database stand on: one throw-away cluster for each test program, a migrated template, and a
//! database of its own for every test, copied in milliseconds. The real binary is run against it.

#![allow(dead_code, reason = "every test program uses a part of it")]

pub mod acme;
pub mod binary;

use signalbox::{
    postgres::{
        cluster::{Cluster, Settings},
        connect::{Database, Purpose},
        migrate::{self, MIGRATIONS},
    },
    store::Store,
};
use sqlx::PgPool;
use std::{
    future::Future,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const TEMPLATE: &str = "migrated";

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The cluster of this test program. Its guard stops it when the program ends, in whatever way.
pub fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| {
        // A thread with a runtime of its own: the caller may be inside one.
        std::thread::spawn(|| {
            let cluster = Cluster::throwaway_now(Settings::for_tests()).unwrap();
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                cluster.create_database(TEMPLATE, None).await.unwrap();
                let template = Database::on_cluster(&cluster, TEMPLATE);
                migrate::run(&template, &MIGRATIONS, Duration::from_mins(1), |_| {}).await.unwrap();
            });
            cluster
        })
        .join()
        .unwrap()
    })
}

/// A database of its own.
pub struct Db {
    pub name: String,
    pub database: Database,
    pub store: Store,
    /// For statements of the test itself.
    pub pool: PgPool,
}

impl Db {
    /// A copy of the migrated template.
    pub async fn new() -> Self {
        Self::of(Some(TEMPLATE)).await
    }

    /// A database that nothing was ever migrated in.
    pub async fn empty() -> Self {
        Self::of(None).await
    }

    async fn of(template: Option<&str>) -> Self {
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        cluster().create_database(&name, template).await.unwrap();
        let database = Database::on_cluster(cluster(), &name);
        Self { store: Store::new(&database), pool: database.pool(Purpose::Work), name, database }
    }

    /// Its address, for another process.
    pub fn url(&self) -> String {
        cluster().url(&self.name)
    }

    /// One value of one row.
    pub async fn value<T>(&self, sql: &'static str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// How many rows every table has, as one text: equal before and after what changed nothing.
    pub async fn fingerprint(&self) -> String {
        self.value(
            "select string_agg(relname || '=' || (xpath('/row/n/text()',
                        query_to_xml(format('select count(*) as n from %I', relname), false, true, '')))[1]::text,
                        ' ' order by relname)
               from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
                and relname not in ('key_check')",
        )
        .await
    }

    /// Waits until a statement of another session of this database waits for a lock.
    pub async fn until_somebody_waits(&self) {
        until("somebody waits for a lock", || async { self.waiting().await > 0 }).await;
    }

    /// How many sessions of this database wait for a lock.
    pub async fn waiting(&self) -> i64 {
        self.value(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .await
    }

    /// The invariants, all of them.
    pub async fn assert_invariants(&self) {
        for organization in self.store.organizations(None).await.unwrap() {
            let found = self.store.check_invariants(organization.id).await.unwrap();
            assert!(found.is_empty(), "{found:#?}");
        }
    }
}

/// Waits for a condition, at most 90 seconds: a starved machine does in a minute what takes three seconds on a quiet one.
pub async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let limit = Instant::now() + Duration::from_secs(90);
    while !condition().await {
        assert!(Instant::now() < limit, "not within 90 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
