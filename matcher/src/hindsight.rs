//! New urgent entries against the sightings of the last day: a vehicle that is listed now may have passed an hour ago.
//!
//! The sightings are looked through in pieces between two batches of reads, so that no read waits for it. What may be a hit is
//! read again from the log, judged like any read, and says that it is of the past.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use domain::hit::Hit;
use domain::{EntryId, Timestamp, Vrm};
use stream::topic::Topic;
use stream::{Log, LogError, Place};

use crate::beliefs::Beliefs;
use crate::history::History;
use crate::index::Index;
use crate::matching::{self, Candidate, Case, Found, Walk};
use crate::poison;
use crate::posts::Posts;
use crate::sightings::{DAY_MS, Sighting};
use crate::traffic::Seen;

/// Sightings that are looked through between two batches of reads: half a millisecond's work.
const PIECE: usize = 10_000;
/// Sightings of one vehicle that are read again, the newest first, until one of them is a hit.
const MOST_READ_AGAIN: usize = 8;

/// A search that goes on from piece to piece.
pub(crate) struct Search {
    wanted: Wanted,
    /// What is still to be looked through, and in the last of it the offset to go on at.
    stretches: Vec<Stretch>,
    next: u64,
    found: Suspects,
    candidates: Vec<Candidate>,
    walk: Walk,
}

/// The sightings of one partition that were there before the entries counted; those behind are judged by them when they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stretch {
    pub(crate) partition: u32,
    /// The first offset that is not part of it.
    pub(crate) end: u64,
}

/// What is looked for in the past: entries of an index.
#[derive(Clone)]
struct Wanted {
    index: Arc<Index>,
    /// In order.
    entries: Vec<EntryId>,
}

/// The newest sightings that may be of each vehicle, the newest first.
type Suspects = BTreeMap<Vehicle, Vec<Suspect>>;

/// A vehicle that may be one that is looked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Vehicle {
    /// By its mark, which is listed.
    Listed(Vrm),
    /// By a pattern that its mark as read fits.
    Fitting(Vrm),
}

/// A sighting that may be of such a vehicle.
#[derive(Clone, Copy)]
struct Suspect {
    at_ms: i64,
    place: Place,
    seen: Option<Seen>,
}

/// What a search found, to be read again and judged.
pub(crate) struct Finding {
    wanted: Wanted,
    suspects: Suspects,
}

impl Search {
    /// Looks for these entries of an index, in order, in these stretches.
    pub(crate) fn new(index: Arc<Index>, entries: Vec<EntryId>, stretches: Vec<Stretch>) -> Self {
        Self {
            wanted: Wanted { index, entries },
            stretches,
            next: 0,
            found: BTreeMap::new(),
            candidates: Vec::new(),
            walk: Walk::default(),
        }
    }

    /// The same search from its beginning, for these entries as well and in these stretches too.
    pub(crate) fn and(self, index: Arc<Index>, entries: &[EntryId], stretches: &[Stretch]) -> Self {
        let entries = merged(&self.wanted.entries, entries);
        let mut all = [&self.stretches, stretches].concat();
        all.sort_unstable_by_key(|stretch| (stretch.partition, Reverse(stretch.end)));
        all.dedup_by_key(|stretch| stretch.partition);
        Self::new(index, entries, all)
    }

