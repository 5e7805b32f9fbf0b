//! Cloned plates: one mark on two vehicles, told by a journey that no single one can make.

use domain::hit::{Hit, MatchKind};
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::journey::Journey;
use domain::read::PlateRead;
use domain::{EntryId, ListName, Timestamp, Vrm};

/// No vehicle is faster from one site to another, as the crow flies: faster than any car gets through traffic.
pub const MOST_KMH: f64 = 200.0;
/// The list of the entries that the matcher makes itself.
const LIST: &str = "clones";

/// When a journey is impossible, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CloneRule {
    /// No vehicle is faster between two sites, as the crow flies.
    pub most_kmh: f64,
    /// The grade of its hits.
    pub grade: Grade,
}

impl Default for CloneRule {
    /// To be looked into within the day.
    fn default() -> Self {
        Self {
            most_kmh: MOST_KMH,
            grade: Grade::Three,
        }
    }
}

/// The hit of a read that ends, or begins, an impossible journey.
#[must_use]
pub fn clone_hit(
    read: PlateRead,
    journey: Journey,
    rule: &CloneRule,
    revision: Revision,
    now: Timestamp,
) -> Hit {
    let entry = entry(read.vrm, rule.grade, journey.to.at);
    Hit {
        kind: MatchKind::Clone,
        journey: Some(journey),
        ..Hit::exact(read, entry, revision, now)
    }
}

/// The id of what stands for a list's entry: the same for all hits of a mark.
#[must_use]
pub fn entry_id(vrm: Vrm) -> EntryId {
    EntryId::of_entry(&list(), vrm, "")
}

fn list() -> ListName {
    ListName::parse(LIST).expect("a list's name")
}

fn entry(vrm: Vrm, grade: Grade, listed_at: Timestamp) -> Entry {
    Entry {
        grade,
        action: Action::Observe,
        reason: "cloned plate suspected".to_owned(),
        information: "Read at two places that no vehicle gets from one to the other of in time.".to_owned(),
        ..Entry::new(&list(), vrm, "", listed_at)
    }
}
