//! A batch of reads against lists, as the matcher does it: keys alone, then with the gate, the values and the score of what may be
//! a hit; beside what a user would write instead, a hash map by mark. More such methods stand in the matcher's own `match_speed`.

mod rig;

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::hotlist::{Entry, Revision};
use domain::read::PlateRead;
use matcher::beliefs::Beliefs;
use matcher::description::Description;
use matcher::gate::{Envelope, Gate};
use matcher::index::Index;
use matcher::matching::{Candidate, Case, Found, judge, probe, probe_alike};
use matcher::posts::Posts;
use stream::wire;

/// Reads in a batch: what a matcher takes at once from a backlog.
const BATCH: usize = 10_000;
/// Entries of a force, and of a region.
const SIZES: [usize; 2] = [100_000, 1_000_000];
const TINY: [usize; 1] = [25_000];

fn matching(criterion: &mut Criterion) {
    let world = rig::world();
    let reads: Vec<Read> = rig::reads(&world, BATCH).iter().map(Read::of).collect();
    let keys = || reads.iter().map(|read| Some(read.key.as_slice()));
    let (beliefs, posts) = (Beliefs::default(), Posts::default());
    let mut group = criterion.benchmark_group("match");
    group.throughput(Throughput::Elements(BATCH as u64));
    for size in rig::sized(&SIZES[..], &TINY) {
        let entries = rig::entries(&world, *size);
        let index = Index::of(Revision(1), &entries);
        let (mut candidates, mut hits) = (Vec::new(), Vec::new());
        group.bench_function(BenchmarkId::new("exact_keys", size), |b| {
            b.iter(|| probe(black_box(keys()), &index, &mut candidates));
        });
        group.bench_function(BenchmarkId::new("alike_keys", size), |b| {
            b.iter(|| probe_alike(black_box(keys()), &index, |_| true, &mut candidates));
        });
        group.bench_function(BenchmarkId::new("hits", size), |b| {
            b.iter(|| {
                hits.clear();
                let mut gate = Gate::new(&index, &beliefs);
                probe_alike(
                    black_box(keys()),
                    &index,
                    |likeness| gate.lets_pass(likeness, || reads[likeness.read].envelope()),
                    &mut candidates,
                );
                for Candidate { read, found } in &candidates {
                    if let Found::Listed { mark, .. } = found {
                        let case = Case {
                            read: &reads[*read].open(),
                            seen: None,
                            index: &index,
                            beliefs: &beliefs,
                            posts: &posts,
                            now: rig::now(),
                        };
                        judge(&case, std::iter::once(*mark), &mut hits).expect("confidences");
                    }
                }
                hits.len()
            });
        });
        drop(index);
        alternative(&mut group, *size, &entries, keys);
    }
    group.finish();
}

/// A read as it comes from the log.
struct Read {
    key: Vec<u8>,
    value: Vec<u8>,
    camera: String,
    looks: Description,
}

impl Read {
    fn of(read: &PlateRead) -> Self {
        let record = wire::read_record(read).expect("a read has JSON");
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        Self {
            key: record.key.unwrap_or_default().to_vec(),
            value: record.value.unwrap_or_default().to_vec(),
            camera: read.camera.to_string(),
            looks: Description::parse(&word(&read.vehicle.make), &word(&read.vehicle.colour)),
        }
    }

    fn envelope(&self) -> Envelope<'_> {
        Envelope {
            camera: &self.camera,
            looks: Some(self.looks),
            seen: None,
        }
    }

    fn open(&self) -> PlateRead {
        serde_json::from_slice(&self.value).expect("its own JSON")
    }
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
        .map(|(number, entry)| (entry.target.as_str().as_bytes(), number))
        .collect();
    group.bench_function(BenchmarkId::new("std_hash_map", size), |b| {
        b.iter(|| keys().flatten().filter(|key| map.contains_key(key)).count());
    });
}

criterion_group!(benches, matching);
criterion_main!(benches);
