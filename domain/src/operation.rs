//! Operations: lists that are used together for a while, such as a week against uninsured driving, with a yield of their own.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::policy::{MAX_OWNER, MAX_WHY};
use crate::{ListName, OperationName};

/// Longest purpose, in characters.
pub const MAX_PURPOSE: usize = 500;
/// Most lists of an operation: each is summed whenever somebody looks.
pub const MAX_LISTS: usize = 50;
/// What came of a list is counted by the hour.
const HOUR_MS: i64 = 3_600_000;

/// Lists that are used together from one hour to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Its name.
    pub name: OperationName,
    /// What it is for, in words.
    pub purpose: String,
    /// The hour in which it begins.
    pub starts_at: Timestamp,
    /// The hour in which it is over.
    pub ends_at: Timestamp,
    /// Its lists.
    pub lists: BTreeSet<ListName>,
    /// The unit that answers for it; may be empty.
    pub owner: String,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It is to come.
    Coming,
    /// It runs.
    Running,
    /// It is over.
    Ended,
}

/// Why an operation cannot be so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OperationRefusal {
    /// What it is for.
    #[error("purpose: say what it is for, in 1 to {MAX_PURPOSE} printable characters")]
    Purpose,
    /// Who answers for it.
    #[error("owner: at most {MAX_OWNER} characters, and none that cannot be printed")]
    Owner,
    /// A time within an hour.
    #[error(
        "{0}: give a whole hour, such as 2007-11-01T08:00:00Z: what comes of lists is counted by the hour"
    )]
    Hour(&'static str),
    /// It would end before it begins.
    #[error("ends_at: it must end after it begins")]
    Order,
    /// None, or too many.
    #[error("lists: name 1 to {MAX_LISTS} lists")]
    Lists,
    /// A list that was never loaded.
    #[error("lists: there is no list {0}: load it first")]
    UnknownList(ListName),
    /// Nobody said why.
    #[error("why: say why, in 1 to {MAX_WHY} characters")]
    Why,
    /// What has not begun cannot be ended.
    #[error("it has not begun: give it other times instead")]
    NotBegun,
    /// Somebody was first.
    #[error("it was over at {0} already")]
    Over(Timestamp),
}

impl OperationRefusal {
    /// The field that is to blame; none where the state is.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Purpose => Some("purpose"),
            Self::Owner => Some("owner"),
            Self::Hour(field) => Some(field),
            Self::Order => Some("ends_at"),
            Self::Lists | Self::UnknownList(_) => Some("lists"),
            Self::Why => Some("why"),
            Self::NotBegun | Self::Over(_) => None,
        }
    }
}

impl Operation {
    /// The operation, if every part is within its bounds.
    ///
    /// # Errors
    /// Names the part that is not.
    pub fn checked(self) -> Result<Self, OperationRefusal> {
        let length = self.purpose.chars().count();
        let blank = self.purpose.trim().is_empty();
        if blank || length > MAX_PURPOSE || self.purpose.contains(char::is_control) {
            return Err(OperationRefusal::Purpose);
        }
        if self.owner.chars().count() > MAX_OWNER || self.owner.contains(char::is_control) {
            return Err(OperationRefusal::Owner);
        }
        for (field, at) in [("starts_at", self.starts_at), ("ends_at", self.ends_at)] {
            if hour_of(at) != at {
                return Err(OperationRefusal::Hour(field));
            }
        }
        if self.ends_at <= self.starts_at {
            return Err(OperationRefusal::Order);
        }
        if !(1..=MAX_LISTS).contains(&self.lists.len()) {
            return Err(OperationRefusal::Lists);
        }
        Ok(self)
    }

