//! What every engine owes: the same claims on the embedded log on disk, in memory, and on a real Kafka.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use common::{
    PATIENCE, SILENCE, assert_in_order, catch_up, consume, follow, nothing, record, text, texts, tombstone,
};
use stream::topic::{DEFAULT_PARTITIONS, MAX_RECORD_BYTES, Topic};
use stream::{Consumer, Delivered, Log, LogError, Place, Record, Start, partition_of};

macro_rules! claims {
    ($($claim:ident)*) => {
        mod on_disk {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() {
                super::$claim(&*super::common::on_disk().log).await;
            })*
        }
        mod in_memory {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(&*super::common::in_memory().log).await;
            })*
        }
        mod on_kafka {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() {
                super::$claim(&*super::common::on_kafka().await.log).await;
            })*
        }
    };
}

claims! {
    partitions_keep_their_order
    a_key_stays_in_its_partition_whatever_the_engine
    records_without_a_key_spread
    records_come_back_as_published
    a_group_goes_on_behind_what_it_committed
    what_is_not_committed_comes_again
    groups_do_not_disturb_each_other
    a_group_begins_at_the_oldest_record
    two_members_share_and_the_survivor_takes_over
    what_moved_to_another_member_is_not_committed_by_the_first
    a_member_of_two_topics_gets_both
    a_cancelled_poll_loses_nothing
    a_waiting_poll_wakes_at_once
    lag_counts_what_is_to_come
    a_tail_sees_what_is_published
    a_tail_at_the_end_sees_only_what_is_new
    a_tail_of_an_empty_topic_has_caught_up
    a_tail_of_a_busy_topic_catches_up
    a_compacted_topic_ends_with_the_last_of_every_key
    a_tail_that_was_there_sees_the_tombstone
    a_stretch_of_a_partition_can_be_read_again
    a_record_can_be_read_again
    a_record_at_the_limit_passes_and_one_beyond_does_not
    a_compacted_topic_takes_no_record_without_a_key
    nothing_is_published_after_closing
    making_topics_twice_is_fine
    publishing_nothing_is_fine
    concurrent_publishers_lose_nothing
}

async fn subscribe(log: &dyn Log, group: &str, topics: &[Topic]) -> Box<dyn Consumer> {
    log.subscribe(group, topics).await.unwrap()
}

fn numbered(key: &str, numbers: std::ops::Range<u32>) -> Vec<Record> {
    numbers.map(|number| record(key, number.to_string())).collect()
}

async fn partitions_keep_their_order(log: &dyn Log) {
    let mut published: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for batch in 0..20 {
        let records: Vec<Record> = (0..50)
            .map(|number| record(&format!("AB{:02}CDE", number % 17), format!("{batch}-{number}")))
            .collect();
        for record in &records {
            let value = String::from_utf8(record.value.clone().unwrap().to_vec()).unwrap();
            let key = String::from_utf8(record.key.clone().unwrap().to_vec()).unwrap();
            published.entry(key).or_default().push(value);
        }
        log.publish(Topic::Reads, records).await.unwrap();
    }
    let mut consumer = subscribe(log, "order", &[Topic::Reads]).await;
    let records = consume(&mut *consumer, 1000).await;
    assert_in_order(&records, Topic::Reads);
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in texts(&records) {
        read.entry(key).or_default().push(value);
    }
    assert_eq!(read, published);
}

async fn a_key_stays_in_its_partition_whatever_the_engine(log: &dyn Log) {
    let keys: Vec<String> = (0..40).map(|number| format!("KEY{number}")).collect();
    for _ in 0..2 {
        let records = keys.iter().map(|key| record(key, "x")).collect();
        log.publish(Topic::Reads, records).await.unwrap();
    }
    let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
    let records = follow(&mut *tail, 80).await;
    for record in &records {
        let expected = partition_of(record.key.as_ref().unwrap(), DEFAULT_PARTITIONS);
        assert_eq!(record.place.partition, expected, "{:?}", text(record));
    }
}

