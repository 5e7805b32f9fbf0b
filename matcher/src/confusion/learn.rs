//! Tables from experience: what was read, and what it truly was.
//!
//! Two sources give such pairs: operators' verdicts on hits ([`super::judged`]), and vehicles on their way past several sites
//! ([`super::journeys`]). They must not be chosen by whether they are wrong: the right ones count as much.
//!
//! A rate is the share that was observed, drawn towards the one believed before as if that had been seen in
//! [`STRENGTH`] characters. So a handful of pairs changes little, and many leave nothing of the belief. A camera with
//! [`ENOUGH_PAIRS`] of its own gets a table, drawn towards the one of all cameras in the same way.
//!
//! What no source can show stays as it was believed: how often a character is read as one that it does not look like. A journey
//! does not show either how many misreads are those of plates which are misread the same way each time: operators alone do.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::{CameraId, Vrm};

use super::{ConfidenceRates, Confusion, ConfusionError, Rates, Table, places_dropped};
use crate::alike::{SYMBOLS, alike, character, symbol};
use crate::confusion::rates;

/// For how many true characters of a kind, or marks where it is about marks, a belief stands. At 1,500 a rate of 1 in 500 counts as
/// three errors seen: as many observed ones move it half of the way.
pub const STRENGTH: f64 = 1_500.0;
/// For how many misreads a belief about the errors among them (`edge`, `burst`, `repeated`, confidences) stands.
pub const STRENGTH_OF_ERRORS: f64 = 50.0;
/// From how many pairs a camera has a table of its own: they hold some 50 errors at the usual 2 or 3 in a hundred.
pub const ENOUGH_PAIRS: usize = 2_000;
/// Cameras that are counted by themselves, at 10 KB each: more than any force has. The pairs of others count for all cameras alone.
const MOST_CAMERAS: usize = 5_000;

/// One read of which the truth is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The mark as read.
    pub read: Vrm,
    /// The mark that the vehicle bears.
    pub truth: Vrm,
    /// Who read it.
    pub camera: CameraId,
    /// Its confidence in each character; empty where it gives none.
    pub confidences: Vec<f32>,
    /// How the truth is known.
    pub source: Source,
}

/// How the truth about a read is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A person compared the plate's image with an entry.
    Operator,
    /// The vehicle was read at other sites on its way.
    Journey,
}

/// Pairs as they come, counted: what they take does not grow with them, but for the marks of operators' misreads.
pub struct Lessons {
    believed: Confusion,
    all: Tally,
    cameras: BTreeMap<CameraId, Tally>,
}

/// What was learnt.
#[derive(Clone, Debug)]
pub struct Learnt {
    /// The tables as they follow from what was believed and what was seen.
    pub confusion: Confusion,
    /// The cameras that got a table of their own, or a new one.
    pub cameras: Vec<CameraId>,
}

impl Lessons {
    /// No pair yet, on top of what is believed.
    #[must_use]
    pub fn new(believed: Confusion) -> Self {
        let all = Tally::new(&believed.all().rates().confidence);
        Self {
            believed,
            all,
            cameras: BTreeMap::new(),
        }
    }

    /// Counts a pair. They come in order of time, as far as they are operators'.
    pub fn count(&mut self, verdict: &Verdict) {
        self.all.count(verdict);
        if let Some(tally) = self.cameras.get_mut(&verdict.camera) {
            tally.count(verdict);
        } else if self.cameras.len() < MOST_CAMERAS {
            let mut tally = Tally::new(&self.all.intervals);
            tally.count(verdict);
            self.cameras.insert(verdict.camera.clone(), tally);
        }
    }

    /// Belief and observation together.
    ///
    /// # Errors
    /// Where the pairs are so wrong that a character is not read as itself in most cases: they are no pairs then.
    pub fn learn(self) -> Result<Learnt, ConfusionError> {
        let all = Table::new(self.all.rates(self.believed.all().rates())?)?;
        let mut tables: BTreeMap<CameraId, Arc<Table>> = self
            .believed
            .cameras()
            .map(|(camera, table)| (camera.clone(), Arc::clone(table)))
            .collect();
        let mut cameras = Vec::new();
        for (camera, tally) in self.cameras {
            if tally.pairs >= ENOUGH_PAIRS {
                let table = Table::new(tally.rates(all.rates())?)?;
                tables.insert(camera.clone(), Arc::new(table));
                cameras.push(camera);
            }
        }
        Ok(Learnt {
            confusion: Confusion::new(all, tables),
            cameras,
        })
    }
}

