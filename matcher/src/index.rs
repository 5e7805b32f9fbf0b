//! The index: immutable, made aside, swapped whole.

use std::sync::Arc;

use domain::Vrm;
use domain::hotlist::{Entry, Revision};
use stream::wire::{EntryChange, RevisionMark};

use crate::code::Code;
use crate::lists::Lists;
use crate::packed;
use crate::pages::Pages;
use crate::score::Listed;
use crate::table::Table;
use crate::wildcards::{Walk, Wildcards};

/// The entries of one revision by mark, and those for patterns apart.
#[derive(Clone, Default)]
pub struct Index {
    revision: Revision,
    without: Option<Revision>,
    pages: Pages,
    /// Where each entry stands, by its mark. Shared with the lists until these change.
    table: Arc<Table>,
    wildcards: Arc<Wildcards>,
}

impl Index {
    /// The entries in `pages` that `table` and `wildcards` lead to.
    pub(crate) fn new(
        (revision, without): (Revision, Option<Revision>),
        pages: Pages,
        table: Arc<Table>,
        wildcards: Arc<Wildcards>,
    ) -> Self {
        Self {
            revision,
            without,
            pages,
            table,
            wildcards,
        }
    }

    /// The index of a revision that has just these entries.
    #[must_use]
    pub fn of(revision: Revision, entries: &[Entry]) -> Self {
        let mut lists = Lists::default();
        for entry in entries {
            lists.take(EntryChange::Put(Box::new(entry.clone())), false);
        }
        let mark = RevisionMark {
            revision,
            without: None,
            entries: entries.len() as u64,
            published_at: domain::Timestamp::UNIX_EPOCH,
        };
        lists.take(EntryChange::Mark(mark), false);
        lists.index()
    }

    /// The revision of all lists that this is.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// An earlier revision that it does not have yet.
    #[must_use]
    pub fn without(&self) -> Option<Revision> {
        self.without
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len() + self.wildcards.len()
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where marks lead to.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Every entry, in no order.
    pub fn all(&self) -> impl Iterator<Item = Entry> + '_ {
        let addresses = self.table.addresses().chain(self.wildcards.addresses());
        addresses.map(|address| packed::entry_at(&self.pages, address))
    }

    /// The entries of a mark, in order of id, so that they come in the same order on every machine.
    #[must_use]
    pub fn entries(&self, mark: &[u8]) -> Vec<Entry> {
        Code::of(mark).map_or_else(Vec::new, |code| self.entries_of(mark, code))
    }

    fn entries_of(&self, mark: &[u8], code: Code) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.table.find(&self.table.exactly(code), |_, address| {
            if packed::target_at(&self.pages, address) == mark {
                entries.push(packed::entry_at(&self.pages, address));
            }
        });
        entries.sort_unstable_by_key(|entry| entry.entry_id);
        entries
    }

    /// Whether there are any patterns.
    pub(crate) fn has_patterns(&self) -> bool {
        self.wildcards.len() > 0
    }

    /// How many patterns are not looked for, since there are more than [`MAX_PATTERNS`](domain::pattern::MAX_PATTERNS).
    #[must_use]
    pub fn patterns_left_out(&self) -> usize {
        self.wildcards.left_out()
    }

    /// Whether a key fits a pattern; `walk` is scratch.
    pub(crate) fn fits_a_pattern(&self, key: &[u8], walk: &mut Walk) -> bool {
        self.wildcards.fits_any(key, walk)
    }

    /// The entries whose pattern a mark fits, in order of id.
    #[must_use]
    pub fn fitting(&self, mark: Vrm) -> Vec<Entry> {
        let addresses = self.wildcards.fitting(mark).into_iter();
        let mut entries: Vec<Entry> = addresses
            .map(|address| packed::entry_at(&self.pages, address))
            .collect();
        entries.sort_unstable_by_key(|entry| entry.entry_id);
        entries
    }

    /// The listed vehicle of a mark, if there is one, as the first of its entries describes it.
    #[must_use]
    pub fn vehicle(&self, mark: Vrm) -> Option<Listed> {
        Code::of(mark.as_bytes()).and_then(|code| self.vehicle_of(mark.as_bytes(), code))
    }

    /// As [`Index::vehicle`], for a mark whose code is known.
    pub(crate) fn vehicle_of(&self, mark: &[u8], code: Code) -> Option<Listed> {
        // Nearly all that is read is on no list.
        if !self.table.may_hold(&self.table.exactly(code)) {
            return None;
        }
        let entries = self.entries_of(mark, code);
        Some(Listed::of(Vrm::normalised(mark)?, entries.first()?))
    }
}
