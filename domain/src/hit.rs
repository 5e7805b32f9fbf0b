//! The hit: one read matched to one entry.

use serde::{Deserialize, Serialize};

use crate::hotlist::{Entry, Revision};
use crate::read::PlateRead;
use crate::{HitId, Timestamp};

/// One read matched to one entry, carrying both: what follows needs no look-up, and the record stays as it was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Hash of read and entry.
    pub hit_id: HitId,
    /// The read.
    pub read: PlateRead,
    /// The entry as it stood under [`Hit::revision`].
    pub entry: Entry,
    /// The one revision of all lists that the read was judged under.
    pub revision: Revision,
    /// How mark and entry agree.
    pub kind: MatchKind,
    /// When it was judged.
    pub matched_at: Timestamp,
}

/// How the mark as read and the mark as listed agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// Every character.
    Exact,
}

impl Hit {
    /// The hit of `read` on `entry`, judged under `revision` at `now`.
    #[must_use]
    pub fn exact(read: PlateRead, entry: Entry, revision: Revision, now: Timestamp) -> Self {
        Self {
            hit_id: HitId::of_hit(read.read_id, entry.entry_id),
            read,
            entry,
            revision,
            kind: MatchKind::Exact,
            matched_at: now,
        }
    }
}
