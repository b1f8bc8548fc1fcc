//! Throw-away clusters: each in a temporary folder of its own, stopped and removed by its owner; what a killed owner leaves
//! behind is stopped by a guard at once and removed by the next one to start.

use super::{
    ClusterError, StopMode,
    home::Home,
    lock::{Hold, Lock},
    server,
    user::{ServerUser, make_folder},
};
use crate::postgres::binaries::Binaries;
use rustix::process::{Pid, geteuid, test_kill_process};
use std::{
    env, fs,
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, SystemTime},
};

/// How the folders are called. Short, because the socket's path is.
const PREFIX: &str = "signalbox-run-";
/// The file that the owner keeps locked for as long as it lives.
const OWNER_FILE: &str = "owner";
/// A folder without owner is one being made right now, unless it is older than this.
const HALF_MADE_FOR: Duration = Duration::from_mins(10);

/// How long the guard of a killed owner may need to stop its server.
const GUARD_DONE_WITHIN: Duration = Duration::from_secs(10);

/// A temporary folder with the lock that says that its owner lives.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) home: Home,
    pub(super) lock: Lock,
    /// The folder for temporary files that it lies in.
    pub(super) within: PathBuf,
}

/// Makes the folder of a new throw-away cluster.
pub(super) fn make_place(user: &ServerUser) -> Result<Place, ClusterError> {
    let mut refused = Vec::new();
    for within in temporary_folders() {
        if let Some(at) = user.blocked_at(&within) {
            refused.push(format!("{} may not enter {}", user.name(), at.display()));
            continue;
        }
        match make_place_in(&within, user) {
            Ok(Some(place)) => return Ok(place),
            Ok(None) => refused.push(format!("{} is too long for a socket's path", within.display())),
            Err(error) => refused.push(format!("{}: {error}", within.display())),
        }
    }
    Err(ClusterError::NoPlace { refused: refused.join("; ") })
}

fn make_place_in(within: &Path, user: &ServerUser) -> std::io::Result<Option<Place>> {
    let root = tempfile::Builder::new().prefix(PREFIX).rand_bytes(8).tempdir_in(within)?;
    if !Home::at(root.path()).socket_fits() {
        return Ok(None);
    }
    make_folder(root.path(), user.passage_mode())?;
    let Some(lock) = Lock::try_take(&root.path().join(OWNER_FILE), Hold::Alone)? else { return Ok(None) };
    // Only a file with a number in it is judged by others, so nobody takes the lock from us before we have it.
    writeln!(lock.file(), "{}", std::process::id())?;
    // The guard, which runs as the server's account, opens it too.
    user.own(&root.path().join(OWNER_FILE))?;
    Ok(Some(Place { home: Home::at(&root.keep()), lock, within: within.to_owned() }))
}

fn temporary_folders() -> Vec<PathBuf> {
    let mut folders = vec![env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    folders.dedup();
    folders.retain(|folder| folder.is_absolute() && folder.is_dir());
    folders
}

/// Stops and removes the throw-away clusters of this user whose owners are gone. Answers how many there were.
pub(super) fn sweep(binaries: &Binaries, user: &ServerUser) -> usize {
    temporary_folders()
        .iter()
        .flat_map(|within| fs::read_dir(within).into_iter().flatten().filter_map(Result::ok))
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter(|entry| remove_if_orphaned(&entry.path(), binaries, user))
        .count()
}

fn remove_if_orphaned(root: &Path, binaries: &Binaries, user: &ServerUser) -> bool {
    let Ok(meta) = fs::symlink_metadata(root) else { return false };
    if !meta.is_dir() || meta.uid() != geteuid().as_raw() {
        return false;
    }
    let owner = root.join(OWNER_FILE);
    if fs::metadata(&owner).map_or(0, |meta| meta.len()) == 0 {
        let age = meta.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        return age.is_some_and(|age| age > HALF_MADE_FOR) && fs::remove_dir_all(root).is_ok();
    }
    // A live owner holds the lock for long; the guard of a dead one only while it stops the server.
    let limit = if owner_lives(&owner) { Duration::ZERO } else { GUARD_DONE_WITHIN };
    let Ok(Some(lock)) = Lock::take_within(&owner, Hold::Alone, limit) else { return false };
    let home = Home::at(root);
    let _ = server::stop_by_folder(binaries, &home, user, StopMode::Immediate);
    let removed = fs::remove_dir_all(root).is_ok();
    drop(lock);
    removed
}

/// Whether the process that wrote its id into the file is still there. Its id may have gone to another process since:
/// the lock decides, this only says whether waiting for it is worth while.
fn owner_lives(owner: &Path) -> bool {
    fs::read_to_string(owner)
        .ok()
        .and_then(|text| Pid::from_raw(text.trim().parse().ok()?))
        .is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// Starts the guard: a process that waits for our lock, gets it when we are gone in whatever way, and stops the server then.
/// It is `flock` of util-linux; where there is none, only the next start cleans up.
pub(super) fn spawn_guard(
    lock_file: &Path,
    binaries: &Binaries,
    home: &Home,
    user: &ServerUser,
    mode: StopMode,
) -> Option<Child> {
    let flock = ["/usr/bin/flock", "/bin/flock"].iter().map(Path::new).find(|path| path.is_file())?;
    user.command(flock)
        .arg("-x")
        .arg(lock_file)
        .arg(binaries.program("pg_ctl"))
        .args(["stop", "--wait", "--silent", "--mode", mode.name(), "--pgdata"])
        .arg(home.data())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

/// The file that the guard of a throw-away cluster waits for.
pub(super) fn owner_file(home: &Home) -> PathBuf {
    home.root().join(OWNER_FILE)
}
