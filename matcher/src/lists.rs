//! The lists as the log tells them: a fold over changes, which shows a revision only once it is whole.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::hotlist::{Grade, Revision};
use domain::{EntryId, Timestamp};
use stream::wire::{EntryChange, RevisionMark};

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
}

/// The last change of each entry: where it now stands, or none for a removal.
type Changes = HashMap<EntryId, Option<Address>>;

impl Lists {
    /// Takes the next change. Answers whether it made a new revision whole.
    ///
    /// A mark that does not name a higher revision than the last one is a late word of another publisher: what it
    /// follows may belong to a revision that is half there. Only a `repair`, which puts the topic right as a whole,
    /// may name the same revision again or an earlier one (a database restored from a backup).
    pub fn take(&mut self, change: EntryChange, repair: bool) -> bool {
        match change {
            EntryChange::Put(entry) => {
                let address = self.packer.put(&entry);
                self.coming.insert(entry.entry_id, Some(address));
                false
            }
            EntryChange::Remove(entry) => {
                self.coming.insert(entry, None);
                false
            }
            EntryChange::Mark(mark) => {
                let next = self.mark.is_none_or(|last| mark.revision > last.revision);
                if !next && !repair {
                    return false;
                }
                self.mark = Some(mark);
                if self.settled.is_empty() {
                    self.settled = std::mem::take(&mut self.coming);
                } else {
                    self.settled.extend(self.coming.drain());
                }
                true
            }
        }
    }

    /// The last whole revision; none before the first mark.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.mark.map(|mark| mark.revision)
    }

    /// Whether nothing at all has been said yet: neither a mark nor a change that waits for one.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.mark.is_none() && self.coming.is_empty()
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
            self.revision().unwrap_or_default(),
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
        // An index that is in use keeps the table as it is: this one is a copy then, made in some 40 ms at 10 million.
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
        if !self.coming.is_empty() || self.packer.pages.count() <= 2 * needed + SPARE_PAGES {
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
