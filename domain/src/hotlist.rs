//! Hotlists: who and what is looked for.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::nominal::LinkedNominal;
use crate::reason::ReasonCode;
use crate::scope::Scope;
use crate::target::Target;
use crate::{EntryId, ListName};

/// How fast a hit wants an answer. Lower is more urgent, and sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Grade {
    /// Immediate.
    One = 1,
    /// Within the hour.
    Two = 2,
    /// Within 24 hours.
    Three = 3,
    /// No deployment: kept for intelligence.
    Four = 4,
}

/// A number that is no grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a grade is 1, 2, 3 or 4")]
pub struct GradeError;

impl Grade {
    /// Whether hits of this grade open a case that a person answers.
    #[must_use]
    pub fn opens_case(self) -> bool {
        self < Self::Four
    }

    /// Whether an entry of this grade lapses when nobody looks through it in time. Urgent ones never lower themselves.
    #[must_use]
    pub fn may_lapse(self) -> bool {
        self >= Self::Three
    }

    /// One grade more urgent; grade 1 stays.
    #[must_use]
    pub fn raised(self) -> Self {
        match self {
            Self::One | Self::Two => Self::One,
            Self::Three => Self::Two,
            Self::Four => Self::Three,
        }
    }
}

impl TryFrom<u8> for Grade {
    type Error = GradeError;
    fn try_from(number: u8) -> Result<Self, GradeError> {
        match number {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            4 => Ok(Self::Four),
            _ => Err(GradeError),
        }
    }
}

impl From<Grade> for u8 {
    fn from(grade: Grade) -> Self {
        grade as Self
    }
}

impl FromStr for Grade {
    type Err = GradeError;
    fn from_str(text: &str) -> Result<Self, GradeError> {
        text.trim().parse::<u8>().map_err(|_| GradeError)?.try_into()
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", u8::from(*self))
    }
}

/// What the officer is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Stop the vehicle.
    Stop,
    /// Watch and report; do not stop.
    Observe,
    /// Covert: do not stop, do not show interest ("SILENT" on UK lists).
    Silent,
    /// Log for intelligence.
    Intelligence,
}

impl Action {
    /// Whether an officer who is told both does not know what to do: stop the vehicle, or on no account.
    #[must_use]
    pub fn contradicts(self, other: Self) -> bool {
        let spares = |action| matches!(action, Self::Observe | Self::Silent);
        (self == Self::Stop && spares(other)) || (spares(self) && other == Self::Stop)
    }
}

/// A coded fact about a vehicle or a person linked to it, PNC style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marker {
    /// Registered sex offender.
    RegisteredSexOffender,
    /// FI: firearms.
    Firearms,
    /// WE: weapons.
    Weapons,
    /// XP: explosives.
    Explosives,
    /// VI: violent.
    Violent,
    /// CO: contagious.
    Contagious,
    /// ES: escaper.
    Escaper,
    /// AG: alleges.
    Alleges,
    /// AT: ailment.
    Ailment,
    /// SU: suicidal.
    Suicidal,
    /// MN: mental health.
    Mental,
    /// DR: drugs.
    Drugs,
    /// IM: impersonates male.
    ImpersonatesMale,
    /// IF: impersonates female.
    ImpersonatesFemale,
    /// A missing person may be in the vehicle.
    MissingPerson,
    /// A wanted person may be in the vehicle.
    Wanted,
    /// The vehicle was stolen.
    Stolen,
    /// The plates were lost or stolen.
    LostOrStolenPlates,
    /// No insurance.
    NoInsurance,
    /// No vehicle excise duty.
    NoTax,
    /// The keeper is disqualified from driving.
    Disqualified,
}

impl Marker {
    /// Every marker with its code on lists and its words for people.
    pub const ALL: [(Self, &'static str, &'static str); 21] = [
        (Self::RegisteredSexOffender, "RSO", "registered sex offender"),
        (Self::Firearms, "FI", "firearms"),
        (Self::Weapons, "WE", "weapons"),
        (Self::Explosives, "XP", "explosives"),
        (Self::Violent, "VI", "violent"),
        (Self::Contagious, "CO", "contagious"),
        (Self::Escaper, "ES", "escaper"),
        (Self::Alleges, "AG", "alleges"),
        (Self::Ailment, "AT", "ailment"),
        (Self::Suicidal, "SU", "suicidal"),
        (Self::Mental, "MN", "mental health"),
        (Self::Drugs, "DR", "drugs"),
        (Self::ImpersonatesMale, "IM", "impersonates male"),
        (Self::ImpersonatesFemale, "IF", "impersonates female"),
        (Self::MissingPerson, "MP", "missing person"),
        (Self::Wanted, "WM", "wanted person"),
        (Self::Stolen, "LS", "stolen vehicle"),
        (Self::LostOrStolenPlates, "LP", "lost or stolen plates"),
        (Self::NoInsurance, "NI", "no insurance"),
        (Self::NoTax, "NT", "no vehicle tax"),
        (Self::Disqualified, "DQ", "disqualified driver"),
    ];

