//! The world in motion: traffic, misreads, hits, units.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not take for tests"
)]

mod common;

use std::collections::{HashMap, HashSet};

use common::merseyside;
use domain::force::Force;
use domain::hotlist::Grade;
use domain::unit::{UnitPosition, UnitState};
use domain::{CallSign, CaseId, DeploymentId, Position, Timestamp, Vrm};
use jiff::SignedDuration;
use simulator::{Demand, Order, Sighting, SimulatorError, World, write_ndjson};

const NOON: &str = "2026-11-02T12:00:00Z";

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

fn world(seed: u64) -> World {
    World::new(seed, merseyside()).unwrap()
}

/// The most urgent grade of every listed mark.
fn listed(world: &World) -> HashMap<Vrm, Grade> {
    let mut grades = HashMap::new();
    for entry in world
        .hotlists(noon())
        .into_iter()
        .flat_map(|(_, entries)| entries)
    {
        let mark = entry.target.mark().expect("the world knows what it looks for");
        let grade = grades.entry(mark).or_insert(entry.grade);
        *grade = entry.grade.min(*grade);
    }
    grades
}

fn reads(seed: u64, demand: Demand, seconds: i64) -> Vec<Sighting> {
    world(seed).traffic(demand, noon()).unwrap().step(after(seconds))
}

fn ndjson(seed: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_ndjson(&world(seed), Demand::daily(50.0), 120.0, noon(), &mut out).unwrap();
    out
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = ndjson(7);
    assert!(first == ndjson(7));
    assert!(first != ndjson(8));
    let images = |seed| -> Vec<_> {
        let sightings = reads(seed, Demand::flat(50.0), 60);
        let pictures = sightings.into_iter().filter_map(|sighting| sighting.picture);
        pictures.map(|picture| picture.render().unwrap()).collect()
    };
    let drawn = images(7);
    assert!(drawn.len() > 10);
    assert!(drawn == images(7));
    assert!(drawn != images(8));
    assert_eq!(world(7).hotlists(noon()), world(7).hotlists(noon()));
}

#[test]
fn however_the_time_is_cut_the_reads_and_positions_are_the_same() {
    let whole = reads(3, Demand::daily(80.0), 200);
    let world = world(3);
    let mut traffic = world.traffic(Demand::daily(80.0), noon()).unwrap();
    let (mut cut, mut now) = (Vec::new(), noon());
    for step_ms in (1..).map(|i| (i * 37) % 1_900) {
        now += SignedDuration::from_millis(step_ms);
        cut.extend(traffic.step(now.min(after(200))));
        if now >= after(200) {
            break;
        }
    }
    assert!(whole == cut);
    let mut units = world.units(noon());
    let whole = world.units(noon()).step(after(60));
    let cut: Vec<UnitPosition> = (1..=600)
        .flat_map(|i| units.step(noon() + SignedDuration::from_millis(i * 100)))
        .collect();
    assert!(whole == cut);
}

#[test]
fn every_line_of_ndjson_has_what_the_ingest_endpoint_wants() {
    let force = merseyside();
    let text = String::from_utf8(ndjson(7)).unwrap();
    let mut last = noon();
    for line in text.lines() {
        let read: serde_json::Value = serde_json::from_str(line).unwrap();
        let camera = read["camera"].as_str().unwrap().parse().unwrap();
        assert!(force.camera(&camera).is_some());
        assert!(Vrm::parse(read["plate"].as_str().unwrap()).is_ok());
        let at: Timestamp = read["captured_at"].as_str().unwrap().parse().unwrap();
        assert!(at >= last, "in order of capture");
        last = at;
        let characters = read["character_confidences"].as_array().unwrap();
        assert_eq!(characters.len(), read["plate"].as_str().unwrap().len());
        assert!((0.0..=1.0).contains(&read["confidence"].as_f64().unwrap()));
        assert!(["towards", "away"].contains(&read["motion"].as_str().unwrap()));
    }
}