    /// How far it is at that time.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> OperationState {
        if now < self.starts_at {
            OperationState::Coming
        } else if now < self.ends_at {
            OperationState::Running
        } else {
            OperationState::Ended
        }
    }

    /// The same, over with the hour that is running.
    ///
    /// # Errors
    /// When it has not begun, or is over.
    pub fn ended_early(&self, now: Timestamp) -> Result<Self, OperationRefusal> {
        match self.state_at(now) {
            OperationState::Coming => Err(OperationRefusal::NotBegun),
            OperationState::Ended => Err(OperationRefusal::Over(self.ends_at)),
            OperationState::Running => Ok(Self {
                ends_at: hour_of(now)
                    .checked_add(jiff::SignedDuration::from_hours(1))
                    .map_or(self.ends_at, |end| end.min(self.ends_at)),
                ..self.clone()
            }),
        }
    }
}

/// When the hour began that `at` is in.
fn hour_of(at: Timestamp) -> Timestamp {
    let millis = at.as_millisecond();
    Timestamp::from_millisecond(millis - millis.rem_euclid(HOUR_MS)).unwrap_or(Timestamp::MIN)
}

/// A reason, as every change of an operation needs one.
///
/// # Errors
/// Where it is missing or too long.
pub fn checked_why(why: &str) -> Result<&str, OperationRefusal> {
    let why = why.trim();
    if why.is_empty() || why.chars().count() > MAX_WHY {
        return Err(OperationRefusal::Why);
    }
    Ok(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn week() -> Operation {
        Operation {
            name: OperationName::parse("no-insurance-week").unwrap(),
            purpose: "uninsured vehicles".to_owned(),
            starts_at: at("2007-11-05T08:00:00Z"),
            ends_at: at("2007-11-12T00:00:00Z"),
            lists: BTreeSet::from([ListName::parse("no-insurance").unwrap()]),
            owner: String::new(),
        }
    }

    #[test]
    fn an_operation_out_of_bounds_names_its_part() {
        let check = |change: fn(&mut Operation), expected: Option<OperationRefusal>| {
            let mut operation = week();
            change(&mut operation);
            let refused = operation.checked().err();
            assert_eq!(refused, expected);
        };
        use OperationRefusal as R;
        check(|_| {}, None);
        check(|one| one.purpose = " ".to_owned(), Some(R::Purpose));
        check(|one| one.purpose = "a\nb".to_owned(), Some(R::Purpose));
        check(|one| one.purpose = "x".repeat(MAX_PURPOSE + 1), Some(R::Purpose));
        check(|one| one.owner = "x".repeat(MAX_OWNER + 1), Some(R::Owner));
        check(
            |one| one.starts_at = at("2007-11-05T08:30:00Z"),
            Some(R::Hour("starts_at")),
        );
        check(
            |one| one.ends_at = at("2007-11-12T00:00:00.001Z"),
            Some(R::Hour("ends_at")),
        );
        check(|one| one.ends_at = one.starts_at, Some(R::Order));
        check(|one| one.lists.clear(), Some(R::Lists));
        check(
            |one| {
                let names = (0..=MAX_LISTS).map(|number| ListName::parse(&format!("l{number}")).unwrap());
                one.lists = names.collect();
            },
            Some(R::Lists),
        );
    }

    #[test]
    fn an_operation_that_is_ended_is_over_with_its_hour() {
        let week = week();
        let check = |now: &str, expected: Result<&str, OperationRefusal>| {
            let ended = week.ended_early(at(now)).map(|ended| ended.ends_at);
            assert_eq!(ended, expected.map(at), "{now}");
        };
        check("2007-11-05T07:59:59Z", Err(OperationRefusal::NotBegun));
        check("2007-11-05T08:00:00Z", Ok("2007-11-05T09:00:00Z"));
        check("2007-11-06T10:15:00Z", Ok("2007-11-06T11:00:00Z"));
        check("2007-11-11T23:59:59Z", Ok("2007-11-12T00:00:00Z"));
        check("2007-11-12T00:00:00Z", Err(OperationRefusal::Over(week.ends_at)));
    }
}
