//! Nominals: people known to intelligence, what is coded about them, and the vehicles that they are linked to.
//!
//! A nominal's markers reach the linked vehicles: [`entry_of`] says what the reserved list [`LIST`] has of a vehicle. A name
//! is personal data. It is in [`Nominal`] and goes nowhere else: no error, no entry and no `Debug` has it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::grading::grade_of;
use crate::hotlist::{Action, Entry, Marker};
use crate::policy::MAX_WHY;
use crate::reason::ReasonCode;
use crate::{ListName, NominalRef, Vrm};

/// The list whose entries follow from nominals and their links. Nobody loads or edits it.
pub const LIST: &str = "nominals";
/// Longest name of a person, in characters: several names and aliases.
pub const MAX_PERSON: usize = 200;
/// Longest detail of a marker, in characters: the conditions of an order.
pub const MAX_DETAIL: usize = 500;
/// Longest source of a link, in characters.
pub const MAX_SOURCE: usize = 128;
/// Links of one nominal: each of them is compared and written when a marker changes.
pub const MAX_LINKS: usize = 100;
/// Nominals linked to one vehicle: a works bus has fewer drivers with markers, and a rule goes through all of them.
pub const MAX_PEOPLE: usize = 32;
/// Why the vehicle is on the list, in words that say nothing of the person: the markers do.
const REASON: &str = "linked to a person with markers";

/// Facts about a vehicle alone, which no person has.
const OF_VEHICLES: [Marker; 4] = [
    Marker::Stolen,
    Marker::LostOrStolenPlates,
    Marker::NoInsurance,
    Marker::NoTax,
];
/// Somebody who must be found, helped or kept from driving. All other markers warn of a person, and are no reason to stop them.
const STOPPED_FOR: [Marker; 5] = [
    Marker::Escaper,
    Marker::MissingPerson,
    Marker::Suicidal,
    Marker::Wanted,
    Marker::Disqualified,
];

/// A person known to intelligence.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nominal {
    /// What intelligence calls them.
    pub reference: NominalRef,
    /// Their name. May be empty: a reference suffices.
    pub name: String,
    /// What is coded about them, in the markers' order, each once.
    pub markers: Vec<PersonMarker>,
    /// The vehicles, in order of mark and relation, each relation to a vehicle once.
    pub links: Vec<Link>,
}

impl fmt::Debug for Nominal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nominal")
            .field("reference", &self.reference)
            .field("markers", &self.markers.len())
            .field("links", &self.links.len())
            .finish_non_exhaustive()
    }
}

/// A coded fact about a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonMarker {
    /// Which.
    pub marker: Marker,
    /// More of it, such as a MAPPA level or the conditions of an order. May be empty.
    #[serde(default)]
    pub detail: String,
}

impl fmt::Debug for PersonMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.marker.code())
    }
}

/// What a person has to do with a vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Its registered keeper.
    Keeper,
    /// Drives it.
    Driver,
    /// Knows or is carried by who does.
    Associate,
}

impl Relation {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keeper => "keeper",
            Self::Driver => "driver",
            Self::Associate => "associate",
        }
    }
}

/// A vehicle of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The vehicle.
    pub vrm: Vrm,
    /// What they have to do with it.
    pub relation: Relation,
    /// Where this is known from, such as a register or the number of an intelligence report.
    pub source: String,
    /// How far it may be believed.
    pub grading: Grading,
    /// The day that it was known.
    pub date: Date,
}

/// A person as a vehicle's entry names them: by reference, and never by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedNominal {
    /// What intelligence calls them.
    pub reference: NominalRef,
    /// What they have to do with the vehicle, each relation once.
    pub relations: Vec<Relation>,
    /// What is coded about them.
    pub markers: Vec<Marker>,
}

/// 5x5x5: how reliable the source is (A to E), how good the information (1 to 5), who may have it (1 to 5). Written `B23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grading([u8; 3]);

/// A text that is no grading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a 5x5x5 grading is source A to E, information 1 to 5 and handling 1 to 5, such as B23")]
pub struct GradingError;

