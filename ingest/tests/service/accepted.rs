//! What is accepted is in the log, with its camera, its id and its images.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use domain::ImageHash;
use domain::read::Motion;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{TOKEN, World, answer};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a picture";

async fn check_sample(world: &World, path: &str, sample: &str, camera: &str, plate: &str) {
    let Some(file) = xtask::shared_file(sample) else {
        return;
    };
    let body = std::fs::read(file).unwrap();
    let before = world.reads().await.len();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = world.post(path, "application/xml", body.clone());
        let (status, body) = answer(request.send().await.unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        ids.push(body["accepted"][0].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[1], "{path}: a retransmission has another id");
    let reads = world.reads().await;
    let read = reads
        .iter()
        .find(|read| read.read_id.to_string() == ids[0])
        .unwrap();
    assert_eq!((read.camera.as_str(), read.vrm.as_str()), (camera, plate));
    assert!(read.clock_suspect, "the samples are years old");
    assert!(reads.len() > before);
}

#[tokio::test]
async fn every_vendors_real_sample_is_a_read_in_the_log() {
    let world = World::start().await;
    check_sample(
        &world,
        "/vendors/hikvision",
        "payloads/hikvision_isapi_anpr_parkpow.xml",
        "C1",
        "PECT600",
    )
    .await;
    check_sample(
        &world,
        "/vendors/platerecognizer",
        "payloads/platerecognizer_stream_webhook.json",
        "C2",
        "PL8REC",
    )
    .await;
    check_sample(
        &world,
        "/vendors/axis",
        "payloads/axis_alpv_event_lost.json",
        "C3",
        "RLE11684",
    )
    .await;
    world.stop().await;
}

#[tokio::test]
async fn our_own_json_is_taken_one_by_one_and_in_batches() {
    let world = World::start().await;
    let read = |plate: &str| {
        json!({"camera": "C1", "plate": plate, "captured_at": "2026-07-01T12:00:00", "confidence": 0.9,
            "character_confidences": [0.9, 0.9], "make": "Ford", "colour": "blue", "motion": "away",
            "plate_image": BASE64_STANDARD.encode(JPEG)})
    };
    let (status, body) = world.post_json("/v1/reads", &read("a1").to_string()).await;
    assert_eq!(
        (status, body["accepted"].as_array().map(Vec::len)),
        (StatusCode::OK, Some(1)),
        "{body}"
    );
    let batch: Vec<_> = (0..1_000).map(|number| read(&format!("A{number}"))).collect();
    let (status, body) = world
        .post_json("/v1/reads", &Value::from(batch).to_string())
        .await;
    assert_eq!(
        (status, body["accepted"].as_array().map(Vec::len)),
        (StatusCode::OK, Some(1_000))
    );
    let (status, body) = world.post_json("/v1/reads", "[]").await;
    assert_eq!((status, body), (StatusCode::OK, json!({"accepted": []})));
    let reads = world.reads().await;
    assert_eq!(reads.len(), 1_001);
    let first = reads.iter().find(|read| read.vrm.as_str() == "A1").unwrap();
    assert_eq!(first.captured_at.to_string(), "2026-07-01T11:00:00Z");
    assert_eq!(first.motion, Some(Motion::Away));
    let (image, kind) = world
        .images
        .get(first.plate_image.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((image.as_ref(), kind), (JPEG, "image/jpeg"));
    world.stop().await;
}

#[tokio::test]
async fn an_image_posted_before_is_named_by_its_hash() {
    let world = World::start().await;
    let (status, body) = answer(world.post("/v1/images", "image/jpeg", JPEG).send().await.unwrap()).await;
    assert_eq!(
        (status, &body["hash"]),
        (StatusCode::OK, &json!(ImageHash::of_image(JPEG)))
    );
    let read = json!({"camera": "C1", "plate": "AB12CDE", "captured_at": "2026-07-01T12:00:00Z",
        "overview_image": body["hash"]});
    let (status, _) = world.post_json("/v1/reads", &read.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        world.reads().await[0].overview_image,
        Some(ImageHash::of_image(JPEG))
    );
    world.stop().await;
}

#[tokio::test]
async fn back_office_captures_are_taken_and_images_that_come_later_find_their_read() {
    let world = World::start().await;
    let line = "sig|user|AB12 CDE|7|3|42|2026-07-19T11:17:19|||||||93.5|true";
    let post = async |operation: &str, body: String| {
        let request = world.post(&format!("/bof/{operation}"), "text/plain", body);
        answer(request.send().await.unwrap()).await
    };
    let (status, compact) = post("sendCompactCapture", line.into()).await;
    assert_eq!(status, StatusCode::OK, "{compact}");
    let (status, compound) = post(
        "sendCompoundCapture",
        format!("{line}\n{}", line.replace("AB12", "XY34")),
    )
    .await;
    assert_eq!(
        (status, compound["accepted"].as_array().map(Vec::len)),
        (StatusCode::OK, Some(2))
    );
    assert_eq!(compound["accepted"][0], compact["accepted"][0]);
    let image = BASE64_STANDARD.encode(JPEG);
    let full = format!("sig|user|AB12CDE|7|3|42|{image}|{image}|2026-07-19T11:17:20");
    let (status, _) = post("sendCapture", full).await;
    assert_eq!(status, StatusCode::OK);
    let reads = world.reads().await;
    assert_eq!(reads.len(), 4);
    assert!(
        reads
            .iter()
            .any(|read| read.overview_image == Some(ImageHash::of_image(JPEG)))
    );
    let (status, later) = post(
        "addBinaryCaptureData",
        format!("sig|user|ab12cde|7|3|42|2026-07-19T11:17:19|P|{image}"),
    )
    .await;
    assert_eq!(
        (status, &later["accepted"]),
        (StatusCode::OK, &compact["accepted"])
    );
    let read = later["accepted"][0].as_str().unwrap().parse().unwrap();
    let links = world.images.links(read).await.unwrap();
    assert_eq!(
        (links.plate, links.overview),
        (Some(ImageHash::of_image(JPEG)), None)
    );
    assert_eq!(world.reads().await.len(), 4, "an image alone is no read");
    world.stop().await;
}

#[tokio::test]
async fn images_of_a_multipart_message_are_kept_and_referenced() {
    let world = World::start().await;
    let xml = "<EventNotificationAlert xmlns='urn:x'><macAddress>d4:e8:53:bc:4c:02</macAddress>\
        <dateTime>2026-07-19T11:17:19Z</dateTime><eventType>ANPR</eventType><isDataRetransmission>true</isDataRetransmission>\
        <ANPR><licensePlate>AB12CDE</licensePlate></ANPR></EventNotificationAlert>";
    let mut body = format!("--B\r\nContent-Type: text/xml\r\n\r\n{xml}\r\n--B\r\n").into_bytes();
    body.extend_from_slice(b"Content-Disposition: form-data; name=\"licensePlatePicture.jpg\"\r\n");
    body.extend_from_slice(b"Content-Type: application/octet-stream\r\n\r\n");
    body.extend_from_slice(JPEG);
    body.extend_from_slice(b"\r\n--B--\r\n");
    let request = world.post(
        "/vendors/hikvision",
        "multipart/form-data; boundary=B",
        Bytes::from(body),
    );
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let read = world.reads().await.remove(0);
    assert!(read.retransmitted);
    assert!(
        world
            .images
            .get(read.plate_image.unwrap())
            .await
            .unwrap()
            .is_some()
    );
    world.stop().await;
}

#[tokio::test]
async fn events_about_no_plate_are_taken_and_are_no_reads() {
    let world = World::start().await;
    let event = "<EventNotificationAlert><eventType>videoloss</eventType></EventNotificationAlert>";
    let (status, body) = answer(
        world
            .post("/vendors/hikvision", "text/xml", event)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, body), (StatusCode::OK, json!({"accepted": []})));
    let (status, _) = world
        .post_json("/vendors/platerecognizer", r#"{"data":{"results":[]}}"#)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(world.reads().await.is_empty() && world.dead_letters().await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_source_may_sign_in_with_basic() {
    let world = World::start().await;
    let read = r#"{"camera":"C1","plate":"AB12CDE","captured_at":"2026-07-01T12:00:00Z"}"#;
    let request = world
        .client
        .post(format!("{}/v1/reads", world.address))
        .basic_auth("any", Some(TOKEN));
    assert_eq!(request.body(read).send().await.unwrap().status(), StatusCode::OK);
    world.stop().await;
}

#[tokio::test]
async fn what_a_camera_sees_in_a_vehicle_is_an_observation_of_its_read() {
    let world = World::start().await;
    let read = |plate: &str, more: Value| {
        let mut read = json!({"camera": "C1", "plate": plate, "captured_at": "2026-11-01T12:00:00Z"});
        read.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        read
    };
    let reads = json!([
        read("AB12CDE", json!({"occupants": 2, "child": "seen"})),
        read("AB13CDE", json!({"occupants": 1})),
        read("AB14CDE", json!({})),
        read("AB15CDE", json!({"occupants": 400})),
    ]);
    let (status, body) = world.post_json("/v1/reads", &reads.to_string()).await;
    assert_eq!(body["accepted"].as_array().unwrap().len(), 3, "{status} {body}");
    let seen = world.observations().await;
    let mut said: Vec<_> = seen.iter().map(|one| (one.vrm.as_str(), one.words())).collect();
    said.sort_unstable();
    let counted = |mark, words: &str| (mark, words.to_owned());
    assert_eq!(
        said,
        [
            counted("AB12CDE", "child seen, 2 in the vehicle"),
            counted("AB13CDE", "child cannot tell, 1 in the vehicle"),
        ]
    );
    let reads = world.reads().await;
    for one in &seen {
        assert!(reads.iter().any(|read| Some(read.read_id) == one.read_id()));
    }
}