#[test]
fn two_to_three_reads_in_a_hundred_hit_and_nearly_all_of_them_are_grade_4() {
    let grades = listed(&world(1));
    let reads = reads(1, Demand::flat(50.0), 3_600);
    assert!((171_000..189_000).contains(&reads.len()), "{} reads", reads.len());
    let hits: Vec<Grade> = reads
        .iter()
        .filter_map(|s| grades.get(&s.read.vrm))
        .copied()
        .collect();
    let share = hits.len() as f64 / reads.len() as f64;
    assert!((0.02..0.03).contains(&share), "{share}");
    let intelligence = hits.iter().filter(|grade| **grade == Grade::Four).count();
    let share = intelligence as f64 / hits.len() as f64;
    assert!(share > 0.88, "{share}");
    for grade in [Grade::One, Grade::Two, Grade::Three] {
        assert!(hits.contains(&grade), "{grade}");
    }
}

#[test]
fn a_new_wanted_vehicle_comes_every_20_to_30_seconds_and_the_first_within_5() {
    for seed in 1..3 {
        let grades = listed(&world(seed));
        let mut first_seen: HashMap<Vrm, Timestamp> = HashMap::new();
        for sighting in reads(seed, Demand::daily(50.0), 1_800) {
            let read = sighting.read;
            if grades.get(&read.vrm).is_some_and(|grade| grade.opens_case()) {
                first_seen.entry(read.vrm).or_insert(read.captured_at);
            }
        }
        let first = first_seen.values().min().unwrap();
        assert!(*first <= after(5), "seed {seed}: {first}");
        let every_s = 1_800.0 / first_seen.len() as f64;
        assert!((20.0..30.0).contains(&every_s), "seed {seed}: every {every_s} s");
    }
}

#[test]
fn a_ring_started_again_goes_on_with_other_wanted_vehicles() {
    let world = world(1);
    let grades = listed(&world);
    let wanted_from = |start: Timestamp| -> HashSet<Vrm> {
        let mut traffic = world.traffic(Demand::flat(50.0), start).unwrap();
        let reads = traffic.step(start + SignedDuration::from_secs(120));
        let wanted = |vrm: &Vrm| grades.get(vrm).is_some_and(|grade| grade.opens_case());
        reads
            .into_iter()
            .map(|sighting| sighting.read.vrm)
            .filter(wanted)
            .collect()
    };
    assert!(wanted_from(noon()).is_disjoint(&wanted_from(after(600))));
}

#[test]
fn no_vehicle_is_in_two_places_at_once() {
    let mut last: HashMap<Vrm, (Timestamp, Position)> = HashMap::new();
    let force = merseyside();
    let places: HashMap<_, _> = force
        .cameras
        .iter()
        .map(|camera| (&camera.camera, camera.position))
        .collect();
    let (mut journeys, mut impossible) = (0, HashSet::new());
    for sighting in reads(5, Demand::flat(50.0), 3_600) {
        let read = sighting.read;
        let place = places[&read.camera];
        // Misreads meet other vehicles' marks.
        if read.confidence.is_none_or(|confidence| confidence < 0.9) {
            continue;
        }
        if let Some((before, from)) = last.insert(read.vrm, (read.captured_at, place)) {
            let hours = read.captured_at.duration_since(before).as_secs_f64() / 3_600.0;
            journeys += 1;
            if place.distance_m(from) / 1_000.0 > 200.0 * (hours + 30.0 / 3_600.0) {
                impossible.insert(read.vrm);
            }
        }
    }
    assert!(journeys > 50_000, "{journeys}");
    assert!(impossible.is_empty(), "{}", impossible.len());
}

#[test]
fn every_hit_has_a_picture_and_nothing_else_has_one() {
    let grades = listed(&world(1));
    for sighting in reads(1, Demand::flat(50.0), 300) {
        let hits = grades.contains_key(&sighting.read.vrm);
        match &sighting.picture {
            Some(picture) => assert!(hits || grades.contains_key(&Vrm::parse(&picture.painted).unwrap())),
            None => assert!(!hits, "a hit without a picture"),
        }
    }
}

