//! How likely it is that a read is the vehicle looked for.
//!
//! **Enters:** a read ([`Reading`]), a listed vehicle ([`Listed`]), and what is known of all others: a confusion table, the
//! forms of marks, and, where there are any, the register and a day of sightings ([`Knowledge`]). **Leaves:** a posterior,
//! or an [`Assessment`] that says why; and a bound on it from the two marks alone ([`bound`]). **Guaranteed:** pure; the
//! same input gives the same bits. What is not known counts for nothing. **Not here:** which listed marks to try, whether an
//! entry is live, what a posterior is enough for ([`thresholds`] has the settings).
//!
//! A read has one of four causes, and each weighs as much as how often it happens:
//! 1. the listed vehicle, misread as this (or read right, if the marks are equal);
//! 2. a vehicle that bears the mark as read. The register says whether there is one, else the number to be expected of its form;
//! 3. another registered vehicle whose mark looks as much like the read: each of them, by name;
//! 4. anything else: registered vehicles misread in ways that look like nothing, and vehicles on no register, by expectation.
//!
//! A weight is a product: one (each registered vehicle passes as often as another) or what sightings say instead, the
//! likelihood of the misread, and the likelihoods of the colour and the make that the camera saw. The posterior is the first
//! weight over the sum of all.
//!
//! **Sightings** are those of the mark as read, which all reach the matcher that judges it; those of other marks may be
//! another matcher's, and a score must not depend on which. They say two things. A vehicle seen often is likely to be the one
//! that passes. And a mark seen often is likely to be borne by somebody (the familiar-plate gate), unless the sightings are one
//! dirty plate, read wrong the same way every time: then they speak for the listed vehicle as much as for any other.
//!
//! Read [`Scorer::consider`] first.

pub mod bound;
pub mod thresholds;

use domain::Vrm;
use domain::assessment::{Assessment, Deviation, Evidence, Term};
use domain::hotlist::Entry;
use domain::misread::Difference;
use domain::read::PlateRead;
use domain::vrm::MAX_LENGTH;
use thiserror::Error;

use crate::confusion::{Doubts, NO_DOUBTS, Table, places_dropped};
use crate::description::{Description, likelihood};
use crate::population::{Expectation, Mass};
use crate::register::Register;
use crate::traffic::{Seen, Traffic};

/// Posteriors stay this far from 0 and 1: no evidence here is beyond doubt, and their logarithms stay finite.
const LEAST: f64 = 1e-12;

/// Why a reading is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadingError {
    /// A confidence that is none.
    #[error("a confidence must be a number from 0 to 1")]
    Confidence,
    /// Confidences that belong to another mark.
    #[error("there are {given} confidences for a mark of {needed} characters")]
    Length {
        /// How many were given.
        given: usize,
        /// How many the mark has.
        needed: usize,
    },
}

/// What a camera says of one vehicle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    mark: Vrm,
    seen: Description,
    /// Confidence in each character, if it is known.
    confidences: Option<[f32; MAX_LENGTH]>,
}

impl Reading {
    /// A mark as read, the camera's confidence in each of its characters (none where it gives none), and what it saw.
    ///
    /// # Errors
    /// With confidences that are not from 0 to 1, or not one for each character.
    pub fn new(mark: Vrm, confidences: &[f32], seen: Description) -> Result<Self, ReadingError> {
        let needed = mark.as_bytes().len();
        if !confidences
            .iter()
            .all(|confidence| (0.0..=1.0).contains(confidence))
        {
            return Err(ReadingError::Confidence);
        }
        if !confidences.is_empty() && confidences.len() != needed {
            let given = confidences.len();
            return Err(ReadingError::Length { given, needed });
        }
        let known = |confidences: &[f32]| {
            let mut known = [0.0; MAX_LENGTH];
            known[..needed].copy_from_slice(confidences);
            known
        };
        Ok(Self {
            mark,
            seen,
            confidences: (!confidences.is_empty()).then(|| known(confidences)),
        })
    }

    /// What a read says. Confidence in the whole mark says nothing of a character, and counts for nothing.
    ///
    /// # Errors
    /// See [`Reading::new`].
    pub fn of(read: &PlateRead) -> Result<Self, ReadingError> {
        let unsure = Self::without_confidences(read);
        Self::new(unsure.mark, &read.character_confidences, unsure.seen)
    }

