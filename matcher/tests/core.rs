//! The pure core against slow oracles, on seeded random input.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{at, entry, read};
use domain::hit::Hit;
use domain::hotlist::{Action, Entry, Grade, Marker, Revision};
use domain::nominal::{LinkedNominal, Relation};
use domain::read::PlateRead;
use domain::reason::ReasonCode;
use domain::scope::{Direction, Scope};
use domain::{BcuCode, EntryId, HitId, NominalRef, SiteId, Timestamp};
use matcher::beliefs::Beliefs;
use matcher::index::Index;
use matcher::lists::Lists;
use matcher::matching::{self, Case, Found};
use matcher::posts::Posts;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stream::wire::{EntryChange, RevisionMark};

/// Few characters and short marks, so that marks meet.
fn plate(rng: &mut ChaCha8Rng) -> String {
    let length = rng.random_range(2..=4);
    (0..length)
        .map(|_| ['A', 'B', '0', '8'][rng.random_range(0..4)])
        .collect::<String>()
        .replace("00", "A0")
}

fn entries(rng: &mut ChaCha8Rng, count: usize) -> Vec<Entry> {
    let mut known = BTreeMap::new();
    for _ in 0..count {
        let expires_at = rng.random_bool(0.3).then(|| at(rng.random_range(0..1_000)));
        let entry = entry(&plate(rng), &rng.random_range(0..3).to_string(), expires_at);
        known.insert(entry.entry_id, entry);
    }
    known.into_values().collect()
}

/// Every read against every entry.
fn scan(reads: &[PlateRead], entries: &[Entry]) -> BTreeSet<HitId> {
    let mut hits = BTreeSet::new();
    for read in reads {
        for entry in entries {
            if read.vrm.as_str() == entry.target.as_str()
                && entry.expires_at.is_none_or(|end| read.captured_at < end)
            {
                hits.insert(HitId::of_hit(read.read_id, entry.entry_id));
            }
        }
    }
    hits
}

fn matched(reads: &[PlateRead], index: &Index) -> Vec<Hit> {
    let beliefs = Beliefs::default();
    let (mut candidates, mut hits) = (Vec::new(), Vec::new());
    matching::probe(
        reads.iter().map(|read| Some(read.vrm.as_bytes())),
        index,
        &mut candidates,
    );
    for candidate in candidates {
        assert!(matches!(candidate.found, Found::Listed { .. }));
        let read = &reads[candidate.read];
        let case = Case {
            read,
            seen: None,
            index,
            beliefs: &beliefs,
            posts: &Posts::default(),
            now: at(5),
        };
        matching::judge(&case, [read.vrm].into_iter(), &mut hits).unwrap();
    }
    hits
}

#[test]
fn matching_agrees_with_a_linear_scan() {
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = rng.random_range(0..80);
        let entries = entries(&mut rng, count);
        let reads: Vec<_> = (0..200).map(|ms| read(&plate(&mut rng), ms * 5)).collect();
        let index = Index::of(Revision(seed), &entries);
        let hits = matched(&reads, &index);
        let ids: BTreeSet<_> = hits.iter().map(|hit| hit.hit_id).collect();
        assert_eq!(ids.len(), hits.len(), "a hit twice, seed {seed}");
        assert_eq!(ids, scan(&reads, &entries), "seed {seed}");
        assert!(
            hits.iter()
                .all(|hit| hit.revision == Revision(seed) && hit.matched_at == at(5))
        );
    }
}

#[test]
fn keys_that_are_no_mark_are_pointed_out_and_the_rest_are_passed_over() {
    let index = Index::of(Revision(1), &[entry("AB12CDE", "", None)]);
    let mut candidates = Vec::new();
    let keys: [Option<&[u8]>; 5] = [
        Some(b"ZZ99ZZZ"),
        None,
        Some(b"AB12CDE"),
        Some(b"ab12cde"),
        Some(b"ABCDEFGHIJK"),
    ];
    matching::probe(keys.into_iter(), &index, &mut candidates);
    let places: Vec<_> = candidates
        .iter()
        .map(|found| (found.read, found.found == Found::NoMark))
        .collect();
    assert_eq!(places, [(1, true), (2, false), (3, true), (4, true)]);
}

fn mark(revision: u64) -> EntryChange {
    mark_without(revision, None)
}

fn mark_without(revision: u64, without: Option<u64>) -> EntryChange {
    EntryChange::Mark(RevisionMark {
        revision: Revision(revision),
        without: without.map(Revision),
        entries: 0,
        published_at: at(0),
    })
}

