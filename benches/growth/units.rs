//! The dispatcher by the number of units.

use std::collections::HashSet;
use std::hint::black_box;

use anyhow::Result;
use dispatcher::ranking::UnitMap;
use dispatcher::units::UnitTable;
use domain::{BcuCode, Position};
use serde_json::{Value, json};

use crate::{measure, rig};

const SIZES: [usize; 6] = [100, 200, 500, 1_000, 2_000, 5_000];
const TINY: [usize; 2] = [10, 20];
/// Open cases that are ranked at each look: a busy evening.
const OPEN_CASES: usize = 100;

/// Cost of ranking by the number of units.
pub fn grow() -> Result<Vec<Value>> {
    let places = places();
    let bcu = BcuCode::parse("A")?;
    let bound = HashSet::new();
    let mut points = Vec::new();
    for size in rig::sized(&SIZES[..], &TINY) {
        let units = rig::units(*size);
        let table = UnitTable::default();
        let put_all = measure::seconds(|| units.iter().for_each(|unit| table.put(unit.clone())));
        let map = UnitMap::new(&units, &bound, rig::now());
        let mut next = places.iter().cycle();
        let one = measure::seconds(|| {
            let place = next.next().copied().unwrap_or(places[0]);
            black_box(map.rank(place, Some(&bcu)));
        });
        // What the dispatcher does each second between two questions to the store.
        let look = measure::seconds(|| {
            let units = table.snapshot();
            let map = UnitMap::new(&units, &bound, rig::now());
            for place in &places {
                black_box(map.rank(*place, Some(&bcu)));
            }
        });
        points.push(json!({
            "x": size,
            "rank_us": one * 1e6,
            "position_us": put_all * 1e6 / *size as f64,
            "look_ms": look * 1e3,
        }));
    }
    Ok(points)
}

/// Where vehicles were last seen: at the force's cameras in turn.
fn places() -> Vec<Position> {
    let force = rig::force();
    let cameras = force.cameras.iter().map(|camera| camera.position).cycle();
    cameras.take(OPEN_CASES).collect()
}
