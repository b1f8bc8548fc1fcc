//! The folders of one cluster, and how its data directory comes to be: by `initdb`, or as a copy of one made before.

use super::{
    ClusterError, SUPERUSER,
    lock::{Hold, Lock},
    server::last_of,
    user::{ServerUser, make_folder},
};
use crate::postgres::binaries::Binaries;
use rustix::process::geteuid;
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// The longest socket path that the kernel takes (`sun_path` without its final zero byte); macOS takes 103.
pub(super) const LONGEST_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Where one cluster lives.
#[derive(Debug, Clone)]
pub(super) struct Home {
    root: PathBuf,
    sockets: PathBuf,
}

impl Home {
    /// A home whose socket lies beside its data.
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), sockets: root.join("s") }
    }

    /// A home whose socket lies elsewhere, because the path beside the data is too long.
    pub(super) fn with_sockets(root: &Path, sockets: PathBuf) -> Self {
        Self { root: root.to_owned(), sockets }
    }

    /// The folder that holds everything else.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The server's data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The private folder with the Unix socket.
    pub(super) fn sockets(&self) -> PathBuf {
        self.sockets.clone()
    }

    /// What the server says.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// Whether the socket's path is short enough.
    pub(super) fn socket_fits(&self) -> bool {
        self.sockets.join(super::SOCKET_NAME).as_os_str().len() <= LONGEST_SOCKET_PATH
    }

    /// Removes the socket's folder where it does not lie beside the data; the server is stopped.
    pub(super) fn remove_socket_elsewhere(&self) {
        if !self.sockets.starts_with(&self.root)
            && let Some(folder) = self.sockets.parent()
        {
            let _ = fs::remove_dir(&self.sockets);
            let _ = fs::remove_dir(folder);
        }
    }

    /// The major version that made the data directory, when there is one.
    pub(super) fn major(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Makes the socket's folder: private to the server's account, so that who reaches it may be trusted.
    pub(super) fn make_sockets(&self, user: &ServerUser) -> Result<(), ClusterError> {
        let folder = self.sockets();
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(ClusterError::file("make the socket's folder", folder, error));
            }
            _ => {}
        }
        private_to(&folder, user)
            .map_err(|source| ClusterError::file("make the socket's folder", folder, source))
    }
}

/// Makes a folder private to the server's account. A link there is refused: it could lead anywhere.
fn private_to(folder: &Path, user: &ServerUser) -> io::Result<()> {
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something that is no folder is in its place",
        ));
    }
    user.own(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// Makes a new data directory at `data`, which must not exist or be empty.
pub(super) fn initdb(
    binaries: &Binaries,
    data: &Path,
    user: &ServerUser,
    durable: bool,
) -> Result<(), ClusterError> {
    let mut said = String::new();
    // C.UTF-8 knows letters outside ASCII; where the system lacks it (macOS, old Alpine), plain C does.
    for locale in ["C.UTF-8", "C"] {
        match fs::DirBuilder::new().mode(0o700).create(data) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(ClusterError::file("make the data directory", data, error));
            }
            _ => {}
        }
        private_to(data, user)
            .map_err(|source| ClusterError::file("make the data directory", data, source))?;
        let mut command = user.command(&binaries.program("initdb"));
        command.arg("--pgdata").arg(data);
        command.args(["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-instructions"]);
        command.arg(format!("--locale={locale}"));
        if !durable {
            command.arg("--no-sync");
        }
        let output = command.output().map_err(|source| ClusterError::run("initdb", user, source))?;
        if output.status.success() {
            return Ok(());
        }
        said = last_of(&output.stderr);
    }
    Err(ClusterError::Program { program: "initdb", said })
}

/// Fills `data` with a copy of a data directory made before by the same binaries, which takes a tenth of the time that
/// `initdb` takes; makes that one first when there is none. `cache_in` is a folder for temporary files.
pub(super) fn copy_of_template(
    binaries: &Binaries,
    data: &Path,
    user: &ServerUser,
    cache_in: &Path,
) -> Result<(), ClusterError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ClusterError::file("copy the prepared data directory", path, source)
    };
    let cache = cache_in.join(format!("signalbox-initdb-{}", geteuid().as_raw()));
    if make_folder(&cache, user.passage_mode()).is_err() {
        // Somebody else's file stands in the way: a plain initdb is slower, and just as good.
        return initdb(binaries, data, user, false);
    }
    let template = cache.join(binaries.version().to_string());
    let lock_path = cache.join("lock");
    let lock =
        Lock::take_within(&lock_path, Hold::Alone, Duration::from_mins(1)).map_err(failed(&lock_path))?;
    if !template.join("PG_VERSION").is_file() {
        let unfinished = cache.join("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(failed(&unfinished))?;
        }
        initdb(binaries, &unfinished, user, false)?;
        fs::rename(&unfinished, &template).map_err(failed(&template))?;
    }
    drop(lock);
    copy_tree(&template, data, user).map_err(failed(data))
}

/// Copies folders and plain files; the copies belong to the server's account.
fn copy_tree(from: &Path, to: &Path, user: &ServerUser) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&entry.path(), &target, user)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
            user.own(&target)?;
        }
    }
    user.own(to)
}