/// The entries of the pool that are on the lists.
fn ids(lists: &mut Lists, pool: &[Entry]) -> BTreeSet<EntryId> {
    let index = lists.index();
    let of_mark = |entry: &Entry| index.entries(entry.target.as_str().as_bytes());
    let found: BTreeSet<EntryId> = pool
        .iter()
        .flat_map(of_mark)
        .map(|entry| entry.entry_id)
        .collect();
    assert_eq!(found.len(), index.len());
    found
}

#[test]
fn lists_show_the_state_at_the_last_mark_and_nothing_of_what_follows() {
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pool = entries(&mut rng, 30);
        let mut lists = Lists::default();
        let (mut naive, mut shown) = (BTreeSet::new(), BTreeSet::new());
        let mut revision = 0;
        for _ in 0..300 {
            let entry = &pool[rng.random_range(0..pool.len())];
            match rng.random_range(0..10) {
                0..6 => {
                    assert!(!lists.take(EntryChange::Put(Box::new(entry.clone())), false));
                    naive.insert(entry.entry_id);
                }
                6..9 => {
                    assert!(!lists.take(EntryChange::Remove(entry.entry_id), false));
                    naive.remove(&entry.entry_id);
                }
                _ => {
                    revision += 1;
                    assert!(lists.take(mark(revision), false));
                    shown = naive.clone();
                }
            }
            assert_eq!(ids(&mut lists, &pool), shown, "seed {seed}");
        }
    }
}

/// A long revision of one half of the pool is on its way, while others change the other half.
#[test]
fn what_is_on_its_way_counts_once_it_is_whole() {
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pool = entries(&mut rng, 30);
        let (far, near) = pool.split_at(15);
        let mut lists = Lists::default();
        let (mut naive, mut coming, mut shown) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut revision, mut long) = (0, None);
        for _ in 0..300 {
            let aside = long.is_some() && rng.random_bool(0.5);
            let half = if aside || (long.is_none() && rng.random_bool(0.5)) {
                far
            } else {
                near
            };
            let entry = &half[rng.random_range(0..half.len())];
            let change = match rng.random_range(0..10) {
                0..5 => EntryChange::Put(Box::new(entry.clone())),
                5..8 => EntryChange::Remove(entry.entry_id),
                8 if long.is_none() => {
                    // All that came before has a mark: else the long one's mark would be the first that it counts with.
                    revision += 1;
                    lists.take(mark(revision), false);
                    shown = naive.clone();
                    revision += 1;
                    long = Some(revision);
                    coming = naive.clone();
                    continue;
                }
                8 => {
                    assert!(lists.take(mark(revision), false), "it completes");
                    long = None;
                    naive.retain(|id| near.iter().any(|entry| entry.entry_id == *id));
                    naive.extend(
                        coming
                            .iter()
                            .filter(|id| far.iter().any(|entry| entry.entry_id == **id)),
                    );
                    shown = naive.clone();
                    continue;
                }
                _ => {
                    revision += 1;
                    assert!(lists.take(mark_without(revision, long), false));
                    assert_eq!(lists.without(), long.map(Revision));
                    shown = naive.clone();
                    continue;
                }
            };
            let state = if aside { &mut coming } else { &mut naive };
            match &change {
                EntryChange::Put(entry) => state.insert(entry.entry_id),
                _ => state.remove(&entry.entry_id),
            };
            if aside {
                lists.take_aside(change);
            } else {
                assert!(!lists.take(change, false));
            }
            assert_eq!(ids(&mut lists, &pool), shown, "seed {seed}");
        }
    }
}

#[test]
fn a_late_mark_is_no_revision_and_a_repair_is_one() {
    let mut lists = Lists::default();
    assert!(lists.is_blank());
    assert!(lists.take(mark(5), false));
    lists.take(EntryChange::Put(Box::new(entry("AB12CDE", "", None))), false);
    assert!(
        !lists.take(mark(5), false),
        "another publisher's word for the same revision"
    );
    assert!(!lists.take(mark(4), false), "another publisher's late word");
    assert!(lists.index().is_empty());
    assert!(lists.take(mark(6), false));
    assert_eq!(lists.index().len(), 1);
    assert!(lists.take(mark(3), true), "a database restored from a backup");
    assert_eq!(lists.revision(), Some(Revision(3)));
    assert!(lists.take(mark(4), false));
}

/// Texts of every kind: none, one that many share, one of its own, the longest, beyond ASCII.
fn text(rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..5) {
        0 => String::new(),
        1 => "Taken without consent".into(),
        2 => rng.random::<u64>().to_string(),
        3 => "x".repeat(2_000),
        _ => "ĄĘß→漢字\n\"".into(),
    }
}

