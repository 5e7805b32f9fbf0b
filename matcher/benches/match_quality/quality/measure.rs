//! Reads judged, and counted.

use matcher::confusion::Confusion;
use matcher::population::{Expectation, Population};
use matcher::register::Register;
use matcher::score::thresholds::Thresholds;
use matcher::score::{Knowledge, Listed, Scorer};
use matcher::traffic::{Habits, Seen, Traffic};
use serde::Serialize;

use super::policies::Fixed;
use super::world::{Day, Fleet, Kind, Read, Roads, entry};

/// The grade of every list here: its threshold is the one of the rows.
const GRADE: domain::hotlist::Grade = domain::hotlist::Grade::One;
const BINS: usize = 10;
/// Points of the curve of recall over false candidates: thresholds evenly over log odds from -7 to 7.
const CURVE: usize = 57;

/// One line of the result.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub policy: &'static str,
    pub entries: usize,
    pub world: &'static str,
    /// Hours of sightings that were known.
    pub history_h: u32,
    pub register: bool,
    /// The share of misreads of listed vehicles that gave their entry.
    pub recall: f64,
    /// Candidates of vehicles that are not listed, per 1,000 of their reads.
    pub false_per_1000: f64,
    /// The share of candidates that are right.
    pub precision: f64,
    /// The same without marks that were read exactly as listed; none where there are no others.
    pub precision_alike: Option<f64>,
    /// The mean square of posterior less truth; policies without a score claim certainty.
    pub brier: f64,
    /// From which posterior on a look-alike was a candidate.
    pub threshold: Option<f64>,
    /// Reads that were judged, and misreads for the recall.
    pub reads: usize,
    pub misreads: usize,
    /// Posteriors beside the truth.
    pub reliability: Vec<Bin>,
    /// Recall and false candidates at other thresholds.
    pub curve: Vec<Point>,
}

/// Candidates of about one posterior.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Bin {
    pub candidates: usize,
    pub predicted: f64,
    pub observed: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    pub threshold: f64,
    pub recall: f64,
    pub false_per_1000: f64,
}

/// What of the world is known to the score.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    register: bool,
    history: bool,
}

const STATES: [State; 4] = [
    State {
        register: true,
        history: true,
    },
    State {
        register: true,
        history: false,
    },
    State {
        register: false,
        history: true,
    },
    State {
        register: false,
        history: false,
    },
];

/// One listed mark held against one read.
#[derive(Clone, Copy)]
struct Scored {
    posterior: f32,
    right: bool,
    exact: bool,
    /// The vehicle is on no list.
    ordinary: bool,
}

/// The rows of one list.
pub fn measure(roads: &Roads<'_>, day: &Day, kind: Kind, list: usize) -> Vec<Row> {
    let fleet = roads.fleet;
    let misread = roads.misreads(list);
    let blank = |policy, register, history: bool| Row {
        policy,
        entries: fleet.scale.entries[list],
        world: kind.name(),
        history_h: if history { 24 } else { 0 },
        register,
        recall: 0.0,
        false_per_1000: 0.0,
        precision: 0.0,
        precision_alike: None,
        brier: 0.0,
        threshold: None,
        reads: fleet.scale.reads,
        misreads: misread.len(),
        reliability: Vec::new(),
        curve: Vec::new(),
    };
    let model = Model::new(fleet);
    let mut tallies = STATES.map(|_| Tally::default());
    for read in roads.traffic("today").take(fleet.scale.reads) {
        let ordinary = !roads.is_listed(&read, list);
        for tally in &mut tallies {
            tally.ordinary_reads += usize::from(ordinary);
        }
        model.judge(fleet, day, list, &read, |state, scored| {
            tallies[state].candidates.push(Scored { ordinary, ..scored });
        });
    }
    let mut found = STATES.map(|_| Vec::new());
    for read in &misread {
        model.judge(fleet, day, list, read, |state, scored| {
            if scored.right {
                found[state].push(f64::from(scored.posterior));
            }
        });
    }
    let mut rows = Vec::new();
    for (number, state) in STATES.iter().enumerate() {
        let row = blank("steelring", state.register, state.history);
        rows.push(tallies[number].row(row, &found[number]));
    }
    for policy in Fixed::ALL {
        rows.push(fixed(
            roads,
            list,
            policy,
            &misread,
            blank(policy.name(), false, false),
        ));
    }
    rows
}

