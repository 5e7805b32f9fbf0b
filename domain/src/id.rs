//! Identifiers: names that people chose, and hashes of what they stand for.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::Vrm;
use crate::target::Target;
use jiff::Timestamp;

/// Longest name accepted, in characters.
pub const MAX_NAME_LENGTH: usize = 64;

/// Why a text is no identifier.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// Empty or longer than [`MAX_NAME_LENGTH`].
    #[error("{what} must have 1 to {MAX_NAME_LENGTH} characters, this has {length}")]
    Length {
        /// Which identifier.
        what: &'static str,
        /// Characters found.
        length: usize,
    },
    /// A character outside letters, digits and `._:-`.
    #[error("{what} may hold letters, digits and . _ : - only, character {position} is something else")]
    Character {
        /// Which identifier.
        what: &'static str,
        /// Counted from 1.
        position: usize,
    },
    /// Not the hexadecimal digits of a hash.
    #[error("{what} must be {digits} hexadecimal digits")]
    Hash {
        /// Which identifier.
        what: &'static str,
        /// Digits wanted.
        digits: usize,
    },
}

fn check_name(what: &'static str, text: &str) -> Result<(), IdError> {
    let length = text.chars().count();
    if length == 0 || length > MAX_NAME_LENGTH {
        return Err(IdError::Length { what, length });
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    match text.chars().position(|c| !allowed(c)) {
        Some(index) => Err(IdError::Character {
            what,
            position: index + 1,
        }),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// When it is empty, too long, or holds a character that names may not have.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check_name($what, text)?;
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                check_name($what, &text)?;
                Ok(Self(text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(/** One lens at a site. */ CameraId, "a camera id");
name!(/** A fixed place on a road. */ SiteId, "a site id");
name!(/** A basic command unit, by its short code. */ BcuCode, "a BCU code");
name!(/** A patrol unit's callsign. */ CallSign, "a callsign");
name!(/** A hotlist's name. */ ListName, "a list name");
name!(/** A person known to intelligence, by the number that intelligence has for them, such as a PNC id (a `-` for its `/`). */ NominalRef, "a nominal's reference");
name!(/** An operation, such as a week against uninsured driving. */ OperationName, "an operation's name");
name!(/** A feed of lists: a folder that a hotlist comes in by. */ FeedName, "a feed name");
name!(/** A feed of reads that signs in with a token of its own. */ SourceName, "a source name");
name!(/** A user's sign-in name. */ UserName, "a user name");

/// Hashes the parts, each framed by its length so that no two lists of parts collide by joining.
fn framed<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut bytes = [0; N];
    bytes.copy_from_slice(&digest[..N]);
    bytes
}

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident, $what:literal, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Hands its hexadecimal digits on. Without allocation: ids are written by the million.
            fn with_digits<T>(&self, then: impl FnOnce(&str) -> T) -> T {
                let mut digits = [0; 2 * $bytes];
                // It fits, and digits are ASCII.
                let _ = hex::encode_to_slice(self.0, &mut digits);
                then(std::str::from_utf8(&digits).unwrap_or_default())
            }

            /// The hash's bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        /// Bytes that [`as_bytes`](Self::as_bytes) gave.
        impl From<[u8; $bytes]> for $name {
            fn from(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $bytes];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| IdError::Hash { what: $what, digits: 2 * $bytes })?;
                Ok(Self(bytes))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Digits;
                impl Visitor<'_> for Digits {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{}", $what)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Digits)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.with_digits(|digits| serializer.serialize_str(digits))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.with_digits(|digits| f.write_str(digits))
            }
        }
    };
}

