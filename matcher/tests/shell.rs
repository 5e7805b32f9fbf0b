//! The whole matcher on a log in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use common::{Flaky, at, entry, read};
use domain::HitId;
use domain::assessment::Deviation;
use domain::hit::MatchKind;
use domain::hotlist::{Entry, Grade, Revision};
use domain::read::PlateRead;
use stream::topic::Topic;
use stream::wire::{self, DeadLetter, MatcherStatus};
use stream::{Log, Start};

/// Long enough that a matcher which would do the wrong thing has done it.
const A_WHILE: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread")]
async fn no_read_is_judged_before_the_lists_are_whole() {
    let log = Flaky::new().await;
    log.reads(&[read("AB12CDE", 1)]).await;
    log.put(&[entry("AB12CDE", "", None)]).await;
    let matcher = log.start();
    tokio::time::sleep(A_WHILE).await;
    assert!(!matcher.ready.get());
    assert!(log.hits(0).await.is_empty());
    log.mark(7).await;
    let hits = log.hits(1).await;
    assert_eq!(hits[0].revision, Revision(7));
    matcher.until_ready(true).await;
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_topic_opens_the_gate_under_revision_0() {
    let log = Flaky::new().await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    let status: MatcherStatus = wire::decode(&log.all(Topic::MatcherStatus, 1).await[0]).unwrap();
    assert_eq!(
        (status.matcher.as_str(), status.revision, status.entries),
        ("m1", Revision(0), 0)
    );
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_change_counts_for_the_reads_behind_it_and_each_hit_names_its_revision() {
    let log = Flaky::new().await;
    let (first, second) = (entry("AB12CDE", "1", None), entry("AB12CDE", "2", None));
    log.put(std::slice::from_ref(&first)).await;
    log.mark(1).await;
    let matcher = log.start();
    log.reads(&[read("AB12CDE", 1)]).await;
    assert_eq!(log.hits(1).await[0].revision, Revision(1));

    log.put(std::slice::from_ref(&second)).await;
    log.mark(2).await;
    until_applied(&log, Revision(2)).await;
    log.reads(&[read("AB12CDE", 2)]).await;
    let hits = log.hits(3).await;
    assert_eq!(hits.len(), 3, "several entries of one mark are several hits");
    assert!(
        hits[1..]
            .iter()
            .all(|hit| hit.revision == Revision(2) && hit.read == read("AB12CDE", 2))
    );

    log.send(Topic::Entries, vec![wire::entry_tombstone(first.entry_id, at(0))])
        .await;
    log.mark(3).await;
    until_applied(&log, Revision(3)).await;
    log.reads(&[read("AB12CDE", 3)]).await;
    let hits = log.hits(4).await;
    assert_eq!(
        (hits.len(), &hits[3].entry),
        (4, &second),
        "a withdrawn entry stops matching"
    );
    matcher.stop().await;
}

async fn until_applied(log: &Flaky, revision: Revision) {
    let told = async {
        loop {
            let words = log.all(Topic::MatcherStatus, 1).await;
            let last: MatcherStatus = wire::decode(words.last().unwrap()).unwrap();
            if last.revision == revision {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), told)
        .await
        .expect("a list reaches a matcher within two seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misread_of_a_listed_mark_is_a_hit_that_says_why() {
    let log = Flaky::new().await;
    log.put(&[Entry {
        grade: Grade::One,
        ..entry("AB12CDE", "", None)
    }])
    .await;
    log.mark(1).await;
    let matcher = log.start();
    // An I where only a digit can stand is no mark of its own; a mark of another car is.
    log.reads(&[read("ABI2CDE", 1), read("AB12CDK", 2)]).await;
    let hits = log.hits(1).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(log.hits(1).await.len(), 1);
    assert_eq!(
        (hits[0].kind, hits[0].read.vrm.as_str()),
        (MatchKind::Misread, "ABI2CDE")
    );
    let assessment = hits[0].assessment.as_ref().unwrap();
    let one = Deviation {
        position: 2,
        listed: Some('1'),
        read: Some('I'),
    };
    assert_eq!(assessment.characters, [one]);
    assert!(assessment.posterior > 0.5, "{}", assessment.posterior);
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_with_impossible_confidences_is_judged_without_them() {
    let log = Flaky::new().await;
    log.put(&[entry("AB12CDE", "", None)]).await;
    log.mark(1).await;
    let matcher = log.start();
    let read = PlateRead {
        character_confidences: vec![1.5; 3],
        ..read("AB12CDE", 1)
    };
    log.reads(&[read]).await;
    assert_eq!(log.hits(1).await[0].kind, MatchKind::Exact);
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_counts_at_the_time_of_capture() {
    let log = Flaky::new().await;
    log.put(&[entry("AB12CDE", "", Some(at(100)))]).await;
    log.mark(1).await;
    let matcher = log.start();
    log.reads(&[read("AB12CDE", 100), read("AB12CDE", 101), read("AB12CDE", 99)])
        .await;
    let hits = log.hits(1).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(log.hits(1).await.len(), 1, "an expired entry is no hit");
    assert_eq!(hits[0].read.captured_at, at(99));
    matcher.stop().await;
}

/// So many reads of which every tenth matches, and the hits that they must give.
async fn many_reads(log: &Flaky, count: i64) -> BTreeSet<HitId> {
    let wanted = entry("AB12CDE", "", None);
    log.put(std::slice::from_ref(&wanted)).await;
    log.mark(1).await;
    let reads: Vec<_> = (0..count)
        .map(|ms| {
            if ms % 10 == 0 {
                read("AB12CDE", ms)
            } else {
                read(&format!("ZZ{ms}"), ms)
            }
        })
        .collect();
    log.reads(&reads).await;
    reads
        .iter()
        .step_by(10)
        .map(|read| HitId::of_hit(read.read_id, wanted.entry_id))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_every_hit_is_there_with_the_same_id() {
    for crash_after in [0, 1, 150, 290] {
        let log = Flaky::new().await;
        let expected = many_reads(&log, 3_000).await;
        let crashed = log.start();
        log.hits(crash_after).await;
        crashed.task.abort();
        let _ = crashed.task.await;
        let matcher = log.start();
        let hits: BTreeSet<_> = until_all(&log, &expected).await;
        assert_eq!(hits, expected, "crashed after {crash_after}");
        matcher.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_survives_crashes_and_stops_while_its_next_batch_is_fetched() {
    let log = Flaky::new().await;
    let expected = many_reads(&log, 65_000).await;
    for (seen, crashes) in [(1, true), (1_500, false), (2_500, true), (4_000, false)] {
        let matcher = log.start();
        log.hits(seen).await;
        if crashes {
            matcher.task.abort();
            let _ = matcher.task.await;
        } else {
            matcher.stop().await;
        }
    }
    let matcher = log.start();
    assert_eq!(until_all(&log, &expected).await, expected);
    matcher.stop().await;
}

async fn until_all(log: &Flaky, expected: &BTreeSet<HitId>) -> BTreeSet<HitId> {
    let mut count = expected.len();
    loop {
        let hits = log.hits(count).await;
        let ids: BTreeSet<_> = hits.iter().map(|hit| hit.hit_id).collect();
        if ids.len() >= expected.len() {
            return ids;
        }
        count = hits.len() + 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_log_loses_and_skips_nothing() {
    let log = Flaky::new().await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    log.publishes_to_fail.store(4, Ordering::SeqCst);
    log.put(&[entry("AB12CDE", "", None)]).await;
    log.mark(1).await;
    until_applied(&log, Revision(1)).await;
    let expected = many_reads(&log, 3_000).await;
    matcher.until_ready(false).await;
    assert_eq!(until_all(&log, &expected).await, expected);
    matcher.until_ready(true).await;
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_lists_cannot_be_followed_reads_go_on_under_the_last_revision() {
    let log = Flaky::new().await;
    log.put(&[entry("AB12CDE", "", None)]).await;
    log.mark(1).await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    log.polls_to_fail.store(5, Ordering::SeqCst);
    matcher.until_ready(false).await;
    log.reads(&[read("AB12CDE", 1)]).await;
    assert_eq!(log.hits(1).await[0].revision, Revision(1));
    log.mark(2).await;
    until_ready_and_applied(&log, &matcher).await;
    matcher.stop().await;
}

async fn until_ready_and_applied(log: &Flaky, matcher: &common::Running) {
    matcher.until_ready(true).await;
    let waited = async {
        let mut tail = log.tail(Topic::MatcherStatus, Start::Beginning).await.unwrap();
        loop {
            let words = tail.poll(100, Duration::from_millis(50)).await.unwrap();
            if words
                .iter()
                .any(|word| wire::decode::<MatcherStatus>(word).unwrap().revision == Revision(2))
            {
                break;
            }
        }
    };
    tokio::time::timeout(common::PATIENCE, waited)
        .await
        .expect("applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_read_is_kept_aside_and_its_neighbours_pass() {
    let log = Flaky::new().await;
    log.put(&[entry("AB12CDE", "", None)]).await;
    log.mark(1).await;
    let matcher = log.start();
    let good = wire::read_record(&read("AB12CDE", 1)).unwrap();
    let with_value = |value: Option<&'static [u8]>| stream::Record {
        value: value.map(Bytes::from_static),
        ..good.clone()
    };
    let with_key = |key: Option<&'static [u8]>| stream::Record {
        key: key.map(Bytes::from_static),
        ..good.clone()
    };
    let harmless = stream::Record {
        key: Some(Bytes::from_static(b"ZZ99ZZZ")),
        ..with_value(Some(b"garbage"))
    };
    let poisoned = vec![
        with_value(Some(b"{\"vrm\": \"AB12CDE\"")),
        with_value(Some(b"{\"vrm\": \"AB12CDE\"}")),
        with_value(Some(b"nonsense")),
        with_value(None),
        with_key(None),
        with_key(Some(b"ab12cde")),
    ];
    let count = poisoned.len();
    let other = stream::Record {
        value: wire::read_record(&read("AB12CDF", 2)).unwrap().value,
        ..good.clone()
    };
    log.send(Topic::Reads, [poisoned, vec![other, harmless, good]].concat())
        .await;

    assert_eq!(log.hits(1).await.len(), 1);
    let letters = log.all(Topic::DeadLetters, count + 1).await;
    let letters: Vec<DeadLetter> = letters
        .iter()
        .map(|record| wire::decode(record).unwrap())
        .collect();
    assert_eq!(
        letters.len(),
        count + 1,
        "a value that nothing asks for is never opened"
    );
    for letter in &letters {
        assert!(!letter.reason.contains("AB12"), "{}", letter.reason);
        assert!(
            letter.reason.contains("plate.reads.v1 partition"),
            "{}",
            letter.reason
        );
    }
    let reasons: BTreeMap<_, _> = letters.iter().map(|letter| (&letter.reason[..16], ())).collect();
    assert!(reasons.len() >= 5, "{reasons:?}");
    matcher.stop().await;
}
