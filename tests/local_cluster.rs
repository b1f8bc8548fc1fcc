//! Local clusters on this machine: throw-away ones, the shared one of several consoles, and what crashes leave behind.
//!
//! Where a test needs another process, it runs this very program again with a role in its environment.

#![cfg(test)]

use signalbox::postgres::{
    cluster::{Cluster, Settings, StopMode},
    connect::{Database, Purpose},
    migrate::{self, MigrationError, SchemaState},
};
use sqlx::{
    Connection, Executor, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The account without rights that every Unix has.
const NOBODY: u32 = 65_534;
const ROLE: &str = "SIGNALBOX_TEST_ROLE";
const DATA_DIR: &str = "SIGNALBOX_TEST_DATA_DIR";

fn until(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "{what}: not within 30 s");
        thread::sleep(Duration::from_millis(10));
    }
}

fn answers(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

/// A folder that also another account may pass through.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Another process of this program playing a role; what it prints first is its answer.
struct Other {
    child: Child,
    /// Kept open: it goes on printing, and fails when nobody reads.
    output: BufReader<ChildStdout>,
    said: String,
}

impl Other {
    fn play(role: &str, data_dir: &Path, uid: Option<u32>) -> Self {
        Self::play_with(role, data_dir, uid, Path::new("/tmp"))
    }

    fn play_with(role: &str, data_dir: &Path, uid: Option<u32>, temporary: &Path) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "the_other_process", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DATA_DIR, data_dir)
            .env("TMPDIR", temporary)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(uid) = uid {
            command.uid(uid).gid(uid);
        }
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let said = output
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .find_map(|line| line.split_once("SAYS ").map(|(_, said)| said.to_owned()))
            .expect("the other process says something");
        Self { child, output, said }
    }

    fn leave(mut self) {
        drop(self.child.stdin.take());
        self.output.read_to_string(&mut String::new()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Not a test by itself: what [`Other`] runs.
#[tokio::test]
async fn the_other_process() {
    let Ok(role) = env::var(ROLE) else { return };
    let data_dir = PathBuf::from(env::var_os(DATA_DIR).unwrap());
    let cluster = match role.as_str() {
        "console" => Cluster::shared(&data_dir, Settings::for_tests()).await.unwrap(),
        _ => Cluster::throwaway(Settings::for_tests()).await.unwrap(),
    };
    let mut connection = Database::on_cluster(&cluster, "postgres").connect(Purpose::Screen).await.unwrap();
    connection.ping().await.unwrap();
    println!("SAYS {}", cluster.folder().display());
    std::io::stdout().flush().unwrap();
    std::io::stdin().lines().for_each(drop);
    cluster.close().await.unwrap();
}

fn we_are_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test]
async fn a_throwaway_cluster_works_and_leaves_nothing() {
    let cluster = Cluster::throwaway(Settings::for_tests()).await.unwrap();
    cluster.create_database("first", None).await.unwrap();
    let mut connection = Database::on_cluster(&cluster, "first").connect(Purpose::Work).await.unwrap();
    connection.execute("create table t (x int); insert into t values (7)").await.unwrap();
    let server: String = sqlx::query_scalar("show server_version").fetch_one(&mut connection).await.unwrap();
    assert!(server.starts_with(&cluster.version().to_string()), "{server}");
    let listens: String =
        sqlx::query_scalar("show listen_addresses").fetch_one(&mut connection).await.unwrap();
    assert_eq!(listens, "");
    connection.close().await.unwrap();

    cluster.create_database("second", Some("first")).await.unwrap();
    let mut copy = Database::from_url(&cluster.url("second")).unwrap().connect(Purpose::Work).await.unwrap();
    let copied: i32 = sqlx::query_scalar("select x from t").fetch_one(&mut copy).await.unwrap();
    assert_eq!(copied, 7);
    cluster.drop_database("second").await.unwrap();
    assert!(copy.ping().await.is_err());

    let folder = cluster.folder().to_owned();
    let mode = fs::metadata(folder.join("s")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    cluster.close().await.unwrap();
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_pool_survives_restart_kill_and_freeze_of_its_server() {
    let cluster = Cluster::throwaway(Settings::default()).await.unwrap();
    let pool = Database::on_cluster(&cluster, "postgres").reach(Purpose::Screen).await.unwrap();
    pool.execute("create table t (x int)").await.unwrap();

    cluster.restart(StopMode::Fast).await.unwrap();
    insert_until_it_works(&pool).await;
    cluster.kill_hard().await.unwrap();
    cluster.start().await.unwrap();
    insert_until_it_works(&pool).await;

    cluster.pause();
    let frozen = tokio::time::timeout(Duration::from_millis(300), pool.execute("select 1")).await;
    assert!(frozen.is_err(), "a frozen server answered");
    cluster.resume();
    insert_until_it_works(&pool).await;
    let rows: i64 = sqlx::query_scalar("select count(*) from t").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 3);
}

async fn insert_until_it_works(pool: &sqlx::PgPool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while let Err(error) = pool.execute("insert into t values (1)").await {
        assert!(Instant::now() < limit, "{error}");
    }
}

#[tokio::test]
async fn sessions_know_their_limits() {
    let cluster = Cluster::throwaway(Settings::for_tests()).await.unwrap();
    let database = Database::on_cluster(&cluster, "postgres");
    for (purpose, limit) in [(Purpose::Work, "15s"), (Purpose::Screen, "2s"), (Purpose::Migrate, "0")] {
        let mut connection = database.connect(purpose).await.unwrap();
        let shown: Vec<String> = sqlx::query_scalar(
            "select current_setting(name) from unnest(array['statement_timeout', 'TimeZone',
             'idle_in_transaction_session_timeout']) as name",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        assert_eq!(shown, [limit, "UTC", "10s"]);
        let name: String = sqlx::query_scalar("select current_setting('application_name')")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(name.starts_with("signalbox/"), "{name}");
    }
}

#[tokio::test]
async fn a_forgotten_transaction_does_not_outlive_its_borrower() {
    let cluster = Cluster::throwaway(Settings::for_tests()).await.unwrap();
    let pool = Database::on_cluster(&cluster, "postgres").pool(Purpose::Work);
    pool.execute("create table t (x int)").await.unwrap();
    for _round in 0..20 {
        let mut borrowed = pool.acquire().await.unwrap();
        // What a begin() that was dropped halfway leaves behind: the server is inside, the driver does not know.
        borrowed.execute("begin").await.unwrap();
        drop(borrowed);
        let mut next = pool.acquire().await.unwrap();
        next.execute("insert into t values (1)").await.unwrap();
        drop(next);
    }
    let mut outside = Database::on_cluster(&cluster, "postgres").connect(Purpose::Work).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from t").fetch_one(&mut outside).await.unwrap();
    assert_eq!(rows, 20);
}

#[test]
fn the_server_of_a_killed_owner_is_stopped_and_its_folder_removed_by_the_next() {
    let folder = open_folder();
    let owner = Other::play("throwaway", folder.path(), None);
    let home = PathBuf::from(&owner.said);
    let socket = home.join("s/.s.PGSQL.5432");
    assert!(answers(&socket));
    owner.kill();
    if Path::new("/usr/bin/flock").exists() {
        until("the guard stops the server", || !answers(&socket));
    }
    Other::play("throwaway", folder.path(), None).leave();
    assert!(!home.exists());
}

#[test]
fn an_ordinary_user_has_a_throwaway_cluster_too() {
    let folder = open_folder();
    let owner = Other::play("throwaway", folder.path(), we_are_root().then_some(NOBODY));
    let home = PathBuf::from(&owner.said);
    assert!(answers(&home.join("s/.s.PGSQL.5432")));
    owner.leave();
    assert!(!home.exists());
}

#[test]
fn a_private_folder_for_temporary_files_is_passed_over_when_the_server_cannot_enter_it() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let owner = Other::play_with("throwaway", folder.path(), None, folder.path());
    let home = PathBuf::from(&owner.said);
    assert_eq!(home.starts_with(folder.path()), !we_are_root());
    owner.leave();
    assert!(!home.exists());
}