    /// What a read says, but for its confidences.
    #[must_use]
    pub fn without_confidences(read: &PlateRead) -> Self {
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        Self {
            mark: read.vrm,
            seen: Description::parse(&word(&read.vehicle.make), &word(&read.vehicle.colour)),
            confidences: None,
        }
    }

    /// The mark as read.
    #[must_use]
    pub fn mark(&self) -> Vrm {
        self.mark
    }

    /// What the camera saw.
    #[must_use]
    pub fn seen(&self) -> Description {
        self.seen
    }

    /// The camera's confidence in each character, where it gives any.
    #[must_use]
    pub fn confidences(&self) -> Option<&[f32]> {
        let length = self.mark.as_bytes().len();
        self.confidences.as_ref().map(|known| &known[..length])
    }

    fn doubts(&self, table: &Table) -> Doubts {
        self.confidences().map_or(NO_DOUBTS, |known| table.doubts(known))
    }
}

/// A vehicle that is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listed {
    /// Its mark.
    pub mark: Vrm,
    /// What it looks like, as far as its entry says.
    pub vehicle: Description,
}

impl Listed {
    /// The vehicle of an entry for a mark.
    #[must_use]
    pub fn of(mark: Vrm, entry: &Entry) -> Self {
        Self {
            mark,
            vehicle: Description::parse(&entry.make, &entry.colour),
        }
    }
}

/// What reads are judged by.
#[derive(Clone, Copy)]
pub struct Knowledge<'k> {
    /// How the camera misreads.
    pub table: &'k Table,
    /// Which marks there are, seen through that table.
    pub expectation: &'k Expectation,
    /// The register, if the force has loaded one.
    pub register: Option<&'k Register>,
    /// How often the mark as read was seen in the last day, if that is known.
    pub seen: Option<Seen>,
    /// What sightings mean.
    pub traffic: &'k Traffic,
}

/// Judges reads by what is known.
#[derive(Clone, Copy)]
pub struct Scorer<'k> {
    known: Knowledge<'k>,
}

/// A read with the weights of all its causes but the listed vehicle, for any number of listed vehicles to be held against.
pub struct Considered<'k> {
    known: Knowledge<'k>,
    reading: Reading,
    /// The evidence up to this kind is heeded.
    heeded: Evidence,
    doubts: Doubts,
    /// How likely it is that some vehicle bears the mark as read.
    borne: f64,
    /// How likely that mark was seen as often, if the vehicle before the camera is not the one that bears it.
    unexplained: f64,
    /// The weight of a vehicle that bears the mark as read.
    as_read: f64,
    /// The other registered vehicles whose marks may have been misread so.
    others: Vec<Other>,
    /// The weight of everything else.
    anything: f64,
}

/// A registered vehicle that may have been misread.
struct Other {
    mark: Vrm,
    vehicle: Description,
    weight: f64,
}

impl<'k> Scorer<'k> {
    /// A scorer with this knowledge.
    #[must_use]
    pub fn new(known: Knowledge<'k>) -> Self {
        Self { known }
    }

    /// Weighs the causes of a read. `itself` is the listed vehicle of exactly the mark as read, if there is one: then somebody
    /// bears that mark, whatever the register says.
    #[must_use]
    pub fn consider(&self, reading: &Reading, itself: Option<&Listed>) -> Considered<'k> {
        let heeded = Evidence::History;
        Considered::new(
            self.known,
            reading,
            itself,
            heeded,
            mass(&self.known, reading, heeded),
        )
    }

    /// How likely a read is a listed vehicle, and what led to it.
    #[must_use]
    pub fn assess(&self, reading: &Reading, itself: Option<&Listed>, listed: &Listed) -> Assessment {
        let mut before = 0.0;
        let mut posterior = 0.5;
        let mut expected = Mass::default();
        let terms = Evidence::ALL.map(|evidence| {
            // It takes the longest, and no further evidence changes it.
            if evidence <= Evidence::Syntax {
                expected = mass(&self.known, reading, evidence);
            }
            let considered = Considered::new(self.known, reading, itself, evidence, expected);
            posterior = considered.posterior(listed);
            let odds = (posterior / (1.0 - posterior)).ln();
            let log_odds = odds - before;
            before = odds;
            Term { evidence, log_odds }
        });
        let (difference, characters) = difference(listed.mark, reading.mark);
        Assessment {
            difference,
            characters,
            posterior,
            terms: terms.into(),
        }
    }
}

