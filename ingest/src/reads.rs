//! Our own JSON: one read, or a list of at most [`MAX_BATCH`].
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `camera` | text, required | the camera, by our id or by a name that the source has for it |
//! | `plate` | text, required | the mark as read; case, spaces and hyphens do not matter |
//! | `captured_at` | text, required | RFC 3339, or date and time without a zone, in the force's zone |
//! | `confidence` | number 0 to 1 | in the mark as a whole; absent is unknown |
//! | `character_confidences` | list of numbers 0 to 1 | in each character; dropped where their number is not the mark's |
//! | `make`, `model`, `colour`, `country` | text up to 64 characters | as the camera judged them |
//! | `motion` | `towards` or `away` | relative to the camera |
//! | `retransmitted` | true or false | the camera sends this read again |
//! | `occupants` | whole number 0 to 99 | people in the vehicle, where the camera counts them |
//! | `child` | `seen`, `not_seen` or `cannot_tell` | whether the camera sees a child in the vehicle |
//! | `plate_image`, `overview_image` | text | a JPEG or PNG as base64, or the hash that `POST /v1/images` gave |
//!
//! Other fields are ignored. Of a list, each read stands for itself: a bad one harms no neighbour.

use std::ops::Range;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use domain::ImageHash;
use domain::observation::{Child, Occupants};
use domain::read::{Motion, RawRead, VehicleSeen};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{self, Items, Scalar};
use crate::limits::MAX_BATCH;
use crate::message::{
    Context, DecodeError, Decoded, Format, Inside, Message, Sighting, is_image, line_and_column,
};
use crate::times;

/// Base64 as devices write it: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The format of `POST /v1/reads`.
#[derive(Debug)]
pub struct Reads;

#[derive(Deserialize)]
struct WireRead<'a> {
    #[serde(borrow, default)]
    camera: Scalar<'a>,
    #[serde(borrow, default)]
    plate: Scalar<'a>,
    #[serde(borrow, default)]
    captured_at: Scalar<'a>,
    #[serde(borrow, default)]
    confidence: Scalar<'a>,
    #[serde(borrow, default)]
    character_confidences: Items<Scalar<'a>>,
    #[serde(borrow, default)]
    make: Scalar<'a>,
    #[serde(borrow, default)]
    model: Scalar<'a>,
    #[serde(borrow, default, alias = "color")]
    colour: Scalar<'a>,
    #[serde(borrow, default)]
    country: Scalar<'a>,
    #[serde(borrow, default)]
    motion: Scalar<'a>,
    #[serde(borrow, default)]
    retransmitted: Scalar<'a>,
    #[serde(borrow, default)]
    occupants: Scalar<'a>,
    #[serde(borrow, default)]
    child: Scalar<'a>,
    #[serde(borrow, default)]
    plate_image: Scalar<'a>,
    #[serde(borrow, default)]
    overview_image: Scalar<'a>,
}

impl Format for Reads {
    fn decode(&self, message: &Message, context: &Context<'_>) -> Result<Vec<Decoded>, DecodeError> {
        let text = message.text()?;
        if !text.trim_start().starts_with('[') {
            let read: WireRead<'_> = json::parse(text)?;
            return Ok(vec![Decoded::Read(sighting(read, context)?)]);
        }
        let elements: Vec<&RawValue> = json::parse(text)?;
        if elements.len() > MAX_BATCH {
            return Err(DecodeError::TooMany {
                what: "reads",
                found: elements.len(),
                limit: MAX_BATCH,
            });
        }
        let decode = |element: &&RawValue| {
            let part = span(&message.body, element.get());
            match element_sighting(&message.body, &part, element.get(), context) {
                Ok(sighting) => Decoded::Read(Sighting {
                    part: Some(part),
                    ..sighting
                }),
                Err(error) => Decoded::Refused {
                    error,
                    part: Some(part),
                },
            }
        };
        Ok(elements.iter().map(decode).collect())
    }
}

fn element_sighting(
    body: &[u8],
    part: &Range<usize>,
    element: &str,
    context: &Context<'_>,
) -> Result<Sighting, DecodeError> {
    let read: WireRead<'_> = json::parse(element).map_err(|error| within(body, part.start, error))?;
    sighting(read, context)
}

