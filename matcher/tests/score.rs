//! The score against the same score written the plain way: every vehicle there may be, one by one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod plain;

use std::collections::BTreeMap;

use domain::Vrm;
use domain::assessment::Evidence;
use domain::misread::Difference;
use matcher::confusion::{Rates, Table};
use matcher::description::Description;
use matcher::population::{Expectation, Form, Population};
use matcher::register::{Builder, Register};
use matcher::score::bound::AsRead;
use matcher::score::{Knowledge, Listed, Reading, Scorer, difference};
use matcher::traffic::{Habits, Seen, Traffic};
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn vrm(text: &str) -> Vrm {
    Vrm::parse(text).unwrap()
}

/// A world so small that every mark of it can be listed.
pub struct World {
    table: Table,
    population: Population,
    habits: Habits,
    registered: BTreeMap<Vrm, Description>,
}

const CHARACTERS: &[u8] = b"0OQ8B1IK";

fn mark(rng: &mut ChaCha8Rng) -> Vrm {
    let length = rng.random_range(2..=4);
    let text: String = (0..length)
        .map(|_| char::from(*CHARACTERS.choose(rng).unwrap()))
        .collect();
    Vrm::parse(&text).unwrap_or_else(|_| mark(rng))
}

fn description(rng: &mut ChaCha8Rng) -> Description {
    let make = ["FORD", "BMW", "KIA", ""].choose(rng).unwrap();
    let colour = ["RED", "GREY", "SILVER", ""].choose(rng).unwrap();
    Description::parse(make, colour)
}

/// A day's sightings of one mark; some were never seen.
fn sightings(rng: &mut ChaCha8Rng) -> Seen {
    let reads = rng.random_range(0..9);
    Seen {
        reads,
        sites: rng.random_range(reads.min(1)..=reads),
    }
}

fn form(rng: &mut ChaCha8Rng, length: usize) -> Form {
    let bit = |character: &u8| 1 << matcher::alike::symbol(*character);
    let place = |rng: &mut ChaCha8Rng| {
        CHARACTERS
            .iter()
            .filter(|_| rng.random_bool(0.6))
            .map(bit)
            .sum::<u64>()
            | bit(&b'K')
    };
    let mut places: Vec<u64> = (0..length).map(|_| place(rng)).collect();
    // noughts alone are no mark
    places[0] &= !bit(&b'0');
    Form {
        places,
        vehicles: rng.random_range(0.1..40.0),
    }
}

fn world(rng: &mut ChaCha8Rng) -> World {
    let rates = Rates {
        lost: rng.random_range(0.0..0.01),
        gained: rng.random_range(0.0..0.01),
        burst: rng.random_range(1.0..10.0),
        repeated: rng.random_range(0.0..0.9),
        ..Rates::default()
    };
    let registered: BTreeMap<_, _> = (0..60).map(|_| (mark(rng), description(rng))).collect();
    World {
        table: Table::new(rates).unwrap(),
        population: Population {
            registered: [2, 3, 4, 3].map(|length| form(rng, length)).into(),
            strangers: [3, 4, 5].map(|length| form(rng, length)).into(),
        },
        habits: Habits {
            driving: rng.random_range(0.05..0.9),
            reads_a_day: rng.random_range(0.5..8.0),
            ..Habits::default()
        },
        registered,
    }
}

fn reading(rng: &mut ChaCha8Rng, mark: Vrm) -> Reading {
    let confidences: Vec<f32> = match rng.random_bool(0.5) {
        true => mark
            .as_bytes()
            .iter()
            .map(|_| rng.random_range(0.2..=1.0))
            .collect(),
        false => Vec::new(),
    };
    Reading::new(mark, &confidences, description(rng)).unwrap()
}

fn register(world: &World) -> Register {
    let mut builder = Builder::default();
    for (mark, description) in &world.registered {
        builder.add(*mark, *description);
    }
    builder.build().unwrap()
}