async fn records_without_a_key_spread(log: &dyn Log) {
    let keyless = |number: u32| Record {
        key: None,
        ..record("", number.to_string())
    };
    for number in 0..200 {
        log.publish(Topic::Reads, vec![keyless(number)]).await.unwrap();
    }
    let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
    let records = follow(&mut *tail, 200).await;
    let partitions: BTreeSet<u32> = records.iter().map(|record| record.place.partition).collect();
    assert!(partitions.len() > 1, "{partitions:?}");
    assert!(records.iter().all(|record| record.key.is_none()));
}

async fn records_come_back_as_published(log: &dyn Log) {
    let published = [
        Record {
            key: Some(Bytes::from_static(b"LV07XYZ")),
            value: Some(Bytes::from_static(br#"{"vrm":"LV07XYZ"}"#)),
            timestamp_ms: 1_195_000_000_123,
            headers: vec![
                ("camera", Bytes::from_static(b"m57-j2-n")),
                ("read-id", Bytes::from_static(b"\x00\xff")),
                ("empty", Bytes::new()),
            ],
        },
        Record {
            value: None,
            ..record("LV07XYZ", "")
        },
        Record {
            key: Some(Bytes::from_static(b"LV07XYZ")),
            value: Some(Bytes::new()),
            timestamp_ms: 1,
            headers: vec![],
        },
    ];
    log.publish(Topic::Hits, published.to_vec()).await.unwrap();
    let mut consumer = subscribe(log, "round", &[Topic::Hits]).await;
    let read = consume(&mut *consumer, published.len()).await;
    for (read, published) in read.iter().zip(&published) {
        assert_eq!(read.key, published.key);
        assert_eq!(read.value, published.value);
        assert_eq!(read.timestamp_ms, published.timestamp_ms);
        let headers: Vec<(&str, &[u8])> = published
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_ref()))
            .collect();
        assert_eq!(read.headers.iter().collect::<Vec<_>>(), headers);
    }
    assert_eq!(read[0].header("camera"), Some(&b"m57-j2-n"[..]));
    assert_eq!(read[0].header("absent"), None);
}

async fn a_group_goes_on_behind_what_it_committed(log: &dyn Log) {
    log.publish(Topic::CaseEvents, numbered("case", 0..10))
        .await
        .unwrap();
    let mut consumer = subscribe(log, "resume", &[Topic::CaseEvents]).await;
    consume(&mut *consumer, 10).await;
    consumer.commit().await.unwrap();
    consumer.commit().await.unwrap();
    log.publish(Topic::CaseEvents, numbered("case", 10..15))
        .await
        .unwrap();
    consume(&mut *consumer, 5).await;
    drop(consumer);
    let mut next = subscribe(log, "resume", &[Topic::CaseEvents]).await;
    let records = consume(&mut *next, 5).await;
    let values: Vec<String> = records.iter().map(|record| text(record).1).collect();
    assert_eq!(values, ["10", "11", "12", "13", "14"]);
    nothing(&mut *next).await;
}

async fn what_is_not_committed_comes_again(log: &dyn Log) {
    log.publish(Topic::CaseEvents, numbered("case", 0..5))
        .await
        .unwrap();
    for _ in 0..2 {
        let mut consumer = subscribe(log, "again", &[Topic::CaseEvents]).await;
        let records = consume(&mut *consumer, 5).await;
        assert_eq!(text(&records[0]).1, "0");
    }
}

async fn groups_do_not_disturb_each_other(log: &dyn Log) {
    log.publish(Topic::Hits, numbered("A1", 0..20)).await.unwrap();
    for group in ["one", "two"] {
        let mut consumer = subscribe(log, group, &[Topic::Hits]).await;
        assert_eq!(consume(&mut *consumer, 20).await.len(), 20, "{group}");
        consumer.commit().await.unwrap();
    }
}

async fn a_group_begins_at_the_oldest_record(log: &dyn Log) {
    log.publish(Topic::Hits, numbered("A1", 0..3)).await.unwrap();
    let mut consumer = subscribe(log, "late", &[Topic::Hits]).await;
    let records = consume(&mut *consumer, 3).await;
    assert_eq!(records[0].place.offset, 0);
}

