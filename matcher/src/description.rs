//! Make and colour as numbers, and how far a camera's word for them is to be trusted.
//!
//! Cameras, lists and registers spell makes and colours in words of their own; only what both sides of a comparison are
//! known to mean the same thing by counts. A word that is not known here is unknown, never a disagreement.

use std::sync::LazyLock;

/// How often a camera that names a colour names the right one.
pub const COLOUR_RIGHT: f64 = 0.85;
/// Where it errs, how often it names a neighbour in brightness or hue and not any other.
const COLOUR_NEAR: f64 = 0.6;
/// How often a camera that names a make names the right one.
pub const MAKE_RIGHT: f64 = 0.90;

/// A colour, by its place in `COLOURS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Colour(u8);

/// A make, by its place in `MAKES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Make(u8);

/// What is known of a vehicle's looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Description {
    /// Its colour.
    pub colour: Option<Colour>,
    /// Its make.
    pub make: Option<Make>,
}

/// Colours as the licensing authority names them, with their shares of the licensed stock in per cent (after the tables
/// that the DfT publishes, rounded by hand), and the colours they are mistaken for.
const COLOURS: [(&str, f64, &[&str]); 15] = [
    ("BLACK", 21.0, &["GREY", "BLUE"]),
    ("GREY", 18.0, &["SILVER", "BLACK", "BLUE"]),
    ("WHITE", 17.0, &["SILVER", "BEIGE"]),
    ("BLUE", 16.5, &["BLACK", "GREY"]),
    ("SILVER", 13.0, &["GREY", "WHITE"]),
    ("RED", 9.0, &["MAROON", "ORANGE"]),
    ("GREEN", 2.2, &["BLUE", "GREY", "BLACK"]),
    ("ORANGE", 0.8, &["RED", "YELLOW"]),
    ("YELLOW", 0.6, &["ORANGE", "WHITE"]),
    ("BROWN", 0.6, &["BRONZE", "BLACK", "GREY"]),
    ("BEIGE", 0.4, &["WHITE", "SILVER", "GOLD"]),
    ("PURPLE", 0.4, &["BLUE", "MAROON"]),
    ("BRONZE", 0.2, &["BROWN", "GOLD"]),
    ("GOLD", 0.2, &["BEIGE", "BRONZE"]),
    ("MAROON", 0.1, &["RED", "PURPLE"]),
];

/// Other words for colours.
const COLOUR_WORDS: [(&str, &str); 10] = [
    ("GRAY", "GREY"),
    ("CREAM", "BEIGE"),
    ("IVORY", "BEIGE"),
    ("TAN", "BEIGE"),
    ("PINK", "RED"),
    ("TURQUOISE", "GREEN"),
    ("BURGUNDY", "MAROON"),
    ("VIOLET", "PURPLE"),
    ("ANTHRACITE", "GREY"),
    ("NAVY", "BLUE"),
];

/// Makes with their rough shares of the licensed stock in per cent (after the tables that the DfT publishes, rounded by hand).
const MAKES: [(&str, f64); 48] = [
    ("FORD", 12.6),
    ("VOLKSWAGEN", 9.3),
    ("VAUXHALL", 9.0),
    ("BMW", 5.7),
    ("AUDI", 5.6),
    ("TOYOTA", 5.4),
    ("MERCEDES-BENZ", 5.4),
    ("NISSAN", 5.0),
    ("PEUGEOT", 4.4),
    ("RENAULT", 3.7),
    ("HYUNDAI", 3.4),
    ("KIA", 3.3),
    ("CITROEN", 3.3),
    ("LAND ROVER", 3.0),
    ("HONDA", 2.9),
    ("SKODA", 2.6),
    ("MINI", 2.2),
    ("FIAT", 2.1),
    ("VOLVO", 2.0),
    ("SEAT", 1.9),
    ("MAZDA", 1.6),
    ("SUZUKI", 1.6),
    ("JAGUAR", 1.1),
    ("MITSUBISHI", 1.0),
    ("MG", 0.9),
    ("TESLA", 0.8),
    ("DACIA", 0.8),
    ("YAMAHA", 0.7),
    ("PORSCHE", 0.6),
    ("LEXUS", 0.6),
    ("IVECO", 0.5),
    ("DAF", 0.5),
    ("SMART", 0.4),
    ("CHEVROLET", 0.4),
    ("TRIUMPH", 0.4),
    ("KAWASAKI", 0.4),
    ("SCANIA", 0.4),
    ("ALFA ROMEO", 0.3),
    ("JEEP", 0.3),
    ("SAAB", 0.3),
    ("SUBARU", 0.3),
    ("DS", 0.3),
    ("ISUZU", 0.3),
    ("CUPRA", 0.3),
    ("HARLEY-DAVIDSON", 0.3),
    ("MAN", 0.3),
    ("ROVER", 0.3),
    ("POLESTAR", 0.2),
];

