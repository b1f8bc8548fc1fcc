//! What is known and cannot be recorded yet, outcomes or reports: an append-only file of this instance, readable by its
//! owner only, flushed to the disk before a thing counts as kept, and replayed by the next instance on this host if this
//! one dies.

use crate::domain::ids::{InstanceId, OrganizationId};
use crate::domain::json;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    marker::PhantomData,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Things of one page, at most.
const PAGE: usize = 256;
/// Bytes of one page; one thing may be longer.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;
/// The ending of a spool file that is not locked yet.
const UNSEEN: &str = "new";

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
    /// The last write ended in the middle of a line.
    is_torn: bool,
    kept: PhantomData<fn(T) -> T>,
}

/// A part of what a spool holds.
pub struct Page<T> {
    /// In order.
    pub entries: Vec<T>,
    /// The place behind the last one: where the next page begins, if there is more.
    pub end: u64,
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
        // Under its name it is seen locked or not at all: another instance that starts now looks for spools without an
        // owner, and would take one that is not locked yet, and remove it under us.
        let unseen = dir.join(format!("{instance}.{kind}.{UNSEEN}"));
        let file = OpenOptions::new().create_new(true).append(true).read(true).mode(0o600).open(&unseen)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(io::Error::from)
            .and_then(|()| fs::rename(&unseen, &path))
            .inspect_err(|_failed| {
                let _ = fs::remove_file(&unseen);
            })?;
        Ok(Self { path, file, holds_something: false, is_torn: false, kept: PhantomData })
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
        if self.is_torn {
            // Or the first thing of these would become a part of the line that was cut.
            lines.push(b'\n');
        }
        for kept in things {
            lines.extend_from_slice(json::line(&Entry { organization, kept })?.as_bytes());
            lines.push(b'\n');
        }
        self.holds_something = true;
        self.is_torn = true;
        self.file.write_all(&lines)?;
        self.is_torn = false;
        self.file.sync_data()
    }

    /// Whether something waits in it.
    #[must_use]
    pub fn holds_something(&self) -> bool {
        self.holds_something
    }

    /// What waits in it from a place on, in order. The first place is zero.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn page(&mut self, from: u64) -> io::Result<Page<T>> {
        self.file.seek(SeekFrom::Start(from))?;
        let mut lines = Lines::of(&self.file, &self.path);
        let mut entries = Vec::new();
        while entries.len() < PAGE
            && lines.read < PAGE_BYTES
            && let Some((_, kept)) = lines.next_entry()?
        {
            entries.push(kept);
        }
        Ok(Page { entries, end: from + lines.read })
    }

    /// The place behind everything that waits in it.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn end(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Takes over what instances of this organisation left behind that are gone: it waits in this spool from now on.
    /// Answers how many things that are.
    ///
    /// # Errors
    /// When a file cannot be read, or ours not written; what was not taken over stays where it is.
    pub fn inherit(&mut self, organization: OrganizationId) -> io::Result<usize> {
        let mut count = 0;
        for path in self.others()? {
            let Some(file) = lock(&path) else { continue };
            let mut lines = Lines::<T>::of(&file, &path);
            let mut is_ours = true;
            while let Some((whose, _)) = lines.next_entry()? {
                is_ours &= whose == organization;
            }
            if !is_ours {
                continue;
            }
            (&file).rewind()?;
            let mut lines = Lines::of(&file, &path);
            let mut part = Vec::with_capacity(PAGE);
            while let Some((_, kept)) = lines.next_entry()? {
                part.push(kept);
                if part.len() == PAGE {
                    self.keep(organization, part.iter())?;
                    count += part.len();
                    part.clear();
                }
            }
            if !part.is_empty() {
                self.keep(organization, part.iter())?;
                count += part.len();
            }
            // If it stays behind it is taken over once more, which changes nothing.
            fs::remove_file(&path)?;
        }
        Ok(count)
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

    /// Spools of other instances, gone or not.
    fn others(&self) -> io::Result<Vec<PathBuf>> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let kind = self.path.extension().unwrap_or_default();
        Ok(of_kind(dir, kind)?.into_iter().filter(|path| *path != self.path).collect())
    }
}

