//! Where and when an entry is looked for: at some sites, in one direction of travel, at some hours; everywhere and always unless it
//! says so.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{BcuCode, SiteId};

/// Most sites of an entry: more than any operation watches, and few enough to be compared one by one.
pub const MAX_SITES: usize = 64;
/// Most BCUs of an entry: more than any force has.
pub const MAX_BCUS: usize = 64;
/// How far a camera's direction may be from the one asked for, in degrees: half of a quarter.
const TOLERANCE_DEG: f32 = 45.0;

/// What an entry is limited to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The sites at which it is looked for; everywhere where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<SiteId>,
    /// The BCUs on whose ground it is looked for; everywhere where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcus: Vec<BcuCode>,
    /// The direction in which the vehicle must travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The hours of each day at which it is looked for, in the force's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

/// A direction of travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Northbound.
    North,
    /// Eastbound.
    East,
    /// Southbound.
    South,
    /// Westbound.
    West,
}

/// Hours of a day, to the minute: from `from` on, and no longer at `to`. Over midnight where `to` is not the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours {
    from: Time,
    to: Time,
}

/// Why a text says no direction or no hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// No direction.
    #[error("a direction is N, E, S or W, or a word such as northbound")]
    Direction,
    /// No hours.
    #[error("hours are written as 22:00-06:00")]
    Hours,
    /// Hours that never are.
    #[error("the hours end when they begin: leave them out for the whole day")]
    NoHours,
}

/// The circumstances of a read, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The camera's site.
    pub site: Option<&'a SiteId>,
    /// The BCU on whose ground the camera stands.
    pub bcu: Option<&'a BcuCode>,
    /// The direction of the traffic that the camera reads, in degrees clockwise from north.
    pub bearing_deg: Option<f32>,
    /// The time of day of the capture, in the force's time zone.
    pub time: Time,
}

impl Scope {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.sites.is_empty() && self.bcus.is_empty() && self.direction.is_none() && self.hours.is_none()
    }

    /// Whether a read counts. What is not known about it excludes nothing: a hit too many costs a look, one too few a vehicle.
    #[must_use]
    pub fn admits(&self, read: &Circumstances<'_>) -> bool {
        let here = self.sites.is_empty() || read.site.is_none_or(|site| self.sites.contains(site));
        let ground = self.bcus.is_empty() || read.bcu.is_none_or(|bcu| self.bcus.contains(bcu));
        let this_way = match (self.direction, read.bearing_deg) {
            (Some(direction), Some(bearing_deg)) => direction.is_that_of(bearing_deg),
            _ => true,
        };
        here && ground && this_way && self.hours.is_none_or(|hours| hours.include(read.time))
    }
}

impl Direction {
    /// Whether a bearing is nearer to this direction than to its neighbours, or as near.
    #[must_use]
    pub fn is_that_of(self, bearing_deg: f32) -> bool {
        let middle = match self {
            Self::North => 0.0,
            Self::East => 90.0,
            Self::South => 180.0,
            Self::West => 270.0,
        };
        let apart = (bearing_deg - middle).rem_euclid(360.0);
        apart.min(360.0 - apart) <= TOLERANCE_DEG
    }
}

impl FromStr for Direction {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let text = text.trim().to_ascii_lowercase();
        match text.strip_suffix("bound").unwrap_or(&text) {
            "n" | "north" => Ok(Self::North),
            "e" | "east" => Ok(Self::East),
            "s" | "south" => Ok(Self::South),
            "w" | "west" => Ok(Self::West),
            _ => Err(ScopeError::Direction),
        }
    }
}

impl Hours {
    /// Whether a time of day is among them.
    #[must_use]
    pub fn include(self, time: Time) -> bool {
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }
}

impl FromStr for Hours {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let digits =
                |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            if !digits(hour) || minute.len() != 2 || !digits(minute) {
                return None;
            }
            Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
        };
        let parts = text.split_once('-');
        let (from, to) = parts
            .and_then(|(from, to)| Some((time(from)?, time(to)?)))
            .ok_or(ScopeError::Hours)?;
        if from == to {
            return Err(ScopeError::NoHours);
        }
        Ok(Self { from, to })
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from.hour(),
            from.minute(),
            to.hour(),
            to.minute()
        )
    }
}

