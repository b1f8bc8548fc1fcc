//! Finding `PostgreSQL`'s server binaries on this machine, and saying what to install when there are none.

use std::{
    cmp::Reverse,
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The oldest major version that the schema works on (`design.md`, section 4).
pub const OLDEST_MAJOR: u32 = 15;

/// A server version, `15.14`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// The part before the dot; data directories of different majors do not fit each other.
    pub major: u32,
    /// The part after the dot; zero for a beta or a release candidate.
    pub minor: u32,
}

impl ServerVersion {
    /// Reads what `postgres --version` prints: `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
    fn from_banner(banner: &str) -> Option<Self> {
        let number = banner.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
        Some(Self { major: digits(major).parse().ok()?, minor: digits(minor).parse().unwrap_or(0) })
    }

    /// Reads `server_version_num` (150014) as the wire protocol reports it.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self { major: number / 10_000, minor: number % 10_000 }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A folder that holds `initdb`, `postgres` and `pg_ctl` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    version: ServerVersion,
}

/// Why no usable binaries were found. The text is one line and ends with the command to run.
#[derive(Debug, thiserror::Error)]
pub enum BinariesError {
    /// None of the usual places holds them.
    #[error(
        "no PostgreSQL server binaries were found (version {OLDEST_MAJOR} or later is needed); install them with: {advice}"
    )]
    Missing {
        /// The command for this system.
        advice: String,
    },
    /// Only older ones were found.
    #[error("PostgreSQL {found} in {} is too old (version {OLDEST_MAJOR} or later is needed); install a newer one with: {advice}", .folder.display())]
    TooOld {
        /// The newest version found.
        found: ServerVersion,
        /// Where it is.
        folder: PathBuf,
        /// The command for this system.
        advice: String,
    },
    /// The data directory was made by another major version.
    #[error(
        "the local cluster was made by PostgreSQL {needed}, but only {found} is installed; install postgresql-{needed}, or move the old cluster away"
    )]
    OtherMajor {
        /// The major version that made the data directory.
        needed: u32,
        /// The versions found.
        found: String,
    },
}

impl Binaries {
    /// Finds the binaries to use: the first of `PATH`, `pg_config --bindir` and the usual places of Debian, Red Hat, Alpine
    /// and Homebrew (newest first) that is recent enough.
    ///
    /// # Errors
    /// When there are none, or only old ones; the error says what to install.
    pub fn find() -> Result<Self, BinariesError> {
        Search::of_this_machine().first()
    }

    /// As [`Binaries::find`], but of exactly this major version, because a data directory fits no other.
    ///
    /// # Errors
    /// When that version is not installed.
    pub fn find_major(major: u32) -> Result<Self, BinariesError> {
        let found = Search::of_this_machine().all();
        found.iter().find(|binaries| binaries.version.major == major).cloned().ok_or_else(|| {
            let mut versions: Vec<_> = found.iter().map(|binaries| binaries.version).collect();
            versions.sort_unstable();
            versions.dedup();
            let found = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            BinariesError::OtherMajor {
                needed: major,
                found: if found.is_empty() { "none".to_owned() } else { found },
            }
        })
    }

    /// Their version.
    #[must_use]
    pub fn version(&self) -> ServerVersion {
        self.version
    }

    /// The folder that holds them.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Path of one of them, `initdb` for example.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        if !["initdb", "postgres", "pg_ctl"].iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        let banner = output_of(Command::new(folder.join("postgres")).arg("--version"))?;
        Some(Self { folder: folder.to_owned(), version: ServerVersion::from_banner(&banner)? })
    }
}

/// Where to look. Tests look elsewhere.
struct Search {
    path: OsString,
    root: PathBuf,
}

impl Search {
    fn of_this_machine() -> Self {
        Self { path: env::var_os("PATH").unwrap_or_default(), root: PathBuf::from("/") }
    }

    fn first(&self) -> Result<Binaries, BinariesError> {
        let mut newest_old: Option<Binaries> = None;
        for folder in self.folders() {
            let Some(found) = Binaries::in_folder(&folder) else { continue };
            if found.version.major >= OLDEST_MAJOR {
                return Ok(found);
            }
            if newest_old.as_ref().is_none_or(|old| old.version < found.version) {
                newest_old = Some(found);
            }
        }
        let advice =
            install_advice(&fs::read_to_string(self.root.join("etc/os-release")).unwrap_or_default());
        Err(match newest_old {
            Some(old) => BinariesError::TooOld { found: old.version, folder: old.folder, advice },
            None => BinariesError::Missing { advice },
        })
    }

