//! What may put a read before somebody: the score, and what is done elsewhere.

use domain::Vrm;
use matcher::alike::{SYMBOLS, character};
use matcher::register::{Register, shifted};

/// Fixed groups of characters that are held to be the same, as open back offices of plate readers have them.
const GROUPS: [&[u8]; 6] = [b"0ODQ", b"1I", b"2Z", b"5S", b"8B", b"6G"];

/// A way to find candidates without a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// The same mark alone.
    Exact,
    /// At most so many characters within their groups.
    Groups(usize),
    /// One character replaced, lost or gained.
    Edit,
}

impl Fixed {
    pub const ALL: [Self; 4] = [Self::Exact, Self::Groups(1), Self::Groups(2), Self::Edit];

    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Groups(1) => "groups-1",
            Self::Groups(_) => "groups-2",
            Self::Edit => "edit-1",
        }
    }

    /// The listed marks that a read is held to be.
    pub fn candidates(self, list: &Register, read: Vrm, found: &mut Vec<Vrm>) {
        found.clear();
        match self {
            Self::Exact => found.extend(list.find(read).map(|_| read)),
            // every group lies within a class
            Self::Groups(most) => list.for_each_alike(read, |mark, _| {
                if within_groups(mark, read, most) {
                    found.push(mark);
                }
            }),
            Self::Edit => {
                found.extend(
                    replaced(read)
                        .chain(shifted(read))
                        .filter(|mark| list.find(*mark).is_some()),
                );
                found.extend(list.find(read).map(|_| read));
            }
        }
    }
}

fn within_groups(mark: Vrm, read: Vrm, most: usize) -> bool {
    let mut differing = mark
        .as_bytes()
        .iter()
        .zip(read.as_bytes())
        .filter(|(a, b)| a != b);
    let grouped = |(a, b): (&u8, &u8)| GROUPS.iter().any(|group| group.contains(a) && group.contains(b));
    let count = differing.clone().count();
    count <= most && differing.all(grouped)
}

fn replaced(read: Vrm) -> impl Iterator<Item = Vrm> {
    let places = 0..read.as_bytes().len();
    let others = move |place: usize| (0..SYMBOLS).map(character).map(move |other| (place, other));
    let one = move |(place, other): (usize, u8)| {
        let mut text = read.as_bytes().to_vec();
        let was = std::mem::replace(&mut text[place], other);
        if was == other {
            None
        } else {
            Vrm::parse(std::str::from_utf8(&text).ok()?).ok()
        }
    };
    places.flat_map(others).filter_map(one)
}
