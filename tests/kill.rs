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

#[test]
fn kill_9_while_a_draft_is_authorised_leaves_the_old_list_or_the_new_one_whole() {
    const ROWS: u64 = 20_000;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let four_eyes = [("STEELRING_LISTS__FOUR_EYES".to_owned(), "true".to_owned())];
    let start = || Up::start(&data, &[], &four_eyes);
    let mut up = start();
    let data_flag = ["--data", data.to_str().unwrap()];
    let add = ["user", "add", "second", "--role", "intelligence", "--token"];
    let said = support::run_ok(&[&add, &data_flag[..]].concat(), &[]);
    let token = said.lines().find_map(|line| line.strip_prefix("token ")).unwrap();
    let rows: String = (0..ROWS).map(|row| format!("K{row:05}X,4,seen\n")).collect();
    let file = data.join("list.csv");
    std::fs::write(&file, format!("vrm,grade,reason\n{rows}")).unwrap();
    let load = ["hotlist", "load", "wanted", file.to_str().unwrap()];
    support::run_ok(&[&load, &data_flag[..]].concat(), &[]);
    // How many entries are live, and how many drafts wait.
    let state = |up: &Up| {
        let (_, lists) = Api::new(&up.control_room, token).get("/api/hotlists");
        (
            lists["entries"].as_u64().unwrap(),
            lists["drafts"].as_u64().unwrap(),
        )
    };
    assert_eq!(state(&up), (0, 1));
    up.process.kill();
    up = start();
    for pause_ms in [0, 50, 150, 300, 600, 2_000, 10_000] {
        let (address, second) = (up.control_room.clone(), token.to_owned());
        let authorise = std::thread::spawn(move || {
            let words = ["hotlist", "authorise", "1", "--server", &address];
            support::run(&words, &[("STEELRING_TOKEN", &second)])
                .status
                .success()
        });
        std::thread::sleep(Duration::from_millis(pause_ms));
        up.process.kill();
        let done = authorise.join().unwrap();
        up = start();
        match state(&up) {
            (0, 1) => assert!(!done, "what was answered for is kept"),
            (ROWS, 0) => break,
            other => panic!("{other:?} after {pause_ms} ms is neither the old state nor the new one"),
        }
    }
    assert_eq!(state(&up), (ROWS, 0));
    support::eventually("the list is live", || {
        let status = ["hotlist", "status"];
        let status = support::run(&[&status, &data_flag[..]].concat(), &[]);
        status.status.success().then_some(())
    });
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
