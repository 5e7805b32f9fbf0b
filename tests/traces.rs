//! One read is one trace, from the camera's post to the operators' browsers, for whoever names a collector; for others
//! there are none.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::time::Duration;

use serde_json::json;
use stream::embedded::{EmbeddedLog, EmbeddedOptions};
use stream::kafka::{KafkaLog, KafkaOptions};
use stream::topic::Topic;
use stream::trace::HEADER_TRACE;
use stream::{Log, Start};
use support::collector::{Collector, Span};
use support::room::{Room, STAGES};
use support::{Up, eventually, free_port, load, load_list};

/// Listed, and not.
const WANTED: &str = "LV07XYZ";
const OTHER: &str = "LV07XYA";
const LIST: &str = "vrm,grade,action,reason\nLV07XYZ,1,stop,stolen\n";
/// What a camera says that traces its own work, and what one says that decided not to.
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const SILENT_CALLER: &str = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
/// A read's way: which step in which stage.
const WAY: [(&str, &str); 4] = [
    ("accept read", "ingest"),
    ("match read", "matcher"),
    ("dispatch hit", "dispatcher"),
    ("push case event", "control-room"),
];

/// Posts one read, captured at a second of its own, and gives its id.
fn post(ingest: &str, token: &str, plate: &str, second: u32, caller: Option<&str>) -> String {
    let captured_at = format!("2026-11-01T00:00:{second:02}Z");
    let read = json!({"camera": load::camera(), "plate": plate, "captured_at": captured_at});
    let mut request = reqwest::blocking::Client::new()
        .post(format!("{ingest}/v1/reads"))
        .bearer_auth(token)
        .json(&read);
    if let Some(caller) = caller {
        request = request.header("traceparent", caller);
    }
    let answer = request.send().unwrap().error_for_status().unwrap();
    let answer: serde_json::Value = answer.json().unwrap();
    answer["accepted"][0].as_str().unwrap().to_owned()
}

/// The spans of a trace, in the order of the way that they went.
fn way(spans: &[Span], trace: &str) -> Vec<Span> {
    let of_step = |(name, _): &(&str, &str)| {
        let mut found = spans
            .iter()
            .filter(|span| span.trace == trace && span.name == *name);
        let span = found.next().cloned();
        assert!(found.next().is_none(), "{name} once: {spans:#?}");
        span
    };
    WAY.iter().filter_map(of_step).collect()
}

/// Posts four reads, two of which are of a listed vehicle and traced, and gives the ids of those.
fn post_all(ingest: &str, token: &str) -> [String; 2] {
    let wanted = post(ingest, token, WANTED, 1, None);
    let called = post(ingest, token, WANTED, 2, Some(CALLER));
    post(ingest, token, OTHER, 3, None);
    post(ingest, token, WANTED, 4, Some(SILENT_CALLER));
    [wanted, called]
}

/// Checks what became of [`post_all`], once every process has stopped.
fn check(collector: &Collector, [wanted, called]: &[String; 2], service: impl Fn(&str) -> String) {
    let spans = collector.spans();
    assert_eq!(spans.len(), 2 * WAY.len() + 1, "{spans:#?}");
    let caller: Vec<&str> = CALLER.split('-').collect();
    for (read, trace, first_parent) in [(wanted, wanted.as_str(), ""), (called, caller[1], caller[2])] {
        let way = way(&spans, trace);
        assert_eq!(way.len(), WAY.len(), "{way:#?}");
        let hit = &way[1].attributes["hit_id"];
        let mut parent = first_parent;
        for (span, (name, stage)) in way.iter().zip(WAY) {
            assert_eq!(span.parent, parent, "{name} follows the step before");
            assert_eq!(span.service, service(stage));
            if name != "push case event" {
                assert_eq!(&span.attributes["read_id"], read, "{name}");
            }
            if name != "accept read" {
                assert_eq!(&span.attributes["hit_id"], hit, "{name}");
            }
            parent = &span.id;
        }
    }
    let alone = spans
        .iter()
        .find(|span| ![wanted.as_str(), caller[1]].contains(&span.trace.as_str()));
    assert_eq!(
        alone.unwrap().name,
        "accept read",
        "a read that matches nothing ends there"
    );
    for plate in [WANTED, OTHER] {
        assert!(!collector.holds(plate), "a span tells a plate");
    }
    assert!(
        collector.holds(wanted),
        "ids are told as text, as a plate would be"
    );
}

fn pushed(collector: &Collector) {
    eventually("two events are pushed", || {
        let spans = collector.spans();
        let pushed = spans.iter().filter(|span| span.name == "push case event").count();
        (pushed == 2).then_some(())
    });
}

