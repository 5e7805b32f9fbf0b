//! The plate read: one camera's reading of one passing vehicle.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::vrm::VrmError;
use crate::{CameraId, ImageHash, ReadId, SourceName, Vrm};

/// A capture time further than this from the receiver's clock is kept and flagged: either clock may be wrong.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);
/// A capture time before this is no capture time: the clock was never set.
pub const EARLIEST_CAPTURE: &str = "2000-01-01T00:00:00Z";
/// A capture time further ahead of the receiver's clock than this is refused: it would sort after every later read.
pub const FURTHEST_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// Longest free text taken from a camera (make, model, colour, country), in characters.
pub const MAX_TEXT: usize = 64;

/// One reading, checked. Built by [`RawRead::check`] alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlateRead {
    /// Hash of camera, capture time and mark.
    pub read_id: ReadId,
    /// The mark as read.
    pub vrm: Vrm,
    /// The registered camera.
    pub camera: CameraId,
    /// Who sent it.
    pub source: SourceName,
    /// When the camera says it saw the vehicle.
    pub captured_at: Timestamp,
    /// When Steelring received it.
    pub received_at: Timestamp,
    /// The two times are further apart than [`CLOCK_TOLERANCE`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clock_suspect: bool,
    /// The camera said that it sends this read again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retransmitted: bool,
    /// Confidence in the whole mark, 0 to 1; unknown is unknown, never 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Confidence in each character, 0 to 1, as many as the mark has; empty where the camera gives none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub character_confidences: Vec<f32>,
    /// What the camera took the vehicle to be.
    #[serde(default)]
    pub vehicle: VehicleSeen,
    /// The vehicle's motion as the camera reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion: Option<Motion>,
    /// The cut-out of the plate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate_image: Option<ImageHash>,
    /// The whole scene.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview_image: Option<ImageHash>,
}

/// Make, model, colour and country as a camera judged them, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VehicleSeen {
    /// Manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Country of the plate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// Motion relative to the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    /// The vehicle comes nearer: its front plate was read.
    Towards,
    /// The vehicle drives off: its rear plate was read.
    Away,
}

/// What a vendor's message says, before it is checked.
#[derive(Clone, Debug, Default)]
pub struct RawRead {
    /// The plate in the camera's spelling.
    pub plate: String,
    /// When the camera says it saw the vehicle.
    pub captured_at: Timestamp,
    /// Confidence in the mark, 0 to 1.
    pub confidence: Option<f32>,
    /// Confidence in each character, 0 to 1; dropped where their number is not the mark's length.
    pub character_confidences: Vec<f32>,
    /// Make, model, colour, country.
    pub vehicle: VehicleSeen,
    /// Motion relative to the camera.
    pub motion: Option<Motion>,
    /// The camera said that it sends this read again.
    pub retransmitted: bool,
    /// The stored cut-out of the plate.
    pub plate_image: Option<ImageHash>,
    /// The stored scene.
    pub overview_image: Option<ImageHash>,
}

/// Which field of a read is wrong, and how.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ReadError {
    /// The plate is no mark.
    #[error("plate: {0}")]
    Plate(VrmError),
    /// The clock of the camera was never set.
    #[error("captured_at: before {EARLIEST_CAPTURE}, set the camera's clock")]
    TooOld,
    /// The camera's clock runs ahead by more than [`FURTHEST_AHEAD`].
    #[error("captured_at: more than 24 h ahead of the receiver's clock, set the camera's clock")]
    TooFarAhead,
    /// A confidence outside 0 to 1, or not a number.
    #[error("{field}: a confidence must be a number from 0 to 1")]
    Confidence {
        /// Which confidence.
        field: &'static str,
    },
    /// A text longer than [`MAX_TEXT`].
    #[error("{field}: longer than {MAX_TEXT} characters")]
    TextTooLong {
        /// Which text.
        field: &'static str,
    },
}

impl ReadError {
    /// The field that is wrong, as our own JSON names it.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Plate(_) => "plate",
            Self::TooOld | Self::TooFarAhead => "captured_at",
            Self::Confidence { field } | Self::TextTooLong { field } => field,
        }
    }
}