#[test]
fn the_camera_takes_the_true_colour_in_some_85_of_100_reads() {
    let pictures: Vec<_> = reads(1, Demand::flat(200.0), 600)
        .into_iter()
        .filter_map(|sighting| {
            sighting
                .picture
                .map(|picture| (picture, sighting.read.vehicle.colour))
        })
        .collect();
    let right = pictures
        .iter()
        .filter(|(picture, seen)| seen.as_deref() == Some(picture.colour))
        .count();
    let share = right as f64 / pictures.len() as f64;
    assert!((0.82..0.88).contains(&share), "{share} of {}", pictures.len());
}

#[test]
fn volume_follows_the_hour_and_the_rate_asked_for_is_that_of_the_start() {
    let world = world(1);
    let mut traffic = world.traffic(Demand::daily(2.0), noon()).unwrap();
    let mut hour = |from_h: i64| {
        traffic.step(noon() + SignedDuration::from_hours(from_h));
        traffic
            .step(noon() + SignedDuration::from_hours(from_h + 1))
            .len() as f64
            / 3_600.0
    };
    let (start, evening, night) = (hour(0), hour(5), hour(15));
    assert!((1.7..2.4).contains(&start), "{start}");
    assert!(evening > 1.3 * start, "{evening}");
    assert!(night < 0.35 * start, "{night}");
}

#[test]
fn the_rate_is_offered_from_the_first_second_on() {
    for rate in [20.0, 500.0, 4_000.0] {
        let seen = reads(1, Demand::flat(rate), 10).len() as f64 / 10.0;
        assert!((0.75 * rate..1.25 * rate).contains(&seen), "{rate}: {seen}");
    }
}

#[test]
fn a_rate_that_is_none_is_refused() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        let refused = world(1).traffic(Demand::flat(rate), noon());
        assert!(matches!(refused, Err(SimulatorError::Rate(_))), "{rate}");
    }
}

/// Whether a place is on a BCU's ground, or nearly.
fn near(force: &Force, unit: &UnitPosition) -> bool {
    let outline = &force.bcu(&unit.bcu).unwrap().outline;
    let rings = outline.polygons.iter().flatten().flatten();
    outline.contains(unit.position) || rings.into_iter().any(|p| p.distance_m(unit.position) < 1_500.0)
}

#[test]
fn units_on_patrol_keep_to_their_ground_move_and_report_every_few_seconds() {
    let force = merseyside();
    let mut units = world(1).units(noon());
    let mut reports: HashMap<CallSign, Vec<UnitPosition>> = HashMap::new();
    for minute in 1..=60 {
        for report in units.step(after(minute * 60)) {
            assert!(near(&force, &report), "{} left its ground", report.callsign);
            reports.entry(report.callsign.clone()).or_default().push(report);
        }
    }
    assert_eq!(reports.len(), force.units.len());
    let mut stale = 0;
    for (callsign, reports) in &reports {
        let moved = reports
            .windows(2)
            .map(|pair| pair[0].position.distance_m(pair[1].position));
        let driven: f64 = moved.sum();
        assert!(driven > 1_000.0, "{callsign} drove {driven} m in an hour");
        let gap = |pair: &[UnitPosition]| pair[1].at.duration_since(pair[0].at);
        let usual = reports
            .windows(2)
            .filter(|pair| gap(pair) <= SignedDuration::from_secs(6))
            .count();
        assert!(usual * 10 > reports.len() * 9, "{callsign}");
        stale += reports
            .windows(2)
            .filter(|pair| gap(pair) > SignedDuration::from_mins(2))
            .count();
    }
    assert!((5..200).contains(&stale), "{stale} silences in an hour");
    let last: Vec<&UnitPosition> = reports.values().filter_map(|reports| reports.last()).collect();
    let available = last
        .iter()
        .filter(|report| report.state == UnitState::Available)
        .count();
    assert!(
        available * 10 > last.len() * 7,
        "{available} of {} available",
        last.len()
    );
    assert!(last.iter().any(|report| report.state == UnitState::Busy));
}

