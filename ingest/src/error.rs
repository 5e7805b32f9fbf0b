//! What can go wrong: for the one who runs ingest, and for the one who posts to it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use axum::http::StatusCode;
use domain::read::ReadError;
use domain::vrm::VrmError;
use thiserror::Error as ThisError;

use crate::message::DecodeError;

/// Why ingest ended.
#[derive(Debug, ThisError)]
pub enum IngestError {
    /// The listener fails.
    #[error("serving the sources")]
    Serve(#[source] std::io::Error),
}

/// An error with what caused it, for a line in the journal.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Why something that was posted is not taken. The message goes to the sender: it names the field and the way out,
/// and never quotes a plate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status that it has by itself.
    pub status: StatusCode,
    /// A word for programs, and the label of the counter: from a fixed set.
    pub code: &'static str,
    /// The field, as our own JSON names it where it has one.
    pub field: Option<&'static str>,
    /// A sentence for people.
    pub message: Cow<'static, str>,
}

impl Refusal {
    /// A refusal that is about no field.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            field: None,
            message: message.into(),
        }
    }

    /// A read whose field is wrong.
    pub fn of_field(code: &'static str, field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: Some(field),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
        }
    }

    /// Something that is needed is away: nothing was taken, the sender keeps it and comes back.
    pub fn unavailable(what: &'static str) -> Self {
        let message = format!("{what} is unavailable: nothing was accepted, post again later");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// More in flight than is held in memory at once.
    pub fn overloaded() -> Self {
        let message = "too much is being worked on: nothing was accepted, post again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message)
    }

    /// The body is larger than is taken.
    pub fn too_large() -> Self {
        let message = format!(
            "the body is larger than {} MiB: send fewer reads or smaller images in one message",
            crate::limits::MAX_BODY_BYTES / 1024 / 1024
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        let (status, code, field) = match &error {
            DecodeError::Syntax { .. } => (StatusCode::BAD_REQUEST, "bad_syntax", None),
            DecodeError::Encoding(_) => (StatusCode::BAD_REQUEST, "bad_encoding", None),
            DecodeError::ContentType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_content_type", None),
            DecodeError::Field { field, .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, code_of(field), Some(*field))
            }
            DecodeError::TooMany { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "too_many", None),
        };
        Self {
            status,
            code,
            field,
            message: error.to_string().into(),
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        let code = match &error {
            // Cameras send these all day: a count of its own keeps the rest readable.
            ReadError::Plate(VrmError::Empty | VrmError::Dummy) => "no_plate",
            other => code_of(other.field()),
        };
        Self::of_field(code, error.field(), error.to_string())
    }
}

fn code_of(field: &str) -> &'static str {
    match field {
        "plate" => "bad_plate",
        "captured_at" => "bad_time",
        "camera" => "bad_camera",
        _ => "bad_field",
    }
}
