//! Reads against an index, as pure functions.
//!
//! Two steps: [`probe_alike`] looks at keys alone and runs for every read: it gives the marks that a read may stand for, each
//! with how they differ. [`judge`] takes the decoded read of what a gate let pass, and scores those marks. [`probe`] is the
//! first step of a matching that forgives no misread.

use std::cell::LazyCell;

use domain::hit::Hit;
use domain::hotlist::Entry;
use domain::misread::Difference;
use domain::read::PlateRead;
use domain::{Timestamp, Vrm, syntax};

use crate::beliefs::Beliefs;
use crate::code::Code;
use crate::index::Index;
use crate::posts::Posts;
use crate::score::{Listed as Vehicle, Reading, ReadingError, Scorer};
use crate::table::{Table, Wanted};
use crate::traffic::Seen;
use crate::variants::{self, Kind};
pub use crate::wildcards::Walk;

/// Look-ups whose memory is asked for before the first is made. At 10 million entries one takes 16 ns in batches of 8,
/// 11 in batches of 32, 6 in batches of 128, and no less in larger ones.
const BATCH: usize = 128;
/// Of which so many are made at once, before as many more are asked for, so that what is found is weighed while other lines are
/// on their way.
const TOGETHER: usize = 32;
const _: () = assert!(BATCH.is_multiple_of(TOGETHER) && TOGETHER <= u32::BITS as usize);

/// What a key led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A mark that is on a list, or one in some 5,000 times one that is not and shares its place by chance:
    /// [`Index::entries`] decides. The read must be opened.
    Listed {
        /// The mark as listed.
        mark: Vrm,
        /// How the key differs from it.
        difference: Difference,
    },
    /// The key fits the pattern of an entry: [`Index::fitting`] tells of which. The read must be opened.
    Wildcard,
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

/// A key, and what stands in the table for a listed mark that it may be a misreading of. Most are dropped before anybody asks
/// which mark that is.
#[derive(Clone, Copy)]
pub struct Likeness<'a> {
    /// The read's place in the batch.
    pub read: usize,
    /// The mark as read.
    pub mark: &'a [u8],
    pub(crate) code: Code,
    /// The slot of the listed mark.
    pub(crate) slot: u32,
    pub(crate) kind: Kind,
}

impl Likeness<'_> {
    /// The mark as listed and how the one as read differs from it; none where it is none after all.
    #[must_use]
    #[inline]
    pub fn listed(&self) -> Option<(Vrm, Difference)> {
        variants::told_by(self.slot, self.code.slot(), self.mark, self.kind)
    }

    /// Whether the slot is that of the mark as read.
    fn is_the_mark(&self) -> bool {
        self.kind == Kind::Same && self.slot == self.code.slot()
    }
}

/// Probes a batch by its keys alone; candidates replace what `candidates` held, in the batch's order. Only marks that agree in
/// every character count.
pub fn probe<'k>(
    keys: impl Iterator<Item = Option<&'k [u8]>>,
    index: &Index,
    candidates: &mut Vec<Candidate>,
) {
    let table = index.table();
    let mut then = |lookup: &Lookup<'_>, slot, candidates: &mut Vec<Candidate>| {
        offer(&lookup.likeness(slot), candidates);
    };
    let mut batch = Batch::new(table, candidates);
    for (read, key) in keys.enumerate() {
        let Some((mark, code)) = batch.code_of(read, key, &mut then) else {
            continue;
        };
        let wanted = table.exactly(code);
        batch.push(Lookup::new(read, mark, code, wanted, Kind::Same), &mut then);
    }
    batch.finish(&mut then);
}

/// As [`probe`], with all listed marks that look like a key, and where the key is no UK mark those that have one character more or
/// less. `gate` says which of them are worth a closer look; the same mark is worth it anyhow.
pub fn probe_alike<'k>(
    keys: impl Iterator<Item = Option<&'k [u8]>>,
    index: &Index,
    mut gate: impl FnMut(&Likeness<'_>) -> bool,
    candidates: &mut Vec<Candidate>,
) {
    let table = index.table();
    let mut then = |lookup: &Lookup<'_>, slot, candidates: &mut Vec<Candidate>| {
        let likeness = lookup.likeness(slot);
        if likeness.is_the_mark() || gate(&likeness) {
            offer(&likeness, candidates);
        }
    };
    let mut batch = Batch::new(table, candidates);
    for (read, key) in keys.enumerate() {
        let Some((mark, code)) = batch.code_of(read, key, &mut then) else {
            continue;
        };
        batch.push(
            Lookup::new(read, mark, code, table.alike(code), Kind::Same),
            &mut then,
        );
        if table.shapes().has_near(code.shape()) && syntax::uk_form(mark).is_none() {
            variants::variants(mark, code.shape(), table.shapes(), |variant| {
                let wanted = table.variant(variant);
                batch.push(Lookup::new(read, mark, code, wanted, variant.kind), &mut then);
            });
        }
    }
    batch.finish(&mut then);
}

