//! kill -9 in the middle of 20,000 posted reads of which 200 match, and servers that go away under load: every accepted
//! matching read has exactly one hit.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::path::Path;
use std::time::Duration;

use support::load::{self, Load, READS};
use support::{Api, Process, Up, free_port, run_ok};
use xtask::servers::{Kafka, Postgres};

fn load_hotlist(data: &Path, environment: &[(&str, &str)]) {
    let file = data.join("load.csv");
    std::fs::write(&file, load::hotlist()).unwrap();
    let data = data.to_str().unwrap();
    run_ok(
        &[
            "hotlist",
            "load",
            "stolen",
            file.to_str().unwrap(),
            "--data",
            data,
        ],
        environment,
    );
    support::eventually("the list is on every matcher", || {
        support::run(&["hotlist", "status", "--data", data], environment)
            .status
            .success()
            .then_some(())
    });
}

#[test]
fn the_single_process_loses_and_doubles_nothing_through_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let ingest = format!("127.0.0.1:{}", free_port());
    let start = || Up::start(&data, &["--ingest-listen", &ingest], &[]);
    let mut up = start();
    load_hotlist(&data, &[]);
    let load = Load::start(&up.ingest, up.source_token.as_ref().unwrap());
    for part in 1..4 {
        load.wait_for(READS * part / 4);
        up.process.kill();
        up = start();
    }
    load.finish();
    load::check_hits(&format!("sqlite:{}", data.join("steelring.db").display()));
    let (status, took) = up.process.stop();
    assert!(status.success(), "Ctrl-C ends it cleanly: {status}");
    assert!(
        took < Duration::from_secs(6),
        "Ctrl-C drains within 5 s, this took {took:?}"
    );
}

/// Every stage as a process of its own, on real servers.
struct Room {
    data: tempfile::TempDir,
    environment: Vec<(String, String)>,
    stages: Vec<(&'static str, Process)>,
    ingest: String,
    token: String,
    database: String,
}

const STAGES: [&str; 4] = ["ingest", "matcher", "dispatcher", "control-room"];

impl Room {
    fn open(kafka: &Kafka, postgres: &Postgres) -> Self {
        let data = tempfile::tempdir().unwrap();
        let database = postgres.create_database("room").unwrap();
        let (ingest, control_room) = (free_port(), free_port());
        let setting = |name: &str, value: String| (format!("STEELRING_{name}"), value);
        let environment = vec![
            setting("KAFKA", kafka.brokers().to_owned()),
            setting("DATABASE", database.clone()),
            setting("DATA", data.path().display().to_string()),
            setting("INGEST_LISTEN", format!("127.0.0.1:{ingest}")),
            setting("LISTEN", format!("127.0.0.1:{control_room}")),
            setting("MANAGEMENT_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let mut room = Self {
            data,
            environment,
            stages: Vec::new(),
            ingest: format!("http://127.0.0.1:{ingest}"),
            token: String::new(),
            database,
        };
        let token = run_ok(&["source", "add", "test"], &room.plain());
        room.token = token.trim().to_owned();
        let secrets = run_ok(
            &["user", "add", "intel", "--role", "intelligence", "--token"],
            &room.plain(),
        );
        let token = secrets.split_once("token ").unwrap().1.trim();
        let address = format!("http://127.0.0.1:{control_room}");
        let access = serde_json::json!({"control_room": address, "ingest": room.ingest, "token": token});
        std::fs::write(room.data.path().join("local-access.json"), access.to_string()).unwrap();
        for stage in STAGES {
            room.start(stage);
        }
        support::eventually("the control room answers", || {
            reqwest::blocking::get(format!("{address}/readyz"))
                .ok()
                .filter(|r| r.status().is_success())
                .map(drop)
        });
        load_hotlist(room.data.path(), &room.plain());
        room
    }

    fn plain(&self) -> Vec<(&str, &str)> {
        self.environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    fn start(&mut self, stage: &'static str) {
        self.stages.push((
            stage,
            Process::start(stage, &[stage.to_owned()], &self.environment),
        ));
    }

    fn kill_and_restart(&mut self, stage: &'static str) {
        let index = self.stages.iter().position(|(name, _)| *name == stage).unwrap();
        self.stages.swap_remove(index).1.kill();
        self.start(stage);
    }
}

#[test]
fn each_stage_on_kafka_loses_and_doubles_nothing_through_kill_9() {
    let (kafka, postgres) = (Kafka::start().unwrap(), Postgres::start().unwrap());
    let mut room = Room::open(&kafka, &postgres);
    let load = Load::start(&room.ingest, &room.token);
    for (part, stage) in STAGES.into_iter().enumerate() {
        load.wait_for(READS * (part + 1) / 6);
        room.kill_and_restart(stage);
    }
    load.finish();
    load::check_hits(&room.database);
}

#[test]
fn kafka_and_postgresql_may_stop_and_start_again_under_load() {
    let (mut kafka, mut postgres) = (Kafka::start().unwrap(), Postgres::start().unwrap());
    let room = Room::open(&kafka, &postgres);
    let load = Load::start(&room.ingest, &room.token);
    load.wait_for(READS / 4);
    kafka.stop().unwrap();
    let api = Api::new(&room.ingest, &room.token);
    let read = serde_json::json!({"camera": load::camera(), "plate": "N00001X", "captured_at": "2026-11-01T00:00:00Z"});
    let refused = support::eventually("ingest says that it cannot keep a read", || {
        api.try_post("/v1/reads", "application/json", read.to_string().into_bytes())
            .filter(|(code, _)| *code == 503)
    });
    assert_eq!(refused.0, 503);
    kafka.restart().unwrap();
    load.wait_for(READS / 2);
    postgres.stop().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    postgres.restart().unwrap();
    load.finish();
    load::check_hits(&room.database);
}
