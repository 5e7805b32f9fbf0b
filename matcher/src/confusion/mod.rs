//! How plates are misread: the probability of a read, given the true mark.
//!
//! **Enters:** a table of rates, the default one or a file's ([`mod@file`]), or what operators' verdicts teach ([`learn`]).
//! **Leaves:** likelihoods. **Guaranteed:** a table's probabilities are probabilities; each character of a mark is read as
//! something with probability 1. **Not here:** whether a vehicle with that mark exists ([`crate::population`]), or is
//! likelier than another ([`crate::score`]).
//!
//! A read keeps the mark's length, each character being read right or as another, or it lacks one character, or has one too
//! many. More than one of these at once is left to the errors that nothing explains. Misreads crowd on dirty plates, so that
//! each error makes the next [`Rates::burst`] times likelier than it would be alone.

pub mod file;
pub mod journeys;
pub mod judged;
pub mod learn;
mod rates;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::vrm::MAX_LENGTH;
use domain::{CameraId, Vrm};
use thiserror::Error;

use crate::alike::{CHARACTER, CLASS_OF, PLACE_BITS, SYMBOLS, character, symbol};

pub use rates::{ConfidenceRates, Rates};

/// By what each character of a read would be likelier wrong than its table alone says: 1 where the camera gives no confidence.
pub type Doubts = [f64; MAX_LENGTH];

/// No word from the camera on any character.
pub const NO_DOUBTS: Doubts = [1.0; MAX_LENGTH];

/// Why a table, or a file of tables, is refused.
#[derive(Debug, Error)]
pub enum ConfusionError {
    /// The text is no TOML of this shape.
    #[error("the file does not have the form of confusion tables")]
    Form(#[from] toml::de::Error),
    /// The tables cannot be written.
    #[error("the tables cannot be written")]
    Write(#[from] toml::ser::Error),
    /// A version that this program does not know.
    #[error("version {0} of the file is not known here, version {known} is", known = file::VERSION)]
    Version(u32),
    /// A value that is no probability.
    #[error("{field} must be a number from 0 to below 1")]
    Probability {
        /// Which value.
        field: String,
    },
    /// A key that is not one character of a mark.
    #[error("{0:?} is not a letter A-Z or a digit")]
    Character(String),
    /// What a character is read as adds up to too much.
    #[error("{0:?} is read as something else in half of the cases or more")]
    NeverRight(char),
    /// A factor out of bounds.
    #[error("burst must be a number from 1 to {most}", most = rates::MOST_BURST)]
    Burst,
    /// Confidences whose lists do not fit each other.
    #[error(
        "confidence needs rising bounds between 0 and 1 in `below`, and in `right` and in `wrong` a share above 0 for each \
         interval between them"
    )]
    Confidence,
    /// A camera's name that is none.
    #[error("{0:?} is no camera's name")]
    Camera(String),
}

/// The tables of a force: one for all cameras, and others for those of which enough is known. Swapped whole.
#[derive(Clone, Debug, Default)]
pub struct Confusion {
    all: Arc<Table>,
    cameras: BTreeMap<CameraId, Arc<Table>>,
}

impl Confusion {
    /// These tables.
    #[must_use]
    pub fn new(all: Table, cameras: BTreeMap<CameraId, Arc<Table>>) -> Self {
        let all = Arc::new(all);
        Self { all, cameras }
    }

    /// A camera's table: its own, or the one of all.
    #[must_use]
    pub fn of_camera(&self, camera: &CameraId) -> &Arc<Table> {
        self.cameras.get(camera).unwrap_or(&self.all)
    }

    /// The table of cameras that have none of their own.
    #[must_use]
    pub fn all(&self) -> &Arc<Table> {
        &self.all
    }

    /// The cameras with a table of their own.
    pub fn cameras(&self) -> impl Iterator<Item = (&CameraId, &Arc<Table>)> {
        self.cameras.iter()
    }
}

/// Rates made ready for use.
#[derive(Clone, Debug)]
pub struct Table {
    rates: Rates,
    /// How likely a true character, the row, is read as each other and as itself.
    read_as: Box<[[f64; SYMBOLS]; SYMBOLS]>,
    /// How likely a character too many is each.
    gained_as: [f64; SYMBOLS],
    /// For each interval of confidence, by what a character is likelier wrong than without it.
    doubt: Vec<f64>,
    /// The largest of these, and 1.
    most_doubt: f64,
    /// See [`Table::most_odds`]: what each true character, the row, adds to them by being read as each other.
    odds: Box<[[f64; SYMBOLS]; SYMBOLS]>,
    /// The same, for each character that is read and the members of its class.
    odds_alike: Box<[[f64; 1 << PLACE_BITS]; SYMBOLS]>,
}

