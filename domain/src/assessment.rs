//! How likely it is that a read is the vehicle looked for, and why: what a hit carries and an operator is shown.

use serde::{Deserialize, Serialize};

use crate::misread::Difference;

/// The judgement on one read and one listed mark, with everything that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// How the marks differ.
    pub difference: Difference,
    /// Every place where they differ, in the order of the mark.
    pub characters: Vec<Deviation>,
    /// How likely it is that the vehicle before the camera bears the listed mark, 0 to 1.
    pub posterior: f64,
    /// What each kind of evidence did to the odds, in the order in which it was weighed. Their `log_odds` add up to the
    /// posterior's: `ln(posterior / (1 - posterior))`.
    pub terms: Vec<Term>,
}

/// One character that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// Where, from 0: in the listed mark, or in the read where the listed mark has no such character.
    pub position: u8,
    /// What the listed mark has there; none where the read has one too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<char>,
    /// What was read there; none where the read lacks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<char>,
}

/// What one kind of evidence did to the odds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// The evidence.
    pub evidence: Evidence,
    /// By how much it moved the natural logarithm of the odds: above zero it speaks for the listed vehicle.
    pub log_odds: f64,
}

/// The kinds of evidence, in the order in which they are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// How readily the listed mark is read as this one, if any combination of characters could be a mark.
    Characters,
    /// How sure the camera was of each character.
    Confidence,
    /// Whether the mark as read, and those it may be a misread of, have the form of marks that exist.
    Syntax,
    /// Whether the register knows the mark as read, and which other registered marks look like it.
    Register,
    /// The colour seen, beside the listed vehicle's and the others'.
    Colour,
    /// The make seen, beside the listed vehicle's and the others'.
    Make,
    /// How often the marks in question were seen in the last 24 hours.
    History,
}

impl Evidence {
    /// Every kind, in the order in which they are weighed.
    pub const ALL: [Self; 7] = [
        Self::Characters,
        Self::Confidence,
        Self::Syntax,
        Self::Register,
        Self::Colour,
        Self::Make,
        Self::History,
    ];
}
