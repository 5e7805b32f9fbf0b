//! Axis License Plate Verifier: JSON, alone or in a multipart body with pictures.
//!
//! One car gives `carState` `new`, any number of `update` and then `lost`, with one `carID`; the plate may change
//! between them, and numbers come as text. The camera's names, the surest first: `SerialNumber`, `MACAddress`.

use domain::read::{Motion, RawRead, VehicleSeen};
use serde::Deserialize;

use super::{image_of, known};
use crate::json::{self, Scalar};
use crate::message::{Context, DecodeError, Decoded, Format, Message, Sighting, Stage, utf8};
use crate::multipart;
use crate::times;

const NAME: &str = "axis";
/// Longest name of a car that is taken, in bytes: it becomes part of a key in the log.
const MAX_CAR: usize = 64;

/// The format.
#[derive(Debug)]
pub struct Axis;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    capture_timestamp: Scalar<'a>,
    #[serde(borrow, default, rename = "plateASCII")]
    plate_ascii: Scalar<'a>,
    #[serde(borrow, default, rename = "plateUTF8")]
    plate_utf8: Scalar<'a>,
    #[serde(borrow, default, rename = "plateText")]
    plate_text: Scalar<'a>,
    #[serde(borrow, default, rename = "plateCountry")]
    country: Scalar<'a>,
    #[serde(borrow, default, rename = "plateConfidence")]
    confidence: Scalar<'a>,
    #[serde(borrow, default, rename = "carState")]
    state: Scalar<'a>,
    #[serde(borrow, default, rename = "carMoveDirection")]
    direction: Scalar<'a>,
    #[serde(borrow, default, rename = "carID")]
    car: Scalar<'a>,
    #[serde(borrow)]
    camera_info: Option<CameraInfo<'a>>,
}

#[derive(Deserialize)]
struct CameraInfo<'a> {
    #[serde(borrow, default, rename = "SerialNumber")]
    serial_number: Scalar<'a>,
    #[serde(borrow, default, rename = "MACAddress")]
    mac_address: Scalar<'a>,
}

impl Format for Axis {
    fn decode(&self, message: &Message, _: &Context<'_>) -> Result<Vec<Decoded>, DecodeError> {
        if !message.is_multipart() {
            return Ok(vec![event(message.text()?)?]);
        }
        let parts = multipart::split(message)?;
        let is_document = |data: &[u8]| data.trim_ascii_start().starts_with(b"{");
        let Some(document) = parts.iter().find(|part| is_document(&part.data)) else {
            return Err(DecodeError::ContentType(
                "a multipart body with a JSON part, or JSON alone",
            ));
        };
        let mut decoded = event(utf8(&document.data)?)?;
        if let Decoded::Passing { sighting, .. } = &mut decoded {
            for part in parts.iter().filter(|part| !is_document(&part.data)) {
                // The camera crops the plate (`lp`) and the region around it (`roi`), as its file names say.
                if part.is_called("lp_") || part.is_called("plate") {
                    sighting.plate_image = sighting.plate_image.take().or_else(|| image_of(part, NAME));
                } else {
                    sighting.overview_image = sighting.overview_image.take().or_else(|| image_of(part, NAME));
                }
            }
        }
        Ok(vec![decoded])
    }
}

fn event(text: &str) -> Result<Decoded, DecodeError> {
    let event: Event<'_> = json::parse(text)?;
    let stage = match event.state.text("carState")?.as_deref() {
        Some("new") => Stage::New,
        Some("update") => Stage::Update,
        Some("lost") => Stage::Lost,
        _ => return Err(DecodeError::field("carState", "must be new, update or lost")),
    };
    let car = event.car.text("carID")?.filter(|car| car.len() <= MAX_CAR);
    let car = car.ok_or_else(|| DecodeError::field("carID", "must be a text of 1 to 64 bytes"))?;
    let Some(millis) = event.capture_timestamp.number("captured_at")? else {
        return Err(DecodeError::field("captured_at", "capture_timestamp is missing"));
    };
    let names = event
        .camera_info
        .map(|info| [info.serial_number, info.mac_address])
        .unwrap_or_default();
    let cameras: Vec<_> = names
        .iter()
        .filter_map(|name| name.text("camera").transpose())
        .collect::<Result<_, _>>()?;
    if cameras.is_empty() {
        return Err(DecodeError::field(
            "camera",
            "camera_info has neither SerialNumber nor MACAddress",
        ));
    }
    let sighting = Sighting {
        cameras,
        raw: RawRead {
            plate: plate(&[event.plate_ascii, event.plate_utf8, event.plate_text])?,
            captured_at: times::from_millis(millis)?,
            confidence: event
                .confidence
                .number("confidence")?
                .map(|confidence| confidence as f32),
            vehicle: VehicleSeen {
                country: known(event.country.text("country")?.as_deref()),
                ..VehicleSeen::default()
            },
            motion: match event.direction.text("motion")?.as_deref() {
                Some("in") => Some(Motion::Towards),
                Some("out") => Some(Motion::Away),
                _ => None,
            },
            ..RawRead::default()
        },
        ..Sighting::default()
    };
    Ok(Decoded::Passing { sighting, car, stage })
}

