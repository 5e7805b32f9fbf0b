//! Marks as numbers: a hash that look-alikes share, and beside it the facts that tell them apart.
//!
//! Each character belongs to a class of characters that are read as one another, and has a number within it. The hash is
//! made of the classes alone, so that a mark and all its look-alikes meet in one place of the [table](crate::table); the
//! members, two bits a character, tell which of them a mark is.

use domain::vrm::{MAX_LENGTH, MIN_LENGTH};

use crate::alike::{CHARACTER, CLASS_OF, PLACE_BITS};

/// Bits that tell the members of a class apart.
const MEMBER_BITS: usize = PLACE_BITS as usize;
/// Rows of the tables below: every ASCII character.
const ROWS: usize = 128;
/// Where the facts have their digits: bit `i` from here says that character `i` is a digit.
const DIGITS_AT: usize = MEMBER_BITS * MAX_LENGTH;
/// A fact that makes a text no mark.
const NO_MARK: u32 = 1 << 31;
const _: () = assert!(DIGITS_AT + MAX_LENGTH < 31);
/// Shapes that marks may have; see [`Code::shape`].
pub(crate) const SHAPES: usize = 2 << MAX_LENGTH;
/// The bit of every slot that holds something, so that none is zero.
const OCCUPIED: u32 = 1 << 31;
/// The bit that no mark's slot has: the table has its notes there.
pub(crate) const NOTE: u32 = 1 << 30;

/// A random number for each class at each place of a mark; a mark's hash is their sum without carry (Zobrist's way), so
/// that a character more or less costs a few sums and not a new hash.
static HASHES: [[u64; ROWS]; MAX_LENGTH] = hashes();
/// Member and kind of each character at each place, ready to be joined.
static FACTS: [[u32; ROWS]; MAX_LENGTH] = facts();
/// The members of each character's class; 0 where there is none.
static ALIKE: [[u8; 1 << MEMBER_BITS]; ROWS] = alike();

/// A mark as the table sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Code {
    hash: u64,
    facts: u32,
    length: u32,
}

impl Code {
    /// The code of a mark of `A-Z` and `0-9`; none of any other text.
    #[inline]
    pub(crate) fn of(mark: &[u8]) -> Option<Self> {
        let (mut hash, mut facts, mut bytes) = (0, 0, 0);
        for ((byte, hashes), of_place) in mark.iter().zip(&HASHES).zip(&FACTS) {
            let row = usize::from(byte & 0x7f);
            hash ^= hashes[row];
            facts |= of_place[row];
            bytes |= byte;
        }
        let fits = (MIN_LENGTH..=MAX_LENGTH).contains(&mark.len());
        (fits && bytes.is_ascii() && facts & NO_MARK == 0).then_some(Self {
            hash,
            facts,
            length: mark.len() as u32,
        })
    }

    /// Which of so many places the mark and its look-alikes are looked for in.
    #[inline]
    pub(crate) fn home(self, homes: u32) -> u32 {
        (((self.hash >> 32) * u64::from(homes)) >> 32) as u32
    }

    /// What stands in the table for the mark: the rest of the hash above, the members below.
    #[inline]
    pub(crate) fn slot(self) -> u32 {
        let members = self.facts & ((1 << DIGITS_AT) - 1);
        (OCCUPIED | (self.hash as u32) << self.member_bits() | members) & !NOTE
    }

    /// The bits of a slot in which look-alikes agree.
    #[inline]
    pub(crate) fn alike_mask(self) -> u32 {
        u32::MAX << self.member_bits() & !NOTE
    }

    #[inline]
    fn member_bits(self) -> u32 {
        self.length * MEMBER_BITS as u32
    }

    /// Where letters and digits stand: bit `i` is set where character `i` is a digit, and one more bit at the end tells the
    /// length.
    #[inline]
    pub(crate) fn shape(self) -> usize {
        let digits = self.facts >> DIGITS_AT & ((1 << MAX_LENGTH) - 1);
        (digits | 1 << self.length) as usize
    }

    /// This and the character at `place`.
    pub(crate) fn with(self, place: usize, character: u8) -> Self {
        let row = usize::from(character & 0x7f);
        Self {
            hash: self.hash ^ HASHES[place][row],
            facts: self.facts | FACTS[place][row],
            length: self.length + 1,
        }
    }

    /// This and a part of a mark that has other places.
    pub(crate) fn joined(self, part: Self) -> Self {
        Self {
            hash: self.hash ^ part.hash,
            facts: self.facts | part.facts,
            length: self.length + part.length,
        }
    }
}

/// The character of a class of which `like` is one, that the slot of a mark has at `place`; 0 where the class has no such
/// member.
pub(crate) fn member_at(slot: u32, place: usize, like: u8) -> u8 {
    let member = slot >> (MEMBER_BITS * place) & ((1 << MEMBER_BITS) - 1);
    ALIKE[usize::from(like & 0x7f)][member as usize]
}

/// Which member of its class each character of a mark is, by its slot.
#[inline]
pub(crate) fn members(slot: u32) -> impl Iterator<Item = usize> {
    let member = move |place| slot >> (MEMBER_BITS * place) & ((1 << MEMBER_BITS) - 1);
    (0..MAX_LENGTH).map(move |place| member(place) as usize)
}

