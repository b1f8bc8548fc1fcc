//! A world for one test: a database of its own cloned from a migrated template, simulated providers with a script, one
//! or more senders in process or as real processes. Every test that sends ends by comparing both sides, what we
//! recorded and what the providers received, and with the invariants.

#![allow(dead_code, reason = "every test program uses a part of it")]

pub mod check;
pub mod child;
pub mod claimer;
pub mod provider;
pub mod relay;
pub mod seed;

use signalbox::{
    domain::ids::{OrganizationId, PoolId},
    postgres::{
        cluster::{Cluster, Settings},
        connect::{Database, Purpose},
        migrate::{self, MIGRATIONS},
    },
    provider::{
        client,
        simulator::{Script, Simulator},
    },
    secrets::{self, KeyRing},
    sender::{Config, Sender, Timing},
    store::Store,
};
use sqlx::PgPool;
use std::{
    net::SocketAddr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const TEMPLATE: &str = "migrated";

/// How long doubts take in tests: an attempt without outcome is in doubt five seconds after its claim, and a provider is
/// asked about it for the first time a moment later.
pub const TIMING: Timing = Timing {
    grace: Duration::from_secs(1),
    settle: Duration::from_millis(1_500),
    deadline: Duration::from_secs(4),
    start_window: Duration::from_secs(2),
};

/// A request has two seconds.
pub const CLIENT_LIMIT: Duration = Duration::from_secs(2);

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The cluster that the tests of one program share. Its guard stops it when the program ends, in whatever way.
pub fn shared_cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| std::thread::spawn(new_cluster).join().unwrap())
}

/// A cluster with the migrated template, for a test that stops or breaks its server.
pub async fn own_cluster() -> Cluster {
    tokio::task::spawn_blocking(new_cluster).await.unwrap()
}

fn new_cluster() -> Cluster {
    let cluster = Cluster::throwaway_now(Settings::for_tests()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        cluster.create_database(TEMPLATE, None).await.unwrap();
        let template = Database::on_cluster(&cluster, TEMPLATE);
        migrate::run(&template, &MIGRATIONS, Duration::from_secs(60), |_| {}).await.unwrap();
    });
    cluster
}

/// What a world is made of.
pub struct Made {
    pub script: String,
    pub zone: &'static str,
    pub rehearsal: bool,
    pub sticky: bool,
    pub strategy: &'static str,
    /// The database's clock can be moved: see [`World::jump`].
    pub shiftable: bool,
    pub cluster: Option<Cluster>,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            script: String::new(),
            zone: "Africa/Douala",
            rehearsal: false,
            sticky: true,
            strategy: "priority",
            shiftable: false,
            cluster: None,
        }
    }
}

impl Made {
    pub fn script(mut self, script: &str) -> Self {
        script.clone_into(&mut self.script);
        self
    }

    pub fn in_zone(mut self, zone: &'static str) -> Self {
        self.zone = zone;
        self
    }

    pub fn sticky(mut self, sticky: bool) -> Self {
        self.sticky = sticky;
        self
    }

    pub fn shiftable(mut self) -> Self {
        self.shiftable = true;
        self
    }

    pub fn on(mut self, cluster: &Cluster) -> Self {
        self.cluster = Some(cluster.clone());
        self
    }

    pub async fn world(self) -> World {
        World::make(self).await
    }
}

pub struct World {
    pub name: String,
    pub cluster: Cluster,
    pub database: Database,
    /// The test's own way to the database: another program, as far as the senders are concerned.
    pub store: Store,
    /// For statements of the test itself.
    pub pool: PgPool,
    pub simulator: Simulator,
    pub organization: OrganizationId,
    pub keys: KeyRing,
    pub key_text: String,
    pub default_pool: PoolId,
    pub spool: tempfile::TempDir,
    places: AtomicU32,
}

impl World {
    pub async fn start() -> Self {
        Made::default().world().await
    }

    /// With a script for the providers.
    pub async fn scripted(script: &str) -> Self {
        Made::default().script(script).world().await
    }

