//! What the embedded log alone owes: surviving kill -9, forgetting in time, and refusing what it cannot read.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{assert_in_order, catch_up, consume, record, text, texts, tombstone};
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stream::embedded::{EmbeddedLog, EmbeddedOptions};
use stream::topic::{Retention, Topic};
use stream::{Log, LogError, Record, Start};

/// Tells the process that a test started of itself where to publish.
const CHILD_DIRECTORY: &str = "STEELRING_TEST_CHILD_DIRECTORY";
const CHILD_TASKS: u32 = 6;

fn open(directory: &Path) -> Result<EmbeddedLog, LogError> {
    EmbeddedLog::open(directory, EmbeddedOptions::default())
}

/// Not a test of its own: what the killed process does. Publishes, commits, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn child_publishes_until_killed() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else {
        return;
    };
    let log = &open(Path::new(&directory)).unwrap();
    let publisher = |task: u32| async move {
        let mut number = 0_u32;
        loop {
            let batch = 1 + number % 7;
            let records =
                (number..number + batch).map(|number| record(&format!("T{task}"), number.to_string()));
            let topic = if task == 0 { Topic::Entries } else { Topic::Reads };
            log.publish(topic, records.collect()).await.unwrap();
            number += batch;
            println!("acknowledged {task} {number}");
        }
    };
    let commit = async {
        let mut consumer = log.subscribe("killed", &[Topic::Reads]).await.unwrap();
        let mut read = 0;
        loop {
            read += consumer.poll(50, Duration::from_millis(10)).await.unwrap().len();
            consumer.commit().await.unwrap();
            println!("committed 0 {read}");
        }
    };
    futures::join!(futures::future::join_all((0..CHILD_TASKS).map(publisher)), commit);
}

/// Lets the child publish until it acknowledged `wanted` records or more, kills it, and returns the last number that it
/// acknowledged by task, and how many records it committed.
fn kill_a_publisher(directory: &Path, wanted: u32) -> (BTreeMap<u32, u32>, u32) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_publishes_until_killed", "--nocapture"])
        .env(CHILD_DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut committed = 0;
    let mut killed = false;
    // What it said before it died is read to the end: all of that must be there.
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let [what @ ("acknowledged" | "committed"), task, number] = words[..] else {
            continue;
        };
        let (Ok(task), Ok(number)) = (task.parse::<u32>(), number.parse::<u32>()) else {
            continue;
        };
        if what == "committed" {
            committed = number;
        } else {
            acknowledged.insert(task, number);
        }
        if !killed && acknowledged.values().sum::<u32>() >= wanted && committed > 0 {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself");
    (acknowledged, committed)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    for wanted in [1, 500, 3000] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let killed = tokio::task::spawn_blocking(move || kill_a_publisher(&path, wanted));
        let (acknowledged, committed) = killed.await.unwrap();
        let log = open(directory.path()).unwrap();
        let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
        let records = catch_up(&mut *tail).await;
        assert_in_order(&records, Topic::Reads);
        let mut next: BTreeMap<String, u32> = BTreeMap::new();
        for (task, number) in texts(&records) {
            let next = next.entry(task).or_default();
            assert_eq!(number.parse(), Ok(*next), "numbers follow each other");
            *next += 1;
        }
        let mut tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
        for (task, number) in texts(&catch_up(&mut *tail).await) {
            next.insert(task, number.parse::<u32>().unwrap() + 1);
        }
        for (task, acknowledged) in acknowledged {
            let kept = next.get(&format!("T{task}")).copied().unwrap_or_default();
            assert!(
                kept >= acknowledged,
                "task {task}: {kept} of {acknowledged} acknowledged"
            );
        }
        let mut consumer = log.subscribe("killed", &[Topic::Reads]).await.unwrap();
        let left = u64::try_from(records.len()).unwrap() - consumer_position(&mut *consumer).await;
        assert!(left >= u64::from(committed), "{left} of {committed} committed");
        log.publish(Topic::Reads, vec![record("T1", "after")])
            .await
            .unwrap();
    }
}