fn deployment(callsign: &CallSign) -> DeploymentId {
    let case: CaseId = "00112233445566778899aabbccddeeff".parse().unwrap();
    DeploymentId::of_deployment(case, callsign, 1)
}

/// The states that a unit reports with this deployment, with their times and places, each state once.
fn answered(reports: &[UnitPosition], deployment: DeploymentId) -> Vec<(UnitState, Timestamp, Position)> {
    let mut states: Vec<(UnitState, Timestamp, Position)> = Vec::new();
    for report in reports
        .iter()
        .filter(|report| report.deployment == Some(deployment))
    {
        if states.last().is_none_or(|(state, ..)| *state != report.state) {
            states.push((report.state, report.at, report.position));
        }
    }
    states
}

#[test]
fn a_deployed_unit_accepts_drives_arrives_and_clears_wherever_the_scene_is() {
    let force = merseyside();
    // near and far: any unit to any camera
    for (i, profile) in force.units.iter().enumerate().step_by(9) {
        let scene = force.cameras[(i * 31) % force.cameras.len()].position;
        let mut units = world(1).units(noon());
        units.step(after(30));
        let id = deployment(&profile.callsign);
        units.order(Order::Answer {
            callsign: profile.callsign.clone(),
            deployment: id,
            place: scene,
        });
        let mut reports: Vec<UnitPosition> = (31..=360).flat_map(|s| units.step(after(s))).collect();
        reports.retain(|report| report.callsign == profile.callsign);
        let steps = answered(&reports, id);
        let states: Vec<UnitState> = steps.iter().map(|(state, ..)| *state).collect();
        assert_eq!(
            states,
            [
                UnitState::Accepted,
                UnitState::EnRoute,
                UnitState::AtScene,
                UnitState::Available
            ],
            "{}",
            profile.callsign
        );
        let took = |step: usize| steps[step].1.duration_since(after(30)).as_secs();
        assert!((2..=7).contains(&took(0)), "accepted after {} s", took(0));
        assert!(took(2) <= 170, "at the scene after {} s", took(2));
        assert!(steps[2].2.distance_m(scene) < 5.0);
        let cleared = reports
            .iter()
            .position(|r| r.state == UnitState::Available && r.deployment == Some(id));
        let later = &reports[cleared.unwrap() + 1..];
        assert!(!later.is_empty() && later.iter().all(|report| report.deployment.is_none()));
    }
}

#[test]
fn a_unit_released_on_its_way_is_available_again() {
    let force = merseyside();
    let callsign = force.units[2].callsign.clone();
    let id = deployment(&callsign);
    let mut units = world(1).units(noon());
    units.order(Order::Answer {
        callsign: callsign.clone(),
        deployment: id,
        place: force.cameras[40].position,
    });
    units.step(after(15));
    units.order(Order::Release {
        callsign: callsign.clone(),
        deployment: id,
    });
    let own: Vec<_> = units
        .step(after(40))
        .into_iter()
        .filter(|r| r.callsign == callsign)
        .collect();
    assert!(own.iter().all(|report| report.deployment.is_none()));
    assert!(
        own.iter()
            .any(|report| report.state == UnitState::Available && report.speed_kmh > 0.0)
    );
}

#[test]
fn an_order_to_somebody_elses_unit_is_left_to_them() {
    let callsign: CallSign = "ZZ99".parse().unwrap();
    let mut units = world(1).units(noon());
    units.order(Order::Answer {
        deployment: deployment(&callsign),
        callsign,
        place: merseyside().cameras[0].position,
    });
    assert!(
        units
            .step(after(20))
            .iter()
            .all(|report| report.deployment.is_none())
    );
}
