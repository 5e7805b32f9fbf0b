//! A case's life as a fold of pure transitions, beside what a user might write instead: all hits anew for each new one.

mod rig;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::case::{self, Case, CaseEvent, Command, DeploymentState, Outcome};
use domain::hit::Hit;
use domain::{CallSign, Timestamp, UserName};

/// Sightings of one vehicle: the second raises the grade, 16 were the case of 2009, a delivery van makes 200 a day.
const SIGHTINGS: [usize; 3] = [2, 16, 200];
/// What people and units do to a case that ends well: confirm, deploy, four steps of the unit's, close.
const DECISIONS: usize = 7;

fn case_fold(criterion: &mut Criterion) {
    let world = rig::world();
    let first = rig::hits(&world, 1).remove(0);
    let mut group = criterion.benchmark_group("case_fold");
    for sightings in SIGHTINGS {
        let hits: Vec<Hit> = (0..sightings)
            .map(|number| rig::hit(&first.read, first.entry.clone(), number as i64))
            .collect();
        group.throughput(Throughput::Elements((sightings + DECISIONS) as u64));
        group.bench_function(BenchmarkId::new("life_of_a_case", sightings), |b| {
            b.iter(|| ended(&seen(black_box(&hits)), rig::now()));
        });
        group.throughput(Throughput::Elements(sightings as u64));
        group.bench_function(BenchmarkId::new("sightings", sightings), |b| {
            b.iter(|| seen(black_box(&hits)));
        });
        group.bench_function(BenchmarkId::new("sightings_all_anew", sightings), |b| {
            b.iter(|| (1..=hits.len()).fold(0, |_, known| seen(black_box(&hits[..known])).sightings));
        });
    }
    group.finish();
}

/// The case after these hits.
fn seen(hits: &[Hit]) -> Case {
    let (first, later) = hits.split_first().expect("a hit");
    let opened = case::open(first, None, first.matched_at).case;
    later.iter().fold(opened, |case, hit| {
        case::sight(&case, hit, None, true, hit.matched_at).case
    })
}

/// How it ends once an operator and a unit have seen to it.
fn ended(case: &Case, now: Timestamp) -> CaseEvent {
    let operator = UserName::parse("operator").expect("a name");
    let decide = |case: &Case, deployments: &[_], command: &Command| {
        case::decide(case, deployments, command, case.version, &operator, now).expect("it fits the state")
    };
    let callsign = CallSign::parse("A1").expect("a callsign");
    let confirmed = decide(case, &[], &Command::Confirm).case;
    let deployed = decide(&confirmed, &[], &Command::Deploy { callsign });
    let steps = [
        DeploymentState::Accepted,
        DeploymentState::EnRoute,
        DeploymentState::AtScene,
        DeploymentState::Cleared,
    ];
    let cleared = steps.iter().fold(deployed, |event, step| {
        case::advance(&event.case, &event.deployments[0], *step, None, now).expect("forward")
    });
    let close = Command::Close {
        outcome: Outcome::Arrest,
        note: String::new(),
    };
    decide(&cleared.case, &cleared.deployments, &close)
}

criterion_group!(benches, case_fold);
criterion_main!(benches);
