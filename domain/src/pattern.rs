//! Patterns of marks: what was seen of a plate, where nobody saw all of it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{Vrm, vrm};

/// Stands for any one character.
pub const ANY: u8 = b'?';
/// Stands for any number of characters, also none.
pub const MANY: u8 = b'*';
/// Letters and digits that a pattern must have. Some 1 mark in 7,000 has three given ones in their places, which is 300 reads of
/// a day of 2,000,000; with two it is 1 in 500, and with none every vehicle.
pub const MIN_FIXED: usize = 3;
/// Longest pattern, in characters: any mark with a `*` on both sides.
pub const MAX_LENGTH: usize = vrm::MAX_LENGTH + 2;
/// Most patterns of all lists together. Nobody can follow the vehicles of more, and a matcher looks at all of them for
/// each read, if not one by one.
pub const MAX_PATTERNS: usize = 10_000;

/// A mark of which some characters are not known: `?` is any one, `*` any number of them, also none.
///
/// Held inline, so that it is `Copy`. Two patterns that are written alike but for the order of neighbouring `?` and `*` are the
/// same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    /// Padded with zero bytes after `length`.
    characters: [u8; MAX_LENGTH],
    length: u8,
}

/// Why a text is no pattern. The text itself is left out, as that of a mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Fewer than [`MIN_FIXED`] letters and digits.
    #[error(
        "the pattern has {0} letters and digits, at least {MIN_FIXED} are needed: it would mean too many vehicles"
    )]
    TooWide(usize),
    /// More than [`MAX_LENGTH`] characters.
    #[error("the pattern has {0} characters, at most {MAX_LENGTH} are possible")]
    TooLong(usize),
    /// It asks for more than a mark has.
    #[error("the pattern means marks of {0} characters or more, and a mark has at most {longest}", longest = vrm::MAX_LENGTH)]
    NoMark(usize),
    /// A character that no mark has, and no wildcard.
    #[error("character {position} of the pattern is neither a letter A-Z nor a digit, ? or *")]
    BadCharacter {
        /// Counted from 1, in the text as given.
        position: usize,
    },
}

impl Pattern {
    /// Whether a text is meant as a pattern, not as a mark.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.bytes().any(|byte| byte == ANY || byte == MANY)
    }

    /// Reads a pattern as people write it: any case, with spaces, hyphens or dots between.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut characters = Vec::new();
        // A `*` waits for the next letter or digit, so that it stands behind each `?` that is next to it.
        let mut many = false;
        for (index, character) in text.chars().enumerate() {
            match character {
                ' ' | '-' | '.' | '\u{a0}' | '\t' => {}
                '*' => many = true,
                '?' => characters.push(ANY),
                _ if character.is_ascii_alphanumeric() => {
                    if std::mem::take(&mut many) {
                        characters.push(MANY);
                    }
                    characters.push(character.to_ascii_uppercase() as u8);
                }
                _ => return Err(PatternError::BadCharacter { position: index + 1 }),
            }
        }
        if many {
            characters.push(MANY);
        }
        Self::checked(&characters)
    }

    fn checked(characters: &[u8]) -> Result<Self, PatternError> {
        let fixed = characters.iter().filter(|c| c.is_ascii_alphanumeric()).count();
        let least = characters.iter().filter(|c| **c != MANY).count();
        if fixed < MIN_FIXED {
            return Err(PatternError::TooWide(fixed));
        }
        if least > vrm::MAX_LENGTH {
            return Err(PatternError::NoMark(least));
        }
        let mut held = [0; MAX_LENGTH];
        let length = characters.len();
        held.get_mut(..length)
            .ok_or(PatternError::TooLong(length))?
            .copy_from_slice(characters);
        Ok(Self {
            characters: held,
            length: length as u8,
        })
    }

    /// Whether a mark is one of those that the pattern means.
    #[must_use]
    pub fn fits(&self, mark: Vrm) -> bool {
        fits(self.as_bytes(), mark.as_bytes())
    }

    /// The pattern's characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The pattern's characters as ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.characters[..usize::from(self.length)]
    }
}

fn fits(pattern: &[u8], mark: &[u8]) -> bool {
    match (pattern.split_first(), mark.split_first()) {
        (None, _) => mark.is_empty(),
        (Some((&MANY, rest)), _) => (0..=mark.len()).any(|passed| fits(rest, &mark[passed..])),
        (Some((wanted, rest)), Some((is, left))) => (*wanted == ANY || wanted == is) && fits(rest, left),
        (Some(_), None) => false,
    }
}

impl FromStr for Pattern {
    type Err = PatternError;
    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Hides the pattern, which may be nearly a mark: `{:?}` of a larger value may reach a log.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pattern(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, PatternError>) {
        let parsed = Pattern::parse(text);
        let found = parsed.as_ref().map(Pattern::as_str).map_err(|error| *error);
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn patterns_have_one_way_to_be_written_and_the_rest_is_refused_with_a_reason() {
        use PatternError as E;
        check("ab1? cde", Ok("AB1?CDE"));
        check("AB1**", Ok("AB1*"));
        check("AB*?*1", Ok("AB?*1"));
        check("*A?*B-*?C", Ok("*A?*B?*C"));
        check("*ABCDEFGHIJ*", Ok("*ABCDEFGHIJ*"));
        check("*", Err(E::TooWide(0)));
        check("", Err(E::TooWide(0)));
        check("??", Err(E::TooWide(0)));
        check("A?1*", Err(E::TooWide(2)));
        check("ABC????????", Err(E::NoMark(11)));
        check(&"?".repeat(40), Err(E::TooWide(0)));
        check("A*B*C*D*E*F*G", Err(E::TooLong(13)));
        check("AB1%", Err(E::BadCharacter { position: 4 }));
        check("AB€*", Err(E::BadCharacter { position: 3 }));
    }

    #[test]
    fn a_pattern_fits_the_marks_that_it_is_written_like() {
        let check = |pattern: &str, fitting: &[&str], others: &[&str]| {
            let pattern = Pattern::parse(pattern).unwrap();
            let fits = |mark: &&str| pattern.fits(Vrm::parse(mark).unwrap());
            assert!(fitting.iter().all(fits), "{}", pattern.as_str());
            assert!(!others.iter().any(fits), "{}", pattern.as_str());
        };
        check(
            "AB1?CDE",
            &["AB12CDE", "AB1OCDE"],
            &["AB1CDE", "AB123CDE", "XB12CDE"],
        );
        check("AB1*", &["AB1", "AB12CDE"], &["AB", "XAB1", "A8I2CDE"]);
        check("*CDE", &["CDE", "AB12CDE"], &["AB12CDF", "CDEX"]);
        check("A*1*E", &["A1E", "AB12CDE", "A11E"], &["AE1", "AB12CD"]);
        check("*1?CD*", &["AB12CDE", "1ZCD"], &["1CD", "AB1CDE"]);
    }

    #[test]
    fn debug_output_never_shows_the_pattern() {
        assert!(!format!("{:?}", Pattern::parse("AB12*").unwrap()).contains("AB12"));
    }
}
