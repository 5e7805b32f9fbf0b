//! Plate Recognizer Stream: JSON, alone or as field `json` of a form with the picture as `upload`.
//!
//! One message has a result for each vehicle in the picture. The camera's name is `camera_id`.

use domain::read::{Motion, RawRead, VehicleSeen};
use jiff::Timestamp;
use serde::Deserialize;

use super::{image_of, known};
use crate::json::{self, Items, Scalar};
use crate::limits::MAX_RESULTS;
use crate::message::{Context, DecodeError, Decoded, Format, Message, Sighting, utf8};
use crate::multipart;
use crate::times;

const NAME: &str = "platerecognizer";

/// The format.
#[derive(Debug)]
pub struct PlateRecognizer;

#[derive(Deserialize)]
struct Webhook<'a> {
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    camera_id: Scalar<'a>,
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default)]
    timestamp_local: Scalar<'a>,
    #[serde(borrow, default)]
    results: Items<Outcome<'a>>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow, default)]
    plate: Scalar<'a>,
    #[serde(borrow, default)]
    score: Scalar<'a>,
    #[serde(borrow, default)]
    color: Items<Guess<'a>>,
    #[serde(borrow, default)]
    model_make: Items<Guess<'a>>,
    #[serde(borrow, default)]
    orientation: Items<Guess<'a>>,
    #[serde(borrow)]
    region: Option<Guess<'a>>,
}

/// One of several guesses at a property; a guess has its property's fields and a score.
#[derive(Default, Deserialize)]
struct Guess<'a> {
    #[serde(borrow, default)]
    color: Scalar<'a>,
    #[serde(borrow, default)]
    make: Scalar<'a>,
    #[serde(borrow, default)]
    model: Scalar<'a>,
    #[serde(borrow, default)]
    orientation: Scalar<'a>,
    #[serde(borrow, default)]
    code: Scalar<'a>,
    #[serde(borrow, default)]
    score: Scalar<'a>,
}

impl Format for PlateRecognizer {
    fn decode(&self, message: &Message, context: &Context<'_>) -> Result<Vec<Decoded>, DecodeError> {
        if !message.is_multipart() {
            return webhook(message.text()?, context, None);
        }
        let parts = multipart::split(message)?;
        let Some(document) = parts.iter().find(|part| part.name == "json") else {
            return Err(DecodeError::field("json", "the form has no field json"));
        };
        let upload = parts.iter().find(|part| part.name == "upload");
        webhook(
            utf8(&document.data)?,
            context,
            upload.and_then(|part| image_of(part, NAME)),
        )
    }
}

fn webhook(
    text: &str,
    context: &Context<'_>,
    scene: Option<bytes::Bytes>,
) -> Result<Vec<Decoded>, DecodeError> {
    let webhook: Webhook<'_> = json::parse(text)?;
    let data = webhook
        .data
        .ok_or_else(|| DecodeError::field("data", "data is missing"))?;
    let results = data.results.list("results")?;
    if results.len() > MAX_RESULTS {
        return Err(DecodeError::TooMany {
            what: "results",
            found: results.len(),
            limit: MAX_RESULTS,
        });
    }
    if results.is_empty() {
        return Ok(Vec::new());
    }
    let Some(camera) = data.camera_id.text("camera")? else {
        return Err(DecodeError::field("camera", "camera_id is missing"));
    };
    let at = match data.timestamp.text("captured_at")? {
        Some(at) => Some(at),
        None => data.timestamp_local.text("captured_at")?,
    };
    let at = at.ok_or_else(|| DecodeError::field("captured_at", "timestamp is missing"))?;
    let captured_at = times::parse(&at, context.timezone)?;
    let decode = |outcome: Outcome<'_>| match raw(outcome, captured_at) {
        Ok(raw) => Decoded::Read(Sighting {
            cameras: vec![camera.clone()],
            raw,
            overview_image: scene.clone(),
            ..Sighting::default()
        }),
        Err(error) => Decoded::Refused { error, part: None },
    };
    Ok(results.into_iter().map(decode).collect())
}

fn raw(outcome: Outcome<'_>, captured_at: Timestamp) -> Result<RawRead, DecodeError> {
    let colour = likeliest(outcome.color);
    let vehicle = likeliest(outcome.model_make);
    let seen_from = likeliest(outcome.orientation);
    let said = |scalar: &Scalar<'_>| known(scalar.text("").ok().flatten().as_deref());
    Ok(RawRead {
        plate: outcome.plate.text("plate")?.unwrap_or_default(),
        captured_at,
        confidence: outcome.score.number("confidence")?.map(|score| score as f32),
        vehicle: VehicleSeen {
            make: said(&vehicle.make),
            model: said(&vehicle.model),
            colour: said(&colour.color),
            country: said(&outcome.region.unwrap_or_default().code),
        },
        motion: match &seen_from.orientation {
            Scalar::Text(side) if side.eq_ignore_ascii_case("front") => Some(Motion::Towards),
            Scalar::Text(side) if side.eq_ignore_ascii_case("rear") => Some(Motion::Away),
            _ => None,
        },
        ..RawRead::default()
    })
}

