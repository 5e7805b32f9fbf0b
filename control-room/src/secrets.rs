//! Secrets that are handed out: random tokens, of which only the hash is kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use store::users::SecretHash;

/// Random bytes in a token: 256 bits cannot be guessed, so that a plain hash of it is enough.
const TOKEN_BYTES: usize = 32;

/// Makes a token, and the hash to store for it.
///
/// # Panics
/// When the operating system has no randomness: nothing secure can be done then.
#[must_use]
pub fn new() -> (String, SecretHash) {
    let token = random_text();
    let hash = hash(&token);
    (token, hash)
}

/// The hash under which a token is stored.
#[must_use]
pub fn hash(token: &str) -> SecretHash {
    Sha256::digest(token.as_bytes()).into()
}

/// 256 random bits as 43 characters that fit into a cookie and a header.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; TOKEN_BYTES];
    fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Fills with the operating system's randomness.
pub(crate) fn fill(bytes: &mut [u8]) {
    SysRng
        .try_fill_bytes(bytes)
        .expect("the operating system has randomness");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tokens_are_alike_and_each_has_the_hash_it_came_with() {
        let (one, one_hash) = new();
        let (two, two_hash) = new();
        assert_ne!(one, two);
        assert_ne!(one_hash, two_hash);
        assert_eq!(hash(&one), one_hash);
        assert_eq!(one.len(), 43);
    }
}