/// Other words for makes.
const MAKE_WORDS: [(&str, &str); 10] = [
    ("VW", "VOLKSWAGEN"),
    ("MERCEDES", "MERCEDES-BENZ"),
    ("MERCEDES BENZ", "MERCEDES-BENZ"),
    ("MERC", "MERCEDES-BENZ"),
    ("LANDROVER", "LAND ROVER"),
    ("RANGE ROVER", "LAND ROVER"),
    ("LAND-ROVER", "LAND ROVER"),
    ("OPEL", "VAUXHALL"),
    ("BMW MINI", "MINI"),
    ("ALFA-ROMEO", "ALFA ROMEO"),
];

const _: () = assert!(COLOURS.len() < 1 << Description::COLOUR_BITS && MAKES.len() < 1 << 8);

impl Colour {
    /// The colour that a word means, in any case; none for a word that is not known.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        place(word, &COLOUR_WORDS, COLOURS.iter().map(|(name, ..)| *name)).map(Self)
    }

    /// Every colour with its share of vehicles.
    pub fn all() -> impl Iterator<Item = (Self, f64)> {
        (0..)
            .map(Self)
            .zip(COLOURS.iter().map(|(_, share, _)| share / 100.0))
    }

    /// Its name in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        COLOURS[usize::from(self.0)].0
    }
}

impl Make {
    /// The make that a word means, in any case; none for a word that is not known.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        place(word, &MAKE_WORDS, MAKES.iter().map(|(name, _)| *name)).map(Self)
    }

    /// Every make with its share of vehicles.
    pub fn all() -> impl Iterator<Item = (Self, f64)> {
        (0..).map(Self).zip(MAKES.iter().map(|(_, share)| share / 100.0))
    }

    /// Its name in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        MAKES[usize::from(self.0)].0
    }
}

/// The place of a word among names, directly or as another word for one.
fn place(word: &str, words: &[(&str, &str)], mut names: impl Iterator<Item = &'static str>) -> Option<u8> {
    let word = word.trim();
    let known = words.iter().find(|(other, _)| other.eq_ignore_ascii_case(word));
    let word = known.map_or(word, |(_, name)| name);
    names
        .position(|name| name.eq_ignore_ascii_case(word))
        .map(|place| place as u8)
}

impl Description {
    const COLOUR_BITS: u32 = 4;

    /// What words say.
    #[must_use]
    pub fn parse(make: &str, colour: &str) -> Self {
        Self {
            colour: Colour::parse(colour),
            make: Make::parse(make),
        }
    }

    /// All of it in twelve bits.
    #[must_use]
    pub fn packed(self) -> u16 {
        let make = self.make.map_or(0, |make| u16::from(make.0) + 1);
        let colour = self.colour.map_or(0, |colour| u16::from(colour.0) + 1);
        make << Self::COLOUR_BITS | colour
    }

    /// What [`Description::packed`] packed.
    #[must_use]
    pub fn unpacked(packed: u16) -> Self {
        let colour = packed & ((1 << Self::COLOUR_BITS) - 1);
        let make = packed >> Self::COLOUR_BITS;
        Self {
            colour: (colour > 0).then(|| Colour((colour - 1) as u8)),
            make: (make > 0).then(|| Make((make - 1) as u8)),
        }
    }
}

/// How likely a camera is to name this colour, given the vehicle's; 1 where it names none. A vehicle of unknown colour is
/// one of the road's mixture.
#[must_use]
pub fn colour_likelihood(seen: Option<Colour>, vehicle: Option<Colour>) -> f64 {
    seen.map_or(1.0, |seen| {
        COLOUR_AGREEMENT.likelihood(seen.0, vehicle.map(|colour| colour.0))
    })
}

/// How likely a camera is to name this make, given the vehicle's; 1 where it names none.
#[must_use]
pub fn make_likelihood(seen: Option<Make>, vehicle: Option<Make>) -> f64 {
    seen.map_or(1.0, |seen| {
        MAKE_AGREEMENT.likelihood(seen.0, vehicle.map(|make| make.0))
    })
}

/// How likely a camera is to see this, before a vehicle that looks like that.
#[must_use]
pub fn likelihood(seen: Description, vehicle: Description) -> f64 {
    colour_likelihood(seen.colour, vehicle.colour) * make_likelihood(seen.make, vehicle.make)
}

/// How likely a camera is to see this at most, whatever the vehicle looks like.
#[must_use]
pub fn most_likelihood(seen: Description) -> f64 {
    let colour = seen.colour.map_or(1.0, |seen| COLOUR_AGREEMENT.most(seen.0));
    colour * seen.make.map_or(1.0, |seen| MAKE_AGREEMENT.most(seen.0))
}

/// What is said given what is, for one property; the last row is for a vehicle of which it is unknown.
struct Agreement {
    likelihood: Vec<Vec<f64>>,
    /// The largest likelihood of each thing said.
    most: Vec<f64>,
}