impl FromStr for Grading {
    type Err = GradingError;
    fn from_str(text: &str) -> Result<Self, GradingError> {
        match text.trim().to_ascii_uppercase().as_bytes() {
            &[
                source @ b'A'..=b'E',
                information @ b'1'..=b'5',
                handling @ b'1'..=b'5',
            ] => Ok(Self([source, information, handling])),
            _ => Err(GradingError),
        }
    }
}

impl TryFrom<String> for Grading {
    type Error = GradingError;
    fn try_from(text: String) -> Result<Self, GradingError> {
        text.parse()
    }
}

impl From<Grading> for String {
    fn from(grading: Grading) -> Self {
        grading.to_string()
    }
}

impl fmt::Display for Grading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|part| write!(f, "{}", char::from(*part)))
    }
}

/// What is to become of a nominal.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// Known, under this name and with these markers alone. Links stay.
    Put {
        /// See [`Nominal::name`].
        name: String,
        /// See [`Nominal::markers`].
        markers: Vec<PersonMarker>,
    },
    /// No longer known, and linked to nothing.
    Remove,
    /// Linked like this; in the place of a link of the same relation to the same vehicle.
    Link(Link),
    /// No longer linked to this vehicle.
    Unlink(Vrm),
}

impl Change {
    /// Its name in history and audit trail.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Put { .. } => "nominal_put",
            Self::Remove => "nominal_removed",
            Self::Link(_) => "nominal_linked",
            Self::Unlink(_) => "nominal_unlinked",
        }
    }
}

/// Why a nominal does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NominalRefusal {
    /// Nobody is known under that reference.
    #[error("no nominal has that reference: put one first")]
    Unknown,
    /// There is nothing to unlink.
    #[error("the nominal is not linked to that vehicle")]
    NotLinked,
    /// The name does not fit.
    #[error("name: at most {MAX_PERSON} characters, and none that cannot be printed")]
    Name,
    /// A marker's detail does not fit.
    #[error("markers: at most {MAX_DETAIL} characters of detail, and none that cannot be printed")]
    Detail,
    /// A marker twice.
    #[error("markers: {} is there twice", .0.code())]
    Twice(Marker),
    /// A marker that only a vehicle has.
    #[error("markers: {} is about a vehicle, not about a person: list the vehicle", .0.code())]
    OfVehicles(Marker),
    /// The source is missing or does not fit.
    #[error("source: say where the link is known from, in 1 to {MAX_SOURCE} characters that can be printed")]
    Source,
    /// Too many links.
    #[error("a nominal has at most {MAX_LINKS} links: unlink some first")]
    TooManyLinks,
    /// Too many people.
    #[error("a vehicle is linked to at most {MAX_PEOPLE} people: unlink some first")]
    TooManyPeople,
    /// Nobody said why, or said too much.
    #[error("why: say why, in 1 to {MAX_WHY} characters")]
    Why,
}

impl NominalRefusal {
    /// The part of the request that is wrong; none where it is the state of things.
    #[must_use]
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::Unknown | Self::NotLinked | Self::TooManyLinks | Self::TooManyPeople => None,
            Self::Name => Some("name"),
            Self::Detail | Self::Twice(_) | Self::OfVehicles(_) => Some("markers"),
            Self::Source => Some("source"),
            Self::Why => Some("why"),
        }
    }
}

/// The nominal after a change; none where it is no longer known.
///
/// # Errors
/// Says what of the change is wrong, or that there is nothing to change.
pub fn changed(
    reference: &NominalRef,
    before: Option<&Nominal>,
    change: Change,
) -> Result<Option<Nominal>, NominalRefusal> {
    let known = before.ok_or(NominalRefusal::Unknown);
    match change {
        Change::Put { name, markers } => Ok(Some(Nominal {
            reference: reference.clone(),
            name: checked(name.trim(), MAX_PERSON, NominalRefusal::Name)?,
            markers: checked_markers(markers)?,
            links: before.map(|nominal| nominal.links.clone()).unwrap_or_default(),
        })),
        Change::Remove => known.map(|_| None),
        Change::Link(link) => linked(known?, link).map(Some),
        Change::Unlink(vrm) => {
            let mut after = known?.clone();
            after.links.retain(|link| link.vrm != vrm);
            if after.links.len() == known?.links.len() {
                return Err(NominalRefusal::NotLinked);
            }
            Ok(Some(after))
        }
    }
}