hash!(/** A read: the hash of camera, capture time and mark, so that a retransmission has the same id. */ ReadId, "a read id", 16);
hash!(/** An entry: the hash of its list, its mark or pattern and its own reference. */ EntryId, "an entry id", 16);
hash!(/** A hit: the hash of its read and its entry, so that a replay has the same id. */ HitId, "a hit id", 16);
hash!(/** A case: the hash of the hit that opened it. */ CaseId, "a case id", 16);
hash!(/** A deployment: the hash of its case, its unit and the case version that it was made from. */ DeploymentId, "a deployment id", 16);
hash!(/** An observation: the hash of its vehicle, its time, what was seen and by whom. */ ObservationId, "an observation id", 16);
hash!(/** An image: the SHA-256 of its bytes. */ ImageHash, "an image hash", 32);

impl ReadId {
    /// The id of the read of `vrm` by `camera` at `captured_at`.
    #[must_use]
    pub fn of_read(camera: &CameraId, captured_at: Timestamp, vrm: Vrm) -> Self {
        Self(framed(&[
            camera.as_str().as_bytes(),
            &captured_at.as_millisecond().to_be_bytes(),
            vrm.as_bytes(),
        ]))
    }
}

impl ListName {
    /// Stands for a list whose name must not be told.
    #[must_use]
    pub fn unnamed() -> Self {
        Self("restricted".to_owned())
    }
}

impl EntryId {
    /// The id of the entry for a mark or pattern on `list`; `reference` tells apart several entries for one.
    #[must_use]
    pub fn of_entry(list: &ListName, target: impl Into<Target>, reference: &str) -> Self {
        Self(framed(&[
            list.as_str().as_bytes(),
            target.into().as_str().as_bytes(),
            reference.as_bytes(),
        ]))
    }
}

impl HitId {
    /// The id of the hit of `read` on `entry`.
    #[must_use]
    pub fn of_hit(read: ReadId, entry: EntryId) -> Self {
        Self(framed(&[read.as_bytes(), entry.as_bytes()]))
    }
}

impl CaseId {
    /// The id of the case that `hit` opened.
    #[must_use]
    pub fn opened_by(hit: HitId) -> Self {
        Self(framed(&[b"case", hit.as_bytes()]))
    }
}

impl DeploymentId {
    /// The id of the deployment of `unit` to `case`, decided on its version `version`.
    #[must_use]
    pub fn of_deployment(case: CaseId, unit: &CallSign, version: u64) -> Self {
        Self(framed(&[
            case.as_bytes(),
            unit.as_str().as_bytes(),
            &version.to_be_bytes(),
        ]))
    }
}

impl ObservationId {
    /// The id of what was said about the vehicle at `at`.
    #[must_use]
    pub fn of_observation(vrm: Vrm, at: Timestamp, said: [&str; 3]) -> Self {
        let [child, occupants, by] = said.map(str::as_bytes);
        Self(framed(&[
            vrm.as_bytes(),
            &at.as_millisecond().to_be_bytes(),
            child,
            occupants,
            by,
        ]))
    }
}

impl ImageHash {
    /// The SHA-256 of an image's bytes.
    #[must_use]
    pub fn of_image(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_errors_name_the_place() {
        assert!(CameraId::parse("M57-J2-N").is_ok());
        assert!(CameraId::parse("d4:e8:53:bc:4c:02").is_ok());
        assert_eq!(
            CameraId::parse(""),
            Err(IdError::Length {
                what: "a camera id",
                length: 0
            })
        );
        assert_eq!(
            CameraId::parse("a b"),
            Err(IdError::Character {
                what: "a camera id",
                position: 2
            })
        );
    }

    #[test]
    fn a_retransmitted_read_keeps_its_id_and_another_camera_gets_another() {
        let vrm = Vrm::parse("AB12CDE").unwrap();
        let at = Timestamp::from_millisecond(1_000).unwrap();
        let id = |camera: &str| ReadId::of_read(&CameraId::parse(camera).unwrap(), at, vrm);
        assert_eq!(id("a"), id("a"));
        assert_ne!(id("a"), id("b"));
        assert_eq!(id("a").to_string().parse(), Ok(id("a")));
    }
}