/// The doubts about a read that count when the evidence up to this kind is heeded.
fn doubts(known: &Knowledge<'_>, reading: &Reading, heeded: Evidence) -> Doubts {
    if heeded < Evidence::Confidence {
        return NO_DOUBTS;
    }
    reading.doubts(known.table)
}

/// The expected mass of all misreads that end in a read, as far as this evidence tells.
fn mass(known: &Knowledge<'_>, reading: &Reading, heeded: Evidence) -> Mass {
    let doubts = doubts(known, reading, heeded);
    let Knowledge {
        table, expectation, ..
    } = known;
    if heeded < Evidence::Syntax {
        expectation.formless_mass(table, reading.mark, &doubts)
    } else {
        expectation.mass(table, reading.mark, &doubts)
    }
}

impl<'k> Considered<'k> {
    fn new(
        known: Knowledge<'k>,
        reading: &Reading,
        itself: Option<&Listed>,
        heeded: Evidence,
        mass: Mass,
    ) -> Self {
        let heeds = |evidence| evidence <= heeded;
        let doubts = doubts(&known, reading, heeded);
        let mut considered = Self {
            known: Knowledge {
                register: known.register.filter(|_| heeds(Evidence::Register)),
                seen: known.seen.filter(|_| heeds(Evidence::History)),
                ..known
            },
            reading: *reading,
            heeded,
            doubts,
            borne: 1.0,
            unexplained: 1.0,
            as_read: 0.0,
            others: Vec::new(),
            anything: 0.0,
        };
        let registered = considered
            .known
            .register
            .and_then(|register| register.find(reading.mark));
        let bearer = itself.map(|itself| itself.vehicle).or(registered);
        if bearer.is_none() {
            considered.borne = considered.expected_bearers(reading.mark).min(1.0);
        }
        considered.collect(registered.is_some(), mass);
        considered.weigh(bearer.unwrap_or_default());
        considered
    }

    /// How many vehicles may be expected to bear a mark: where there is a register, on none.
    fn expected_bearers(&self, mark: Vrm) -> f64 {
        let expectation = self.known.expectation;
        if self.heeded < Evidence::Syntax {
            return expectation.formless_bearers(mark.as_bytes()).registered;
        }
        let bearers = expectation.bearers(mark.as_bytes());
        match self.known.register {
            Some(_) => bearers.strangers,
            None => bearers.registered + bearers.strangers,
        }
    }

    /// Finds the other vehicles, with their likelihoods of being misread so as weights for now.
    fn collect(&mut self, registered: bool, mass: Mass) {
        let (table, read) = (self.known.table, self.reading.mark);
        let Some(register) = self.known.register else {
            self.anything = mass.whole();
            return;
        };
        let (doubts, others) = (&self.doubts, &mut self.others);
        let mut collect = |mark: Vrm, vehicle| {
            if mark != read {
                let weight = table.likelihood(mark, read, doubts);
                others.push(Other {
                    mark,
                    vehicle,
                    weight,
                });
            }
        };
        register.for_each_alike(read, &mut collect);
        let mut expected = Mass { alike: 0.0, ..mass };
        // beside a vehicle that does bear the mark, one that lost or gained a character to it counts for a thousandth, and
        // would cost some 300 looks into the register
        if !registered {
            register.for_each_shifted(read, &mut collect);
            expected.shifted = 0.0;
        }
        self.anything = expected.whole();
    }

    /// Turns likelihoods into weights, by sightings and looks.
    fn weigh(&mut self, bearer: Description) {
        let (read, traffic) = (self.reading.mark, self.known.traffic);
        let right = self.known.table.likelihood(read, read, &self.doubts);
        self.as_read = self.borne * right * self.looks(bearer);
        let strays = self.anything + self.others.iter().map(|other| other.weight).sum::<f64>();
        if let Some(seen) = self.known.seen {
            self.unexplained =
                self.borne * traffic.seen(seen.reads) + (1.0 - self.borne) * traffic.strays(strays, seen);
            self.as_read *= traffic.passing(seen.reads) / self.unexplained;
        }
        let misread = self.misread();
        self.anything *= misread * self.looks(Description::default());
        let mut others = std::mem::take(&mut self.others);
        for other in &mut others {
            other.weight *= misread * self.looks(other.vehicle);
        }
        self.others = others;
    }