impl RawRead {
    /// Checks every field once; inside, a read is valid by type.
    ///
    /// # Errors
    /// Names the first field that is wrong.
    pub fn check(self, camera: CameraId, source: SourceName, now: Timestamp) -> Result<PlateRead, ReadError> {
        let vrm = Vrm::parse(&self.plate).map_err(ReadError::Plate)?;
        let captured_at = check_time(self.captured_at, now)?;
        let within = |c: &f32| (0.0..=1.0).contains(c);
        if self.confidence.as_ref().is_some_and(|c| !within(c)) {
            return Err(ReadError::Confidence { field: "confidence" });
        }
        if !self.character_confidences.iter().all(within) {
            return Err(ReadError::Confidence {
                field: "character_confidences",
            });
        }
        self.vehicle.check()?;
        let one_each = self.character_confidences.len() == vrm.as_bytes().len();
        Ok(PlateRead {
            read_id: ReadId::of_read(&camera, captured_at, vrm),
            vrm,
            camera,
            source,
            captured_at,
            received_at: now,
            clock_suspect: captured_at.duration_since(now).abs() > CLOCK_TOLERANCE,
            retransmitted: self.retransmitted,
            confidence: self.confidence,
            character_confidences: if one_each {
                self.character_confidences
            } else {
                Vec::new()
            },
            vehicle: self.vehicle,
            motion: self.motion,
            plate_image: self.plate_image,
            overview_image: self.overview_image,
        })
    }
}

/// Cuts a capture time to the millisecond and refuses what no working clock says.
fn check_time(captured_at: Timestamp, now: Timestamp) -> Result<Timestamp, ReadError> {
    let earliest: Timestamp = EARLIEST_CAPTURE.parse().map_err(|_| ReadError::TooOld)?;
    if captured_at < earliest {
        return Err(ReadError::TooOld);
    }
    if captured_at.duration_since(now) > FURTHEST_AHEAD {
        return Err(ReadError::TooFarAhead);
    }
    Timestamp::from_millisecond(captured_at.as_millisecond()).map_err(|_| ReadError::TooOld)
}

impl VehicleSeen {
    fn check(&self) -> Result<(), ReadError> {
        let texts = [
            ("make", &self.make),
            ("model", &self.model),
            ("colour", &self.colour),
            ("country", &self.country),
        ];
        match texts
            .iter()
            .find(|(_, text)| text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT))
        {
            Some((field, _)) => Err(ReadError::TextTooLong { field }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-01T12:00:00Z";

    fn check(change: impl Fn(&mut RawRead), expected: Result<(), &str>) {
        let now: Timestamp = NOW.parse().unwrap();
        let mut raw = RawRead {
            plate: "ab12cde".into(),
            captured_at: now,
            ..RawRead::default()
        };
        change(&mut raw);
        let checked = raw
            .check(
                CameraId::parse("c1").unwrap(),
                SourceName::parse("test").unwrap(),
                now,
            )
            .map(|_| ());
        assert_eq!(checked.map_err(|error| error.field()), expected);
    }

    #[test]
    fn a_bad_field_is_named() {
        check(|_| (), Ok(()));
        check(|raw| raw.plate = "unknown".into(), Err("plate"));
        check(
            |raw| raw.captured_at = "1970-01-01T00:00:00Z".parse().unwrap(),
            Err("captured_at"),
        );
        check(
            |raw| raw.captured_at = "2027-11-01T12:00:00Z".parse().unwrap(),
            Err("captured_at"),
        );
        check(|raw| raw.confidence = Some(f32::NAN), Err("confidence"));
        check(
            |raw| raw.character_confidences = vec![1.5],
            Err("character_confidences"),
        );
        check(|raw| raw.vehicle.colour = Some("x".repeat(65)), Err("colour"));
    }

    #[test]
    fn a_late_read_is_kept_and_flagged() {
        let now: Timestamp = NOW.parse().unwrap();
        let raw = RawRead {
            plate: "AB12CDE".into(),
            captured_at: now - SignedDuration::from_hours(3),
            ..RawRead::default()
        };
        let read = raw
            .check(
                CameraId::parse("c1").unwrap(),
                SourceName::parse("s").unwrap(),
                now,
            )
            .unwrap();
        assert!(read.clock_suspect);
        assert_eq!(read.received_at, now);
    }

    #[test]
    fn a_read_survives_its_json() {
        let now: Timestamp = NOW.parse().unwrap();
        let raw = RawRead {
            plate: "AB12CDE".into(),
            captured_at: now,
            confidence: Some(0.5),
            ..RawRead::default()
        };
        let read = raw
            .check(
                CameraId::parse("c1").unwrap(),
                SourceName::parse("s").unwrap(),
                now,
            )
            .unwrap();
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<PlateRead>(&json).unwrap(), read);
    }
}
