//! Reaching a database: which address is safe, what every session is told, and the pools.
//!
//! Nothing here prints connect options or an address with its password: [`Database`] describes itself by role, host and
//! name only.

use super::{
    admin,
    cluster::{Cluster, ClusterError, Settings},
    way,
};
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use std::{fmt, net::IpAddr, path::Path, str::FromStr, time::Duration};

/// The database that is used on a local cluster.
pub const LOCAL_DATABASE: &str = "signalbox";

/// The role that everything on a local cluster is done by, but the making of organisations and schemas: policies bind it as they
/// bind every operator.
pub const LOCAL_OPERATOR: &str = "signalbox_operator";

/// An idle connection that rested longer than this is asked for a sign of life before it is used. Shorter rests are not
/// worth a round trip for each claim.
const TRUST_IDLE_FOR: Duration = Duration::from_secs(2);

/// What a connection is for. It decides how many there are and how long a statement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The sender's claims. One at a time, always through the same connection: it has planned them before.
    Claim,
    /// The sender's outcomes, likewise.
    Record,
    /// Whatever else the sender does: leases, snapshots, chores. A handful of connections: on two cores more only add
    /// waiting (`performance.md`).
    Work,
    /// What the console reads. Its own few connections, so that scrolling never costs a lease.
    Screen,
    /// What operators order. One connection that stays open: a pause waits for no list and for no handshake.
    Order,
    /// Lists of millions of rows. Each statement follows the one index that it was written for, whatever the planner's figures
    /// say: these are always behind what was written last, and that is what people look at.
    Walk,
    /// Commands that may take long: import, export, enrolment.
    Bulk,
    /// Migrations: no limit on a statement, a short one on waiting for a lock.
    Migrate,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Record => "record",
            Self::Work => "work",
            Self::Screen => "screen",
            Self::Order => "order",
            Self::Walk => "walk",
            Self::Bulk => "bulk",
            Self::Migrate => "migrate",
        }
    }

    fn connections(self) -> u32 {
        match self {
            Self::Work | Self::Screen => 3,
            Self::Walk | Self::Bulk => 2,
            Self::Claim | Self::Record | Self::Order | Self::Migrate => 1,
        }
    }

    /// `statement_timeout`; `None`: no limit.
    pub(super) fn statement_limit(self) -> Option<Duration> {
        match self {
            Self::Claim | Self::Record | Self::Work => Some(Duration::from_secs(15)),
            Self::Screen | Self::Walk => Some(Duration::from_secs(2)),
            Self::Order => Some(Duration::from_secs(6)),
            Self::Bulk => Some(Duration::from_mins(10)),
            Self::Migrate => None,
        }
    }

    /// `lock_timeout`. A locked row must show as *busy*, never as a freeze.
    fn lock_limit(self) -> Duration {
        match self {
            Self::Claim | Self::Record | Self::Work | Self::Bulk => Duration::from_secs(5),
            Self::Screen | Self::Walk => Duration::from_secs(1),
            // A decision waits for every claim that is inside: on a busy machine with many senders that is not instantly.
            // It must not be given up lightly, least of all a pause; nothing else waits for it meanwhile.
            Self::Order => Duration::from_secs(4),
            Self::Migrate => Duration::from_secs(3),
        }
    }

    /// How its statements are planned.
    fn planning(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Claim | Self::Record | Self::Work | Self::Order | Self::Bulk | Self::Migrate => &[],
            // What people look at differs in its conditions, and a plan made for all of them reads far too much for most.
            // Planning costs a millisecond; compiling a plan costs more than running it.
            // While figures are behind what was loaded last, a count up to a limit looks cheaper by reading a table whole.
            Self::Screen => {
                &[("plan_cache_mode", "force_custom_plan"), ("jit", "off"), ("enable_seqscan", "off")]
            }
            Self::Walk => &[
                ("plan_cache_mode", "force_custom_plan"),
                ("jit", "off"),
                ("enable_seqscan", "off"),
                ("enable_bitmapscan", "off"),
                ("enable_sort", "off"),
                ("enable_incremental_sort", "off"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
                ("enable_material", "off"),
                ("max_parallel_workers_per_gather", "0"),
            ],
        }
    }

    /// How long to wait for a connection of the pool.
    fn acquire_limit(self) -> Duration {
        match self {
            Self::Screen | Self::Walk => Duration::from_secs(2),
            Self::Order => Duration::from_secs(5),
            Self::Claim | Self::Record | Self::Work | Self::Bulk | Self::Migrate => Duration::from_secs(10),
        }
    }
}

