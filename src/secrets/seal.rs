//! Sealing and opening: the envelope, and the place that it is bound to.

use super::{KeyId, KeyRing, SecretError, ring::Key};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::{TryRngCore, rngs::OsRng};
use std::{fmt, str::FromStr};
use uuid::Uuid;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;
const TAG_LENGTH: usize = 16;
const HEADER_LENGTH: usize = 1 + 4;
/// What the key check value holds.
const CHECK: &str = "signalbox key check";

/// Where a sealed text stands. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column, because a row may hold several secrets.
    pub column: &'a str,
    /// The organisation; nil for what belongs to none.
    pub organization: Uuid,
    /// The row.
    pub row: Uuid,
}

impl Place<'_> {
    /// Every part with its length before it, so that no two places read the same.
    fn associated_data(&self, key: KeyId) -> Vec<u8> {
        let mut data = Vec::with_capacity(96);
        let parts: [&[u8]; 6] = [
            &[VERSION],
            &key.0,
            self.table.as_bytes(),
            self.column.as_bytes(),
            self.organization.as_bytes(),
            self.row.as_bytes(),
        ];
        for part in parts {
            data.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// A sealed secret as it stands in the database: base64 of version, key id, nonce, ciphertext. Harmless to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key that it was sealed with.
    ///
    /// # Errors
    /// When it is cut off, or of a later version.
    pub fn key(&self) -> Result<KeyId, SecretError> {
        Envelope::read(&self.0).map(|envelope| envelope.key)
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sealed {
    type Err = SecretError;
    /// Takes a text from the database, refusing what is obviously cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Envelope::read(text).map(|_envelope| Self(text.to_owned()))
    }
}

/// An opened secret: no `Debug`, no `Display`, no `Serialize`; wiped when dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself, for what builds a request.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The secret itself, still wiped when dropped.
    #[must_use]
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

/// A value that only the right key opens. Stored at first use, opened at every start, so that a wrong key is one sentence
/// before the first screen.
pub type CheckValue = Sealed;

impl KeyRing {
    /// Seals a secret with the writing key, for this place.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal(&self, place: &Place<'_>, secret: &str) -> Result<Sealed, SecretError> {
        let mut nonce = [0_u8; NONCE_LENGTH];
        OsRng.try_fill_bytes(&mut nonce).map_err(|_| SecretError::NoRandomness)?;
        let key = self.first();
        let ciphertext = cipher(key)
            .encrypt(
                &XNonce::from(nonce),
                Payload { msg: secret.as_bytes(), aad: &place.associated_data(key.id) },
            )
            // The only failure is a text of more than 256 GiB.
            .map_err(|_| SecretError::Truncated)?;
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + NONCE_LENGTH + ciphertext.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&key.id.0);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&ciphertext);
        Ok(Sealed(STANDARD_NO_PAD.encode(bytes)))
    }

    /// Opens a secret that was sealed for this place, with whichever key of the ring sealed it.
    ///
    /// # Errors
    /// When its key is not on the ring, or it was damaged, changed or moved.
    pub fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Secret, SecretError> {
        let envelope = Envelope::read(&sealed.0)?;
        let key = self
            .find(envelope.key)
            .ok_or_else(|| SecretError::OtherKey { needed: envelope.key, given: self.ids() })?;
        let payload = Payload { msg: &envelope.ciphertext, aad: &place.associated_data(key.id) };
        let moved = SecretError::Moved { key: key.id };
        let Ok(opened) = cipher(key).decrypt(&XNonce::from(envelope.nonce), payload) else {
            return Err(moved);
        };
        String::from_utf8(opened).map(|text| Secret(Zeroizing::new(text))).map_err(|_| moved)
    }

    /// Seals again with the writing key what another key of the ring sealed; `None` when there is nothing to do.
    ///
    /// # Errors
    /// As [`KeyRing::open`]; nothing is to be written then.
    pub fn reseal(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Option<Sealed>, SecretError> {
        if sealed.key()? == self.writing() {
            return Ok(None);
        }
        let secret = self.open(place, sealed)?;
        self.seal(place, secret.reveal()).map(Some)
    }

    /// The value to store when a database has none yet.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn check_value(&self) -> Result<CheckValue, SecretError> {
        self.seal(&CHECK_PLACE, CHECK)
    }

    /// Compares the ring with the value that the database holds.
    ///
    /// # Errors
    /// [`SecretError::WrongKey`] when the database was sealed with none of the ring's keys.
    pub fn verify(&self, stored: &CheckValue) -> Result<(), SecretError> {
        match self.open(&CHECK_PLACE, stored) {
            Ok(_opened) => Ok(()),
            Err(SecretError::OtherKey { needed, given }) => Err(SecretError::WrongKey { needed, given }),
            Err(other) => Err(other),
        }
    }
}

const CHECK_PLACE: Place<'static> =
    Place { table: "key_check", column: "sealed", organization: Uuid::nil(), row: Uuid::nil() };

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*key.bytes).into())
}

struct Envelope {
    key: KeyId,
    nonce: [u8; NONCE_LENGTH],
    ciphertext: Vec<u8>,
}