/// The score with the default table: nothing of it was learnt from this world.
struct Model {
    confusion: Confusion,
    expectation: Expectation,
    traffic: Traffic,
}

impl Model {
    fn new(fleet: &Fleet) -> Self {
        let confusion = Confusion::default();
        let habits = Habits {
            driving: fleet.scale.driving as f64 / fleet.scale.registered as f64,
            reads_a_day: fleet.scale.reads_a_day,
            ..Habits::default()
        };
        Self {
            expectation: Expectation::new(&Population::of(fleet.scale.registered as f64), confusion.all()),
            confusion,
            traffic: Traffic::new(&habits),
        }
    }

    /// Scores every listed mark that a read may be, in every state of knowledge.
    fn judge(&self, fleet: &Fleet, day: &Day, list: usize, read: &Read, mut give: impl FnMut(usize, Scored)) {
        let (list, mark) = (&fleet.lists[list], read.reading.mark());
        let form = self.expectation.bearers(mark.as_bytes()).registered > 0.0;
        let registered = || fleet.register.find(mark).is_some();
        let (mut alike, mut shifted) = (Vec::new(), Vec::new());
        list.for_each_alike(mark, |mark, vehicle| alike.push(Listed { mark, vehicle }));
        // a mark that exists is seldom one that lost or gained a character
        if !form || !registered() {
            list.for_each_shifted(mark, |mark, vehicle| shifted.push(Listed { mark, vehicle }));
        }
        if alike.is_empty() && shifted.is_empty() {
            return;
        }
        let itself = entry(list, mark);
        for (number, state) in STATES.iter().enumerate() {
            let scorer = Scorer::new(self.known(
                state.register.then_some(&fleet.register),
                state.history.then(|| day.seen(mark)),
            ));
            let considered = scorer.consider(&read.reading, itself.as_ref());
            let shifted = shifted.iter().filter(|_| state.register || !form);
            for listed in alike.iter().chain(shifted) {
                give(
                    number,
                    Scored {
                        posterior: considered.posterior(listed) as f32,
                        right: listed.mark == read.truth,
                        exact: listed.mark == mark,
                        ordinary: false,
                    },
                );
            }
        }
    }

    fn known<'k>(&'k self, register: Option<&'k Register>, seen: Option<Seen>) -> Knowledge<'k> {
        Knowledge {
            table: self.confusion.all(),
            expectation: &self.expectation,
            register,
            seen,
            traffic: &self.traffic,
        }
    }
}

/// What came of all reads of traffic in one state of knowledge.
#[derive(Default)]
struct Tally {
    ordinary_reads: usize,
    candidates: Vec<Scored>,
}

