//! Passwords: how they are made, checked for length, hashed and verified.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use thiserror::Error;

use crate::secrets;

/// Shortest password a person may choose, in characters.
pub const MIN_LENGTH: usize = 12;
/// Longest password taken, in bytes: hashing is work for whoever sends one.
pub const MAX_BYTES: usize = 1024;
/// Letters and digits that nobody confuses when reading a password from a screen.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a random password: 5 bits each make 100 bits.
const RANDOM_LENGTH: usize = 20;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Fewer than [`MIN_LENGTH`] characters.
    #[error("a password must have at least {MIN_LENGTH} characters")]
    TooShort,
    /// More than [`MAX_BYTES`] bytes.
    #[error("a password may have at most {MAX_BYTES} bytes")]
    TooLong,
}

/// Whether a password that a person chose is long enough.
///
/// # Errors
/// When it is shorter than [`MIN_LENGTH`] characters or longer than [`MAX_BYTES`] bytes.
pub fn check(password: &str) -> Result<(), PasswordError> {
    if password.chars().count() < MIN_LENGTH {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    Ok(())
}

/// The argon2id PHC string of a password (19 MiB, 2 passes: OWASP's first choice). Takes tens of milliseconds.
///
/// # Panics
/// When the operating system has no randomness for the salt.
#[must_use]
pub fn hash(password: &str) -> String {
    Argon2::default()
        .hash_password(password.as_bytes())
        .expect("the operating system has randomness, and the default parameters are valid")
        .to_string()
}

/// Whether the password is the one that was hashed. Takes tens of milliseconds.
#[must_use]
pub fn verify(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|parsed| {
        Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok()
    })
}

/// A password for somebody who will be told it once.
///
/// # Panics
/// When the operating system has no randomness.
#[must_use]
pub fn random() -> String {
    let mut bytes = [0; RANDOM_LENGTH];
    secrets::fill(&mut bytes);
    // 256 is a multiple of 32, so every character is as likely as any other.
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_verifies_against_its_own_hash_alone() {
        let hashed = hash("correct horse battery");
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert!(verify("correct horse battery", &hashed));
        assert!(!verify("correct horse batterz", &hashed));
        assert!(!verify("correct horse battery", "not a hash"));
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert_eq!(check("eleven char"), Err(PasswordError::TooShort));
        assert_eq!(check("twelve chars"), Ok(()));
        assert_eq!(check(&"x".repeat(MAX_BYTES + 1)), Err(PasswordError::TooLong));
        assert_eq!(check(&random()), Ok(()));
    }
}