impl Default for Table {
    fn default() -> Self {
        Self::new(Rates::default()).expect("the default rates are rates")
    }
}

impl Table {
    /// The table of these rates.
    ///
    /// # Errors
    /// Where they are no rates.
    pub fn new(rates: Rates) -> Result<Self, ConfusionError> {
        rates.check()?;
        let mut read_as = Box::new([[rates.elsewhere; SYMBOLS]; SYMBOLS]);
        for (truth, row) in &rates.misread {
            for (read, rate) in row {
                read_as[rates::key(truth)?][rates::key(read)?] = *rate;
            }
        }
        for (truth, row) in read_as.iter_mut().enumerate() {
            row[truth] = 0.0;
            row[truth] = 1.0 - row.iter().sum::<f64>();
            if row[truth] <= 0.5 {
                return Err(ConfusionError::NeverRight(char::from(character(truth))));
            }
        }
        let named: f64 = rates.gained_as.values().sum();
        let rest = (1.0 - named).max(0.0) / (SYMBOLS - rates.gained_as.len()) as f64;
        let mut gained_as = [rest; SYMBOLS];
        for (character, share) in &rates.gained_as {
            gained_as[rates::key(character)?] = *share;
        }
        let doubt = rates.confidence.ratios();
        let most_doubt = doubt.iter().copied().fold(1.0, f64::max);
        let odds = odds(&read_as, most_doubt * rates.burst);
        Ok(Self {
            odds_alike: odds_alike(&odds),
            odds,
            rates,
            read_as,
            gained_as,
            doubt,
            most_doubt,
        })
    }

    /// The rates that this table was made of.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// How likely one character is read as another, or as itself.
    #[must_use]
    pub fn read_as(&self, truth: u8, read: u8) -> f64 {
        self.read_as[symbol(truth)][symbol(read)]
    }

    /// What a camera's confidences say; nothing where it gives none.
    #[must_use]
    pub fn doubts(&self, confidences: &[f32]) -> Doubts {
        let mut doubts = NO_DOUBTS;
        for (doubt, confidence) in doubts.iter_mut().zip(confidences) {
            *doubt = self.doubt[self.rates.confidence.interval(f64::from(*confidence))];
        }
        doubts
    }

    /// The most that confidence can add to the doubt in a character.
    #[must_use]
    pub fn most_doubt(&self) -> f64 {
        self.most_doubt
    }

    /// How likely a mark keeps its number of characters.
    #[must_use]
    pub fn kept(&self) -> f64 {
        1.0 - self.rates.lost - self.rates.gained
    }

    /// How likely `truth` is read as `read`, as far as one kind of error explains it; 0 where none does.
    #[must_use]
    pub fn likelihood(&self, truth: Vrm, read: Vrm, doubts: &Doubts) -> f64 {
        let (truth, read) = (truth.as_bytes(), read.as_bytes());
        if truth.len() == read.len() {
            self.swapped(truth, read, doubts)
        } else if truth.len() == read.len() + 1 {
            self.rates.lost * self.dropped(truth, read, |_| 1.0)
        } else if truth.len() + 1 == read.len() {
            let gained = |at: usize| self.gained_as[symbol(read[at])] * doubts[at];
            self.rates.gained * self.dropped(read, truth, gained)
        } else {
            0.0
        }
    }

    fn swapped(&self, truth: &[u8], read: &[u8], doubts: &Doubts) -> f64 {
        let (mut likelihood, mut wrong) = (self.kept(), 0);
        for ((truth, read), doubt) in truth.iter().zip(read).zip(doubts) {
            likelihood *= self.read_as(*truth, *read);
            if truth != read {
                likelihood *= doubt;
                wrong += 1;
            }
        }
        likelihood * self.rates.burst.powi((wrong - 1).max(0))
    }