/// Why an address is not used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It is no address. The driver's own words are left out, because they may quote the password.
    #[error("the database address is not of the form postgres://ROLE@HOST/DATABASE?sslmode=verify-full")]
    Address,
    /// A host elsewhere without certain encryption.
    #[error(
        "the connection to {host} would go unencrypted or fall back to it (sslmode={found}); add sslmode=verify-full to the database address, and sslrootcert=FILE if its certificate is signed by an authority of your own"
    )]
    Plaintext {
        /// The host.
        host: String,
        /// The mode that was asked for, or the default.
        found: &'static str,
    },
    /// The server is older than what the schema needs.
    #[error("the server is PostgreSQL {found}; version 15 or later is needed")]
    OldServer {
        /// Its version.
        found: super::binaries::ServerVersion,
    },
    /// The server cannot be reached or refuses us.
    #[error("failed to connect to {place}")]
    Connect {
        /// Role, host and name of the database.
        place: String,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The local cluster.
    #[error("failed to use the local cluster")]
    Cluster(#[from] ClusterError),
}

/// Something that works and should be better. Shown once, at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Encrypted, but whoever answers is believed to be the server.
    Unverified {
        /// The host.
        host: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unverified { host } => write!(
                f,
                "the connection to {host} is encrypted, but the server's identity is not checked; use sslmode=verify-full"
            ),
        }
    }
}

/// A database and how to reach it safely. Making one connects to nothing.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    warning: Option<Warning>,
    cluster: Option<Cluster>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.place())
    }
}

