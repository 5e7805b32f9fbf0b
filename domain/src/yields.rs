//! What came of being looked for: how often vehicles were hit, and what people made of it.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::case::{CaseEvent, EventKind, Outcome};

/// From so many hits without a [result](Yield::results) a list is named for review: with none in 100, fewer than 3 in 100 lead to
/// anything, with 95 % confidence (the rule of three).
pub const MANY_HITS: u64 = 100;

/// One thing that came of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// A read matched it.
    Hit,
    /// A person compared image and entry, and it was the vehicle.
    Confirmed,
    /// A unit was sent.
    Deployed,
    /// A case that it led ended.
    Ended(Outcome),
}

impl Came {
    /// What an event counts as for the entry that leads its case; none where it counts as nothing. A hit counts for its own
    /// entry, and not by its event: many open no case.
    #[must_use]
    pub fn of(event: &CaseEvent) -> Option<Self> {
        match event.kind {
            EventKind::Confirmed => Some(Self::Confirmed),
            EventKind::Deployed => Some(Self::Deployed),
            EventKind::Rejected | EventKind::Closed | EventKind::Recalled if !event.case.state.is_open() => {
                let conclusion = event.case.conclusion.as_ref()?;
                Some(Self::Ended(conclusion.outcome))
            }
            _ => None,
        }
    }
}

/// How often what came of an entry, a list, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yield {
    /// Reads that matched.
    pub hits: u64,
    /// Cases that a person confirmed.
    pub confirmed: u64,
    /// Units that were sent.
    pub deployments: u64,
    /// How cases ended.
    #[serde(default)]
    pub outcomes: BTreeMap<Outcome, u64>,
}

impl Yield {
    /// Counts what came so many times.
    pub fn add(&mut self, came: Came, times: u64) {
        match came {
            Came::Hit => self.hits += times,
            Came::Confirmed => self.confirmed += times,
            Came::Deployed => self.deployments += times,
            Came::Ended(outcome) => *self.outcomes.entry(outcome).or_default() += times,
        }
    }

    /// How many cases ended so.
    #[must_use]
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// How many cases ended with what the entry was listed for: a stop, an arrest, a recovered vehicle, an observation.
    #[must_use]
    pub fn results(&self) -> u64 {
        let results = self.outcomes.iter().filter(|(outcome, _)| outcome.is_result());
        results.map(|(_, times)| times).sum()
    }

    /// Whether it was hit often, and nothing came of it.
    #[must_use]
    pub fn is_fruitless(&self) -> bool {
        self.hits >= MANY_HITS && self.results() == 0
    }
}

impl AddAssign<&Yield> for Yield {
    fn add_assign(&mut self, other: &Yield) {
        self.hits += other.hits;
        self.confirmed += other.confirmed;
        self.deployments += other.deployments;
        for (outcome, times) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += times;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_what_a_vehicle_is_listed_for() {
        let mut came = Yield::default();
        came.add(Came::Hit, 7);
        came.add(Came::Ended(Outcome::Misread), 3);
        came.add(Came::Ended(Outcome::NotFound), 2);
        assert_eq!((came.hits, came.results()), (7, 0));
        assert!(!came.is_fruitless());
        came.add(Came::Hit, MANY_HITS - 7);
        assert!(came.is_fruitless());
        came.add(Came::Ended(Outcome::Arrest), 1);
        came.add(Came::Ended(Outcome::Observed), 4);
        assert_eq!((came.results(), came.ended(Outcome::Misread)), (5, 3));
        assert!(!came.is_fruitless());
    }
}
