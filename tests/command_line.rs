//! The command line as scripts use it: exit codes, clear refusals, nothing left behind.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::net::TcpListener;
use std::time::Duration;

use stream::kafka::{KafkaLog, KafkaOptions};
use stream::topic::Topic;
use stream::{Log, Start};
use support::{Api, Up, run, run_ok};

/// Runs a command that must fail with `code` and say every one of `words` on stderr.
fn refused(args: &[&str], environment: &[(&str, &str)], code: i32, words: &[&str]) {
    let output = run(args, environment);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{args:?} should say {word:?}: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn bad_settings_are_refused_before_anything_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let file = directory.path().join("steelring.toml");
    std::fs::write(&file, "listne = \"127.0.0.1:1\"\n").unwrap();
    let rows: [(&[&str], &[&str]); 12] = [
        (
            &["up", "--config", file.to_str().unwrap()],
            &["listne", "unknown"],
        ),
        (&["up", "--config", "/nowhere.toml"], &["no file /nowhere.toml"]),
        (&["up", "--listen", "8080"], &["listen", "127.0.0.1:8080"]),
        (&["up", "--kafka", "localhost"], &["kafka", "HOST:PORT"]),
        (&["up", "--database", "mysql://x"], &["database", "postgres://"]),
        (
            &["up", "--otlp-endpoint", "grpc://collector:4317"],
            &["otlp_endpoint", "http://HOST:4318"],
        ),
        (
            &["up", "--otlp-endpoint", "collector"],
            &["otlp_endpoint", "http://HOST:4318"],
        ),
        (&["up", "--otlp-sample", "1.5"], &["otlp_sample", "0 to 1"]),
        (&["up", "--force", "/nowhere"], &["force", "/nowhere"]),
        (&["up", "--simulate", "0"], &["--simulate", "rate"]),
        (&["matcher"], &["--kafka", "steelring up"]),
        (&["hotlist", "list"], &["--data", "--server"]),
    ];
    for (args, words) in rows {
        refused(
            &[args, &["--data", data.to_str().unwrap()]].concat(),
            &[],
            1,
            words,
        );
    }
    assert!(!data.exists(), "nothing was opened");
}

#[test]
fn bad_variables_and_arguments_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let up = ["up", "--data", data.to_str().unwrap()];
    refused(&up, &[("STEELRING_LISTNE", "x")], 1, &["listne"]);
    refused(&up, &[("STEELRING_PARTITIONS", "0")], 1, &["partitions"]);
    refused(&["simulate", "--rate", "0", "--seconds", "1"], &[], 1, &["rate"]);
    refused(
        &["simulate", "--rate", "10", "--seconds", "0"],
        &[],
        1,
        &["--seconds"],
    );
    refused(&["fly"], &[], 2, &["fly"]);
    assert!(!data.exists(), "nothing was opened");
}

#[test]
fn a_port_in_use_names_the_port_and_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    refused(
        &["up", "--data", data, "--listen", &address],
        &[],
        1,
        &[&address, "--listen"],
    );
}

#[test]
fn a_data_directory_belongs_to_one_process_and_not_to_an_older_version() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut up = Up::start(&data, &[], &[]);
    let again = [
        "up",
        "--listen",
        "127.0.0.1:0",
        "--ingest-listen",
        "127.0.0.1:0",
        "--management-listen",
    ];
    let again = [&again[..], &["127.0.0.1:0", "--data", data.to_str().unwrap()]].concat();
    refused(&again, &[], 1, &["in use"]);
    assert!(up.process.stop().0.success());
    std::fs::write(data.join("log").join("FORMAT"), "999\n").unwrap();
    refused(&again, &[], 1, &["999"]);
}

#[test]
fn simulated_reads_are_the_same_bytes_for_the_same_seed() {
    let simulate = |seed: &str| {
        run_ok(
            &["simulate", "--rate", "50", "--seconds", "20", "--seed", seed],
            &[],
        )
    };
    let first = simulate("7");
    assert!(first.lines().count() > 500, "{}", first.lines().count());
    assert_eq!(first, simulate("7"));
    assert_ne!(first, simulate("8"));
}