impl Database {
    /// Reads an address such as `DATABASE_URL`; libpq's environment (`PGSSLMODE`, `PGPASSWORD`, `PGPASSFILE`) fills what it leaves
    /// open. A host elsewhere needs `sslmode=require` (with a warning) or better; the driver's default would fall back to
    /// plain text without a word (`reliability.md`, section 8).
    ///
    /// # Errors
    /// When it is no address, or not a safe one.
    pub fn from_url(url: &str) -> Result<Self, ConnectError> {
        let url = url.trim();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(ConnectError::Address);
        }
        let options = PgConnectOptions::from_str(url).map_err(|_quotes_the_address| ConnectError::Address)?;
        let warning = judge(&options)?;
        Ok(Self { options, warning, cluster: None })
    }

    /// A database of a local cluster. The value keeps the cluster up.
    #[must_use]
    pub fn on_cluster(cluster: &Cluster, name: &str) -> Self {
        Self { options: cluster.connect_options(name), warning: None, cluster: Some(cluster.clone()) }
    }

    /// The database to use: the address where one is given, else [`LOCAL_DATABASE`] on the shared cluster in `data_dir`, which is
    /// made and started where needed.
    ///
    /// # Errors
    /// When the address is not safe, or there is no local cluster to be had.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, ConnectError> {
        if let Some(url) = url {
            return Self::from_url(url);
        }
        let cluster = Cluster::shared(data_dir, Settings::default()).await?;
        cluster.ensure_database(LOCAL_DATABASE).await?;
        Ok(Self::on_cluster(&cluster, LOCAL_DATABASE))
    }

    /// The same database for another role, which no password is known of: on a local cluster none is asked for.
    #[must_use]
    pub fn as_role(&self, role: &str) -> Self {
        Self { options: self.options.clone().username(role), ..self.clone() }
    }

    /// The address by which a role reaches this database, without a password: for who is told how to connect.
    #[must_use]
    pub fn address_of(&self, role: &str) -> String {
        let quoted = |text: &str| {
            form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
        };
        let name = quoted(self.options.get_database().unwrap_or_else(|| self.options.get_username()));
        let (role, port) = (quoted(role), self.options.get_port());
        if let Some(folder) = local_socket(&self.options) {
            return format!("postgres://{role}@localhost:{port}/{name}?host={}", quoted(&folder));
        }
        let host = self.options.get_host();
        // Whatever this connection does without: operators come from elsewhere.
        let mode = if is_loopback(host) { "" } else { "?sslmode=verify-full" };
        format!("postgres://{role}@{host}:{port}/{name}{mode}")
    }

    /// Role, host and name of the database, for messages: `signalbox@db.example.com:5432/campaigns`.
    #[must_use]
    pub fn place(&self) -> String {
        let name = self.options.get_database().unwrap_or_else(|| self.options.get_username());
        let role = self.options.get_username();
        match local_socket(&self.options) {
            Some(folder) => format!("{role}@{folder}/{name}"),
            None => format!("{role}@{}:{}/{name}", self.options.get_host(), self.options.get_port()),
        }
    }

    /// What should be better about it.
    #[must_use]
    pub fn warning(&self) -> Option<&Warning> {
        self.warning.as_ref()
    }

    /// The local cluster it lies on, if it does. Close it after the pools to hear of failures.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// The options of a session for this purpose, for what needs a connection outside a pool. They hold the password: never
    /// print them.
    #[must_use]
    pub fn options(&self, purpose: Purpose) -> PgConnectOptions {
        session(self.options.clone(), purpose)
    }

    /// One connection outside any pool.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn connect(&self, purpose: Purpose) -> Result<PgConnection, ConnectError> {
        self.options(purpose).connect().await.map_err(|source| self.failed(source))
    }

    /// A pool that connects when it is first used, and again whenever the server comes back.
    #[must_use]
    pub fn pool(&self, purpose: Purpose) -> PgPool {
        pool_options(purpose).connect_lazy_with(self.options(purpose))
    }

    /// As [`Database::pool`], but the server must be there now and be recent enough.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses us or is too old.
    pub async fn reach(&self, purpose: Purpose) -> Result<PgPool, ConnectError> {
        let pool = pool_options(purpose).connect_with(self.options(purpose)).await;
        let pool = match pool {
            Ok(pool) => pool,
            Err(source) => return Err(self.failed(self.cause(purpose, source).await)),
        };
        let connection = pool.acquire().await.map_err(|source| self.failed(source))?;
        let version = connection.server_version_num().map(super::binaries::ServerVersion::from_number);
        match version {
            Some(found) if found.major < super::binaries::OLDEST_MAJOR => {
                Err(ConnectError::OldServer { found })
            }
            _ => Ok(pool),
        }
    }

    /// What stands in the way. A pool tries again until its time is over, and says no more than that.
    async fn cause(&self, purpose: Purpose, source: sqlx::Error) -> sqlx::Error {
        if !matches!(source, sqlx::Error::PoolTimedOut) {
            return source;
        }
        match tokio::time::timeout(purpose.acquire_limit(), self.options(purpose).connect()).await {
            Ok(Err(cause)) => cause,
            Ok(Ok(_)) | Err(_) => source,
        }
    }

    fn failed(&self, source: sqlx::Error) -> ConnectError {
        ConnectError::Connect { place: self.place(), source }
    }
}

/// What a pool of ours does besides holding connections.
fn pool_options(purpose: Purpose) -> PgPoolOptions {
    let rests = !matches!(purpose, Purpose::Order | Purpose::Claim | Purpose::Record);
    let options = PgPoolOptions::new()
        .max_connections(purpose.connections())
        .acquire_timeout(purpose.acquire_limit())
        .idle_timeout(rests.then_some(Duration::from_mins(5)))
        .max_lifetime(rests.then_some(Duration::from_mins(30)))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUST_IDLE_FOR {
                    way::within(connection.ping()).await?;
                }
                Ok(true)
            })
        });
    if matches!(purpose, Purpose::Claim | Purpose::Record) {
        // Nothing but one function goes through these, and no transaction is ever begun there: the next claim does not
        // wait for a round trip that would find nothing.
        return options;
    }
    options.after_release(|connection, _meta| {
        Box::pin(async move { Ok(admin::end_forgotten_transaction(connection).await.is_ok()) })
    })
}