/// The guess with the highest score; where there is none, one that says nothing.
fn likeliest<'a>(guesses: Items<Guess<'a>>) -> Guess<'a> {
    let score = |guess: &Guess<'_>| guess.score.number("").ok().flatten().unwrap_or(0.0);
    let guesses = guesses.list("").unwrap_or_default();
    let best = guesses.into_iter().max_by(|a, b| score(a).total_cmp(&score(b)));
    best.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use jiff::tz::TimeZone;

    fn decode(content_type: &str, body: &[u8]) -> Result<Vec<Decoded>, DecodeError> {
        let message = Message {
            content_type: Some(content_type.into()),
            body: Bytes::copy_from_slice(body),
        };
        let timezone = TimeZone::get("Europe/London").unwrap();
        PlateRecognizer.decode(&message, &Context { timezone: &timezone })
    }

    fn sightings(decoded: Vec<Decoded>) -> Vec<Sighting> {
        let read = |decoded| match decoded {
            Decoded::Read(sighting) => sighting,
            other => panic!("{other:?}"),
        };
        decoded.into_iter().map(read).collect()
    }

    fn check(body: &str, expected: Result<usize, &str>) {
        let outcome = decode("application/json", body.as_bytes()).map(|list| list.len());
        let outcome = outcome.map_err(|error| match error {
            DecodeError::Field { field, .. } => field,
            DecodeError::Syntax { .. } => "syntax",
            other => panic!("{other:?}"),
        });
        assert_eq!(outcome, expected, "{body}");
    }

    #[test]
    fn the_real_sample_is_read_alone_and_in_a_form() {
        let Some(sample) = xtask::shared_file("payloads/platerecognizer_stream_webhook.json") else {
            return;
        };
        let json = std::fs::read(sample).unwrap();
        let alone = sightings(decode("application/json", &json).unwrap());
        let [read] = &alone[..] else { panic!("{alone:?}") };
        assert_eq!(
            (read.raw.plate.as_str(), read.raw.confidence),
            ("pl8rec", Some(0.902))
        );
        assert_eq!(read.cameras, ["camera-1"]);
        assert_eq!(read.raw.captured_at.to_string(), "2024-01-19T03:17:19Z");
        assert_eq!(read.raw.vehicle.make.as_deref(), Some("Porsche"));
        assert_eq!(read.raw.vehicle.model.as_deref(), Some("911"));
        assert_eq!(read.raw.vehicle.colour.as_deref(), Some("red"));
        assert_eq!(read.raw.vehicle.country.as_deref(), Some("us-ca"));
        assert_eq!(read.raw.motion, Some(Motion::Away));

        let mut form = b"--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n".to_vec();
        form.extend_from_slice(&json);
        form.extend_from_slice(
            b"\r\n--x\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"image.jpg\"\r\n\r\n",
        );
        form.extend_from_slice(b"\xff\xd8\xff\xe0scene\r\n--x--\r\n");
        let posted = sightings(decode("multipart/form-data; boundary=x", &form).unwrap());
        assert_eq!(posted[0].raw.plate, "pl8rec");
        assert_eq!(
            posted[0].overview_image.as_deref(),
            Some(b"\xff\xd8\xff\xe0scene".as_slice())
        );
    }

    #[test]
    fn several_results_are_several_reads_and_the_bad_one_is_refused_alone() {
        let body = r#"{"data":{"camera_id":"c","timestamp":"2024-01-19T03:17:19Z",
            "results":[{"plate":"ab12cde"},{"plate":["x"]},{"plate":"cd34efg","region":null}]}}"#;
        let decoded = decode("application/json", body.as_bytes()).unwrap();
        assert!(matches!(
            &decoded[..],
            [
                Decoded::Read(_),
                Decoded::Refused { part: None, .. },
                Decoded::Read(_)
            ]
        ));
    }

    #[test]
    fn what_is_missing_is_named() {
        check(r#"{"data":{"results":[]}}"#, Ok(0));
        check(r#"{"data":{"results":7}}"#, Err("results"));
        check(r#"{"hook":{}}"#, Err("data"));
        check(r#"{"data":{"results":[{}]}}"#, Err("camera"));
        check(r#"{"data":{"camera_id":"c","results":[{}]}}"#, Err("captured_at"));
        check(r#"{"data":{"camera_id":"c""#, Err("syntax"));
        check(
            r#"{"data":{"camera_id":"c","timestamp_local":"2024-01-19T03:17:19+01:00","results":[{}]}}"#,
            Ok(1),
        );
    }
}
