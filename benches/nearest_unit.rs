//! The five units to propose: the R*-tree beside what a user would write instead, a sort by distance.

mod rig;

use std::collections::HashSet;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dispatcher::ranking::{PROPOSALS, UnitMap};
use domain::{BcuCode, Position};

/// Units of a force, of a region, of a country.
const SIZES: [usize; 3] = [100, 1_000, 5_000];

fn nearest_unit(criterion: &mut Criterion) {
    let now = rig::now();
    let place = Position::new(53.41, -2.98).expect("a place");
    let bcu = BcuCode::parse("A").expect("a code");
    let bound = HashSet::new();
    let mut group = criterion.benchmark_group("nearest_unit");
    for size in SIZES {
        let units = rig::units(size);
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
                sorted.truncate(PROPOSALS);
                sorted
            });
        });
    }
    group.finish();
}

criterion_group!(benches, nearest_unit);
criterion_main!(benches);
