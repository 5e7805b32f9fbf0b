//! The vehicle register: which marks there are, and what their vehicles look like.
//!
//! **Enters:** every registered mark with make and colour, from the licensing authority's file ([`mod@file`]). **Leaves:** the
//! description of a mark, and every registered mark that a read may be a misread of. **Guaranteed:** immutable, and swapped
//! whole; at most 8 bytes a mark at 40 million of them, everything counted ([`Register::bytes`]). **Not here:** keepers, or
//! anything else that is known of a vehicle; whether it is looked for.
//!
//! Marks of up to [`SHORT`] characters, all but a few of them, take six bytes: the classes of their characters
//! ([`Look::classes`]) are scattered over 31 bits by a multiplication that can be undone, so that look-alikes lie side by
//! side, in order of that number. Its top bits lead to a bucket of a few marks by way of a table of starts; what is left of it
//! and the places within the classes are 32 bits; make and colour take 12. The few longer marks lie sorted beside it.

pub mod file;

use domain::Vrm;
use domain::vrm::MAX_LENGTH;
use thiserror::Error;

use crate::alike::{CLASSES, Look, PLACE_BITS, SYMBOLS, character};
use crate::description::Description;

/// Marks of up to this many characters are short.
pub const SHORT: usize = 7;
/// The most marks that a register holds: their places are counted in 32 bits. The country has a hundredth of that.
pub const MOST_MARKS: usize = u32::MAX as usize;

/// Bits that the classes of a short mark fill.
const CODE_BITS: u32 = 31;
const _: () = assert!(CLASSES.pow(SHORT as u32) < 1 << CODE_BITS);
const SHORT_PLACE_BITS: u32 = PLACE_BITS * SHORT as u32;
const LONG_PLACE_BITS: u32 = PLACE_BITS * MAX_LENGTH as u32;
/// Bits of a code that lead to a bucket: the rest must fit a slot beside the places, and more than 24 would make the table of
/// starts the larger part of a register.
const BUCKET_BITS: std::ops::RangeInclusive<u32> = CODE_BITS + SHORT_PLACE_BITS - u32::BITS..=24;
/// Marks that share a bucket on average: four are one look into memory, and cost a start a byte.
const BUCKET_MARKS: usize = 4;
/// An odd factor near 2^31 divided by the golden ratio, and its inverse modulo 2^31.
const FACTOR: u64 = 0x4f1b_bcdd;
const INVERSE: u64 = inverse(FACTOR);
const _: () = assert!(FACTOR.wrapping_mul(INVERSE) & mask(CODE_BITS) == 1);
const DESCRIPTION_BITS: u32 = 12;

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// By Newton's iteration, which doubles the bits that are right.
const fn inverse(factor: u64) -> u64 {
    let (mut inverse, mut round) = (factor, 0);
    while round < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(factor.wrapping_mul(inverse)));
        round += 1;
    }
    inverse & mask(CODE_BITS)
}