/// Polls two members in turn until each has half of what keeps being published, and together they missed nothing.
async fn share(log: &dyn Log, members: &mut [Box<dyn Consumer>; 2]) {
    let begun = std::time::Instant::now();
    let mut seen = BTreeSet::new();
    for round in 1.. {
        assert!(begun.elapsed() < PATIENCE, "the members do not share");
        let keys = (0..16).map(|key| record(&format!("K{key}"), format!("{round}-{key}")));
        log.publish(Topic::Reads, keys.collect()).await.unwrap();
        let mut shares = [BTreeSet::new(), BTreeSet::new()];
        for (share, member) in shares.iter_mut().zip(&mut *members) {
            let records = member.poll(100, Duration::from_millis(50)).await.unwrap();
            // Amid a rebalance it may be refused: the next one covers it.
            let committed = member.commit().await;
            assert!(
                matches!(committed, Ok(()) | Err(LogError::Unavailable(_))),
                "{committed:?}"
            );
            share.extend(records.iter().map(|record| record.place.partition));
            seen.extend(texts(&records));
        }
        let apart = shares[0].is_disjoint(&shares[1]);
        if apart && shares.iter().all(|share| share.len() == 2) && seen.len() == round * 16 {
            return;
        }
    }
}

async fn two_members_share_and_the_survivor_takes_over(log: &dyn Log) {
    let first = subscribe(log, "share", &[Topic::Reads]).await;
    let mut members = [first, subscribe(log, "share", &[Topic::Reads]).await];
    share(log, &mut members).await;
    let [first, mut second] = members;
    drop(first);
    let keys = (0..16).map(|key| record(&format!("K{key}"), format!("last-{key}")));
    log.publish(Topic::Reads, keys.collect()).await.unwrap();
    let mut last = BTreeSet::new();
    let begun = std::time::Instant::now();
    while last.len() < 16 {
        assert!(begun.elapsed() < PATIENCE, "the survivor has {last:?}");
        let records = second.poll(100, Duration::from_millis(100)).await.unwrap();
        last.extend(
            texts(&records)
                .into_iter()
                .filter(|(_, value)| value.starts_with("last")),
        );
    }
}

async fn what_moved_to_another_member_is_not_committed_by_the_first(log: &dyn Log) {
    let all: Vec<Record> = (0..40)
        .map(|key| record(&format!("K{key}"), key.to_string()))
        .collect();
    log.publish(Topic::Reads, all).await.unwrap();
    let mut first = subscribe(log, "moved", &[Topic::Reads]).await;
    // Read by the first, never finished by it.
    consume(&mut *first, 40).await;
    let mut second = subscribe(log, "moved", &[Topic::Reads]).await;
    let begun = std::time::Instant::now();
    let mut taken: Vec<Delivered> = Vec::new();
    while taken
        .iter()
        .map(|record| record.place.partition)
        .collect::<BTreeSet<_>>()
        .len()
        < 2
    {
        assert!(
            begun.elapsed() < PATIENCE,
            "the second member has {}",
            taken.len()
        );
        first.poll(100, Duration::from_millis(20)).await.unwrap();
        taken.extend(second.poll(100, Duration::from_millis(50)).await.unwrap());
    }
    // The second finishes nothing either. The first commits: of what it still has.
    first.commit().await.unwrap();
    let moved: BTreeSet<u32> = taken.iter().map(|record| record.place.partition).collect();
    drop(first);
    drop(second);
    let mut third = subscribe(log, "moved", &[Topic::Reads]).await;
    let expected = (0..40).filter(|key| {
        let key = format!("K{key}");
        moved.contains(&partition_of(key.as_bytes(), DEFAULT_PARTITIONS))
    });
    let records = consume(&mut *third, expected.count()).await;
    assert!(
        records
            .iter()
            .all(|record| moved.contains(&record.place.partition)),
        "{:?}",
        texts(&records)
    );
    nothing(&mut *third).await;
}

