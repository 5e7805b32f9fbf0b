//! Which marks the United Kingdom issues, by their form: a read that has none of these forms is foreign or misread.
//!
//! Source: the licensing authority's leaflet INF104 for the current form; the forms before it as the Vehicles (Registration and
//! Licensing) regulations of their time had them. `Z` is let pass in the last three letters of every form: it is rare there,
//! and marks that have it are on the road.

/// The forms of UK marks, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UkForm {
    /// `AB12CDE`, since September 2001.
    Current,
    /// `A123BCD`, August 1983 to August 2001, and `Q` for vehicles of unknown age.
    Prefix,
    /// `ABC123D`, 1963 to July 1983.
    Suffix,
    /// `AIA1234` or `1234IA`: an `I` or a `Z` among the last two letters.
    NorthernIrish,
    /// Up to three letters with up to four digits on either side of them, until 1963, and on bought plates since.
    Dateless,
}

/// The letters of a form, as bits from `A` upwards.
#[derive(Clone, Copy)]
struct Letters(u32);

impl Letters {
    const fn all_but(letters: &[u8]) -> Self {
        let mut bits = (1 << 26) - 1;
        let mut at = 0;
        while at < letters.len() {
            bits &= !(1 << (letters[at] - b'A'));
            at += 1;
        }
        Self(bits)
    }

    fn hold(self, letter: u8) -> bool {
        letter.is_ascii_uppercase() && self.0 >> (letter - b'A') & 1 == 1
    }

    fn hold_all(self, letters: &[u8]) -> bool {
        letters.iter().all(|letter| self.hold(*letter))
    }
}

/// The place where a mark was first registered, in the current form.
const MEMORY_TAG: Letters = Letters::all_but(b"IQZ");
/// The three letters that tell vehicles apart.
const SERIAL: Letters = Letters::all_but(b"IQ");
/// Year letters before and after the number.
const PREFIX_YEAR: Letters = Letters::all_but(b"IOUZ");
const SUFFIX_YEAR: Letters = Letters::all_but(b"IOQUZ");
/// Northern Ireland's letters, with `I` and `Z`.
const IRISH: Letters = Letters::all_but(b"Q");

/// The form of a mark; none where no UK mark is written so.
#[must_use]
pub fn uk_form(mark: &[u8]) -> Option<UkForm> {
    if is_current(mark) {
        Some(UkForm::Current)
    } else if is_prefix(mark) {
        Some(UkForm::Prefix)
    } else if is_suffix(mark) {
        Some(UkForm::Suffix)
    } else if is_northern_irish(mark) {
        Some(UkForm::NorthernIrish)
    } else if is_dateless(mark) {
        Some(UkForm::Dateless)
    } else {
        None
    }
}

/// Whether a mark is of the current form. Its age is 02 to 50 for March and 51 to 99 for September: 00 and 01 are never given
/// before September 2050.
#[must_use]
pub fn is_current(mark: &[u8]) -> bool {
    let [tag @ .., a, b, c, d, e] = mark else {
        return false;
    };
    let age = [*a, *b];
    tag.len() == 2
        && MEMORY_TAG.hold_all(tag)
        && age.iter().all(u8::is_ascii_digit)
        && age != *b"00"
        && age != *b"01"
        && SERIAL.hold_all(&[*c, *d, *e])
}

/// Whether a mark is of the form with the year's letter in front.
#[must_use]
pub fn is_prefix(mark: &[u8]) -> bool {
    let [year, number @ .., a, b, c] = mark else {
        return false;
    };
    PREFIX_YEAR.hold(*year) && is_number(number, 3) && SERIAL.hold_all(&[*a, *b, *c])
}

/// Whether a mark is of the form with the year's letter behind.
#[must_use]
pub fn is_suffix(mark: &[u8]) -> bool {
    let [a, b, c, number @ .., year] = mark else {
        return false;
    };
    SERIAL.hold_all(&[*a, *b, *c]) && is_number(number, 3) && SUFFIX_YEAR.hold(*year)
}

/// Whether a mark is of Northern Ireland's form.
#[must_use]
pub fn is_northern_irish(mark: &[u8]) -> bool {
    let irish = |letters: &[u8], number: &[u8]| {
        let [.., a, b] = letters else {
            return false;
        };
        letters.len() <= 3
            && [a, b].iter().any(|letter| matches!(letter, b'I' | b'Z'))
            && IRISH.hold_all(letters)
            && is_number(number, 4)
    };
    on_either_side(mark, irish)
}