/// Why a register is refused.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// More marks than can be counted.
    #[error("a register holds at most {MOST_MARKS} marks")]
    TooMany,
    /// The file cannot be read.
    #[error("the register cannot be read")]
    Read(#[from] csv::Error),
    /// A column that must be there is not.
    #[error("line 1: no column is called {0}, and one must be")]
    NoColumn(&'static str),
    /// A mark that is none.
    #[error("line {line}, column vrm: {reason}; mend the row or leave it out")]
    Mark {
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong with it.
        reason: domain::vrm::VrmError,
    },
    /// A line that is not UTF-8.
    #[error("line {line} is not UTF-8; save the file as UTF-8")]
    Encoding {
        /// Counted from 1, the header included.
        line: u64,
    },
    /// A row with more or fewer columns than the header.
    #[error("line {line} has {found} columns where the header has {expected}; mend the row or leave it out")]
    Columns {
        /// Counted from 1, the header included.
        line: u64,
        /// How many it has.
        found: u64,
        /// How many it should have.
        expected: u64,
    },
    /// No row at all: by such a register every vehicle would be unregistered.
    #[error("there is no vehicle in it; `steelring register remove` takes a register out of use")]
    Empty,
}

/// Marks to make a register of.
#[derive(Default)]
pub struct Builder {
    /// Scattered classes, places and description of short marks, from the top down.
    short: Vec<u64>,
    /// Classes and places of longer marks, and descriptions.
    long: Vec<(u64, u16)>,
}

/// The register. See the [module](self).
pub struct Register {
    /// Where each bucket of `slots` starts, and the end.
    starts: Box<[u32]>,
    slots: Box<[u32]>,
    descriptions: Box<[u16]>,
    bucket_bits: u32,
    long: Box<[u64]>,
    long_descriptions: Box<[u16]>,
}

impl Builder {
    /// A builder with room for so many marks: 8 bytes each until they are built.
    #[must_use]
    pub fn with_capacity(marks: usize) -> Self {
        Self {
            short: Vec::with_capacity(marks),
            long: Vec::new(),
        }
    }

    /// Adds a mark. Of a mark that is added twice, the description with the higher numbers stays, whatever the order.
    pub fn add(&mut self, mark: Vrm, description: Description) {
        let look = Look::of(mark);
        if mark.as_bytes().len() <= SHORT {
            let code = scattered(look.classes);
            let key = code << SHORT_PLACE_BITS | u64::from(look.places);
            self.short
                .push(key << DESCRIPTION_BITS | u64::from(description.packed()));
        } else {
            self.long.push((long_key(look), description.packed()));
        }
    }

    /// Whether none was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.short.is_empty() && self.long.is_empty()
    }

    /// The register of the marks that were added.
    ///
    /// # Errors
    /// With more than [`MOST_MARKS`].
    pub fn build(mut self) -> Result<Register, RegisterError> {
        self.short.sort_unstable_by(|one, other| other.cmp(one));
        self.short.dedup_by_key(|key| *key >> DESCRIPTION_BITS);
        self.short.reverse();
        self.long.sort_unstable_by(|one, other| other.cmp(one));
        self.long.dedup_by_key(|(key, _)| *key);
        self.long.reverse();
        if self.short.len() + self.long.len() > MOST_MARKS {
            return Err(RegisterError::TooMany);
        }
        let wanted = (self.short.len() / BUCKET_MARKS).max(1).ilog2();
        let bucket_bits = wanted.clamp(*BUCKET_BITS.start(), *BUCKET_BITS.end());
        let shift = CODE_BITS - bucket_bits + SHORT_PLACE_BITS + DESCRIPTION_BITS;
        let mut starts = vec![0; (1 << bucket_bits) + 1].into_boxed_slice();
        for key in &self.short {
            starts[(key >> shift) as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let slot = |key: &u64| (key >> DESCRIPTION_BITS & mask(shift - DESCRIPTION_BITS)) as u32;
        Ok(Register {
            starts,
            slots: self.short.iter().map(slot).collect(),
            descriptions: self
                .short
                .iter()
                .map(|key| (key & mask(DESCRIPTION_BITS)) as u16)
                .collect(),
            bucket_bits,
            long: self.long.iter().map(|(key, _)| *key).collect(),
            long_descriptions: self.long.iter().map(|(_, description)| *description).collect(),
        })
    }
}

fn scattered(classes: u64) -> u64 {
    classes.wrapping_mul(FACTOR) & mask(CODE_BITS)
}

fn gathered(code: u64) -> u64 {
    code.wrapping_mul(INVERSE) & mask(CODE_BITS)
}

fn long_key(look: Look) -> u64 {
    look.classes << LONG_PLACE_BITS | u64::from(look.places)
}

impl Register {
    /// How many marks it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() + self.long.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All the memory that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.starts)
            + size_of_val(&*self.slots)
            + size_of_val(&*self.descriptions)
            + size_of_val(&*self.long)
            + size_of_val(&*self.long_descriptions)
    }

    /// What the vehicle of a mark looks like; none where the mark is not registered.
    #[must_use]
    pub fn find(&self, mark: Vrm) -> Option<Description> {
        let look = Look::of(mark);
        if mark.as_bytes().len() > SHORT {
            let place = self.long.binary_search(&long_key(look)).ok()?;
            return Some(Description::unpacked(self.long_descriptions[place]));
        }
        let (bucket, rest) = self.bucket(look.classes);
        let wanted = (rest << SHORT_PLACE_BITS) as u32 | look.places;
        let slots = bucket.clone().zip(&self.slots[bucket]);
        let (place, _) = slots.into_iter().find(|(_, slot)| **slot == wanted)?;
        Some(Description::unpacked(self.descriptions[place]))
    }

    /// Calls `each` for the registered marks of the same length whose characters all are the read's or look like them, the
    /// read itself among them.
    pub fn for_each_alike(&self, read: Vrm, mut each: impl FnMut(Vrm, Description)) {
        let classes = Look::of(read).classes;
        let mut give = |places: u32, description: u16| {
            // every key was made of a mark
            if let Some(mark) = (Look { classes, places }).mark() {
                each(mark, Description::unpacked(description));
            }
        };
        if read.as_bytes().len() > SHORT {
            let first = classes << LONG_PLACE_BITS;
            let from = self.long.partition_point(|key| *key < first);
            let alike = self.long[from..]
                .iter()
                .take_while(|key| *key >> LONG_PLACE_BITS == classes);
            for (key, description) in alike.zip(&self.long_descriptions[from..]) {
                give((key & mask(LONG_PLACE_BITS)) as u32, *description);
            }
            return;
        }
        let (bucket, rest) = self.bucket(classes);
        for place in bucket {
            let slot = self.slots[place];
            if u64::from(slot >> SHORT_PLACE_BITS) == rest {
                give(slot & mask(SHORT_PLACE_BITS) as u32, self.descriptions[place]);
            }
        }
    }

    /// Calls `each` for the registered marks that have one character more than the read, or one fewer, and are equal otherwise.
    /// Each mark comes once.
    pub fn for_each_shifted(&self, read: Vrm, mut each: impl FnMut(Vrm, Description)) {
        for mark in shifted(read) {
            if let Some(description) = self.find(mark) {
                each(mark, description);
            }
        }
    }

    /// The slots of a code's bucket, and what of the code they hold.
    fn bucket(&self, classes: u64) -> (std::ops::Range<usize>, u64) {
        let code = scattered(classes);
        let rest_bits = CODE_BITS - self.bucket_bits;
        let bucket = (code >> rest_bits) as usize;
        let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        (range, code & mask(rest_bits))
    }

    /// Every mark with its description, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (Vrm, Description)> + '_ {
        let rest_bits = CODE_BITS - self.bucket_bits;
        let short = self
            .starts
            .windows(2)
            .enumerate()
            .flat_map(move |(bucket, ends)| {
                (ends[0] as usize..ends[1] as usize).filter_map(move |place| {
                    let slot = self.slots[place];
                    let code = (bucket as u64) << rest_bits | u64::from(slot >> SHORT_PLACE_BITS);
                    let places = slot & mask(SHORT_PLACE_BITS) as u32;
                    let mark = Look {
                        classes: gathered(code),
                        places,
                    }
                    .mark()?;
                    Some((mark, Description::unpacked(self.descriptions[place])))
                })
            });
        let long = self
            .long
            .iter()
            .zip(&self.long_descriptions)
            .filter_map(|(key, description)| {
                let places = (key & mask(LONG_PLACE_BITS)) as u32;
                let mark = Look {
                    classes: key >> LONG_PLACE_BITS,
                    places,
                }
                .mark()?;
                Some((mark, Description::unpacked(*description)))
            });
        short.chain(long)
    }
}

