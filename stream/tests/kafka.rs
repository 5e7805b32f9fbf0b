//! What the Kafka engine alone owes: living through outages, and topics with gaps.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::{PATIENCE, catch_up, kafka_options, record, texts, tombstone};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stream::kafka::{KafkaLog, KafkaOptions};
use stream::topic::Topic;
use stream::{Consumer, Log, LogError, Record, Start};
use xtask::servers::{Kafka, shared_kafka};

/// A port on which nobody listens.
const NOBODY: &str = "127.0.0.1:1";

async fn shared() -> KafkaOptions {
    let brokers = tokio::task::spawn_blocking(shared_kafka).await.unwrap();
    kafka_options(brokers.expect("Kafka is there"))
}

async fn connected(options: KafkaOptions) -> KafkaLog {
    let log = KafkaLog::connect(options).unwrap();
    log.create_topics().await.unwrap();
    log
}

/// Publishes numbers under a key until told to stop, each until it is acknowledged; how many were.
async fn publish_numbers(log: &dyn Log, key: &str, stop: &AtomicBool, failures: &AtomicU32) -> u32 {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let records = (number..number + 10).map(|number| record(key, number.to_string()));
        match log.publish(Topic::Reads, records.collect()).await {
            Ok(()) => number += 10,
            Err(LogError::Unavailable(_)) => {
                failures.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => panic!("an outage passes: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    number
}

/// Consumes until every key has its numbers; a member that started before an outage goes on through it.
async fn consume_numbers(
    consumer: &mut dyn Consumer,
    wanted: &tokio::sync::watch::Receiver<Option<[u32; 3]>>,
) {
    let mut seen: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let mut ended = None;
    loop {
        for (key, number) in texts(&consumer.poll(500, Duration::from_millis(100)).await.unwrap()) {
            seen.entry(key).or_default().insert(number.parse().unwrap());
        }
        // Refused while the broker is away, and then covered by the next.
        let committed = consumer.commit().await;
        assert!(
            matches!(committed, Ok(()) | Err(LogError::Unavailable(_))),
            "{committed:?}"
        );
        let Some(wanted) = *wanted.borrow() else { continue };
        let missing = |(task, wanted): (usize, &u32)| {
            let seen = seen.get(&format!("T{task}"));
            (0..*wanted).any(|number| !seen.is_some_and(|seen| seen.contains(&number)))
        };
        if !wanted.iter().enumerate().any(missing) {
            return;
        }
        let since = *ended.get_or_insert_with(Instant::now);
        let seen: Vec<_> = seen.iter().map(|(key, seen)| (key, seen.len())).collect();
        assert!(
            since.elapsed() < PATIENCE,
            "of {wanted:?} acknowledged only {seen:?} came"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_broker_loses_nothing_and_everybody_goes_on_unaided() {
    let mut kafka = tokio::task::spawn_blocking(Kafka::start).await.unwrap().unwrap();
    let log = &connected(KafkaOptions {
        delivery_timeout: Duration::from_secs(3),
        ..kafka_options(kafka.brokers())
    })
    .await;
    let mut consumer = log.subscribe("through", &[Topic::Reads]).await.unwrap();
    let (stop, failures) = (AtomicBool::new(false), AtomicU32::new(0));
    let (wanted, watched) = tokio::sync::watch::channel(None);
    let outages = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Once politely, once not.
        for polite in [true, false] {
            kafka = tokio::task::spawn_blocking(move || {
                if polite { kafka.stop() } else { kafka.kill() }.unwrap();
                std::thread::sleep(Duration::from_secs(5));
                kafka.restart().unwrap();
                kafka
            })
            .await
            .unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        stop.store(true, Ordering::Relaxed);
        kafka
    };
    let publish = async {
        let tasks = ["T0", "T1", "T2"].map(|key| publish_numbers(log, key, &stop, &failures));
        let published = futures::future::join_all(tasks).await;
        wanted.send(Some(published.try_into().unwrap())).unwrap();
    };
    let (_kafka, (), ()) = tokio::join!(outages, publish, consume_numbers(&mut *consumer, &watched));
    assert!(
        failures.load(Ordering::Relaxed) > 0,
        "publishing was refused while the broker was away"
    );
    assert!(
        watched
            .borrow()
            .is_some_and(|published| published.iter().all(|count| *count > 0))
    );
    log.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_is_said_to_be_and_nothing_hangs() {
    let log = KafkaLog::connect(KafkaOptions {
        delivery_timeout: Duration::from_secs(1),
        ..KafkaOptions::new(NOBODY)
    })
    .unwrap();
    let begun = Instant::now();
    let away =
        |result: Result<(), LogError>| assert!(matches!(result, Err(LogError::Unavailable(_))), "{result:?}");
    away(log.publish(Topic::Reads, vec![record("K", "x")]).await);
    away(log.check().await);
    away(log.create_topics().await);
    away(log.tail(Topic::Reads, Start::End).await.map(drop));
    let mut consumer = log.subscribe("group", &[Topic::Reads]).await.unwrap();
    assert_eq!(consumer.poll(10, Duration::from_millis(200)).await.unwrap(), []);
    assert_eq!(consumer.lag().await, Some(0), "nothing is assigned");
    consumer.commit().await.unwrap();
    drop(consumer);
    log.close().await.unwrap();
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn checking_often_asks_the_cluster_rarely() {
    let log = KafkaLog::connect(KafkaOptions::new(NOBODY)).unwrap();
    let begun = Instant::now();
    assert!(log.check().await.is_err());
    let once = begun.elapsed();
    let begun = Instant::now();
    let checks = futures::future::join_all((0..1000).map(|_| log.check())).await;
    assert!(checks.iter().all(Result::is_err));
    assert!(begun.elapsed() < once * 3, "a thousand questions are a few");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_named_by_the_check() {
    let log = KafkaLog::connect(shared().await).unwrap();
    let missing = log.check().await;
    assert!(
        matches!(&missing, Err(LogError::Unavailable(why)) if why.contains("plate.reads.v1 is missing")),
        "{missing:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_the_cluster_refuses_is_an_error_that_names_it() {
    let log = KafkaLog::connect(KafkaOptions {
        replication: Some(3),
        ..shared().await
    })
    .unwrap();
    let refused = log.create_topics().await;
    assert!(
        matches!(&refused, Err(LogError::TopicRefused { topic, .. }) if topic.ends_with(".v1")),
        "{refused:?}"
    );
}

#[test]
fn a_property_that_librdkafka_does_not_know_is_refused_at_once() {
    let mut options = KafkaOptions::new(NOBODY);
    options.properties.insert("no.such.property".into(), "x".into());
    assert!(matches!(KafkaLog::connect(options), Err(LogError::Kafka { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_compacted_is_read_to_its_end() {
    let options = shared().await;
    let name = format!("{}{}", options.topic_prefix, Topic::Entries);
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &options.brokers)
        .create()
        .unwrap();
    // Segments of a few milliseconds, so that the cleaner finds something to do.
    let eager = NewTopic::new(&name, 1, TopicReplication::Fixed(1))
        .set("cleanup.policy", "compact")
        .set("segment.ms", "50")
        .set("min.cleanable.dirty.ratio", "0.01")
        .set("delete.retention.ms", "0");
    admin.create_topics([&eager], &AdminOptions::new()).await.unwrap()[0]
        .as_ref()
        .unwrap();
    let log = connected(options).await;
    let begun = Instant::now();
    let mut round = 0;
    loop {
        for _ in 0..5 {
            let all = (0..10).map(|key| record(&format!("E{key}"), round.to_string()));
            let now = |record| Record {
                // Kafka ages segments by the time of their records.
                timestamp_ms: jiff::Timestamp::now().as_millisecond(),
                ..record
            };
            let all = all.chain([tombstone("E9")]).map(now);
            log.publish(Topic::Entries, all.collect()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            round += 1;
        }
        let mut tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
        let records = catch_up(&mut *tail).await;
        let last: BTreeMap<String, String> = texts(&records).into_iter().collect();
        assert!(
            (0..9).all(|key| last[&format!("E{key}")] == (round - 1).to_string()),
            "{last:?}"
        );
        if records.len() < round * 11 {
            // A key's newest record stays, whatever the cleaner does meanwhile.
            let newest = records
                .iter()
                .rfind(|record| record.key.as_deref() == Some(b"E8"))
                .unwrap();
            let mut place = newest.place;
            assert_eq!(log.read_at(place).await.unwrap().as_ref(), Some(newest));
            // Offset 0 was overwritten at once: it must be gone, and say so.
            place.offset = 0;
            assert_eq!(log.read_at(place).await.unwrap(), None);
            return;
        }
        assert!(begun.elapsed() < PATIENCE * 3, "kafka does not compact");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_records_does_not_hold_up_a_tail() {
    let options = shared().await;
    let log = connected(options.clone()).await;
    log.publish(Topic::CaseEvents, vec![record("case", "1")])
        .await
        .unwrap();
    let name = format!("{}{}", options.topic_prefix, Topic::CaseEvents);
    let abort = move || {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &options.brokers)
            .set("transactional.id", &options.topic_prefix)
            .create()
            .unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        for _ in 0..3 {
            producer
                .send(BaseRecord::to(&name).key("case").payload("never").partition(0))
                .unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        producer.abort_transaction(PATIENCE).unwrap();
    };
    tokio::task::spawn_blocking(abort).await.unwrap();
    let mut tail = log.tail(Topic::CaseEvents, Start::Beginning).await.unwrap();
    let records = catch_up(&mut *tail).await;
    assert_eq!(texts(&records), [("case".into(), "1".into())]);
    let mut place = records[0].place;
    place.offset += 1;
    assert_eq!(log.read_at(place).await.unwrap(), None);
}
