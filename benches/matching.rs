//! A batch of reads against lists: the matcher's two steps beside what a user would write instead, a hash map by mark. More such
//! methods stand in the matcher's own `match_speed`.

mod rig;

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::hotlist::{Entry, Revision};
use domain::read::PlateRead;
use matcher::index::Index;
use matcher::matching::{Candidate, judge, probe};
use stream::{Record, wire};

/// Reads in a batch: what a matcher takes at once from a backlog.
const BATCH: usize = 10_000;
/// Entries of a force, and of a region.
const SIZES: [usize; 2] = [100_000, 1_000_000];
const TINY: [usize; 1] = [25_000];

fn matching(criterion: &mut Criterion) {
    let world = rig::world();
    let reads: Vec<Record> = rig::reads(&world, BATCH)
        .iter()
        .map(|read| wire::read_record(read).expect("a read has JSON"))
        .collect();
    let keys = || reads.iter().map(|read| read.key.as_deref());
    let mut group = criterion.benchmark_group("match");
    group.throughput(Throughput::Elements(BATCH as u64));
    for size in rig::sized(&SIZES[..], &TINY) {
        let entries = rig::entries(&world, *size);
        let index = Index::of(Revision(1), &entries);
        let (mut candidates, mut hits) = (Vec::new(), Vec::new());
        group.bench_function(BenchmarkId::new("probe", size), |b| {
            b.iter(|| probe(black_box(keys()), &index, &mut candidates));
        });
        group.bench_function(BenchmarkId::new("probe_open_judge", size), |b| {
            b.iter(|| {
                hits.clear();
                probe(black_box(keys()), &index, &mut candidates);
                for Candidate { read, .. } in &candidates {
                    let value = reads[*read].value.as_deref().unwrap_or_default();
                    let read: PlateRead = serde_json::from_slice(value).expect("its own JSON");
                    judge(&read, &index, rig::now(), &mut hits);
                }
                hits.len()
            });
        });
        drop(index);
        alternative(&mut group, *size, &entries, keys);
    }
    group.finish();
}

/// Counts the reads whose mark is on a list, as far as a hash map alone goes.
fn alternative<'k, K: Iterator<Item = Option<&'k [u8]>>>(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    size: usize,
    entries: &[Entry],
    keys: impl Fn() -> K,
) {
    let map: HashMap<&[u8], usize> = entries
        .iter()
        .enumerate()
        .map(|(number, entry)| (entry.vrm.as_bytes(), number))
        .collect();
    group.bench_function(BenchmarkId::new("std_hash_map", size), |b| {
        b.iter(|| keys().flatten().filter(|key| map.contains_key(key)).count());
    });
}

criterion_group!(benches, matching);
criterion_main!(benches);
