//! The marks that a read may stand for if its recogniser lost a character or gained one.

use domain::Vrm;
use domain::misread::Difference;
use domain::vrm::{MAX_LENGTH, MIN_LENGTH};

use crate::code::{self, Code};
use crate::shapes::{self, Shapes};

/// A mark, or several that differ in one place alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    pub(crate) code: Code,
    pub(crate) kind: Kind,
}

/// How a variant comes about, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The read as it is, and what looks like it.
    Same,
    /// The read lacks a character here, a digit or a letter, of the class of `like`.
    Lost { place: u8, digit: bool, like: u8 },
    /// The read has this character too many.
    Gained { place: u8 },
}

/// Shows each variant of a read whose shape is listed.
pub(crate) fn variants(read: &[u8], shape: usize, shapes: &Shapes, mut show: impl FnMut(Variant)) {
    let length = read.len();
    if length < MAX_LENGTH {
        // The part behind a lost character stands one place further on.
        let parts = Parts::of(read, |place| place + 1);
        for place in 0..=length {
            for digit in [false, true] {
                if shapes.holds(shapes::with(shape, place, digit)) {
                    lost(&parts, place, digit, &mut show);
                }
            }
        }
    }
    if length > MIN_LENGTH {
        let parts = Parts::of(read, |place| place.saturating_sub(1));
        for place in 0..length {
            // One of several equal characters too many: the first is named.
            let again = place > 0 && read[place] == read[place - 1];
            if !again && shapes.holds(shapes::without(shape, place)) {
                show(Variant {
                    code: parts.before[place].joined(parts.behind[place + 1]),
                    kind: Kind::Gained { place: place as u8 },
                });
            }
        }
    }
}

fn lost(parts: &Parts, place: usize, digit: bool, show: &mut impl FnMut(Variant)) {
    let around = parts.before[place].joined(parts.behind[place]);
    for like in code::classes_with(digit) {
        show(Variant {
            code: around.with(place, like),
            kind: Kind::Lost {
                place: place as u8,
                digit,
                like,
            },
        });
    }
}

/// The read cut in two at each place, the second half moved.
struct Parts {
    before: [Code; MAX_LENGTH + 1],
    behind: [Code; MAX_LENGTH + 1],
}

impl Parts {
    fn of(read: &[u8], moved: impl Fn(usize) -> usize) -> Self {
        let mut parts = Self {
            before: Default::default(),
            behind: Default::default(),
        };
        for (place, character) in read.iter().enumerate() {
            parts.before[place + 1] = parts.before[place].with(place, *character);
        }
        for (place, character) in read.iter().enumerate().rev() {
            parts.behind[place] = parts.behind[place + 1].with(moved(place), *character);
        }
        parts
    }
}

/// The listed mark that a slot stands for, and how a read differs from it: what a look-up of this kind found, where the read
/// itself would stand in slot `own`. None where it is something else after all, or the same difference named another way.
#[inline]
pub(crate) fn told_by(slot: u32, own: u32, read: &[u8], kind: Kind) -> Option<(Vrm, Difference)> {
    match kind {
        Kind::Same => alike(slot, own, read),
        Kind::Lost { place, digit, like } => {
            let character = code::member_at(slot, usize::from(place), like);
            // One of several equal characters too few: the first is named.
            let again = place > 0 && read[usize::from(place) - 1] == character;
            let right = character != 0 && character.is_ascii_digit() == digit && !again;
            let (before, behind) = read.split_at(usize::from(place));
            let position = place;
            let difference = Difference::Lost { position, character };
            right.then(|| joined([before, &[character], behind], difference))?
        }
        Kind::Gained { place } => {
            let (before, behind) = read.split_at(usize::from(place));
            let (character, position) = (behind[0], place);
            joined(
                [before, &behind[1..], &[]],
                Difference::Gained { position, character },
            )
        }
    }
}

#[inline]
fn alike(slot: u32, own: u32, read: &[u8]) -> Option<(Vrm, Difference)> {
    let mut characters = [0; MAX_LENGTH];
    for (place, (listed, like)) in characters.iter_mut().zip(read).enumerate() {
        // 0, which no mark has, where there is no such member.
        *listed = code::member_at(slot, place, *like);
    }
    let difference = match code::characters_apart(slot, own) {
        0 => Difference::None,
        count => Difference::Alike { count },
    };
    Some((Vrm::normalised(&characters[..read.len()])?, difference))
}

fn joined(parts: [&[u8]; 3], difference: Difference) -> Option<(Vrm, Difference)> {
    let mut characters = [0; MAX_LENGTH];
    let mut length = 0;
    for character in parts.into_iter().flatten() {
        characters[length] = *character;
        length += 1;
    }
    Some((Vrm::normalised(&characters[..length])?, difference))
}
