//! Who the server runs as. `PostgreSQL` refuses to run as root, so when we are root it runs as somebody else.

use rustix::process::geteuid;
use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, lchown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The accounts that are tried when we are root, best first.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The account that owns the data directory and runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServerUser {
    /// We are an ordinary user: the server runs as us.
    Ourselves,
    /// We are root: the server runs as this account.
    Other { name: String, uid: u32, gid: u32 },
}

impl ServerUser {
    /// Decides who runs the server.
    pub(super) fn choose() -> io::Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        CANDIDATES
            .iter()
            .find_map(|name| {
                let (uid, gid) = in_passwd(&accounts, name).or_else(|| by_id_program(name))?;
                (uid != 0).then(|| Self::Other { name: (*name).to_owned(), uid, gid })
            })
            .ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, "there is neither a user postgres nor a user nobody")
            })
    }

    /// A command that runs as this account, with an empty environment: nothing of ours (`PGDATA`, `PGHOST`, secrets)
    /// may reach the server, and it stands in its own process group so that a Ctrl-C meant for us does not stop it.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        if let Self::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Gives a file or folder to this account. A link is given itself, not what it points to.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid, .. } => lchown(path, Some(*uid), Some(*gid)),
        }
    }

    /// The mode of a folder of ours that the server must be able to pass through, and nobody may list.
    pub(super) fn passage_mode(&self) -> u32 {
        match self {
            Self::Ourselves => 0o700,
            Self::Other { .. } => 0o711,
        }
    }

    /// The first folder on the way to `path` that this account may not pass, if any.
    pub(super) fn blocked_at(&self, path: &Path) -> Option<PathBuf> {
        let Self::Other { uid, gid, .. } = self else { return None };
        let mut ancestors: Vec<_> = path.ancestors().collect();
        ancestors.reverse();
        ancestors.into_iter().find(|folder| !may_pass(folder, *uid, *gid)).map(Path::to_owned)
    }

    /// For messages: `postgres`, or `the current user`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Ourselves => "the current user",
            Self::Other { name, .. } => name,
        }
    }
}

/// Makes a folder of ours with this exact mode, whatever the umask is; an existing one must be ours and no link.
pub(super) fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let meta = fs::symlink_metadata(path)?;
            if !meta.is_dir() || meta.uid() != geteuid().as_raw() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "it exists and is not a folder of the current user",
                ));
            }
        }
        Err(error) => return Err(error),
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn may_pass(folder: &Path, uid: u32, gid: u32) -> bool {
    let Ok(meta) = fs::metadata(folder) else { return true };
    let bit = if meta.uid() == uid {
        0o100
    } else if meta.gid() == gid {
        0o010
    } else {
        0o001
    };
    meta.mode() & bit != 0
}

fn in_passwd(accounts: &str, name: &str) -> Option<(u32, u32)> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

/// Accounts that are not in `/etc/passwd` (directory services, macOS).
fn by_id_program(name: &str) -> Option<(u32, u32)> {
    let ask = |what: &str| {
        let output = Command::new("id").args([what, name]).stderr(Stdio::null()).output().ok()?;
        output.status.success().then_some(())?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    Some((ask("-u")?, ask("-g")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_passwd() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:PG,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(in_passwd(accounts, "postgres"), Some((101, 104)));
        assert_eq!(in_passwd(accounts, "post"), None);
    }

    #[test]
    fn a_private_folder_on_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let private = folder.path().join("private");
        make_folder(&private, 0o700).unwrap();
        let stranger = ServerUser::Other { name: "x".to_owned(), uid: 54_321, gid: 54_321 };
        assert_eq!(stranger.blocked_at(&private.join("cluster")), Some(private.clone()));
        make_folder(&private, 0o711).unwrap();
        assert_eq!(stranger.blocked_at(&private.join("cluster")), None);
        assert_eq!(ServerUser::Ourselves.blocked_at(&private), None);
    }

    #[test]
    fn a_link_in_the_place_of_our_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        assert!(make_folder(&link, 0o700).is_err());
    }
}
