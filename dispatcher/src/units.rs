//! The live units: written by the position feed, read by the ranking.

use dashmap::DashMap;
use domain::CallSign;
use domain::unit::UnitPosition;

/// The latest position of every unit. Bounded by the roster: a callsign has one row.
#[derive(Debug, Default)]
pub struct UnitTable {
    units: DashMap<CallSign, UnitPosition>,
}

impl UnitTable {
    /// Takes a position, unless a later one of that unit is known.
    pub fn put(&self, position: UnitPosition) {
        match self.units.entry(position.callsign.clone()) {
            dashmap::Entry::Occupied(mut known) if known.get().at <= position.at => {
                known.insert(position);
            }
            dashmap::Entry::Occupied(_) => {}
            dashmap::Entry::Vacant(free) => {
                free.insert(position);
            }
        }
    }

    /// Forgets a unit that was taken off the feed.
    pub fn remove(&self, callsign: &CallSign) {
        self.units.remove(callsign);
    }

    /// Every unit as it stands.
    #[must_use]
    pub fn snapshot(&self) -> Vec<UnitPosition> {
        self.units.iter().map(|unit| unit.value().clone()).collect()
    }
}
