//! Cameras' messages into plate reads, a format after the other, beside a bare parse of the same bytes.
//!
//! The messages are this project's own, with what each vendor's documents say that a message has: one for each read of
//! the simulated world.

mod rig;

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::read::PlateRead;
use domain::{CameraId, SourceName, Timestamp};
use ingest::formats;
use ingest::message::{Context, Decoded, Message};
use jiff::tz::TimeZone;

/// Messages of each format.
const MESSAGES: usize = 100;
/// Reads in a message, of the formats that have several.
const BATCH: usize = 50;

/// A format's messages.
struct Sample {
    format: &'static str,
    content_type: &'static str,
    /// Reads in each.
    reads: usize,
    write: fn(&[PlateRead]) -> String,
}

/// A parser, by its name.
type Parser = (&'static str, fn(&[u8]) -> usize);

const SAMPLES: [Sample; 6] = [
    Sample {
        format: "reads",
        content_type: "application/json",
        reads: BATCH,
        write: own,
    },
    Sample {
        format: "sendCompactCapture",
        content_type: "text/plain",
        reads: 1,
        write: captures,
    },
    Sample {
        format: "sendCompoundCapture",
        content_type: "text/plain",
        reads: BATCH,
        write: captures,
    },
    Sample {
        format: "hikvision",
        content_type: "application/xml",
        reads: 1,
        write: hikvision,
    },
    Sample {
        format: "axis",
        content_type: "application/json",
        reads: 1,
        write: axis,
    },
    Sample {
        format: "platerecognizer",
        content_type: "application/json",
        reads: 1,
        write: plate_recognizer,
    },
];

fn decode(criterion: &mut Criterion) {
    let world = rig::world();
    let mut group = criterion.benchmark_group("decode");
    for sample in SAMPLES {
        let reads = rig::reads(&world, MESSAGES * sample.reads);
        let messages: Vec<Message> = reads
            .chunks(sample.reads)
            .map(|part| Message {
                content_type: Some(sample.content_type.to_owned()),
                body: Bytes::from((sample.write)(part)),
            })
            .collect();
        assert_eq!(
            plate_reads(&sample, &messages),
            reads.len(),
            "{}: every read comes out again",
            sample.format
        );
        group.throughput(Throughput::Elements(reads.len() as u64));
        group.bench_function(BenchmarkId::new(sample.format, "steelring"), |b| {
            b.iter(|| plate_reads(&sample, black_box(&messages)));
        });
        if let Some((name, parse)) = bare(sample.content_type) {
            group.bench_function(BenchmarkId::new(sample.format, name), |b| {
                b.iter(|| {
                    messages
                        .iter()
                        .map(|message| parse(black_box(&message.body)))
                        .sum::<usize>()
                });
            });
        }
    }
    group.finish();
}

/// Decodes and checks messages; how many reads came out.
fn plate_reads(sample: &Sample, messages: &[Message]) -> usize {
    let format = formats::named(sample.format).expect("a format of ingest").format;
    let context = Context {
        timezone: &TimeZone::UTC,
    };
    let camera = CameraId::parse("camera").expect("an id");
    let source = SourceName::parse("source").expect("a name");
    let reads = messages.iter().flat_map(|message| {
        let decoded = format.decode(message, &context).expect("a whole message");
        decoded.into_iter().filter_map(|decoded| match decoded {
            Decoded::Read(sighting) | Decoded::Passing { sighting, .. } => {
                let now: Timestamp = rig::now();
                sighting.raw.check(camera.clone(), source.clone(), now).ok()
            }
            _ => None,
        })
    });
    reads.map(black_box).count()
}

/// A parser that makes nothing of what it parses, for the least that reading these bytes costs.
fn bare(content_type: &str) -> Option<Parser> {
    match content_type {
        "application/json" => Some(("serde_json_value", |body| {
            let value: serde_json::Value = serde_json::from_slice(body).expect("JSON");
            black_box(value).is_array().into()
        })),
        "application/xml" => Some(("quick_xml_events", |body| {
            let mut reader = quick_xml::Reader::from_reader(body);
            let events = std::iter::from_fn(|| match reader.read_event().expect("XML") {
                quick_xml::events::Event::Eof => None,
                event => Some(event),
            });
            events.map(black_box).count()
        })),
        _ => None,
    }
}

fn own(reads: &[PlateRead]) -> String {
    let mut body = vec![b'['];
    for (index, read) in reads.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        simulator::write_read(read, &mut body).expect("memory takes everything");
    }
    body.push(b']');
    String::from_utf8(body).expect("JSON is UTF-8")
}

