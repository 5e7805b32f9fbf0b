//! Matching by the number of entries, in memory and in time.

use std::collections::HashMap;
use std::hint::black_box;

use allocation_counter::measure as measure_allocations;
use anyhow::Result;
use domain::hotlist::{Entry, Revision};
use domain::{EntryId, Vrm};
use matcher::index::Index;
use matcher::lists::Lists;
use matcher::matching::probe;
use serde_json::{Value, json};
use stream::wire::{EntryChange, RevisionMark};
use stream::{Record, wire};

use crate::{measure, rig};

const SIZES: [usize; 7] = [
    100_000, 300_000, 1_000_000, 2_000_000, 3_000_000, 5_000_000, 10_000_000,
];
const TINY: [usize; 2] = [21_000, 25_000];
/// Reads in a batch.
const BATCH: usize = 10_000;
/// Letters of marks, and how many such marks there are.
const LETTERS: u32 = 26;
const NEVER_ISSUED: usize = LETTERS.pow(5) as usize;
const _: () = assert!(SIZES[SIZES.len() - 1] < NEVER_ISSUED);

/// Cost of a read by the number of entries.
pub fn grow() -> Result<Vec<Value>> {
    let world = rig::world();
    let own = rig::own_entries(&world);
    let reads: Vec<Record> = rig::reads(&world, BATCH)
        .iter()
        .map(wire::read_record)
        .collect::<Result<_, _>>()?;
    let keys = || reads.iter().map(|read| read.key.as_deref());
    let per_read_ns = |batch_s: f64| batch_s * 1e9 / BATCH as f64;
    let mut points = Vec::new();
    for size in rig::sized(&SIZES[..], &TINY) {
        let absent = size.saturating_sub(own.len());
        let mut index = Index::default();
        // What stays allocated, whatever the system lends the process.
        let bytes = measure_allocations(|| index = index_of(&own, absent)).bytes_current;
        let mut candidates = Vec::new();
        let ours = measure::seconds(|| probe(black_box(keys()), &index, &mut candidates));
        drop(index);
        let map: HashMap<Vrm, u32> = own
            .iter()
            .filter_map(|entry| entry.target.mark())
            .chain((0..absent).map(never_issued))
            .zip(0..)
            .collect();
        let found = |key: &&[u8]| {
            let text = std::str::from_utf8(key).unwrap_or_default();
            Vrm::parse(text).is_ok_and(|vrm| map.contains_key(&vrm))
        };
        let theirs = measure::seconds(|| {
            black_box(keys().flatten().filter(found).count());
        });
        points.push(json!({
            "x": size,
            "probe_ns": per_read_ns(ours),
            "hash_map_ns": per_read_ns(theirs),
            "bytes_per_entry": bytes as f64 / *size as f64,
        }));
    }
    Ok(points)
}

/// The world's own lists and so many vehicles that are never seen, as a matcher takes them from the log: one by one.
fn index_of(own: &[Entry], absent: usize) -> Index {
    let mut lists = Lists::default();
    let pattern = own[own.len() - 1].clone();
    let filler = (0..absent).map(|number| {
        let vrm = never_issued(number);
        Entry {
            entry_id: EntryId::of_entry(&pattern.list, vrm, &pattern.reference),
            target: vrm.into(),
            ..pattern.clone()
        }
    });
    for entry in own.iter().cloned().chain(filler) {
        lists.take(EntryChange::Put(Box::new(entry)), false);
    }
    let mark = RevisionMark {
        revision: Revision(1),
        without: None,
        entries: (own.len() + absent) as u64,
        published_at: rig::now(),
    };
    lists.take(EntryChange::Mark(mark), false);
    lists.index()
}

/// The `number`th mark with the year 00, which no vehicle bears: on a list it is never seen.
fn never_issued(number: usize) -> Vrm {
    let letter = |place: u32| {
        let index = number as u32 / LETTERS.pow(place) % LETTERS;
        char::from(b'A' + index as u8)
    };
    let text = format!(
        "{}{}00{}{}{}",
        letter(0),
        letter(1),
        letter(2),
        letter(3),
        letter(4)
    );
    Vrm::parse(&text).expect("a mark")
}