impl TryFrom<String> for Hours {
    type Error = ScopeError;
    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> SiteId {
        SiteId::parse(name).unwrap()
    }

    fn check(scope: &Scope, site: Option<&SiteId>, bearing_deg: Option<f32>, hour: i8, expected: bool) {
        let read = Circumstances {
            site,
            bcu: None,
            bearing_deg,
            time: Time::constant(hour, 30, 0, 0),
        };
        assert_eq!(scope.admits(&read), expected, "{scope:?} {read:?}");
    }

    #[test]
    fn a_limit_excludes_what_is_known_to_be_beyond_it() {
        let (here, there) = (site("M57-J2"), site("A580"));
        let everything = Scope::default();
        check(&everything, Some(&there), Some(10.0), 3, true);
        let sites = Scope {
            sites: vec![here.clone()],
            ..Scope::default()
        };
        check(&sites, Some(&here), None, 3, true);
        check(&sites, Some(&there), None, 3, false);
        check(&sites, None, None, 3, true);
        let north = Scope {
            direction: Some(Direction::North),
            ..Scope::default()
        };
        check(&north, None, Some(350.0), 3, true);
        check(&north, None, Some(44.0), 3, true);
        check(&north, None, Some(46.0), 3, false);
        check(&north, None, Some(180.0), 3, false);
        check(&north, None, None, 3, true);
        let night = Scope {
            hours: Some("22:00-6:00".parse().unwrap()),
            ..Scope::default()
        };
        check(&night, None, None, 22, true);
        check(&night, None, None, 5, true);
        check(&night, None, None, 6, false);
        check(&night, None, None, 21, false);
    }

    #[test]
    fn hours_begin_with_their_first_minute_and_end_before_their_last() {
        let day: Hours = "08:00-16:15".parse().unwrap();
        assert!(day.include(Time::constant(8, 0, 0, 0)));
        assert!(day.include(Time::constant(16, 14, 59, 0)));
        assert!(!day.include(Time::constant(16, 15, 0, 0)));
        assert!(!day.include(Time::constant(7, 59, 59, 0)));
    }

    #[test]
    fn texts_are_read_as_people_write_them_and_refused_with_a_reason() {
        assert_eq!("northbound".parse(), Ok(Direction::North));
        assert_eq!(" W ".parse(), Ok(Direction::West));
        assert_eq!("up".parse::<Direction>(), Err(ScopeError::Direction));
        let hours: Hours = "7:05 - 19:00".parse().unwrap();
        assert_eq!(hours.to_string(), "07:05-19:00");
        for (text, error) in [
            ("8:00-8:00", ScopeError::NoHours),
            ("8-16", ScopeError::Hours),
            ("24:00-06:00", ScopeError::Hours),
            ("+8:00-06:00", ScopeError::Hours),
            ("08:60-09:00", ScopeError::Hours),
            ("", ScopeError::Hours),
        ] {
            assert_eq!(text.parse::<Hours>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_bcu_excludes_the_others_ground_alone() {
        let bcu = |code: &str| BcuCode::parse(code).unwrap();
        let scope = Scope {
            bcus: vec![bcu("C")],
            ..Scope::default()
        };
        assert!(!scope.is_everything());
        for (seen, expected) in [(Some(bcu("C")), true), (Some(bcu("D")), false), (None, true)] {
            let read = Circumstances {
                site: None,
                bcu: seen.as_ref(),
                bearing_deg: None,
                time: Time::midnight(),
            };
            assert_eq!(scope.admits(&read), expected, "{seen:?}");
        }
    }

    #[test]
    fn a_scope_survives_its_json() {
        let scope = Scope {
            sites: vec![site("M57-J2")],
            bcus: vec![BcuCode::parse("C").unwrap()],
            direction: Some(Direction::South),
            hours: Some("22:00-06:00".parse().unwrap()),
        };
        let json = r#"{"sites":["M57-J2"],"bcus":["C"],"direction":"south","hours":"22:00-06:00"}"#;
        assert_eq!(serde_json::to_string(&scope).unwrap(), json);
        assert_eq!(serde_json::from_str::<Scope>(json).unwrap(), scope);
        assert_eq!(serde_json::from_str::<Scope>("{}").unwrap(), Scope::default());
    }
}