fn scope(rng: &mut ChaCha8Rng) -> Scope {
    let site = |number: u32| SiteId::parse(&format!("M57-J{number}")).unwrap();
    Scope {
        sites: (0..rng.random_range(0..3))
            .map(|_| site(rng.random_range(0..9)))
            .collect(),
        bcus: (0..rng.random_range(0..2))
            .map(|_| BcuCode::parse("C").unwrap())
            .collect(),
        direction: rng.random_bool(0.2).then_some(Direction::West),
        hours: rng.random_bool(0.2).then(|| "22:00-06:30".parse().unwrap()),
    }
}

fn full_entry(rng: &mut ChaCha8Rng) -> Entry {
    let mut entry = entry(&plate(rng), &rng.random_range(0..4).to_string(), None);
    entry.grade = Grade::try_from(rng.random_range(1..=4)).unwrap();
    entry.action = [
        Action::Stop,
        Action::Observe,
        Action::Silent,
        Action::Intelligence,
    ][rng.random_range(0..4)];
    let markers = Marker::ALL.iter().map(|(marker, ..)| *marker);
    entry.markers = markers.filter(|_| rng.random_bool(0.1)).collect();
    entry.reason_code = ReasonCode::ALL[rng.random_range(0..ReasonCode::ALL.len())].0;
    entry.reason = text(rng);
    entry.information = text(rng);
    entry.make = text(rng);
    entry.model = text(rng);
    entry.colour = text(rng);
    entry.owner = text(rng);
    entry.handling = text(rng);
    entry.nominals = (0..rng.random_range(0..3))
        .map(|number| LinkedNominal {
            reference: NominalRef::parse(&format!("P{number}")).unwrap(),
            relations: vec![Relation::Keeper],
            markers: entry.markers.clone(),
        })
        .collect();
    entry.listed_at =
        Timestamp::from_nanosecond(rng.random_range(-1_000_000..1_000_000_000_000_000_000)).unwrap();
    entry.expires_at = rng.random_bool(0.5).then_some(Timestamp::MAX);
    entry.scope = scope(rng);
    entry
}

/// Whatever is put on the lists, changed and taken off again, over many revisions, is found as it was put last. An index
/// that is held meanwhile stays what it was.
#[test]
fn entries_come_back_as_they_were_put() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut lists = Lists::default();
        let mut naive: BTreeMap<EntryId, Entry> = BTreeMap::new();
        let mut held = None;
        for revision in 1..=200 {
            for _ in 0..rng.random_range(0..20) {
                let entry = full_entry(&mut rng);
                if rng.random_bool(0.7) {
                    naive.insert(entry.entry_id, entry.clone());
                    lists.take(EntryChange::Put(Box::new(entry)), false);
                } else {
                    naive.remove(&entry.entry_id);
                    lists.take(EntryChange::Remove(entry.entry_id), false);
                }
            }
            assert!(lists.take(mark(revision), false));
            let index = lists.index();
            compare(&index, &naive, seed);
            if revision % 50 == 1 {
                held = Some((index, naive.clone()));
            }
            let (index, naive) = held.as_ref().unwrap();
            compare(index, naive, seed);
        }
    }
}

fn compare(index: &Index, naive: &BTreeMap<EntryId, Entry>, seed: u64) {
    assert_eq!(index.len(), naive.len(), "seed {seed}");
    let mut by_mark: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in naive.values() {
        by_mark.entry(entry.target.as_str()).or_default().push(entry);
    }
    for (mark, entries) in by_mark {
        let found = index.entries(mark.as_bytes());
        assert_eq!(found.iter().collect::<Vec<_>>(), entries, "seed {seed}");
    }
}

/// What a million entries of the usual kind take decides which machine a force needs. The bound is on what is held in the
/// end, lists and index together.
#[test]
fn entries_are_small() {
    const COUNT: usize = 100_000;
    let mut held = None;
    let allocated = allocation_counter::measure(|| {
        let mut lists = Lists::default();
        for number in 0..COUNT {
            let mut entry = entry(
                &format!("AB{number:05}"),
                &format!("PNC/{number:06}A"),
                Some(at(0)),
            );
            entry.markers = vec![Marker::NoInsurance];
            entry.reason = "No insurance on the motor insurance database".into();
            entry.owner = "Merseyside, Liverpool North".into();
            entry.make = "FORD".into();
            lists.take(EntryChange::Put(Box::new(entry)), false);
        }
        lists.take(mark(1), false);
        let index = lists.index();
        assert_eq!(index.len(), COUNT);
        held = Some((lists, index));
    });
    let each = allocated.bytes_current / COUNT as i64;
    assert!((40..120).contains(&each), "{each} bytes an entry");
    drop(held);
}
