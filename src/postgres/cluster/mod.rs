//! Local clusters: a server of our own, made with the binaries of this machine, reached by a Unix socket in a private
//! folder and by nothing else.
//!
//! Two kinds. A *throw-away* cluster belongs to one [`Cluster`] value and disappears with it: the demo and the tests
//! live there. The *shared* cluster lives in the data directory and serves every console of one user.
//!
//! Whoever reaches the socket is trusted, which is why its folder has mode 0700 and belongs to the account that runs the
//! server: the current user, or `postgres` (else `nobody`) when we are root.

mod home;
mod lock;
mod server;
mod shared;
mod throwaway;
mod user;

use super::{
    admin,
    binaries::{Binaries, BinariesError, ServerVersion},
};
use home::Home;
use rustix::process::Signal;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::{
    io,
    path::{Path, PathBuf},
    process::Child,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use user::ServerUser;

/// The role that `initdb` makes. It is a superuser: it makes the other roles, and row-level security does not bind it.
pub const SUPERUSER: &str = "signalbox";

/// The port only names the socket's file; nothing listens on the network.
const PORT: u16 = 5432;
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// How a server is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether a commit reaches the disk before it is answered. Anything that is measured or kept says yes.
    pub durable: bool,
    /// How many connections the server takes.
    pub max_connections: u16,
    /// Further server settings, `("shared_buffers", "512MB")`; they win over ours.
    pub options: Vec<(String, String)>,
    /// Whether a prepared data directory may stay in the temporary folder, for the next cluster to be copied from.
    pub keeps_template: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { durable: true, max_connections: 100, options: Vec::new(), keeps_template: false }
    }
}

impl Settings {
    /// For tests that do not measure: nothing waits for the disk, so a power cut would lose the cluster.
    #[must_use]
    pub fn for_tests() -> Self {
        Self { durable: false, max_connections: 300, options: Vec::new(), keeps_template: true }
    }