    /// How much likelier `read` is to be this other mark of as many characters than to be right, at most: with the most doubt in
    /// each character that differs, and none in the others.
    #[must_use]
    #[inline]
    pub fn most_odds(&self, truth: Vrm, read: Vrm) -> f64 {
        let both = truth.as_bytes().iter().zip(read.as_bytes());
        let each = both.map(|(truth, read)| self.odds[symbol(*truth)][symbol(*read)]);
        // The first error is no likelier for others.
        each.product::<f64>() / self.rates.burst
    }

    /// The same, where `truth` looks like `read`, and these are its characters' numbers in their classes.
    #[must_use]
    #[inline]
    pub(crate) fn most_odds_alike(&self, truth: impl Iterator<Item = usize>, read: &[u8]) -> f64 {
        let both = truth.zip(read);
        let each = both.map(|(member, read)| self.odds_alike[symbol(*read)][member]);
        each.product::<f64>() / self.rates.burst
    }

    /// The sum over all places of the longer text that leave the shorter one when dropped.
    fn dropped(&self, longer: &[u8], shorter: &[u8], weight: impl Fn(usize) -> f64) -> f64 {
        let places = places_dropped(longer, shorter);
        let chance: f64 = places.map(|at| self.place(at, longer.len()) * weight(at)).sum();
        if chance == 0.0 {
            return 0.0;
        }
        let right: f64 = shorter
            .iter()
            .map(|character| self.read_as(*character, *character))
            .product();
        chance * right
    }

    /// How likely the character that is lost or too many stands at this place of the longer text.
    #[must_use]
    pub fn place(&self, at: usize, length: usize) -> f64 {
        match length {
            0..=2 => 1.0 / length.max(1) as f64,
            _ if at == 0 || at + 1 == length => self.rates.edge / 2.0,
            _ => (1.0 - self.rates.edge) / (length - 2) as f64,
        }
    }

    /// How likely a character too many is this one.
    #[must_use]
    pub fn gained_as(&self, read: u8) -> f64 {
        self.gained_as[symbol(read)]
    }
}

/// For each true character and each that it may be read as, how much likelier the one is than that the other was read right,
/// where an error counts so many times. Characters that are the same change no odds.
fn odds(read_as: &[[f64; SYMBOLS]; SYMBOLS], an_error: f64) -> Box<[[f64; SYMBOLS]; SYMBOLS]> {
    let mut odds = Box::new([[1.0; SYMBOLS]; SYMBOLS]);
    for (truth, row) in odds.iter_mut().enumerate() {
        for (read, odds) in row.iter_mut().enumerate().filter(|(read, _)| *read != truth) {
            *odds = read_as[truth][read] * an_error / read_as[read][read];
        }
    }
    odds
}

/// The odds of the members of each character's class; 0 where there is no such member.
fn odds_alike(odds: &[[f64; SYMBOLS]; SYMBOLS]) -> Box<[[f64; 1 << PLACE_BITS]; SYMBOLS]> {
    let mut alike = Box::new([[0.0; 1 << PLACE_BITS]; SYMBOLS]);
    for (read, alike) in alike.iter_mut().enumerate() {
        let (class, _) = CLASS_OF[usize::from(character(read))];
        for (odds_of_member, truth) in alike.iter_mut().zip(CHARACTER[usize::from(class)]) {
            if truth != 0 {
                *odds_of_member = odds[symbol(truth)][read];
            }
        }
    }
    alike
}