    /// Looks through the next piece. Once it has come to the end it answers with what it found.
    pub(crate) fn go_on(&mut self, history: &History, now: Timestamp) -> Option<Finding> {
        let Some(Stretch { partition, end }) = self.stretches.last().copied() else {
            return Some(Finding {
                wanted: self.wanted.clone(),
                suspects: std::mem::take(&mut self.found),
            });
        };
        let sightings = history.of(partition);
        let piece: Vec<&Sighting> = sightings
            .into_iter()
            .flat_map(|sightings| sightings.from(self.next))
            .take_while(|sighting| sighting.offset < end)
            .take(PIECE)
            .collect();
        let (Some(sightings), Some(last)) = (sightings, piece.last()) else {
            self.stretches.pop();
            self.next = 0;
            return None;
        };
        self.next = last.offset + 1;
        let (index, candidates) = (&self.wanted.index, &mut self.candidates);
        let keys = || piece.iter().map(|sighting| Some(sighting.mark.as_bytes()));
        matching::probe_alike(keys(), index, |_| true, candidates);
        matching::probe_wildcards(keys(), index, &mut self.walk, candidates);
        let day = now.as_millisecond() - DAY_MS;
        for candidate in &self.candidates {
            let sighting = piece[candidate.read];
            let vehicle = match candidate.found {
                Found::Listed { mark, .. } => Vehicle::Listed(mark),
                Found::Wildcard => Vehicle::Fitting(sighting.mark),
                Found::NoMark => continue,
            };
            if sighting.at_ms < day || !self.wanted.has_any_of(vehicle) {
                continue;
            }
            let suspect = Suspect {
                at_ms: sighting.at_ms,
                place: Place {
                    topic: Topic::Reads,
                    partition,
                    offset: sighting.offset,
                },
                seen: sightings
                    .find(sighting.mark, sighting.offset)
                    .and_then(|place| sightings.seen(place, &history.cameras)),
            };
            remember(self.found.entry(vehicle).or_default(), suspect);
        }
        None
    }
}

impl Wanted {
    fn has(&self, entry: EntryId) -> bool {
        self.entries.binary_search(&entry).is_ok()
    }

    fn has_any_of(&self, vehicle: Vehicle) -> bool {
        let entries = match vehicle {
            Vehicle::Listed(mark) => self.index.entries(mark.as_bytes()),
            Vehicle::Fitting(mark) => self.index.fitting(mark),
        };
        entries.iter().any(|entry| self.has(entry.entry_id))
    }
}

/// Both together, in order.
pub(crate) fn merged(one: &[EntryId], other: &[EntryId]) -> Vec<EntryId> {
    let mut all = [one, other].concat();
    all.sort_unstable();
    all.dedup();
    all
}

/// Keeps the newest.
fn remember(suspects: &mut Vec<Suspect>, suspect: Suspect) {
    let place = suspects.partition_point(|other| other.at_ms >= suspect.at_ms);
    suspects.insert(place, suspect);
    suspects.truncate(MOST_READ_AGAIN);
}

impl Finding {
    /// Reads again what was found and judges it: the newest hit of each vehicle.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn hits(
        &self,
        log: &dyn Log,
        beliefs: &Beliefs,
        posts: &Posts,
        now: Timestamp,
    ) -> Result<Vec<Hit>, LogError> {
        let mut hits = Vec::new();
        for (vehicle, suspects) in &self.suspects {
            for suspect in suspects {
                let first = hits.len();
                // A read that is gone by now, or cannot be opened, was judged when it came.
                if let Some(delivered) = log.read_at(suspect.place).await?
                    && let Ok(read) = poison::open(&delivered)
                {
                    let case = Case {
                        read: &read,
                        seen: suspect.seen,
                        index: &self.wanted.index,
                        beliefs,
                        posts,
                        now,
                    };
                    match vehicle {
                        // Said when the read came: its confidences may be none.
                        Vehicle::Listed(mark) => {
                            let _ = matching::judge(&case, std::iter::once(*mark), &mut hits);
                        }
                        Vehicle::Fitting(_) => matching::judge_wildcards(&case, &mut hits),
                    }
                }
                let found = hits.split_off(first).into_iter();
                hits.extend(found.filter(|hit| self.wanted.has(hit.entry.entry_id)));
                if hits.len() > first {
                    break;
                }
            }
        }
        for hit in &mut hits {
            // A read that came after the listing is there too: judged under the new lists, or in the second before they counted.
            hit.past = hit.read.captured_at < hit.entry.listed_at;
        }
        Ok(hits)
    }
}
