//! What the matcher remembers: sightings before a read, clones, and entries that come after their vehicle.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use bytes::Bytes;
use common::{Flaky, at, entry, read, sure};
use domain::assessment::Evidence;
use domain::hit::{Hit, MatchKind};
use domain::hotlist::{Entry, Grade};
use domain::{SignedDuration, Timestamp};
use stream::topic::Topic;
use stream::{Record, wire};

/// Milliseconds from the tests' beginning to a minute of today.
fn minutes_ago(minutes: i64) -> i64 {
    let then = Timestamp::now() - SignedDuration::from_mins(minutes);
    then.as_millisecond() - at(0).as_millisecond()
}

fn urgent(plate: &str) -> Entry {
    Entry {
        grade: Grade::One,
        listed_at: Timestamp::now(),
        ..entry(plate, "", None)
    }
}

/// By how much history moved the odds of a hit.
fn history(hit: &Hit) -> f64 {
    let terms = &hit.assessment.as_ref().unwrap().terms;
    terms
        .iter()
        .find(|term| term.evidence == Evidence::History)
        .unwrap()
        .log_odds
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_seen_all_day_is_another_car_also_after_a_restart() {
    let log = Flaky::new().await;
    log.put(&[urgent("MA12CDE")]).await;
    log.mark(1).await;
    let (minute, sites) = (60_000, ["M57-J2-N", "M57-J6-N", "M6-J26-N"]);
    // A mark that looks like it, at three sites in turn: some neighbour's car.
    let before: Vec<_> = (0..9)
        .map(|turn| sure("NA12CDE", sites[turn as usize % 3], turn * 60 * minute))
        .collect();
    let matcher = log.start();
    matcher.until_ready(true).await;
    log.reads(&before).await;
    log.reads(&[sure("MA12CDE", sites[0], 600 * minute)]).await;
    let hits = log.hits(1).await;
    let early: Vec<_> = hits.iter().filter(|hit| hit.kind == MatchKind::Misread).collect();
    assert!(
        early.len() < 3,
        "{}: at first it may be the wanted one",
        early.len()
    );
    matcher.stop().await;

    // A matcher that starts anew knows it from the log alone.
    let matcher = log.start();
    log.reads(&[
        sure("NA12CDE", sites[1], 620 * minute),
        sure("MA12CDE", sites[1], 621 * minute),
    ])
    .await;
    let hits = log.hits(hits.len() + 1).await;
    let last = hits.last().unwrap();
    assert_eq!((last.kind, last.read.vrm.as_str()), (MatchKind::Exact, "MA12CDE"));
    assert!(
        history(last) > 0.0,
        "its own sighting of before counts: {}",
        history(last)
    );
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_at_two_places_at_once_is_a_clone() {
    let log = Flaky::new().await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    let minute = 60_000;
    log.reads(&[
        sure("AB12CDE", "M57-J2-N", 0),
        // 11 km in 10 minutes
        sure("AB12CDE", "M57-J6-N", 10 * minute),
        // 33 km in 2 minutes
        sure("AB12CDE", "M6-J26-N", 12 * minute),
        // as far, but nobody is sure of the mark
        read("XY34ZZZ", 0),
        sure("XY34ZZZ", "M6-J26-N", minute),
    ])
    .await;
    let hits = log.hits(1).await;
    let hit = &hits[0];
    assert_eq!(
        (hits.len(), hit.kind, hit.entry.list.as_str()),
        (1, MatchKind::Clone, "clones")
    );
    assert_eq!(hit.read, sure("AB12CDE", "M6-J26-N", 12 * minute));
    let journey = hit.journey.as_ref().unwrap();
    assert_eq!(
        (journey.from.camera.as_str(), journey.to.camera.as_str()),
        ("M57-J6-N", "M6-J26-N")
    );
    assert_eq!(
        (journey.from.at, journey.to.at),
        (at(10 * minute), at(12 * minute))
    );
    assert!(
        (33_000.0..34_000.0).contains(&journey.distance_m),
        "{}",
        journey.distance_m
    );
    assert!(
        (990.0..1_020.0).contains(&journey.speed_kmh),
        "{}",
        journey.speed_kmh
    );
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_cannot_be_opened_is_one_dead_letter_whatever_asks_for_it() {
    let log = Flaky::new().await;
    log.put(&[entry("AB12CDE", "", None)]).await;
    log.mark(1).await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    let minute = 60_000;
    for mark in ["AB12CDE", "XY34ZZZ"] {
        log.reads(&[sure(mark, "M57-J6-N", 0)]).await;
        // 33 km in a minute; only one of the two marks is listed.
        let poisoned = Record {
            value: Some(Bytes::from_static(b"nonsense")),
            ..wire::read_record(&sure(mark, "M6-J26-N", minute)).unwrap()
        };
        log.send(Topic::Reads, vec![poisoned]).await;
    }
    // Behind them in their partition, so that they were judged.
    log.reads(&[sure("AB12CDE", "M6-J26-N", 30 * minute)]).await;
    log.hits(2).await;
    assert_eq!(log.all(Topic::DeadLetters, 2).await.len(), 2);
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_urgent_entry_is_found_among_the_sightings_of_the_last_day() {
    let log = Flaky::new().await;
    log.put(&[entry("EF78GHJ", "", None)]).await;
    log.mark(1).await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    log.reads(&[
        sure("AB12CDE", "M57-J2-N", minutes_ago(25 * 60)),
        sure("AB12CDE", "M57-J2-N", minutes_ago(90)),
        sure("AB12CDE", "M57-J6-N", minutes_ago(42)),
        sure("XI34ZZZ", "M57-J6-N", minutes_ago(20)),
        sure("CD56EFG", "M57-J6-N", minutes_ago(10)),
        sure("EF78GHJ", "M57-J6-N", minutes_ago(5)),
    ])
    .await;
    // They came at once: with one of them all are judged, under the lists as they were.
    log.hits(1).await;
    log.put(&[
        urgent("AB12CDE"),
        urgent("X134ZZZ"),
        Entry {
            grade: Grade::Three,
            ..urgent("CD56EFG")
        },
    ])
    .await;
    log.mark(2).await;
    let hits = log.hits(3).await;
    let mut found: Vec<_> = hits
        .iter()
        .filter(|hit| hit.vrm().as_str() != "EF78GHJ")
        .map(|hit| {
            (
                hit.vrm().to_string(),
                hit.kind,
                hit.past,
                hit.read.camera.to_string(),
            )
        })
        .collect();
    found.sort_by_key(|found| found.0.clone());
    let there = "M57-J6-N".to_string();
    assert_eq!(
        found,
        [
            ("AB12CDE".to_string(), MatchKind::Exact, true, there.clone()),
            ("X134ZZZ".to_string(), MatchKind::Misread, true, there),
        ]
    );
    // From now on it is an entry like any other.
    log.reads(&[sure("AB12CDE", "M57-J6-N", minutes_ago(0))]).await;
    let hits = log.hits(4).await;
    let of_it = hits.iter().filter(|hit| hit.vrm().as_str() == "AB12CDE");
    assert_eq!(of_it.filter(|hit| !hit.past).count(), 1);
    matcher.stop().await;

    assert!(log.all(Topic::DeadLetters, 0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_came_while_no_matcher_ran_is_found_too() {
    let log = Flaky::new().await;
    log.put(&[entry("CD56EFG", "", None)]).await;
    log.mark(1).await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    let there = |plate: &str, minutes| sure(plate, "M57-J6-N", minutes_ago(minutes));
    log.reads(&[there("AB12CDE", 42), there("CD56EFG", 41)]).await;
    log.hits(1).await;
    matcher.stop().await;

    log.put(&[urgent("AB12CDE")]).await;
    log.mark(2).await;
    let matcher = log.start();
    // A partition's sightings are read again when its next read comes.
    let reads: Vec<_> = (0..40).map(|n| there(&format!("XY{n:02}ZZZ"), 1)).collect();
    log.reads(&reads).await;
    let hits = log.hits(2).await;
    assert!(hits[1].past && hits[1].vrm().as_str() == "AB12CDE");
    matcher.stop().await;
}
