//! What a row may say and hardly means: it is loaded as it stands, but a person should look at it first.
//!
//! No reason quotes a plate: these lines are shown wherever faults are.

use domain::hotlist::Entry;
use domain::syntax::{is_current, uk_form};
use domain::{Timestamp, Vrm};

use crate::layout::Column;

/// Letters and digits that people type for each other.
const TYPED_FOR: [(u8, u8); 5] = [
    (b'O', b'0'),
    (b'I', b'1'),
    (b'S', b'5'),
    (b'B', b'8'),
    (b'Z', b'2'),
];
/// What people type to fill a column.
const DUMMIES: [&str; 8] = [
    "TEST", "DUMMY", "SAMPLE", "EXAMPLE", "ABC123", "ABCDEFG", "1234567", "123456",
];

/// Every reason to look at an entry again, with the column that it is about.
pub(crate) fn of(entry: &Entry, now: Timestamp) -> Vec<(Column, String)> {
    let mut found = Vec::new();
    if let Some(vrm) = entry.target.mark() {
        if is_dummy(vrm) {
            let reason = "looks like a dummy, not like a vehicle's plate";
            found.push((Column::Vrm, reason.to_owned()));
        } else if let Some(position) = mistyped(vrm) {
            let reason = format!(
                "no UK mark as it stands, but one with character {position} typed otherwise (0 for O, 1 for I, 5 for S, 8 for B, 2 for Z)"
            );
            found.push((Column::Vrm, reason));
        }
    }
    if !entry.is_live_at(now) {
        let reason = "the weed date is past: the entry would never be matched";
        found.push((Column::ExpiresAt, reason.to_owned()));
    }
    found
}

fn is_dummy(vrm: Vrm) -> bool {
    let text = vrm.as_str();
    let first = text.as_bytes()[0];
    text.bytes().all(|byte| byte == first)
        || DUMMIES.contains(&text)
        || text
            .strip_prefix("TEST")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The first character, from 1, that was mistyped in what is no UK mark, if it would be a current one otherwise. Each place of that
/// form takes letters or digits alone, so that what stands there tells whether it is typed for another.
fn mistyped(vrm: Vrm) -> Option<usize> {
    const DIGITS: [usize; 2] = [2, 3];
    let mark = vrm.as_str().as_bytes();
    if uk_form(mark).is_some() {
        return None;
    }
    let mut meant = mark.to_vec();
    for (place, character) in meant.iter_mut().enumerate() {
        if character.is_ascii_digit() != DIGITS.contains(&place) {
            *character = other(*character)?;
        }
    }
    let first = meant.iter().zip(mark).position(|(meant, typed)| meant != typed)?;
    is_current(&meant).then_some(first + 1)
}

/// What a character is typed for.
fn other(character: u8) -> Option<u8> {
    TYPED_FOR.iter().find_map(|(letter, digit)| match character {
        typed if typed == *letter => Some(*digit),
        typed if typed == *digit => Some(*letter),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_mark_is_told_from_a_foreign_one() {
        let check = |mark: &str, expected| {
            assert_eq!(mistyped(Vrm::parse(mark).unwrap()), expected, "{mark}");
        };
        check("AB12CDE", None);
        check("ABI2CDE", Some(3));
        check("ABIZCDE", Some(3));
        check("AB12CD8", Some(7));
        check("8B12CDE", Some(1));
        check("A8I2CD5", Some(2));
        check("ABO1CDE", None);
        check("A8I2CD", None);
        check("WAW12345X", None);
    }

    #[test]
    fn a_dummy_is_named() {
        let check = |mark: &str, expected| {
            assert_eq!(is_dummy(Vrm::parse(mark).unwrap()), expected, "{mark}");
        };
        check("AAAAAAA", true);
        check("TEST1", true);
        check("ABC123", true);
        check("TE57ABC", false);
        check("AB12CDE", false);
    }
}
