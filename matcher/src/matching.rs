//! Reads against an index, as pure functions.
//!
//! Two steps: [`probe`] looks at keys alone and runs for every read; [`judge`] takes the decoded read and runs for
//! candidates, two or three in a hundred. Look-alike marks join here: `probe` gives more candidates then, `judge`
//! scores them.

use domain::Timestamp;
use domain::hit::Hit;
use domain::read::PlateRead;

use crate::index::{Index, code_of};

/// What a key led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A mark that is on a list: the read must be opened.
    Listed,
    /// The key is no mark, so that no list can ever be held against this read.
    NoMark,
}

/// A read of the batch that wants a closer look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its place in the batch.
    pub read: usize,
    /// What its key led to.
    pub found: Found,
}

/// Probes a batch by its keys alone; candidates replace what `candidates` held, in the batch's order.
pub fn probe<'k>(
    keys: impl Iterator<Item = Option<&'k [u8]>>,
    index: &Index,
    candidates: &mut Vec<Candidate>,
) {
    candidates.clear();
    for (read, key) in keys.enumerate() {
        let mark = key.unwrap_or_default();
        let found = match code_of(mark) {
            None => Found::NoMark,
            Some(code) if index.holds(mark, code) => Found::Listed,
            Some(_) => continue,
        };
        candidates.push(Candidate { read, found });
    }
}

/// Appends the hits of one read on the entries of its mark: those that were live when it was captured.
pub fn judge(read: &PlateRead, index: &Index, now: Timestamp, hits: &mut Vec<Hit>) {
    let live = index
        .entries(read.vrm.as_bytes())
        .into_iter()
        .filter(|entry| entry.is_live_at(read.captured_at));
    hits.extend(live.map(|entry| Hit::exact(read.clone(), entry, index.revision(), now)));
}
