//! What a confusion table is made of, as its file has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ConfusionError;
use crate::alike::{GROUPS, symbol};

/// A misread that makes the next more than this much likelier would make two errors as common as one.
pub(super) const MOST_BURST: f64 = 50.0;

/// Pairs that recognisers confuse most: in the plates' typeface `0` and `O`, and `1` and `I`, are the same shape.
const SAME_SHAPE: [&[u8]; 2] = [b"0O", b"1I"];
/// How often one is read as the other.
const SAME_SHAPE_RATE: f64 = 0.006;
/// Pairs that differ in a corner or a stroke.
const NEAR_SHAPE: [&[u8]; 5] = [b"8B", b"5S", b"2Z", b"0D", b"0Q"];
/// How often one is read as the other.
const NEAR_SHAPE_RATE: f64 = 0.003;
/// How often a character is read as another one of its group.
const ALIKE_RATE: f64 = 0.001;

/// Rates of misreading, shares and probabilities from 0 to below 1 where nothing else is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// How often a read lacks a character.
    pub lost: f64,
    /// How often a read has a character too many.
    pub gained: f64,
    /// The share of lost and gained characters that are the first or the last.
    pub edge: f64,
    /// By what factor, 1 to 50, one wrong character makes another likelier.
    pub burst: f64,
    /// The share of misreads that come from plates which are misread the same way every time. The default stands between a road of clean
    /// plates and one of dirty ones: posteriors hold on both (`cargo xtask bench match-quality`).
    pub repeated: f64,
    /// How often a true character is read as any one other that is not in `misread`.
    pub elsewhere: f64,
    /// Shares of what a character too many is; the rest is spread over the other characters.
    #[serde(default)]
    pub gained_as: BTreeMap<String, f64>,
    /// What the cameras' confidence in a character means.
    pub confidence: ConfidenceRates,
    /// For true characters: how often they are read as others.
    pub misread: BTreeMap<String, BTreeMap<String, f64>>,
}

/// How often cameras give a confidence to characters that they read right, and to those they read wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfidenceRates {
    /// Bounds between the intervals of confidence, rising; an interval has its lower bound and not its upper one.
    pub below: Vec<f64>,
    /// The share of rightly read characters in each interval.
    pub right: Vec<f64>,
    /// The share of wrongly read characters in each interval.
    pub wrong: Vec<f64>,
}

impl Default for Rates {
    /// What is assumed of cameras of which nothing is known: some 2 % of reads wrong.
    fn default() -> Self {
        let mut misread: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        for group in GROUPS {
            for (truth, read) in pairs(group) {
                misread
                    .entry(name(truth))
                    .or_default()
                    .insert(name(read), default_rate(truth, read));
            }
        }
        Self {
            lost: 0.0015,
            gained: 0.0015,
            edge: 0.7,
            burst: 5.0,
            repeated: 0.35,
            elsewhere: 0.00002,
            gained_as: [("1".to_owned(), 0.35), ("I".to_owned(), 0.2)].into(),
            confidence: ConfidenceRates::default(),
            misread,
        }
    }
}

impl Default for ConfidenceRates {
    /// Cautious: whatever a camera says changes the odds of an error by twenty at most.
    fn default() -> Self {
        Self {
            below: vec![0.5, 0.7, 0.8, 0.9, 0.95],
            right: vec![0.015, 0.02, 0.025, 0.04, 0.15, 0.75],
            wrong: vec![0.30, 0.30, 0.15, 0.10, 0.07, 0.08],
        }
    }
}

fn pairs(group: &[u8]) -> impl Iterator<Item = (u8, u8)> + '_ {
    let others = |truth: u8| {
        group
            .iter()
            .filter(move |read| **read != truth)
            .map(move |read| (truth, *read))
    };
    group.iter().flat_map(move |truth| others(*truth))
}

fn default_rate(truth: u8, read: u8) -> f64 {
    let both = |pairs: &[&[u8]]| {
        pairs
            .iter()
            .any(|pair| pair.contains(&truth) && pair.contains(&read))
    };
    if both(&SAME_SHAPE) {
        SAME_SHAPE_RATE
    } else if both(&NEAR_SHAPE) {
        NEAR_SHAPE_RATE
    } else {
        ALIKE_RATE
    }
}

/// A character as a key of the file.
pub(super) fn name(character: u8) -> String {
    char::from(character).to_string()
}

/// The number of the character that a key names.
pub(super) fn key(text: &str) -> Result<usize, ConfusionError> {
    match text.as_bytes() {
        [byte] if byte.is_ascii_uppercase() || byte.is_ascii_digit() => Ok(symbol(*byte)),
        _ => Err(ConfusionError::Character(text.to_owned())),
    }
}

impl Rates {
    /// Checks that every rate is one.
    pub(super) fn check(&self) -> Result<(), ConfusionError> {
        let single = [
            ("lost", self.lost),
            ("gained", self.gained),
            ("edge", self.edge),
            ("repeated", self.repeated),
            ("elsewhere", self.elsewhere),
            ("lost and gained together", self.lost + self.gained),
            ("the sum of gained_as", self.gained_as.values().sum::<f64>()),
        ];
        for (field, rate) in single {
            probability(field, rate)?;
        }
        for (read, share) in &self.gained_as {
            key(read)?;
            probability(&format!("gained_as.{read}"), *share)?;
        }
        for (truth, row) in &self.misread {
            key(truth)?;
            for (read, rate) in row {
                key(read)?;
                probability(&format!("misread.{truth}.{read}"), *rate)?;
            }
        }
        if !(1.0..=MOST_BURST).contains(&self.burst) {
            return Err(ConfusionError::Burst);
        }
        self.confidence.check()
    }
}

fn probability(field: &str, value: f64) -> Result<(), ConfusionError> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(ConfusionError::Probability {
            field: field.to_owned(),
        })
    }
}

impl ConfidenceRates {
    fn check(&self) -> Result<(), ConfusionError> {
        let shares = |shares: &[f64]| {
            shares.len() == self.below.len() + 1 && shares.iter().all(|share| *share > 0.0 && *share <= 1.0)
        };
        let rising = self.below.is_sorted_by(|lower, upper| lower < upper);
        let within = self.below.iter().all(|bound| *bound > 0.0 && *bound < 1.0);
        if rising && within && shares(&self.right) && shares(&self.wrong) {
            Ok(())
        } else {
            Err(ConfusionError::Confidence)
        }
    }

    /// In which interval a confidence lies.
    pub(super) fn interval(&self, confidence: f64) -> usize {
        self.below.iter().filter(|bound| confidence >= **bound).count()
    }

    /// For each interval, how much likelier a wrong character is to be given it than a right one.
    pub(super) fn ratios(&self) -> Vec<f64> {
        let (right, wrong) = (self.right.iter().sum::<f64>(), self.wrong.iter().sum::<f64>());
        let both = self.right.iter().zip(&self.wrong);
        both.map(|(r, w)| (w / wrong) / (r / right)).collect()
    }
}