#[test]
fn simulated_reads_go_into_kafka() {
    let kafka = xtask::servers::shared_kafka().unwrap();
    let prefix = format!("simulate-{}-", std::process::id());
    let simulate = ["simulate", "--rate", "100", "--seconds", "2", "--kafka", kafka];
    run_ok(&simulate, &[("STEELRING_KAFKA_TOPIC_PREFIX", &prefix)]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let reads = runtime.block_on(async {
        let options = KafkaOptions {
            topic_prefix: prefix,
            ..KafkaOptions::new(kafka)
        };
        let log = KafkaLog::connect(options).unwrap();
        let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
        let mut reads = 0;
        while !tail.caught_up() {
            reads += tail.poll(1_000, Duration::from_millis(200)).await.unwrap().len();
        }
        reads
    });
    assert!(
        (100..400).contains(&reads),
        "{reads} reads at 100 a second for 2 s"
    );
}

#[test]
fn a_list_is_checked_loaded_and_withdrawn_from_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut up = Up::start(&data, &[], &[]);
    let data = data.to_str().unwrap();
    let file = directory.path().join("list.csv");
    let path = file.to_str().unwrap();

    std::fs::write(
        &file,
        "vrm,grade,action,reason\nAB12CDE,2,stop,stolen\nUNKNOWN,2,stop,stolen\nAC12CDE,9,stop,x\n",
    )
    .unwrap();
    refused(
        &["hotlist", "check", path],
        &[],
        3,
        &["line 3", "line 4", "grade"],
    );
    refused(
        &["hotlist", "load", "stolen", path, "--data", data],
        &[],
        3,
        &["line 3", "line 4"],
    );
    assert!(
        !run_ok(&["hotlist", "list", "--data", data], &[]).contains("stolen"),
        "all or nothing"
    );
    assert!(
        run_ok(
            &[
                "hotlist",
                "load",
                "stolen",
                path,
                "--accept-good-rows",
                "--data",
                data
            ],
            &[]
        )
        .contains("1 added")
    );
    std::fs::write(
        &file,
        "vrm,grade,action,reason\nAB12CDE,2,stop,stolen\nAD12CDE,3,observe,x\n",
    )
    .unwrap();
    let loaded = run_ok(&["hotlist", "load", "stolen", path, "--data", data], &[]);
    assert!(
        loaded.contains("1 added") && loaded.contains("1 as before"),
        "{loaded}"
    );
    support::eventually("the matcher has applied it", || {
        run(&["hotlist", "status", "--data", data], &[])
            .status
            .success()
            .then_some(())
    });
    assert!(run_ok(&["hotlist", "withdraw", "stolen", "--data", data], &[]).contains("2 removed"));
    assert!(run_ok(&["audit", "verify", "--data", data], &[]).contains("each follows"));
    assert!(up.process.stop().0.success());
}

#[test]
fn an_operation_groups_lists_and_a_list_is_given_to_clients_from_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut up = Up::start(&data, &[], &[]);
    let server = ["--data", data.to_str().unwrap()];
    let ok = |words: &[&str]| run_ok(&[words, &server[..]].concat(), &[]);
    let file = directory.path().join("list.csv");
    std::fs::write(&file, "vrm,grade,action,reason\nAB12CDE,3,observe,no insurance\n").unwrap();
    ok(&["hotlist", "load", "uninsured", file.to_str().unwrap()]);

    let week = |ends: &'static str| {
        [
            "operation",
            "put",
            "insurance-week",
            "--purpose",
            "uninsured vehicles",
            "--starts",
            "2007-11-05T08:00:00Z",
            "--ends",
            ends,
            "--list",
            "uninsured",
            "--why",
            "order 17",
        ]
    };
    let half_past = [&week("2007-11-12T00:30:00Z")[..], &server[..]].concat();
    refused(&half_past, &[], 1, &["hour"]);
    assert!(ok(&week("2007-11-12T00:00:00Z")).contains("version 1"));
    let all = ok(&["operation", "list"]);
    for words in ["insurance-week", "over", "still live: uninsured"] {
        assert!(all.contains(words), "{words}: {all}");
    }
    let shown = ok(&["operation", "show", "insurance-week"]);
    for words in ["uninsured vehicles", "version 1: operation_put", "order 17"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    assert!(!ok(&["hotlist", "list"]).contains("distributed"));
    let policy = ok(&["hotlist", "policy", "uninsured", "--distributed", "on"]);
    assert!(policy.contains("distributed     on"), "{policy}");
    support::eventually("the list is live and given out", || {
        let status = run(&[&["hotlist", "status"], &server[..]].concat(), &[]);
        let said = String::from_utf8_lossy(&status.stdout).into_owned();
        (status.status.success() && said.contains("distributed")).then_some(())
    });
    assert!(up.process.stop().0.success());
}