async fn a_member_of_two_topics_gets_both(log: &dyn Log) {
    log.publish(Topic::Hits, numbered("A1", 0..3)).await.unwrap();
    log.publish(Topic::CaseEvents, numbered("A1", 0..3))
        .await
        .unwrap();
    let mut consumer = subscribe(log, "both", &[Topic::Hits, Topic::CaseEvents]).await;
    let records = consume(&mut *consumer, 6).await;
    let topics: Vec<Topic> = records.iter().map(|record| record.place.topic).collect();
    assert_eq!(topics.iter().filter(|topic| **topic == Topic::Hits).count(), 3);
    consumer.commit().await.unwrap();
}

async fn a_cancelled_poll_loses_nothing(log: &dyn Log) {
    let mut consumer = subscribe(log, "cancel", &[Topic::CaseEvents]).await;
    let mut records = Vec::new();
    for round in 0..40 {
        log.publish(Topic::CaseEvents, numbered("case", round * 5..round * 5 + 5))
            .await
            .unwrap();
        let poll = consumer.poll(3, Duration::from_secs(1));
        if let Ok(read) = tokio::time::timeout(Duration::from_micros(u64::from(round) * 20), poll).await {
            records.extend(read.unwrap());
        }
    }
    let missing = 200 - records.len();
    records.extend(consume(&mut *consumer, missing).await);
    assert_in_order(&records, Topic::CaseEvents);
    assert_eq!(records.len(), 200);
}

async fn a_waiting_poll_wakes_at_once(log: &dyn Log) {
    let mut consumer = subscribe(log, "wake", &[Topic::CaseEvents]).await;
    log.publish(Topic::CaseEvents, numbered("case", 0..1))
        .await
        .unwrap();
    consume(&mut *consumer, 1).await;
    let publish = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        log.publish(Topic::CaseEvents, numbered("case", 1..2))
            .await
            .unwrap();
    };
    let (records, ()) = tokio::join!(consumer.poll(10, PATIENCE), publish);
    // It came by being woken: nobody waited for the whole of `PATIENCE`.
    assert_eq!(records.unwrap().len(), 1);
}

async fn lag_counts_what_is_to_come(log: &dyn Log) {
    log.publish(Topic::CaseEvents, numbered("case", 0..10))
        .await
        .unwrap();
    let mut consumer = subscribe(log, "lag", &[Topic::CaseEvents]).await;
    let read = loop {
        let records = consumer.poll(4, Duration::from_millis(100)).await.unwrap();
        if !records.is_empty() {
            break records.len() as u64;
        }
    };
    assert_eq!(consumer.lag().await, Some(10 - read));
    let rest = usize::try_from(10 - read).unwrap();
    consume(&mut *consumer, rest).await;
    assert_eq!(consumer.lag().await, Some(0));
}

async fn a_tail_sees_what_is_published(log: &dyn Log) {
    log.publish(Topic::CaseEvents, numbered("case", 0..3))
        .await
        .unwrap();
    let mut tail = log.tail(Topic::CaseEvents, Start::Beginning).await.unwrap();
    assert!(!tail.caught_up());
    assert_eq!(catch_up(&mut *tail).await.len(), 3);
    log.publish(Topic::CaseEvents, numbered("case", 3..5))
        .await
        .unwrap();
    let records = follow(&mut *tail, 2).await;
    assert_eq!(
        texts(&records),
        [("case".into(), "3".into()), ("case".into(), "4".into())]
    );
    assert!(tail.caught_up(), "having caught up is not undone");
}

async fn a_tail_at_the_end_sees_only_what_is_new(log: &dyn Log) {
    log.publish(Topic::Hits, numbered("A1", 0..3)).await.unwrap();
    let mut tail = log.tail(Topic::Hits, Start::End).await.unwrap();
    assert!(tail.caught_up());
    assert_eq!(tail.poll(10, SILENCE).await.unwrap(), []);
    log.publish(Topic::Hits, numbered("A1", 3..4)).await.unwrap();
    assert_eq!(texts(&follow(&mut *tail, 1).await), [("A1".into(), "3".into())]);
}

