//! Which reads the others prove, held against a plain search through all of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::collections::BTreeSet;

use common::{cameras, sure};
use domain::Vrm;
use domain::journey::least_speed;
use domain::read::PlateRead;
use domain::syntax::uk_form;
use matcher::alike::alike;
use matcher::confusion::journeys::Reads;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Minutes in milliseconds.
const MIN: i64 = 60_000;
/// As the module has them.
const NEAR_MS: i64 = 30 * MIN;
const NEIGHBOURS: usize = 8;

/// The cameras by number: the first two are some 11 km apart, the third 33 km from them.
fn read(mark: &str, camera: usize, ms: i64) -> PlateRead {
    sure(mark, cameras()[camera].camera.as_str(), ms)
}

/// Every verdict as mark as read, truth, camera; sorted.
fn verdicts(reads: &[PlateRead], most: usize) -> Vec<(String, String, String)> {
    let mut kept = Reads::new(&cameras(), most);
    reads.iter().for_each(|read| kept.add(read));
    let mut found = Vec::new();
    kept.verdicts(|verdict| {
        let camera = verdict.camera.to_string();
        found.push((verdict.read.to_string(), verdict.truth.to_string(), camera));
    });
    found.sort();
    found
}

/// The reads as mark, camera and minute; what must be learnt as mark read and truth.
fn check(reads: &[(&str, usize, i64)], expected: &[(&str, &str)]) {
    let all: Vec<_> = reads
        .iter()
        .map(|(mark, camera, min)| read(mark, *camera, min * MIN))
        .collect();
    let found = verdicts(&all, 1_000);
    let found: Vec<_> = found
        .iter()
        .map(|(read, truth, _)| (&read[..], &truth[..]))
        .collect();
    assert_eq!(found, expected, "{reads:?}");
}

#[test]
fn a_read_counts_where_two_others_prove_its_vehicle() {
    let right = ("AB12CDE", "AB12CDE");
    let both = [("AB12CDE", 0, 0), ("AB12CDE", 1, 10)];
    let with = |read| [both[0], both[1], read];
    // Neither of two proves itself, so that neither counts.
    check(&both, &[]);
    check(&with(("AB12CDE", 2, 25)), &[right; 3]);
    check(&with(("A812CDE", 2, 25)), &[("A812CDE", "AB12CDE")]);
    check(&with(("AB1ZCDE", 0, 5)), &[("AB1ZCDE", "AB12CDE")]);
    check(&with(("AB12COE", 0, 5)), &[("AB12COE", "AB12CDE")]);
    check(&with(("AB12CD", 2, 25)), &[("AB12CD", "AB12CDE")]);
    check(&with(("1AB12CDE", 2, 25)), &[("1AB12CDE", "AB12CDE")]);
    for no_misread in ["AB12CXE", "A81ZC0E", "AB12C", "XX99XXX", "A812CD"] {
        check(&with((no_misread, 2, 25)), &[]);
    }
}

#[test]
fn what_no_vehicle_can_have_driven_proves_nothing() {
    let wrong = ("A812CDE", 1, 10);
    // 33 km in two minutes; one site; too long ago; a camera that nobody knows the place of.
    check(&[("AB12CDE", 0, 0), ("AB12CDE", 2, 2), wrong], &[]);
    check(&[("AB12CDE", 0, 0), ("AB12CDE", 0, 20), wrong], &[]);
    check(&[("AB12CDE", 0, 0), ("AB12CDE", 1, 31), wrong], &[]);
    check(&[("AB12CDE", 0, -60), ("AB12CDE", 1, -50), wrong], &[]);
    // The misread itself is too far away in the time that there was.
    check(&[("AB12CDE", 0, 0), ("AB12CDE", 1, 10), ("A812CDE", 2, 12)], &[]);
    let strange = sure("A812CDE", "nobodys-camera", 5 * MIN);
    let reads = [read("AB12CDE", 0, 0), read("AB12CDE", 1, 10 * MIN), strange];
    assert!(verdicts(&reads, 1_000).is_empty());
}

#[test]
fn another_vehicle_is_no_misread_and_a_mark_that_may_be_two_is_neither() {
    let other = [("A812CDE", 1, 0), ("A812CDE", 0, 10)];
    let both = [("AB12CDE", 0, 0), ("AB12CDE", 1, 10)];
    check(&[both, other].concat(), &[]);
    // No vehicle has a foreign mark, and of foreign vehicles nothing is learnt.
    check(
        &[("12D34567", 0, 0), ("12D34567", 1, 10), ("1ZD34567", 0, 20)],
        &[],
    );
    let third = ("4B12CDE", 0, 20);
    check(&[&both[..], &[third]].concat(), &[("4B12CDE", "AB12CDE")]);
    let twin = [("AB12CDF", 0, 0), ("AB12CDF", 1, 10)];
    check(&[&both[..], &twin, &[("AB12CD", 0, 20)]].concat(), &[]);
}

#[test]
fn a_read_that_is_sent_twice_counts_once_and_a_wrong_clock_not_at_all() {
    let reads = [
        ("AB12CDE", 0, 0),
        ("AB12CDE", 1, 10),
        ("A812CDE", 0, 20),
        ("A812CDE", 0, 20),
    ];
    check(&reads, &[("A812CDE", "AB12CDE")]);
    let suspect = PlateRead {
        clock_suspect: true,
        ..read("A812CDE", 0, 20 * MIN)
    };
    let reads = [read("AB12CDE", 0, 0), read("AB12CDE", 1, 10 * MIN), suspect];
    assert!(verdicts(&reads, 1_000).is_empty());
}