/// The first spelling that says something.
fn plate(spellings: &[Scalar<'_>]) -> Result<String, DecodeError> {
    for spelling in spellings {
        if let Some(plate) = spelling.text("plate")? {
            return Ok(plate);
        }
    }
    Err(DecodeError::field(
        "plate",
        "plateASCII, plateUTF8 and plateText are all missing or empty",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use jiff::tz::TimeZone;

    const EVENT: &str = r#"{"capture_timestamp":"1623405938252","plateUTF8":"RLE11684","plateConfidence":"0.7",
        "carState":"new","carID":"7","camera_info":{"SerialNumber":"ACCC","MACAddress":"AC:CC"}}"#;

    fn decode(body: &str) -> Result<Vec<Decoded>, DecodeError> {
        let message = Message {
            content_type: Some("application/json".into()),
            body: Bytes::from(body.to_owned()),
        };
        Axis.decode(
            &message,
            &Context {
                timezone: &TimeZone::UTC,
            },
        )
    }

    fn check(from: &str, to: &str, expected: Result<Stage, &str>) {
        assert!(EVENT.contains(from), "{from}");
        let outcome = decode(&EVENT.replace(from, to)).map_err(|error| match error {
            DecodeError::Field { field, .. } => field,
            other => panic!("{other:?}"),
        });
        let outcome = outcome.map(|mut list| match list.pop() {
            Some(Decoded::Passing { stage, .. }) => stage,
            other => panic!("{other:?}"),
        });
        assert_eq!(outcome, expected, "{from} -> {to}");
    }

    #[test]
    fn the_real_sample_is_read() {
        let Some(sample) = xtask::shared_file("payloads/axis_alpv_event_lost.json") else {
            return;
        };
        let decoded = decode(&std::fs::read_to_string(sample).unwrap()).unwrap();
        let [
            Decoded::Passing {
                sighting,
                car,
                stage: Stage::Lost,
            },
        ] = &decoded[..]
        else {
            panic!("{decoded:?}")
        };
        assert_eq!(car, "1144696");
        assert_eq!(sighting.raw.plate, "RLE11684");
        assert_eq!(sighting.cameras, ["ACCC8ED3290D", "AC:CC:8E:D3:29:0D"]);
        assert_eq!(sighting.raw.captured_at.to_string(), "2021-06-11T10:05:38.252Z");
        assert_eq!(sighting.raw.confidence, Some(0.719_034));
        assert_eq!(sighting.raw.vehicle.country.as_deref(), Some("POL"));
        assert_eq!(sighting.raw.motion, Some(Motion::Towards));
    }

    #[test]
    fn states_are_told_apart_and_what_is_wrong_is_named() {
        check("new", "new", Ok(Stage::New));
        check("new", "update", Ok(Stage::Update));
        check("\"1623405938252\"", "1623405938252", Ok(Stage::New));
        check("\"new\"", "\"parked\"", Err("carState"));
        check("\"carID\":\"7\"", "\"carID\":\"\"", Err("carID"));
        check("1623405938252", "today", Err("captured_at"));
        check("capture_timestamp", "x", Err("captured_at"));
        check("plateUTF8", "x", Err("plate"));
        check("\"0.7\"", "\"high\"", Err("confidence"));
        check("camera_info", "x", Err("camera"));
    }
}