async fn a_tail_of_an_empty_topic_has_caught_up(log: &dyn Log) {
    for start in [Start::Beginning, Start::End] {
        let mut tail = log.tail(Topic::Observations, start).await.unwrap();
        assert!(tail.caught_up());
        assert_eq!(tail.poll(10, SILENCE).await.unwrap(), []);
    }
}

async fn a_tail_of_a_busy_topic_catches_up(log: &dyn Log) {
    for batch in 0..10 {
        log.publish(Topic::Reads, numbered(&format!("K{batch}"), 0..100))
            .await
            .unwrap();
    }
    let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
    let more = async {
        for batch in 0..10 {
            log.publish(Topic::Reads, numbered(&format!("K{batch}"), 100..110))
                .await
                .unwrap();
        }
    };
    let (records, ()) = tokio::join!(catch_up(&mut *tail), more);
    assert!(records.len() >= 1000);
    let rest = 1100 - records.len();
    follow(&mut *tail, rest).await;
}

async fn a_compacted_topic_ends_with_the_last_of_every_key(log: &dyn Log) {
    for round in 0..20 {
        let all: Vec<Record> = (0..10)
            .map(|key| record(&format!("E{key}"), round.to_string()))
            .collect();
        log.publish(Topic::Entries, all).await.unwrap();
    }
    let twice = vec![record("E3", "20"), tombstone("E4"), record("E3", "21")];
    log.publish(Topic::Entries, twice).await.unwrap();
    let mut tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
    let records = catch_up(&mut *tail).await;
    let mut last: BTreeMap<String, String> = texts(&records).into_iter().collect();
    assert_eq!(last.remove("E3").as_deref(), Some("21"));
    let removed = last.remove("E4");
    assert!(removed.is_none_or(|value| value == "-"));
    assert_eq!(last.len(), 8);
    assert!(last.values().all(|value| value == "19"), "{last:?}");
    let offsets: Vec<u64> = records.iter().map(|record| record.place.offset).collect();
    assert!(offsets.is_sorted());
}

async fn a_tail_that_was_there_sees_the_tombstone(log: &dyn Log) {
    log.publish(Topic::Entries, vec![record("E1", "on the list")])
        .await
        .unwrap();
    let mut tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
    catch_up(&mut *tail).await;
    log.publish(Topic::Entries, vec![tombstone("E1")]).await.unwrap();
    let records = follow(&mut *tail, 1).await;
    assert_eq!(texts(&records), [("E1".into(), "-".into())]);
    log.publish(Topic::Entries, vec![record("E1", "on it again")])
        .await
        .unwrap();
    assert_eq!(
        texts(&follow(&mut *tail, 1).await),
        [("E1".into(), "on it again".into())]
    );
}

async fn a_stretch_of_a_partition_can_be_read_again(log: &dyn Log) {
    log.publish(Topic::Reads, numbered("K1", 0..30)).await.unwrap();
    let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
    let records = catch_up(&mut *tail).await;
    let Place { topic, partition, .. } = records[0].place;
    for (offsets, expected) in [
        (5..20, &records[5..20]),
        (0..30, &records[..]),
        (7..7, &[]),
        (40..50, &[]),
    ] {
        let mut replay = log.replay(topic, partition, offsets.clone()).await.unwrap();
        assert_eq!(catch_up(&mut *replay).await, expected, "{offsets:?}");
        // What comes later is not of the stretch.
        log.publish(Topic::Reads, numbered("K1", 0..1)).await.unwrap();
        assert!(replay.poll(10, SILENCE).await.unwrap().is_empty());
    }
    let mut nowhere = log.replay(topic, 99, 0..10).await.unwrap();
    assert!(catch_up(&mut *nowhere).await.is_empty());
}

