//! The hit: one read matched to one entry.

use serde::{Deserialize, Serialize};

use crate::assessment::Assessment;
use crate::hotlist::{Entry, Revision};
use crate::journey::Journey;
use crate::misread::Difference;
use crate::read::PlateRead;
use crate::review::Overdue;
use crate::target::Target;
use crate::{HitId, Timestamp, Vrm};

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
    /// A long revision before that one which did not count yet, since it was still on its way to the matcher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<Revision>,
    /// How mark and entry agree.
    pub kind: MatchKind,
    /// How likely the read is the entry's vehicle, and why; none where nobody judged that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
    /// The journey that no single vehicle can have made; on a hit of the kind [`MatchKind::Clone`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Journey>,
    /// The read was there first: it was found among the sightings of the last day when the entry was listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub past: bool,
    /// Its entry was overdue for review when the hit was stored; whoever judges a read does not know that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Overdue>,
    /// When it was judged.
    pub matched_at: Timestamp,
}

/// How the mark as read and the mark as listed agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// In every character.
    #[default]
    Exact,
    /// Not in every character: the read may be a misread of the listed mark.
    Misread,
    /// The mark as read fits the listed pattern in every character.
    Wildcard,
    /// The mark was read at two places that no vehicle gets from one to the other of in time: one of the two plates is false.
    /// The entry is one that the matcher made for it, on a list of its own.
    Clone,
}

/// How a read matched, without the read and the entry: what a case keeps of its latest hit. Where nothing says otherwise,
/// exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// See [`Hit::kind`].
    pub kind: MatchKind,
    /// See [`Hit::assessment`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
    /// See [`Hit::journey`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Journey>,
    /// See [`Hit::past`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub past: bool,
}

impl Match {
    /// How the read of `hit` matched.
    #[must_use]
    pub fn of(hit: &Hit) -> Self {
        Self {
            kind: hit.kind,
            assessment: hit.assessment.clone(),
            journey: hit.journey.clone(),
            past: hit.past,
        }
    }

    /// What a case keeps after a further hit of its latest read: that hit's match if it is `shown`, and the journey of either.
    #[must_use]
    pub fn then(&self, hit: &Hit, shown: bool) -> Self {
        let kept = if shown { Self::of(hit) } else { self.clone() };
        Self {
            journey: hit.journey.clone().or_else(|| self.journey.clone()),
            ..kept
        }
    }
}

impl Hit {
    /// The hit of `read` on an `entry` of the same mark, judged under `revision` at `now`.
    #[must_use]
    pub fn exact(read: PlateRead, entry: Entry, revision: Revision, now: Timestamp) -> Self {
        Self {
            hit_id: HitId::of_hit(read.read_id, entry.entry_id),
            read,
            entry,
            revision,
            without: None,
            kind: MatchKind::Exact,
            assessment: None,
            journey: None,
            past: false,
            overdue: None,
            matched_at: now,
        }
    }

    /// The hit of `read` on an `entry` whose pattern its mark fits. Nobody says how likely that is: there is no one vehicle that
    /// it could be.
    #[must_use]
    pub fn wildcard(read: PlateRead, entry: Entry, revision: Revision, now: Timestamp) -> Self {
        Self {
            kind: MatchKind::Wildcard,
            ..Self::exact(read, entry, revision, now)
        }
    }

    /// Judged before this revision counted, which is an earlier one than its own.
    #[must_use]
    pub fn without(self, without: Option<Revision>) -> Self {
        Self { without, ..self }
    }

    /// Whether it opens a case that a person answers: by its entry's grade, unless that has lapsed.
    #[must_use]
    pub fn opens_case(&self) -> bool {
        self.entry.grade.opens_case() && !self.overdue.is_some_and(|overdue| overdue.log_only)
    }

    /// The vehicle that it is about: the one that is listed, or the one that was read where a pattern is.
    #[must_use]
    pub fn vrm(&self) -> Vrm {
        match self.entry.target {
            Target::Mark(vrm) => vrm,
            Target::Pattern(_) => self.read.vrm,
        }
    }

    /// With how likely it is, and with the kind that the assessed difference makes it.
    #[must_use]
    pub fn assessed(self, assessment: Assessment) -> Self {
        Self {
            kind: match assessment.difference {
                Difference::None => MatchKind::Exact,
                _ => MatchKind::Misread,
            },
            assessment: Some(assessment),
            ..self
        }
    }
}