/// The bits of a slot that say which member of its class the character at `place` is.
pub(crate) fn member_mask(place: usize) -> u32 {
    ((1 << MEMBER_BITS) - 1) << (MEMBER_BITS * place)
}

/// In how many characters two marks differ that look alike, by their slots.
pub(crate) fn characters_apart(slot: u32, other: u32) -> u8 {
    let apart = slot ^ other;
    /// The lower bit of each member.
    const LOW: u32 = 0x5555_5555;
    ((apart | apart >> 1) & LOW).count_ones() as u8
}

/// A member of each class that has a letter, or a digit.
pub(crate) fn classes_with(digits: bool) -> impl Iterator<Item = u8> {
    let wanted = move |class: &[u8; 1 << MEMBER_BITS]| {
        class
            .iter()
            .any(|byte| *byte != 0 && byte.is_ascii_digit() == digits)
    };
    CHARACTER.into_iter().filter(wanted).map(|class| class[0])
}

/// Class, from 1 on, and member of a character.
const fn class_of(character: u8) -> Option<(usize, usize)> {
    match CLASS_OF[character as usize] {
        (0, _) => None,
        (class, member) => Some((class as usize, member as usize)),
    }
}

const fn hashes() -> [[u64; ROWS]; MAX_LENGTH] {
    let mut table = [[0; ROWS]; MAX_LENGTH];
    let mut place = 0;
    while place < MAX_LENGTH {
        let mut row = 0;
        while row < ROWS {
            if let Some((class, _)) = class_of(row as u8) {
                table[place][row] = scatter((place * CHARACTER.len() + class) as u64);
            }
            row += 1;
        }
        place += 1;
    }
    table
}

const fn facts() -> [[u32; ROWS]; MAX_LENGTH] {
    let mut table = [[NO_MARK; ROWS]; MAX_LENGTH];
    let mut place = 0;
    while place < MAX_LENGTH {
        let mut row = 0;
        while row < ROWS {
            if let Some((_, member)) = class_of(row as u8) {
                let digit = (row as u8).is_ascii_digit() as u32;
                table[place][row] = (member as u32) << (MEMBER_BITS * place) | digit << (DIGITS_AT + place);
            }
            row += 1;
        }
        place += 1;
    }
    table
}

const fn alike() -> [[u8; 1 << MEMBER_BITS]; ROWS] {
    let mut table = [[0; 1 << MEMBER_BITS]; ROWS];
    let mut row = 0;
    while row < ROWS {
        if let Some((class, _)) = class_of(row as u8) {
            table[row] = CHARACTER[class];
        }
        row += 1;
    }
    table
}

/// The `number`-th output of the generator SplitMix64 (Steele, Lea and Flood, 2014).
const fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn code(mark: &str) -> Code {
        Code::of(mark.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_no_mark_has_no_code() {
        for wrong in ["", "A", "ab12cde", "AB 12", "AB12\u{c9}", "ABCDEFGHIJK", "A\0"] {
            assert_eq!(Code::of(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(Code::of(&[b'A', b'B' | 0x80]), None);
    }

    #[test]
    fn look_alikes_meet_and_are_told_apart_and_others_do_not_meet() {
        for (mark, other, apart) in [
            ("AB12CDE", "AB12CDE", Some(0)),
            ("AB12CDE", "A812COE", Some(2)),
            ("DOQ0", "0QOD", Some(4)),
            ("AB12CDE", "AB13CDE", None),
            ("AB12CDE", "BA12CDE", None),
            ("AB12", "AB12C", None),
            ("ABABABABAB", "4B4B4B4B48", Some(6)),
        ] {
            let (a, b) = (code(mark), code(other));
            let alike = a.hash == b.hash && (a.slot() ^ b.slot()) & a.alike_mask() == 0;
            let found = alike.then(|| characters_apart(a.slot(), b.slot()));
            assert_eq!(found, apart, "{mark} {other}");
            if alike {
                let read: Vec<u8> = (0..mark.len())
                    .map(|place| member_at(b.slot(), place, mark.as_bytes()[place]))
                    .collect();
                assert_eq!(read, other.as_bytes());
            }
        }
    }

    #[test]
    fn a_shape_tells_letters_digits_and_length() {
        assert_eq!(code("AB12CDE").shape(), 0b1000_1100);
        assert_eq!(code("A1").shape(), 0b110);
        assert_eq!(code("9999999999").shape(), SHAPES - 1);
    }

    /// Two hundred thousand random marks of all lengths: were the hash worse than chance, many more would meet.
    #[test]
    fn hashes_of_marks_that_are_no_look_alikes_do_not_meet() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut known: HashMap<u64, Vec<usize>> = HashMap::new();
        for _ in 0..200_000 {
            let length = rng.random_range(MIN_LENGTH..=MAX_LENGTH);
            let mark: Vec<u8> = (0..length)
                .map(|_| alphabet[rng.random_range(0..alphabet.len())])
                .collect();
            let classes: Vec<usize> = mark.iter().map(|byte| class_of(*byte).unwrap().0).collect();
            let hash = Code::of(&mark).unwrap().hash;
            assert_eq!(known.entry(hash).or_insert_with(|| classes.clone()), &classes);
        }
    }
}
