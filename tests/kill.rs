//! kill -9 in the middle of 20,000 posted reads of which 200 match, and servers that go away under load: every accepted
//! matching read has exactly one hit.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::time::Duration;

use support::load::{self, Load, READS};
use support::room::{Room, STAGES};
use support::{Api, Up, free_port};
use xtask::servers::{Kafka, Postgres};

#[test]
fn the_single_process_loses_and_doubles_nothing_through_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let ingest = format!("127.0.0.1:{}", free_port());
    let start = || Up::start(&data, &["--ingest-listen", &ingest], &[]);
    let mut up = start();
    support::load_list(&data, &load::hotlist(), &[]);
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

fn loaded_room(kafka: &Kafka, postgres: &Postgres) -> Room {
    let database = postgres.create_database("room").unwrap();
    let room = Room::open(kafka.brokers(), &database, &[]);
    support::load_list(room.data.path(), &load::hotlist(), &room.plain());
    room
}

#[test]
fn each_stage_on_kafka_loses_and_doubles_nothing_through_kill_9() {
    let (kafka, postgres) = (Kafka::start().unwrap(), Postgres::start().unwrap());
    let mut room = loaded_room(&kafka, &postgres);
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
    let room = loaded_room(&kafka, &postgres);
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