impl Envelope {
    fn read(text: &str) -> Result<Self, SecretError> {
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| SecretError::Truncated)?;
        let (version, rest) = bytes.split_first().ok_or(SecretError::Truncated)?;
        if *version != VERSION {
            return Err(SecretError::Version { version: *version });
        }
        let (key, rest) = rest.split_first_chunk::<4>().ok_or(SecretError::Truncated)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(SecretError::Truncated)?;
        if ciphertext.len() < TAG_LENGTH {
            return Err(SecretError::Truncated);
        }
        Ok(Self { key: KeyId(*key), nonce: *nonce, ciphertext: ciphertext.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::new_key_text;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn ring() -> KeyRing {
        KeyRing::parse(&new_key_text().unwrap()).unwrap()
    }

    fn place(row: u128) -> Place<'static> {
        Place {
            table: "accounts",
            column: "token",
            organization: Uuid::from_u128(7),
            row: Uuid::from_u128(row),
        }
    }

    #[test]
    fn what_is_sealed_opens_to_the_same() {
        let ring = ring();
        let mut random = StdRng::seed_from_u64(1);
        for round in 0..500 {
            let secret: String = (0..random.random_range(0..200)).map(|_| random.random::<char>()).collect();
            let sealed = ring.seal(&place(round), &secret).unwrap();
            let read: Sealed = sealed.as_str().parse().unwrap();
            assert_eq!(ring.open(&place(round), &read).unwrap().reveal(), secret);
            assert!(secret.len() < 8 || !sealed.as_str().contains(&secret));
        }
    }

    #[test]
    fn the_same_secret_never_looks_the_same_twice() {
        let ring = ring();
        assert_ne!(ring.seal(&place(1), "x").unwrap(), ring.seal(&place(1), "x").unwrap());
    }

    #[test]
    fn any_flipped_bit_fails() {
        let ring = ring();
        let sealed = ring.seal(&place(1), "a token of some length").unwrap();
        let bytes = STANDARD_NO_PAD.decode(sealed.as_str()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = Sealed(STANDARD_NO_PAD.encode(changed));
            assert!(ring.open(&place(1), &changed).is_err(), "bit {bit}");
        }
        for at in 0..sealed.as_str().len() {
            for replacement in ['A', 'z', '-', ' '] {
                let mut text: Vec<char> = sealed.as_str().chars().collect();
                if text[at] != replacement {
                    text[at] = replacement;
                    assert!(ring.open(&place(1), &Sealed(text.into_iter().collect())).is_err());
                }
            }
        }
    }

    #[test]
    fn a_cut_text_fails_at_every_length() {
        let ring = ring();
        let sealed = ring.seal(&place(1), "token").unwrap();
        for length in 0..sealed.as_str().len() {
            assert!(ring.open(&place(1), &Sealed(sealed.as_str()[..length].to_owned())).is_err(), "{length}");
        }
        assert!(matches!("".parse::<Sealed>(), Err(SecretError::Truncated)));
        assert!(matches!(sealed.as_str()[..20].parse::<Sealed>(), Err(SecretError::Truncated)));
        // Within its seal, too: that it is cut is said, not that somebody changed it.
        assert!(matches!(sealed.as_str()[..56].parse::<Sealed>(), Err(SecretError::Truncated)));
    }

    #[test]
    fn a_secret_opens_only_in_its_own_place() {
        let ring = ring();
        let sealed = ring.seal(&place(1), "token").unwrap();
        let here = place(1);
        let elsewhere = [
            Place { row: Uuid::from_u128(2), ..here },
            Place { organization: Uuid::from_u128(8), ..here },
            Place { table: "operators", ..here },
            Place { column: "app_secret", ..here },
            // The same letters in other words.
            Place { table: "accountst", column: "oken", ..here },
        ];
        for other in elsewhere {
            assert!(matches!(ring.open(&other, &sealed), Err(SecretError::Moved { .. })), "{other:?}");
        }
    }

    #[test]
    fn a_wrong_key_is_one_clear_sentence() {
        let (right, wrong) = (ring(), ring());
        let check = right.check_value().unwrap();
        right.verify(&check).unwrap();
        let error = wrong.verify(&check).unwrap_err().to_string();
        assert!(
            error.contains(&right.writing().to_string()) && error.contains(&wrong.writing().to_string()),
            "{error}"
        );
        let sealed = right.seal(&place(1), "token").unwrap();
        assert!(matches!(wrong.open(&place(1), &sealed), Err(SecretError::OtherKey { .. })));
    }

    #[test]
    fn rotation_moves_from_the_old_key_to_the_new() {
        let (old_text, new_text) = (new_key_text().unwrap(), new_key_text().unwrap());
        let old = KeyRing::parse(&old_text).unwrap();
        let both = KeyRing::parse(&format!("{},{}", new_text.as_str(), old_text.as_str())).unwrap();
        let sealed = old.seal(&place(1), "token").unwrap();
        let again = both.reseal(&place(1), &sealed).unwrap().unwrap();
        assert_eq!(both.reseal(&place(1), &again).unwrap(), None);
        let new = KeyRing::parse(&new_text).unwrap();
        assert_eq!(new.open(&place(1), &again).unwrap().reveal(), "token");
        assert!(
            matches!(both.reseal(&place(2), &sealed), Err(SecretError::Moved { .. })),
            "nothing is moved silently"
        );
    }

    #[test]
    fn a_later_version_is_named() {
        let ring = ring();
        let mut bytes = STANDARD_NO_PAD.decode(ring.seal(&place(1), "x").unwrap().as_str()).unwrap();
        bytes[0] = 9;
        let sealed = Sealed(STANDARD_NO_PAD.encode(bytes));
        assert!(matches!(ring.open(&place(1), &sealed), Err(SecretError::Version { version: 9 })));
    }
}
