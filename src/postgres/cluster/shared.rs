//! The private cluster of one user, shared by all consoles of that user: the first one starts it, the last one stops it.
//!
//! Two locks say who is there. Every console holds `users` together with the others for as long as it lives; who
//! holds it alone knows that nobody else does, and may stop the server. `gate` lets one console at a time
//! come or go. Both vanish with a process that crashes, so it neither keeps the server up nor stops it under
//! others; a guard that waits for `users` alone stops the server after a crash of the last one.

use super::{
    ClusterError, Settings, StopMode,
    home::{self, Home},
    lock::{Hold, Lock},
    server::{self, Answer},
    throwaway::spawn_guard,
    user::{ServerUser, make_folder},
};
use crate::postgres::binaries::Binaries;
use rustix::process::geteuid;
use std::{
    env, fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::Duration,
};

/// How long we wait for another console that is starting or stopping the server. Making a new cluster on a slow disk is
/// the longest of these.
const GATE_WITHIN: Duration = Duration::from_mins(3);

/// Our part in a shared cluster.
#[derive(Debug)]
pub(super) struct Membership {
    users: Option<Lock>,
    gate: PathBuf,
}

/// Where the shared cluster of a data directory lives.
pub(super) fn home_in(data_dir: &Path, user: &ServerUser) -> Result<Home, ClusterError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ClusterError::file("make the local cluster's folder", path, source)
    };
    fs::create_dir_all(data_dir).map_err(failed(data_dir))?;
    let data_dir = data_dir.canonicalize().map_err(failed(data_dir))?;
    if let Some(at) = user.blocked_at(&data_dir) {
        return Err(ClusterError::Unreachable { path: data_dir, at, user: user.name().to_owned() });
    }
    let root = data_dir.join("postgres");
    make_folder(&root, user.passage_mode()).map_err(failed(&root))?;
    let beside = Home::at(&root);
    if beside.socket_fits() {
        return Ok(beside);
    }
    let name = format!("signalbox-{}-{:016x}", geteuid().as_raw(), fingerprint(root.as_os_str().as_bytes()));
    for within in [env::temp_dir(), PathBuf::from("/tmp")] {
        let folder = within.join(&name);
        let elsewhere = Home::with_sockets(&root, folder.join("s"));
        if user.blocked_at(&within).is_none() && elsewhere.socket_fits() {
            make_folder(&folder, user.passage_mode()).map_err(failed(&folder))?;
            return Ok(elsewhere);
        }
    }
    Err(ClusterError::NoPlace { refused: format!("{} is too long for a socket's path", root.display()) })
}

/// Joins the cluster, making and starting it where that has not been done.
pub(super) fn join(
    binaries: &Binaries,
    home: &Home,
    user: &ServerUser,
    settings: &Settings,
) -> Result<Membership, ClusterError> {
    let gate_path = home.root().join("gate");
    let users_path = home.root().join("users");
    let _gate = take(&gate_path, Hold::Alone)?;
    // Whoever stops the server holds this one alone while doing so.
    let users = take(&users_path, Hold::Together)?;
    user.own(&users_path).map_err(|source| ClusterError::file("lock", &users_path, source))?;
    if server::settle(&home.sockets()) != Answer::Ready {
        make_data(binaries, home, user, settings)?;
        home.make_sockets(user)?;
        let mut child = server::spawn(binaries, home, user, settings)?;
        if let Err(error) = server::wait_until_ready(&mut child, home) {
            server::stop_child(&mut child, StopMode::Immediate);
            return Err(error);
        }
        reap_later(child);
        if let Some(guard) = spawn_guard(&users_path, binaries, home, user, StopMode::Fast) {
            reap_later(guard);
        }
    }
    Ok(Membership { users: Some(users), gate: gate_path })
}

impl Membership {
    /// Leaves the cluster; the last one stops it. Answers whether that was us.
    pub(super) fn leave(
        &mut self,
        binaries: &Binaries,
        home: &Home,
        user: &ServerUser,
    ) -> Result<bool, ClusterError> {
        let Some(users) = self.users.take() else { return Ok(false) };
        let _gate = take(&self.gate, Hold::Alone)?;
        let alone = users
            .into_alone()
            .map_err(|source| ClusterError::file("lock", home.root().join("users"), source))?;
        match alone {
            Some(_held) => {
                server::stop_by_folder(binaries, home, user, StopMode::Fast)?;
                home.remove_socket_elsewhere();
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

fn take(path: &Path, hold: Hold) -> Result<Lock, ClusterError> {
    Lock::take_within(path, hold, GATE_WITHIN)
        .map_err(|source| ClusterError::file("lock", path, source))?
        .ok_or_else(|| ClusterError::Busy { path: path.to_owned(), seconds: GATE_WITHIN.as_secs() })
}

fn make_data(
    binaries: &Binaries,
    home: &Home,
    user: &ServerUser,
    settings: &Settings,
) -> Result<(), ClusterError> {
    if home.major().is_some() {
        return Ok(());
    }
    // Made aside and renamed, so that a crash halfway leaves nothing that looks like a cluster.
    let unfinished = home.root().join("unfinished");
    let failed = |source| ClusterError::file("make the data directory", &unfinished, source);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(failed)?;
    }
    home::initdb(binaries, &unfinished, user, settings.durable)?;
    fs::rename(&unfinished, home.data()).map_err(failed)
}

/// Waits for a child in the background: it may end while we live, and must not stay behind as a zombie that looks alive.
pub(super) fn reap_later(mut child: Child) {
    let _ = thread::Builder::new().name("local-postgres".to_owned()).spawn(move || child.wait());
}

/// FNV-1a: the same in every build, which the standard hasher does not promise.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