#[test]
fn consoles_share_one_cluster_and_the_last_one_stops_it() {
    let folder = open_folder();
    share_one_cluster(folder.path(), None);
}

#[test]
fn an_ordinary_user_has_a_shared_cluster_too() {
    if !we_are_root() {
        // Then the test above has just shown it.
        return;
    }
    let folder = open_folder();
    let data_dir = folder.path().join("home");
    fs::create_dir(&data_dir).unwrap();
    std::os::unix::fs::chown(&data_dir, Some(NOBODY), Some(NOBODY)).unwrap();
    share_one_cluster(&data_dir, Some(NOBODY));
}

fn share_one_cluster(data_dir: &Path, uid: Option<u32>) {
    let socket = data_dir.join("postgres/s/.s.PGSQL.5432");
    let first = Other::play("console", data_dir, uid);
    let second = Other::play("console", data_dir, uid);
    assert_eq!(first.said, second.said);
    let third = Other::play("console", data_dir, uid);
    first.leave();
    assert!(answers(&socket), "the one who started it has left");
    third.kill();
    assert!(answers(&socket), "another one has crashed");
    second.leave();
    until("the last one stops it", || !answers(&socket));

    let again = Other::play("console", data_dir, uid);
    assert!(answers(&socket));
    again.kill();
    if Path::new("/usr/bin/flock").exists() {
        until("the guard stops it after the last one crashed", || !answers(&socket));
    }
    Other::play("console", data_dir, uid).leave();
    until("the last one stops it", || !answers(&socket));
}

#[test]
fn consoles_that_start_at_once_share_one_cluster() {
    let folder = open_folder();
    let consoles: Vec<_> = (0..4)
        .map(|_| {
            let data_dir = folder.path().to_owned();
            thread::spawn(move || Other::play("console", &data_dir, None))
        })
        .collect();
    let consoles: Vec<Other> = consoles.into_iter().map(|console| console.join().unwrap()).collect();
    assert!(consoles.iter().all(|console| console.said == consoles[0].said));
    consoles.into_iter().for_each(Other::leave);
    let socket = folder.path().join("postgres/s/.s.PGSQL.5432");
    until("the last one stops it", || !answers(&socket));
}

