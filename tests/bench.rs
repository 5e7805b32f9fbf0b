//! `steelring bench ring-of-steel` as whoever measures uses it: tiny, and judged by its account alone, since what a loaded
//! machine does to a latency says nothing.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::{eventually, run, steelring};

/// What the contract of the command line names, and every run has.
const KEYS: [&str; 14] = [
    "engine",
    "entries",
    "rate_offered",
    "reads_per_s",
    "reads_accepted",
    "hits_expected",
    "hits_seen",
    "lost",
    "doubled",
    "latency_ms",
    "hop_ms",
    "lag_max",
    "rss_mb",
    "cpu_s_per_million_reads",
];
/// What a backlog adds.
const CEILING_KEYS: [&str; 3] = ["bare_consumer_per_s", "matcher_per_s", "share_of_bare_consumer"];

const BENCH: [&str; 2] = ["bench", "ring-of-steel"];
/// Some hundred hits in ten seconds, most of them in the later ones: wanted vehicles are on the way to their first camera before.
const TINY: [&str; 6] = ["--rate", "500", "--entries", "21000", "--wanted", "1000"];

/// Runs the benchmark and returns its JSON, whatever its verdict on latency.
fn bench(folder: &Path, args: &[&str]) -> Value {
    let json = folder.join("run.json");
    let data = folder.join("data");
    let places = ["--json", json.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let output = run(&[&BENCH[..], &TINY, &places, args].concat(), &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    let text = fs::read(&json).unwrap();
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn assert_complete(report: &Value) {
    for key in KEYS {
        assert!(report.get(key).is_some(), "{key} is missing");
    }
    for key in ["lost", "doubled", "unexpected"] {
        assert_eq!(report[key], 0, "{key}");
    }
    let expected = report["hits_expected"].as_u64().unwrap();
    assert!(expected > 20, "{expected} hits say little");
    assert_eq!(report["hits_seen"], expected);
    assert!(report["latency_ms"]["samples"].as_u64().unwrap() > 20);
    for hop in ["accept", "match", "case", "push"] {
        assert!(report["hop_ms"][hop]["p50"].as_f64().unwrap() > 0.0, "{hop}");
    }
}

#[test]
fn a_run_on_the_embedded_log_loses_and_doubles_nothing_and_its_page_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("run.html");
    let args = [
        "--seconds",
        "10",
        "--backlog",
        "50000",
        "--html",
        html.to_str().unwrap(),
    ];
    let report = bench(folder.path(), &args);
    assert_complete(&report);
    assert_eq!(report["engine"], "embedded");
    for key in CEILING_KEYS {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}");
    }
    let seconds = report["latency_over_time"].as_array().unwrap();
    assert!(seconds.len() > 5, "{seconds:?}");
    let number = |second: &Value, key: &str| second[key].as_f64().unwrap();
    assert!(seconds.is_sorted_by(|a, b| number(a, "t_s") < number(b, "t_s")));
    assert!(
        seconds
            .iter()
            .all(|second| number(second, "p50_ms") <= number(second, "max_ms"))
    );
    let longest = seconds
        .iter()
        .map(|second| number(second, "max_ms"))
        .fold(0.0, f64::max);
    let most = report["latency_ms"]["max"].as_f64().unwrap();
    assert!((longest / most - 1.0).abs() < 0.01, "{longest} of {most}");
    let page = fs::read_to_string(html).unwrap();
    assert_eq!(page.matches("<svg").count(), 5);
    for outside in ["src=", "@import", "<script", "<link", "url("] {
        assert!(!page.contains(outside), "the page asks for {outside}");
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("data")).unwrap().collect();
    assert!(left.is_empty(), "{left:?} is left behind");
}

#[test]
fn on_kafka_and_postgresql_a_matcher_killed_in_the_middle_costs_no_hit() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = xtask::servers::shared_postgres().unwrap();
    let database = postgres.create_fresh("bench").unwrap();
    let args = [
        "--scenario",
        "kill",
        "--seconds",
        "12",
        "--matchers",
        "2",
        "--backlog",
        "50000",
    ];
    let servers = [
        "--kafka",
        xtask::servers::shared_kafka().unwrap(),
        "--database",
        &database,
    ];
    let report = bench(folder.path(), &[&args[..], &servers].concat());
    assert_complete(&report);
    assert_eq!(report["engine"], "kafka");
    assert_eq!(report["database"], "postgresql");
    assert!(report["share_of_bare_consumer"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_way_out() {
    let rows: [(&[&str], &str); 10] = [
        (&["--seconds", "0"], "--seconds"),
        (&["--rate", "0"], "--rate"),
        (&["--rate", "1e9"], "--rate"),
        (&["--wanted", "0"], "--wanted"),
        (&["--entries", "10"], "--entries"),
        (&["--backlog", "10"], "--backlog"),
        (&["--matchers", "2"], "--kafka"),
        (&["--matchers", "5", "--kafka", "127.0.0.1:9"], "partitions"),
        (&["--scenario", "outage"], "--kafka local"),
        (&["--json", "/nowhere/run.json"], "choose another place"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let data = ["--data", folder.path().to_str().unwrap()];
    for (args, way_out) in rows {
        let output = run(&[&BENCH[..], &data, args].concat(), &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(way_out), "{args:?} should say {way_out:?}: {said}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "something is left behind"
    );
}

#[test]
fn a_run_that_is_interrupted_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut command = steelring();
    command
        .args(BENCH)
        .args(TINY)
        .args(["--seconds", "600", "--data", data]);
    let mut bench = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Each process of the run is told of a settings file in the run's folder.
    let processes = || {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let lines = all.filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok());
        lines
            .filter(|line| line.contains(data) && line.contains("bench.toml"))
            .count()
    };
    eventually("the run has started its system", || {
        (processes() > 0).then_some(())
    });
    bench.kill().unwrap();
    bench.wait().unwrap();
    eventually("nothing is left running", || (processes() == 0).then_some(()));
}