static COLOUR_AGREEMENT: LazyLock<Agreement> = LazyLock::new(|| {
    let shares: Vec<f64> = COLOURS.iter().map(|(_, share, _)| *share).collect();
    let near = |truth: usize, seen: usize| COLOURS[truth].2.contains(&COLOURS[seen].0);
    Agreement::new(&shares, COLOUR_RIGHT, COLOUR_NEAR, near)
});

static MAKE_AGREEMENT: LazyLock<Agreement> = LazyLock::new(|| {
    let shares: Vec<f64> = MAKES.iter().map(|(_, share)| *share).collect();
    Agreement::new(&shares, MAKE_RIGHT, 0.0, |_, _| false)
});

impl Agreement {
    /// Right with probability `right`; of the errors the share `near` goes to neighbours, the rest to anything else, both by
    /// how common it is.
    fn new(shares: &[f64], right: f64, near: f64, neighbours: impl Fn(usize, usize) -> bool) -> Self {
        let all = 0..shares.len();
        let mass = |test: &dyn Fn(usize) -> bool| {
            all.clone()
                .filter(|seen| test(*seen))
                .map(|seen| shares[seen])
                .sum::<f64>()
        };
        let row = |truth: usize| -> Vec<f64> {
            let others = mass(&|seen| seen != truth);
            let close = mass(&|seen| neighbours(truth, seen));
            let said = |seen: usize| {
                let anything = (1.0 - near) * shares[seen] / others;
                let neighbour = if neighbours(truth, seen) {
                    near * shares[seen] / close
                } else {
                    0.0
                };
                if seen == truth {
                    right
                } else {
                    (1.0 - right) * (anything + neighbour)
                }
            };
            all.clone().map(said).collect()
        };
        let mut likelihood: Vec<Vec<f64>> = all.clone().map(row).collect();
        let whole: f64 = shares.iter().sum();
        let mixture = |seen: usize| {
            all.clone()
                .map(|truth| shares[truth] / whole * likelihood[truth][seen])
                .sum()
        };
        likelihood.push(all.clone().map(mixture).collect());
        let most = |seen: usize| likelihood.iter().map(|row| row[seen]).fold(0.0, f64::max);
        Self {
            most: all.map(most).collect(),
            likelihood,
        }
    }

    fn row(&self, value: Option<u8>) -> usize {
        value.map_or(self.likelihood.len() - 1, usize::from)
    }

    fn likelihood(&self, seen: u8, truth: Option<u8>) -> f64 {
        self.likelihood[self.row(truth)][usize::from(seen)]
    }

    fn most(&self, seen: u8) -> f64 {
        self.most[usize::from(seen)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_understood_in_any_case_and_spelling_or_not_at_all() {
        assert_eq!(Make::parse(" vw "), Make::parse("Volkswagen"));
        assert_eq!(Colour::parse("gray").map(Colour::name), Some("GREY"));
        for word in ["", "unknown", "sparkling"] {
            assert_eq!(Description::parse(word, word), Description::default());
        }
        for (word, name) in COLOUR_WORDS {
            assert_eq!(Colour::parse(word).map(Colour::name), Some(name));
        }
        for (word, name) in MAKE_WORDS {
            assert_eq!(Make::parse(word).map(Make::name), Some(name));
        }
        assert!(
            COLOURS
                .iter()
                .flat_map(|(.., near)| *near)
                .all(|near| Colour::parse(near).is_some())
        );
    }

    #[test]
    fn every_description_survives_packing() {
        let colours = || Colour::all().map(|(colour, _)| Some(colour)).chain([None]);
        let makes = || Make::all().map(|(make, _)| Some(make)).chain([None]);
        for (colour, make) in colours().flat_map(|colour| makes().map(move |make| (colour, make))) {
            let description = Description { colour, make };
            assert_eq!(Description::unpacked(description.packed()), description);
        }
    }

    #[test]
    fn what_a_camera_says_of_a_vehicle_adds_up_to_one() {
        for truth in Colour::all().map(|(colour, _)| Some(colour)).chain([None]) {
            let sum: f64 = Colour::all()
                .map(|(seen, _)| colour_likelihood(Some(seen), truth))
                .sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
        for truth in Make::all().map(|(make, _)| Some(make)).chain([None]) {
            let sum: f64 = Make::all()
                .map(|(seen, _)| make_likelihood(Some(seen), truth))
                .sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
        assert_eq!(colour_likelihood(None, Colour::parse("RED")), 1.0);
    }

    #[test]
    fn nothing_is_likelier_to_be_seen_than_the_most() {
        let colours = || Colour::all().map(|(colour, _)| Some(colour)).chain([None]);
        let makes = || Make::all().map(|(make, _)| Some(make)).chain([None]);
        for (seen, vehicle) in colours().flat_map(|seen| colours().map(move |vehicle| (seen, vehicle))) {
            for make in makes() {
                let describe = |colour| Description { colour, make };
                assert!(likelihood(describe(seen), describe(vehicle)) <= most_likelihood(describe(seen)));
            }
        }
        assert_eq!(most_likelihood(Description::default()), 1.0);
    }
}