/// Adds the reads of a batch whose keys fit the pattern of an entry to the candidates that [`probe_alike`] gave, in the batch's
/// order. Patterns are held against a key as it is: what was not seen of a plate cannot have been misread.
pub fn probe_wildcards<'k>(
    keys: impl Iterator<Item = Option<&'k [u8]>>,
    index: &Index,
    walk: &mut Walk,
    candidates: &mut Vec<Candidate>,
) {
    if !index.has_patterns() {
        return;
    }
    let before = candidates.len();
    for (read, key) in keys.enumerate() {
        if key.is_some_and(|key| index.fits_a_pattern(key, walk)) {
            let found = Found::Wildcard;
            candidates.push(Candidate { read, found });
        }
    }
    if candidates.len() > before {
        candidates.sort_unstable_by_key(|candidate| (candidate.read, candidate.found == Found::Wildcard));
    }
}

/// A read that is judged, with what is known about it.
pub struct Case<'a> {
    /// The read.
    pub read: &'a PlateRead,
    /// How often its mark was seen in the last day, if that is known.
    pub seen: Option<Seen>,
    /// Under which lists,
    pub index: &'a Index,
    /// by what else,
    pub beliefs: &'a Beliefs,
    /// where cameras stand,
    pub posts: &'a Posts,
    /// and when it is judged.
    pub now: Timestamp,
}

/// Appends the hits of one read on the entries of `marks`: those that were live when it was captured and are looked for there
/// and then, if the read has their mark or is likely enough to be a misread of it.
///
/// # Errors
/// When the read's confidences are none: nothing is known of its characters then, and it is judged without.
pub fn judge(
    case: &Case<'_>,
    marks: impl Iterator<Item = Vrm>,
    hits: &mut Vec<Hit>,
) -> Result<(), ReadingError> {
    let Case {
        read,
        seen,
        index,
        beliefs,
        posts,
        now,
    } = *case;
    let (reading, outcome) = match Reading::of(read) {
        Ok(reading) => (reading, Ok(())),
        Err(error) => (Reading::without_confidences(read), Err(error)),
    };
    let itself = index.vehicle(read.vrm);
    let scorer = Scorer::new(beliefs.knowledge(read.camera.as_str(), seen));
    let considered = LazyCell::new(|| scorer.consider(&reading, itself.as_ref()));
    for mark in marks {
        for entry in index.entries(mark.as_bytes()) {
            let listed = Vehicle::of(mark, &entry);
            let enough = || considered.posterior(&listed) >= beliefs.thresholds().of(entry.grade);
            if is_looked_for(&entry, read, posts) && (mark == read.vrm || enough()) {
                let assessment = scorer.assess(&reading, itself.as_ref(), &listed);
                let hit = Hit::exact(read.clone(), entry, index.revision(), now).without(index.without());
                hits.push(hit.assessed(assessment));
            }
        }
    }
    outcome
}

/// Appends the hits of one read on the entries whose patterns its mark fits, as far as they are looked for there and then.
pub fn judge_wildcards(case: &Case<'_>, hits: &mut Vec<Hit>) {
    let Case { read, index, now, .. } = *case;
    for entry in index.fitting(read.vrm) {
        if is_looked_for(&entry, read, case.posts) {
            hits.push(Hit::wildcard(read.clone(), entry, index.revision(), now).without(index.without()));
        }
    }
}

/// Whether an entry counts when and where a read was made. Most are looked for everywhere: these need no time of day.
fn is_looked_for(entry: &Entry, read: &PlateRead, posts: &Posts) -> bool {
    let Entry { scope, .. } = entry;
    entry.is_live_at(read.captured_at) && (scope.is_everything() || scope.admits(&posts.circumstances(read)))
}