fn captures(reads: &[PlateRead]) -> String {
    let line = |read: &PlateRead| {
        format!(
            "signature|user|{}|1|2|3|{}|53.41|-2.98|1|10|20|1|{:.1} %|true\r\n",
            read.vrm,
            read.captured_at,
            percent(read)
        )
    };
    reads.iter().map(line).collect()
}

fn hikvision(reads: &[PlateRead]) -> String {
    let read = &reads[0];
    let believed: Vec<String> = read
        .character_confidences
        .iter()
        .map(|confidence| format!("{:.0}", confidence * 100.0))
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
  <ipAddress>10.0.0.7</ipAddress>
  <portNo>80</portNo>
  <protocol>HTTP</protocol>
  <macAddress>02:00:00:00:00:07</macAddress>
  <channelID>1</channelID>
  <dateTime>{at}</dateTime>
  <activePostCount>1</activePostCount>
  <eventType>ANPR</eventType>
  <eventState>active</eventState>
  <eventDescription>ANPR</eventDescription>
  <channelName>{camera}</channelName>
  <ANPR>
    <country>3</country>
    <licensePlate>{vrm}</licensePlate>
    <line>1</line>
    <direction>forward</direction>
    <confidenceLevel>{percent:.0}</confidenceLevel>
    <plateType>unknown</plateType>
    <plateColor>white</plateColor>
    <plateCharBelieve>{believed}</plateCharBelieve>
    <originalLicensePlate>{vrm}</originalLicensePlate>
    <vehicleType>vehicle</vehicleType>
    <vehicleInfo>
      <index>7</index>
      <colorDepth>2</colorDepth>
      <color>{colour}</color>
      <length>0</length>
      <vehicleLogoRecog>1048</vehicleLogoRecog>
    </vehicleInfo>
    <pictureInfoList/>
  </ANPR>
  <UUID>7</UUID>
  <picNum>0</picNum>
  <isDataRetransmission>false</isDataRetransmission>
</EventNotificationAlert>"#,
        at = read.captured_at,
        camera = read.camera,
        vrm = read.vrm,
        percent = percent(read),
        believed = believed.join(","),
        colour = colour(read),
    )
}

fn axis(reads: &[PlateRead]) -> String {
    let read = &reads[0];
    serde_json::json!({
        "packetCounter": "7",
        "capture_timestamp": read.captured_at.as_millisecond().to_string(),
        "frame_timestamp": read.captured_at.as_millisecond().to_string(),
        "datetime": read.captured_at.to_string(),
        "plateText": read.vrm.as_str(),
        "plateUTF8": read.vrm.as_str(),
        "plateASCII": read.vrm.as_str(),
        "plateCountry": "GBR",
        "plateConfidence": (percent(read) / 100.0).to_string(),
        "carState": "lost",
        "carID": "7",
        "geotag": {"lat": 53.41, "lon": -2.98},
        "carMoveDirection": "in",
        "camera_info": {"SerialNumber": "020000000007", "MACAddress": "02:00:00:00:00:07"},
    })
    .to_string()
}

fn plate_recognizer(reads: &[PlateRead]) -> String {
    let read = &reads[0];
    let score = percent(read) / 100.0;
    serde_json::json!({
        "hook": {"target": "webhook", "id": "camera", "event": "recognition"},
        "data": {
            "camera_id": read.camera.as_str(),
            "filename": "camera/1.jpg",
            "timestamp": read.captured_at.to_string(),
            "timestamp_local": read.captured_at.to_string(),
            "results": [{
                "box": {"xmin": 10, "ymin": 20, "xmax": 90, "ymax": 40},
                "plate": read.vrm.as_str().to_lowercase(),
                "score": score,
                "dscore": score,
                "region": {"code": "gb", "score": 0.9},
                "color": [{"color": colour(read), "score": 0.8}, {"color": "black", "score": 0.1}],
                "model_make": [{
                    "make": read.vehicle.make, "model": read.vehicle.model, "score": 0.7,
                }],
                "orientation": [{"orientation": "Front", "score": 0.9}],
                "candidates": [{"plate": read.vrm.as_str().to_lowercase(), "score": score}],
            }],
        },
    })
    .to_string()
}

fn percent(read: &PlateRead) -> f32 {
    read.confidence.unwrap_or(0.9) * 100.0
}

fn colour(read: &PlateRead) -> &str {
    read.vehicle.colour.as_deref().unwrap_or("unknown")
}

criterion_group!(benches, decode);
criterion_main!(benches);
