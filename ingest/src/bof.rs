//! Captures for a UK back office, one line each, fields split by `|`. No official text was at hand: the layout is
//! drawn from public material, and what it leaves open is decided here.
//!
//! - *Compact capture:* `signature|username|vrm|feedID|sourceID|cameraID|captureDate|latitude|longitude|`
//!   `presetPosition|pan|tilt|zoom|confidence %|motionTowardCamera`. The first seven are required, the rest may be
//!   missing or empty. Signature and username are not checked: the source has signed in. The position and the
//!   camera's pose are not taken: a fixed camera stands where the force's data say.
//! - *Compound capture:* at most [`MAX_COMPOUND`] compact captures, a line each.
//! - *Full capture:* as compact, with plate image and overview image as base64 after `cameraID`; each may be empty.
//! - *Binary capture data:* `signature|username|vrm|feedID|sourceID|cameraID|captureDate|type|image`, type `P` (plate) or
//!   `C` (context), the image as base64. Mark, camera and capture time make the read's id, so that the image is linked
//!   to that id whether it comes before the read or after it.
//!
//! The camera's names, the surest first: `feedID/sourceID/cameraID`, `sourceID/cameraID`, `cameraID`.

use bytes::Bytes;
use domain::read::{Motion, RawRead};

use crate::limits::MAX_COMPOUND;
use crate::message::{Context, DecodeError, Decoded, Format, Message, Sighting};
use crate::reads::{base64_image, span};
use crate::times;

/// Names of the first fields, in their order.
const HEAD: [&str; 6] = ["signature", "username", "plate", "feedID", "sourceID", "camera"];

/// The format of `sendCapture`.
#[derive(Debug)]
pub struct Capture;
/// The format of `sendCompactCapture`.
#[derive(Debug)]
pub struct CompactCapture;
/// The format of `sendCompoundCapture`.
#[derive(Debug)]
pub struct CompoundCapture;
/// The format of `addBinaryCaptureData`.
#[derive(Debug)]
pub struct BinaryCaptureData;

impl Format for CompactCapture {
    fn decode(&self, message: &Message, context: &Context<'_>) -> Result<Vec<Decoded>, DecodeError> {
        Ok(vec![Decoded::Read(compact(one_line(message)?, context)?)])
    }
}

impl Format for CompoundCapture {
    fn decode(&self, message: &Message, context: &Context<'_>) -> Result<Vec<Decoded>, DecodeError> {
        let lines: Vec<_> = lines(message)?.collect();
        if lines.is_empty() {
            return Err(empty());
        }
        if lines.len() > MAX_COMPOUND {
            return Err(DecodeError::TooMany {
                what: "captures",
                found: lines.len(),
                limit: MAX_COMPOUND,
            });
        }
        let decode = |line: &&str| {
            let part = Some(span(&message.body, line));
            match compact(line, context) {
                Ok(sighting) => Decoded::Read(Sighting { part, ..sighting }),
                Err(error) => Decoded::Refused { error, part },
            }
        };
        Ok(lines.iter().map(decode).collect())
    }
}

impl Format for Capture {
    fn decode(&self, message: &Message, context: &Context<'_>) -> Result<Vec<Decoded>, DecodeError> {
        let mut fields = Fields::of(one_line(message)?);
        let mut sighting = fields.head()?;
        sighting.plate_image = fields.image("plate_image")?;
        sighting.overview_image = fields.image("overview_image")?;
        fields.rest(&mut sighting, context)?;
        Ok(vec![Decoded::Read(sighting)])
    }
}

impl Format for BinaryCaptureData {
    fn decode(&self, message: &Message, context: &Context<'_>) -> Result<Vec<Decoded>, DecodeError> {
        let mut fields = Fields::of(one_line(message)?);
        let mut sighting = fields.head()?;
        sighting.raw.captured_at = times::parse(fields.required("captured_at")?, context.timezone)?;
        let kind = fields.required("type")?;
        let missing = |field| DecodeError::field(field, "the image is missing");
        match kind {
            "P" | "p" => {
                let image = fields.image("plate_image")?;
                sighting.plate_image = Some(image.ok_or_else(|| missing("plate_image"))?);
            }
            "C" | "c" => {
                let image = fields.image("overview_image")?;
                sighting.overview_image = Some(image.ok_or_else(|| missing("overview_image"))?);
            }
            _ => return Err(DecodeError::field("type", "must be P (plate) or C (context)")),
        }
        Ok(vec![Decoded::ImagesOf(sighting)])
    }
}