fn linked(before: &Nominal, link: Link) -> Result<Nominal, NominalRefusal> {
    let source = checked(link.source.trim(), MAX_SOURCE, NominalRefusal::Source)?;
    if source.is_empty() {
        return Err(NominalRefusal::Source);
    }
    let mut after = before.clone();
    let place = |link: &Link| (link.vrm, link.relation);
    after.links.retain(|other| place(other) != place(&link));
    if after.links.len() >= MAX_LINKS {
        return Err(NominalRefusal::TooManyLinks);
    }
    after.links.push(Link { source, ..link });
    after.links.sort_by_key(place);
    Ok(after)
}

fn checked_markers(mut markers: Vec<PersonMarker>) -> Result<Vec<PersonMarker>, NominalRefusal> {
    markers.sort_by_key(|marker| marker.marker);
    if let Some(pair) = markers.windows(2).find(|pair| pair[0].marker == pair[1].marker) {
        return Err(NominalRefusal::Twice(pair[0].marker));
    }
    for PersonMarker { marker, detail } in &mut markers {
        if OF_VEHICLES.contains(marker) {
            return Err(NominalRefusal::OfVehicles(*marker));
        }
        *detail = checked(detail.trim(), MAX_DETAIL, NominalRefusal::Detail)?;
    }
    Ok(markers)
}

fn checked(text: &str, most: usize, refusal: NominalRefusal) -> Result<String, NominalRefusal> {
    if text.chars().count() > most || text.contains(char::is_control) {
        return Err(refusal);
    }
    Ok(text.to_owned())
}

/// Why a person changes a nominal, trimmed: nothing about a person changes without a reason.
///
/// # Errors
/// When it is missing or too long.
pub fn checked_why(why: &str) -> Result<&str, NominalRefusal> {
    let why = why.trim();
    if why.is_empty() || why.chars().count() > MAX_WHY {
        return Err(NominalRefusal::Why);
    }
    Ok(why)
}

/// The vehicle's entry on `list`, which is [`LIST`], where the nominals linked to it have markers at all: the union of theirs,
/// with the action and the grade that follow.
#[must_use]
pub fn entry_of<'a>(
    list: &ListName,
    vrm: Vrm,
    people: impl IntoIterator<Item = &'a Nominal>,
    at: Timestamp,
) -> Option<Entry> {
    let nominals: Vec<LinkedNominal> = people
        .into_iter()
        .filter_map(|nominal| nominal.linked_to(vrm))
        .collect();
    let markers: BTreeSet<Marker> = nominals
        .iter()
        .flat_map(|nominal| nominal.markers.iter().copied())
        .collect();
    if markers.is_empty() {
        return None;
    }
    let markers: Vec<Marker> = markers.into_iter().collect();
    let stop = markers.iter().any(|marker| STOPPED_FOR.contains(marker));
    let action = if stop { Action::Stop } else { Action::Observe };
    Some(Entry {
        grade: grade_of(action, &markers),
        action,
        reason_code: ReasonCode::of_markers(&markers),
        markers,
        reason: REASON.to_owned(),
        nominals,
        ..Entry::new(list, vrm, "", at)
    })
}

