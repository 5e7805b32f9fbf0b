//! How this world's cameras misread: a process of its own, not the model's table.
//!
//! What it has that the model does not know: rates by pair and direction that were not taken from the model; cameras that are up
//! to six times worse than others, each with one pair that it confuses far more than the rest; confusions outside every
//! look-alike class (`P` for `R`, `3` for `8`, `3` for `7` ...), some 2 % of all; characters doubled; confidences from curves and not from
//! intervals; colours mistaken along the scale of brightness. Misreads that no candidate can be found for count as missed.

use domain::Vrm;
use matcher::description::{Colour, Description, Make};

use super::dice::Dice;

/// True character, what it is read as, and how often beside the others.
const CONFUSIONS: &[(u8, u8, f64)] = &[
    (b'0', b'O', 10.0),
    (b'O', b'0', 14.0),
    (b'0', b'D', 3.0),
    (b'D', b'0', 5.0),
    (b'D', b'O', 2.5),
    (b'O', b'D', 2.0),
    (b'Q', b'O', 6.0),
    (b'Q', b'0', 5.0),
    (b'0', b'Q', 0.5),
    (b'O', b'Q', 0.7),
    (b'1', b'I', 9.0),
    (b'I', b'1', 14.0),
    (b'1', b'L', 1.5),
    (b'L', b'1', 1.5),
    (b'L', b'I', 0.7),
    (b'5', b'S', 6.0),
    (b'S', b'5', 7.0),
    (b'8', b'B', 7.0),
    (b'B', b'8', 8.0),
    (b'2', b'Z', 5.0),
    (b'Z', b'2', 7.0),
    (b'6', b'G', 3.0),
    (b'G', b'6', 4.0),
    (b'G', b'C', 2.5),
    (b'C', b'G', 2.0),
    (b'6', b'C', 0.7),
    (b'7', b'T', 2.5),
    (b'T', b'7', 3.0),
    (b'4', b'A', 2.0),
    (b'A', b'4', 2.5),
    (b'U', b'V', 2.0),
    (b'V', b'U', 2.0),
    (b'V', b'Y', 2.0),
    (b'Y', b'V', 2.2),
    (b'U', b'Y', 0.4),
    (b'M', b'N', 2.5),
    (b'N', b'M', 2.0),
    (b'H', b'N', 2.0),
    (b'N', b'H', 1.5),
    (b'M', b'H', 1.2),
    (b'H', b'M', 1.5),
    (b'E', b'F', 2.0),
    (b'F', b'E', 2.5),
    (b'P', b'R', 0.15),
    (b'R', b'P', 0.15),
    (b'K', b'X', 0.15),
    (b'X', b'K', 0.15),
    (b'J', b'U', 0.1),
    (b'W', b'V', 0.1),
    (b'3', b'8', 0.2),
    (b'3', b'7', 0.1),
    (b'9', b'0', 0.1),
    (b'8', b'3', 0.1),
    (b'6', b'8', 0.15),
    (b'5', b'6', 0.1),
    (b'B', b'R', 0.1),
    (b'D', b'B', 0.1),
];
/// How much more a camera confuses its own pair.
const OWN_PAIR: f64 = 5.0;

/// Of misreads: one confusion, two, a character lost, one gained.
const KINDS: &[(Kind, f64)] = &[
    (Kind::One, 0.74),
    (Kind::Two, 0.11),
    (Kind::Lost, 0.08),
    (Kind::Gained, 0.07),
];
const LOST_AT_END: f64 = 0.6;
const GAINED_AT_END: f64 = 0.65;

#[derive(Clone, Copy)]
enum Kind {
    One,
    Two,
    Lost,
    Gained,
}

/// A camera's ways.
#[derive(Clone, Copy)]
pub struct Camera {
    /// By how much it misreads more often than the average.
    pub fault: f64,
    own_pair: usize,
    /// It gives a confidence to each character.
    pub tells: bool,
}

impl Camera {
    pub fn draw(dice: &mut Dice) -> Self {
        Self {
            // from 0.4 to 2.4, by its logarithm: on average 1.1
            fault: 0.4 * 6_f64.powf(dice.unit()),
            own_pair: dice.below(CONFUSIONS.len()),
            tells: dice.chance(0.35),
        }
    }
}

/// A misread of this mark that is none of the dummies; the mark itself where it cannot be misread.
pub fn misread(truth: Vrm, camera: Option<&Camera>, dice: &mut Dice) -> Vrm {
    for _ in 0..8 {
        let mut text = truth.as_bytes().to_vec();
        match dice.weighted(KINDS) {
            Kind::One => confuse(&mut text, None, camera, dice),
            Kind::Two => {
                let first = confuse_one(&mut text, None, camera, dice);
                confuse(&mut text, first, camera, dice);
            }
            Kind::Lost => lose(&mut text, dice),
            Kind::Gained => gain(&mut text, dice),
        }
        let read = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| Vrm::parse(text).ok());
        if let Some(read) = read.filter(|read| *read != truth) {
            return read;
        }
    }
    truth
}

