//! The vehicle registration mark.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Shortest mark accepted, in characters.
pub const MIN_LENGTH: usize = 2;
/// Longest mark accepted, in characters: foreign marks reach 10.
pub const MAX_LENGTH: usize = 10;

/// A vehicle registration mark, normalised: `A-Z` and `0-9`, 2 to 10 characters, no spaces.
///
/// Held inline, so that it is `Copy` and hashing it touches no heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vrm {
    /// Padded with zero bytes after `length`.
    characters: [u8; MAX_LENGTH],
    length: u8,
}

/// Why a text is no mark. The text itself is left out: errors are logged, plates are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VrmError {
    /// Nothing but separators.
    #[error("the plate is empty")]
    Empty,
    /// A recogniser's word for "no plate".
    #[error("the plate is a recogniser's placeholder for no plate")]
    Dummy,
    /// Fewer than [`MIN_LENGTH`] characters.
    #[error("the plate has {0} character, at least {MIN_LENGTH} are needed")]
    TooShort(usize),
    /// More than [`MAX_LENGTH`] characters.
    #[error("the plate has {0} characters, at most {MAX_LENGTH} are possible")]
    TooLong(usize),
    /// A character that no mark has.
    #[error("character {position} of the plate is neither a letter A-Z nor a digit")]
    BadCharacter {
        /// Counted from 1, in the text as given.
        position: usize,
    },
}

impl Vrm {
    /// Reads a mark as people and cameras write it: any case, with spaces, hyphens or dots between.
    ///
    /// # Errors
    /// See [`VrmError`].
    pub fn parse(text: &str) -> Result<Self, VrmError> {
        let mut characters = [0; MAX_LENGTH];
        let mut length = 0;
        // As marks stand in the log: one is read there for each vehicle that passes.
        if let Some(normal) = normal(text.as_bytes()) {
            return Self::of(normal, text.len());
        }
        for (index, character) in text.chars().enumerate() {
            match character {
                ' ' | '-' | '.' | '\u{a0}' | '\t' => continue,
                _ if character.is_ascii_alphanumeric() => {
                    if let Some(slot) = characters.get_mut(length) {
                        *slot = character.to_ascii_uppercase() as u8;
                    }
                    length += 1;
                }
                _ => return Err(VrmError::BadCharacter { position: index + 1 }),
            }
        }
        Self::of(characters, length)
    }

    /// The mark that stands in these bytes, normalised already; none where they are anything else. It is [`Vrm::parse`] for
    /// those who look at every read.
    #[must_use]
    #[inline]
    pub fn normalised(bytes: &[u8]) -> Option<Self> {
        Self::of(normal(bytes)?, bytes.len()).ok()
    }

    /// The mark of so many characters, if they are one.
    #[inline]
    fn of(characters: [u8; MAX_LENGTH], length: usize) -> Result<Self, VrmError> {
        if length == 0 {
            return Err(VrmError::Empty);
        }
        if length > MAX_LENGTH {
            return Err(VrmError::TooLong(length));
        }
        let vrm = Self {
            characters,
            length: length as u8,
        };
        if is_dummy(vrm.as_bytes()) {
            return Err(VrmError::Dummy);
        }
        if length < MIN_LENGTH {
            return Err(VrmError::TooShort(length));
        }
        Ok(vrm)
    }

    /// The mark's characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The mark's characters as ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.characters[..usize::from(self.length)]
    }
}

/// The characters, padded, if all of them are such as a mark has.
#[inline]
fn normal(bytes: &[u8]) -> Option<[u8; MAX_LENGTH]> {
    let mut characters = [0; MAX_LENGTH];
    let mut all = bytes.len() <= MAX_LENGTH;
    for (character, byte) in characters.iter_mut().zip(bytes) {
        *character = *byte;
        all &= byte.is_ascii_uppercase() | byte.is_ascii_digit();
    }
    all.then_some(characters)
}

/// Whether this is what recognisers send where they saw no plate.
#[inline]
fn is_dummy(characters: &[u8]) -> bool {
    matches!(
        characters,
        b"0" | b"00" | b"000" | b"0000" | b"NOTAG" | b"NOPLATE" | b"NONE" | b"UNKNOWN"
    )
}

impl FromStr for Vrm {
    type Err = VrmError;
    fn from_str(text: &str) -> Result<Self, VrmError> {
        Self::parse(text)
    }
}

impl fmt::Display for Vrm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Hides the mark: `{:?}` of a larger value may reach a log.
impl fmt::Debug for Vrm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vrm(..)")
    }
}

impl Serialize for Vrm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Vrm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, VrmError>) {
        let parsed = Vrm::parse(text);
        assert_eq!(
            parsed.as_ref().map(Vrm::as_str).map_err(|error| *error),
            expected,
            "{text:?}"
        );
        let normalised = expected.ok().filter(|expected| *expected == text);
        assert_eq!(
            Vrm::normalised(text.as_bytes()).as_ref().map(Vrm::as_str),
            normalised,
            "{text:?}"
        );
    }

    #[test]
    fn marks_are_normalised_and_the_rest_is_refused_with_a_reason() {
        check("ab12 cde", Ok("AB12CDE"));
        check("AB12CDE", Ok("AB12CDE"));
        check("WAB1234567", Ok("WAB1234567"));
        check("A-1", Ok("A1"));
        check("W.AB 1234567", Ok("WAB1234567"));
        check("", Err(VrmError::Empty));
        check(" - ", Err(VrmError::Empty));
        check("unknown", Err(VrmError::Dummy));
        check("0", Err(VrmError::Dummy));
        check("NOTAG", Err(VrmError::Dummy));
        check("A", Err(VrmError::TooShort(1)));
        check("ABCDEFGHIJK", Err(VrmError::TooLong(11)));
        check(&"A".repeat(40), Err(VrmError::TooLong(40)));
        check("AB12€DE", Err(VrmError::BadCharacter { position: 5 }));
    }

    #[test]
    fn debug_output_never_shows_the_mark() {
        assert!(!format!("{:?}", Vrm::parse("AB12CDE")).contains("AB12"));
    }
}
