//! The default force's data: sketched by hand, held against what is known.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not take for tests"
)]

mod common;

use std::collections::{HashMap, HashSet};
use std::fs;

use common::merseyside;
use domain::Position;
use domain::force::{Force, Road};
use domain::geo::Area;
use domain::unit::Skill;
use serde_json::Value;

/// A frame around all of Merseyside, in degrees: west, south, east, north.
const FRAME: (f64, f64, f64, f64) = (-3.25, 53.28, -2.55, 53.71);
/// Sample points in each direction: a cell is some 190 by 200 m.
const SAMPLES: u32 = 240;

fn samples() -> impl Iterator<Item = Position> {
    let (west, south, east, north) = FRAME;
    let part = |i: u32| f64::from(i) / f64::from(SAMPLES);
    (0..SAMPLES).flat_map(move |x| {
        (0..SAMPLES).map(move |y| {
            Position::new(south + (north - south) * part(y), west + (east - west) * part(x)).unwrap()
        })
    })
}

fn area(geometry: &Value) -> Area {
    let ring = |ring: &Value| {
        let place = |c: &Value| Position::new(c[1].as_f64().unwrap(), c[0].as_f64().unwrap()).unwrap();
        ring.as_array().unwrap().iter().map(place).collect()
    };
    let polygon = |polygon: &Value| polygon.as_array().unwrap().iter().map(ring).collect();
    let coordinates = &geometry["coordinates"];
    Area {
        polygons: match geometry["type"].as_str().unwrap() {
            "Polygon" => vec![polygon(coordinates)],
            _ => coordinates.as_array().unwrap().iter().map(polygon).collect(),
        },
    }
}

#[test]
fn bcu_outlines_cover_the_real_boroughs() {
    let Some(path) = xtask::shared_file("data/merseyside_lad_boundaries.geojson") else {
        return;
    };
    let real: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let force = merseyside();
    let boroughs: [(&str, &[&str]); 5] = [
        ("Liverpool", &["LN", "LS"]),
        ("Sefton", &["SE"]),
        ("Wirral", &["WI"]),
        ("St. Helens", &["SH"]),
        ("Knowsley", &["KN"]),
    ];
    for (borough, codes) in boroughs {
        let features = real["features"].as_array().unwrap();
        let feature = features
            .iter()
            .find(|f| f["properties"]["LAD13NM"] == borough)
            .unwrap();
        let truth = area(&feature["geometry"]);
        let ours = |place| {
            codes
                .iter()
                .any(|code| force.bcu(&code.parse().unwrap()).unwrap().outline.contains(place))
        };
        let (mut both, mut either) = (0_u32, 0_u32);
        for place in samples() {
            let (a, b) = (truth.contains(place), ours(place));
            both += u32::from(a && b);
            either += u32::from(a || b);
        }
        let overlap = f64::from(both) / f64::from(either);
        assert!(overlap >= 0.9, "{borough}: {overlap}");
    }
}

#[test]
fn bcus_share_no_ground_and_each_is_a_simple_sketch() {
    let force = merseyside();
    assert_eq!(force.bcus.len(), 6);
    let mut shared = 0;
    let mut covered = 0;
    for place in samples() {
        match force
            .bcus
            .iter()
            .filter(|bcu| bcu.outline.contains(place))
            .count()
        {
            0 => {}
            1 => covered += 1,
            _ => shared += 1,
        }
    }
    assert!(
        shared * 1_000 < covered,
        "{shared} of {covered} samples lie in two BCUs"
    );
    for bcu in &force.bcus {
        let points: usize = bcu.outline.polygons.iter().flatten().map(Vec::len).sum();
        assert!((20..=61).contains(&points), "{}: {points} points", bcu.name);
    }
}

#[test]
fn the_roads_are_one_network() {
    let force = merseyside();
    assert!((40..=80).contains(&force.roads.len()), "{}", force.roads.len());
    let key = |place: &Position| (place.lat().to_bits(), place.lon().to_bits());
    let mut neighbours: HashMap<_, Vec<_>> = HashMap::new();
    for road in &force.roads {
        for pair in road.course.windows(2) {
            assert!(pair[0].distance_m(pair[1]) < 1_000.0, "{}: a gap", road.name);
            neighbours.entry(key(&pair[0])).or_default().push(key(&pair[1]));
            neighbours.entry(key(&pair[1])).or_default().push(key(&pair[0]));
        }
    }
    let start = key(&force.roads[0].course[0]);
    let (mut reached, mut open) = (HashSet::from([start]), vec![start]);
    while let Some(node) = open.pop() {
        for next in &neighbours[&node] {
            if reached.insert(*next) {
                open.push(*next);
            }
        }
    }
    assert_eq!(reached.len(), neighbours.len());
}

