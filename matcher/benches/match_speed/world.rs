//! What is listed and what passes: seeded marks in the proportions of a British road, and what cameras make of them.

use std::collections::HashSet;

use domain::Vrm;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Share of reads whose mark is not listed.
const NOT_LISTED: f64 = 0.9995;
/// Share of reads that are wrong, as good sites have it.
const MISREAD: f64 = 0.03;
/// Share of marks of the current form, and of the one before it; the rest are foreign.
const CURRENT: f64 = 0.93;
const PREFIX: f64 = 0.05;
/// What misreadings are: one character taken for another, two, one lost, one gained.
const ERRORS: [(Error, f64); 4] = [
    (Error::Swapped(1), 0.80),
    (Error::Swapped(2), 0.08),
    (Error::Lost, 0.06),
    (Error::Gained, 0.06),
];
/// Foreign forms: `9` a digit, `A` a letter, the rest as it is.
const FOREIGN: [&str; 6] = ["99D99999", "WA9999A", "B999AAA", "AA999A", "KAA9999", "AA999AA"];
const LETTERS: &[u8] = b"ABCDEFGHJKLMNOPRSTUVWXYZ";
const TAG_LETTERS: &[u8] = b"ABCDEFGHJKLMNOPRSTUVWXY";
const PREFIX_YEARS: &[u8] = b"GHJKLMNPRSTVWXY";
const ALIKE: [&[u8]; 11] = [
    b"0OQD", b"1IL", b"5S", b"8B", b"2Z", b"6GC", b"7T", b"4A", b"UVY", b"MNH", b"EF",
];

#[derive(Clone, Copy)]
enum Error {
    Swapped(usize),
    Lost,
    Gained,
}

/// A list, the reads of a day, and misreadings of listed marks with the marks they were.
pub struct World {
    pub listed: Vec<Vrm>,
    pub reads: Vec<Vrm>,
    pub misread: Vec<(Vrm, Vrm)>,
}

impl World {
    /// The same for the same numbers.
    pub fn new(entries: usize, reads: usize, misread: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut known = HashSet::with_capacity(entries);
        let mut listed = Vec::with_capacity(entries);
        while listed.len() < entries {
            let mark = mark(&mut rng);
            if known.insert(mark) {
                listed.push(mark);
            }
        }
        let pass = |rng: &mut ChaCha8Rng| {
            let mark = if rng.random_bool(NOT_LISTED) {
                std::iter::repeat_with(|| mark(rng))
                    .find(|mark| !known.contains(mark))
                    .expect("more marks than any list has")
            } else {
                listed[rng.random_range(0..listed.len())]
            };
            if rng.random_bool(MISREAD) {
                wrong(rng, mark)
            } else {
                mark
            }
        };
        let reads = (0..reads).map(|_| pass(&mut rng)).collect();
        let misread = std::iter::repeat_with(|| listed[rng.random_range(0..entries)])
            .take(misread)
            .collect::<Vec<_>>();
        let misread = misread
            .into_iter()
            .map(|mark| (wrong(&mut rng, mark), mark))
            .collect();
        Self {
            listed,
            reads,
            misread,
        }
    }
}

fn letter(rng: &mut ChaCha8Rng, from: &[u8]) -> u8 {
    from[rng.random_range(0..from.len())]
}

fn filled(rng: &mut ChaCha8Rng, pattern: &str) -> Vec<u8> {
    let fill = |character| match character {
        b'9' => letter(rng, b"0123456789"),
        b'A' => letter(rng, LETTERS),
        as_it_is => as_it_is,
    };
    pattern.bytes().map(fill).collect()
}

fn mark(rng: &mut ChaCha8Rng) -> Vrm {
    loop {
        let form = rng.random::<f64>();
        let text = if form < CURRENT {
            let age = rng.random_range(2..=26) + if rng.random_bool(0.5) { 50 } else { 0 };
            let tag = [letter(rng, TAG_LETTERS), letter(rng, TAG_LETTERS)];
            [&tag, format!("{age:02}").as_bytes(), &filled(rng, "AAA")].concat()
        } else if form < CURRENT + PREFIX {
            let number = rng.random_range(1..=999).to_string();
            [
                &[letter(rng, PREFIX_YEARS)],
                number.as_bytes(),
                &filled(rng, "AAA"),
            ]
            .concat()
        } else {
            let pattern = FOREIGN[rng.random_range(0..FOREIGN.len())];
            filled(rng, pattern)
        };
        if let Some(mark) = parsed(&text) {
            return mark;
        }
    }
}

fn parsed(text: &[u8]) -> Option<Vrm> {
    Vrm::parse(std::str::from_utf8(text).ok()?).ok()
}

/// A misreading of a mark, never the mark itself.
fn wrong(rng: &mut ChaCha8Rng, mark: Vrm) -> Vrm {
    loop {
        let (error, _) = ERRORS
            .choose_weighted(rng, |(_, share)| *share)
            .expect("shares are positive");
        let mut text = mark.as_bytes().to_vec();
        match error {
            Error::Swapped(count) => (0..*count).for_each(|_| swap(rng, &mut text)),
            Error::Lost => {
                let place = *[0, text.len() - 1].choose(rng).expect("two ends");
                text.remove(place);
            }
            Error::Gained => {
                let place = *[0, text.len()].choose(rng).expect("two ends");
                text.insert(place, letter(rng, b"1I"));
            }
        }
        match parsed(&text) {
            Some(read) if read != mark => return read,
            _ => {}
        }
    }
}

/// Takes one character for another of its class.
fn swap(rng: &mut ChaCha8Rng, text: &mut [u8]) {
    let places: Vec<usize> = (0..text.len())
        .filter(|place| ALIKE.iter().any(|class| class.contains(&text[*place])))
        .collect();
    let Some(place) = places.choose(rng) else {
        return;
    };
    let class = ALIKE.iter().find(|class| class.contains(&text[*place]));
    text[*place] = letter(rng, class.expect("chosen for its class"));
}