/// What was seen.
struct Tally {
    pairs: usize,
    /// The intervals of confidence are those of what was believed.
    intervals: ConfidenceRates,
    /// Reads by the number of wrong characters in them: none, one, more; of those that kept their length.
    wrong: [f64; 3],
    lost: f64,
    gained: f64,
    at_edge: f64,
    gained_as: [f64; SYMBOLS],
    read_as: Box<[[f64; SYMBOLS]; SYMBOLS]>,
    confidence_right: Vec<f64>,
    confidence_wrong: Vec<f64>,
    /// The last misread of a mark by an operator's word, and how many later reads of it repeated it or not.
    misread_before: HashMap<Vrm, Vrm>,
    again: f64,
    anew: f64,
}

impl Tally {
    fn new(intervals: &ConfidenceRates) -> Self {
        let count = intervals.right.len();
        Self {
            pairs: 0,
            intervals: intervals.clone(),
            wrong: [0.0; 3],
            lost: 0.0,
            gained: 0.0,
            at_edge: 0.0,
            gained_as: [0.0; SYMBOLS],
            read_as: Box::new([[0.0; SYMBOLS]; SYMBOLS]),
            confidence_right: vec![0.0; count],
            confidence_wrong: vec![0.0; count],
            misread_before: HashMap::new(),
            again: 0.0,
            anew: 0.0,
        }
    }

    /// Counts a pair. One that no single kind of error explains counts for nothing but its repetition.
    fn count(&mut self, verdict: &Verdict) {
        self.pairs += 1;
        let (read, truth) = (verdict.read.as_bytes(), verdict.truth.as_bytes());
        if read.len() == truth.len() {
            self.count_characters(verdict);
        } else if let Some(at) = places_dropped(truth, read).next() {
            self.lost += 1.0;
            self.at_edge += edge(at, truth.len());
        } else if let Some(at) = places_dropped(read, truth).next() {
            self.gained += 1.0;
            self.at_edge += edge(at, read.len());
            self.gained_as[symbol(read[at])] += 1.0;
        }
        if verdict.source == Source::Operator {
            self.count_repetition(verdict);
        }
    }

    fn count_repetition(&mut self, verdict: &Verdict) {
        match self.misread_before.get(&verdict.truth) {
            Some(before) if *before == verdict.read => self.again += 1.0,
            Some(_) => self.anew += 1.0,
            None => (),
        }
        if verdict.read != verdict.truth {
            self.misread_before.insert(verdict.truth, verdict.read);
        }
    }

    fn count_characters(&mut self, verdict: &Verdict) {
        let (read, truth) = (verdict.read.as_bytes(), verdict.truth.as_bytes());
        if !read.iter().zip(truth).all(|(read, truth)| alike(*read, *truth)) {
            return;
        }
        let mut wrong = 0;
        for (place, (read, truth)) in read.iter().zip(truth).enumerate() {
            self.read_as[symbol(*truth)][symbol(*read)] += 1.0;
            wrong += usize::from(read != truth);
            if let Some(confidence) = verdict.confidences.get(place) {
                let interval = self.intervals.interval(f64::from(*confidence));
                let tally = if read == truth {
                    &mut self.confidence_right
                } else {
                    &mut self.confidence_wrong
                };
                tally[interval] += 1.0;
            }
        }
        self.wrong[wrong.min(2)] += 1.0;
    }

