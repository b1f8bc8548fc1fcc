//! Where keys come from: a private file; else the environment; on a local cluster, a file that we make ourselves.

use super::{KeyRing, SecretError, new_key_text};
use rustix::process::geteuid;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// A key file holds a few lines; more than this is some other file.
const LONGEST_FILE: u64 = 64 * 1024;

/// Gathers the keys of this run. `file` and `text` are `ENCRYPTION_KEY_FILE` and `ENCRYPTION_KEY`; when both are given, the file's keys come first
/// and so the file's first key writes. With neither, `local` (the key file of the local cluster) is used, and made when
/// it is missing; a shared database has none.
///
/// # Errors
/// When there is no key, or a file that others may read, or one that holds no keys.
pub fn load(file: Option<&Path>, text: Option<&str>, local: Option<&Path>) -> Result<KeyRing, SecretError> {
    let mut keys = Zeroizing::new(String::new());
    if let Some(path) = file {
        keys.push_str(&read_private(path)?);
        keys.push('\n');
    }
    keys.push_str(text.unwrap_or_default());
    if !keys.trim().is_empty() || file.is_some() {
        return KeyRing::parse(&keys);
    }
    let path = local.ok_or(SecretError::NoKey)?;
    match new_key_file(path) {
        // Another console made it a moment ago, or it has been there for long.
        Err(SecretError::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    KeyRing::parse(&read_private(path)?)
}

/// Makes a file with one new key, readable by the current user only. An existing file is never overwritten.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn new_key_file(path: &Path) -> Result<(), SecretError> {
    let failed = |source| SecretError::File { path: path.to_owned(), source };
    if path.symlink_metadata().is_ok() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // Written aside and linked into place: the file appears whole, or not at all, and replaces nothing.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let aside = path.with_file_name(name);
    let text = new_key_text()?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
        .and_then(|()| fs::hard_link(&aside, path));
    let _ = fs::remove_file(&aside);
    written.map_err(failed)
}

/// Reads a file that only its owner, who is us or root, may read. Checked on the open file, so that it cannot be
/// exchanged in between.
fn read_private(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let failed = |source| SecretError::File { path: path.to_owned(), source };
    // Without NONBLOCK, opening a named pipe would wait for a writer.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(SecretError::NotAFile { path: path.to_owned() });
    }
    if meta.mode() & 0o077 != 0 {
        return Err(SecretError::Readable { path: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    if meta.uid() != geteuid().as_raw() && meta.uid() != 0 {
        return Err(SecretError::Owner { path: path.to_owned(), owner: meta.uid() });
    }
    read_text(&file).map_err(failed)
}

fn read_text(file: &File) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_FILE).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_local_cluster_gets_its_key_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/keys");
        let first = load(None, None, Some(&path)).unwrap().writing();
        assert_eq!(load(None, None, Some(&path)).unwrap().writing(), first);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(new_key_file(&path).is_err(), "a key file is never overwritten");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left aside");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        new_key_file(&path).unwrap();
        for mode in [0o644, 0o640, 0o604] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load(Some(&path), None, None).unwrap_err().to_string();
            assert!(error.contains("chmod 600") && error.contains(&format!("{mode:04o}")), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        load(Some(&path), None, None).unwrap();
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        new_key_file(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert!(matches!(load(Some(&path), None, None), Err(SecretError::Owner { owner: 65_534, .. })));
    }

    #[test]
    fn no_key_is_a_sentence_with_the_way_out() {
        assert!(load(None, None, None).unwrap_err().to_string().contains("signalbox key new"));
        let folder = tempfile::tempdir().unwrap();
        let missing = load(Some(&folder.path().join("nothing")), None, None);
        assert!(matches!(missing, Err(SecretError::File { .. })));
        assert!(matches!(
            load(Some(folder.path()), None, None),
            Err(SecretError::NotAFile { .. } | SecretError::Readable { .. })
        ));
        let empty = folder.path().join("empty");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&empty).unwrap();
        let local = folder.path().join("local");
        assert!(matches!(load(Some(&empty), None, Some(&local)), Err(SecretError::NoKey)));
        assert!(!local.exists(), "an empty key file is a mistake, not a wish for another key");
    }

    #[test]
    fn file_and_environment_together_read_both_and_the_file_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        new_key_file(&path).unwrap();
        let in_file = load(Some(&path), None, None).unwrap().writing();
        let text = new_key_text().unwrap();
        let in_text = KeyRing::parse(&text).unwrap().writing();
        let both = load(Some(&path), Some(&text), None).unwrap();
        assert_eq!(both.writing(), in_file);
        assert!(both.ids().contains(&in_text.to_string()));
    }
}
