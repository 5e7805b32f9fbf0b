//! Reads against an index, as pure functions.
//!
//! Two steps: [`probe`] looks at keys alone and runs for every read; [`judge`] takes the decoded read and runs for
//! candidates, two or three in a hundred. Look-alike marks join here: `probe` gives more candidates then, `judge`
//! scores them.

use domain::Timestamp;
use domain::hit::Hit;
use domain::read::PlateRead;

use crate::index::{Index, Span, code_of};

/// What a key led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Entries of exactly this mark: the read must be opened.
    Entries(Span),
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
        let found = match key.and_then(code_of) {
            None => Found::NoMark,
            Some(code) => match index.find(code) {
                None => continue,
                Some(span) => Found::Entries(span),
            },
        };
        candidates.push(Candidate { read, found });
    }
}

/// Appends the hits of one read on the entries of its mark: those that were live when it was captured.
pub fn judge(read: &PlateRead, span: Span, index: &Index, now: Timestamp, hits: &mut Vec<Hit>) {
    let live = index
        .entries(span)
        .iter()
        .filter(|entry| entry.vrm == read.vrm && entry.is_live_at(read.captured_at));
    hits.extend(live.map(|entry| Hit::exact(read.clone(), (**entry).clone(), index.revision(), now)));
}
