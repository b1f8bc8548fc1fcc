//! The key ring: the first key writes, all of them read.

use super::SecretError;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use rand::{TryRngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// Length of a key, in bytes.
pub(super) const KEY_LENGTH: usize = 32;

/// The name of a key: the first four bytes of a hash of it. It says which key is needed, and nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(super) [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = SecretError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = u32::from_str_radix(text, 16).map_err(|_| SecretError::Truncated)?;
        if text.len() == 8 { Ok(Self(number.to_be_bytes())) } else { Err(SecretError::Truncated) }
    }
}

/// One key. No `Debug`; wiped when dropped.
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) bytes: Zeroizing<[u8; KEY_LENGTH]>,
}

impl Key {
    fn new(bytes: Zeroizing<[u8; KEY_LENGTH]>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"signalbox key id");
        hash.update(bytes.as_slice());
        let digest = hash.finalize();
        let mut id = [0; 4];
        id.copy_from_slice(&digest[..4]);
        Self { id: KeyId(id), bytes }
    }
}

/// The keys that this run was given. At least one, in their order.
pub struct KeyRing {
    first: Key,
    others: Vec<Key>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({})", self.ids())
    }
}

impl KeyRing {
    /// Reads keys separated by commas or line ends; lines that begin with `#` are comments.
    ///
    /// # Errors
    /// When there is none, or one of them is no key, or one is there twice.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let mut keys: Vec<Key> = Vec::new();
        let words = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|word| !word.is_empty());
        for (position, word) in (1..).zip(words) {
            let key = read_key(word).map(Key::new).ok_or(SecretError::NotAKey { position })?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(SecretError::KeyTwice { position });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(SecretError::NoKey)?;
        Ok(Self { first, others: keys.collect() })
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn writing(&self) -> KeyId {
        self.first.id
    }

    /// Whether this key is on it.
    #[must_use]
    pub fn has(&self, id: KeyId) -> bool {
        self.find(id).is_some()
    }

    /// The ids of all keys, for messages.
    #[must_use]
    pub fn ids(&self) -> String {
        self.all().map(|key| key.id.to_string()).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn first(&self) -> &Key {
        &self.first
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&Key> {
        self.all().find(|key| key.id == id)
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// A new random key as text, in base64.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_key_text() -> Result<Zeroizing<String>, SecretError> {
    let mut bytes = Zeroizing::new([0_u8; KEY_LENGTH]);
    OsRng.try_fill_bytes(bytes.as_mut_slice()).map_err(|_| SecretError::NoRandomness)?;
    Ok(Zeroizing::new(STANDARD.encode(bytes.as_slice())))
}

fn read_key(word: &str) -> Option<Zeroizing<[u8; KEY_LENGTH]>> {
    let bytes =
        Zeroizing::new(if word.len() == 2 * KEY_LENGTH { from_hex(word)? } else { from_base64(word)? });
    let mut key = Zeroizing::new([0_u8; KEY_LENGTH]);
    if bytes.len() != KEY_LENGTH {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

fn from_base64(word: &str) -> Option<Vec<u8>> {
    [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|engine| engine.decode(word).ok())
}

fn from_hex(word: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    word.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn to_hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    #[test]
    fn a_key_is_one_key_in_every_spelling() {
        let text = new_key_text().unwrap();
        let bytes = STANDARD.decode(text.as_str()).unwrap();
        let ring = KeyRing::parse(&text).unwrap();
        for spelling in [
            to_hex(&bytes),
            to_hex(&bytes).to_uppercase(),
            URL_SAFE_NO_PAD.encode(&bytes),
            format!(" {}\n", text.as_str()),
        ] {
            assert_eq!(KeyRing::parse(&spelling).unwrap().writing(), ring.writing());
        }
    }

    #[test]
    fn the_first_key_writes_and_all_are_there() {
        let (new, old) = (new_key_text().unwrap(), new_key_text().unwrap());
        let ring = KeyRing::parse(&format!("# rotated\n{},{}\n", new.as_str(), old.as_str())).unwrap();
        assert_eq!(ring.writing(), KeyRing::parse(&new).unwrap().writing());
        assert!(ring.find(KeyRing::parse(&old).unwrap().writing()).is_some());
    }

    #[test]
    fn what_is_no_key_is_refused_by_its_place() {
        let key = new_key_text().unwrap();
        assert!(matches!(KeyRing::parse(" , \n# none\n"), Err(SecretError::NoKey)));
        for wrong in ["short", "zz", &key[..40], &"g".repeat(64)] {
            let text = format!("{},{wrong}", key.as_str());
            assert!(matches!(KeyRing::parse(&text), Err(SecretError::NotAKey { position: 2 })), "{wrong}");
        }
        let twice = format!("{0},{0}", key.as_str());
        assert!(matches!(KeyRing::parse(&twice), Err(SecretError::KeyTwice { position: 2 })));
    }

    #[test]
    fn a_ring_shows_ids_and_no_keys() {
        let key = new_key_text().unwrap();
        let ring = KeyRing::parse(&key).unwrap();
        assert_eq!(format!("{ring:?}"), format!("KeyRing({})", ring.writing()));
        assert_eq!(ring.writing().to_string().parse::<KeyId>().unwrap(), ring.writing());
    }
}