#[test]
fn one_read_is_one_trace_in_one_process() {
    let collector = Collector::start();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let traced = ["--otlp-endpoint", &collector.address, "--otlp-sample", "1"];
    let mut up = Up::start(&data, &traced, &[]);
    load_list(&data, LIST, &[]);
    let reads = post_all(&up.ingest, up.source_token.as_ref().unwrap());
    pushed(&collector);
    assert!(up.process.stop().0.success());
    check(&collector, &reads, |_| "steelring".to_owned());
}

#[test]
fn one_read_is_one_trace_through_kafka_and_four_processes() {
    let kafka = xtask::servers::shared_kafka().unwrap();
    let database = xtask::servers::shared_postgres()
        .unwrap()
        .create_fresh("traces")
        .unwrap();
    let prefix = format!("traces-{}.", std::process::id());
    let collector = Collector::start();
    let room = Room::open(
        kafka,
        &database,
        &[
            ("KAFKA_TOPIC_PREFIX", &prefix),
            ("OTLP_ENDPOINT", &collector.address),
            ("OTLP_SAMPLE", "1"),
        ],
    );
    load_list(room.data.path(), LIST, &room.plain());
    let reads = post_all(&room.ingest, &room.token);
    pushed(&collector);
    room.stop();
    check(&collector, &reads, |stage| {
        assert!(STAGES.contains(&stage));
        format!("steelring-{stage}")
    });
    let options = KafkaOptions {
        topic_prefix: prefix,
        ..KafkaOptions::new(kafka)
    };
    let log = KafkaLog::connect(options).unwrap();
    // Three reads of four are traced; the two hits of traced reads of three; the events of those.
    assert_eq!(carried(&log, Topic::Reads, 4), 3);
    assert_eq!(carried(&log, Topic::Hits, 3), 2);
    assert_eq!(carried(&log, Topic::CaseEvents, 3), 2);
}

/// How many of the `expected` records of a topic, or of more, carry a trace.
fn carried(log: &dyn Log, topic: Topic, expected: usize) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut tail = log.tail(topic, Start::Beginning).await.unwrap();
        let mut records = Vec::new();
        while records.len() < expected || !tail.caught_up() {
            records.extend(tail.poll(100, Duration::from_secs(1)).await.unwrap());
        }
        let carries = records
            .iter()
            .filter(|record| record.header(HEADER_TRACE).is_some());
        carries.count()
    })
}

#[test]
fn without_a_collector_no_record_carries_a_trace() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut up = Up::start(&data, &[], &[]);
    load_list(&data, LIST, &[]);
    post(
        &up.ingest,
        up.source_token.as_ref().unwrap(),
        WANTED,
        1,
        Some(CALLER),
    );
    let database = format!("sqlite:{}", data.join("steelring.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(store::Store::open(&database)).unwrap();
    let events = eventually("its event is relayed", || {
        let relayed = runtime.block_on(store.relayed()).unwrap();
        (relayed > 0).then(|| runtime.block_on(store.events_after(0, 10)).unwrap())
    });
    assert!(events.iter().all(|event| event.trace.is_none()));
    assert!(up.process.stop().0.success());
    let log = EmbeddedLog::open(&data.join("log"), EmbeddedOptions::default()).unwrap();
    for topic in [Topic::Reads, Topic::Hits, Topic::CaseEvents] {
        assert_eq!(carried(&log, topic, 1), 0, "{topic}");
    }
}

#[test]
fn a_collector_that_is_away_stops_nothing_and_is_missed_once() {
    const MISSED: &str = "the collector takes no spans";
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let mut up = Up::start(&data, &["--otlp-endpoint", &nobody, "--otlp-sample", "1"], &[]);
    load_list(&data, LIST, &[]);
    let token = up.source_token.clone().unwrap();
    post(&up.ingest, &token, WANTED, 1, None);
    up.process.after(MISSED);
    let missed = post(&up.ingest, &token, WANTED, 2, None);
    let database = format!("sqlite:{}", data.join("steelring.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(store::Store::open(&database)).unwrap();
    eventually("the read is a hit", || {
        let hits = runtime.block_on(store.hits(None, None, 10)).unwrap();
        hits.iter()
            .any(|hit| hit.read.read_id.to_string() == missed)
            .then_some(())
    });
    let (status, took) = up.process.stop();
    assert!(status.success(), "{status}");
    assert!(
        took < Duration::from_secs(6),
        "Ctrl-C drains within 5 s, this took {took:?}"
    );
    assert_eq!(up.process.said().matches(MISSED).count(), 1);
}
