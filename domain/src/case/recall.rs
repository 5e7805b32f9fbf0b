//! What becomes of a case whose leading entry is no longer looked for.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Case, CaseEvent, CaseState, Conclusion, Deployment, EventKind, Outcome, event};
use crate::hotlist::Entry;
use crate::{EntryId, ListName};

/// That an entry which led a case was withdrawn or expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// The entry.
    pub entry_id: EntryId,
    /// The list that it was on.
    pub list: ListName,
    /// Why it is no longer looked for.
    pub cause: RecallCause,
    /// When that was seen.
    pub at: Timestamp,
    /// The entry that leads the case instead. None where none is left: who is on the way stands down, unless there are
    /// other grounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub led_by: Option<EntryId>,
}

/// Why an entry is no longer looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecallCause {
    /// It was taken off its list.
    Withdrawn,
    /// Its time is over.
    Expired,
}

impl fmt::Display for RecallCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        })
    }
}

impl Case {
    /// Whether nothing that it was opened for is looked for any more.
    #[must_use]
    pub fn is_recalled(&self) -> bool {
        self.recall.as_ref().is_some_and(|recall| recall.led_by.is_none())
    }

    /// Whether a further hit on `entry` gives a recalled case new grounds: another entry, or the recalled one listed anew. A hit
    /// that was judged before the recall carries the entry as it was, and gives none.
    pub(super) fn is_revived_by(&self, entry: &Entry) -> bool {
        self.is_recalled() && self.entry != *entry
    }
}

/// Takes the leading entry from an open case. The most urgent of the `live` entries that the vehicle has hit leads instead, if
/// there is one. If there is none, a case that nobody has looked at ends, and any other stays open for a person to close.
///
/// `deployments` are the case's: the active ones go with the event, to be told. None where the case is over or is recalled
/// already, or where its leading entry is among the live ones and holds at `now`.
#[must_use]
pub fn recall(case: &Case, deployments: &[Deployment], live: &[Entry], now: Timestamp) -> Option<CaseEvent> {
    if !case.state.is_open() || case.is_recalled() {
        return None;
    }
    let holds = |entry: &&Entry| entry.is_live_at(now);
    let stands = live.iter().find(|entry| entry.entry_id == case.entry.entry_id);
    let cause = match stands {
        Some(entry) if entry.is_live_at(now) => return None,
        None if case.entry.is_live_at(now) => RecallCause::Withdrawn,
        _ => RecallCause::Expired,
    };
    let next = live
        .iter()
        .filter(holds)
        .min_by_key(|entry| (entry.grade, entry.listed_at, entry.entry_id));
    let mut case = case.clone();
    case.updated_at = now;
    case.recall = Some(Recall {
        entry_id: case.entry.entry_id,
        list: case.entry.list.clone(),
        cause,
        at: now,
        led_by: next.map(|entry| entry.entry_id),
    });
    match next {
        Some(entry) => {
            case.grade = entry.grade;
            case.entry = entry.clone();
            // Its next hit says.
            case.overdue = None;
        }
        None if case.state == CaseState::New => {
            case.state = CaseState::Closed;
            case.conclusion = Some(Conclusion {
                outcome: Outcome::Recalled,
                note: format!("entry {cause} before anybody looked"),
            });
        }
        None => {}
    }
    let told = deployments.iter().filter(|d| d.state.is_active());
    Some(CaseEvent {
        deployments: told.cloned().collect(),
        ..event(EventKind::Recalled, case, now)
    })
}
