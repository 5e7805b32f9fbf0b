//! What patterns cost a read: the tree that the matcher has, beside a look at one after the other.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::pattern::{MAX_PATTERNS, Pattern};
use domain::{ListName, Timestamp, Vrm};
use matcher::index::Index;
use matcher::matching::{self, Walk};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Reads of a batch.
const READS: usize = 10_000;
/// Patterns of a force on a busy day, and the most that there may be.
const SIZES: [usize; 2] = [100, MAX_PATTERNS];
/// Letters of marks.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNOPRSTUVWXYZ";

/// Makes a pattern.
type Make = fn(&mut ChaCha8Rng) -> String;

fn letter(rng: &mut ChaCha8Rng) -> char {
    char::from(LETTERS[rng.random_range(0..LETTERS.len())])
}

/// A mark as they are issued now: `AB12CDE`.
fn mark(rng: &mut ChaCha8Rng) -> String {
    let area = [letter(rng), letter(rng)].iter().collect::<String>();
    let year = rng.random_range(1..79);
    let end = [letter(rng), letter(rng), letter(rng)].iter().collect::<String>();
    format!("{area}{year:02}{end}")
}

/// As witnesses remember plates: how they begin or end, or all but a character or two.
fn remembered(rng: &mut ChaCha8Rng) -> String {
    let mark = mark(rng);
    match rng.random_range(0..4) {
        0 => format!("{}*", &mark[..rng.random_range(3..6)]),
        1 => format!("*{}", &mark[rng.random_range(2..5)..]),
        _ => without(rng, &mark, 2),
    }
}

/// What says the least: three characters anywhere.
fn scattered(rng: &mut ChaCha8Rng) -> String {
    let mark = mark(rng);
    match rng.random_range(0..3) {
        0 => format!("*{}*", &mark[rng.random_range(0..4)..][..3]),
        1 => format!("{}*{}*{}", &mark[..1], &mark[3..4], &mark[6..]),
        _ => without(rng, &mark, 4),
    }
}

fn without(rng: &mut ChaCha8Rng, mark: &str, count: usize) -> String {
    let mut text: Vec<char> = mark.chars().collect();
    for _ in 0..count {
        text[rng.random_range(0..mark.len())] = '?';
    }
    text.into_iter().collect()
}

fn entries(patterns: &[Pattern]) -> Vec<Entry> {
    let list = ListName::parse("partial").expect("a name");
    let entry = |pattern: &Pattern| Entry {
        grade: Grade::Two,
        action: Action::Observe,
        reason: "seen leaving".into(),
        ..Entry::new(&list, *pattern, "", Timestamp::UNIX_EPOCH)
    };
    patterns.iter().map(entry).collect()
}

fn wildcards(criterion: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let reads: Vec<Vrm> = (0..READS)
        .map(|_| Vrm::parse(&mark(&mut rng)).expect("a mark"))
        .collect();
    let kinds: [(&str, Make); 2] = [("remembered", remembered), ("scattered", scattered)];
    let mut group = criterion.benchmark_group("wildcards");
    group.throughput(Throughput::Elements(READS as u64));
    group.sample_size(10);
    for (kind, make) in kinds {
        for size in SIZES {
            let mut patterns: Vec<Pattern> = Vec::new();
            while patterns.len() < size {
                patterns.extend(Pattern::parse(&make(&mut rng)).ok());
            }
            let index = Index::of(Revision(1), &entries(&patterns));
            let (mut walk, mut candidates) = (Walk::default(), Vec::new());
            group.bench_function(BenchmarkId::new(format!("{kind}/tree"), size), |b| {
                b.iter(|| {
                    candidates.clear();
                    let keys = black_box(&reads).iter().map(|mark| Some(mark.as_bytes()));
                    matching::probe_wildcards(keys, &index, &mut walk, &mut candidates);
                    candidates.len()
                });
            });
            // A hundredth of the reads: the scan of all takes a second at 10,000 patterns.
            let some = &reads[..READS / 100];
            group.throughput(Throughput::Elements(some.len() as u64));
            group.bench_function(BenchmarkId::new(format!("{kind}/scan"), size), |b| {
                let any = |mark: &&Vrm| patterns.iter().any(|pattern| pattern.fits(**mark));
                b.iter(|| black_box(some).iter().filter(any).count());
            });
            group.throughput(Throughput::Elements(READS as u64));
        }
    }
    group.finish();
}

criterion_group!(benches, wildcards);
criterion_main!(benches);