impl Tally {
    /// A row, with the posteriors of the right entry for those misreads that led to it at all.
    fn row(&self, row: Row, found: &[f64]) -> Row {
        let threshold = Thresholds::default().of(GRADE);
        let passes = |scored: &&Scored| scored.exact || f64::from(scored.posterior) >= threshold;
        let share = |of: &dyn Fn(&Scored) -> bool| {
            let passed = self.candidates.iter().filter(passes).filter(|scored| of(scored));
            let (right, all) = passed.fold((0, 0), |(right, all), scored| {
                (right + u64::from(scored.right), all + 1)
            });
            (all > 0).then(|| right as f64 / all as f64)
        };
        let square =
            |scored: &Scored| (f64::from(scored.posterior) - f64::from(u8::from(scored.right))).powi(2);
        let at = |threshold| self.point(threshold, found, row.misreads);
        let point = at(threshold);
        let curve = (0..CURVE).map(|step| -7.0 + 14.0 * step as f64 / (CURVE - 1) as f64);
        Row {
            recall: point.recall,
            false_per_1000: point.false_per_1000,
            precision: share(&|_| true).unwrap_or(1.0),
            precision_alike: share(&|scored| !scored.exact),
            brier: mean(self.candidates.iter().map(square)),
            threshold: Some(threshold),
            reliability: self.bins(),
            curve: curve.map(|odds| at(1.0 / (1.0 + (-odds).exp()))).collect(),
            ..row
        }
    }

    fn point(&self, threshold: f64, found: &[f64], misreads: usize) -> Point {
        let passes = |scored: &&Scored| scored.exact || f64::from(scored.posterior) >= threshold;
        let wrong = self
            .candidates
            .iter()
            .filter(|scored| scored.ordinary && !scored.right)
            .filter(passes)
            .count();
        let recalled = found.iter().filter(|posterior| **posterior >= threshold).count();
        Point {
            threshold,
            recall: recalled as f64 / misreads.max(1) as f64,
            false_per_1000: 1_000.0 * wrong as f64 / self.ordinary_reads.max(1) as f64,
        }
    }

    fn bins(&self) -> Vec<Bin> {
        let mut bins = [Bin::default(); BINS];
        for scored in &self.candidates {
            let bin = &mut bins[((f64::from(scored.posterior) * BINS as f64) as usize).min(BINS - 1)];
            bin.candidates += 1;
            bin.predicted += f64::from(scored.posterior);
            bin.observed += f64::from(u8::from(scored.right));
        }
        let mean = |bin: &Bin| Bin {
            predicted: bin.predicted / bin.candidates.max(1) as f64,
            observed: bin.observed / bin.candidates.max(1) as f64,
            ..*bin
        };
        bins.iter().map(mean).collect()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    sum / count.max(1) as f64
}

/// A row of a policy without a score.
fn fixed(roads: &Roads<'_>, number: usize, policy: Fixed, misread: &[Read], row: Row) -> Row {
    let (scale, list) = (&roads.fleet.scale, &roads.fleet.lists[number]);
    let reads = if policy == Fixed::Edit {
        scale.edit_reads.min(scale.reads)
    } else {
        scale.reads
    };
    let (mut found, mut ordinary_reads, mut ordinary_wrong) = (Vec::new(), 0, 0);
    let (mut right, mut all, mut alike_right, mut alike) = (0, 0, 0, 0);
    for read in roads.traffic("today").take(reads) {
        let mark = read.reading.mark();
        policy.candidates(list, mark, &mut found);
        let ordinary = !roads.is_listed(&read, number);
        ordinary_reads += usize::from(ordinary);
        ordinary_wrong += if ordinary { found.len() } else { 0 };
        all += found.len();
        let hit = usize::from(found.contains(&read.truth));
        right += hit;
        alike += found.iter().filter(|candidate| **candidate != mark).count();
        alike_right += if mark == read.truth { 0 } else { hit };
    }
    let mut recalled = 0;
    for read in misread {
        policy.candidates(list, read.reading.mark(), &mut found);
        recalled += usize::from(found.contains(&read.truth));
    }
    Row {
        reads,
        recall: recalled as f64 / misread.len().max(1) as f64,
        false_per_1000: 1_000.0 * ordinary_wrong as f64 / ordinary_reads.max(1) as f64,
        precision: if all > 0 { right as f64 / all as f64 } else { 1.0 },
        precision_alike: (alike > 0).then(|| alike_right as f64 / alike as f64),
        brier: if all > 0 {
            (all - right) as f64 / all as f64
        } else {
            0.0
        },
        ..row
    }
}
