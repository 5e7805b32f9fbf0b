//! Characters that are read as one another, and marks as codes that look-alikes share.
//!
//! A character is a class (`0OQD` is one) and a place within it. A mark's *look* is the classes of its characters in base
//! [`CLASSES`]: two marks of one length look alike where their looks are equal. Look and places together are the mark again.

use domain::Vrm;
use domain::vrm::MAX_LENGTH;

/// Characters a mark may have: 26 letters, 10 digits.
pub const SYMBOLS: usize = 36;
/// Values of a class: none, the groups of [`GROUPS`], and each other character by itself.
pub const CLASSES: u64 = 20;
/// Bits that hold a place within a class: no class has more than four members.
pub const PLACE_BITS: u32 = 2;

/// Characters that are read as one another.
pub const GROUPS: [&[u8]; 11] = [
    b"0OQD", b"1IL", b"5S", b"8B", b"2Z", b"6GC", b"7T", b"4A", b"UVY", b"MNH", b"EF",
];
/// The characters that look like no other.
const SINGLES: &[u8] = b"JKPRWX39";

const _: () = assert!(1 + GROUPS.len() + SINGLES.len() == CLASSES as usize);
/// Looks and places of the longest marks fill 64 bits just so.
const _: () = assert!(CLASSES.pow(MAX_LENGTH as u32) < 1 << (64 - PLACE_BITS * MAX_LENGTH as u32));

/// Class and place of each byte; class 0 is no character of a mark.
pub(crate) const CLASS_OF: [(u8, u8); 256] = class_of();
/// The character of each class and place; 0 where there is none.
pub(crate) const CHARACTER: [[u8; 1 << PLACE_BITS]; CLASSES as usize] = characters();

const fn class_of() -> [(u8, u8); 256] {
    let mut table = [(0, 0); 256];
    let characters = characters();
    let mut class = 1;
    while class < characters.len() {
        let mut place = 0;
        while place < 1 << PLACE_BITS {
            if characters[class][place] != 0 {
                table[characters[class][place] as usize] = (class as u8, place as u8);
            }
            place += 1;
        }
        class += 1;
    }
    table
}

const fn characters() -> [[u8; 1 << PLACE_BITS]; CLASSES as usize] {
    let mut table = [[0; 1 << PLACE_BITS]; CLASSES as usize];
    let mut class = 0;
    while class < GROUPS.len() {
        let mut place = 0;
        while place < GROUPS[class].len() {
            table[1 + class][place] = GROUPS[class][place];
            place += 1;
        }
        class += 1;
    }
    let mut single = 0;
    while single < SINGLES.len() {
        table[1 + GROUPS.len() + single][0] = SINGLES[single];
        single += 1;
    }
    table
}

/// The number of a character, 0 to 35: letters, then digits.
///
/// # Panics
/// Where the byte is no character of a mark; those of a [`Vrm`] all are.
#[must_use]
#[inline]
pub fn symbol(character: u8) -> usize {
    let symbol = usize::from(SYMBOL_OF[usize::from(character)]);
    assert!(symbol < SYMBOLS, "a mark has letters A-Z and digits alone");
    symbol
}

/// Numbers of characters; [`SYMBOLS`] of what is none.
const SYMBOL_OF: [u8; 256] = {
    let mut table = [SYMBOLS as u8; 256];
    let mut number = 0;
    while number < SYMBOLS {
        table[character(number) as usize] = number as u8;
        number += 1;
    }
    table
};

/// The character of a number below [`SYMBOLS`].
#[must_use]
pub const fn character(symbol: usize) -> u8 {
    if symbol < 26 {
        b'A' + symbol as u8
    } else {
        b'0' + (symbol - 26) as u8
    }
}

/// Whether two characters are of one class.
#[must_use]
pub fn alike(one: u8, other: u8) -> bool {
    CLASS_OF[usize::from(one)].0 == CLASS_OF[usize::from(other)].0
}

/// A mark as the classes of its characters and their places within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Look {
    /// The classes in base [`CLASSES`], the first character highest; equal for marks that look alike.
    pub classes: u64,
    /// The places, [`PLACE_BITS`] each, the first character highest.
    pub places: u32,
}

impl Look {
    /// The look of a mark.
    #[must_use]
    pub fn of(mark: Vrm) -> Self {
        let (mut classes, mut places) = (0, 0);
        for character in mark.as_bytes() {
            let (class, place) = CLASS_OF[usize::from(*character)];
            classes = classes * CLASSES + u64::from(class);
            places = places << PLACE_BITS | u32::from(place);
        }
        Self { classes, places }
    }

    /// The mark again; none where no mark has this look.
    #[must_use]
    pub fn mark(self) -> Option<Vrm> {
        let mut characters = [0; MAX_LENGTH];
        let mut first = MAX_LENGTH;
        let (mut classes, mut places) = (self.classes, self.places);
        while classes > 0 {
            first = first.checked_sub(1)?;
            let place = (places & ((1 << PLACE_BITS) - 1)) as usize;
            characters[first] = CHARACTER[(classes % CLASSES) as usize][place];
            classes /= CLASSES;
            places >>= PLACE_BITS;
        }
        Vrm::parse(std::str::from_utf8(&characters[first..]).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_its_look_again() {
        for mark in ["AB12CDE", "0O", "QQQQQQQQQQ", "99D12345", "HMN", "ZZ99ZZZ", "A1"] {
            let mark = Vrm::parse(mark).unwrap();
            assert_eq!(Look::of(mark).mark(), Some(mark));
        }
    }

    #[test]
    fn marks_share_classes_just_where_each_character_is_alike() {
        let classes = |mark| Look::of(Vrm::parse(mark).unwrap()).classes;
        assert_eq!(classes("M057OVE"), classes("NO5TQYF"));
        assert_ne!(classes("M057OVE"), classes("M0570VEE"));
        assert_ne!(classes("AB12CDE"), classes("AB13CDE"));
        for one in 0..SYMBOLS {
            for other in 0..SYMBOLS {
                let (one, other) = (character(one), character(other));
                let together = GROUPS.iter().any(|g| g.contains(&one) && g.contains(&other));
                assert_eq!(alike(one, other), one == other || together);
            }
        }
    }

    #[test]
    fn symbols_are_numbered_without_gaps() {
        for number in 0..SYMBOLS {
            assert_eq!(symbol(character(number)), number);
        }
    }
}