    /// The same with one more server setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), value.to_owned()));
        self
    }

    fn server_options(&self, sockets: &Path) -> Vec<(String, String)> {
        let sockets = format!("\"{}\"", sockets.display().to_string().replace('"', "\"\""));
        let mut options: Vec<(String, String)> = [
            ("listen_addresses", ""),
            ("unix_socket_directories", sockets.as_str()),
            ("unix_socket_permissions", "0700"),
            ("port", "5432"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("log_destination", "stderr"),
            ("logging_collector", "off"),
            ("max_connections", &self.max_connections.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if !self.durable {
            options.extend(
                ["fsync", "synchronous_commit", "full_page_writes"]
                    .map(|name| (name.to_owned(), "off".to_owned())),
            );
        }
        options.extend(self.options.iter().cloned());
        options
    }
}

/// How a server is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Wait until every connection has ended by itself.
    Smart,
    /// End the connections, write everything, stop.
    Fast,
    /// Stop without writing; the next start recovers.
    Immediate,
}

impl StopMode {
    fn name(self) -> &'static str {
        match self {
            Self::Smart => "smart",
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// Why a local cluster could not be made, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There are no usable binaries.
    #[error(transparent)]
    Binaries(#[from] BinariesError),
    /// A file or folder of the cluster.
    #[error("failed to {doing} ({})", .path.display())]
    File {
        /// What we were doing.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be run at all.
    #[error("failed to run {program} as {user}")]
    Run {
        /// Which one.
        program: &'static str,
        /// As whom.
        user: String,
        /// What the system said.
        source: io::Error,
    },
    /// No account to run the server as.
    #[error("PostgreSQL refuses to run as root, and no other account was found to run it")]
    NoAccount(#[source] io::Error),
    /// A program ran and failed.
    #[error("{program} failed: {said}")]
    Program {
        /// Which one.
        program: &'static str,
        /// The end of what it said.
        said: String,
    },
    /// The server ended instead of starting.
    #[error("the local server ended while starting ({status}): {log}")]
    Ended {
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// The server does not answer.
    #[error("the local server did not answer within {seconds} s: {log}")]
    NotReady {
        /// How long we waited.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// No folder for temporary files will do.
    #[error("found no folder for the local cluster: {refused}")]
    NoPlace {
        /// What was tried and why not.
        refused: String,
    },
    /// We are root, and the server's account cannot reach the data directory.
    #[error("user {user}, who runs the local server, may not enter {}, so the data directory {} cannot be used; set SIGNALBOX_DATA_DIR to another one, /var/lib/signalbox for example", .at.display(), .path.display())]
    Unreachable {
        /// The data directory.
        path: PathBuf,
        /// The folder on the way that is closed.
        at: PathBuf,
        /// The account.
        user: String,
    },
    /// Another console holds the lock for too long.
    #[error("another signalbox has been starting or stopping the local cluster for more than {seconds} s (lock {})", .path.display())]
    Busy {
        /// The lock's file.
        path: PathBuf,
        /// How long we waited.
        seconds: u64,
    },
    /// A statement about a whole database failed.
    #[error("failed to {doing}")]
    Admin {
        /// What we were doing.
        doing: String,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The task that did it was cut off: the program is ending.
    #[error("the work on the local cluster was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl ClusterError {
    fn file(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { doing, path: path.into(), source }
    }

    fn run(program: &'static str, user: &ServerUser, source: io::Error) -> Self {
        Self::Run { program, user: user.name().to_owned(), source }
    }
}

/// A running local cluster, or our part in one. Dropping the last clone stops a throw-away cluster and removes its folder,
/// or leaves the shared one.
#[derive(Debug, Clone)]
pub struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    binaries: Binaries,
    home: Home,
    user: ServerUser,
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Throwaway { server: Option<Child>, guard: Option<Child>, place: Option<throwaway::Place> },
    Shared(shared::Membership),
}

impl Cluster {
    /// Makes and starts a cluster of our own in a temporary folder. What crashed owners left behind is removed first.
    ///
    /// # Errors
    /// When there are no binaries, no place, or the server does not start.
    pub async fn throwaway(settings: Settings) -> Result<Self, ClusterError> {
        blocking(move || Self::throwaway_now(settings)).await
    }

    /// As [`Cluster::throwaway`], on the calling thread.
    ///
    /// # Errors
    /// As [`Cluster::throwaway`].
    pub fn throwaway_now(settings: Settings) -> Result<Self, ClusterError> {
        let binaries = Binaries::find()?;
        let user = ServerUser::choose().map_err(ClusterError::NoAccount)?;
        throwaway::sweep(&binaries, &user);
        let place = throwaway::make_place(&user)?;
        let home = place.home.clone();
        let within = place.within.clone();
        // From here on, dropping the value cleans up whatever was reached.
        let state = State::Throwaway { server: None, guard: None, place: Some(place) };
        let inner = Inner { binaries, home, user, settings, state: Mutex::new(state) };
        if inner.settings.keeps_template {
            home::copy_of_template(&inner.binaries, &inner.home.data(), &inner.user, &within)?;
        } else {
            home::initdb(&inner.binaries, &inner.home.data(), &inner.user, false)?;
        }
        inner.home.make_sockets(&inner.user)?;
        inner.start()?;
        let lock_file = throwaway::owner_file(&inner.home);
        let spawned = throwaway::spawn_guard(
            &lock_file,
            &inner.binaries,
            &inner.home,
            &inner.user,
            StopMode::Immediate,
        );
        if let State::Throwaway { guard, .. } = &mut *inner.state() {
            *guard = spawned;
        }
        Ok(Self(Arc::new(inner)))
    }

    /// Joins the private cluster of the current user in `data_dir`; makes and starts it where that has not been done. The
    /// settings count for the one who starts it.
    ///
    /// # Errors
    /// When there are no binaries, the folder cannot be used, or the server does not start.
    pub async fn shared(data_dir: &Path, settings: Settings) -> Result<Self, ClusterError> {
        let data_dir = data_dir.to_owned();
        blocking(move || Self::shared_now(&data_dir, settings)).await
    }

    fn shared_now(data_dir: &Path, settings: Settings) -> Result<Self, ClusterError> {
        let user = ServerUser::choose().map_err(ClusterError::NoAccount)?;
        let home = shared::home_in(data_dir, &user)?;
        let mut binaries = Binaries::find()?;
        if let Some(major) = home.major().filter(|major| *major != binaries.version().major) {
            binaries = Binaries::find_major(major)?;
        }
        let membership = shared::join(&binaries, &home, &user, &settings)?;
        Ok(Self(Arc::new(Inner {
            binaries,
            home,
            user,
            settings,
            state: Mutex::new(State::Shared(membership)),
        })))
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.0.binaries.version()
    }

    /// The folder with its data, its socket and its log.
    pub fn folder(&self) -> &Path {
        self.0.home.root()
    }

    /// What the server says.
    pub fn log(&self) -> PathBuf {
        self.0.home.log()
    }

    /// How to reach one of its databases, as the superuser.
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        self.connect_options_as(database, SUPERUSER)
    }

    /// How to reach one of its databases as some role; no password is asked for.
    pub fn connect_options_as(&self, database: &str, role: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.0.home.sockets())
            .port(PORT)
            .username(role)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The same as an address, to be handed to another process in `DATABASE_URL`.
    pub fn url(&self, database: &str) -> String {
        self.url_as(database, SUPERUSER)
    }

    /// As [`Cluster::url`], for some role.
    pub fn url_as(&self, database: &str, role: &str) -> String {
        let quoted = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let host = quoted(&self.0.home.sockets().display().to_string());
        format!("postgres://{}@localhost:{PORT}/{}?host={host}", quoted(role), quoted(database))
    }

    /// Makes a database, as a copy of `template` when one is named; nobody may be connected to the template.
    ///
    /// # Errors
    /// When the server refuses, for one because a database of that name exists.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), ClusterError> {
        admin::create_database(&self.connect_options("postgres"), name, template)
            .await
            .map_err(|source| ClusterError::Admin { doing: format!("create database {name:?}"), source })
    }

    /// Makes a database if there is none of that name. Answers whether it made it.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn ensure_database(&self, name: &str) -> Result<bool, ClusterError> {
        admin::ensure_database(&self.connect_options("postgres"), name)
            .await
            .map_err(|source| ClusterError::Admin { doing: format!("create database {name:?}"), source })
    }

    /// Drops a database and cuts every connection to it.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn drop_database(&self, name: &str) -> Result<(), ClusterError> {
        admin::drop_database(&self.connect_options("postgres"), name)
            .await
            .map_err(|source| ClusterError::Admin { doing: format!("drop database {name:?}"), source })
    }

    /// Stops the server, leaving its data; [`Cluster::start`] goes on. On a shared cluster this stops it under everybody.
    ///
    /// # Errors
    /// When the server of a shared cluster cannot be stopped.
    pub async fn stop(&self, mode: StopMode) -> Result<(), ClusterError> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.stop(mode)).await
    }

    /// Starts the server again and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(&self) -> Result<(), ClusterError> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.start()).await
    }

    /// Stops the server as asked and starts it again.
    ///
    /// # Errors
    /// When it does not stop or start.
    pub async fn restart(&self, mode: StopMode) -> Result<(), ClusterError> {
        self.stop(mode).await?;
        self.start().await
    }

    /// Kills the server and all its processes as a power cut would; [`Cluster::start`] recovers.
    ///
    /// # Errors
    /// When the work is interrupted.
    pub async fn kill_hard(&self) -> Result<(), ClusterError> {
        let inner = Arc::clone(&self.0);
        blocking(move || {
            inner.kill_hard();
            Ok(())
        })
        .await
    }

    /// Freezes every process of the server: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.0.signal(Signal::STOP);
    }

    /// Ends a [`Cluster::pause`].
    pub fn resume(&self) {
        self.0.signal(Signal::CONT);
    }

    /// Stops and removes a throw-away cluster; leaves a shared one, and stops it if nobody else is there. The same happens
    /// on drop, where nobody hears of a failure.
    ///
    /// # Errors
    /// When a shared server cannot be stopped.
    pub async fn close(self) -> Result<(), ClusterError> {
        let inner = self.0;
        blocking(move || inner.close()).await
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<(), ClusterError> {
        let mut state = self.state();
        let mut child = server::spawn(&self.binaries, &self.home, &self.user, &self.settings)?;
        if let Err(error) = server::wait_until_ready(&mut child, &self.home) {
            server::stop_child(&mut child, StopMode::Immediate);
            return Err(error);
        }
        match &mut *state {
            State::Throwaway { server, .. } => *server = Some(child),
            State::Shared(_) => shared::reap_later(child),
        }
        Ok(())
    }

    fn stop(&self, mode: StopMode) -> Result<(), ClusterError> {
        match &mut *self.state() {
            State::Throwaway { server, .. } => {
                if let Some(mut child) = server.take() {
                    server::stop_child(&mut child, mode);
                }
                Ok(())
            }
            State::Shared(_) => server::stop_by_folder(&self.binaries, &self.home, &self.user, mode),
        }
    }

    fn kill_hard(&self) {
        match &mut *self.state() {
            State::Throwaway { server, .. } => {
                if let Some(mut child) = server.take() {
                    server::kill_hard(&mut child);
                }
            }
            State::Shared(_) => {
                if let Some(pid) = server::pid_in_folder(&self.home) {
                    server::for_whole_server(pid, Signal::KILL);
                }
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = match &*self.state() {
            State::Throwaway { server, .. } => server.as_ref().and_then(server::pid_of),
            State::Shared(_) => server::pid_in_folder(&self.home),
        };
        if let Some(pid) = pid {
            server::for_whole_server(pid, signal);
        }
    }

    fn close(&self) -> Result<(), ClusterError> {
        match &mut *self.state() {
            State::Throwaway { server, guard, place } => {
                // The guard first: it would act as soon as the lock is free.
                if let Some(mut guard) = guard.take() {
                    let _ = guard.kill();
                    let _ = guard.wait();
                }
                if let Some(mut child) = server.take() {
                    server::stop_child(&mut child, StopMode::Immediate);
                }
                let Some(place) = place.take() else { return Ok(()) };
                let root = place.home.root();
                let removed = std::fs::remove_dir_all(root);
                drop(place.lock);
                removed.map_err(|source| ClusterError::file("remove the local cluster", root, source))
            }
            State::Shared(membership) => {
                membership.leave(&self.binaries, &self.home, &self.user).map(|_last| ())
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// Runs work that waits for processes and files where it does not hold up other tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClusterError> + Send + 'static,
) -> Result<T, ClusterError> {
    tokio::task::spawn_blocking(work).await.map_err(ClusterError::Interrupted)?
}
