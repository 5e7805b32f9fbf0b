//! What happened to a case.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Case, Deployment, Trigger};
use crate::hit::Hit;
use crate::unit::Proposal;
use crate::{HitId, UserName};

/// What happened to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A first hit.
    Opened,
    /// A further hit.
    Sighted,
    /// A person said yes to the image.
    Confirmed,
    /// A person said no.
    Rejected,
    /// A unit was sent.
    Deployed,
    /// A deployment moved on.
    DeploymentAdvanced,
    /// The nearest units were ranked anew.
    Proposed,
    /// The case is over.
    Closed,
    /// Its leading entry was withdrawn or expired.
    Recalled,
    /// A rule made it more urgent.
    Escalated,
    /// A rule called somebody.
    Notified,
    /// Somebody, or a camera, saw what is in the vehicle.
    Observed,
    /// A rule asked the operator something.
    Asked,
    /// A person answered it.
    Answered,
    /// A rule says what is to be done.
    Instructed,
    /// A rule restricts who may see why.
    Restricted,
    /// A rule left something to be done after it.
    FollowedUp,
}

/// What is published whenever a case changes: the case as it is now, so that a subscriber needs no look-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseEvent {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Who, where it was a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserName>,
    /// The case after it.
    pub case: Case,
    /// The hit, where one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit_id: Option<HitId>,
    /// Every deployment that changed; with [`EventKind::Recalled`] every active one, which is to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<Deployment>,
    /// The new ranking, where it changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
    /// With [`EventKind::Answered`]: the number of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u32>,
    /// What a rule did, or what was seen or answered, in words and without a plate; empty with any other event.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
}

impl EventKind {
    /// What rules are judged at it; none where they are not.
    #[must_use]
    pub fn trigger(self) -> Option<Trigger> {
        match self {
            Self::Opened | Self::Sighted => Some(Trigger::Sighting),
            Self::Observed => Some(Trigger::Observation),
            Self::Answered => Some(Trigger::Answer),
            _ => None,
        }
    }

    /// For people, after "who was first:".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Opened => "opened it",
            Self::Sighted => "saw it",
            Self::Confirmed => "confirmed it",
            Self::Rejected => "rejected it",
            Self::Deployed => "sent a unit",
            Self::DeploymentAdvanced => "moved a deployment on",
            Self::Proposed => "ranked units",
            Self::Closed => "closed it",
            Self::Recalled => "recalled it",
            Self::Escalated => "raised its grade",
            Self::Notified => "called somebody to it",
            Self::Observed => "observed it",
            Self::Asked => "asked about it",
            Self::Answered => "answered about it",
            Self::Instructed => "said what to do",
            Self::Restricted => "restricted who may see why",
            Self::FollowedUp => "opened a follow-up",
        }
    }
}

pub(super) fn event(kind: EventKind, case: Case, at: Timestamp) -> CaseEvent {
    CaseEvent {
        kind,
        at,
        by: None,
        case,
        hit_id: None,
        deployments: Vec::new(),
        proposals: Vec::new(),
        answered: None,
        said: String::new(),
    }
}

impl CaseEvent {
    pub(super) fn with_hit(self, hit: &Hit) -> Self {
        Self {
            hit_id: Some(hit.hit_id),
            ..self
        }
    }
}