#[tokio::test]
async fn a_deep_data_directory_still_gets_a_socket() {
    let folder = open_folder();
    let deep = folder.path().join("a-rather-long-name-for-a-folder").join("x".repeat(90));
    let cluster = Cluster::shared(&deep, Settings::for_tests()).await.unwrap();
    Database::on_cluster(&cluster, "postgres").reach(Purpose::Screen).await.unwrap();
    cluster.close().await.unwrap();
}

#[tokio::test]
async fn a_data_directory_that_the_servers_account_cannot_reach_is_named() {
    if !we_are_root() {
        return;
    }
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error =
        Cluster::shared(&folder.path().join("x"), Settings::for_tests()).await.unwrap_err().to_string();
    assert!(
        error.contains("SIGNALBOX_DATA_DIR") && error.contains(&folder.path().display().to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn the_local_database_is_made_once() {
    let folder = open_folder();
    let first = Database::open(None, folder.path()).await.unwrap();
    let second = Database::open(None, folder.path()).await.unwrap();
    let mut connection = first.connect(Purpose::Work).await.unwrap();
    connection.execute("create table t ()").await.unwrap();
    second.connect(Purpose::Work).await.unwrap().execute("select from t").await.unwrap();
}

fn migrations(texts: &[&'static str]) -> Migrator {
    Migrator::with_migrations(
        (1..)
            .zip(texts)
            .map(|(version, text)| {
                Migration::new(version, "test".into(), MigrationType::Simple, (*text).into_sql_str(), false)
            })
            .collect(),
    )
}

#[tokio::test]
async fn row_73_programs_and_schemas_of_different_age_refuse_each_other() {
    let cluster = Cluster::throwaway(Settings::for_tests()).await.unwrap();
    let database = Database::on_cluster(&cluster, "postgres");
    let pool = database.pool(Purpose::Screen);
    let old = migrations(&["create table a ()"]);
    let new = migrations(&["create table a ()", "create table b ()"]);
    let wait = Duration::from_secs(10);

    assert_eq!(migrate::check(&pool, &old).await.unwrap(), SchemaState::Empty);
    assert_eq!(migrate::run(&database, &old, wait, |_| ()).await.unwrap().applied, [1]);
    assert_eq!(migrate::check(&pool, &old).await.unwrap(), SchemaState::Current { version: 1 });
    assert_eq!(migrate::check(&pool, &new).await.unwrap(), SchemaState::Older { found: 1, needed: 2 });
    assert_eq!(migrate::run(&database, &new, wait, |_| ()).await.unwrap().applied, [2]);
    assert!(migrate::run(&database, &new, wait, |_| ()).await.unwrap().applied.is_empty());
    assert_eq!(migrate::check(&pool, &old).await.unwrap(), SchemaState::Newer { found: 2, known: 1 });
    let refused = migrate::run(&database, &old, wait, |_| ()).await.unwrap_err();
    assert!(matches!(refused, MigrationError::Refused(SchemaState::Newer { .. })), "{refused}");
}

#[tokio::test]
async fn row_73_failed_migration_leaves_nothing_and_can_be_resumed() {
    let cluster = Cluster::throwaway(Settings::for_tests()).await.unwrap();
    let database = Database::on_cluster(&cluster, "postgres");
    let wait = Duration::from_secs(10);
    let broken = migrations(&["create table a ()", "create table b (); select 1/0"]);
    let error = migrate::run(&database, &broken, wait, |_| ()).await.unwrap_err();
    assert!(matches!(error, MigrationError::Apply { version: 2, .. }), "{error}");
    let whole = migrations(&["create table a ()", "create table b ()"]);
    assert_eq!(migrate::run(&database, &whole, wait, |_| ()).await.unwrap().applied, [2]);
}

#[tokio::test]
async fn migrators_go_one_after_the_other_and_do_not_wait_for_ever() {
    let cluster = Cluster::throwaway(Settings::for_tests()).await.unwrap();
    let database = Database::on_cluster(&cluster, "postgres");
    let slow = migrations(&["select pg_sleep(3)", "create table b ()"]);
    let racing = async {
        tokio::join!(
            migrate::run(&database, &slow, Duration::from_secs(30), |_| ()),
            migrate::run(&database, &slow, Duration::from_secs(30), |_| ()),
            migrate::run(&database, &slow, Duration::from_secs(1), |_| ()),
        )
    };
    let outcomes: [Result<_, _>; 3] = racing.await.into();
    let mut applied = 0;
    let mut busy = 0;
    for outcome in outcomes {
        match outcome {
            Ok(done) => applied += done.applied.len(),
            Err(MigrationError::Busy { .. }) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(applied, 2, "each migration is applied once");
    assert!(busy <= 1);
}
