//! What is known and cannot be recorded yet, outcomes or reports: an append-only file of this instance, readable by its
//! owner only, flushed to the disk before a thing counts as kept, and replayed by the next instance on this host if this
//! one dies.

use crate::domain::ids::{InstanceId, OrganizationId};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, Write},
    marker::PhantomData,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// One line of a spool file.
#[derive(Serialize, Deserialize)]
struct Entry<T> {
    organization: OrganizationId,
    kept: T,
}

/// This instance's spool. The file is locked while we live, so that nobody replays it under us.
pub struct Spool<T> {
    path: PathBuf,
    file: File,
    holds_something: bool,
    kept: PhantomData<fn(T) -> T>,
}

/// The spool of an instance that is gone.
pub struct Orphan<T> {
    path: PathBuf,
    /// Keeps the lock.
    _file: File,
    /// What it holds, in order.
    pub entries: Vec<(OrganizationId, T)>,
}

impl<T: Serialize + DeserializeOwned> Spool<T> {
    /// Opens the spool of a new instance. `kind` is the ending of the file: what it holds.
    ///
    /// # Errors
    /// When the folder or file cannot be made.
    pub fn open(dir: &Path, instance: InstanceId, kind: &str) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join(format!("{instance}.{kind}"));
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { path, file, holds_something: false, kept: PhantomData })
    }

    /// Keeps things until they are recorded. They are on the disk when this returns.
    ///
    /// # Errors
    /// When the disk is full or the file is gone.
    pub fn keep<'a>(
        &mut self,
        organization: OrganizationId,
        things: impl Iterator<Item = &'a T>,
    ) -> io::Result<()>
    where
        T: 'a,
    {
        let mut lines = Vec::new();
        for kept in things {
            serde_json::to_writer(&mut lines, &Entry { organization, kept })?;
            lines.push(b'\n');
        }
        self.holds_something = true;
        self.file.write_all(&lines)?;
        self.file.sync_data()
    }

    /// Whether something waits in it.
    #[must_use]
    pub fn holds_something(&self) -> bool {
        self.holds_something
    }

    /// All that waits in it, in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&mut self) -> io::Result<Vec<T>> {
        self.file.rewind()?;
        let entries = read(&self.file, &self.path)?;
        Ok(entries.into_iter().map(|(_, kept)| kept).collect())
    }

    /// All that was kept is recorded.
    ///
    /// # Errors
    /// When the file cannot be emptied; replaying it again would change nothing.
    pub fn clear(&mut self) -> io::Result<()> {
        if self.holds_something {
            self.file.set_len(0)?;
            self.file.sync_data()?;
            self.holds_something = false;
        }
        Ok(())
    }

    /// Spools in this folder whose instance is gone.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn orphans(&self) -> io::Result<Vec<Orphan<T>>> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut orphans = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path == self.path || path.extension() != self.path.extension() {
                continue;
            }
            if let Some(orphan) = Orphan::adopt(path)? {
                orphans.push(orphan);
            }
        }
        Ok(orphans)
    }
}

impl<T> Drop for Spool<T> {
    fn drop(&mut self) {
        if !self.holds_something
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!("an empty spool file stays behind: {error}");
        }
    }
}

impl<T: DeserializeOwned> Orphan<T> {
    fn adopt(path: PathBuf) -> io::Result<Option<Self>> {
        let Ok(file) = OpenOptions::new().read(true).append(true).open(&path) else { return Ok(None) };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        let entries = read(&file, &path)?;
        Ok(Some(Self { path, _file: file, entries }))
    }

    /// All of it is recorded: the file goes.
    ///
    /// # Errors
    /// When it cannot be removed; replaying it again would change nothing.
    pub fn bury(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

fn read<T: DeserializeOwned>(file: &File, path: &Path) -> io::Result<Vec<(OrganizationId, T)>> {
    let mut entries = Vec::new();
    for line in BufReader::new(file).lines() {
        // A line that was cut by a crash is the last one. Of an outcome, the attempt is found in doubt; a report comes
        // again, because it was not answered.
        match serde_json::from_str::<Entry<T>>(&line?) {
            Ok(entry) => entries.push((entry.organization, entry.kept)),
            Err(error) => tracing::warn!("a line of {} cannot be read: {error}", path.display()),
        }
    }
    Ok(entries)
}
