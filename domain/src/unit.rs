//! Patrol units: where they are and what they can do.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{BcuCode, CallSign, DeploymentId, Position};

/// A position older than this is stale: at 60 km/h the unit may be 2 km from it.
pub const STALE_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// What a unit says it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    /// On patrol, can be sent.
    Available,
    /// Accepted a deployment and is about to leave.
    Accepted,
    /// On the way to a deployment.
    EnRoute,
    /// At the scene of a deployment.
    AtScene,
    /// On duty, at something else.
    Busy,
    /// Off duty.
    OffDuty,
}

/// What a unit carries that a case may demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skill {
    /// Authorised firearms officers.
    Armed,
    /// Advanced pursuit drivers.
    Pursuit,
    /// Traffic officers.
    Roads,
    /// Dog handler.
    Dog,
}

/// One message of the AVL feed: a unit's place and state at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitPosition {
    /// Which unit.
    pub callsign: CallSign,
    /// The BCU it belongs to.
    pub bcu: BcuCode,
    /// Where it was.
    #[serde(flatten)]
    pub position: Position,
    /// Heading, degrees clockwise from north.
    #[serde(default)]
    pub heading: f32,
    /// Speed over ground.
    #[serde(default)]
    pub speed_kmh: f32,
    /// What it was doing.
    pub state: UnitState,
    /// The deployment that an accepted, en-route or at-scene state is about, or that was just cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentId>,
    /// Crew on board.
    #[serde(default)]
    pub crew: u8,
    /// Skills on board.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<Skill>,
    /// When it was there.
    pub at: Timestamp,
}

impl UnitPosition {
    /// Whether the fix is too old at `now` to rely on.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) > STALE_AFTER
    }
}

/// One unit proposed for a case, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Which unit.
    pub callsign: CallSign,
    /// The BCU it belongs to.
    pub bcu: BcuCode,
    /// Straight-line distance to the last sighting, in metres.
    pub distance_m: f64,
    /// Age of its position when ranked, in seconds.
    pub fix_age_s: i64,
    /// The position was older than [`STALE_AFTER`].
    pub stale: bool,
    /// Whether it belongs to the BCU of the sighting.
    pub own_bcu: bool,
    /// Skills on board.
    #[serde(default)]
    pub skills: Vec<Skill>,
    /// Why it stands where it stands, in one line.
    pub why: String,
}
