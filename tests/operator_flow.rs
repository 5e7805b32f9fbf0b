//! The main job, whole: a camera posts a listed plate, and an operator in a browser confirms it, sends a unit and closes
//! the case. Real Kafka, real PostgreSQL, real Chromium.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::force::Camera;
use domain::unit::{UnitPosition, UnitState};
use domain::{CallSign, Position, Timestamp};
use stream::kafka::{KafkaLog, KafkaOptions};
use stream::topic::Topic;
use stream::{Log, wire};
use support::{Api, Up, run, run_ok};
use xtask::servers::{shared_kafka, shared_postgres};

/// The plate on the Hikvision sample.
const SAMPLE_VRM: &str = "PECT600";
/// What the sample calls its camera.
const SAMPLE_CAMERA: &str = "d4:e8:53:bc:4c:02";

fn camera() -> Camera {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/merseyside/cameras.json");
    let cameras: Vec<Camera> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    cameras.into_iter().next().unwrap()
}

/// Six units near the camera, as an AVL feed would publish them.
fn units(camera: &Camera) -> Vec<UnitPosition> {
    let unit = |number: u8| UnitPosition {
        callsign: CallSign::parse(&format!("T{number:02}")).unwrap(),
        bcu: camera.bcu.clone(),
        position: Position::new(
            camera.position.lat() + f64::from(number) * 0.003,
            camera.position.lon(),
        )
        .unwrap(),
        heading: 90.0,
        speed_kmh: 40.0,
        state: UnitState::Available,
        deployment: None,
        crew: 2,
        skills: Vec::new(),
        at: Timestamp::now(),
    };
    (1..=6).map(unit).collect()
}

/// A small but real image, as a camera would attach it.
fn image() -> Vec<u8> {
    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(PNG).unwrap()
}

/// The sample as the camera posts it: XML and two pictures in one multipart body.
fn multipart(xml: &[u8]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "boundary-of-the-test";
    let mut body = Vec::new();
    let mut part = |name: &str, file: &str, kind: &str, bytes: &[u8]| {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
             Content-Type: {kind}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    };
    part("anpr.xml", "anpr.xml", "text/xml", xml);
    part(
        "licensePlatePicture.jpg",
        "licensePlatePicture.jpg",
        "image/jpeg",
        &image(),
    );
    part(
        "detectionPicture.jpg",
        "detectionPicture.jpg",
        "image/jpeg",
        &image(),
    );
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

#[test]
fn a_posted_sample_is_confirmed_deployed_and_closed_in_a_browser() {
    let Some(sample) = xtask::shared_file("payloads/hikvision_isapi_anpr_parkpow.xml") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let room = Room::open(&directory.path().join("data"));
    room.list_the_sample();

    let on_duty = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| keep_units_fresh(&room.topic_prefix, &on_duty));
        let (kind, body) = multipart(&std::fs::read(&sample).unwrap());
        let (status, answer) = Api::new(&room.up.ingest, &room.token).post("/vendors/hikvision", &kind, body);
        let browser = (status == 200).then(|| browse(&room.up));
        on_duty.store(false, Ordering::Relaxed);
        assert_eq!(status, 200, "{answer}");
        assert!(
            browser.is_some_and(|end| end.success()),
            "the operator's browser failed; its output is above"
        );
    });

    let (_, audit) = Api::of_data_directory(&room.data).get("/api/audit?limit=200");
    let rows = audit["rows"].as_array().unwrap();
    for action in ["sign_in", "view_case", "confirmed", "deployed", "closed"] {
        assert!(
            rows.iter().any(|row| row["action"] == action),
            "the audit trail shows {action}"
        );
    }
    assert!(
        !audit.to_string().contains(SAMPLE_VRM),
        "no plate in the audit trail"
    );
    assert!(
        !room.up.process.said().contains(SAMPLE_VRM),
        "no plate in the logs"
    );
}

/// Everything in one process, on Kafka and PostgreSQL, with a source for the sample's camera.
struct Room {
    up: Up,
    data: PathBuf,
    topic_prefix: String,
    token: String,
}

impl Room {
    fn open(data: &Path) -> Self {
        let kafka = shared_kafka().unwrap();
        let database = shared_postgres().unwrap().create_fresh("operator_flow").unwrap();
        let topic_prefix = format!("operator-flow-{}-", std::process::id());
        let environment = [("STEELRING_KAFKA_TOPIC_PREFIX".to_owned(), topic_prefix.clone())];
        let servers = ["--kafka", kafka, "--database", &database];
        let pair = format!("{SAMPLE_CAMERA}={}", camera().camera);
        let add = [
            "source",
            "add",
            "hikvision",
            "--camera",
            &pair,
            "--data",
            data.to_str().unwrap(),
        ];
        let token = run_ok(&[&add, &servers[..]].concat(), &[]).trim().to_owned();
        Self {
            up: Up::start(data, &servers, &environment),
            data: data.to_owned(),
            topic_prefix,
            token,
        }
    }

    /// Loads a list with the sample's plate and waits until it is live.
    fn list_the_sample(&self) {
        let file = self.data.join("wanted.csv");
        let row = format!("vrm,grade,action,reason,colour\n{SAMPLE_VRM},1,stop,wanted for robbery,white\n");
        std::fs::write(&file, row).unwrap();
        let data = self.data.to_str().unwrap();
        run_ok(
            &[
                "hotlist",
                "load",
                "wanted",
                file.to_str().unwrap(),
                "--data",
                data,
            ],
            &[],
        );
        support::eventually("the list is live", || {
            run(&["hotlist", "status", "--data", data], &[])
                .status
                .success()
                .then_some(())
        });
    }
}

/// Publishes the units' positions every few seconds, as a feed does.
fn keep_units_fresh(prefix: &str, on_duty: &AtomicBool) {
    let (kafka, camera) = (shared_kafka().unwrap(), camera());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = KafkaOptions {
            topic_prefix: prefix.to_owned(),
            ..KafkaOptions::new(kafka)
        };
        let log = KafkaLog::connect(options).unwrap();
        while on_duty.load(Ordering::Relaxed) {
            let records = units(&camera)
                .iter()
                .map(|unit| wire::position_record(unit).unwrap())
                .collect();
            log.publish(Topic::UnitPositions, records).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

fn browse(up: &Up) -> std::process::ExitStatus {
    let node = xtask::page::node().unwrap();
    let ui = concat!(env!("CARGO_MANIFEST_DIR"), "/control-room/ui");
    Command::new(node.program())
        .arg("e2e/operator.mjs")
        .current_dir(ui)
        .env("STEELRING_URL", &up.control_room)
        .env("STEELRING_USER", "admin")
        .env("STEELRING_PASSWORD", up.password.as_ref().unwrap())
        .env("STEELRING_VRM", SAMPLE_VRM)
        .env("CHROMIUM", xtask::page::chromium().unwrap())
        .status()
        .unwrap()
}