fn compact(line: &str, context: &Context<'_>) -> Result<Sighting, DecodeError> {
    let mut fields = Fields::of(line);
    let mut sighting = fields.head()?;
    fields.rest(&mut sighting, context)?;
    Ok(sighting)
}

fn lines(message: &Message) -> Result<impl Iterator<Item = &str>, DecodeError> {
    let lines = message.text()?.lines();
    Ok(lines.map(str::trim).filter(|line| !line.is_empty()))
}

fn one_line(message: &Message) -> Result<&str, DecodeError> {
    let mut lines = lines(message)?;
    let first = lines.next().ok_or_else(empty)?;
    match lines.count() {
        0 => Ok(first),
        more => Err(DecodeError::TooMany {
            what: "captures",
            found: more + 1,
            limit: 1,
        }),
    }
}

fn empty() -> DecodeError {
    DecodeError::field("signature", "the message is empty")
}

/// A line's fields, taken one after the other.
struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn of(line: &'a str) -> Self {
        Self(line.split('|'))
    }

    /// The next field; empty where the line has ended.
    fn next(&mut self) -> &'a str {
        self.0.next().unwrap_or_default().trim()
    }

    fn required(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        match self.next() {
            "" => Err(DecodeError::field(
                field,
                "this field of the capture is missing or empty",
            )),
            text => Ok(text),
        }
    }

    fn image(&mut self, field: &'static str) -> Result<Option<Bytes>, DecodeError> {
        match self.next() {
            "" => Ok(None),
            text => base64_image(text)
                .map(Some)
                .ok_or_else(|| DecodeError::field(field, "must be a JPEG or PNG as base64")),
        }
    }

    /// Signature to camera.
    fn head(&mut self) -> Result<Sighting, DecodeError> {
        let mut head = [""; HEAD.len()];
        for (slot, field) in head.iter_mut().zip(HEAD) {
            *slot = self.required(field)?;
        }
        let [_signature, _username, vrm, feed, source, camera] = head;
        Ok(Sighting {
            cameras: vec![
                format!("{feed}/{source}/{camera}"),
                format!("{source}/{camera}"),
                camera.to_owned(),
            ],
            raw: RawRead {
                plate: vrm.to_owned(),
                ..RawRead::default()
            },
            ..Sighting::default()
        })
    }

    /// Capture date to motion.
    fn rest(&mut self, sighting: &mut Sighting, context: &Context<'_>) -> Result<(), DecodeError> {
        sighting.raw.captured_at = times::parse(self.required("captured_at")?, context.timezone)?;
        let [_lat, _lon, _preset, _pan, _tilt, _zoom, confidence, motion] =
            std::array::from_fn(|_| self.next());
        sighting.raw.confidence = match confidence.trim_end_matches('%').trim_end() {
            "" => None,
            percent => match percent.parse::<f32>() {
                Ok(percent) => Some(percent / 100.0),
                Err(_) => return Err(DecodeError::field("confidence", "must be a number of per cent")),
            },
        };
        sighting.raw.motion = match motion.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" => Some(Motion::Towards),
            "false" | "f" | "0" | "no" | "n" => Some(Motion::Away),
            _ => None,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn decode(format: &dyn Format, body: &str) -> Result<Vec<Decoded>, DecodeError> {
        let message = Message {
            content_type: Some("text/plain".into()),
            body: Bytes::from(body.to_owned()),
        };
        let timezone = TimeZone::get("Europe/London").unwrap();
        format.decode(&message, &Context { timezone: &timezone })
    }

    fn check(format: &dyn Format, body: &str, expected: Result<usize, &str>) {
        let outcome = decode(format, body).map(|list| list.len());
        let outcome = outcome.map_err(|error| match error {
            DecodeError::Field { field, .. } => field,
            DecodeError::TooMany { .. } => "too many",
            other => panic!("{body}: {other:?}"),
        });
        assert_eq!(outcome, expected, "{body}");
    }

    const FULL: &str = "sig|user|AB12 CDE|7|3|42|2024-07-19T11:17:19|53.4|-2.9|1|10|20|1|93.5 %|true";

    #[test]
    fn a_compact_capture_is_read_with_what_it_has() {
        let decoded = decode(&CompactCapture, FULL).unwrap();
        let [Decoded::Read(sighting)] = &decoded[..] else {
            panic!("{decoded:?}")
        };
        assert_eq!(sighting.cameras, ["7/3/42", "3/42", "42"]);
        assert_eq!(sighting.raw.confidence, Some(0.935));
        assert_eq!(sighting.raw.motion, Some(Motion::Towards));
        assert_eq!(sighting.raw.captured_at.to_string(), "2024-07-19T10:17:19Z");
        check(&CompactCapture, "s|u|AB12CDE|7|3|42|2024-07-19T11:17:19Z", Ok(1));
        check(
            &CompactCapture,
            "s|u|AB12CDE|7|3|42|2024-07-19T11:17:19Z||||||||",
            Ok(1),
        );
    }

    #[test]
    fn each_required_field_is_named_when_it_is_empty() {
        let names = [
            "signature",
            "username",
            "plate",
            "feedID",
            "sourceID",
            "camera",
            "captured_at",
        ];
        for (index, name) in names.iter().enumerate() {
            let mut fields: Vec<_> = FULL.split('|').collect();
            fields[index] = " ";
            check(&CompactCapture, &fields.join("|"), Err(name));
            check(
                &CompactCapture,
                &fields[..index].join("|"),
                Err(if index == 0 { "signature" } else { name }),
            );
        }
    }

    #[test]
    fn a_compound_capture_has_at_most_fifty_lines_and_no_lost_neighbour() {
        let decoded = decode(&CompoundCapture, &format!("{FULL}\r\nrubbish\n\n{FULL}\n")).unwrap();
        let [
            Decoded::Read(_),
            Decoded::Refused { part: Some(part), .. },
            Decoded::Read(_),
        ] = &decoded[..]
        else {
            panic!("{decoded:?}")
        };
        assert_eq!(part.len(), "rubbish".len());
        check(&CompoundCapture, &format!("{FULL}\n").repeat(50), Ok(50));
        check(&CompoundCapture, &format!("{FULL}\n").repeat(51), Err("too many"));
        check(&CompoundCapture, "\n\n", Err("signature"));
    }

    #[test]
    fn images_come_with_a_full_capture_or_later() {
        let full = "s|u|AB12CDE|7|3|42|/9j/4AAQ||2024-07-19T11:17:19Z|||||||50";
        let decoded = decode(&Capture, full).unwrap();
        let [Decoded::Read(sighting)] = &decoded[..] else {
            panic!("{decoded:?}")
        };
        assert!(sighting.plate_image.is_some() && sighting.overview_image.is_none());
        assert_eq!(sighting.raw.confidence, Some(0.5));
        let later = "s|u|AB12CDE|7|3|42|2024-07-19T11:17:19Z|C|/9j/4AAQ";
        let decoded = decode(&BinaryCaptureData, later).unwrap();
        assert!(matches!(&decoded[..], [Decoded::ImagesOf(sighting)] if sighting.overview_image.is_some()));
        check(&BinaryCaptureData, &later.replace("|C|", "|X|"), Err("type"));
        check(
            &BinaryCaptureData,
            "s|u|AB12CDE|7|3|42|2024-07-19T11:17:19Z|P|",
            Err("plate_image"),
        );
        check(
            &BinaryCaptureData,
            "s|u|AB12CDE|7|3|42|2024-07-19T11:17:19Z|P|aGVsbG8=",
            Err("plate_image"),
        );
        check(&CompactCapture, &format!("{FULL}\n{FULL}"), Err("too many"));
    }
}
