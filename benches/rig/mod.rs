//! What the benchmarks share: reads, lists, units and hits of the simulated world, the same in every run.

#![allow(dead_code, reason = "each benchmark uses its own part")]

use std::path::Path;
use std::sync::Arc;

use domain::force::{Force, ForceFiles};
use domain::hotlist::{Entry, Grade, Revision};
use domain::read::PlateRead;
use domain::unit::{UnitPosition, UnitState};
use domain::{BcuCode, CallSign, Position, Timestamp};
use jiff::SignedDuration;
use simulator::{Demand, World};

/// Seed of the world.
const SEED: u64 = 1;
/// The world's reads a second: a force's peak, so that ten thousand reads are soon made.
const READS_PER_S: f64 = 1_000.0;
/// The moment at which every benchmark plays.
const NOW_S: i64 = 1_790_000_000;

/// Whether everything is to run once and small, to see that it runs: `cargo test` does not pass what `cargo bench` does.
/// Criterion goes by the same word.
pub fn is_tiny() -> bool {
    !std::env::args().any(|argument| argument == "--bench")
}

/// `full`, or `tiny` where everything is to run once and small.
pub fn sized<T>(full: T, tiny: T) -> T {
    if is_tiny() { tiny } else { full }
}

/// The moment at which every benchmark plays.
pub fn now() -> Timestamp {
    Timestamp::from_second(NOW_S).expect("a time")
}

/// The built-in Merseyside.
pub fn force() -> Arc<Force> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/merseyside");
    let file = |name| std::fs::read_to_string(folder.join(name)).expect("a file of the built-in force");
    let files = ForceFiles {
        force_toml: file("force.toml"),
        bcus_geojson: file("bcus.geojson"),
        roads_geojson: file("roads.geojson"),
        cameras_json: file("cameras.json"),
        units_json: file("units.json"),
    };
    Arc::new(Force::parse(&files).expect("the built-in force"))
}

/// The world on it.
pub fn world() -> World {
    World::new(SEED, force()).expect("a world on the built-in force")
}

/// Reads as a ring makes them: 2 to 3 % are of listed vehicles, and some are misread.
pub fn reads(world: &World, count: usize) -> Vec<PlateRead> {
    let mut until = now();
    let mut traffic = world.traffic(Demand::flat(READS_PER_S), until).expect("a rate");
    let mut reads = Vec::with_capacity(count);
    while reads.len() < count {
        until += SignedDuration::from_millis(100);
        reads.extend(traffic.step(until).into_iter().map(|sighting| sighting.read));
    }
    reads.truncate(count);
    reads
}

/// The world's own lists.
pub fn own_entries(world: &World) -> Vec<Entry> {
    let lists = world.hotlists(now());
    lists.into_iter().flat_map(|(_, entries)| entries).collect()
}

/// The world's own lists, filled up to `count` entries with vehicles that are never on its roads.
pub fn entries(world: &World, count: usize) -> Vec<Entry> {
    let mut entries = own_entries(world);
    entries.extend(world.absent(count.saturating_sub(entries.len()), now()));
    entries
}

/// Hits that open a case each, of so many vehicles, all on the same read's camera and time.
pub fn hits(world: &World, vehicles: usize) -> Vec<domain::hit::Hit> {
    let read = reads(world, 1).remove(0);
    let opening = own_entries(world)
        .into_iter()
        .filter(|entry| entry.grade < Grade::Four);
    let mut seen = std::collections::HashSet::new();
    let distinct = opening.filter(|entry| seen.insert(entry.target));
    distinct
        .take(vehicles)
        .map(|entry| hit(&read, entry, 0))
        .collect()
}

/// The hit of an entry's vehicle, so many seconds after `read`.
pub fn hit(read: &PlateRead, entry: Entry, later_s: i64) -> domain::hit::Hit {
    let captured_at = read.captured_at + SignedDuration::from_secs(later_s);
    let vrm = entry.target.mark().expect("the world knows what it looks for");
    let read = PlateRead {
        read_id: domain::ReadId::of_read(&read.camera, captured_at, vrm),
        vrm,
        captured_at,
        received_at: captured_at,
        ..read.clone()
    };
    domain::hit::Hit::exact(read, entry, Revision(1), captured_at)
}

/// Units strewn over Merseyside by a low-discrepancy sequence: the same in every run, without a seed.
pub fn units(count: usize) -> Vec<UnitPosition> {
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
        at: now(),
    };
    (0..count).map(unit).collect()
}
