//! Patterns of marks: the tree that finds them, and the hits that they lead to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Flaky, at, entry, read, sure};
use domain::hit::MatchKind;
use domain::hotlist::{Entry, Grade, Revision};
use domain::pattern::{MAX_PATTERNS, Pattern};
use domain::scope::{Direction, Scope};
use domain::target::Target;
use domain::{EntryId, SignedDuration, Timestamp, Vrm};
use matcher::beliefs::Beliefs;
use matcher::index::Index;
use matcher::lists::Lists;
use matcher::matching::{self, Found, Walk};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stream::topic::Topic;
use stream::wire::{EntryChange, RevisionMark};

/// An entry for a mark or a pattern.
fn listed(text: &str, reference: &str) -> Entry {
    let target = Target::parse(text).unwrap();
    let entry = entry("AB12CDE", reference, None);
    Entry {
        entry_id: EntryId::of_entry(&entry.list, target, reference),
        target,
        ..entry
    }
}

fn mark(rng: &mut ChaCha8Rng) -> Vrm {
    let length = rng.random_range(3..=10);
    let text: String = (0..length)
        .map(|_| ['A', 'B', '1', '8'][rng.random_range(0..4)])
        .collect();
    Vrm::parse(&text).unwrap()
}

/// A mark with characters taken out, so that it fits some reads; or any characters at all.
fn pattern(rng: &mut ChaCha8Rng) -> Pattern {
    loop {
        let characters: Vec<String> = mark(rng)
            .as_str()
            .chars()
            .map(|character| match rng.random_range(0..10) {
                0..2 => "?".to_owned(),
                2 => "*".to_owned(),
                3 => format!("{character}*"),
                _ => character.to_string(),
            })
            .collect();
        if let Ok(pattern) = Pattern::parse(&characters.concat()) {
            return pattern;
        }
    }
}

/// Every `*` as each number of `?`, as far as a mark is long; then character by character.
fn fits(pattern: &str, mark: &str) -> bool {
    if pattern.bytes().filter(|byte| *byte != b'*').count() > mark.len() {
        return false;
    }
    if let Some((before, behind)) = pattern.split_once('*') {
        return (0..=mark.len()).any(|many| fits(&format!("{before}{}{behind}", "?".repeat(many)), mark));
    }
    pattern.len() == mark.len() && pattern.chars().zip(mark.chars()).all(|(p, m)| p == '?' || p == m)
}

/// Which reads of a batch fit a pattern, by their places.
fn probed(marks: &[Vrm], index: &Index, walk: &mut Walk) -> BTreeSet<usize> {
    let keys = || marks.iter().map(|mark| Some(mark.as_bytes()));
    let mut candidates = Vec::new();
    matching::probe_alike(keys(), index, |_| false, &mut candidates);
    matching::probe_wildcards(keys(), index, walk, &mut candidates);
    assert!(candidates.is_sorted_by_key(|candidate| candidate.read));
    let fitting = candidates
        .iter()
        .filter(|candidate| candidate.found == Found::Wildcard);
    fitting.map(|candidate| candidate.read).collect()
}

#[test]
fn patterns_are_found_as_by_a_linear_scan() {
    let (mut walk, mut all) = (Walk::default(), 0);
    for seed in 0..60 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut entries = BTreeMap::new();
        for _ in 0..rng.random_range(1..150) {
            let text = if rng.random_bool(0.2) {
                mark(&mut rng).to_string()
            } else {
                pattern(&mut rng).to_string()
            };
            let entry = listed(&text, &rng.random_range(0..2).to_string());
            entries.insert(entry.entry_id, entry);
        }
        let entries: Vec<Entry> = entries.into_values().collect();
        let index = Index::of(Revision(1), &entries);
        assert_eq!(index.len(), entries.len());
        let marks: Vec<Vrm> = (0..100).map(|_| mark(&mut rng)).collect();
        let found = probed(&marks, &index, &mut walk);
        for (place, mark) in marks.iter().enumerate() {
            let scan = entries.iter().filter(|entry| match entry.target {
                Target::Mark(_) => false,
                Target::Pattern(pattern) => {
                    let fits = fits(pattern.as_str(), mark.as_str());
                    assert_eq!(pattern.fits(*mark), fits, "seed {seed}");
                    fits
                }
            });
            let scan: Vec<Entry> = scan.cloned().collect();
            all += scan.len();
            assert_eq!(found.contains(&place), !scan.is_empty(), "seed {seed}");
            assert_eq!(index.fitting(*mark), scan, "seed {seed}");
        }
    }
    assert!(all > 1_000, "{all} fitted");
}

/// Whatever is put on the lists and taken off again, marks and patterns mixed, over many revisions.
#[test]
fn patterns_come_and_go_with_their_revision() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pool: Vec<Entry> = (0..40)
            .map(|number| match number % 2 {
                0 => listed(mark(&mut rng).as_str(), &number.to_string()),
                _ => listed(pattern(&mut rng).as_str(), &number.to_string()),
            })
            .collect();
        let (mut lists, mut naive) = (Lists::default(), BTreeSet::new());
        for revision in 1..100 {
            for _ in 0..rng.random_range(0..5) {
                let entry = &pool[rng.random_range(0..pool.len())];
                if rng.random_bool(0.6) {
                    lists.take(EntryChange::Put(Box::new(entry.clone())), false);
                    naive.insert(entry.entry_id);
                } else {
                    lists.take(EntryChange::Remove(entry.entry_id), false);
                    naive.remove(&entry.entry_id);
                }
            }
            let mark = RevisionMark {
                revision: Revision(revision),
                without: None,
                entries: 0,
                published_at: at(0),
            };
            lists.take(EntryChange::Mark(mark), false);
            let ids: BTreeSet<EntryId> = lists.index().all().map(|entry| entry.entry_id).collect();
            assert_eq!(ids, naive, "seed {seed}");
        }
    }
}