#[test]
fn confidences_are_handed_on_where_there_is_one_for_each_character() {
    let given = |confidences: &[f32]| {
        let mut kept = Reads::new(&cameras(), 10);
        for read in [
            read("AB12CDE", 0, 0),
            read("AB12CDE", 1, 10 * MIN),
            read("A812CDE", 0, 20 * MIN),
        ] {
            kept.add(&PlateRead {
                character_confidences: confidences.to_vec(),
                ..read
            });
        }
        let mut found = Vec::new();
        kept.verdicts(|verdict| found.push(verdict.confidences.clone()));
        assert_eq!(found.len(), 1);
        found.remove(0)
    };
    let seven = [0.0, 0.123, 0.5, 0.95, 0.999, 1.0, 0.7];
    assert_eq!(given(&seven), seven);
    assert!(given(&[]).is_empty() && given(&seven[..6]).is_empty());
    assert!(given(&[f32::NAN; 7]).is_empty() && given(&[1.5; 7]).is_empty());
}

#[test]
fn the_newest_reads_are_kept_in_whatever_order_they_come() {
    let reads = traffic(3, 400);
    let newest = {
        let mut by_time = reads.clone();
        by_time.sort_by_key(|read| (read.captured_at, read.vrm, read.camera.clone()));
        by_time.split_off(300)
    };
    let expected = verdicts(&newest, 1_000);
    assert!(!expected.is_empty());
    assert_eq!(verdicts(&reads, 100), expected);
    let backwards: Vec<_> = reads.into_iter().rev().collect();
    assert_eq!(verdicts(&backwards, 100), expected);
}

/// Reads of few vehicles with marks that are much alike, at most of whose passages something is misread.
fn traffic(seed: u64, count: usize) -> Vec<PlateRead> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let marks = [
        "AB12CDE", "A812CDE", "AB12COE", "AB12CD", "B12CDE", "1AB12CDE", "AB1ZCDE", "KX03OVY", "KX0BOVY",
    ];
    let mut at = BTreeSet::new();
    (0..count)
        .map(|number| {
            let mark = marks[rng.random_range(0..marks.len())];
            // No two at once: those of one camera and mark would be one read.
            let mut ms = number as i64 * 2 * MIN + rng.random_range(0..90 * MIN);
            while !at.insert(ms) {
                ms += 1;
            }
            read(mark, rng.random_range(0..3), ms)
        })
        .collect()
}

/// The same in plain words: all reads are looked through for each.
fn plainly(reads: &[PlateRead]) -> Vec<(String, String, String)> {
    let cameras = cameras();
    let place = |read: &PlateRead| {
        cameras
            .iter()
            .find(|known| known.camera == read.camera)
            .unwrap()
            .position
    };
    let near = |one: &PlateRead, other: &PlateRead| {
        let apart = one.captured_at.as_millisecond() - other.captured_at.as_millisecond();
        apart.abs() <= NEAR_MS && least_speed(place(one), place(other), apart).1 <= 200.0
    };
    let driven = |one: &PlateRead, other: &PlateRead| one.camera != other.camera && near(one, other);
    let of = |mark: Vrm| {
        let mut all: Vec<_> = reads.iter().filter(|read| read.vrm == mark).collect();
        all.sort_by_key(|read| read.captured_at);
        all
    };
    let vehicles: Vec<Vrm> = reads
        .iter()
        .map(|read| read.vrm)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|mark| {
            uk_form(mark.as_bytes()).is_some() && of(*mark).windows(2).any(|two| driven(two[0], two[1]))
        })
        .collect();
    let proven = |read: &PlateRead, truth: Vrm| {
        let (mut before, mut after): (Vec<_>, Vec<_>) = of(truth)
            .into_iter()
            .filter(|other| other.read_id != read.read_id)
            .partition(|other| other.captured_at < read.captured_at);
        before.drain(..before.len().saturating_sub(NEIGHBOURS));
        after.truncate(NEIGHBOURS);
        before.extend(after);
        before.retain(|other| near(read, other));
        before.windows(2).any(|two| driven(two[0], two[1]))
    };
    let mut found = Vec::new();
    for read in reads {
        let itself = vehicles.contains(&read.vrm);
        let truths: Vec<_> = vehicles
            .iter()
            .filter(|truth| {
                if itself {
                    **truth == read.vrm
                } else {
                    may_be(read.vrm, **truth)
                }
            })
            .filter(|truth| proven(read, **truth))
            .collect();
        if let [truth] = truths[..] {
            found.push((read.vrm.to_string(), truth.to_string(), read.camera.to_string()));
        }
    }
    found.sort();
    found
}

fn may_be(read: Vrm, truth: Vrm) -> bool {
    let (read, truth) = (read.as_bytes(), truth.as_bytes());
    let without = |longer: &[u8], shorter: &[u8]| {
        (0..longer.len()).any(|at| [&longer[..at], &longer[at + 1..]].concat() == shorter)
    };
    if read.len() == truth.len() {
        let wrong: Vec<_> = read
            .iter()
            .zip(truth)
            .filter(|(one, other)| one != other)
            .collect();
        wrong.len() <= 2 && wrong.iter().all(|(one, other)| alike(**one, **other))
    } else {
        without(truth, read) || without(read, truth)
    }
}

#[test]
fn a_plain_search_through_all_reads_says_the_same() {
    let mut right_and_wrong = [0, 0];
    for seed in 0..60 {
        let reads = traffic(seed, 120);
        let found = verdicts(&reads, 1_000);
        assert_eq!(found, plainly(&reads), "seed {seed}");
        for (read, truth, _) in found {
            right_and_wrong[usize::from(read != truth)] += 1;
        }
    }
    assert!(
        right_and_wrong.iter().all(|count| *count > 300),
        "{right_and_wrong:?}"
    );
}
