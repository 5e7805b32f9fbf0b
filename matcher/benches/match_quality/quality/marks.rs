//! Marks as they are issued: not the model's forms, but years, offices and serials, crowded where many were sold.

use domain::Vrm;

use super::dice::Dice;

/// No I and no Q in serials.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNOPRSTUVWXYZ";
/// Second letters of offices.
const TAGS: &[u8] = b"ABCDEFGHJKLMNOPRSTUVWXY";
/// First letters of the current style, by the vehicles of their regions.
const AREAS: &[(u8, f64)] = &[
    (b'A', 4.0),
    (b'B', 7.0),
    (b'C', 4.0),
    (b'D', 5.0),
    (b'E', 6.0),
    (b'F', 5.0),
    (b'G', 6.0),
    (b'H', 4.0),
    (b'K', 7.0),
    (b'L', 9.0),
    (b'M', 6.0),
    (b'N', 6.0),
    (b'O', 4.0),
    (b'P', 5.0),
    (b'R', 5.0),
    (b'S', 7.0),
    (b'V', 3.0),
    (b'W', 6.0),
    (b'Y', 7.0),
];
const PREFIXES: &[u8] = b"ABCDEFGHJKLMNPRSTVWXY";
/// Forms of foreign marks: `A` is a letter, `9` a digit.
const FOREIGN: &[(&str, f64)] = &[
    ("99A99999", 20.0),
    ("999A9999", 20.0),
    ("AA9999A", 8.0),
    ("AA99999", 12.0),
    ("A999AAA", 10.0),
    ("AA999AA", 14.0),
    ("AA999A", 6.0),
    ("AAA9999", 5.0),
    ("AAA999", 10.0),
    ("9AAA999", 5.0),
];

/// A mark of a vehicle on the register.
pub fn registered(dice: &mut Dice) -> Vrm {
    loop {
        let text = match dice.unit() {
            p if p < 0.90 => current(dice),
            p if p < 0.955 => prefix(dice),
            p if p < 0.96 => suffix(dice),
            _ => dateless(dice),
        };
        if let Ok(mark) = Vrm::parse(&text) {
            return mark;
        }
    }
}

/// A mark from abroad.
pub fn foreign(dice: &mut Dice) -> Vrm {
    loop {
        let pattern = dice.weighted(FOREIGN);
        let fill = |kind: char, dice: &mut Dice| match kind {
            '9' => digit(dice),
            _ => char::from(b'A' + dice.below(26) as u8),
        };
        let text: String = pattern.chars().map(|kind| fill(kind, dice)).collect();
        if let Ok(mark) = Vrm::parse(&text) {
            return mark;
        }
    }
}

fn digit(dice: &mut Dice) -> char {
    char::from(b'0' + dice.below(10) as u8)
}

fn letters(dice: &mut Dice, count: usize) -> String {
    (0..count).map(|_| char::from(dice.pick(LETTERS))).collect()
}

/// Two age identifiers a year since September 2001; most cars are younger than fifteen years.
fn current(dice: &mut Dice) -> String {
    let age = loop {
        let age = dice.between(0.0, 25.0);
        let left = if age < 10.0 {
            1.0
        } else {
            1.0 - (age - 10.0) / 16.0
        };
        if dice.chance(left) {
            break age;
        }
    };
    let halves = 50 - ((age * 2.0) as u32).min(49);
    // 51 is September 2001, 02 March 2002
    let identifier = if halves % 2 == 1 {
        50 + halves.div_ceil(2)
    } else {
        1 + halves / 2
    };
    let area = char::from(dice.weighted(AREAS));
    let tag = char::from(dice.pick(TAGS));
    format!("{area}{tag}{identifier:02}{}", letters(dice, 3))
}

fn prefix(dice: &mut Dice) -> String {
    let number = number(dice, 3);
    format!("{}{number}{}", char::from(dice.pick(PREFIXES)), letters(dice, 3))
}

fn suffix(dice: &mut Dice) -> String {
    let number = number(dice, 3);
    format!("{}{number}{}", letters(dice, 3), char::from(dice.pick(PREFIXES)))
}

/// Old and personal marks, and Northern Ireland's, which hold an I or a Z.
fn dateless(dice: &mut Dice) -> String {
    if dice.chance(0.6) {
        let office = format!(
            "{}{}{}",
            letters(dice, 1),
            dice.pick(&['I', 'Z', 'I', 'A', 'E']),
            dice.pick(&['Z', 'Z', 'G', 'L'])
        );
        return format!("{office}{}", number(dice, 4));
    }
    let count = 1 + dice.below(3);
    let (letters, number) = (letters(dice, count), number(dice, if count == 3 { 3 } else { 4 }));
    if dice.chance(0.6) {
        format!("{letters}{number}")
    } else {
        format!("{number}{letters}")
    }
}

/// A number without leading zero; short ones are sought after.
fn number(dice: &mut Dice, most: u32) -> usize {
    let digits = if dice.chance(0.75) {
        most
    } else {
        1 + dice.below(most as usize) as u32
    };
    let least = 10_usize.pow(digits - 1);
    least + dice.below(9 * least)
}