    fn all(&self) -> Vec<Binaries> {
        self.folders().iter().filter_map(|folder| Binaries::in_folder(folder)).collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            env::split_paths(&self.path).filter(|folder| folder.is_absolute()).collect();
        for folder in folders.clone() {
            let pg_config = folder.join("pg_config");
            if pg_config.is_file() {
                folders.extend(
                    output_of(Command::new(pg_config).arg("--bindir"))
                        .map(|line| PathBuf::from(line.trim()))
                        .filter(|folder| folder.is_absolute()),
                );
                break;
            }
        }
        for (parent, prefix, rest) in [
            ("usr/lib/postgresql", "", "bin"),
            ("usr", "pgsql-", "bin"),
            ("usr/libexec", "postgresql", ""),
            ("opt/homebrew/opt", "postgresql", "bin"),
            ("usr/local/opt", "postgresql", "bin"),
            ("usr/local", "pgsql", "bin"),
        ] {
            folders.extend(versioned(&self.root.join(parent), prefix, rest));
        }
        let mut seen = Vec::new();
        folders.retain(|folder| {
            let new = !seen.contains(folder);
            if new {
                seen.push(folder.clone());
            }
            new
        });
        folders
    }
}

/// The folders `parent/{prefix}{version}/rest`, newest version first.
fn versioned(parent: &Path, prefix: &str, rest: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.trim_start_matches(['@', '-']);
            let major = version.split('.').next()?.parse().unwrap_or(0);
            (version.is_empty() || major > 0).then(|| (major, entry.path().join(rest)))
        })
        .collect();
    found.sort_by_key(|(major, _)| Reverse(*major));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// What a program prints, when it ends well.
fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command that installs `PostgreSQL` on the system that `os_release` (the text of `/etc/os-release`) describes.
fn install_advice(os_release: &str) -> String {
    let value = |key: &str| {
        os_release
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']).to_ascii_lowercase())
            .unwrap_or_default()
    };
    let names = format!("{} {}", value("ID"), value("ID_LIKE"));
    for name in names.split_whitespace() {
        let command = match name {
            "debian" | "ubuntu" => "apt-get install -y postgresql",
            "fedora" | "rhel" | "centos" => "dnf install -y postgresql-server",
            "alpine" => "apk add postgresql",
            "arch" => "pacman -S postgresql",
            "opensuse" | "suse" => "zypper install postgresql-server",
            _ => continue,
        };
        return command.to_owned();
    }
    if cfg!(target_os = "macos") {
        return "brew install postgresql".to_owned();
    }
    "this system's package manager (the package is called postgresql or postgresql-server), or name a server with --database-url".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn pretend(folder: &Path, version: &str) {
        fs::create_dir_all(folder).unwrap();
        for name in ["initdb", "postgres", "pg_ctl"] {
            let program = folder.join(name);
            fs::write(&program, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version} (Debian)'\n"))
                .unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn search(root: &Path) -> Search {
        Search { path: root.join("bin").into_os_string(), root: root.to_owned() }
    }

    #[test]
    fn versions_are_read_from_the_banner() {
        let read = ServerVersion::from_banner;
        assert_eq!(
            read("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"),
            Some(ServerVersion { major: 15, minor: 14 })
        );
        assert_eq!(read("postgres (PostgreSQL) 18beta1"), Some(ServerVersion { major: 18, minor: 0 }));
        assert_eq!(read("nothing"), None);
        assert_eq!(ServerVersion::from_number(150_014).to_string(), "15.14");
    }

    #[test]
    fn the_newest_of_the_usual_places_is_taken() {
        let root = tempfile::tempdir().unwrap();
        pretend(&root.path().join("usr/lib/postgresql/9.6/bin"), "9.6.24");
        pretend(&root.path().join("usr/lib/postgresql/16/bin"), "16.2");
        pretend(&root.path().join("usr/lib/postgresql/15/bin"), "15.3");
        let found = search(root.path()).first().unwrap();
        assert_eq!(found.version(), ServerVersion { major: 16, minor: 2 });
    }

    #[test]
    fn the_path_goes_before_the_usual_places() {
        let root = tempfile::tempdir().unwrap();
        pretend(&root.path().join("usr/lib/postgresql/16/bin"), "16.2");
        pretend(&root.path().join("bin"), "15.3");
        assert_eq!(search(root.path()).first().unwrap().version().major, 15);
    }

    #[test]
    fn a_machine_without_binaries_is_told_what_to_install() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/os-release"), "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n").unwrap();
        let error = search(root.path()).first().unwrap_err().to_string();
        assert!(error.ends_with("install them with: apt-get install -y postgresql"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn old_binaries_are_named_and_refused() {
        let root = tempfile::tempdir().unwrap();
        pretend(&root.path().join("usr/pgsql-13/bin"), "13.9");
        let error = search(root.path()).first().unwrap_err().to_string();
        assert!(error.starts_with("PostgreSQL 13.9 in "), "{error}");
    }

    #[test]
    fn each_system_has_its_own_advice() {
        assert_eq!(install_advice("ID=debian\n"), "apt-get install -y postgresql");
        assert_eq!(
            install_advice("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"),
            "dnf install -y postgresql-server"
        );
        assert_eq!(install_advice("ID=alpine\n"), "apk add postgresql");
        assert_eq!(install_advice("ID=arch\n"), "pacman -S postgresql");
        assert!(install_advice("ID=other\n").contains("postgresql"));
    }
}