/// Appends a candidate. Each entry of a mark has a slot of its own; one of them is enough.
fn offer(likeness: &Likeness<'_>, candidates: &mut Vec<Candidate>) {
    let Some((mark, difference)) = likeness.listed() else {
        return;
    };
    let read = likeness.read;
    let candidate = Candidate {
        read,
        found: Found::Listed { mark, difference },
    };
    let mut of_read = candidates.iter().rev().take_while(|other| other.read == read);
    if !of_read.any(|other| *other == candidate) {
        candidates.push(candidate);
    }
}

/// One look-up on its way.
#[derive(Clone, Copy)]
struct Lookup<'k> {
    read: usize,
    mark: &'k [u8],
    code: Code,
    wanted: Wanted,
    kind: Kind,
}

impl<'k> Lookup<'k> {
    fn new(read: usize, mark: &'k [u8], code: Code, wanted: Wanted, kind: Kind) -> Self {
        Self {
            read,
            mark,
            code,
            wanted,
            kind,
        }
    }

    fn likeness(&self, slot: u32) -> Likeness<'k> {
        Likeness {
            read: self.read,
            mark: self.mark,
            code: self.code,
            slot,
            kind: self.kind,
        }
    }
}

/// Look-ups whose memory is on its way, so that all of them wait at once.
struct Batch<'k, 'c> {
    table: &'k Table,
    /// A ring.
    lookups: [Lookup<'k>; BATCH],
    /// How many were asked for,
    asked: usize,
    /// how many of them were looked at,
    looked_at: usize,
    /// and how many were made.
    made: usize,
    /// Which of those that were looked at and not made have anything to be found, a bit for each.
    worth: u32,
    candidates: &'c mut Vec<Candidate>,
}

impl<'k, 'c> Batch<'k, 'c> {
    fn new(table: &'k Table, candidates: &'c mut Vec<Candidate>) -> Self {
        candidates.clear();
        Self {
            table,
            lookups: [Lookup::new(0, &[], Code::default(), Wanted::default(), Kind::Same); BATCH],
            asked: 0,
            looked_at: 0,
            made: 0,
            worth: 0,
            candidates,
        }
    }

    /// The mark that a key is, and its code. A key that is no mark is a candidate, after those of the reads before it.
    #[inline]
    fn code_of(
        &mut self,
        read: usize,
        key: Option<&'k [u8]>,
        then: &mut impl FnMut(&Lookup<'_>, u32, &mut Vec<Candidate>),
    ) -> Option<(&'k [u8], Code)> {
        let mark = key.unwrap_or_default();
        let code = Code::of(mark);
        if code.is_none() {
            self.finish(then);
            self.candidates.push(Candidate {
                read,
                found: Found::NoMark,
            });
        }
        Some((mark, code?))
    }

    #[inline]
    fn push(&mut self, lookup: Lookup<'k>, then: &mut impl FnMut(&Lookup<'_>, u32, &mut Vec<Candidate>)) {
        self.table.ask(&lookup.wanted);
        self.lookups[self.asked % BATCH] = lookup;
        self.asked += 1;
        // Those that were looked at have their places in the ring until they are made.
        if self.asked - self.looked_at == BATCH - TOGETHER {
            self.look(then);
        }
    }

    /// Makes the look-ups that were looked at the last time, and looks at the next: which of their lines have anything is told without a
    /// branch, since a processor that guesses wrong there waits for that line alone; and where a search goes on, the line behind
    /// is on its way until the next time.
    fn look(&mut self, then: &mut impl FnMut(&Lookup<'_>, u32, &mut Vec<Candidate>)) {
        while self.worth != 0 {
            let place = self.worth.trailing_zeros() as usize;
            let lookup = &self.lookups[(self.made + place) % BATCH];
            self.table
                .find(&lookup.wanted, |slot, _| then(lookup, slot, self.candidates));
            self.worth &= self.worth - 1;
        }
        self.made = self.looked_at;
        let waiting = (self.asked - self.looked_at).min(TOGETHER);
        let lookups = &self.lookups[self.looked_at % BATCH..][..waiting];
        for (place, lookup) in lookups.iter().enumerate() {
            self.worth |= u32::from(self.table.may_hold(&lookup.wanted)) << place;
        }
        self.looked_at += waiting;
    }

    /// Makes all that wait.
    fn finish(&mut self, then: &mut impl FnMut(&Lookup<'_>, u32, &mut Vec<Candidate>)) {
        while self.made < self.asked {
            self.look(then);
        }
        (self.asked, self.looked_at, self.made) = (0, 0, 0);
    }
}