    async fn make(made: Made) -> Self {
        log_if_asked();
        let cluster = made.cluster.clone().unwrap_or_else(|| shared_cluster().clone());
        let name = format!("world_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        cluster.create_database(&name, Some(TEMPLATE)).await.unwrap();
        let database = Database::on_cluster(&cluster, &name);
        if made.shiftable {
            shiftable_clock(&database, &name).await;
        }
        let key_text = secrets::new_key_text().unwrap().to_string();
        let script = Script::parse(&made.script).unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let world = Self {
            store: Store::new(&database),
            pool: database.pool(Purpose::Bulk),
            simulator: Simulator::start_on_own_thread(listen, script).unwrap(),
            organization: OrganizationId::new(),
            keys: KeyRing::parse(&key_text).unwrap(),
            key_text,
            default_pool: PoolId::new(),
            spool: tempfile::tempdir().unwrap(),
            places: AtomicU32::new(0),
            name,
            cluster,
            database,
        };
        world.seed_organization(&made).await;
        world
    }

    /// New connections, after the server was away.
    pub fn reconnect(&mut self) {
        self.store = Store::new(&self.database);
        self.pool = self.database.pool(Purpose::Bulk);
    }

    pub fn follow(&self, script: &str) {
        self.simulator.set_script(Script::parse(script).unwrap());
    }

    /// How a sender of this world runs: production's code with shorter times.
    pub fn config(&self) -> Config {
        let mut config = Config::new(self.organization, self.spool.path().to_owned());
        let base_url = self.simulator.base_url();
        config.base_url = Box::new(move |_| base_url.clone());
        config.timing = TIMING;
        config.client = client::Settings {
            connect_timeout: Duration::from_secs(1),
            total_timeout: CLIENT_LIMIT,
            ..client::Settings::default()
        };
        config
    }

    /// A sender in this process, with connections of its own.
    pub async fn sender(&self) -> Sender {
        self.sender_with(&self.database, |_| {}).await
    }

    pub async fn sender_with(&self, database: &Database, change: impl FnOnce(&mut Config)) -> Sender {
        let mut config = self.config();
        change(&mut config);
        Sender::start(Store::new(database), KeyRing::parse(&self.key_text).unwrap(), config).await.unwrap()
    }

    /// Lets the senders end well, then compares both sides and checks the invariants.
    pub async fn end(&self, senders: impl IntoIterator<Item = Sender>) -> check::Sides {
        for sender in senders {
            let (_, left) = sender.drain(Duration::from_secs(15)).await;
            assert_eq!(left, 0, "a sender left work behind");
        }
        let sides = self.assert_both_sides().await;
        self.assert_invariants().await;
        sides
    }

    /// Moves the database's clock by so many seconds from what it would show. Only in a shiftable world.
    pub async fn jump(&self, seconds: f64) {
        sqlx::query("update shifted.jump set seconds = $1").bind(seconds).execute(&self.pool).await.unwrap();
    }

    /// Moves the database's clock so that it shows `at` now.
    pub async fn set_clock(&self, at: chrono::DateTime<chrono::Utc>) {
        let real: chrono::DateTime<chrono::Utc> = self.value("select pg_catalog.clock_timestamp()").await;
        #[expect(clippy::cast_precision_loss, reason = "centuries in milliseconds fit")]
        self.jump((at - real).num_milliseconds() as f64 / 1_000.0).await;
    }

    /// One value of one row.
    pub async fn value<T>(&self, sql: &'static str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub async fn execute(&self, sql: &'static str) -> u64 {
        sqlx::query(sql)
            .execute(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .rows_affected()
    }

    /// Waits until so many statements of this database wait for a lock.
    pub async fn until_waiting(&self, count: i64) {
        until("statements wait for a lock", 10, async || {
            self.value::<i64>(
                "select count(*) from pg_stat_activity
                  where datname = current_database() and wait_event_type = 'Lock' and state = 'active'",
            )
            .await
                >= count
        })
        .await;
    }

    /// Waits until the counts over all campaigns are as wanted.
    pub async fn until_counts(&self, what: &str, seconds: u64, wanted: impl Fn(&check::Counts) -> bool) {
        let limit = Instant::now() + Duration::from_secs(seconds);
        loop {
            let counts = self.counts().await;
            if wanted(&counts) {
                return;
            }
            if Instant::now() > limit {
                panic!(
                    "not within {seconds} s: {what}; {counts:?}; attempts {:?}",
                    self.attempt_states().await
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until every recipient is accepted.
    pub async fn until_all_accepted(&self, seconds: u64) {
        self.until_counts("all accepted", seconds, |counts| counts.accepted == counts.planned).await;
    }
}

/// Waits for a condition.
pub async fn until(what: &str, seconds: u64, condition: impl AsyncFn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(seconds);
    while !condition().await {
        assert!(Instant::now() < limit, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Watches for a while that something holds all the time.
pub async fn throughout(what: &str, time: Duration, condition: impl AsyncFn() -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        assert!(condition().await, "not throughout {time:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Puts a clock in front of the server's that a test can move: our statements name `clock_timestamp()` without a schema,
/// and every session of this database finds this one first.
async fn shiftable_clock(database: &Database, name: &str) {
    let pool = database.pool(Purpose::Bulk);
    for statement in [
        "create schema shifted",
        "create table shifted.jump (seconds double precision not null)",
        "insert into shifted.jump values (0)",
        "create function shifted.clock_timestamp() returns timestamptz language sql volatile as
         'select pg_catalog.clock_timestamp() + make_interval(secs => seconds) from shifted.jump'",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    // Functions with a path of their own look there first, too.
    sqlx::query(
        "do $$ declare f regprocedure; begin
             for f in select oid from pg_proc where 'search_path=public, pg_temp' = any (proconfig) loop
                 execute format('alter function %s set search_path = shifted, pg_catalog, public, pg_temp', f);
             end loop; end $$",
    )
    .execute(&pool)
    .await
    .unwrap();
    let path = format!("alter database {name} set search_path = shifted, pg_catalog, public");
    sqlx::query(sqlx::AssertSqlSafe(path)).execute(&pool).await.unwrap();
    pool.close().await;
}

/// `SIGNALBOX_LOG=debug cargo test … -- --nocapture` shows what senders do.
fn log_if_asked() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        if let Ok(filter) = std::env::var("SIGNALBOX_LOG") {
            let _ = tracing_subscriber::fmt()
                .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
                .with_test_writer()
                .try_init();
        }
    });
}