/// Calls `check` for many reads and listed vehicles of many small worlds, with and without register and sightings.
fn in_many_worlds(
    worlds: u64,
    check: impl Fn(u64, &World, &Knowledge<'_>, &Reading, Option<&Listed>, &Listed),
) {
    for seed in 0..worlds {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let world = world(&mut rng);
        let expectation = Expectation::new(&world.population, &world.table);
        let (register, traffic) = (register(&world), Traffic::new(&world.habits));
        let keys: Vec<Vrm> = world.registered.keys().copied().collect();
        for _ in 0..40 {
            let known = Knowledge {
                table: &world.table,
                expectation: &expectation,
                register: rng.random_bool(0.5).then_some(&register),
                seen: rng.random_bool(0.5).then(|| sightings(&mut rng)),
                traffic: &traffic,
            };
            let read = mark(&mut rng);
            let reading = reading(&mut rng, read);
            let itself = Listed {
                mark: read,
                vehicle: description(&mut rng),
            };
            let itself = rng.random_bool(0.2).then_some(&itself);
            // registered marks, and others
            let vehicle = description(&mut rng);
            let registered = (0..8)
                .map(|_| *keys.choose(&mut rng).unwrap())
                .collect::<Vec<_>>();
            let marks = registered.into_iter().chain((0..4).map(|_| mark(&mut rng)));
            for mark in marks.filter(|mark| itself.is_some() || *mark != read) {
                let listed = match itself {
                    Some(itself) if itself.mark == mark => *itself,
                    _ => Listed { mark, vehicle },
                };
                check(seed, &world, &known, &reading, itself, &listed);
            }
        }
    }
}

#[test]
fn the_score_is_the_one_that_counts_every_vehicle() {
    in_many_worlds(24, |seed, world, known, reading, itself, listed| {
        let fast = Scorer::new(*known).consider(reading, itself).posterior(listed);
        let slow = plain::posterior(world, known, reading, itself, listed);
        assert!((fast - slow).abs() < 1e-9, "seed {seed}: {fast} {slow}");
    });
}

#[test]
fn the_bound_is_never_below_the_score() {
    in_many_worlds(24, |seed, _, known, reading, itself, listed| {
        if listed.mark == reading.mark() {
            return;
        }
        let posterior = Scorer::new(*known).consider(reading, itself).posterior(listed);
        let odds = AsRead::new(*known, reading.mark().as_bytes(), reading.seen(), itself)
            .odds(listed.mark, reading.mark());
        let most = if odds.is_infinite() {
            1.0
        } else {
            odds / (1.0 + odds)
        };
        // No posterior is less.
        let most = most.max(1e-12);
        assert!(
            most >= posterior * (1.0 - 1e-9),
            "seed {seed}: {most} {posterior}"
        );
    });
}

#[test]
fn the_terms_of_an_assessment_add_up_to_its_posterior() {
    in_many_worlds(4, |seed, _, known, reading, itself, listed| {
        let assessment = Scorer::new(*known).assess(reading, itself, listed);
        let log_odds: f64 = assessment.terms.iter().map(|term| term.log_odds).sum();
        let odds = assessment.posterior / (1.0 - assessment.posterior);
        assert!((log_odds - odds.ln()).abs() < 1e-6, "seed {seed}");
        assert_eq!(
            assessment.posterior,
            Scorer::new(*known).consider(reading, itself).posterior(listed)
        );
        let silent = |evidence| {
            assessment
                .terms
                .iter()
                .any(|term| term.evidence == evidence && term.log_odds == 0.0)
        };
        assert!(
            known.register.is_some() || silent(Evidence::Register),
            "seed {seed}"
        );
        assert!(known.seen.is_some() || silent(Evidence::History), "seed {seed}");
    });
}

/// A world of real marks: what is known of each piece of evidence must move the score the right way.
struct Road {
    table: Table,
    expectation: Expectation,
    traffic: Traffic,
    register: Register,
}

fn road(registered: &[(&str, &str, &str)]) -> Road {
    let table = Table::default();
    let mut builder = Builder::default();
    for (mark, make, colour) in registered {
        builder.add(vrm(mark), Description::parse(make, colour));
    }
    Road {
        expectation: Expectation::new(&Population::default(), &table),
        table,
        traffic: Traffic::new(&Habits::default()),
        register: builder.build().unwrap(),
    }
}

impl Road {
    fn posterior(&self, register: bool, seen: Option<u32>, reading: &Reading, listed: &Listed) -> f64 {
        let known = Knowledge {
            table: &self.table,
            expectation: &self.expectation,
            register: register.then_some(&self.register),
            seen: seen.map(|reads| Seen { reads, sites: reads }),
            traffic: &self.traffic,
        };
        Scorer::new(known).consider(reading, None).posterior(listed)
    }
}

fn seen(mark: &str, make: &str, colour: &str) -> Reading {
    Reading::new(vrm(mark), &[], Description::parse(make, colour)).unwrap()
}

const WANTED: (&str, &str, &str) = ("MA12CDE", "FORD", "RED");

fn wanted() -> Listed {
    Listed {
        mark: vrm(WANTED.0),
        vehicle: Description::parse(WANTED.1, WANTED.2),
    }
}

#[test]
fn a_read_that_is_no_mark_is_the_listed_car_and_one_that_is_a_registered_car_is_that_car() {
    let road = road(&[WANTED, ("NA12CDE", "BMW", "BLUE")]);
    let posterior = |mark| road.posterior(true, None, &seen(mark, "", ""), &wanted());
    assert!(posterior("MA12CD3") < 0.5, "a 3 is not read for an E");
    assert!(posterior("MAI2CDE") > 0.9);
    assert!(
        posterior("HA12CDE") > 0.25,
        "a mark that is not registered, and one of two"
    );
    assert!(posterior("NA12CDE") < 0.01);
    assert!(posterior("1MA12CDE") > 0.9);
    assert!(
        posterior("A12CDE") > 0.25,
        "the first letter is lost, of one of two"
    );
}

#[test]
fn make_and_colour_can_turn_the_scales() {
    let road = road(&[WANTED, ("NA12CDE", "BMW", "BLUE")]);
    let posterior = |make, colour| road.posterior(true, None, &seen("NA12CDE", make, colour), &wanted());
    assert!(posterior("FORD", "RED") > 0.5);
    assert!(posterior("FORD", "") > posterior("", "") && posterior("", "RED") > posterior("", ""));
    assert!(posterior("BMW", "BLUE") < 0.0001);
}

#[test]
fn a_rival_that_looks_as_much_like_the_read_halves_the_score() {
    let alone = road(&[WANTED]);
    let rivalled = road(&[WANTED, ("NA12CDE", "FORD", "RED")]);
    let posterior = |road: &Road| road.posterior(true, None, &seen("HA12CDE", "", ""), &wanted());
    assert!(posterior(&alone) > 0.5);
    assert!((0.25..0.5).contains(&posterior(&rivalled)));
}

#[test]
fn a_familiar_mark_is_an_ordinary_car_unless_it_is_no_mark_at_all() {
    let road = road(&[]);
    let posterior = |mark, reads| road.posterior(false, Some(reads), &seen(mark, "", ""), &wanted());
    assert!(posterior("NA12CDE", 5) < posterior("NA12CDE", 0) / 10.0);
    // a dirty plate, read wrong the same way all day
    assert!(posterior("MAI2CDE", 5) > 0.9);
}

#[test]
fn bad_confidences_are_refused() {
    let check = |confidences: &[f32], expected: &str| {
        let error = Reading::new(vrm("AB12CDE"), confidences, Description::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(&[0.5; 6], "there are 6 confidences for a mark of 7 characters");
    check(&[1.5; 7], "a confidence must be a number from 0 to 1");
    check(&[f32::NAN; 7], "a confidence must be a number from 0 to 1");
    check(&[-0.1; 7], "a confidence must be a number from 0 to 1");
    assert!(Reading::new(vrm("AB12CDE"), &[], Description::default()).is_ok());
}

#[test]
fn marks_of_any_shape_have_a_score() {
    let road = road(&[WANTED]);
    for read in ["00A", "QQQQQQQQQQ", "A1", "MA12CDEFGH", "999"] {
        for (register, history) in [(false, None), (true, None), (false, Some(0)), (true, Some(3))] {
            let posterior = road.posterior(register, history, &seen(read, "FORD", "RED"), &wanted());
            assert!(posterior > 0.0 && posterior < 0.01, "{posterior}");
        }
    }
}

#[test]
fn a_difference_names_place_and_characters() {
    let check = |listed, read, expected| assert_eq!(difference(vrm(listed), vrm(read)).0, expected);
    check("AB12CDE", "AB12CDE", Difference::None);
    check("AB12CDE", "A812CD3", Difference::Alike { count: 2 });
    check(
        "AB12CDE",
        "AB2CDE",
        Difference::Lost {
            position: 2,
            character: b'1',
        },
    );
    check(
        "AB12CDE",
        "AB12CDE1",
        Difference::Gained {
            position: 7,
            character: b'1',
        },
    );
    let (_, characters) = difference(vrm("AB12CDE"), vrm("A812CDE"));
    assert_eq!(
        (characters[0].position, characters[0].listed, characters[0].read),
        (1, Some('B'), Some('8'))
    );
}