    /// Belief and observation together.
    fn rates(&self, believed: &Rates) -> Result<Rates, ConfusionError> {
        let reads = self.wrong.iter().sum::<f64>() + self.lost + self.gained;
        let edges = self.lost + self.gained;
        let mut rates = believed.clone();
        rates.lost = drawn(believed.lost, STRENGTH, self.lost, reads);
        rates.gained = drawn(believed.gained, STRENGTH, self.gained, reads);
        rates.edge = drawn(believed.edge, STRENGTH_OF_ERRORS, self.at_edge, edges);
        rates.repeated = drawn(
            believed.repeated,
            STRENGTH_OF_ERRORS,
            self.again,
            self.again + self.anew,
        );
        rates.burst = self.burst(believed.burst);
        rates.confidence.right = shares(&believed.confidence.right, &self.confidence_right);
        rates.confidence.wrong = shares(&believed.confidence.wrong, &self.confidence_wrong);
        for (read, share) in &mut rates.gained_as {
            let seen = self.gained_as[rates::key(read)?];
            *share = drawn(*share, STRENGTH_OF_ERRORS, seen, self.gained);
        }
        self.misread(&mut rates);
        Ok(rates)
    }

    /// Each pair that looks alike gets a rate of its own; of the others none was seen.
    fn misread(&self, rates: &mut Rates) {
        for truth in 0..SYMBOLS {
            let seen: f64 = self.read_as[truth].iter().sum();
            let row = rates.misread.entry(rates::name(character(truth))).or_default();
            for read in (0..SYMBOLS).filter(|read| *read != truth) {
                if alike(character(truth), character(read)) {
                    let rate = row.entry(rates::name(character(read))).or_insert(rates.elsewhere);
                    *rate = drawn(*rate, STRENGTH, self.read_as[truth][read], seen);
                }
            }
        }
        rates.misread.retain(|_, row| !row.is_empty());
    }

    /// With `n` wrong characters a mark expected at a rate far below 1, and `burst` between them, two wrong come `burst n / 2`
    /// times as often as one.
    fn burst(&self, believed: f64) -> f64 {
        let [none, one, more] = self.wrong;
        let rate = (one + 2.0 * more) / (none + one + more).max(1.0);
        let expected = one * rate / 2.0;
        // the belief counts as a few doubles that were expected, so that none of it hangs on a single pair
        let prior = STRENGTH_OF_ERRORS / 10.0;
        let burst = (believed * prior + more) / (prior + expected);
        burst.clamp(1.0, rates::MOST_BURST)
    }
}

fn shares(believed: &[f64], seen: &[f64]) -> Vec<f64> {
    let (whole, total) = (believed.iter().sum::<f64>(), seen.iter().sum::<f64>());
    let both = believed.iter().zip(seen);
    both.map(|(share, seen)| drawn(share / whole, STRENGTH_OF_ERRORS, *seen, total))
        .collect()
}

/// The share of `seen` in `among`, drawn towards the one believed as if that had been seen in `strength`.
fn drawn(believed: f64, strength: f64, seen: f64, among: f64) -> f64 {
    (believed * strength + seen) / (strength + among)
}

fn edge(at: usize, length: usize) -> f64 {
    f64::from(u8::from(at == 0 || at + 1 == length))
}

#[cfg(test)]
mod tests {
    use rand::RngExt as _;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn vrm(text: &str) -> Vrm {
        Vrm::parse(text).unwrap()
    }

    fn verdict(read: &str, truth: &str, camera: &str) -> Verdict {
        Verdict {
            read: vrm(read),
            truth: vrm(truth),
            camera: CameraId::parse(camera).unwrap(),
            confidences: Vec::new(),
            source: Source::Operator,
        }
    }

