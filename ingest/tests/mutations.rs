//! No bytes make a decoder panic, and what it accepts points into the message.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use domain::{CameraId, SourceName};
use ingest::formats;
use ingest::message::{Context, Decoded, Message};
use jiff::tz::TimeZone;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 0x5731;
const ROUNDS: usize = 20_000;

/// Messages of every format, to be broken.
fn samples() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let hikvision = "<e:EventNotificationAlert xmlns:e='u'><macAddress>d4</macAddress><dateTime>2024-01-19T11:17:19+08:00</dateTime>\
        <eventType>ANPR</eventType><ANPR><licensePlate>AB&amp;12<![CDATA[x]]></licensePlate><plateCharBelieve>99,98</plateCharBelieve>\
        <confidenceLevel>97</confidenceLevel></ANPR></e:EventNotificationAlert>";
    let form = format!(
        "--B\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{hikvision}\r\n--B\r\nContent-Type: image/jpeg\r\n\r\n\u{1}\r\n--B--\r\n"
    );
    let read = r#"{"camera":"C1","plate":"AB12\u0043DE","captured_at":"2026-07-01T12:00:00.5+01:00","confidence":0.9,"character_confidences":[0.1,1],"plate_image":"/9j/4AAQ"}"#;
    let results = r#"{"data":{"camera_id":"c","timestamp":"2024-01-19T03:17:19Z","results":[{"plate":"ab12","score":0.9,"color":[{"color":"red","score":1}],"region":{"code":"gb"}},{}]}}"#;
    let axis = r#"{"capture_timestamp":"1623405938252","plateUTF8":"RLE11684","plateConfidence":"0.7","carState":"new","carID":"7","camera_info":{"SerialNumber":"A"}}"#;
    let line = "s|u|AB12CDE|7|3|42|2026-07-19T11:17:19|1|2|3|4|5|6|93%|true";
    let multipart = "multipart/form-data; boundary=B";
    [
        ("hikvision", "text/xml", hikvision.to_owned()),
        ("hikvision", multipart, form.clone()),
        ("platerecognizer", multipart, form.replace(hikvision, results)),
        ("axis", multipart, form.replace(hikvision, axis)),
        ("reads", "application/json", format!("[{read},{read},7]")),
        ("reads", "", read.to_owned()),
        ("platerecognizer", "application/json", results.to_owned()),
        ("axis", "application/json", axis.to_owned()),
        ("sendCompactCapture", "text/plain", line.to_owned()),
        ("sendCompoundCapture", "text/plain", format!("{line}\r\n{line}\n")),
        (
            "sendCapture",
            "text/plain",
            line.replace("|42|", "|42|/9j/4AAQ||"),
        ),
        (
            "addBinaryCaptureData",
            "text/plain",
            "s|u|AB12CDE|7|3|42|2026-07-19T11:17:19|P|/9j/4AAQ".to_owned(),
        ),
    ]
    .map(|(format, content_type, body)| (format, content_type, body.into_bytes()))
    .to_vec()
}

/// Breaks a message in one of the ways in which the field does.
fn mutate(rng: &mut ChaCha8Rng, body: &mut Vec<u8>) {
    const WORDS: [&[u8]; 12] = [
        b"<",
        b"</",
        b"&#x110000;",
        b"\"",
        b"\\u",
        b"--B",
        b"\r\n\r\n",
        b"\xff\xfe",
        b"\xf0\x9f",
        b"1e999",
        b"[[[[",
        b"|||",
    ];
    if body.is_empty() {
        return;
    }
    let at = rng.random_range(0..body.len());
    match rng.random_range(0..5) {
        0 => body[at] = rng.random(),
        1 => body.truncate(at),
        2 => drop(body.splice(
            at..at,
            WORDS.choose(rng).copied().unwrap_or_default().iter().copied(),
        )),
        3 => {
            let end = rng.random_range(at..=body.len());
            body.drain(at..end.min(at + 20));
        }
        _ => {
            let end = (at + 30).min(body.len());
            let copy = body[at..end].to_vec();
            let to = rng.random_range(0..=body.len());
            drop(body.splice(to..to, copy));
        }
    }
}

#[test]
fn no_bytes_make_a_decoder_panic() {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let timezone = TimeZone::get("Europe/London").unwrap();
    let context = Context { timezone: &timezone };
    let (camera, source) = (CameraId::parse("C1").unwrap(), SourceName::parse("ring").unwrap());
    let now = "2026-11-01T12:00:00Z".parse().unwrap();
    let samples = samples();
    let mut readable = 0;
    for round in 0..ROUNDS {
        let (name, content_type, body) = samples.choose(&mut rng).unwrap();
        let mut body = body.clone();
        for _ in 0..rng.random_range(0..4) {
            mutate(&mut rng, &mut body);
        }
        if rng.random_range(0..50) == 0 {
            rng.fill_bytes(&mut body);
        }
        let message = Message {
            content_type: Some((*content_type).to_owned()),
            body: Bytes::from(body),
        };
        let format = formats::named(name).unwrap().format;
        let Ok(decoded) = format.decode(&message, &context) else {
            continue;
        };
        readable += 1;
        for item in decoded {
            let (Decoded::Read(sighting) | Decoded::ImagesOf(sighting) | Decoded::Passing { sighting, .. }) =
                item
            else {
                continue;
            };
            let part = sighting.part.clone().unwrap_or(0..0);
            assert!(
                message.body.get(part).is_some(),
                "seed {SEED:#x}, round {round}, {name}"
            );
            // Refused or not: it must not panic either.
            drop(sighting.raw.check(camera.clone(), source.clone(), now));
        }
    }
    assert!(
        readable > ROUNDS / 10,
        "mutations leave too little readable to test anything: {readable}"
    );
}
