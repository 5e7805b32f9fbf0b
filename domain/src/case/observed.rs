//! What was seen in a vehicle, as its case keeps it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::asked::answered_by;
use super::{Case, CaseEvent, EventKind, event};
use crate::observation::{Child, Observation, WINDOW};

/// Observations that a case keeps: those that saw a child, and the newest. Its events keep them all.
pub const MAX_OBSERVED: usize = 20;

/// An observation about a case's vehicle, around one of its sightings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// What was seen.
    #[serde(flatten)]
    pub observation: Observation,
    /// Seconds between it and the sighting next to it.
    pub apart_s: u32,
}

/// Takes up an observation that was made `apart` from a sighting of the case, before it or after it. None where that is more than
/// [`WINDOW`], where the case is over, and where it has the observation already.
#[must_use]
pub fn observe(
    case: &Case,
    observation: &Observation,
    apart: SignedDuration,
    now: Timestamp,
) -> Option<CaseEvent> {
    let known = |one: &Observed| one.observation.observation_id == observation.observation_id;
    if !case.state.is_open() || apart.abs() > WINDOW || case.observed.iter().any(known) {
        return None;
    }
    let mut case = case.clone();
    case.updated_at = now;
    answered_by(&mut case.questions, observation, now);
    case.observed.push(Observed {
        observation: observation.clone(),
        apart_s: u32::try_from(apart.abs().as_secs()).unwrap_or(u32::MAX),
    });
    if case.observed.len() > MAX_OBSERVED {
        // A queue before a camera that counts must not push out the child that somebody saw.
        let before = &case.observed[..MAX_OBSERVED];
        let idle = before.iter().position(|one| one.observation.child != Child::Seen);
        case.observed.remove(idle.unwrap_or(0));
    }
    Some(CaseEvent {
        by: observation.by.person().cloned(),
        said: format!("{}, by {}", observation.words(), observation.by),
        ..event(EventKind::Observed, case, now)
    })
}

impl Case {
    /// Whether a child was seen in it within [`WINDOW`] of its latest sighting.
    pub(super) fn has_child(&self) -> bool {
        self.observed.iter().map(|one| &one.observation).any(|seen| {
            seen.child == Child::Seen && seen.at.duration_since(self.last_read.captured_at).abs() <= WINDOW
        })
    }
}
