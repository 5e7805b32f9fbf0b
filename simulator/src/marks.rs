//! Marks as they are seen on Merseyside's roads: mostly the current style, some older, a few from abroad.

use domain::Vrm;

use crate::dice::Dice;

/// Letters of the random part: no I and no Q (DVLA, INF104).
const LETTERS: &[u8] = b"ABCDEFGHJKLMNOPRSTUVWXYZ";
/// First letters of the current style, weighted as Merseyside sees them: M is Manchester and Merseyside, D Deeside,
/// P Preston, the rest from further off.
const AREAS: &[(u8, f64)] = &[
    (b'M', 40.0),
    (b'D', 16.0),
    (b'P', 14.0),
    (b'B', 4.0),
    (b'C', 4.0),
    (b'F', 3.0),
    (b'K', 3.0),
    (b'L', 4.0),
    (b'N', 3.0),
    (b'S', 2.0),
    (b'V', 3.0),
    (b'Y', 4.0),
];
/// Year letters of the prefix style, 1983 to 2001: the later, the more are left.
const PREFIXES: &[(u8, f64)] = &[
    (b'G', 1.0),
    (b'H', 1.0),
    (b'J', 1.0),
    (b'K', 1.0),
    (b'L', 1.0),
    (b'M', 2.0),
    (b'N', 2.0),
    (b'P', 3.0),
    (b'R', 4.0),
    (b'S', 4.0),
    (b'T', 5.0),
    (b'V', 5.0),
    (b'W', 6.0),
    (b'X', 6.0),
    (b'Y', 6.0),
];
/// Countries of the foreign marks, by their sign, with how they are written: `A` is a letter, `9` a digit.
const FOREIGN: &[((&str, &str), f64)] = &[
    (("IRL", "99 D 99999"), 45.0),
    (("PL", "WA 9999A"), 15.0),
    (("RO", "B 999 AAA"), 12.0),
    (("NL", "AA 999 A"), 10.0),
    (("D", "K AA 9999"), 8.0),
    (("F", "AA 999 AA"), 10.0),
];

/// A mark and the sign of the country that gave it.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) vrm: Vrm,
    /// As it is painted, with its spaces.
    pub(crate) painted: String,
    pub(crate) country: &'static str,
}

/// Draws a mark.
pub(crate) fn draw(dice: &mut Dice) -> Mark {
    loop {
        let (painted, country) = match dice.unit() {
            p if p < 0.93 => (current(dice), "GB"),
            p if p < 0.98 => (prefix(dice), "GB"),
            _ => {
                let (country, pattern) = *dice.weighted(FOREIGN);
                (fill(pattern, dice), country)
            }
        };
        // no pattern gives anything but a mark; the loop spares the caller an error that cannot be
        if let Ok(vrm) = Vrm::parse(&painted) {
            return Mark {
                vrm,
                painted,
                country,
            };
        }
    }
}

/// `AB12 CDE`: area, age identifier (02 to 26 for March, plus 50 for September), three letters.
fn current(dice: &mut Dice) -> String {
    let area = *dice.weighted(AREAS);
    // a car's age: about flat to 12 years, then thinning out
    let age = dice.between(0.0, 12.0)
        + if dice.chance(0.3) {
            dice.between(0.0, 12.0)
        } else {
            0.0
        };
    let year = 26_u32.saturating_sub(age as u32).max(2);
    let identifier = if year < 26 && dice.chance(0.45) {
        year + 50
    } else {
        year
    };
    let mut letter = || char::from(*dice.pick(LETTERS));
    let tag = [letter(), letter(), letter(), letter()];
    format!(
        "{}{}{identifier:02} {}{}{}",
        char::from(area),
        tag[0],
        tag[1],
        tag[2],
        tag[3]
    )
}

/// `A123 BCD`.
fn prefix(dice: &mut Dice) -> String {
    let year = char::from(*dice.weighted(PREFIXES));
    let number = 1 + dice.below(999);
    let mut letter = || char::from(*dice.pick(LETTERS));
    format!("{year}{number} {}{}{}", letter(), letter(), letter())
}

fn fill(pattern: &str, dice: &mut Dice) -> String {
    let mut free = pattern.starts_with("AA") || pattern.starts_with("99");
    pattern
        .chars()
        .map(|c| {
            // a town's letters before the first space stay as they are
            let filled = match c {
                '9' => char::from(b'0' + dice.below(10) as u8),
                'A' if free => char::from(*dice.pick(LETTERS)),
                _ => c,
            };
            free |= c == ' ';
            filled
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of a mark: `A` for letters, `9` for digits.
    fn shape(vrm: Vrm) -> String {
        let shape = |b: &u8| if b.is_ascii_digit() { '9' } else { 'A' };
        vrm.as_bytes().iter().map(shape).collect()
    }

    #[test]
    fn most_marks_are_current_a_few_old_and_fewer_foreign() {
        let mut dice = Dice::of(&[1]);
        let marks: Vec<Mark> = (0..10_000).map(|_| draw(&mut dice)).collect();
        let share =
            |test: &dyn Fn(&Mark) -> bool| marks.iter().filter(|mark| test(mark)).count() as f64 / 10_000.0;
        let current = share(&|mark| mark.country == "GB" && shape(mark.vrm) == "AA99AAA");
        let foreign = share(&|mark| mark.country != "GB");
        assert!((0.91..0.95).contains(&current), "{current}");
        assert!((0.01..0.03).contains(&foreign), "{foreign}");
    }

    #[test]
    fn british_marks_have_no_i_and_no_q_in_their_last_letters() {
        let mut dice = Dice::of(&[2]);
        for _ in 0..5_000 {
            let mark = draw(&mut dice);
            if mark.country == "GB" {
                let last = &mark.vrm.as_str()[mark.vrm.as_str().len() - 3..];
                assert!(!last.contains(['I', 'Q']));
                assert_eq!(mark.painted.replace(' ', ""), mark.vrm.as_str());
            }
        }
    }
}
