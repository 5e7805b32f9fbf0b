//! What an entry is for: one mark, or all marks of a pattern.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Vrm;
use crate::pattern::{Pattern, PatternError};
use crate::vrm::VrmError;

/// What is looked for. On the wire and in files a text, which is a pattern where it has a `?` or `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// One vehicle.
    Mark(Vrm),
    /// Every vehicle whose mark fits.
    Pattern(Pattern),
}

/// Why a text is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// No mark.
    #[error(transparent)]
    Mark(#[from] VrmError),
    /// No pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl Target {
    /// Reads a mark or a pattern.
    ///
    /// # Errors
    /// See [`VrmError`] and [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if Pattern::is_meant_by(text) {
            Ok(Self::Pattern(Pattern::parse(text)?))
        } else {
            Ok(Self::Mark(Vrm::parse(text)?))
        }
    }

    /// Its characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Mark(vrm) => vrm.as_str(),
            Self::Pattern(pattern) => pattern.as_str(),
        }
    }

    /// The mark, if it is one.
    #[must_use]
    pub fn mark(&self) -> Option<Vrm> {
        match self {
            Self::Mark(vrm) => Some(*vrm),
            Self::Pattern(_) => None,
        }
    }

    /// Whether it is a pattern.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        matches!(self, Self::Pattern(_))
    }
}

impl From<Vrm> for Target {
    fn from(vrm: Vrm) -> Self {
        Self::Mark(vrm)
    }
}

impl From<Pattern> for Target {
    fn from(pattern: Pattern) -> Self {
        Self::Pattern(pattern)
    }
}

impl FromStr for Target {
    type Err = TargetError;
    fn from_str(text: &str) -> Result<Self, TargetError> {
        Self::parse(text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_wildcard_is_a_pattern_and_any_other_a_mark() {
        let check = |text: &str, is_pattern: bool, written: &str| {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.is_pattern(), target.as_str()), (is_pattern, written));
            let json = serde_json::to_string(&target).unwrap();
            assert_eq!(json, format!("\"{written}\""));
            assert_eq!(serde_json::from_str::<Target>(&json).unwrap(), target);
        };
        check("ab12 cde", false, "AB12CDE");
        check("ab1? cde", true, "AB1?CDE");
        check("AB1*", true, "AB1*");
        assert_eq!(
            Target::parse("*"),
            Err(TargetError::Pattern(PatternError::TooWide(0)))
        );
        assert_eq!(Target::parse("A"), Err(TargetError::Mark(VrmError::TooShort(1))));
    }
}