    /// How likely the camera was to see what it saw, before a vehicle that looks like this.
    fn looks(&self, vehicle: Description) -> f64 {
        let seen = Description {
            colour: self
                .reading
                .seen
                .colour
                .filter(|_| self.heeded >= Evidence::Colour),
            make: self.reading.seen.make.filter(|_| self.heeded >= Evidence::Make),
        };
        likelihood(seen, vehicle)
    }

    /// By how much sightings of the mark as read make it likelier that it is a misread: a dirty plate may have given them all.
    fn misread(&self) -> f64 {
        let Some(seen) = self.known.seen else {
            return 1.0;
        };
        let (traffic, repeated) = (self.known.traffic, self.known.table.rates().repeated);
        let unseen = 1.0 - self.borne + self.borne * traffic.seen(0);
        let dirty = traffic.passing_misread(seen.reads) * unseen / self.unexplained;
        1.0 - repeated + repeated * dirty
    }

    /// How likely the read is this vehicle, above 0 and below 1.
    #[must_use]
    pub fn posterior(&self, listed: &Listed) -> f64 {
        let rival = |other: &&Other| other.mark != listed.mark;
        let others: f64 = self.others.iter().filter(rival).map(|other| other.weight).sum();
        let read = self.reading.mark;
        let likelihood = self.known.table.likelihood(listed.mark, read, &self.doubts);
        let mut listed_weight = likelihood * self.looks(listed.vehicle);
        let rivals = if listed.mark == read {
            if let Some(seen) = self.known.seen {
                listed_weight *= self.known.traffic.passing(seen.reads) / self.unexplained;
            }
            others + self.anything
        } else {
            listed_weight *= self.misread();
            others + self.as_read + self.anything_but(listed.mark, likelihood)
        };
        let posterior = listed_weight / (listed_weight + rivals);
        // nothing explains a read that no single kind of error makes of any mark
        if posterior.is_nan() {
            LEAST
        } else {
            posterior.clamp(LEAST, 1.0 - LEAST)
        }
    }

    /// The weight of everything else without the listed vehicle's own share, where it is among what was expected.
    fn anything_but(&self, listed: Vrm, likelihood: f64) -> f64 {
        if self.known.register.is_some() || self.anything == 0.0 {
            return self.anything;
        }
        let expectation = self.known.expectation;
        let bearers = if self.heeded < Evidence::Syntax {
            expectation.formless_bearers(listed.as_bytes())
        } else {
            expectation.bearers(listed.as_bytes())
        };
        let share = (bearers.registered + bearers.strangers).min(1.0) * likelihood;
        (self.anything - share * self.misread() * self.looks(Description::default())).max(0.0)
    }
}

/// How the mark as read differs from the listed one, and where. Marks too far apart count as alike in no character that differs.
#[must_use]
pub fn difference(listed: Vrm, read: Vrm) -> (Difference, Vec<Deviation>) {
    let (listed, read) = (listed.as_bytes(), read.as_bytes());
    let character = |text: &[u8], at: usize| text.get(at).map(|byte| char::from(*byte));
    if let Some(at) = places_dropped(listed, read).next() {
        let (position, listed) = (at as u8, character(listed, at));
        let lost = Difference::Lost {
            position,
            character: listed.map_or(0, |c| c as u8),
        };
        return (
            lost,
            vec![Deviation {
                position,
                listed,
                read: None,
            }],
        );
    }
    if let Some(at) = places_dropped(read, listed).next() {
        let (position, read) = (at as u8, character(read, at));
        let gained = Difference::Gained {
            position,
            character: read.map_or(0, |c| c as u8),
        };
        return (
            gained,
            vec![Deviation {
                position,
                listed: None,
                read,
            }],
        );
    }
    let places = 0..listed.len().max(read.len());
    let deviation = |at: usize| Deviation {
        position: at as u8,
        listed: character(listed, at),
        read: character(read, at),
    };
    let deviations: Vec<Deviation> = places.map(deviation).filter(|d| d.listed != d.read).collect();
    let count = deviations.len() as u8;
    let difference = if count == 0 {
        Difference::None
    } else {
        Difference::Alike { count }
    };
    (difference, deviations)
}
