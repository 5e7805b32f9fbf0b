//! A room with browsers: everything in one process on real servers, units on the road, and scripts of the page to run against it.

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
use xtask::servers::{shared_kafka, shared_postgres};

use super::{Up, eventually, run, run_ok};

/// What the sample calls its camera.
pub const SAMPLE_CAMERA: &str = "d4:e8:53:bc:4c:02";

/// The built-in force's cameras.
pub fn cameras() -> Vec<Camera> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/merseyside/cameras.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The camera that the sample is from.
pub fn camera() -> Camera {
    cameras().remove(0)
}

/// Six units near the camera, as an AVL feed would publish them.
pub fn units(camera: &Camera) -> Vec<UnitPosition> {
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

/// Everything in one process, on Kafka and PostgreSQL, with a source for the sample's camera.
pub struct Room {
    pub up: Up,
    pub data: PathBuf,
    pub topic_prefix: String,
    pub database: String,
    pub token: String,
}

impl Room {
    /// Starts it, under names of its own.
    pub fn open(name: &str, data: &Path) -> Self {
        let kafka = shared_kafka().unwrap();
        let database = shared_postgres().unwrap().create_fresh(name).unwrap();
        let topic_prefix = format!("{name}-{}-", std::process::id());
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
            database: database.clone(),
            token,
        }
    }

    /// Adds a user; password and token.
    pub fn user(&self, name: &str, role: &str) -> (String, String) {
        let data = self.data.to_str().unwrap();
        let add = [
            "user",
            "add",
            name,
            "--role",
            role,
            "--token",
            "--data",
            data,
            "--database",
            &self.database,
        ];
        let said = run_ok(&add, &[]);
        let secret = |what: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(what));
            line.unwrap().trim().to_owned()
        };
        (secret("password"), secret("token"))
    }

    /// Loads a list and waits until it is live.
    pub fn list(&self, rows: &str) {
        let file = self.data.join("wanted.csv");
        std::fs::write(&file, rows).unwrap();
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
        eventually("the list is live", || {
            run(&["hotlist", "status", "--data", data], &[])
                .status
                .success()
                .then_some(())
        });
    }
}

/// Publishes the units' positions every few seconds, as a feed does.
pub fn keep_units_fresh(prefix: &str, on_duty: &AtomicBool) {
    let camera = camera();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = log(prefix);
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

/// The log of a room.
pub fn log(prefix: &str) -> KafkaLog {
    let options = KafkaOptions {
        topic_prefix: prefix.to_owned(),
        ..KafkaOptions::new(shared_kafka().unwrap())
    };
    KafkaLog::connect(options).unwrap()
}

/// Runs one of the page's scripts in a browser, as the room's first user.
pub fn browse(up: &Up, script: &str, settings: &[(&str, &str)]) -> std::process::ExitStatus {
    let node = xtask::page::node().unwrap();
    let ui = concat!(env!("CARGO_MANIFEST_DIR"), "/control-room/ui");
    Command::new(node.program())
        .arg(format!("e2e/{script}.mjs"))
        .current_dir(ui)
        .env("STEELRING_URL", &up.control_room)
        .env("STEELRING_USER", "admin")
        .env("STEELRING_PASSWORD", up.password.as_ref().unwrap())
        .envs(settings.iter().copied())
        .env("CHROMIUM", xtask::page::chromium().unwrap())
        .status()
        .unwrap()
}