fn confuse(text: &mut [u8], not: Option<usize>, camera: Option<&Camera>, dice: &mut Dice) {
    confuse_one(text, not, camera, dice);
}

/// Confuses one character, not at the place `not`, and gives its place.
fn confuse_one(
    text: &mut [u8],
    not: Option<usize>,
    camera: Option<&Camera>,
    dice: &mut Dice,
) -> Option<usize> {
    let mut ways = Vec::with_capacity(24);
    for (place, truth) in text.iter().enumerate().filter(|(place, _)| Some(*place) != not) {
        for (pair, (from, to, weight)) in CONFUSIONS
            .iter()
            .enumerate()
            .filter(|(_, (from, ..))| from == truth)
        {
            debug_assert_eq!(from, truth);
            let own = camera.is_some_and(|camera| camera.own_pair == pair);
            ways.push(((place, *to), weight * if own { OWN_PAIR } else { 1.0 }));
        }
    }
    if ways.is_empty() {
        return None;
    }
    let (place, read) = dice.weighted(&ways);
    text[place] = read;
    Some(place)
}

fn lose(text: &mut Vec<u8>, dice: &mut Dice) {
    let last = text.len() - 1;
    let at = if dice.chance(LOST_AT_END) {
        if dice.chance(0.5) { 0 } else { last }
    } else {
        dice.below(text.len())
    };
    text.remove(at);
}

/// A bolt, the edge of the blue band, or a character seen twice.
fn gain(text: &mut Vec<u8>, dice: &mut Dice) {
    let end = if dice.chance(0.5) { 0 } else { text.len() };
    let at = if dice.chance(GAINED_AT_END) {
        end
    } else {
        dice.below(text.len() + 1)
    };
    let stroke = dice.weighted(&[(b'1', 0.5), (b'I', 0.2), (b'L', 0.1), (b'?', 0.2)]);
    let twin = text[at.min(text.len() - 1)];
    text.insert(at, if stroke == b'?' { twin } else { stroke });
}

/// A camera's confidence in each character of a read.
pub fn confidences(truth: Vrm, read: Vrm, dice: &mut Dice) -> Vec<f32> {
    let aligned = truth.as_bytes().len() == read.as_bytes().len();
    let one = |(place, read): (usize, &u8)| {
        let wrong = aligned && truth.as_bytes()[place] != *read;
        let confidence = match (wrong, dice.unit()) {
            (true, p) if p < 0.12 => dice.between(0.9, 1.0),
            (true, _) => dice.between(0.3, 0.92),
            (false, p) if p < 0.05 => dice.between(0.5, 0.9),
            (false, p) => 1.0 - 0.25 * p.powi(5),
        };
        confidence as f32
    };
    read.as_bytes().iter().enumerate().map(one).collect()
}

/// Colours along the scale of brightness, then the others by hue: a mistaken colour is often a neighbour.
const SCALE: [&str; 11] = [
    "BLACK", "GREY", "SILVER", "WHITE", "BEIGE", "YELLOW", "ORANGE", "RED", "PURPLE", "BLUE", "GREEN",
];

/// What a camera makes of a vehicle's looks: a colour on 80 % of reads, right on 85 % of these; a make on 60 %, right on 90 %.
pub fn looks(vehicle: Description, dice: &mut Dice) -> Description {
    let colour = vehicle.colour.filter(|_| dice.chance(0.80));
    let make = vehicle.make.filter(|_| dice.chance(0.60));
    Description {
        colour: colour.map(|colour| {
            if dice.chance(0.85) {
                colour
            } else {
                mistaken(colour, dice)
            }
        }),
        make: make.map(|make| {
            if dice.chance(0.90) {
                make
            } else {
                other(make, dice)
            }
        }),
    }
}

fn mistaken(colour: Colour, dice: &mut Dice) -> Colour {
    let place = SCALE.iter().position(|name| *name == colour.name());
    if let Some(place) = place.filter(|_| dice.chance(0.5)) {
        let neighbour = if dice.chance(0.5) {
            place.saturating_sub(1)
        } else {
            place + 1
        };
        let neighbour = SCALE.get(neighbour).and_then(|name| Colour::parse(name));
        if let Some(neighbour) = neighbour.filter(|neighbour| *neighbour != colour) {
            return neighbour;
        }
    }
    loop {
        let other = drawn_colour(dice);
        if other != colour {
            return other;
        }
    }
}

fn other(make: Make, dice: &mut Dice) -> Make {
    loop {
        let other = drawn_make(dice);
        if other != make {
            return other;
        }
    }
}

/// A colour by its share of the road.
pub fn drawn_colour(dice: &mut Dice) -> Colour {
    let shares: Vec<(Colour, f64)> = Colour::all().collect();
    dice.weighted(&shares)
}

/// A make by its share of the road.
pub fn drawn_make(dice: &mut Dice) -> Make {
    let shares: Vec<(Make, f64)> = Make::all().collect();
    dice.weighted(&shares)
}
