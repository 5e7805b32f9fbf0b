//! How good matching is: recall, false candidates, precision and calibration, over seeded worlds whose truth is known.
//!
//! **Enters:** a [`Scale`]. **Leaves:** a row for each policy, list, world and state of knowledge, as JSON and as a page.
//! **Guaranteed:** the same scale gives the same rows; the way plates are misread ([`misreads`]) and marks are issued
//! ([`marks`]) is not taken from the model that is judged. **Not here:** speed.
//!
//! A *candidate* is a read held against a listed mark that a policy puts before somebody. *Recall* is the share of misreads of
//! listed vehicles that give their own entry; they are counted on a sample of such misreads alone. *False candidates* are counted on the reads of
//! vehicles that are on no list, right or misread, as traffic brings them; *precision*, the Brier score and the reliability
//! bins on all reads of that traffic. A mark read exactly as listed always is a candidate.
//!
//! Read [`world`] first, then [`measure`].

pub mod dice;
pub mod marks;
pub mod measure;
pub mod misreads;
pub mod policies;
pub mod report;
pub mod world;

use world::{Fleet, Kind, Roads, Scale};

/// Every row of a scale; `said` hears how far it is.
pub fn rows(scale: &Scale, said: impl Fn(&str)) -> Vec<measure::Row> {
    said("issuing marks");
    let fleet = Fleet::new(scale);
    let bytes = fleet.register.bytes() as f64 / fleet.register.len().max(1) as f64;
    said(&format!(
        "{} registered, {bytes:.2} bytes each",
        fleet.register.len()
    ));
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        let roads = Roads::new(&fleet, kind);
        said(&format!("{}: a day of traffic", kind.name()));
        let day = roads.day();
        for list in 0..scale.entries.len() {
            said(&format!("{}: {} entries", kind.name(), scale.entries[list]));
            rows.extend(measure::measure(&roads, &day, kind, list));
        }
    }
    rows
}
