//! Tables from experience: what was read, and what it truly was.
//!
//! Two sources give such pairs: operators' verdicts on hits (confirmed as read, or misread), and two reads of one vehicle at
//! two sites. They must not be chosen by whether they are wrong: the right ones count as much.
//!
//! A rate is the share that was observed, drawn towards the one believed before as if that had been seen in
//! [`STRENGTH`] characters. So a handful of pairs changes little, and many leave nothing of the belief. A camera with
//! [`ENOUGH_PAIRS`] of its own gets a table, drawn towards the one of all cameras in the same way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::{CameraId, Vrm};

use super::{Confusion, ConfusionError, Rates, Table, places_dropped};
use crate::alike::{SYMBOLS, character, symbol};
use crate::confusion::rates;

/// For how many true characters of a kind, or marks where it is about marks, a belief stands. At 1,500 a rate of 1 in 500 counts as
/// three errors seen: as many observed ones move it half of the way.
pub const STRENGTH: f64 = 1_500.0;
/// For how many misreads a belief about the errors among them (`edge`, `burst`, `repeated`, confidences) stands.
pub const STRENGTH_OF_ERRORS: f64 = 50.0;
/// From how many pairs a camera has a table of its own: they hold some 50 errors at the usual 2 or 3 in a hundred.
pub const ENOUGH_PAIRS: usize = 2_000;

/// One read of which the truth is known.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The mark as read.
    pub read: Vrm,
    /// The mark that the vehicle bears.
    pub truth: Vrm,
    /// Who read it.
    pub camera: CameraId,
    /// Its confidence in each character; empty where it gives none.
    pub confidences: Vec<f32>,
}

/// Tables as they follow from what was believed and these pairs, in the order in which they came.
///
/// # Errors
/// Where the pairs are so wrong that a character is not read as itself in most cases: they are no pairs then.
pub fn learn(believed: &Confusion, verdicts: &[Verdict]) -> Result<Confusion, ConfusionError> {
    let all = learnt(believed.all().rates(), verdicts.iter())?;
    let mut by_camera: BTreeMap<&CameraId, Vec<&Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        by_camera.entry(&verdict.camera).or_default().push(verdict);
    }
    let mut cameras: BTreeMap<CameraId, Arc<Table>> = believed
        .cameras()
        .map(|(camera, table)| (camera.clone(), Arc::clone(table)))
        .collect();
    for (camera, verdicts) in by_camera {
        if verdicts.len() >= ENOUGH_PAIRS {
            let table = learnt(all.rates(), verdicts.iter().copied())?;
            cameras.insert(camera.clone(), Arc::new(table));
        }
    }
    Ok(Confusion::new(all, cameras))
}

fn learnt<'v>(
    believed: &Rates,
    verdicts: impl Iterator<Item = &'v Verdict>,
) -> Result<Table, ConfusionError> {
    let mut tally = Tally::new(believed);
    for verdict in verdicts {
        tally.count(verdict);
    }
    Table::new(tally.rates()?)
}

/// What was seen, beside what was believed.
struct Tally<'b> {
    believed: &'b Rates,
    /// Reads by the number of wrong characters in them: none, one, more; of those that kept their length.
    wrong: [f64; 3],
    lost: f64,
    gained: f64,
    at_edge: f64,
    gained_as: [f64; SYMBOLS],
    read_as: Box<[[f64; SYMBOLS]; SYMBOLS]>,
    confidence_right: Vec<f64>,
    confidence_wrong: Vec<f64>,
    /// The last misread of a mark, and how many later reads of it repeated it or not.
    misread_before: HashMap<Vrm, Vrm>,
    again: f64,
    anew: f64,
}

impl<'b> Tally<'b> {
    fn new(believed: &'b Rates) -> Self {
        let intervals = believed.confidence.right.len();
        Self {
            believed,
            wrong: [0.0; 3],
            lost: 0.0,
            gained: 0.0,
            at_edge: 0.0,
            gained_as: [0.0; SYMBOLS],
            read_as: Box::new([[0.0; SYMBOLS]; SYMBOLS]),
            confidence_right: vec![0.0; intervals],
            confidence_wrong: vec![0.0; intervals],
            misread_before: HashMap::new(),
            again: 0.0,
            anew: 0.0,
        }
    }

    /// Counts a pair. One that no single kind of error explains counts for nothing but its repetition.
    fn count(&mut self, verdict: &Verdict) {
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
        match self.misread_before.get(&verdict.truth) {
            Some(before) if *before == verdict.read => self.again += 1.0,
            Some(_) => self.anew += 1.0,
            None => (),
        }
        if read != truth {
            self.misread_before.insert(verdict.truth, verdict.read);
        }
    }