    /// What a default table becomes by these pairs.
    fn learn<'v>(verdicts: impl IntoIterator<Item = &'v Verdict>) -> Confusion {
        let mut lessons = Lessons::new(Confusion::default());
        verdicts.into_iter().for_each(|verdict| lessons.count(verdict));
        lessons.learn().unwrap().confusion
    }

    #[test]
    fn nothing_seen_leaves_what_was_believed() {
        let learnt = learn(&[]);
        let (was, is) = (Rates::default(), learnt.all().rates());
        assert!((was.lost - is.lost).abs() < 1e-12 && (was.burst - is.burst).abs() < 1e-9);
        for (truth, row) in &was.misread {
            for (read, rate) in row {
                assert!((rate - is.misread[truth][read]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn one_bad_pair_changes_little_and_many_change_all() {
        let rate = |pairs: &[Verdict]| learn(pairs).all().read_as(b'B', b'8');
        let wrong = || verdict("A812KCD", "AB12KCD", "c1");
        let right = || verdict("AB12KCD", "AB12KCD", "c1");
        let believed = Table::default().read_as(b'B', b'8');
        assert!(rate(&[wrong()]) < 1.3 * believed);
        let many: Vec<_> = (0..40_000)
            .map(|n| if n % 10 == 0 { wrong() } else { right() })
            .collect();
        assert!((0.09..0.101).contains(&rate(&many)), "{}", rate(&many));
    }

    #[test]
    fn what_no_source_can_show_stays_as_it_was_believed() {
        let pairs: Vec<_> = (0..10_000)
            .map(|n| verdict(if n % 3 == 0 { "AB12XCD" } else { "AB12KCD" }, "AB12KCD", "c1"))
            .collect();
        let (was, learnt) = (Rates::default(), learn(&pairs));
        let is = learnt.all();
        assert_eq!(
            (is.rates().elsewhere, is.read_as(b'K', b'X')),
            (was.elsewhere, was.elsewhere)
        );
        let journeys: Vec<_> = pairs
            .iter()
            .map(|verdict| Verdict {
                source: Source::Journey,
                ..verdict.clone()
            })
            .collect();
        assert_eq!(learn(&journeys).all().rates().repeated, was.repeated);
        assert_ne!(is.rates().repeated, was.repeated);
    }

    #[test]
    fn a_camera_gets_a_table_of_its_own_once_enough_is_known() {
        let pairs = |camera, count| (0..count).map(move |_| verdict("AB12CD", "AB12CDE", camera));
        let few = learn(&pairs("few", ENOUGH_PAIRS - 1).collect::<Vec<_>>());
        assert_eq!(few.cameras().count(), 0);
        let mixed: Vec<_> = pairs("many", ENOUGH_PAIRS)
            .chain((0..50_000).map(|_| verdict("AB12CDE", "AB12CDE", "good")))
            .collect();
        let learnt = learn(&mixed);
        let lost = |camera| learnt.of_camera(&CameraId::parse(camera).unwrap()).rates().lost;
        assert!(lost("many") > 0.5 && lost("good") < 0.03 && lost("other") == learnt.all().rates().lost);
    }

    #[test]
    fn repeated_misreads_are_told_from_independent_ones() {
        let repeated = |reads: &[&str]| {
            let pairs: Vec<_> = (0..1_000)
                .flat_map(|_| reads.iter().map(|read| verdict(read, "AB12CDE", "c")))
                .collect();
            learn(&pairs).all().rates().repeated
        };
        assert!(repeated(&["A812CDE"]) > 0.9);
        assert!(repeated(&["A812CDE", "AB12CDE", "AB12ODE", "AB12CDE"]) < 0.1);
    }

    /// Misreads drawn from a table of other rates are learnt back.
    #[test]
    fn the_rates_behind_many_pairs_are_found() {
        let seed = 7;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pairs: Vec<_> = (0..60_000)
            .map(|_| {
                let mut read = *b"OB12CDE";
                if rng.random_bool(0.03) {
                    read[0] = b'0';
                    // a second error far more often than by chance
                    if rng.random_bool(0.3) {
                        read[1] = b'8';
                    }
                }
                let mut verdict = verdict(std::str::from_utf8(&read).unwrap(), "OB12CDE", "c");
                let sure = |wrong| if wrong { 0.4 } else { 0.99 };
                verdict.confidences = read.iter().zip(b"OB12CDE").map(|(a, b)| sure(a != b)).collect();
                verdict
            })
            .collect();
        let learnt = learn(&pairs);
        let table = learnt.all();
        assert!((0.027..0.033).contains(&table.read_as(b'O', b'0')), "seed {seed}");
        assert!(table.rates().burst > 12.0, "seed {seed}: {}", table.rates().burst);
        let doubts = table.doubts(&[0.4, 0.99]);
        assert!(doubts[0] > 100.0 && doubts[1] < 0.1, "seed {seed}: {doubts:?}");
        let back = super::super::file::read(&super::super::file::write(&learnt).unwrap()).unwrap();
        assert_eq!(back.all().rates(), table.rates());
    }
}
