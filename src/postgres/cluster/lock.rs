//! Whole-file locks that vanish with the process that holds them, however it ends.

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How often a wait for somebody else's lock looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A lock held on a file. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Lock(File);

/// Alone or together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Alone,
    Together,
}

impl Lock {
    /// Takes the lock if nobody stands in the way; `None` otherwise. Makes the file when it is missing.
    pub(super) fn try_take(path: &Path, hold: Hold) -> io::Result<Option<Self>> {
        let file = open(path)?;
        Ok(try_flock(&file, hold)?.then_some(Self(file)))
    }

    /// As [`Lock::try_take`], waiting for at most `limit`.
    pub(super) fn take_within(path: &Path, hold: Hold, limit: Duration) -> io::Result<Option<Self>> {
        let file = open(path)?;
        let until = Instant::now() + limit;
        loop {
            if try_flock(&file, hold)? {
                return Ok(Some(Self(file)));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Turns a lock held together into one held alone, if nobody else holds it. The old lock is gone either way.
    pub(super) fn into_alone(self) -> io::Result<Option<Self>> {
        Ok(try_flock(&self.0, Hold::Alone)?.then_some(self))
    }

    /// The locked file.
    pub(super) fn file(&self) -> &File {
        &self.0
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

fn try_flock(file: &File, hold: Hold) -> io::Result<bool> {
    let operation = match hold {
        Hold::Alone => FlockOperation::NonBlockingLockExclusive,
        Hold::Together => FlockOperation::NonBlockingLockShared,
    };
    loop {
        return match flock(file, operation) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(Errno::INTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_hold_it_together_and_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::try_take(&path, Hold::Together).unwrap().unwrap();
        let second = Lock::try_take(&path, Hold::Together).unwrap().unwrap();
        assert!(Lock::try_take(&path, Hold::Alone).unwrap().is_none());
        assert!(first.into_alone().unwrap().is_none());
        let alone = second.into_alone().unwrap().unwrap();
        assert!(Lock::take_within(&path, Hold::Together, Duration::from_millis(30)).unwrap().is_none());
        drop(alone);
        assert!(Lock::try_take(&path, Hold::Together).unwrap().is_some());
    }
}