    fn count_characters(&mut self, verdict: &Verdict) {
        let (read, truth) = (verdict.read.as_bytes(), verdict.truth.as_bytes());
        let mut wrong = 0;
        for (place, (read, truth)) in read.iter().zip(truth).enumerate() {
            self.read_as[symbol(*truth)][symbol(*read)] += 1.0;
            wrong += usize::from(read != truth);
            if let Some(confidence) = verdict.confidences.get(place) {
                let interval = self.believed.confidence.interval(f64::from(*confidence));
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
    fn rates(&self) -> Result<Rates, ConfusionError> {
        let believed = self.believed;
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
        rates.burst = self.burst();
        rates.confidence.right = self.shares(&believed.confidence.right, &self.confidence_right);
        rates.confidence.wrong = self.shares(&believed.confidence.wrong, &self.confidence_wrong);
        for (read, share) in &mut rates.gained_as {
            let seen = self.gained_as[rates::key(read)?];
            *share = drawn(*share, STRENGTH_OF_ERRORS, seen, self.gained);
        }
        self.misread(&mut rates);
        Ok(rates)
    }

    /// Pairs that were believed or seen keep a rate of their own; the others share one.
    fn misread(&self, rates: &mut Rates) {
        let (mut rest, mut cells) = (0.0, 0.0);
        for truth in 0..SYMBOLS {
            let seen: f64 = self.read_as[truth].iter().sum();
            let name = rates::name(character(truth));
            let believed = self.believed.misread.get(&name);
            for read in (0..SYMBOLS).filter(|read| *read != truth) {
                let other = rates::name(character(read));
                let named = believed.and_then(|row| row.get(&other)).copied();
                let count = self.read_as[truth][read];
                let rate = drawn(named.unwrap_or(self.believed.elsewhere), STRENGTH, count, seen);
                if named.is_some() || count > 0.0 {
                    rates.misread.entry(name.clone()).or_default().insert(other, rate);
                } else {
                    (rest, cells) = (rest + rate, cells + 1.0);
                }
            }
        }
        rates.elsewhere = if cells > 0.0 {
            rest / cells
        } else {
            self.believed.elsewhere
        };
    }

    /// With `n` wrong characters a mark expected at a rate far below 1, and `burst` between them, two wrong come `burst n / 2`
    /// times as often as one.
    fn burst(&self) -> f64 {
        let [none, one, more] = self.wrong;
        let rate = (one + 2.0 * more) / (none + one + more).max(1.0);
        let believed = self.believed.burst;
        let expected = one * rate / 2.0;
        // the belief counts as a few doubles that were expected, so that none of it hangs on a single pair
        let prior = STRENGTH_OF_ERRORS / 10.0;
        let burst = (believed * prior + more) / (prior + expected);
        burst.clamp(1.0, rates::MOST_BURST)
    }

    fn shares(&self, believed: &[f64], seen: &[f64]) -> Vec<f64> {
        let (whole, total) = (believed.iter().sum::<f64>(), seen.iter().sum::<f64>());
        let both = believed.iter().zip(seen);
        both.map(|(share, seen)| drawn(share / whole, STRENGTH_OF_ERRORS, *seen, total))
            .collect()
    }
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
        }
    }

    #[test]
    fn nothing_seen_leaves_what_was_believed() {
        let learnt = learn(&Confusion::default(), &[]).unwrap();
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
        let rate = |pairs: &[Verdict]| {
            let learnt = learn(&Confusion::default(), pairs).unwrap();
            learnt.all().read_as(b'K', b'X')
        };
        let wrong = || verdict("AB12XCD", "AB12KCD", "c1");
        let right = || verdict("AB12KCD", "AB12KCD", "c1");
        assert!(rate(&[wrong()]) < 0.001);
        let many: Vec<_> = (0..40_000)
            .map(|n| if n % 10 == 0 { wrong() } else { right() })
            .collect();
        assert!((0.09..0.101).contains(&rate(&many)), "{}", rate(&many));
    }

    #[test]
    fn a_camera_gets_a_table_of_its_own_once_enough_is_known() {
        let pairs = |camera, count| (0..count).map(move |_| verdict("AB12CD", "AB12CDE", camera));
        let few = learn(
            &Confusion::default(),
            &pairs("few", ENOUGH_PAIRS - 1).collect::<Vec<_>>(),
        );
        assert_eq!(few.unwrap().cameras().count(), 0);
        let mixed: Vec<_> = pairs("many", ENOUGH_PAIRS)
            .chain((0..50_000).map(|_| verdict("AB12CDE", "AB12CDE", "good")))
            .collect();
        let learnt = learn(&Confusion::default(), &mixed).unwrap();
        let lost = |camera| learnt.of_camera(&CameraId::parse(camera).unwrap()).rates().lost;
        assert!(lost("many") > 0.5 && lost("good") < 0.03 && lost("other") == learnt.all().rates().lost);
    }

    #[test]
    fn repeated_misreads_are_told_from_independent_ones() {
        let repeated = |reads: &[&str]| {
            let pairs: Vec<_> = (0..1_000)
                .flat_map(|_| reads.iter().map(|read| verdict(read, "AB12CDE", "c")))
                .collect();
            learn(&Confusion::default(), &pairs)
                .unwrap()
                .all()
                .rates()
                .repeated
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
        let learnt = learn(&Confusion::default(), &pairs).unwrap();
        let table = learnt.all();
        assert!((0.027..0.033).contains(&table.read_as(b'O', b'0')), "seed {seed}");
        assert!(table.rates().burst > 12.0, "seed {seed}: {}", table.rates().burst);
        let doubts = table.doubts(&[0.4, 0.99]);
        assert!(doubts[0] > 100.0 && doubts[1] < 0.1, "seed {seed}: {doubts:?}");
        let back = super::super::file::read(&super::super::file::write(&learnt).unwrap()).unwrap();
        assert_eq!(back.all().rates(), table.rates());
    }
}