/// Settings of every session. They travel in the connection's start, so no statement runs without them.
fn session(options: PgConnectOptions, purpose: Purpose) -> PgConnectOptions {
    let milliseconds = |limit: Duration| format!("{}ms", limit.as_millis());
    let statement = purpose.statement_limit().map_or_else(|| "0".to_owned(), milliseconds);
    let options = options.options(purpose.planning().iter().copied());
    options.application_name(&format!("signalbox/{}", purpose.name())).options([
        ("statement_timeout", statement),
        ("lock_timeout", milliseconds(purpose.lock_limit())),
        ("idle_in_transaction_session_timeout", "10s".to_owned()),
        ("TimeZone", "UTC".to_owned()),
        // Whatever server, database or role say: an intent that a crash can undo is a message that may be sent twice.
        ("synchronous_commit", "on".to_owned()),
        // A console that vanished without a word must not keep its row locks for two hours.
        ("tcp_keepalives_idle", "10".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", "20s".to_owned()),
    ])
}

fn local_socket(options: &PgConnectOptions) -> Option<String> {
    match options.get_socket() {
        Some(folder) => Some(folder.display().to_string()),
        None => options.get_host().starts_with('/').then(|| options.get_host().to_owned()),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn judge(options: &PgConnectOptions) -> Result<Option<Warning>, ConnectError> {
    let host = options.get_host();
    if local_socket(options).is_some() || is_loopback(host) {
        return Ok(None);
    }
    let refuse = |found| Err(ConnectError::Plaintext { host: host.to_owned(), found });
    match options.get_ssl_mode() {
        PgSslMode::VerifyFull => Ok(None),
        PgSslMode::Require | PgSslMode::VerifyCa => Ok(Some(Warning::Unverified { host: host.to_owned() })),
        PgSslMode::Prefer => refuse("prefer, the default"),
        PgSslMode::Allow => refuse("allow"),
        PgSslMode::Disable => refuse("disable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_elsewhere_needs_encryption() {
        for (mode, found) in [
            ("", "prefer"),
            ("?sslmode=prefer", "prefer"),
            ("?sslmode=allow", "allow"),
            ("?sslmode=disable", "disable"),
        ] {
            let error =
                Database::from_url(&format!("postgres://ana:topsecret@db.example.com/x{mode}")).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("sslmode=verify-full") && text.contains(found), "{text}");
            assert!(!text.contains("topsecret"), "{text}");
        }
    }

    #[test]
    fn an_unchecked_server_is_used_with_a_warning() {
        let unchecked = Database::from_url("postgres://ana@db.example.com/x?sslmode=require").unwrap();
        assert!(
            matches!(unchecked.warning(), Some(Warning::Unverified { host }) if host == "db.example.com")
        );
        let checked = Database::from_url("postgres://ana@db.example.com/x?sslmode=verify-full").unwrap();
        assert_eq!(checked.warning(), None);
    }

    #[test]
    fn this_machine_needs_no_encryption() {
        for url in [
            "postgres://ana@localhost/x",
            "postgres://ana@127.0.0.1:6000/x?sslmode=disable",
            "postgres://ana@[::1]/x",
            "postgres://ana@%2Fvar%2Frun%2Fpostgresql/x",
            "postgresql://ana@db.example.com/x?host=/var/run/postgresql",
        ] {
            assert_eq!(Database::from_url(url).unwrap().warning(), None, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_quoting_it() {
        for url in [
            "",
            "mysql://a:topsecret@h/x",
            "topsecret",
            "postgres://a:topsecret@h:port/x",
            "postgres://a:topsecret@h/x?sslmode=maybe",
        ] {
            let error = Database::from_url(url).unwrap_err();
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                text.push_str(&next.to_string());
                cause = next.source();
            }
            assert!(matches!(error, ConnectError::Address), "{url}");
            assert!(!text.contains("topsecret"), "{text}");
        }
    }

    #[test]
    fn a_database_never_shows_its_password() {
        let database = Database::from_url("postgres://ana:topsecret@localhost:6000/campaigns").unwrap();
        assert_eq!(format!("{database:?}"), "Database(ana@localhost:6000/campaigns)");
    }
}
