//! Sightings against a list of all reads, on seeded random traffic that comes late and in any order.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;

use domain::force::Camera;
use domain::journey::Journey;
use domain::{BcuCode, CameraId, Position, SiteId, Vrm};
use matcher::cameras::Cameras;
use matcher::sightings::{
    CLOCKS_MS, DAY_MS, LEAST_JOURNEY_M, ONE_SIGHTING_MS, SETTLED_MS, Sighting, Sightings,
};
use matcher::traffic::Seen;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MOST_KMH: f64 = 200.0;
/// Reads that are judged together.
const BATCH: usize = 50;

/// Eight cameras at five sites, some 3 km apart; two more are not known to the force.
fn camera(number: usize) -> Camera {
    Camera {
        camera: CameraId::parse(&format!("camera-{number}")).unwrap(),
        site: SiteId::parse(&format!("site-{}", number % 5)).unwrap(),
        name: String::new(),
        bcu: BcuCode::parse("A").unwrap(),
        road: String::new(),
        position: Position::new(53.4 + 0.03 * (number % 5) as f64, -3.0).unwrap(),
        bearing_deg: 0.0,
        cctv: None,
    }
}

fn cameras() -> Cameras {
    let cameras: Vec<Camera> = (0..8).map(camera).collect();
    Cameras::of(&cameras)
}

/// A read, as a person would write it down.
#[derive(Clone, Debug)]
struct Read {
    mark: Vrm,
    camera: usize,
    at_ms: i64,
    confident: bool,
    /// How much later it comes.
    late_ms: i64,
}

impl Read {
    fn site(&self) -> String {
        match self.camera {
            known @ 0..8 => format!("site-{}", known % 5),
            unknown => format!("unknown-{unknown}"),
        }
    }
}

/// Two days of reads of few marks, in the order of their capture.
fn reads(rng: &mut ChaCha8Rng, count: usize, most_late_ms: i64) -> Vec<Read> {
    let mut at_ms = 0;
    (0..count)
        .map(|_| {
            at_ms += match rng.random_range(0..3) {
                0 => rng.random_range(0..20_000),
                1 => rng.random_range(0..400_000),
                _ => rng.random_range(0..4 * DAY_MS / count as i64),
            };
            Read {
                mark: Vrm::parse(&format!("AB1{}CDE", rng.random_range(0..6))).unwrap(),
                camera: rng.random_range(0..10),
                at_ms,
                confident: rng.random_bool(0.7),
                late_ms: rng.random_range(0..=most_late_ms),
            }
        })
        .collect()
}

/// The same reads in the order in which they come.
fn coming(mut reads: Vec<Read>) -> Vec<Read> {
    reads.sort_by_key(|read| read.at_ms + read.late_ms);
    reads
}

/// What is told about every read, `batch` of them added at once.
fn told(reads: &[Read], limit: usize, batch: usize) -> Vec<(Option<Seen>, Option<Journey>)> {
    let cameras = cameras();
    let mut sightings = Sightings::new(limit, BATCH);
    let mut told = Vec::new();
    for (number, reads) in reads.chunks(batch).enumerate() {
        sightings.ask(reads.iter().map(|read| read.mark));
        let places: Vec<_> = (0..)
            .zip(reads)
            .map(|(place, read)| {
                let camera = cameras
                    .number(format!("camera-{}", read.camera).as_bytes())
                    .unwrap();
                let offset = (number * batch) as u64 + place;
                let sighting = Sighting::new(read.mark, read.confident, camera, read.at_ms, offset);
                let added = sightings.add(sighting);
                assert_eq!(
                    format!("{:?}", sightings.find(read.mark, offset).unwrap()),
                    format!("{added:?}")
                );
                added
            })
            .collect();
        let of_place = |place| {
            let journey = sightings.journey(place, &cameras, MOST_KMH);
            (sightings.seen(place, &cameras), journey)
        };
        told.extend(places.into_iter().map(of_place));
        assert!(sightings.len() <= limit + BATCH);
    }
    told
}

/// How often a mark was seen before a read, and the two times of an impossible journey.
type Told = (Option<Seen>, Option<(i64, i64)>);

