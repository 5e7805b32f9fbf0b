//! A unit on its way to a case.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CallSign, CaseId, DeploymentId, UserName};

/// A unit sent to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Hash of case, unit and case version.
    pub deployment_id: DeploymentId,
    /// The case.
    pub case_id: CaseId,
    /// The unit.
    pub callsign: CallSign,
    /// How far it is.
    pub state: DeploymentState,
    /// Who sent it.
    pub by: UserName,
    /// When it was proposed to the unit.
    pub proposed_at: Timestamp,
    /// When it last moved on.
    pub updated_at: Timestamp,
}

/// How far a deployment is. Later states sort after earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// The unit has been asked.
    Proposed,
    /// The unit took it.
    Accepted,
    /// The unit is on its way.
    EnRoute,
    /// The unit is there.
    AtScene,
    /// The unit is free again.
    Cleared,
}

impl DeploymentState {
    /// Whether the unit is bound; a unit has at most one active deployment.
    #[must_use]
    pub fn is_active(self) -> bool {
        self != Self::Cleared
    }

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Accepted => "accepted",
            Self::EnRoute => "en_route",
            Self::AtScene => "at_scene",
            Self::Cleared => "cleared",
        }
    }
}
