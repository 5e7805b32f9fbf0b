//! Why a vehicle is looked for, as a code: what lists, rules and yields are counted by. The words beside it are the list owner's.

use serde::{Deserialize, Serialize};

use crate::hotlist::Marker;

/// A coded reason. Steelring's own set: no public list of reason codes is common to forces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The vehicle was stolen.
    Stolen,
    /// Its plates were lost or stolen.
    Plates,
    /// Its plates are another vehicle's.
    Clone,
    /// Somebody in it is wanted.
    Wanted,
    /// Somebody in it is missing.
    Missing,
    /// Somebody is at risk: domestic violence, a child, a vulnerable person.
    Safeguarding,
    /// A managed offender, such as a registered sex offender.
    Offender,
    /// Firearms, weapons or explosives.
    Firearms,
    /// Violence.
    Violence,
    /// Drugs.
    Drugs,
    /// Burglary, robbery or theft.
    Theft,
    /// No insurance.
    NoInsurance,
    /// No vehicle excise duty.
    NoTax,
    /// A disqualified driver.
    Disqualified,
    /// Intelligence to be developed.
    Intelligence,
    /// None of these, or not coded by the list's owner.
    #[default]
    Other,
}

impl ReasonCode {
    /// Every code as it is on lists, with its words for people.
    pub const ALL: [(Self, &'static str, &'static str); 16] = [
        (Self::Stolen, "STOLEN", "stolen vehicle"),
        (Self::Plates, "PLATES", "lost or stolen plates"),
        (Self::Clone, "CLONE", "cloned plates"),
        (Self::Wanted, "WANTED", "wanted person"),
        (Self::Missing, "MISSING", "missing person"),
        (Self::Safeguarding, "SAFEGUARDING", "person at risk"),
        (Self::Offender, "OFFENDER", "managed offender"),
        (Self::Firearms, "FIREARMS", "firearms, weapons or explosives"),
        (Self::Violence, "VIOLENCE", "violence"),
        (Self::Drugs, "DRUGS", "drugs"),
        (Self::Theft, "THEFT", "burglary, robbery or theft"),
        (Self::NoInsurance, "NO_INSURANCE", "no insurance"),
        (Self::NoTax, "NO_TAX", "no vehicle tax"),
        (Self::Disqualified, "DISQUALIFIED", "disqualified driver"),
        (Self::Intelligence, "INTELLIGENCE", "intelligence to be developed"),
        (Self::Other, "OTHER", "other"),
    ];

    /// Which code a marker stands for, the most urgent first. A warning about somebody's health is none.
    const OF_MARKERS: [(Marker, Self); 15] = [
        (Marker::MissingPerson, Self::Missing),
        (Marker::Suicidal, Self::Safeguarding),
        (Marker::Wanted, Self::Wanted),
        (Marker::Escaper, Self::Wanted),
        (Marker::Firearms, Self::Firearms),
        (Marker::Explosives, Self::Firearms),
        (Marker::Weapons, Self::Firearms),
        (Marker::RegisteredSexOffender, Self::Offender),
        (Marker::Stolen, Self::Stolen),
        (Marker::LostOrStolenPlates, Self::Plates),
        (Marker::Violent, Self::Violence),
        (Marker::Drugs, Self::Drugs),
        (Marker::Disqualified, Self::Disqualified),
        (Marker::NoInsurance, Self::NoInsurance),
        (Marker::NoTax, Self::NoTax),
    ];

    /// The reason of a code such as `STOLEN` or `no insurance`.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let code = code.trim().replace([' ', '-'], "_");
        let known = Self::ALL
            .iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(&code));
        known.map(|(reason, ..)| *reason)
    }

    /// The code on lists.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(reason, ..)| *reason == self)
            .map_or("", |(_, code, _)| code)
    }

    /// What follows from an entry's markers where its list says no code.
    #[must_use]
    pub fn of_markers(markers: &[Marker]) -> Self {
        Self::OF_MARKERS
            .iter()
            .find(|(marker, _)| markers.contains(marker))
            .map_or(Self::Other, |(_, reason)| *reason)
    }

    /// Whether it is the one that says nothing, which no record needs to spell out.
    #[must_use]
    pub fn is_other(&self) -> bool {
        *self == Self::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_reasons_are_one_to_one_however_they_are_written() {
        for (reason, code, _) in ReasonCode::ALL {
            assert_eq!(reason.code(), code);
            for written in [
                code.to_lowercase(),
                code.replace('_', " "),
                code.replace('_', "-"),
            ] {
                assert_eq!(ReasonCode::from_code(&written), Some(reason), "{written}");
            }
            assert_eq!(
                serde_json::to_string(&reason)
                    .unwrap()
                    .trim_matches('"')
                    .to_uppercase(),
                code
            );
        }
        assert_eq!(ReasonCode::from_code("AB12CDE"), None);
    }

    #[test]
    fn the_most_urgent_marker_says_the_code() {
        let check = |markers: &[Marker], expected| assert_eq!(ReasonCode::of_markers(markers), expected);
        check(&[], ReasonCode::Other);
        check(&[Marker::Contagious], ReasonCode::Other);
        check(&[Marker::Stolen, Marker::Firearms], ReasonCode::Firearms);
        check(&[Marker::NoTax, Marker::NoInsurance], ReasonCode::NoInsurance);
        check(
            &[Marker::RegisteredSexOffender, Marker::Wanted],
            ReasonCode::Wanted,
        );
    }
}