#[test]
fn a_guessed_mapping_is_printed_kept_as_a_file_and_checks_the_list() {
    let directory = tempfile::tempdir().unwrap();
    let [file, mapping] = ["list.csv", "mapping.toml"].map(|name| directory.path().join(name));
    std::fs::write(&file, "Car;Crime type\nAB12CDE;theft of a van\n").unwrap();
    let check = ["hotlist", "check", file.to_str().unwrap()];
    let guessed = run(&check, &[]);
    assert_eq!(guessed.status.code(), Some(3));
    let said = String::from_utf8_lossy(&guessed.stderr);
    assert!(
        said.contains("its cells look like UK marks") && !said.contains("AB12"),
        "{said}"
    );
    std::fs::write(&mapping, &guessed.stdout).unwrap();
    let with = [&check[..], &["--mapping", mapping.to_str().unwrap()]].concat();
    assert!(run_ok(&with, &[]).contains("1 rows: 1 good, 0 bad"));
    std::fs::write(&mapping, "[columns]\nvrm = 1\ncolur = 2\n").unwrap();
    refused(
        &with,
        &[],
        1,
        &["mapping.toml", "line 3, column 1", "no such field"],
    );
    std::fs::write(
        &file,
        "[{\"vrm\": \"AB12CDE\", \"reason\": \"theft\", \"grade\": {}}]",
    )
    .unwrap();
    refused(&check, &[], 3, &["line 1", "grade", "write a text"]);
}

#[test]
fn a_list_of_two_gigabytes_is_refused_unread_and_bad_rows_are_counted_as_rows() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("list.csv");
    // A hole: it takes no room.
    let two_gigabytes = std::fs::File::create(&file).unwrap();
    two_gigabytes.set_len(2 * 1024 * 1024 * 1024).unwrap();
    let check = ["hotlist", "check", file.to_str().unwrap()];
    refused(&check, &[], 1, &["list.csv", "1280 MiB", "split"]);
    std::fs::write(
        &file,
        "vrm,grade,action,reason\nAB12CDE,9,fly,\nAB12CDF,1,stop,x\n",
    )
    .unwrap();
    let output = run(&check, &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("2 rows: 1 good, 1 bad"),
        "three faults in one row: {said}"
    );
}

#[test]
fn a_dead_letter_is_listed_shown_and_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut up = Up::start(&data, &[], &[]);
    let data = data.to_str().unwrap();
    let api = Api::new(&up.ingest, up.source_token.as_ref().unwrap());
    let read =
        r#"{"camera":"nobody-registered-this","plate":"AB12CDE","captured_at":"2026-11-01T00:00:00Z"}"#;
    let (status, answer) = api.post("/v1/reads", "application/json", read.into());
    assert_eq!(
        (status, answer["error"]["field"].as_str()),
        (422, Some("camera")),
        "{answer}"
    );
    let listed = run_ok(&["dlq", "list", "--data", data], &[]);
    let place = listed.split_whitespace().next().unwrap().to_owned();
    assert!(
        !listed.contains("AB12CDE"),
        "a list of dead letters shows no plate: {listed}"
    );
    assert_eq!(
        run_ok(&["dlq", "show", &place, "--raw", "--data", data], &[]),
        read
    );
    refused(&["dlq", "replay", &place, "--data", data], &[], 1, &["camera"]);
    let pair = format!("nobody-registered-this={}", support::load::camera());
    run_ok(
        &["source", "add", "local", "--camera", &pair, "--data", data],
        &[],
    );
    support::eventually("ingest knows the camera", || {
        run(&["dlq", "replay", &place, "--data", data], &[])
            .status
            .success()
            .then_some(())
    });
    assert!(up.process.stop().0.success());
}

#[test]
fn ctrl_c_stops_a_simulated_ring_within_five_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(&directory.path().join("data"), &["--simulate", "50"], &[]);
    let data = directory.path().join("data");
    let api = Api::of_data_directory(&data);
    support::eventually("a live case", || {
        let (_, cases) = api.get("/api/cases");
        cases["cases"]
            .as_array()
            .filter(|cases| !cases.is_empty())
            .map(drop)
    });
    let (status, took) = up.process.stop();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(6), "took {took:?}");
}