impl Nominal {
    /// What a vehicle's entry says of this person; none where they are not linked to it or nothing is coded about them.
    fn linked_to(&self, vrm: Vrm) -> Option<LinkedNominal> {
        let links = self.links.iter().filter(|link| link.vrm == vrm);
        let relations: Vec<Relation> = links.map(|link| link.relation).collect();
        (!relations.is_empty() && !self.markers.is_empty()).then(|| LinkedNominal {
            reference: self.reference.clone(),
            relations,
            markers: self.markers.iter().map(|marker| marker.marker).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hotlist::Grade;

    fn vrm(text: &str) -> Vrm {
        Vrm::parse(text).unwrap()
    }

    fn link(mark: &str, relation: Relation) -> Link {
        Link {
            vrm: vrm(mark),
            relation,
            source: "DVLA".to_owned(),
            grading: "B23".parse().unwrap(),
            date: "2007-10-01".parse().unwrap(),
        }
    }

    fn put(markers: &[Marker]) -> Change {
        let marker = |marker: &Marker| PersonMarker {
            marker: *marker,
            detail: String::new(),
        };
        Change::Put {
            name: "John Doe".to_owned(),
            markers: markers.iter().map(marker).collect(),
        }
    }

    fn after(changes: impl IntoIterator<Item = Change>) -> Result<Option<Nominal>, NominalRefusal> {
        let reference = NominalRef::parse("PNC-1").unwrap();
        changes
            .into_iter()
            .try_fold(None, |before: Option<Nominal>, change| {
                changed(&reference, before.as_ref(), change)
            })
    }

    #[test]
    fn a_grading_is_source_information_and_handling() {
        assert_eq!("b23".parse::<Grading>().unwrap().to_string(), "B23");
        for wrong in ["", "B2", "F23", "B63", "B20", "B234"] {
            assert_eq!(wrong.parse::<Grading>(), Err(GradingError), "{wrong}");
        }
    }

    #[test]
    fn what_does_not_fit_a_person_is_refused_by_part() {
        let check = |changes: Vec<Change>, expected| assert_eq!(after(changes).unwrap_err(), expected);
        let known = || put(&[Marker::Violent]);
        check(
            vec![put(&[Marker::Stolen])],
            NominalRefusal::OfVehicles(Marker::Stolen),
        );
        check(
            vec![put(&[Marker::Drugs, Marker::Drugs])],
            NominalRefusal::Twice(Marker::Drugs),
        );
        check(vec![Change::Remove], NominalRefusal::Unknown);
        check(
            vec![Change::Link(link("AB12CDE", Relation::Keeper))],
            NominalRefusal::Unknown,
        );
        check(
            vec![known(), Change::Unlink(vrm("AB12CDE"))],
            NominalRefusal::NotLinked,
        );
        let unsourced = Link {
            source: " ".to_owned(),
            ..link("AB12CDE", Relation::Keeper)
        };
        check(vec![known(), Change::Link(unsourced)], NominalRefusal::Source);
        let links =
            (0..=MAX_LINKS).map(|number| Change::Link(link(&format!("AB{number:05}"), Relation::Driver)));
        check(
            [known()].into_iter().chain(links).collect(),
            NominalRefusal::TooManyLinks,
        );
        assert_eq!(checked_why(" "), Err(NominalRefusal::Why));
    }

    #[test]
    fn a_link_of_the_same_relation_takes_the_others_place() {
        let relations = [Relation::Driver, Relation::Keeper, Relation::Driver];
        let links = relations.map(|relation| Change::Link(link("AB12CDE", relation)));
        let nominal = after([put(&[])].into_iter().chain(links)).unwrap().unwrap();
        let relations: Vec<Relation> = nominal.links.iter().map(|link| link.relation).collect();
        assert_eq!(relations, [Relation::Keeper, Relation::Driver]);
    }

    #[test]
    fn markers_of_all_linked_people_decide_what_is_done_about_the_vehicle() {
        let check = |markers: &[&[Marker]], expected: Option<(Action, Grade)>| {
            let people = markers.iter().map(|markers| {
                after([put(markers), Change::Link(link("AB12CDE", Relation::Keeper))])
                    .unwrap()
                    .unwrap()
            });
            let people: Vec<Nominal> = people.collect();
            let list = ListName::parse(LIST).unwrap();
            let entry = entry_of(&list, vrm("AB12CDE"), &people, Timestamp::UNIX_EPOCH);
            assert_eq!(
                entry.map(|entry| (entry.action, entry.grade)),
                expected,
                "{markers:?}"
            );
            assert_eq!(
                entry_of(&list, vrm("AB12CDF"), &people, Timestamp::UNIX_EPOCH),
                None
            );
        };
        check(&[], None);
        check(&[&[]], None);
        check(
            &[&[Marker::RegisteredSexOffender]],
            Some((Action::Observe, Grade::Three)),
        );
        check(&[&[Marker::Firearms]], Some((Action::Observe, Grade::Two)));
        check(
            &[&[Marker::Violent], &[Marker::Wanted]],
            Some((Action::Stop, Grade::Two)),
        );
        check(&[&[Marker::MissingPerson]], Some((Action::Stop, Grade::One)));
    }

    #[test]
    fn a_name_is_in_no_debug_text() {
        let nominal = after([put(&[Marker::Violent])]).unwrap();
        assert!(!format!("{nominal:?}").contains("Doe"));
    }
}