/// Where a slice of the body stands in it.
pub(crate) fn span(body: &[u8], slice: &str) -> Range<usize> {
    let start = (slice.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
    start..start + slice.len()
}

/// Turns a place within an element into one within the body.
fn within(body: &[u8], start: usize, error: DecodeError) -> DecodeError {
    let DecodeError::Syntax {
        what,
        reason,
        line,
        column,
    } = error
    else {
        return error;
    };
    let (first_line, first_column) = line_and_column(body, start);
    DecodeError::Syntax {
        what,
        reason,
        line: first_line + line.saturating_sub(1),
        column: if line <= 1 {
            first_column + column.saturating_sub(1)
        } else {
            column
        },
    }
}

fn sighting(read: WireRead<'_>, context: &Context<'_>) -> Result<Sighting, DecodeError> {
    let required = |scalar: &Scalar<'_>, field| {
        scalar
            .text(field)?
            .ok_or_else(|| DecodeError::field(field, format!("{field} is missing or empty")))
    };
    let camera = required(&read.camera, "camera")?;
    // An empty plate is the domain's to refuse, with the reason that it has.
    let plate = read.plate.text("plate")?.unwrap_or_default();
    let captured_at = times::parse(&required(&read.captured_at, "captured_at")?, context.timezone)?;
    let confidence = read.confidence.number("confidence")?.map(|number| number as f32);
    let (plate_hash, plate_image) = picture(&read.plate_image, "plate_image")?;
    let (overview_hash, overview_image) = picture(&read.overview_image, "overview_image")?;
    Ok(Sighting {
        cameras: vec![camera],
        raw: RawRead {
            plate,
            captured_at,
            confidence,
            character_confidences: confidences(read.character_confidences)?,
            vehicle: VehicleSeen {
                make: read.make.text("make")?,
                model: read.model.text("model")?,
                colour: read.colour.text("colour")?,
                country: read.country.text("country")?,
            },
            motion: motion(&read.motion)?,
            retransmitted: read.retransmitted.flag("retransmitted")?,
            plate_image: plate_hash,
            overview_image: overview_hash,
        },
        plate_image,
        overview_image,
        inside: inside(&read.occupants, &read.child)?,
        part: None,
    })
}

fn confidences(list: Items<Scalar<'_>>) -> Result<Vec<f32>, DecodeError> {
    const FIELD: &str = "character_confidences";
    let one = |scalar: &Scalar<'_>| match scalar.number(FIELD)? {
        Some(number) => Ok(number as f32),
        None => Err(DecodeError::field(FIELD, "must be a list of numbers")),
    };
    list.list(FIELD)?.iter().map(one).collect()
}

fn motion(scalar: &Scalar<'_>) -> Result<Option<Motion>, DecodeError> {
    match scalar.text("motion")?.as_deref() {
        None => Ok(None),
        Some("towards") => Ok(Some(Motion::Towards)),
        Some("away") => Ok(Some(Motion::Away)),
        Some(_) => Err(DecodeError::field("motion", "must be towards or away")),
    }
}

/// What the camera saw in the vehicle; none where it says nothing of it. A camera that only counts cannot tell of a child.
fn inside(occupants: &Scalar<'_>, child: &Scalar<'_>) -> Result<Option<Inside>, DecodeError> {
    let counted = occupants.number("occupants")?.map(|number| {
        let wrong = || DecodeError::field("occupants", "must be a whole number from 0 to 99");
        let whole = (number.fract() == 0.0 && (0.0..=99.0).contains(&number)).then_some(number as u8);
        Occupants::try_from(whole.ok_or_else(wrong)?).map_err(|_| wrong())
    });
    let occupants = counted.transpose()?;
    let child = match child.text("child")?.as_deref() {
        None if occupants.is_none() => return Ok(None),
        None | Some("cannot_tell") => Child::CannotTell,
        Some("seen") => Child::Seen,
        Some("not_seen") => Child::NotSeen,
        Some(_) => {
            return Err(DecodeError::field(
                "child",
                "must be seen, not_seen or cannot_tell",
            ));
        }
    };
    Ok(Some(Inside { child, occupants }))
}