/// Whether a mark is of the form without a year: four digits go with one letter or two.
#[must_use]
pub fn is_dateless(mark: &[u8]) -> bool {
    let dateless = |letters: &[u8], number: &[u8]| {
        let most_digits = if letters.len() == 3 { 3 } else { 4 };
        (1..=3).contains(&letters.len()) && SERIAL.hold_all(letters) && is_number(number, most_digits)
    };
    on_either_side(mark, dateless)
}

/// A number from 1 without leading zeros.
fn is_number(digits: &[u8], most_digits: usize) -> bool {
    (1..=most_digits).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && digits.first() != Some(&b'0')
}

/// Whether a mark is letters and a number, in either order, that `test` lets pass.
fn on_either_side(mark: &[u8], test: impl Fn(&[u8], &[u8]) -> bool) -> bool {
    let first_digit = mark.iter().position(u8::is_ascii_digit).unwrap_or(mark.len());
    let first_letter = mark.iter().position(u8::is_ascii_uppercase).unwrap_or(mark.len());
    let (letters, number) = mark.split_at(first_digit);
    let (leading, trailing) = mark.split_at(first_letter);
    test(letters, number) || test(trailing, leading)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mark: &str, expected: Option<UkForm>) {
        assert_eq!(uk_form(mark.as_bytes()), expected, "{mark}");
    }

    #[test]
    fn every_form_is_known_by_its_letters_and_its_digits() {
        use UkForm::{Current, Dateless, NorthernIrish, Prefix, Suffix};
        for (mark, expected) in [
            ("AB12CDE", Some(Current)),
            ("LV75ZZZ", Some(Current)),
            ("AB00CDE", None),
            ("AB01CDE", None),
            ("AZ12CDE", None),
            ("AB12CQE", None),
            ("AB12CIE", None),
            ("AB1ZCDE", None),
            ("A812CDE", Some(Prefix)),
            ("A123BCD", Some(Prefix)),
            ("A1BCD", Some(Prefix)),
            ("Q999XYZ", Some(Prefix)),
            ("A0BCD", None),
            ("A012BCD", None),
            ("I123BCD", None),
            ("ABC123D", Some(Suffix)),
            ("ABC1D", Some(Suffix)),
            ("ABC123Q", None),
            ("AIA1234", Some(NorthernIrish)),
            ("JZ1", Some(NorthernIrish)),
            ("1234IA", Some(NorthernIrish)),
            ("1234AIA", Some(NorthernIrish)),
            ("A1", Some(Dateless)),
            ("1A", Some(Dateless)),
            ("ABC123", Some(Dateless)),
            ("999ABC", Some(Dateless)),
            ("AB1234", Some(Dateless)),
            ("1234AB", Some(Dateless)),
            ("ABC1234", None),
            ("AB01", None),
            ("ABCD", None),
            ("1234", None),
            ("12D34567", None),
            ("WA12345", None),
            ("", None),
            ("AB12CDEF", None),
            ("XAB12CDE", None),
        ] {
            check(mark, expected);
        }
    }

    /// The form as a pattern of letters and digits, written out: a slower way to the same answer, but for the letters that are
    /// left out.
    fn has_pattern(mark: &[u8]) -> bool {
        let shape: String = mark
            .iter()
            .map(|byte| if byte.is_ascii_digit() { '9' } else { 'A' })
            .collect();
        let mut patterns = vec!["AA99AAA".to_owned()];
        for digits in 1..=4 {
            let number = "9".repeat(digits);
            for letters in ["A", "AA", "AAA"] {
                patterns.push(format!("{letters}{number}"));
                patterns.push(format!("{number}{letters}"));
            }
            if digits < 4 {
                patterns.push(format!("A{number}AAA"));
                patterns.push(format!("AAA{number}A"));
            }
        }
        patterns.contains(&shape)
    }

    #[test]
    fn a_form_has_one_of_the_known_patterns() {
        let alphabet = *b"AIZ019";
        for length in 0..=7_u32 {
            for number in 0..alphabet.len().pow(length) {
                let digit = |place| alphabet[number / alphabet.len().pow(place) % alphabet.len()];
                let mark: Vec<u8> = (0..length).map(digit).collect();
                let plain = !mark.iter().any(|byte| matches!(byte, b'I' | b'Z' | b'0'));
                let four = mark.iter().filter(|byte| byte.is_ascii_digit()).count() == 4 && mark.len() == 7;
                if uk_form(&mark).is_some() {
                    assert!(has_pattern(&mark));
                } else {
                    assert!(
                        !(plain && has_pattern(&mark)) || four,
                        "three letters take at most 999"
                    );
                }
            }
        }
    }
}