/// The places at which the longer text has one character more than the shorter one.
pub fn places_dropped<'t>(longer: &'t [u8], shorter: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    let without = |at: &usize| longer[..*at] == shorter[..*at] && longer[at + 1..] == shorter[*at..];
    (0..longer.len()).filter(move |at| longer.len() == shorter.len() + 1 && without(at))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn vrm(text: &str) -> Vrm {
        Vrm::parse(text).unwrap()
    }

    #[test]
    fn every_character_is_read_as_something() {
        let table = Table::default();
        for truth in 0..SYMBOLS {
            let sum: f64 = (0..SYMBOLS)
                .map(|read| table.read_as(character(truth), character(read)))
                .sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
        let gained: f64 = (0..SYMBOLS).map(|read| table.gained_as(character(read))).sum();
        assert!((gained - 1.0).abs() < 1e-12, "{gained}");
        let places: f64 = (0..7).map(|at| table.place(at, 7)).sum();
        assert!((places - 1.0).abs() < 1e-12, "{places}");
    }

    #[test]
    fn likelier_misreads_are_likelier() {
        let table = Table::default();
        let likelihood = |read| table.likelihood(vrm("AB12CDE"), vrm(read), &NO_DOUBTS);
        let falling = ["AB12CDE", "AB12COE", "AB12CWE", "AB12COF"].map(likelihood);
        assert!(falling.is_sorted_by(|more, less| more > less), "{falling:?}");
        assert!(likelihood("AB12CD") > likelihood("AB12DE"), "ends are lost most");
        assert!(
            likelihood("1AB12CDE") > likelihood("XAB12CDE"),
            "a bolt is read as a stroke"
        );
        assert_eq!(likelihood("AB12"), 0.0);
        assert_eq!(likelihood("BA12CD"), 0.0);
    }

    #[test]
    fn most_odds_are_a_likelihood_with_the_most_doubt_where_marks_differ_over_that_of_a_right_read() {
        let (mut rng, table) = (ChaCha8Rng::seed_from_u64(5), Table::default());
        for _ in 0..20_000 {
            let read: Vec<u8> = (0..rng.random_range(4..=MAX_LENGTH))
                .map(|_| character(rng.random_range(0..SYMBOLS)))
                .collect();
            let (mut truth, mut doubts) = (read.clone(), NO_DOUBTS);
            for _ in 0..rng.random_range(1..=3) {
                truth[rng.random_range(0..read.len())] = character(rng.random_range(0..SYMBOLS));
            }
            for place in (0..read.len()).filter(|place| truth[*place] != read[*place]) {
                doubts[place] = table.most_doubt();
            }
            let mark = |text: &[u8]| Vrm::normalised(text);
            let Some((truth, read)) = mark(&truth)
                .zip(mark(&read))
                .filter(|(truth, read)| truth != read)
            else {
                continue;
            };
            let plain = table.likelihood(truth, read, &doubts) / table.likelihood(read, read, &NO_DOUBTS);
            let ratio = table.most_odds(truth, read) / plain;
            assert!(
                (ratio - 1.0).abs() < 1e-12,
                "{ratio}: {} {}",
                truth.as_str(),
                read.as_str()
            );
        }
    }

    #[test]
    fn most_odds_are_the_same_by_the_numbers_of_look_alikes_in_their_classes() {
        let (mut rng, table) = (ChaCha8Rng::seed_from_u64(6), Table::default());
        let mut alike = 0;
        for _ in 0..20_000 {
            let read: Vec<u8> = (0..rng.random_range(4..=MAX_LENGTH))
                .map(|_| character(rng.random_range(0..SYMBOLS)))
                .collect();
            let members: Vec<usize> = read
                .iter()
                .map(|_| rng.random_range(0..1 << PLACE_BITS))
                .collect();
            let class = |read: &u8| CHARACTER[usize::from(CLASS_OF[usize::from(*read)].0)];
            let truth: Vec<u8> = read
                .iter()
                .zip(&members)
                .map(|(read, member)| class(read)[*member])
                .collect();
            let odds = table.most_odds_alike(members.into_iter(), &read);
            let Some(truth) = Vrm::normalised(&truth) else {
                assert_eq!(odds, 0.0, "a class has no such member");
                continue;
            };
            let Some(read) = Vrm::normalised(&read) else {
                continue;
            };
            assert_eq!(odds, table.most_odds(truth, read));
            alike += 1;
        }
        assert!(alike > 500, "{alike}");
    }

    #[test]
    fn doubt_in_a_character_speaks_for_its_misreading_and_unknown_for_nothing() {
        let table = Table::default();
        let read = vrm("AB12COE");
        let with = |confidences: &[f32]| table.likelihood(vrm("AB12CDE"), read, &table.doubts(confidences));
        let sure = [0.99; 7];
        let doubtful = [0.99, 0.99, 0.99, 0.99, 0.99, 0.45, 0.99];
        assert!(with(&doubtful) > with(&[]) && with(&[]) > with(&sure));
        assert_eq!(with(&[]), table.likelihood(vrm("AB12CDE"), read, &NO_DOUBTS));
    }

    #[test]
    fn a_character_that_stands_twice_may_be_lost_at_either_place() {
        assert_eq!(places_dropped(b"AAB", b"AB").collect::<Vec<_>>(), [0, 1]);
        assert_eq!(places_dropped(b"AB", b"AB").count(), 0);
    }
}