    /// Whether it warns the officer who meets the vehicle, and so is told also where nobody is told why it is looked for.
    #[must_use]
    pub fn warns_officers(self) -> bool {
        matches!(
            self,
            Self::Firearms
                | Self::Weapons
                | Self::Explosives
                | Self::Violent
                | Self::Contagious
                | Self::Escaper
        )
    }

    /// The marker of a code such as `FI`, in any case.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(code))
            .map(|(marker, ..)| *marker)
    }

    /// The code on lists.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(marker, ..)| *marker == self)
            .map_or("", |(_, code, _)| code)
    }
}

/// One vehicle on one list, or all vehicles of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Hash of list, mark and reference.
    pub entry_id: EntryId,
    /// The list it is on.
    pub list: ListName,
    /// The mark looked for, or the pattern of marks.
    #[serde(rename = "vrm")]
    pub target: Target,
    /// How fast a hit wants an answer.
    pub grade: Grade,
    /// What the officer is asked to do.
    pub action: Action,
    /// Coded facts, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
    /// Why, as a code.
    #[serde(default, skip_serializing_if = "ReasonCode::is_other")]
    pub reason_code: ReasonCode,
    /// Why, in the list owner's words.
    pub reason: String,
    /// What the officer should know or do, in the list owner's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub information: String,
    /// Manufacturer as listed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub make: String,
    /// Model as listed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Colour as listed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub colour: String,
    /// Force and area that own the entry.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// The owner's own reference (PNC id, CAD number).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// How it may be passed on, in the list owner's words, such as a protective marking.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub handling: String,
    /// The people whose markers it has, on the list that follows from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nominals: Vec<LinkedNominal>,
    /// When it first came onto the list.
    pub listed_at: Timestamp,
    /// The weed date: from here on it is no longer looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where and when it is looked for.
    #[serde(default, skip_serializing_if = "Scope::is_everything")]
    pub scope: Scope,
}

impl Entry {
    /// One that says nothing but which vehicle: kept for intelligence, for no stated reason, until it is withdrawn.
    #[must_use]
    pub fn new(
        list: &ListName,
        target: impl Into<Target>,
        reference: impl Into<String>,
        listed_at: Timestamp,
    ) -> Self {
        let (target, reference) = (target.into(), reference.into());
        Self {
            entry_id: EntryId::of_entry(list, target, &reference),
            list: list.clone(),
            target,
            grade: Grade::Four,
            action: Action::Intelligence,
            markers: Vec::new(),
            reason_code: ReasonCode::Other,
            reason: String::new(),
            information: String::new(),
            make: String::new(),
            model: String::new(),
            colour: String::new(),
            owner: String::new(),
            reference,
            handling: String::new(),
            nominals: Vec::new(),
            listed_at,
            expires_at: None,
            scope: Scope::default(),
        }
    }

    /// The same on another list: another entry, with an id of its own.
    #[must_use]
    pub fn on(self, list: &ListName) -> Self {
        Self {
            entry_id: EntryId::of_entry(list, self.target, &self.reference),
            list: list.clone(),
            ..self
        }
    }

    /// Whether a vehicle seen at `at` is still looked for.
    #[must_use]
    pub fn is_live_at(&self, at: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| at < end)
    }
}

/// The number of a state of all lists together: each change of any list makes the next one. Every read is judged
/// under exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_markers_are_one_to_one() {
        for (marker, code, _) in Marker::ALL {
            assert_eq!(Marker::from_code(&code.to_lowercase()), Some(marker));
            assert_eq!(marker.code(), code);
        }
    }

    #[test]
    fn stopping_contradicts_what_must_not_be_stopped() {
        use Action::{Intelligence, Observe, Silent, Stop};
        assert!(Stop.contradicts(Silent) && Observe.contradicts(Stop));
        assert!(!Stop.contradicts(Stop) && !Stop.contradicts(Intelligence) && !Silent.contradicts(Observe));
    }

    #[test]
    fn a_grade_is_one_to_four() {
        assert_eq!("1".parse(), Ok(Grade::One));
        assert_eq!("5".parse::<Grade>(), Err(GradeError));
        assert!(Grade::One < Grade::Four);
        assert!(!Grade::Four.opens_case());
    }
}