/// Spools of one kind in a folder whose instance is gone, but for those at `passed_over`.
///
/// # Errors
/// When the folder or one of them cannot be read.
pub fn orphans<T: DeserializeOwned>(
    dir: &Path,
    kind: &str,
    passed_over: &BTreeSet<PathBuf>,
) -> io::Result<Vec<Orphan<T>>> {
    let mut orphans = Vec::new();
    for path in of_kind(dir, kind.as_ref())?.into_iter().filter(|path| !passed_over.contains(path)) {
        if let Some(orphan) = Orphan::adopt(path)? {
            orphans.push(orphan);
        }
    }
    Ok(orphans)
}

fn of_kind(dir: &Path, kind: &OsStr) -> io::Result<Vec<PathBuf>> {
    let mut spools = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension() == Some(kind) {
            spools.push(path);
        }
    }
    Ok(spools)
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
        let Some(file) = lock(&path) else { return Ok(None) };
        let mut entries = Vec::new();
        let mut lines = Lines::of(&file, &path);
        while let Some(entry) = lines.next_entry()? {
            entries.push(entry);
        }
        Ok(Some(Self { path, _file: file, entries }))
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All of it is recorded: the file goes.
    ///
    /// # Errors
    /// When it cannot be removed; replaying it again would change nothing.
    pub fn bury(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// Opens and locks the spool of an instance that is gone; `None`: it is not gone, or somebody else was faster.
fn lock(path: &Path) -> Option<File> {
    let file = OpenOptions::new().read(true).append(true).open(path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    // Whoever removes a spool holds its lock: between our look and our lock its owner may have ended, or an heir have
    // taken it over.
    let (ours, named) = (file.metadata().ok()?, fs::metadata(path).ok()?);
    ((ours.dev(), ours.ino()) == (named.dev(), named.ino())).then_some(file)
}

/// The lines of a spool file, one after the other.
struct Lines<'a, T> {
    reader: BufReader<&'a File>,
    path: &'a Path,
    line: Vec<u8>,
    /// Bytes of all lines so far.
    read: u64,
    kept: PhantomData<fn() -> T>,
}

impl<'a, T: DeserializeOwned> Lines<'a, T> {
    /// From where the file stands.
    fn of(file: &'a File, path: &'a Path) -> Self {
        Self { reader: BufReader::new(file), path, line: Vec::new(), read: 0, kept: PhantomData }
    }

    fn next_entry(&mut self) -> io::Result<Option<(OrganizationId, T)>> {
        loop {
            self.line.clear();
            let length = self.reader.read_until(b'\n', &mut self.line)?;
            if length == 0 {
                return Ok(None);
            }
            self.read += length as u64;
            // A line that was cut by a crash or a full disk. Of an outcome, the attempt is found in doubt; a report comes
            // again, because it was not answered.
            match serde_json::from_slice::<Entry<T>>(&self.line) {
                Ok(entry) => return Ok(Some((entry.organization, entry.kept))),
                Err(_) if self.line.trim_ascii().is_empty() => {}
                Err(error) => {
                    tracing::warn!("a line of {} cannot be read: {error}", self.path.display());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn keep(spool: &mut Spool<String>, organization: OrganizationId, words: &[&str]) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        spool.keep(organization, words.iter()).unwrap();
    }

    fn everything(spool: &mut Spool<String>) -> Vec<String> {
        let mut all = Vec::new();
        let mut from = 0;
        while from < spool.end().unwrap() {
            let page = spool.page(from).unwrap();
            all.extend(page.entries);
            from = page.end;
        }
        all
    }

    #[test]
    fn a_long_spool_is_read_page_by_page_while_it_grows() {
        let dir = tempfile::tempdir().unwrap();
        let organization = OrganizationId::new();
        let mut spool = Spool::open(dir.path(), InstanceId::new(), "words").unwrap();
        let words: Vec<String> = (0..600).map(|word| word.to_string()).collect();
        spool.keep(organization, words.iter()).unwrap();
        let first = spool.page(0).unwrap();
        assert_eq!((first.entries.len(), &first.entries[..]), (PAGE, &words[..PAGE]));
        keep(&mut spool, organization, &["one more"]);
        let second = spool.page(first.end).unwrap();
        let third = spool.page(second.end).unwrap();
        assert_eq!((second.entries.len(), third.entries.len()), (PAGE, 89));
        assert_eq!(third.end, spool.end().unwrap());
        assert_eq!(third.entries[88], "one more");
        spool.clear().unwrap();
        keep(&mut spool, organization, &["after"]);
        assert_eq!(everything(&mut spool), ["after"]);
    }

    #[test]
    fn a_line_that_was_cut_costs_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let organization = OrganizationId::new();
        let mut spool = Spool::open(dir.path(), InstanceId::new(), "words").unwrap();
        keep(&mut spool, organization, &["before"]);
        // As a full disk leaves it: in the middle of a line, and of a character.
        spool.file.write_all(b"{\"organization\":\"\xf0\x9f").unwrap();
        spool.is_torn = true;
        keep(&mut spool, organization, &["behind", "and behind"]);
        assert_eq!(everything(&mut spool), ["before", "behind", "and behind"]);
    }

    #[test]
    fn instances_that_start_at_once_take_nothing_from_each_other() {
        const ROUNDS: usize = 2_000;
        let dir = tempfile::tempdir().unwrap();
        let organization = OrganizationId::new();
        let start = || {
            for _ in 0..ROUNDS {
                let mut spool = Spool::<String>::open(dir.path(), InstanceId::new(), "words").unwrap();
                for orphan in orphans::<String>(dir.path(), "words", &BTreeSet::new()).unwrap() {
                    orphan.bury().unwrap();
                }
                spool.inherit(organization).unwrap();
                let (ours, named) = (spool.file.metadata().unwrap(), fs::metadata(&spool.path).unwrap());
                assert_eq!(ours.ino(), named.ino(), "what is kept now is found again");
            }
        };
        std::thread::scope(|threads| {
            let starting: Vec<_> = (0..3).map(|_| threads.spawn(start)).collect();
            for instance in starting {
                instance.join().unwrap();
            }
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing stays behind");
    }

    #[test]
    fn what_is_left_behind_is_inherited_once_and_only_from_the_dead_of_ones_own() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = (OrganizationId::new(), OrganizationId::new());
        let mut gone = Spool::open(dir.path(), InstanceId::new(), "words").unwrap();
        keep(&mut gone, ours, &["a", "b"]);
        gone.file.write_all(b"{\"organiz").unwrap();
        drop(gone);
        let mut alive = Spool::open(dir.path(), InstanceId::new(), "words").unwrap();
        keep(&mut alive, ours, &["c"]);
        let mut foreign = Spool::open(dir.path(), InstanceId::new(), "words").unwrap();
        keep(&mut foreign, theirs, &["d"]);
        let foreign_path = foreign.path.clone();
        drop(foreign);
        let mut other_kind = Spool::open(dir.path(), InstanceId::new(), "numbers").unwrap();
        keep(&mut other_kind, ours, &["e"]);
        drop(other_kind);
        let mut heir = Spool::open(dir.path(), InstanceId::new(), "words").unwrap();
        assert_eq!(heir.inherit(ours).unwrap(), 2);
        assert!(heir.holds_something());
        assert_eq!(everything(&mut heir), ["a", "b"]);
        assert_eq!(heir.inherit(ours).unwrap(), 0, "the file is gone");
        let mut text = String::new();
        File::open(foreign_path).unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains("\"d\""));
    }
}
