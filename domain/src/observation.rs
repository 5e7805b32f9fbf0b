//! What a person or a camera saw in a vehicle.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{CallSign, CameraId, ObservationId, ReadId, UserName, Vrm};

/// An observation is about the sightings of its vehicle within this time, before it or after it: who was in the car then is taken
/// to be in it now.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(30);

/// What was seen in a vehicle, by whom, when. Built by [`Observation::new`] alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Hash of all that it says, so that the same said twice is one.
    pub observation_id: ObservationId,
    /// The vehicle.
    pub vrm: Vrm,
    /// Whether a child is in it.
    pub child: Child,
    /// How many people are in it, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occupants: Option<Occupants>,
    /// Who saw it.
    pub by: Observer,
    /// When it was seen, which may be long before it was said.
    pub at: Timestamp,
}

/// Whether a child was seen in a vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Child {
    /// A child is in the vehicle.
    Seen,
    /// Every seat can be seen, and no child is on one.
    NotSeen,
    /// Glass, light or distance hide it.
    CannotTell,
}

impl Child {
    /// Every answer with its words for people, in the order in which it is offered.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Seen, "seen"),
        (Self::NotSeen, "not seen"),
        (Self::CannotTell, "cannot tell"),
    ];

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == self)
            .map_or("", |(_, words)| words)
    }
}

/// People in a vehicle: a coach has up to 99 seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Occupants(u8);

/// A number that no vehicle has people on board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("occupants are 0 to 99")]
pub struct OccupantsError;

impl TryFrom<u8> for Occupants {
    type Error = OccupantsError;
    fn try_from(number: u8) -> Result<Self, OccupantsError> {
        if number > 99 {
            return Err(OccupantsError);
        }
        Ok(Self(number))
    }
}

impl From<Occupants> for u8 {
    fn from(occupants: Occupants) -> Self {
        occupants.0
    }
}

impl fmt::Display for Occupants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Who saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Observer {
    /// Somebody in the control room, on an image.
    Operator {
        /// Who.
        name: UserName,
    },
    /// An officer beside the vehicle.
    Officer {
        /// Who.
        name: UserName,
        /// Of which unit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<CallSign>,
    },
    /// A camera that counts people.
    Camera {
        /// Which.
        camera: CameraId,
    },
}

impl Observer {
    /// The person, where it is one.
    #[must_use]
    pub fn person(&self) -> Option<&UserName> {
        match self {
            Self::Operator { name } | Self::Officer { name, .. } => Some(name),
            Self::Camera { .. } => None,
        }
    }

    /// `operator`, `officer` or `camera`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Operator { .. } => "operator",
            Self::Officer { .. } => "officer",
            Self::Camera { .. } => "camera",
        }
    }
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator { name } => write!(f, "operator {name}"),
            Self::Officer { name, unit: None } => write!(f, "officer {name}"),
            Self::Officer {
                name,
                unit: Some(unit),
            } => write!(f, "officer {name} of {unit}"),
            Self::Camera { camera } => write!(f, "camera {camera}"),
        }
    }
}

impl Observation {
    /// What `by` saw in the vehicle at `at`.
    #[must_use]
    pub fn new(vrm: Vrm, child: Child, occupants: Option<Occupants>, by: Observer, at: Timestamp) -> Self {
        let counted = occupants.map(|number| number.to_string()).unwrap_or_default();
        let said = [child.words(), &counted, &by.to_string()];
        Self {
            observation_id: ObservationId::of_observation(vrm, at, said),
            vrm,
            child,
            occupants,
            by,
            at,
        }
    }

    /// The read that a camera made of the vehicle at that moment: a camera observes what it reads.
    #[must_use]
    pub fn read_id(&self) -> Option<ReadId> {
        match &self.by {
            Observer::Camera { camera } => Some(ReadId::of_read(camera, self.at, self.vrm)),
            Observer::Operator { .. } | Observer::Officer { .. } => None,
        }
    }

    /// What was seen, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let child = format!("child {}", self.child.words());
        match self.occupants {
            Some(occupants) => format!("{child}, {occupants} in the vehicle"),
            None => child,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(name: &str) -> Observer {
        Observer::Operator {
            name: UserName::parse(name).unwrap(),
        }
    }

    #[test]
    fn the_same_said_twice_is_one_and_a_correction_is_another() {
        let vrm = Vrm::parse("AB12CDE").unwrap();
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        let two = Occupants::try_from(2).ok();
        let id = |child, occupants, by| Observation::new(vrm, child, occupants, by, at).observation_id;
        let first = id(Child::Seen, two, by("ann"));
        assert_eq!(first, id(Child::Seen, two, by("ann")));
        for other in [
            id(Child::NotSeen, two, by("ann")),
            id(Child::Seen, None, by("ann")),
            id(Child::Seen, two, by("bob")),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn no_vehicle_has_a_hundred_people_on_board() {
        assert!(Occupants::try_from(99).is_ok());
        assert_eq!(Occupants::try_from(100), Err(OccupantsError));
        assert!(serde_json::from_str::<Occupants>("100").is_err());
    }
}
