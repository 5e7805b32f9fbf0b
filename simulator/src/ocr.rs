//! What a recogniser makes of a plate: mostly the mark, at times a look-alike, and how sure it says it is.

use domain::Vrm;

use crate::dice::Dice;

/// Characters that are read as one another.
const LOOK_ALIKES: [&[u8]; 11] = [
    b"0OQD", b"1IL", b"5S", b"8B", b"2Z", b"6GC", b"7T", b"4A", b"UVY", b"MNH", b"EF",
];
/// How often a character that has look-alikes is read as one of them. With some five such characters in a mark, about
/// three reads in a hundred are wrong, as good sites have it.
const MISREAD: f64 = 0.006;
/// How often a mark loses its first or last character, or gains one at an end.
const EDGE_ERROR: f64 = 0.003;
/// How often a character that is read right still looks doubtful.
const DOUBTFUL: f64 = 0.03;

/// How often a character is read as a certain other one: what whoever learns it from the reads alone may be measured by.
#[must_use]
pub fn misread_rate(truth: u8, read: u8) -> f64 {
    let class = LOOK_ALIKES.iter().find(|class| class.contains(&truth));
    match class {
        Some(class) if truth != read && class.contains(&read) => MISREAD / (class.len() - 1) as f64,
        _ => 0.0,
    }
}

/// A plate as read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) vrm: Vrm,
    /// Confidence in each character, 0 to 1.
    pub(crate) characters: Vec<f32>,
    /// Confidence in the whole: the geometric mean of the characters'.
    pub(crate) confidence: f32,
}

/// Reads a mark.
pub(crate) fn read(truth: Vrm, dice: &mut Dice) -> Reading {
    let mut text = Vec::with_capacity(truth.as_bytes().len() + 1);
    let mut characters = Vec::with_capacity(text.capacity());
    for byte in truth.as_bytes() {
        let likes = LOOK_ALIKES.iter().find(|class| class.contains(byte));
        let misread = likes.filter(|_| dice.chance(MISREAD));
        text.push(misread.map_or(*byte, |class| other(class, *byte, dice)));
        characters.push(if misread.is_some() {
            dice.between(0.35, 0.75)
        } else if dice.chance(DOUBTFUL) {
            dice.between(0.60, 0.88)
        } else {
            dice.between(0.92, 0.998)
        });
    }
    if dice.chance(EDGE_ERROR) {
        slip(&mut text, &mut characters, dice);
    }
    let read = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| Vrm::parse(text).ok());
    // two characters may slip to a recogniser's dummy; the camera would not have sent that
    let Some(vrm) = read else {
        return sure(truth);
    };
    Reading {
        vrm,
        confidence: rounded(mean(&characters)),
        characters: characters.into_iter().map(rounded).collect(),
    }
}

/// A mark read without any doubt.
fn sure(truth: Vrm) -> Reading {
    Reading {
        vrm: truth,
        characters: vec![0.99; truth.as_bytes().len()],
        confidence: 0.99,
    }
}

fn other(class: &[u8], byte: u8, dice: &mut Dice) -> u8 {
    let others: Vec<u8> = class.iter().copied().filter(|like| *like != byte).collect();
    *dice.pick(&others)
}

/// Loses an end character in the dirt, or takes a bolt or the blue band's edge for one more.
fn slip(text: &mut Vec<u8>, characters: &mut Vec<f64>, dice: &mut Dice) {
    match (dice.chance(0.5), dice.chance(0.5)) {
        (true, true) => {
            text.remove(0);
            characters.remove(0);
        }
        (true, false) => {
            text.pop();
            characters.pop();
        }
        (false, front) => {
            let at = if front { 0 } else { text.len() };
            text.insert(at, *dice.pick(b"1I"));
            characters.insert(at, dice.between(0.35, 0.65));
        }
    }
}

fn mean(characters: &[f64]) -> f64 {
    let logs: f64 = characters.iter().map(|c| c.ln()).sum();
    (logs / characters.len().max(1) as f64).exp()
}

/// Three digits, as cameras send.
fn rounded(confidence: f64) -> f32 {
    ((confidence * 1_000.0).round() / 1_000.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_three_in_a_hundred_are_misread_and_the_doubt_stands_where_the_error_is() {
        let mut dice = Dice::of(&[11]);
        let (mut wrong, mut right_confidence, mut wrong_confidence) = (0, Vec::new(), Vec::new());
        for number in 0..20_000 {
            let truth = crate::vehicles::Vehicle::of(1, number).mark.vrm;
            let reading = read(truth, &mut dice);
            assert_eq!(reading.characters.len(), reading.vrm.as_bytes().len());
            wrong += u32::from(reading.vrm != truth);
            if reading.characters.len() == truth.as_bytes().len() {
                for (i, confidence) in reading.characters.iter().enumerate() {
                    if reading.vrm.as_bytes()[i] == truth.as_bytes()[i] {
                        right_confidence.push(f64::from(*confidence));
                    } else {
                        wrong_confidence.push(f64::from(*confidence));
                    }
                }
            }
        }
        assert!((400..900).contains(&wrong), "{wrong}");
        let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!(average(&right_confidence) > 0.93);
        assert!(average(&wrong_confidence) < 0.65);
    }

    #[test]
    fn a_substitution_stays_within_its_class() {
        let mut dice = Dice::of(&[12]);
        let truth = Vrm::parse("M057OVE").unwrap();
        for _ in 0..20_000 {
            let reading = read(truth, &mut dice);
            if reading.vrm.as_bytes().len() != truth.as_bytes().len() {
                continue;
            }
            for (was, is) in truth.as_bytes().iter().zip(reading.vrm.as_bytes()) {
                assert!(was == is || LOOK_ALIKES.iter().any(|c| c.contains(was) && c.contains(is)));
            }
        }
    }
}
