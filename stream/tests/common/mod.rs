//! Logs to test, and the ways in which every test reads them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(dead_code)] // each test binary uses a part

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use stream::embedded::{EmbeddedLog, EmbeddedOptions};
use stream::kafka::{KafkaLog, KafkaOptions};
use stream::topic::Topic;
use stream::{Consumer, Delivered, Log, Record, Tail};
use tempfile::TempDir;

/// How long a test waits for what must come: Kafka's groups take seconds to settle on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing must come for a test to believe that nothing does.
pub const SILENCE: Duration = Duration::from_millis(300);

/// A new log of its own, with its topics.
pub struct Fresh {
    pub log: Box<dyn Log>,
    _directory: Option<TempDir>,
}

pub fn on_disk() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path(), EmbeddedOptions::default()).unwrap();
    Fresh {
        log: Box::new(log),
        _directory: Some(directory),
    }
}

pub fn in_memory() -> Fresh {
    Fresh {
        log: Box::new(EmbeddedLog::in_memory()),
        _directory: None,
    }
}

pub async fn on_kafka() -> Fresh {
    let brokers = tokio::task::spawn_blocking(xtask::servers::shared_kafka);
    let brokers = brokers.await.unwrap().expect("Kafka is there");
    let log = KafkaLog::connect(kafka_options(brokers)).unwrap();
    log.create_topics().await.unwrap();
    Fresh {
        log: Box::new(log),
        _directory: None,
    }
}

/// Options under which nothing is shared with other tests, runs or processes.
pub fn kafka_options(brokers: &str) -> KafkaOptions {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    KafkaOptions {
        topic_prefix: format!("test-{}-{}-{count}.", since.as_millis(), std::process::id()),
        ..KafkaOptions::new(brokers)
    }
}

pub fn record(key: &str, value: impl Into<String>) -> Record {
    Record {
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from(value.into())),
        timestamp_ms: 1_195_000_000_000,
        headers: vec![],
    }
}

pub fn tombstone(key: &str) -> Record {
    Record {
        value: None,
        ..record(key, "")
    }
}

/// Key and value, as text; a tombstone's value is `-`.
pub fn text(record: &Delivered) -> (String, String) {
    let text = |bytes: &Option<Bytes>| {
        let bytes = bytes.as_ref();
        bytes.map_or("-".into(), |bytes| String::from_utf8(bytes.to_vec()).unwrap())
    };
    (text(&record.key), text(&record.value))
}

pub fn texts(records: &[Delivered]) -> Vec<(String, String)> {
    records.iter().map(text).collect()
}

/// Polls until `count` records came.
pub async fn consume(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivered> {
    let begun = Instant::now();
    let mut records = Vec::new();
    while records.len() < count {
        let came = begun.elapsed() < PATIENCE;
        assert!(came, "{} of {count} records after {PATIENCE:?}", records.len());
        records.extend(consumer.poll(500, Duration::from_millis(200)).await.unwrap());
    }
    records
}

/// Polls a consumer that should have nothing.
pub async fn nothing(consumer: &mut dyn Consumer) {
    let records = consumer.poll(500, SILENCE).await.unwrap();
    assert_eq!(texts(&records), [], "nothing should come");
}

/// Polls until `count` records came.
pub async fn follow(tail: &mut dyn Tail, count: usize) -> Vec<Delivered> {
    let begun = Instant::now();
    let mut records = Vec::new();
    while records.len() < count {
        let came = begun.elapsed() < PATIENCE;
        assert!(came, "{} of {count} records after {PATIENCE:?}", records.len());
        records.extend(tail.poll(500, Duration::from_millis(200)).await.unwrap());
    }
    records
}

/// Polls until the tail says that it has caught up.
pub async fn catch_up(tail: &mut dyn Tail) -> Vec<Delivered> {
    let begun = Instant::now();
    let mut records = Vec::new();
    while !tail.caught_up() {
        let came = begun.elapsed() < PATIENCE;
        assert!(
            came,
            "not caught up after {PATIENCE:?}, with {} records",
            records.len()
        );
        records.extend(tail.poll(500, Duration::from_millis(200)).await.unwrap());
    }
    records
}

/// Offsets grow within each partition, by one where nothing was removed.
pub fn assert_in_order(records: &[Delivered], topic: Topic) {
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    for record in records {
        assert_eq!(record.place.topic, topic);
        if let Some(before) = last.insert(record.place.partition, record.place.offset) {
            assert_eq!(
                record.place.offset,
                before + 1,
                "partition {}",
                record.place.partition
            );
        }
    }
}