/// How many records a consumer that starts now still gets.
async fn consumer_position(consumer: &mut dyn stream::Consumer) -> u64 {
    let mut left = 0;
    loop {
        let records = consumer.poll(1000, Duration::from_millis(100)).await.unwrap();
        if records.is_empty() {
            return left;
        }
        left += records.len() as u64;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).unwrap();
    log.publish(
        Topic::Reads,
        (0..50).map(|n| record(&format!("K{n}"), n.to_string())).collect(),
    )
    .await
    .unwrap();
    log.publish(
        Topic::Entries,
        vec![record("E1", "a"), record("E2", "b"), record("E1", "c")],
    )
    .await
    .unwrap();
    let mut consumer = log.subscribe("group", &[Topic::Reads]).await.unwrap();
    consume(&mut *consumer, 50).await;
    consumer.commit().await.unwrap();
    log.publish(Topic::Reads, vec![record("K1", "new")])
        .await
        .unwrap();
    log.close().await.unwrap();
    // The consumer is still held: closing has released the directory all the same.
    let log = open(directory.path()).unwrap();
    assert!(matches!(
        consumer.poll(1, Duration::ZERO).await,
        Err(LogError::Closed)
    ));
    let mut consumer = log.subscribe("group", &[Topic::Reads]).await.unwrap();
    assert_eq!(
        texts(&consume(&mut *consumer, 1).await),
        [("K1".into(), "new".into())]
    );
    let mut tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
    assert_eq!(
        texts(&catch_up(&mut *tail).await),
        [("E2".into(), "b".into()), ("E1".into(), "c".into())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_keeps_its_partitions_whatever_the_options_say_later() {
    let directory = tempfile::tempdir().unwrap();
    let options = |partitions| EmbeddedOptions {
        partitions,
        ..EmbeddedOptions::default()
    };
    let keys = || {
        (0..40)
            .map(|key| record(&format!("K{key}"), "x"))
            .collect::<Vec<Record>>()
    };
    let log = EmbeddedLog::open(directory.path(), options(2)).unwrap();
    log.publish(Topic::Reads, keys()).await.unwrap();
    log.close().await.unwrap();
    let log = EmbeddedLog::open(directory.path(), options(8)).unwrap();
    log.publish(Topic::Reads, keys()).await.unwrap();
    let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
    let records = catch_up(&mut *tail).await;
    assert_eq!(records.len(), 80);
    assert!(records.iter().all(|record| record.place.partition < 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_past_their_time_are_forgotten_and_the_rest_stays() {
    let directory = tempfile::tempdir().unwrap();
    for log in [open(directory.path()).unwrap(), EmbeddedLog::in_memory()] {
        let Retention::For(time) = Topic::CaseEvents.retention() else {
            panic!("case events are kept for a time");
        };
        // Some entries, several sweeps' worth.
        for number in 0..600 {
            log.publish(Topic::CaseEvents, vec![record("case", number.to_string())])
                .await
                .unwrap();
        }
        let time = SignedDuration::try_from(time).unwrap();
        let second = SignedDuration::from_secs(60);
        log.enforce_retention(Timestamp::now() + time - second)
            .await
            .unwrap();
        let mut tail = log.tail(Topic::CaseEvents, Start::Beginning).await.unwrap();
        assert_eq!(
            catch_up(&mut *tail).await.len(),
            600,
            "nothing is forgotten early"
        );
        log.enforce_retention(Timestamp::now() + time + second)
            .await
            .unwrap();
        log.publish(Topic::CaseEvents, vec![record("case", "new")])
            .await
            .unwrap();
        let mut late = log.subscribe("late", &[Topic::CaseEvents]).await.unwrap();
        let records = consume(&mut *late, 1).await;
        assert_eq!(
            (text(&records[0]).1.as_str(), records[0].place.offset),
            ("new", 600)
        );
        let mut tail = log.tail(Topic::CaseEvents, Start::Beginning).await.unwrap();
        assert_eq!(catch_up(&mut *tail).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_beyond_its_size_forgets_its_oldest_records() {
    const LIMIT: u64 = 1024 * 1024;
    let log = EmbeddedLog::in_memory_with(&EmbeddedOptions {
        topic_bytes: LIMIT,
        ..EmbeddedOptions::default()
    });
    for number in 0..40 {
        let value = format!("{number:02}{}", "x".repeat(100_000));
        log.publish(Topic::CaseEvents, vec![record("case", value)])
            .await
            .unwrap();
    }
    log.enforce_retention(Timestamp::now()).await.unwrap();
    let mut tail = log.tail(Topic::CaseEvents, Start::Beginning).await.unwrap();
    let records = catch_up(&mut *tail).await;
    let bytes: usize = records
        .iter()
        .map(|record| record.value.as_ref().unwrap().len())
        .sum();
    assert!(bytes as u64 <= LIMIT && bytes as u64 > LIMIT / 2, "{bytes} bytes");
    assert!(text(records.last().unwrap()).1.starts_with("39"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_does_not_grow_with_updates() {
    let directory = tempfile::tempdir().unwrap();
    for log in [open(directory.path()).unwrap(), EmbeddedLog::in_memory()] {
        for round in 0..50 {
            let all = (0..20).map(|unit| record(&format!("U{unit}"), round.to_string()));
            log.publish(Topic::UnitPositions, all.collect()).await.unwrap();
        }
        let mut tail = log.tail(Topic::UnitPositions, Start::Beginning).await.unwrap();
        let records = catch_up(&mut *tail).await;
        assert_eq!(records.len(), 20);
        assert!(records.iter().all(|record| text(record).1 == "49"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_is_forgotten_after_an_hour_unless_the_key_came_back() {
    for log in [EmbeddedLog::in_memory()] {
        let all = ["E1", "E2", "E3"].map(|key| record(key, "on the list"));
        log.publish(Topic::Entries, all.to_vec()).await.unwrap();
        let gone = [tombstone("E1"), tombstone("E2"), tombstone("never there")];
        log.publish(Topic::Entries, gone.to_vec()).await.unwrap();
        log.publish(Topic::Entries, vec![record("E2", "again")])
            .await
            .unwrap();
        let kept = [
            (
                50,
                vec![
                    ("E3", "on the list"),
                    ("E1", "-"),
                    ("never there", "-"),
                    ("E2", "again"),
                ],
            ),
            (70, vec![("E3", "on the list"), ("E2", "again")]),
        ];
        for (minutes, kept) in kept {
            let now = Timestamp::now() + SignedDuration::from_mins(minutes);
            log.enforce_retention(now).await.unwrap();
            let mut tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
            let records = texts(&catch_up(&mut *tail).await);
            let kept: Vec<(String, String)> = kept
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(records, kept, "after {minutes} minutes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_of_nothing_but_gaps_catches_up() {
    let log = EmbeddedLog::in_memory();
    log.publish(Topic::Entries, vec![record("E1", "x"), tombstone("E1")])
        .await
        .unwrap();
    let mut tail = log.tail(Topic::Entries, Start::Beginning).await.unwrap();
    let later = Timestamp::now() + SignedDuration::from_hours(2);
    log.enforce_retention(later).await.unwrap();
    assert!(!tail.caught_up());
    assert_eq!(catch_up(&mut *tail).await, []);
}

#[test]
fn a_directory_of_another_format_is_refused_and_left_alone() {
    for format in ["2", "999", "", "something else"] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("FORMAT"), format).unwrap();
        let refused = open(directory.path()).err();
        assert!(
            matches!(&refused, Some(LogError::Format { found, known: 1, .. }) if found == format),
            "{refused:?}"
        );
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("fjall")).unwrap();
    assert!(
        matches!(open(directory.path()), Err(LogError::Format { .. })),
        "a log without its format"
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(open(&file.join("log")), Err(LogError::Storage { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_use_is_refused_until_it_is_released() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(LogError::InUse(_))));
    let consumer = log.subscribe("group", &[Topic::Reads]).await.unwrap();
    drop(log);
    assert!(
        matches!(open(directory.path()), Err(LogError::InUse(_))),
        "a consumer still reads"
    );
    drop(consumer);
    open(directory.path()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_makes_publishing_wait_and_not_fail() {
    let directory = tempfile::tempdir().unwrap();
    let log = &open(directory.path()).unwrap();
    // More than the queue takes, at once.
    let value = "x".repeat(8 * 1024 * 1024);
    let publish = |number: u32| {
        let record = record(&format!("K{number}"), value.clone());
        async move { log.publish(Topic::DeadLetters, vec![record]).await.unwrap() }
    };
    futures::future::join_all((0..12).map(publish)).await;
    let mut tail = log.tail(Topic::DeadLetters, Start::Beginning).await.unwrap();
    assert_eq!(catch_up(&mut *tail).await.len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_handed_out_from_all_partitions_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        partitions: 4,
        ..EmbeddedOptions::default()
    };
    let log = EmbeddedLog::open(directory.path(), options).unwrap();
    for number in 0..40_u32 {
        let records = (0..100).map(|key| record(&format!("K{key}"), number.to_string()));
        log.publish(Topic::Reads, records.collect()).await.unwrap();
    }
    let mut consumer = log.subscribe("backlog", &[Topic::Reads]).await.unwrap();
    let mut read = 0;
    while read < 4_000 {
        let records = consumer.poll(400, Duration::from_secs(10)).await.unwrap();
        assert!(records.len() <= 400);
        if read + 400 <= 2_000 {
            let partitions: BTreeSet<u32> = records.iter().map(|record| record.place.partition).collect();
            assert!(partitions.len() >= 3, "{partitions:?} after {read}");
        }
        read += records.len();
    }
    assert_eq!(read, 4_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_takes_no_more_of_large_records_because_there_are_many_partitions() {
    const LARGE: usize = 4 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        partitions: 8,
        ..EmbeddedOptions::default()
    };
    let log = EmbeddedLog::open(directory.path(), options).unwrap();
    for number in 0..24 {
        let large = record(&format!("K{number}"), "x".repeat(LARGE));
        log.publish(Topic::Reads, vec![large]).await.unwrap();
    }
    let mut consumer = log.subscribe("backlog", &[Topic::Reads]).await.unwrap();
    let mut read = 0;
    while read < 24 {
        let records = consumer.poll(1_000, Duration::from_secs(10)).await.unwrap();
        // 16 MiB, and the entry in which they end.
        assert!((1..=5).contains(&records.len()), "{}", records.len());
        read += records.len();
    }
}

/// The pages that a disk writes whole.
const PAGE: u64 = 4096;

/// The only journal of a small log, and where what was written to it ends.
fn journal(directory: &Path) -> (PathBuf, u64) {
    let path = directory.join("fjall/0.jnl");
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    (path, end as u64)
}

/// Reads that no compression shrinks to a page.
fn bulky(count: u32, seed: u64) -> Vec<Record> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut value = || {
        (0..2000)
            .map(|_| random.random_range('!'..='~'))
            .collect::<String>()
    };
    (0..count)
        .map(|number| record(&format!("K{number}"), value()))
        .collect()
}

/// A log whose last group, of `last` records, is many pages; and where that group begins and ends in its journal.
async fn log_with_a_last_group(directory: &Path, last: u32) -> (PathBuf, Range<u64>) {
    let log = open(directory).unwrap();
    for seed in 0..5 {
        log.publish(Topic::Reads, bulky(20, seed)).await.unwrap();
    }
    let (path, begin) = journal(directory);
    log.publish(Topic::Reads, bulky(last, 5)).await.unwrap();
    log.close().await.unwrap();
    let (_, end) = journal(directory);
    assert!(end - begin > 20 * PAGE, "{} bytes", end - begin);
    (path, begin..end)
}

fn zero(journal: &Path, ranges: impl Iterator<Item = Range<u64>>) {
    let file = File::options().write(true).open(journal).unwrap();
    for range in ranges {
        let zeros = vec![0; usize::try_from(range.end - range.start).unwrap()];
        file.write_all_at(&zeros, range.start).unwrap();
    }
}

/// A power failure leaves any pages of a group that was not yet synced, in any order: what was acknowledged before is all
/// there, of the torn group all or nothing, and the log goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_torn_by_a_power_failure_is_dropped_and_nothing_before_it() {
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let original = tempfile::tempdir().unwrap();
    let (path, torn) = log_with_a_last_group(original.path(), 100).await;
    let whole = std::fs::read(&path).unwrap();
    let mut opened_unaided = 0;
    for round in 0..40 {
        std::fs::write(&path, &whole).unwrap();
        let pages = (torn.start / PAGE..=(torn.end - 1) / PAGE)
            .map(|page| (page * PAGE).max(torn.start)..((page + 1) * PAGE).min(torn.end));
        let lost: Vec<Range<u64>> = pages.filter(|_| random.random_ratio(1, 1 + round)).collect();
        zero(&path, lost.iter().cloned());
        let log = open(original.path()).unwrap();
        let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
        let kept = catch_up(&mut *tail).await.len();
        let intact = lost.is_empty();
        opened_unaided += u32::from(intact);
        assert_eq!(kept, if intact { 200 } else { 100 }, "pages lost: {lost:?}");
        log.publish(Topic::Reads, vec![record("K", "after")])
            .await
            .unwrap();
        log.close().await.unwrap();
        let log = open(original.path()).unwrap();
        let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
        assert_eq!(catch_up(&mut *tail).await.len(), kept + 1);
        log.close().await.unwrap();
    }
    assert!(opened_unaided < 30, "few were torn");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_before_the_last_group_is_refused_and_the_journal_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (path, last) = log_with_a_last_group(directory.path(), 50).await;
    let mut damaged = std::fs::read(&path).unwrap();
    // In the text of the read before the last group.
    damaged[usize::try_from(last.start).unwrap() - 1000] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let refused = open(directory.path()).err();
    assert!(matches!(refused, Some(LogError::Storage { .. })), "{refused:?}");
    let left = std::fs::read(&path).unwrap();
    assert!(damaged.starts_with(&left) && left.len() as u64 >= last.end);
}
