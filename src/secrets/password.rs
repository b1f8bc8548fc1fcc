//! Passwords of login roles: made here, and handed to the database as a verifier, so that neither its log nor its catalogue ever
//! holds the word (RFC 5803, as PostgreSQL keeps it).

use super::SecretError;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rand::{TryRngCore, rngs::OsRng};
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// What PostgreSQL itself takes.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
const SALT_LENGTH: usize = 16;
/// Random bytes of a password that we make.
const MADE_LENGTH: usize = 24;

/// A new random password, 32 letters, digits, dashes and underscores: it needs no quoting in an address.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_password() -> Result<Zeroizing<String>, SecretError> {
    let mut bytes = Zeroizing::new([0_u8; MADE_LENGTH]);
    OsRng.try_fill_bytes(bytes.as_mut_slice()).map_err(|_| SecretError::NoRandomness)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// What the database keeps of a password: it recognises the word by it, and nobody logs in with it.
///
/// # Errors
/// When the password has signs outside ASCII, which clients normalise differently, or the system gives no random bytes.
pub fn verifier(password: &str) -> Result<String, SecretError> {
    if password.is_empty() || !password.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(SecretError::Password);
    }
    let mut salt = [0_u8; SALT_LENGTH];
    OsRng.try_fill_bytes(&mut salt).map_err(|_| SecretError::NoRandomness)?;
    Ok(verifier_with(password, &salt))
}

fn verifier_with(password: &str, salt: &[u8]) -> String {
    let mut salted = Zeroizing::new([0_u8; digest::SHA256_OUTPUT_LEN]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), salted.as_mut_slice());
    let key = hmac::Key::new(hmac::HMAC_SHA256, salted.as_slice());
    let stored = digest::digest(&digest::SHA256, hmac::sign(&key, b"Client Key").as_ref());
    let server = hmac::sign(&key, b"Server Key");
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_what_postgres_makes_of_the_same_salt() {
        // `create role … password 'a secret word'`, then `select rolpassword from pg_authid`.
        let salt = STANDARD.decode("dpCCf69q0REjsGDICjm0AA==").unwrap();
        assert_eq!(
            verifier_with("a secret word", &salt),
            "SCRAM-SHA-256$4096:dpCCf69q0REjsGDICjm0AA==$aFL4F9pxGidPrET9VOs+YKN95nux3Sp4tqDlMAmkYIM=:D7bBB66ym7Wvzbk86YR0Y1rIar6f48M7kUqR2SBRTso="
        );
    }

    #[test]
    fn two_verifiers_of_one_password_differ_and_hold_nothing_of_it() {
        let (one, other) = (verifier("a secret word").unwrap(), verifier("a secret word").unwrap());
        assert_ne!(one, other);
        assert!(one.starts_with("SCRAM-SHA-256$4096:") && !one.contains("secret"));
    }

    #[test]
    fn what_clients_read_differently_is_no_password() {
        for password in ["", "mot de passe oublié", "two\nlines"] {
            assert!(matches!(verifier(password), Err(SecretError::Password)), "{password:?}");
        }
    }

    #[test]
    fn passwords_that_are_made_are_long_and_differ() {
        let (one, other) = (new_password().unwrap(), new_password().unwrap());
        assert_ne!(*one, *other);
        assert_eq!(one.len(), 32);
    }
}