/// The same from a list of all reads.
fn plain(reads: &[Read], limit: usize) -> Vec<Told> {
    let of_read = |(number, own): (usize, &Read)| {
        let first = number.saturating_sub(limit);
        let of_mark: Vec<&Read> = reads[first..number]
            .iter()
            .filter(|read| read.mark == own.mark)
            .collect();

        let counts = |read: &&&Read| (own.at_ms - DAY_MS..=own.at_ms - SETTLED_MS).contains(&read.at_ms);
        let mut captures: Vec<(String, i64)> = of_mark
            .iter()
            .filter(counts)
            .map(|read| (read.site(), read.at_ms))
            .collect();
        captures.push((own.site(), own.at_ms));
        captures.sort();
        let mut seen: Vec<String> = Vec::new();
        for (index, (site, at_ms)) in captures.iter().enumerate() {
            let follows = index > 0
                && captures[index - 1].0 == *site
                && at_ms - captures[index - 1].1 <= ONE_SIGHTING_MS;
            if !follows {
                seen.push(site.clone());
            }
        }
        // the last one at the own site is the one that the read is part of
        let own_sighting = seen.iter().rposition(|site| *site == own.site()).unwrap();
        seen.remove(own_sighting);
        let sites: BTreeSet<&String> = seen.iter().collect();
        let seen = Seen {
            reads: seen.len() as u32,
            sites: sites.len() as u32,
        };
        let reaches_back = reads[first].at_ms <= own.at_ms - DAY_MS;
        let seen = (seen.reads > 0 || reaches_back).then_some(seen);

        let place = |read: &Read| (read.camera < 8).then(|| camera(read.camera).position);
        let impossible = |from: &Read, to: &Read| {
            let distance_m = place(from)?.distance_m(place(to)?);
            let hours = (to.at_ms - from.at_ms + CLOCKS_MS) as f64 / 3_600_000.0;
            let too_fast = distance_m / 1_000.0 / hours > MOST_KMH && distance_m >= LEAST_JOURNEY_M;
            too_fast.then_some((from.at_ms, to.at_ms))
        };
        let elsewhere = |read: &&&Read| {
            read.confident && read.site() != own.site() && (read.at_ms - own.at_ms).abs() <= DAY_MS
        };
        let few = || of_mark.iter().rev().take(4).filter(elsewhere);
        let last = few()
            .filter(|read| read.at_ms <= own.at_ms)
            .max_by_key(|read| read.at_ms);
        let next = few()
            .filter(|read| read.at_ms > own.at_ms)
            .min_by_key(|read| read.at_ms);
        let journey = last
            .and_then(|last| impossible(last, own))
            .or_else(|| next.and_then(|next| impossible(own, next)))
            .filter(|_| own.confident);
        (seen, journey)
    };
    reads.iter().enumerate().map(of_read).collect()
}

#[test]
fn sightings_and_journeys_agree_with_a_list_of_all_reads_however_they_are_batched() {
    let (mut seen, mut journeys, mut unknown) = (0, 0, 0);
    for seed in 0..60 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let reads = coming(reads(&mut rng, 400, 10 * ONE_SIGHTING_MS));
        let limit = [1_000, 100, 7][seed as usize % 3];
        let expected = plain(&reads, limit);
        for batch in [1, 13, BATCH] {
            let told = told(&reads, limit, batch);
            for (number, (told, expected)) in told.iter().zip(&expected).enumerate() {
                let times = told
                    .1
                    .as_ref()
                    .map(|journey| (journey.from.at.as_millisecond(), journey.to.at.as_millisecond()));
                assert_eq!(
                    (told.0, times),
                    *expected,
                    "seed {seed}, batches of {batch}, read {number}"
                );
                seen += told.0.map_or(0, |seen| seen.reads);
                journeys += u32::from(times.is_some());
                unknown += u32::from(told.0.is_none());
            }
        }
    }
    assert!(
        seen > 10_000 && journeys > 1_000 && unknown > 1_000,
        "{seen} {journeys} {unknown}"
    );
}

#[test]
fn reads_that_come_within_the_bound_count_alike_in_any_order() {
    for seed in 0..40 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let in_order = reads(&mut rng, 300, 0);
        let mut expected: Vec<_> = in_order.iter().zip(told(&in_order, 1_000, 1)).collect();
        let late = coming(
            in_order
                .iter()
                .map(|read| Read {
                    late_ms: rng.random_range(0..=SETTLED_MS),
                    ..read.clone()
                })
                .collect(),
        );
        let mut found: Vec<_> = late.iter().zip(told(&late, 1_000, 1)).collect();
        let key = |read: &Read| (read.at_ms, read.camera, read.mark, read.confident);
        expected.sort_by_key(|(read, _)| key(read));
        found.sort_by_key(|(read, _)| key(read));
        for ((one, (expected, _)), (other, (found, _))) in expected.iter().zip(&found) {
            assert_eq!(key(one), key(other));
            // Whether the table reaches back a day is told by the read that came first.
            let reads = |seen: &Option<Seen>| seen.unwrap_or_default();
            assert_eq!(reads(found), reads(expected), "seed {seed}");
        }
    }
}

#[test]
fn a_sighting_takes_the_bytes_that_are_named() {
    let cameras = cameras();
    let camera = cameras.number(b"camera-1").unwrap();
    let mut sightings = Sightings::new(100_000, 1_000);
    for number in 0..250_000u64 {
        let mark = Vrm::parse(&format!("A{:06}", number % 200_000)).unwrap();
        sightings.add(Sighting::new(mark, true, camera, number as i64, number));
    }
    assert_eq!(sightings.len(), 101_000);
    let most = 101_000 * matcher::sightings::BYTES_EACH;
    assert!(sightings.bytes() <= most, "{} {most}", sightings.bytes());
}
