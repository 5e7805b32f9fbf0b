//! The lists as the log tells them: a fold over changes, which shows a revision only once it is whole.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::hotlist::{Entry, Grade, Revision};
use domain::{EntryId, Timestamp};
use stream::wire::{self, EntryChange, RevisionMark};
use stream::{Delivered, LogError};

use crate::ids::Ids;
use crate::index::Index;
use crate::packed::{self, Packer};
use crate::pages::{Address, PAGE_BYTES};
use crate::table::Table;
use crate::wildcards::Wildcards;

/// Pages beyond twice of what is needed that are kept: before that it is not worth packing all anew. Each revision
/// begins a page of its own.
const SPARE_PAGES: usize = 64;

/// All lists: the last whole revision, and what came behind it.
#[derive(Default)]
pub struct Lists {
    packer: Packer,
    ids: Ids,
    /// Shared with the index that was made last.
    table: Arc<Table>,
    /// Where the entries for patterns stand,
    patterns: BTreeSet<Address>,
    /// and how a read finds them: made anew with each change of one, which takes some milliseconds.
    wildcards: Arc<Wildcards>,
    /// Bytes of the entries that are on the lists, without their texts.
    live_bytes: usize,
    /// Pages when everything had just been packed anew.
    tidy_pages: usize,
    mark: Option<RevisionMark>,
    /// Changes up to the last mark that the tables above do not have yet.
    settled: Changes,
    /// Changes since the mark.
    coming: Changes,
    /// Those of a long revision that others may pass: marks of these leave them where they are.
    aside: Changes,
}

/// The last change of each entry: where it now stands, or none for a removal.
type Changes = HashMap<EntryId, Option<Address>>;

impl Lists {
    /// Takes the topic's next record. Answers whether it made a new revision whole.
    ///
    /// # Errors
    /// When it cannot be read; nothing has changed then.
    pub fn take_record(&mut self, record: &Delivered) -> Result<bool, LogError> {
        let change = wire::entry_change(record)?;
        if record.header(wire::HEADER_ASIDE).is_some() {
            self.take_aside(change);
            return Ok(false);
        }
        Ok(self.take(change, record.header(wire::HEADER_REPAIR).is_some()))
    }

    /// Takes the next change. Answers whether it made a new revision whole.
    ///
    /// A mark that does not name a higher revision than the last one is a late word of another publisher: what it follows may belong
    /// to a revision that is half there. Only the mark that completes a long revision may name the same one again, and a `repair`,
    /// which puts the topic right as a whole, an earlier one, too (a database restored from a backup).
    pub fn take(&mut self, change: EntryChange, repair: bool) -> bool {
        match change {
            EntryChange::Mark(mark) => {
                let next = self.mark.is_none_or(|last| follows(&mark, &last));
                if !next && !repair {
                    return false;
                }
                self.mark = Some(mark);
                add(&mut self.settled, &mut self.coming);
                if mark.without.is_none() {
                    add(&mut self.settled, &mut self.aside);
                }
                return true;
            }
            EntryChange::Put(entry) => self.note(entry.entry_id, Some(&entry), false),
            EntryChange::Remove(entry) => self.note(entry, None, false),
        }
        false
    }

    /// Takes the next change of a long revision, which others may pass on its way: it counts from the first mark on that does not
    /// do without it.
    pub fn take_aside(&mut self, change: EntryChange) {
        match change {
            // A mark is of all revisions.
            EntryChange::Mark(_) => {}
            EntryChange::Put(entry) => self.note(entry.entry_id, Some(&entry), true),
            EntryChange::Remove(entry) => self.note(entry, None, true),
        }
    }

    /// Notes a change among those that wait for a mark. An entry's last one counts, wherever the one before waits.
    fn note(&mut self, id: EntryId, put: Option<&Entry>, aside: bool) {
        let address = put.map(|entry| self.packer.put(entry));
        let (those, others) = if aside {
            (&mut self.aside, &mut self.coming)
        } else {
            (&mut self.coming, &mut self.aside)
        };
        others.remove(&id);
        those.insert(id, address);
    }

