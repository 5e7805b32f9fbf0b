//! What a read costs: the matcher in full and with exact marks alone, beside a bare hash map and what else a user would take.
//!
//! With `--json FILE` every method looks the same reads up on one thread, in rounds that take turns so that a noisy moment meets all
//! of them, and the medians go to FILE: `{"rows": [{method, entries, ns_per_read, bytes_per_entry, recall}]}`. Recall is the share of
//! misreadings of listed marks that lead to the mark. Without it, criterion does the usual.
//!
//! `--entries N,N,..` (100,000, 1,000,000 and 10,000,000 unless given), `--reads N`, `--rounds N` and `--seed N` go with `--json`.

mod methods;
mod world;

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use domain::Vrm;
use methods::Method;
use world::World;

/// Misreadings that recall is measured with; fewer for methods that take one read in so many.
const MISREADINGS: usize = 20_000;

fn main() {
    let arguments = Arguments::parse();
    match &arguments.json {
        Some(file) => {
            let rows = measure_all(&arguments);
            let text = serde_json::to_string_pretty(&serde_json::json!({ "rows": rows }))
                .expect("numbers and names");
            std::fs::write(file, text + "\n").expect("the file can be written");
        }
        None => with_criterion(),
    }
}

struct Arguments {
    json: Option<String>,
    entries: Vec<usize>,
    reads: usize,
    rounds: usize,
    seed: u64,
}

impl Arguments {
    fn parse() -> Self {
        let given: Vec<String> = std::env::args().collect();
        let value = |name: &str| {
            let place = given.iter().position(|argument| argument == name)?;
            given.get(place + 1).cloned()
        };
        let number = |name, default| value(name).map_or(default, |text| text.parse().expect("a number"));
        let entries = value("--entries").unwrap_or("100000,1000000,10000000".into());
        Self {
            json: value("--json"),
            entries: entries
                .split(',')
                .map(|text| text.parse().expect("numbers with commas between"))
                .collect(),
            reads: number("--reads", 1_000_000),
            rounds: number("--rounds", 7),
            seed: number("--seed", 1) as u64,
        }
    }
}

fn measure_all(arguments: &Arguments) -> Vec<serde_json::Value> {
    let mut rows = Vec::new();
    for entries in &arguments.entries {
        eprintln!("{entries} entries: building");
        let world = World::new(*entries, arguments.reads, MISREADINGS, arguments.seed);
        let mut methods = methods::all(&world.listed);
        let medians = medians(&mut methods, &world.reads, arguments.rounds);
        for (method, ns_per_read) in methods.iter_mut().zip(medians) {
            let recall = recall(method.as_mut(), &world.misread);
            let (name, bytes) = (method.name(), method.bytes_per_entry());
            eprintln!(
                "{entries:>10} {name:<16} {ns_per_read:>10.1} ns {bytes:>6.1} bytes an entry, recall {recall:.3}"
            );
            rows.push(serde_json::json!({
                "method": name,
                "entries": entries,
                "ns_per_read": ns_per_read,
                "bytes_per_entry": bytes,
                "recall": recall,
            }));
        }
    }
    rows
}

/// Nanoseconds a read: the median of all rounds, in which the methods take turns.
fn medians(methods: &mut [Box<dyn Method>], reads: &[Vrm], rounds: usize) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(rounds); methods.len()];
    for round in 0..=rounds {
        for (method, times) in methods.iter_mut().zip(&mut times) {
            let count = (reads.len() / method.one_in()).max(1);
            let begin = (round * count) % (reads.len() - count + 1);
            let reads = &reads[begin..begin + count];
            let started = Instant::now();
            black_box(method.look_up(reads));
            let time = started.elapsed().as_nanos() as f64 / count as f64;
            // The first round warms up.
            if round > 0 {
                times.push(time);
            }
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    };
    times.into_iter().map(median).collect()
}

fn recall(method: &mut dyn Method, misread: &[(Vrm, Vrm)]) -> f64 {
    let count = (misread.len() / method.one_in().min(50)).max(1);
    let found = misread[..count]
        .iter()
        .filter(|(read, listed)| method.leads_to(*read, *listed))
        .count();
    found as f64 / count as f64
}

fn with_criterion() {
    // `cargo bench` says `--bench`; under `cargo test` one pass over a small world is enough.
    let bench = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[usize] = if bench { &[100_000, 1_000_000] } else { &[1_000] };
    let reads = if bench { 100_000 } else { 1_000 };
    let mut criterion = Criterion::default().configure_from_args();
    for entries in sizes {
        let world = World::new(*entries, reads, 100, 1);
        let mut group = criterion.benchmark_group("match_speed");
        for mut method in methods::all(&world.listed) {
            let reads = &world.reads[..(reads / method.one_in()).max(1)];
            group.throughput(Throughput::Elements(reads.len() as u64));
            group.bench_function(BenchmarkId::new(method.name(), entries), |bencher| {
                bencher.iter(|| method.look_up(black_box(reads)));
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