#[test]
fn patterns_beyond_the_bound_are_left_out_and_counted_alike_in_any_order() {
    let mut entries: Vec<Entry> = (0..MAX_PATTERNS + 50)
        .map(|number| listed(&format!("A{number:05}?"), ""))
        .collect();
    let one = Index::of(Revision(1), &entries);
    entries.reverse();
    let other = Index::of(Revision(1), &entries);
    assert_eq!((one.len(), one.patterns_left_out()), (MAX_PATTERNS, 50));
    let ids = |index: &Index| index.all().map(|entry| entry.entry_id).collect::<BTreeSet<_>>();
    assert_eq!(ids(&one), ids(&other));
}

#[test]
fn a_steady_batch_allocates_nothing_for_patterns() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let entries: Vec<Entry> = (0..2_000)
        .map(|number: u32| listed(pattern(&mut rng).as_str(), &number.to_string()))
        .collect();
    let index = Index::of(Revision(1), &entries);
    let marks: Vec<Vrm> = (0..1_000).map(|_| mark(&mut rng)).collect();
    let (mut walk, mut candidates) = (Walk::default(), Vec::with_capacity(marks.len()));
    let mut batch = || {
        candidates.clear();
        let keys = marks.iter().map(|mark| Some(mark.as_bytes()));
        matching::probe_wildcards(keys, &index, &mut walk, &mut candidates);
    };
    batch();
    let allocated = allocation_counter::measure(batch);
    assert_eq!(allocated.count_total, 0);
    assert!(candidates.len() > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_fits_a_pattern_is_a_hit_about_the_vehicle_that_was_read() {
    let log = Flaky::new().await;
    log.put(&[
        listed("AB1?CDE", ""),
        listed("AB12CDE", ""),
        Entry {
            scope: Scope {
                direction: Some(Direction::South),
                ..Scope::default()
            },
            ..listed("AB1*", "southbound")
        },
    ])
    .await;
    log.mark(1).await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    log.reads(&[
        read("AB1OCDE", 0),
        // looks like a mark that fits
        read("A81ZCDE", 1),
        read("AB12CDE", 2),
    ])
    .await;
    let records = log.all(Topic::Hits, 3).await;
    let mut found: Vec<_> = log
        .hits(3)
        .await
        .iter()
        .zip(&records)
        .map(|(hit, record)| {
            let key = String::from_utf8(record.key.as_deref().unwrap().to_vec()).unwrap();
            assert_eq!(key, hit.vrm().as_str());
            (
                hit.read.vrm.to_string(),
                hit.entry.target.to_string(),
                hit.kind,
                key,
            )
        })
        .filter(|(.., kind, _)| *kind != MatchKind::Misread)
        .collect();
    found.sort_by_key(|(read, target, ..)| (read.clone(), target.clone()));
    let expected = [
        ("AB12CDE", "AB12CDE", MatchKind::Exact, "AB12CDE"),
        ("AB12CDE", "AB1?CDE", MatchKind::Wildcard, "AB12CDE"),
        ("AB1OCDE", "AB1?CDE", MatchKind::Wildcard, "AB1OCDE"),
    ];
    let expected: Vec<_> = expected
        .map(|(read, target, kind, key)| (read.into(), target.into(), kind, key.to_string()))
        .into();
    assert_eq!(found, expected);
    matcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_urgent_pattern_is_found_among_the_sightings_of_the_last_day_for_each_vehicle() {
    let log = Flaky::new().await;
    let ago = |minutes| {
        let then = Timestamp::now() - SignedDuration::from_mins(minutes);
        then.as_millisecond() - at(0).as_millisecond()
    };
    log.put(&[listed("ZZ99ZZZ", "")]).await;
    log.mark(1).await;
    let matcher = log.start();
    matcher.until_ready(true).await;
    log.reads(&[
        sure("AB12CDE", "M57-J2-N", ago(90)),
        sure("AB12CDE", "M57-J6-N", ago(42)),
        sure("AB13CDE", "M57-J6-N", ago(20)),
        sure("AX13CDE", "M57-J6-N", ago(10)),
        sure("ZZ99ZZZ", "M57-J6-N", ago(5)),
    ])
    .await;
    // They have passed before the pattern is there.
    log.hits(1).await;
    log.put(&[Entry {
        grade: Grade::One,
        listed_at: Timestamp::now(),
        ..listed("AB1*", "")
    }])
    .await;
    log.mark(2).await;
    let mut found: Vec<_> = log
        .hits(3)
        .await
        .iter()
        .filter(|hit| hit.kind == MatchKind::Wildcard)
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
    let of = |mark: &str| (mark.to_owned(), MatchKind::Wildcard, true, "M57-J6-N".to_owned());
    assert_eq!(found, [of("AB12CDE"), of("AB13CDE")]);
    matcher.stop().await;
}

#[test]
fn a_pattern_is_no_rival_of_a_mark() {
    let index = Index::of(Revision(1), &[listed("AB1*", "")]);
    assert_eq!(index.vehicle(Vrm::parse("AB12CDE").unwrap()), None);
    let case = matching::Case {
        read: &read("AB12CDE", 0),
        seen: None,
        index: &index,
        beliefs: &Beliefs::default(),
        posts: &matcher::posts::Posts::default(),
        now: at(0),
    };
    let mut hits = Vec::new();
    matching::judge_wildcards(&case, &mut hits);
    assert_eq!((hits.len(), hits[0].assessment.as_ref()), (1, None));
}
