//! Hikvision ISAPI: `EventNotificationAlert` as XML, alone or in a multipart body with JPEGs.
//!
//! Firmware differs in namespaces and prefixes, in the parts' names and types, and in which elements are there.
//! The camera's names, the surest first: `macAddress`, `channelName`, `ipAddress`. Other events than ANPR are no reads.

use domain::read::{Motion, RawRead, VehicleSeen};

use super::{image_of, known};
use crate::message::{Context, DecodeError, Decoded, Format, Message, Sighting, utf8};
use crate::multipart::{self, Part};
use crate::times;
use crate::xml::{self, Leaves};

const NAME: &str = "hikvision";

/// The format.
#[derive(Debug)]
pub struct Hikvision;

impl Format for Hikvision {
    fn decode(&self, message: &Message, context: &Context<'_>) -> Result<Vec<Decoded>, DecodeError> {
        if !message.is_multipart() {
            return Ok(
                event(message.text()?, context)?.map_or_else(Vec::new, |read| vec![Decoded::Read(read)])
            );
        }
        let parts = multipart::split(message)?;
        let Some(document) = parts.iter().find(|part| is_document(part)) else {
            return Err(DecodeError::ContentType(
                "a multipart body with an XML part, or XML alone",
            ));
        };
        let Some(mut sighting) = event(utf8(&document.data)?, context)? else {
            return Ok(Vec::new());
        };
        for part in parts.iter().filter(|part| !is_document(part)) {
            // Part names met: licensePlatePicture.jpg, detectionPicture.jpg, vehiclePicture.jpg, Picture.jpg.
            if part.is_called("plate") {
                sighting.plate_image = sighting.plate_image.or_else(|| image_of(part, NAME));
            } else if sighting.overview_image.is_none() || part.is_called("detection") {
                sighting.overview_image = image_of(part, NAME).or(sighting.overview_image);
            }
        }
        Ok(vec![Decoded::Read(sighting)])
    }
}

fn is_document(part: &Part) -> bool {
    let start = part.data.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    part.content_type.contains("xml") || part.is_called(".xml") || start.starts_with(b"<")
}

/// The sighting that an event tells; none where the event is about something else.
fn event(text: &str, context: &Context<'_>) -> Result<Option<Sighting>, DecodeError> {
    let found = xml::parse(text)?;
    if found.root != "EventNotificationAlert" {
        return Err(DecodeError::field(
            "eventType",
            "the root element is not EventNotificationAlert",
        ));
    }
    let is_plate = match found.get("eventType") {
        Some(kind) => kind.eq_ignore_ascii_case("ANPR"),
        None => found.has_any_below("ANPR"),
    };
    if !is_plate {
        return Ok(None);
    }
    let names = ["macAddress", "channelName", "ipAddress"];
    let cameras: Vec<_> = names
        .iter()
        .filter_map(|name| found.get(name))
        .map(str::to_owned)
        .collect();
    if cameras.is_empty() {
        return Err(DecodeError::field(
            "camera",
            "macAddress, channelName and ipAddress are all missing",
        ));
    }
    let Some(at) = found.get("dateTime") else {
        return Err(DecodeError::field("captured_at", "dateTime is missing"));
    };
    Ok(Some(Sighting {
        cameras,
        raw: RawRead {
            plate: plate(&found)?,
            captured_at: times::parse(at, context.timezone)?,
            confidence: confidence(&found)?,
            character_confidences: character_confidences(&found),
            vehicle: VehicleSeen {
                // Make and model come as codes of the vendor's own tables.
                make: None,
                model: None,
                colour: known(found.get("ANPR/vehicleInfo/color")),
                country: known(found.get("countryAbbreviation")),
            },
            motion: match found.get("ANPR/direction") {
                Some("forward") => Some(Motion::Towards),
                Some("reverse") => Some(Motion::Away),
                _ => None,
            },
            retransmitted: found.get("isDataRetransmission") == Some("true"),
            ..RawRead::default()
        },
        ..Sighting::default()
    }))
}

fn plate(found: &Leaves) -> Result<String, DecodeError> {
    found
        .get("ANPR/licensePlate")
        .or_else(|| found.get("ANPR/originalLicensePlate"))
        .map(str::to_owned)
        .ok_or_else(|| DecodeError::field("plate", "licensePlate is missing or empty"))
}

fn confidence(found: &Leaves) -> Result<Option<f32>, DecodeError> {
    let Some(percent) = found.get("ANPR/confidenceLevel") else {
        return Ok(None);
    };
    match percent.parse::<f32>() {
        Ok(percent) => Ok(Some(percent / 100.0)),
        Err(_) => Err(DecodeError::field(
            "confidence",
            "confidenceLevel is not a number from 0 to 100",
        )),
    }
}

