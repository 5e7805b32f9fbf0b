//! The grade of an entry whose list gives none, and of a vehicle that is linked to a marked person.
//!
//! The 16-column file has no grade, and no public text says how one follows from its columns: this table is
//! Steelring's own, stands in `docs/hotlists.md`, and gives way to a grade column or to a grade set for the load.

use crate::hotlist::{Action, Grade, Marker};

/// Lives may hang on the next minutes.
const MOST_URGENT: [Marker; 5] = [
    Marker::Firearms,
    Marker::Explosives,
    Marker::Escaper,
    Marker::MissingPerson,
    Marker::Suicidal,
];
/// A crime or a danger, but not by the minute.
const URGENT: [Marker; 5] = [
    Marker::Weapons,
    Marker::Violent,
    Marker::Wanted,
    Marker::Stolen,
    Marker::RegisteredSexOffender,
];
/// Offences of the road alone: thousands a day, no unit is sent for them.
const ROADSIDE: [Marker; 2] = [Marker::NoInsurance, Marker::NoTax];

/// The grade that action and markers ask for.
#[must_use]
pub fn grade_of(action: Action, markers: &[Marker]) -> Grade {
    let any = |set: &[Marker]| markers.iter().any(|marker| set.contains(marker));
    match action {
        Action::Silent | Action::Intelligence => Grade::Four,
        _ if !markers.is_empty() && markers.iter().all(|marker| ROADSIDE.contains(marker)) => Grade::Four,
        Action::Stop if any(&MOST_URGENT) => Grade::One,
        Action::Stop if any(&URGENT) => Grade::Two,
        Action::Observe if any(&MOST_URGENT) => Grade::Two,
        Action::Stop | Action::Observe => Grade::Three,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_and_markers_give_the_documented_grade() {
        let check = |action, markers: &[Marker], expected| {
            assert_eq!(grade_of(action, markers), expected, "{action:?} {markers:?}");
        };
        check(Action::Stop, &[], Grade::Three);
        check(Action::Stop, &[Marker::Firearms, Marker::NoTax], Grade::One);
        check(Action::Stop, &[Marker::Stolen], Grade::Two);
        check(Action::Stop, &[Marker::Disqualified], Grade::Three);
        check(Action::Stop, &[Marker::NoInsurance, Marker::NoTax], Grade::Four);
        check(Action::Observe, &[Marker::Escaper], Grade::Two);
        check(Action::Observe, &[Marker::Violent], Grade::Three);
        check(Action::Silent, &[Marker::Firearms], Grade::Four);
        check(Action::Intelligence, &[], Grade::Four);
    }
}
