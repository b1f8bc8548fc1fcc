//! Outcomes that are known and cannot be recorded yet: an append-only file of this instance, readable by its owner only,
//! flushed to the disk before the outcome counts as kept, and replayed by the next sender on this host if this one dies.

use crate::domain::ids::{InstanceId, OrganizationId};
use crate::domain::json;
use crate::store::attempt::OutcomeRecord;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// One line of a spool file.
#[derive(Serialize, Deserialize)]
struct Entry {
    organization: OrganizationId,
    outcome: OutcomeRecord,
}

/// This instance's spool. The file is locked while we live, so that nobody replays it under us.
pub struct Spool {
    path: PathBuf,
    file: File,
    holds_something: bool,
}

/// The spool of an instance that is gone.
pub struct Orphan {
    path: PathBuf,
    /// Keeps the lock.
    _file: File,
    /// What it holds, in order.
    pub entries: Vec<(OrganizationId, OutcomeRecord)>,
}

impl Spool {
    /// Opens the spool of a new instance.
    ///
    /// # Errors
    /// When the folder or file cannot be made.
    pub fn open(dir: &Path, instance: InstanceId) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join(format!("{instance}.outcomes"));
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { path, file, holds_something: false })
    }

    /// Keeps outcomes until they are recorded. They are on the disk when this returns.
    ///
    /// # Errors
    /// When the disk is full or the file is gone.
    pub fn keep<'a>(
        &mut self,
        organization: OrganizationId,
        outcomes: impl Iterator<Item = &'a OutcomeRecord>,
    ) -> io::Result<()> {
        let mut lines = Vec::new();
        for outcome in outcomes {
            let line = json::line(&Entry { organization, outcome: outcome.clone() })?;
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        }
        self.holds_something = true;
        self.file.write_all(&lines)?;
        self.file.sync_data()
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
    pub fn orphans(&self) -> io::Result<Vec<Orphan>> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut orphans = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path == self.path || path.extension().is_none_or(|extension| extension != "outcomes") {
                continue;
            }
            if let Some(orphan) = Orphan::adopt(path)? {
                orphans.push(orphan);
            }
        }
        Ok(orphans)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.holds_something
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!("an empty spool file stays behind: {error}");
        }
    }
}

impl Orphan {
    fn adopt(path: PathBuf) -> io::Result<Option<Self>> {
        let Ok(file) = OpenOptions::new().read(true).append(true).open(&path) else { return Ok(None) };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        let mut entries = Vec::new();
        for line in BufReader::new(&file).lines() {
            // A line that was cut by a crash is the last one; its attempt is found in doubt.
            match serde_json::from_str::<Entry>(&line?) {
                Ok(entry) => entries.push((entry.organization, entry.outcome)),
                Err(error) => tracing::warn!("a line of {} cannot be read: {error}", path.display()),
            }
        }
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