/// An image as base64, or the hash of one that was posted before.
fn picture(
    scalar: &Scalar<'_>,
    field: &'static str,
) -> Result<(Option<ImageHash>, Option<Bytes>), DecodeError> {
    let wrong = || {
        DecodeError::field(
            field,
            "must be a JPEG or PNG as base64, or the hash of an image posted before",
        )
    };
    let text = match scalar {
        Scalar::Missing => return Ok((None, None)),
        Scalar::Text(text) => text.trim(),
        _ => return Err(wrong()),
    };
    if text.is_empty() {
        return Ok((None, None));
    }
    if let Ok(hash) = text.parse() {
        return Ok((Some(hash), None));
    }
    Ok((None, Some(base64_image(text).ok_or_else(wrong)?)))
}

/// An image from base64; none where it is not one. A `data:` prefix is allowed.
pub(crate) fn base64_image(text: &str) -> Option<Bytes> {
    let text = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,")?.1,
        None => text,
    };
    let bytes = BASE64.decode(text).ok()?;
    is_image(&bytes).then(|| Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn decode(body: &str) -> Result<Vec<Decoded>, DecodeError> {
        let message = Message {
            content_type: None,
            body: Bytes::from(body.to_owned()),
        };
        let timezone = TimeZone::get("Europe/London").unwrap();
        Reads.decode(&message, &Context { timezone: &timezone })
    }

    fn check(field: &str, value: &str, expected: Result<(), &str>) {
        let mut fields = vec![
            ("camera", "\"C1\""),
            ("plate", "\"AB12CDE\""),
            ("captured_at", "\"2026-11-01T12:00:00Z\""),
        ];
        fields.retain(|(known, _)| *known != field);
        fields.push((field, value));
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\": {value}"))
            .collect();
        let outcome = decode(&format!("{{{}}}", body.join(", ")));
        let outcome = outcome.map(|_| ()).map_err(|error| match error {
            DecodeError::Field { field, .. } => field,
            other => panic!("{field}: {other:?}"),
        });
        assert_eq!(outcome, expected, "{field} = {value}");
    }

    #[test]
    fn a_wrong_field_is_named() {
        check("colour", "\"red\"", Ok(()));
        check("confidence", "\"0.5\"", Ok(()));
        check("shoe_size", "[44]", Ok(()));
        check("camera", "null", Err("camera"));
        check("captured_at", "\"noon\"", Err("captured_at"));
        check("captured_at", "1700000000", Err("captured_at"));
        check("confidence", "\"high\"", Err("confidence"));
        check("character_confidences", "\"high\"", Err("character_confidences"));
        check(
            "character_confidences",
            "[0.5, null]",
            Err("character_confidences"),
        );
        check("motion", "\"sideways\"", Err("motion"));
        check("occupants", "\"2\"", Ok(()));
        check("occupants", "2.5", Err("occupants"));
        check("occupants", "100", Err("occupants"));
        check("child", "\"cannot_tell\"", Ok(()));
        check("child", "true", Err("child"));
        check("child", "\"perhaps\"", Err("child"));
        check("plate", "[\"AB12CDE\"]", Err("plate"));
        check("plate_image", "\"not base64!\"", Err("plate_image"));
        check("overview_image", "\"aGVsbG8=\"", Err("overview_image"));
        check("overview_image", "\"/9j/4AAQ\"", Ok(()));
        check("plate_image", "\"data:image/jpeg;base64,/9j/4AAQ\"", Ok(()));
        check("plate_image", &format!("\"{}\"", "ab".repeat(32)), Ok(()));
    }

    #[test]
    fn a_bad_element_harms_no_neighbour_and_keeps_its_own_bytes() {
        let good = r#"{"camera":"C1","plate":"AB12CDE","captured_at":"2026-11-01T12:00:00Z"}"#;
        let body = format!("\u{feff}[{good},\n 7 , {good}]");
        let decoded = decode(&body).unwrap();
        let [
            Decoded::Read(first),
            Decoded::Refused {
                error,
                part: Some(part),
            },
            Decoded::Read(third),
        ] = &decoded[..]
        else {
            panic!("{decoded:?}")
        };
        assert_eq!(&body[part.clone()], "7");
        assert!(matches!(error, DecodeError::Syntax { line: 2, .. }), "{error:?}");
        for read in [first, third] {
            assert_eq!(&body[read.part.clone().unwrap()], good);
        }
    }

    #[test]
    fn a_batch_beyond_the_bound_is_refused_whole() {
        let body = format!("[{}1]", "1,".repeat(MAX_BATCH));
        assert!(matches!(
            decode(&body),
            Err(DecodeError::TooMany { found: 1_001, .. })
        ));
    }
}