/// Confidences of the characters; where one cannot be read, all are unknown.
fn character_confidences(found: &Leaves) -> Vec<f32> {
    let Some(list) = found.get("ANPR/plateCharBelieve") else {
        return Vec::new();
    };
    let one = |percent: &str| match percent.trim().parse::<f32>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Some(percent / 100.0),
        _ => None,
    };
    list.split(',')
        .map(one)
        .collect::<Option<_>>()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use jiff::tz::TimeZone;

    const MINIMAL: &str = "<EventNotificationAlert><macAddress>d4:e8</macAddress><dateTime>2024-01-19T11:17:19</dateTime>\
        <eventType>ANPR</eventType><ANPR><licensePlate>AB12CDE</licensePlate></ANPR></EventNotificationAlert>";

    fn decode(content_type: &str, body: &[u8]) -> Result<Vec<Decoded>, DecodeError> {
        let message = Message {
            content_type: Some(content_type.into()),
            body: Bytes::copy_from_slice(body),
        };
        let timezone = TimeZone::get("Europe/London").unwrap();
        Hikvision.decode(&message, &Context { timezone: &timezone })
    }

    fn one(content_type: &str, body: &[u8]) -> Sighting {
        match decode(content_type, body).unwrap().pop() {
            Some(Decoded::Read(sighting)) => sighting,
            other => panic!("{other:?}"),
        }
    }

    fn check(from: &str, to: &str, expected: Result<usize, &str>) {
        assert!(MINIMAL.contains(from), "{from}");
        let outcome = decode("application/xml", MINIMAL.replace(from, to).as_bytes());
        let outcome = outcome.map(|list| list.len()).map_err(|error| match error {
            DecodeError::Field { field, .. } => field,
            DecodeError::Syntax { .. } => "syntax",
            other => panic!("{other:?}"),
        });
        assert_eq!(outcome, expected, "{from} -> {to}");
    }

    #[test]
    fn the_real_sample_is_read() {
        let Some(sample) = xtask::shared_file("payloads/hikvision_isapi_anpr_parkpow.xml") else {
            return;
        };
        let read = one("application/xml", &std::fs::read(sample).unwrap());
        assert_eq!(read.raw.plate, "PECT600");
        assert_eq!(read.cameras, ["d4:e8:53:bc:4c:02", "Camera 01", "10.199.27.128"]);
        assert_eq!(read.raw.captured_at.to_string(), "2024-01-19T03:17:19Z");
        assert_eq!(read.raw.confidence, Some(0.97));
        assert_eq!(read.raw.character_confidences, [0.99; 7]);
        assert_eq!(read.raw.vehicle.colour.as_deref(), Some("white"));
        assert_eq!(read.raw.vehicle.country, None);
        assert!(!read.raw.retransmitted);
    }

    #[test]
    fn what_firmware_leaves_out_or_names_otherwise_does_not_matter() {
        check("<macAddress>", "<macAddress xmlns='urn:x'>", Ok(1));
        check("<ANPR>", "<ANPR><vehicleInfo/>", Ok(1));
        check("<eventType>ANPR</eventType>", "", Ok(1));
        check(
            "<eventType>ANPR</eventType>",
            "<eventType>videoloss</eventType>",
            Ok(0),
        );
        check(
            "<macAddress>d4:e8</macAddress>",
            "<channelName>A &amp; B</channelName>",
            Ok(1),
        );
        check("<ANPR>", "<ANPR><plateCharBelieve>9,x</plateCharBelieve>", Ok(1));
        check("<macAddress>d4:e8</macAddress>", "", Err("camera"));
        check("<licensePlate>AB12CDE</licensePlate>", "", Err("plate"));
        check("<dateTime>2024-01-19T11:17:19</dateTime>", "", Err("captured_at"));
        check(
            "<ANPR>",
            "<ANPR><confidenceLevel>sure</confidenceLevel>",
            Err("confidence"),
        );
        check("</ANPR>", "", Err("syntax"));
    }

    #[test]
    fn prefixes_and_a_retransmission_are_seen() {
        let prefixed = MINIMAL
            .replace("</", "</hik:")
            .replace("<", "<hik:")
            .replace("<hik:/hik:", "</hik:")
            .replace(
                "<hik:ANPR>",
                "<hik:isDataRetransmission>true</hik:isDataRetransmission><hik:ANPR>",
            );
        let read = one("text/xml; charset=utf-8", prefixed.as_bytes());
        assert_eq!(read.raw.plate, "AB12CDE");
        assert!(read.raw.retransmitted);
    }

    #[test]
    fn images_are_found_by_the_parts_names_and_a_broken_one_costs_nothing() {
        let jpeg = b"\xff\xd8\xff\xe0 a picture \r\n--with dashes";
        let mut body = Vec::new();
        let mut part = |head: &str, data: &[u8]| {
            body.extend_from_slice(format!("--MIME_boundary\r\n{head}\r\n\r\n").as_bytes());
            body.extend_from_slice(data);
            body.extend_from_slice(b"\r\n");
        };
        part(
            "Content-Disposition: form-data; name=\"anpr.xml\"; filename=\"anpr.xml\"\r\nContent-Type: text/xml",
            MINIMAL.as_bytes(),
        );
        part(
            "Content-Disposition: form-data; name=\"licensePlatePicture.jpg\"\r\nContent-Type: application/octet-stream",
            jpeg,
        );
        part(
            "Content-Disposition: form-data; name=\"detectionPicture.jpg\"\r\nContent-Type: image/jpeg",
            b"not a picture",
        );
        let read = one("multipart/form-data; boundary=MIME_boundary", &body);
        assert_eq!(read.plate_image.as_deref(), Some(jpeg.as_slice()));
        assert_eq!(read.overview_image, None);
        assert!(matches!(
            decode(
                "multipart/form-data; boundary=x",
                b"--x\r\n\r\n\xff\xd8\xff\r\n--x--"
            ),
            Err(DecodeError::ContentType(_))
        ));
    }
}