async fn a_record_can_be_read_again(log: &dyn Log) {
    log.publish(Topic::Reads, numbered("K1", 0..30)).await.unwrap();
    let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
    let records = catch_up(&mut *tail).await;
    for record in [&records[0], &records[17], &records[29]] {
        assert_eq!(log.read_at(record.place).await.unwrap().as_ref(), Some(record));
    }
    let Place { topic, partition, .. } = records[0].place;
    for (partition, offset) in [
        (partition, 30),
        (partition, 1_000_000),
        ((partition + 1) % 4, 0),
        (99, 0),
    ] {
        let place = Place {
            topic,
            partition,
            offset,
        };
        assert_eq!(log.read_at(place).await.unwrap(), None, "{place:?}");
    }
}

async fn a_record_at_the_limit_passes_and_one_beyond_does_not(log: &dyn Log) {
    let sized = |size: usize| Record {
        headers: vec![("camera", Bytes::from_static(b"m62"))],
        value: Some(Bytes::from(vec![b'x'; size - "K".len() - "camera".len() - 3])),
        ..record("K", "")
    };
    let refused = log
        .publish(Topic::DeadLetters, vec![sized(MAX_RECORD_BYTES + 1)])
        .await;
    assert!(
        matches!(refused, Err(LogError::TooLarge { size, limit }) if size == limit + 1),
        "{refused:?}"
    );
    log.publish(
        Topic::DeadLetters,
        vec![sized(MAX_RECORD_BYTES), record("K", "after")],
    )
    .await
    .unwrap();
    let mut consumer = subscribe(log, "large", &[Topic::DeadLetters]).await;
    let records = consume(&mut *consumer, 2).await;
    assert_eq!(
        records[0].value.as_ref().map(Bytes::len),
        sized(MAX_RECORD_BYTES).value.map(|value| value.len())
    );
    assert_eq!(text(&records[1]).1, "after");
}

async fn a_compacted_topic_takes_no_record_without_a_key(log: &dyn Log) {
    let keyless = Record {
        key: None,
        ..record("", "x")
    };
    let refused = log
        .publish(Topic::Entries, vec![record("E1", "x"), keyless])
        .await;
    assert!(matches!(refused, Err(LogError::Keyless { .. })), "{refused:?}");
    let tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
    assert!(tail.caught_up(), "nothing of the batch was taken");
}

async fn nothing_is_published_after_closing(log: &dyn Log) {
    log.publish(Topic::Hits, numbered("A1", 0..1)).await.unwrap();
    log.close().await.unwrap();
    log.close().await.unwrap();
    let refused = log.publish(Topic::Hits, numbered("A1", 1..2)).await;
    assert!(matches!(refused, Err(LogError::Closed)), "{refused:?}");
    assert!(matches!(log.check().await, Err(LogError::Closed)));
    assert!(matches!(
        log.subscribe("late", &[Topic::Hits]).await,
        Err(LogError::Closed)
    ));
}

async fn making_topics_twice_is_fine(log: &dyn Log) {
    log.publish(Topic::Hits, numbered("A1", 0..1)).await.unwrap();
    log.create_topics().await.unwrap();
    log.create_topics().await.unwrap();
    let mut tail = log.tail(Topic::Hits, Start::Beginning).await.unwrap();
    assert_eq!(catch_up(&mut *tail).await.len(), 1);
    log.check().await.unwrap();
    log.check().await.unwrap();
}

async fn publishing_nothing_is_fine(log: &dyn Log) {
    log.publish(Topic::Reads, vec![]).await.unwrap();
}

async fn concurrent_publishers_lose_nothing(log: &dyn Log) {
    let publisher = |publisher: u32| async move {
        for number in 0..50 {
            let record = record(&format!("P{publisher}"), number.to_string());
            log.publish(Topic::Reads, vec![record]).await.unwrap();
        }
    };
    futures::future::join_all((0..8).map(publisher)).await;
    let mut consumer = subscribe(log, "many", &[Topic::Reads]).await;
    let records = consume(&mut *consumer, 400).await;
    assert_in_order(&records, Topic::Reads);
    let mut last: BTreeMap<String, u32> = BTreeMap::new();
    for (key, value) in texts(&records) {
        let number: u32 = value.parse().unwrap();
        assert_eq!(last.insert(key, number).map_or(0, |before| before + 1), number);
    }
}
