//! The pure core against slow oracles, on seeded random input.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::{at, entry, read};
use domain::hit::Hit;
use domain::hotlist::{Entry, Revision};
use domain::read::PlateRead;
use domain::{EntryId, HitId};
use matcher::index::Index;
use matcher::lists::Lists;
use matcher::matching::{self, Found};
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
            if read.vrm.as_str() == entry.vrm.as_str()
                && entry.expires_at.is_none_or(|end| read.captured_at < end)
            {
                hits.insert(HitId::of_hit(read.read_id, entry.entry_id));
            }
        }
    }
    hits
}

fn matched(reads: &[PlateRead], index: &Index) -> Vec<Hit> {
    let (mut candidates, mut hits) = (Vec::new(), Vec::new());
    matching::probe(
        reads.iter().map(|read| Some(read.vrm.as_bytes())),
        index,
        &mut candidates,
    );
    for candidate in candidates {
        let Found::Entries(span) = candidate.found else {
            panic!("a mark is a mark")
        };
        matching::judge(&reads[candidate.read], span, index, at(5), &mut hits);
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
        let index = Index::build(Revision(seed), entries.iter().cloned().map(Arc::new).collect());
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
    let index = Index::build(Revision(1), vec![Arc::new(entry("AB12CDE", "", None))]);
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
    EntryChange::Mark(RevisionMark {
        revision: Revision(revision),
        entries: 0,
        published_at: at(0),
    })
}

fn ids(lists: &Lists) -> BTreeSet<EntryId> {
    lists.entries().iter().map(|entry| entry.entry_id).collect()
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
            assert_eq!(ids(&lists), shown, "seed {seed}");
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
    assert!(lists.entries().is_empty());
    assert!(lists.take(mark(6), false));
    assert_eq!(lists.entries().len(), 1);
    assert!(lists.take(mark(3), true), "a database restored from a backup");
    assert_eq!(lists.revision(), Some(Revision(3)));
    assert!(lists.take(mark(4), false));
}
