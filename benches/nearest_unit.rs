//! The five units to propose: the R*-tree beside what a user would write instead, a sort by distance.

use std::collections::HashSet;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dispatcher::ranking::UnitMap;
use domain::unit::{UnitPosition, UnitState};
use domain::{BcuCode, CallSign, Position, Timestamp};

/// Units of a force, of a region, of a country.
const SIZES: [usize; 3] = [100, 1_000, 5_000];

/// Units strewn over Merseyside by a low-discrepancy sequence: the same in every run, without a seed.
fn units(count: usize, now: Timestamp) -> Vec<UnitPosition> {
    let fraction = |index: usize, step: f64| (index as f64 * step).fract();
    let unit = |index| UnitPosition {
        callsign: CallSign::parse(&format!("u{index}")).expect("a callsign"),
        bcu: BcuCode::parse(["A", "B", "C", "D", "E", "F"][index % 6]).expect("a code"),
        position: Position::new(
            53.3 + 0.3 * fraction(index, 0.754_877_7),
            -3.2 + 0.6 * fraction(index, 0.569_840_3),
        )
        .expect("a place"),
        heading: 0.0,
        speed_kmh: 40.0,
        state: UnitState::Available,
        deployment: None,
        crew: 2,
        skills: Vec::new(),
        at: now,
    };
    (0..count).map(unit).collect()
}

fn nearest_unit(criterion: &mut Criterion) {
    let now = Timestamp::from_second(1_790_000_000).expect("a time");
    let place = Position::new(53.41, -2.98).expect("a place");
    let bcu = BcuCode::parse("A").expect("a code");
    let bound = HashSet::new();
    let mut group = criterion.benchmark_group("nearest_unit");
    for size in SIZES {
        let units = units(size, now);
        let map = UnitMap::new(&units, &bound, now);
        group.bench_function(BenchmarkId::new("r_tree", size), |b| {
            b.iter(|| map.rank(black_box(place), Some(&bcu)));
        });
        group.bench_function(BenchmarkId::new("r_tree_built_anew", size), |b| {
            b.iter(|| UnitMap::new(black_box(&units), &bound, now).rank(place, Some(&bcu)));
        });
        group.bench_function(BenchmarkId::new("sort_by_distance", size), |b| {
            b.iter(|| {
                let mut sorted: Vec<_> = units
                    .iter()
                    .map(|unit| (unit.position.distance_m(place), unit))
                    .collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                sorted.truncate(5);
                sorted
            });
        });
    }
    group.finish();
}

criterion_group!(benches, nearest_unit);
criterion_main!(benches);
