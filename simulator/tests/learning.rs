//! What the matcher learns from the world's reads alone, held against what the world knows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use domain::Timestamp;
use jiff::SignedDuration;
use matcher::alike::{SYMBOLS, alike, character};
use matcher::confusion::journeys::{MOST_READS, Reads};
use matcher::confusion::learn::{Learnt, Lessons};
use matcher::confusion::{Confusion, Table};
use simulator::{Demand, World, misread_rate};

const SEED: u64 = 11;

/// What a world's reads teach in so many seconds at this rate, and how many of the verdicts were right and wrong.
fn learnt(rate: f64, seconds: i64) -> (Learnt, [usize; 2]) {
    let world = World::new(SEED, common::merseyside()).unwrap();
    let start: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
    let mut reads = Reads::new(&world.force().cameras, MOST_READS);
    let mut traffic = world.traffic(Demand::flat(rate), start).unwrap();
    for second in 0..seconds {
        for sighting in traffic.step(start + SignedDuration::from_secs(second)) {
            reads.add(&sighting.read);
        }
    }
    let mut lessons = Lessons::new(Confusion::default());
    let mut verdicts = [0, 0];
    reads.verdicts(|verdict| {
        lessons.count(verdict);
        verdicts[usize::from(verdict.read != verdict.truth)] += 1;
    });
    (lessons.learn().unwrap(), verdicts)
}

/// By how much a table's rates of misreading are off, all pairs of characters together.
fn off(table: &Table) -> f64 {
    pairs()
        .map(|(truth, read)| (table.read_as(truth, read) - misread_rate(truth, read)).abs())
        .sum()
}

fn pairs() -> impl Iterator<Item = (u8, u8)> {
    let symbols = || (0..SYMBOLS).map(character);
    symbols()
        .flat_map(move |truth| symbols().map(move |read| (truth, read)))
        .filter(|(truth, read)| truth != read && alike(*truth, *read))
}

#[test]
fn the_worlds_own_rates_are_learnt_from_its_reads() {
    let (learnt, [right, wrong]) = learnt(150.0, 3_600);
    let (default, table) = (Table::default(), learnt.confusion.all());
    let (before, after) = (off(&default), off(table));
    println!("{right} right, {wrong} wrong; off by {before:.4} before, {after:.4} after");
    assert!(
        after < 0.5 * before,
        "seed {SEED}: {before} before, {after} after"
    );
    // Three in a hundred reads are wrong, as the recogniser's own test has it.
    let share = wrong as f64 / (right + wrong) as f64;
    assert!((0.025..0.04).contains(&share), "seed {SEED}: {share}");
    let rates = table.rates();
    assert!(
        (0.0012..0.0019).contains(&rates.lost),
        "seed {SEED}: {}",
        rates.lost
    );
    assert!(
        (0.0012..0.0019).contains(&rates.gained),
        "seed {SEED}: {}",
        rates.gained
    );
    assert!(
        rates.edge > 0.9,
        "the world errs at the ends alone: {}",
        rates.edge
    );
    assert!(!learnt.cameras.is_empty(), "busy cameras get tables of their own");
}