/// Every mark that the read would be with one character lost, or with one too many: one more or one fewer, each once.
pub fn shifted(read: Vrm) -> impl Iterator<Item = Vrm> {
    let text = read.as_bytes().to_vec();
    let shorter = (0..text.len()).filter(first_of_its_run(text.clone())).map({
        let text = text.clone();
        move |at| [&text[..at], &text[at + 1..]].concat()
    });
    let room = text.len() < MAX_LENGTH;
    let gaps = (0..=text.len()).filter(move |_| room);
    let longer = gaps.flat_map(move |at| {
        let text = text.clone();
        // before its like a character makes the same mark as after it
        let new = (0..SYMBOLS).map(character).filter({
            let before = at.checked_sub(1).map(|before| text[before]);
            move |new| Some(*new) != before
        });
        new.map(move |new| [&text[..at], &[new], &text[at..]].concat())
    });
    shorter
        .chain(longer)
        .filter_map(|text| Vrm::parse(std::str::from_utf8(&text).ok()?).ok())
}

/// Dropping any of a run of equal characters leaves the same.
fn first_of_its_run(text: Vec<u8>) -> impl Fn(&usize) -> bool {
    move |at| *at == 0 || text[*at] != text[*at - 1]
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rand::RngExt as _;
    use rand::seq::IndexedRandom as _;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::alike::alike;
    use crate::confusion::places_dropped;

    /// Few characters, so that look-alikes are common.
    fn mark(rng: &mut ChaCha8Rng) -> Vrm {
        let length = if rng.random_bool(0.8) {
            rng.random_range(3..=5)
        } else {
            rng.random_range(8..=10)
        };
        let text: String = (0..length)
            .map(|_| char::from(*b"0OQ1I8BK".choose(rng).unwrap()))
            .collect();
        Vrm::parse(&text).unwrap_or_else(|_| mark(rng))
    }

    fn description(rng: &mut ChaCha8Rng) -> Description {
        Description::parse(
            ["FORD", "BMW", ""].choose(rng).unwrap(),
            ["RED", "BLUE", ""].choose(rng).unwrap(),
        )
    }

    /// Everything the register says, against a map and a linear scan.
    fn check(seed: u64, marks: usize) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut plain = BTreeMap::new();
        let mut builder = Builder::with_capacity(marks);
        for _ in 0..marks {
            let (mark, description) = (mark(&mut rng), description(&mut rng));
            builder.add(mark, description);
            let known = plain.entry(mark).or_insert(description);
            *known = description.max_packed(*known);
        }
        let register = builder.build().unwrap();
        assert_eq!(register.len(), plain.len(), "seed {seed}");
        assert_eq!(register.iter().collect::<BTreeMap<_, _>>(), plain, "seed {seed}");
        for _ in 0..200 {
            let read = mark(&mut rng);
            assert_eq!(register.find(read), plain.get(&read).copied(), "seed {seed}");
            let mut found = BTreeSet::new();
            register.for_each_alike(read, |mark, description| {
                assert!(found.insert((mark, description)), "seed {seed}")
            });
            let all_alike = |mark: &Vrm| {
                let (mark, read) = (mark.as_bytes(), read.as_bytes());
                mark.len() == read.len() && mark.iter().zip(read).all(|(a, b)| alike(*a, *b))
            };
            let expected = plain
                .iter()
                .filter(|(mark, _)| all_alike(mark))
                .map(|(m, d)| (*m, *d));
            assert_eq!(found, expected.collect(), "seed {seed}");
            let mut found = BTreeSet::new();
            register.for_each_shifted(read, |mark, description| {
                assert!(found.insert((mark, description)), "seed {seed}")
            });
            let dropped = |a: &Vrm, b: &Vrm| places_dropped(a.as_bytes(), b.as_bytes()).next().is_some();
            let shifted = |mark: &Vrm| dropped(mark, &read) || dropped(&read, mark);
            let expected = plain
                .iter()
                .filter(|(mark, _)| shifted(mark))
                .map(|(m, d)| (*m, *d));
            assert_eq!(found, expected.collect(), "seed {seed}");
        }
    }

    impl Description {
        fn max_packed(self, other: Self) -> Self {
            if self.packed() > other.packed() {
                self
            } else {
                other
            }
        }
    }

    #[test]
    fn a_register_says_what_a_linear_scan_says() {
        for (seed, marks) in [(1, 0), (2, 1), (3, 10), (4, 500), (5, 5_000), (6, 60_000)] {
            check(seed, marks);
        }
    }

    #[test]
    fn a_register_of_a_country_would_take_less_than_8_bytes_a_mark() {
        let letters = |number: u32| [676, 26, 1].map(|power| char::from(b'A' + (number / power % 26) as u8));
        let mut builder = Builder::default();
        for number in 0..1_000_000_u32 {
            let text = format!(
                "AB{:02}{}",
                number / 10_000,
                String::from_iter(letters(number % 10_000))
            );
            builder.add(Vrm::parse(&text).unwrap(), Description::parse("FORD", "RED"));
        }
        let register = builder.build().unwrap();
        let each = register.bytes() as f64 / register.len() as f64;
        assert!(register.len() == 1_000_000 && each < 8.0, "{each} bytes a mark");
    }
}