#[test]
fn the_main_roads_and_both_tunnels_are_there() {
    let force = merseyside();
    for wanted in [
        "M57",
        "M58",
        "M53",
        "M62",
        "M6",
        "A580",
        "A59",
        "A565",
        "A561",
        "A562",
        "A41",
        "A540",
        "A552",
        "A570",
        "A58",
        "A5036",
        "A5300",
        "Queensway",
        "Kingsway",
    ] {
        let known = |road: &Road| road.name.split(' ').next() == Some(wanted);
        assert!(force.roads.iter().any(known), "{wanted}");
    }
}

/// Distance to the nearest stretch of a road, and the bearing of that stretch.
fn beside(place: Position, road: &Road) -> (f64, f64) {
    let stretch = |pair: &[Position]| {
        // fine enough: stretches are a few hundred metres
        let distance = (0..=200).map(|i| pair[0].towards(pair[1], f64::from(i) / 200.0).distance_m(place));
        (
            distance.fold(f64::INFINITY, f64::min),
            pair[0].bearing_deg(pair[1]),
        )
    };
    road.course
        .windows(2)
        .map(stretch)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap()
}

#[test]
fn every_camera_stands_at_its_road_and_looks_along_it_both_ways_at_each_site() {
    let force = merseyside();
    assert!(
        (110..=130).contains(&force.cameras.len()),
        "{}",
        force.cameras.len()
    );
    let mut sites: HashMap<_, Vec<f32>> = HashMap::new();
    for camera in &force.cameras {
        let (distance, bearing) = force
            .roads
            .iter()
            .filter(|road| road.name == camera.road)
            .map(|road| beside(camera.position, road))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or_else(|| panic!("{}: no road {}", camera.camera, camera.road));
        assert!(
            distance <= 60.0,
            "{}: {distance} m from {}",
            camera.camera,
            camera.road
        );
        let turn = (f64::from(camera.bearing_deg) - bearing).rem_euclid(180.0);
        assert!(
            turn.min(180.0 - turn) < 10.0,
            "{}: looks across its road",
            camera.camera
        );
        sites
            .entry(camera.site.clone())
            .or_default()
            .push(camera.bearing_deg);
    }
    for (site, bearings) in sites {
        assert_eq!(bearings.len(), 2, "{site}");
        let turn = (bearings[0] - bearings[1]).rem_euclid(360.0);
        assert!(
            (179.0..181.0).contains(&turn),
            "{site}: both lenses look the same way"
        );
    }
}

#[test]
fn names_are_distinct_and_say_the_direction() {
    let force = merseyside();
    let ids: HashSet<_> = force.cameras.iter().map(|camera| &camera.camera).collect();
    assert_eq!(ids.len(), force.cameras.len());
    let names: HashSet<_> = force.cameras.iter().map(|camera| &camera.name).collect();
    assert_eq!(names.len(), force.cameras.len());
    for camera in &force.cameras {
        let direction = match camera.name.rsplit(' ').next() {
            Some("northbound") => 0.0,
            Some("eastbound") => 90.0,
            Some("southbound") => 180.0,
            Some("westbound") => 270.0,
            _ => panic!("{}", camera.name),
        };
        let turn = (f64::from(camera.bearing_deg) - direction).rem_euclid(360.0);
        assert!(
            turn.min(360.0 - turn) <= 90.0,
            "{} looks {}",
            camera.name,
            camera.bearing_deg
        );
    }
}

#[test]
fn every_bcu_has_units_of_every_skill() {
    let force: &Force = &merseyside();
    assert!((80..=100).contains(&force.units.len()), "{}", force.units.len());
    let callsigns: HashSet<_> = force.units.iter().map(|unit| &unit.callsign).collect();
    assert_eq!(callsigns.len(), force.units.len());
    for bcu in &force.bcus {
        let own: Vec<_> = force.units.iter().filter(|unit| unit.bcu == bcu.code).collect();
        assert!(own.len() >= 10, "{}", bcu.name);
        for skill in [Skill::Armed, Skill::Pursuit, Skill::Roads, Skill::Dog] {
            assert!(
                own.iter().any(|unit| unit.skills.contains(&skill)),
                "{}: {skill:?}",
                bcu.name
            );
        }
        assert!(own.iter().all(|unit| (1..=2).contains(&unit.crew)));
    }
}