    /// The last whole revision; none before the first mark.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.mark.map(|mark| mark.revision)
    }

    /// Whether nothing at all has been said yet: neither a mark nor a change that waits for one.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.mark.is_none() && self.coming.is_empty() && self.aside.is_empty()
    }

    /// An earlier revision that is not whole yet.
    #[must_use]
    pub fn without(&self) -> Option<Revision> {
        self.mark.and_then(|mark| mark.without)
    }

    /// The index of the last whole revision. Takes a second for each million entries that changed, so not on a thread that
    /// others wait for.
    pub fn index(&mut self) -> Index {
        self.index_and_fresh(Timestamp::MAX).0
    }

    /// As [`Lists::index`], and the urgent entries (grades 1 and 2) that are new in it and were listed at `since` or later,
    /// in order of id.
    pub fn index_and_fresh(&mut self, since: Timestamp) -> (Index, Vec<EntryId>) {
        let mut fresh = Vec::new();
        if !self.settled.is_empty() {
            fresh = self.fresh(since);
            self.settle();
            self.tidy();
        }
        self.packer.pages.seal();
        let index = Index::new(
            self.mark
                .map_or_else(Default::default, |mark| (mark.revision, mark.without)),
            self.packer.pages.clone(),
            Arc::clone(&self.table),
            Arc::clone(&self.wildcards),
        );
        (index, fresh)
    }

    fn fresh(&self, since: Timestamp) -> Vec<EntryId> {
        let urgent = |address| {
            packed::urgency_at(&self.packer.pages, address)
                .is_some_and(|(grade, listed_at)| grade <= Grade::Two && listed_at >= since)
        };
        let put = self.settled.iter().filter(|(_, put)| put.is_some_and(urgent));
        let mut fresh: Vec<EntryId> = put.map(|(id, _)| *id).collect();
        fresh.sort_unstable();
        fresh
    }

    /// Bytes that finding entries takes, beside the entries themselves.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.table.bytes() + self.ids.bytes()
    }

    /// Brings the tables up to the last mark.
    fn settle(&mut self) {
        let changes: Vec<_> = std::mem::take(&mut self.settled).into_iter().collect();
        let pages = &self.packer.pages;
        // An index that is in use keeps the table as it is: this one is a copy then, of which only the lines that change are not shared.
        let table = Arc::make_mut(&mut self.table);
        table.reserve(changes.iter().filter(|(_, put)| put.is_some()).count(), pages);
        let (live_bytes, patterns) = (&mut self.live_bytes, &mut self.patterns);
        let mut patterns_changed = false;
        self.ids.apply(changes, pages, |gone, came| {
            if let Some(gone) = gone {
                *live_bytes -= packed::size_at(pages, gone);
                if patterns.remove(&gone) {
                    patterns_changed = true;
                } else {
                    table.remove(gone, pages);
                }
            }
            if let Some(came) = came {
                *live_bytes += packed::size_at(pages, came);
                if packed::is_pattern_at(pages, came) {
                    patterns_changed |= patterns.insert(came);
                } else {
                    table.add(came, pages);
                }
            }
        });
        if patterns_changed {
            self.wildcards = Arc::new(Wildcards::of(self.patterns.iter().copied(), pages));
        }
    }

    /// Packs everything anew once half of the pages hold nothing that is on a list.
    fn tidy(&mut self) {
        let needed = self.tidy_pages.max(self.live_bytes / PAGE_BYTES);
        // Between mark and mark the pages hold what comes, too.
        let comes = !self.coming.is_empty() || !self.aside.is_empty();
        if comes || self.packer.pages.count() <= 2 * needed + SPARE_PAGES {
            return;
        }
        let old = std::mem::take(&mut self.packer).pages;
        self.table = Arc::default();
        self.patterns.clear();
        for address in std::mem::take(&mut self.ids).into_addresses() {
            let entry = packed::entry_at(&old, address);
            let packed = self.packer.put(&entry);
            self.settled.insert(entry.entry_id, Some(packed));
        }
        self.live_bytes = 0;
        self.settle();
        self.tidy_pages = self.packer.pages.count();
    }
}

/// Adds later changes to earlier ones, and leaves none of them behind.
fn add(earlier: &mut Changes, later: &mut Changes) {
    if earlier.is_empty() {
        std::mem::swap(earlier, later);
    } else {
        earlier.extend(later.drain());
    }
}

/// Whether a mark says more than the last one.
fn follows(mark: &RevisionMark, last: &RevisionMark) -> bool {
    let completes = mark.revision == last.revision && mark.without.is_none() && last.without.is_some();
    mark.revision > last.revision || completes
}
