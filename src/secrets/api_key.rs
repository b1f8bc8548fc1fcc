//! Keys of other programs: made here, shown once, and known afterwards by their digest alone. A fast digest is enough: 256
//! random bits cannot be guessed, unlike a password that somebody chose.

use super::SecretError;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRngCore, rngs::OsRng};
use ring::digest;
use zeroize::Zeroizing;

/// What every key begins with, so that scanners for lost secrets find it.
pub const API_KEY_PREFIX: &str = "sbk_";
/// Random bytes of a key.
const LENGTH: usize = 32;

/// A new random key: [`API_KEY_PREFIX`] and 43 letters, digits, dashes and underscores.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_api_key() -> Result<Zeroizing<String>, SecretError> {
    let mut bytes = Zeroizing::new([0_u8; LENGTH]);
    OsRng.try_fill_bytes(bytes.as_mut_slice()).map_err(|_| SecretError::NoRandomness)?;
    let random = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    Ok(Zeroizing::new(format!("{API_KEY_PREFIX}{}", random.as_str())))
}

/// SHA-256: what the database knows a key by, and tells one text from another by.
#[must_use]
pub fn sha256(text: &[u8]) -> [u8; 32] {
    let mut kept = [0; 32];
    kept.copy_from_slice(digest::digest(&digest::SHA256, text).as_ref());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_random_and_known_by_their_digest() {
        let (one, other) = (new_api_key().unwrap(), new_api_key().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), API_KEY_PREFIX.len() + 43);
        assert_ne!(sha256(one.as_bytes()), sha256(other.as_bytes()));
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256(b"abc")[..8], [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
    }
}
