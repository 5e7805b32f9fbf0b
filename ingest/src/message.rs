//! A message as it came, and what a format makes of it.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use domain::observation::{Child, Occupants};
use domain::read::RawRead;
use jiff::tz::TimeZone;
use thiserror::Error;

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its content type, as sent.
    pub content_type: Option<String>,
    /// Its body.
    pub body: Bytes,
}

/// What a format may need to know beside the message.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The zone in which a time without one is read.
    pub timezone: &'a TimeZone,
}

/// A format of messages, such as a vendor's. It is pure: bytes in, values out.
pub trait Format: Send + Sync {
    /// Reads a message. A message that is whole but about no plate (a heartbeat) gives an empty list.
    ///
    /// # Errors
    /// When nothing in the message can be read. One bad read among good ones is a [`Decoded::Refused`] instead.
    fn decode(&self, message: &Message, context: &Context<'_>) -> Result<Vec<Decoded>, DecodeError>;
}

/// One thing that a message says.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// A read, complete.
    Read(Sighting),
    /// What a camera sees of a car that may still be in view: the best of a car's sightings becomes its read.
    Passing {
        /// The sighting.
        sighting: Sighting,
        /// The camera's name for the car.
        car: String,
        /// Which of the car's sightings this is.
        stage: Stage,
    },
    /// Images of a read that is posted by itself: the sighting has what identifies the read.
    ImagesOf(Sighting),
    /// This one cannot be read; its neighbours can.
    Refused {
        /// Why not.
        error: DecodeError,
        /// Where in the body it stands, if it makes a message by itself.
        part: Option<Range<usize>>,
    },
}

/// Which of a car's sightings this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The first.
    New,
    /// One more.
    Update,
    /// The last: the car is out of view.
    Lost,
}

/// What a camera saw in the vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Whether a child is in it.
    pub child: Child,
    /// How many people are in it, where the camera counts them.
    pub occupants: Option<Occupants>,
}

/// What a camera saw, before it is checked.
#[derive(Clone, Debug, Default)]
pub struct Sighting {
    /// The camera's names for itself, the surest first.
    pub cameras: Vec<String>,
    /// What it read.
    pub raw: RawRead,
    /// The cut-out of the plate, where it came with the message.
    pub plate_image: Option<Bytes>,
    /// The scene, where it came with the message.
    pub overview_image: Option<Bytes>,
    /// What it saw in the vehicle, where it says so.
    pub inside: Option<Inside>,
    /// Where in the body this stands, if it makes a message by itself.
    pub part: Option<Range<usize>>,
}

/// Why a message cannot be read. No variant carries what the message says: errors are logged, plates are not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not the syntax that the format has.
    #[error("the body is not {what}: {reason}, at line {line}, column {column}")]
    Syntax {
        /// Which syntax.
        what: &'static str,
        /// What is wrong.
        reason: Cow<'static, str>,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// Not UTF-8.
    #[error("the body is not UTF-8 text{0}: send UTF-8")]
    Encoding(&'static str),
    /// A kind of body that the format does not have.
    #[error("the content type is not one that this address reads: send {0}")]
    ContentType(&'static str),
    /// A field is missing or wrong.
    #[error("{field}: {reason}")]
    Field {
        /// The field, as our own JSON names it where it has one.
        field: &'static str,
        /// What is wrong.
        reason: Cow<'static, str>,
    },
    /// More of something than the format allows.
    #[error("{found} {what} in one message, at most {limit} are taken: send several messages")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many are taken.
        limit: usize,
    },
}

impl DecodeError {
    /// A field that is wrong.
    pub fn field(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        Self::Field { field, reason }
    }

    /// A syntax error at a byte of a text.
    pub fn syntax(what: &'static str, reason: impl Into<Cow<'static, str>>, text: &str, at: usize) -> Self {
        let (line, column) = line_and_column(text.as_bytes(), at);
        let reason = reason.into();
        Self::Syntax {
            what,
            reason,
            line,
            column,
        }
    }
}

/// Line and column of a byte, both from 1.
pub(crate) fn line_and_column(text: &[u8], at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let column = 1 + before.len() - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    (line, column)
}

impl Message {
    /// The content type without its parameters, in lower case; empty where none was sent.
    #[must_use]
    pub fn kind(&self) -> String {
        let whole = self.content_type.as_deref().unwrap_or_default();
        whole
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// Whether the body has several parts.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.kind().starts_with("multipart/")
    }

    /// The body as text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self) -> Result<&str, DecodeError> {
        utf8(&self.body)
    }
}

/// Bytes as text, without a byte order mark.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    let utf16_mark = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    // Without a mark, UTF-16 of a JSON or XML text still has a zero byte in its first character.
    if utf16_mark || bytes.iter().take(2).any(|byte| *byte == 0) {
        return Err(DecodeError::Encoding(" (it looks like UTF-16)"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|_| DecodeError::Encoding(""))
}

/// Whether the bytes begin like an image that the image store takes.
pub(crate) fn is_image(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff]) || bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_line_and_column() {
        let at = |offset| line_and_column(b"ab\ncd\n", offset);
        assert_eq!(
            [at(0), at(2), at(3), at(4), at(6), at(99)],
            [(1, 1), (1, 3), (2, 1), (2, 2), (3, 1), (3, 1)]
        );
    }

    #[test]
    fn utf_16_is_named_and_a_utf_8_mark_is_dropped() {
        let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(matches!(utf8(&utf16), Err(DecodeError::Encoding(hint)) if hint.contains("UTF-16")));
        assert!(matches!(utf8(b"\xff\xfe{\0"), Err(DecodeError::Encoding(hint)) if hint.contains("UTF-16")));
        assert_eq!(utf8(b"\xef\xbb\xbf{}"), Ok("{}"));
        assert_eq!(utf8(b"{\xc3"), Err(DecodeError::Encoding("")));
    }
}
