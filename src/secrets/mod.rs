//! Keys and what is sealed with them.
//!
//! A credential is stored as a *sealed text* and nothing else: XChaCha20-Poly1305 with a random nonce, and associated data
//! that names its place, so that it opens nowhere but there. Only what builds requests opens it. There is no mode
//! without a key (`reliability.md`, section 9).

mod api_key;
mod file;
mod password;
mod ring;
mod seal;

pub use api_key::{new_api_key, sha256};
pub use file::{load, new_key_file};
pub use password::{new_password, verifier};
pub use ring::{KeyId, KeyRing, new_key_text};
pub use seal::{CheckValue, Place, Sealed, Secret};

use std::{io, path::PathBuf};

/// Why a key or a sealed text cannot be used; each a sentence of its own.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No key at all.
    #[error(
        "there is no encryption key: make a file with signalbox key new and name it in ENCRYPTION_KEY_FILE"
    )]
    NoKey,
    /// A key that is none.
    #[error(
        "encryption key {position} is not a key: it must be 32 bytes, as 64 hexadecimal digits or in base64"
    )]
    NotAKey {
        /// Counted from one.
        position: usize,
    },
    /// The same key twice.
    #[error("encryption key {position} is given twice")]
    KeyTwice {
        /// Counted from one.
        position: usize,
    },
    /// The key file cannot be read or written.
    #[error("failed to use the key file {}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the key file.
    #[error("the key file {} may be read by others (mode {mode:04o}); make it private with: chmod 600 {}", .path.display(), .path.display())]
    Readable {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key file belongs to somebody else, who could change it.
    #[error("the key file {} belongs to user {owner}, not to the current user or root", .path.display())]
    Owner {
        /// Which file.
        path: PathBuf,
        /// The numeric id of its owner.
        owner: u32,
    },
    /// A key file that is no plain file.
    #[error("the key file {} is not a plain file", .path.display())]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// The sealed text was cut or is something else.
    #[error("the sealed text is cut off or damaged")]
    Truncated,
    /// A later version of the envelope.
    #[error("the sealed text has version {version}, which only a newer signalbox can open")]
    Version {
        /// The version.
        version: u8,
    },
    /// The key that it was sealed with is not on the ring.
    #[error("it was sealed with key {needed}, and only {given} is given")]
    OtherKey {
        /// The key that is needed.
        needed: KeyId,
        /// The ids of the keys on the ring.
        given: String,
    },
    /// The right key, and it does not open.
    #[error("it does not open with its key {key}: it was changed, or it was moved here from another row")]
    Moved {
        /// The key.
        key: KeyId,
    },
    /// The database was used with another key before.
    #[error("wrong encryption key: this database is sealed with key {needed}, and only {given} is given")]
    WrongKey {
        /// The key that is needed.
        needed: KeyId,
        /// The ids of the keys on the ring.
        given: String,
    },
    /// A password of a login role that clients would read differently.
    #[error(
        "the password of a login role is made of ASCII letters, digits, signs and spaces; choose another one"
    )]
    Password,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
}
