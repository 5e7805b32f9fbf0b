//! The index: immutable, made aside, swapped whole.

use std::sync::Arc;

use domain::hotlist::{Entry, Revision};
use domain::vrm::MAX_LENGTH;
use hashbrown::HashTable;
use stream::wire::{EntryChange, RevisionMark};

use crate::lists::Lists;
use crate::packed;
use crate::pages::{Address, Pages};

/// Values of a character: none, 26 letters, 10 digits.
const RADIX: u64 = 37;
/// Every mark of [`MAX_LENGTH`] characters has a code of its own in 64 bits: 37^10 is below 2^53.
const _: () = assert!(RADIX.pow(MAX_LENGTH as u32) < 1 << 53);

/// The entries of one revision by mark.
#[derive(Clone, Default)]
pub struct Index {
    revision: Revision,
    pages: Pages,
    /// Where each entry stands, by its mark. Shared with the lists until these change.
    by_mark: Arc<HashTable<Address>>,
}

impl Index {
    /// The entries in `pages` that `by_mark` leads to.
    pub(crate) fn new(revision: Revision, pages: Pages, by_mark: Arc<HashTable<Address>>) -> Self {
        Self {
            revision,
            pages,
            by_mark,
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

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_mark.len()
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_mark.is_empty()
    }

    /// Whether a mark, of this code, is on a list.
    #[must_use]
    pub fn holds(&self, mark: &[u8], code: u64) -> bool {
        let same = |address: &Address| packed::mark_at(&self.pages, *address) == mark;
        self.by_mark.find(hash_of_code(code), same).is_some()
    }

    /// Every entry, in no order.
    pub fn all(&self) -> impl Iterator<Item = Entry> + '_ {
        let addresses = self.by_mark.iter();
        addresses.map(|address| packed::entry_at(&self.pages, *address))
    }

    /// The entries of a mark, in order of id, so that they come in the same order on every machine.
    #[must_use]
    pub fn entries(&self, mark: &[u8]) -> Vec<Entry> {
        let Some(code) = code_of(mark) else {
            return Vec::new();
        };
        let alike = self.by_mark.iter_hash(hash_of_code(code));
        let mut entries: Vec<Entry> = alike
            .filter(|address| packed::mark_at(&self.pages, **address) == mark)
            .map(|address| packed::entry_at(&self.pages, *address))
            .collect();
        entries.sort_unstable_by_key(|entry| entry.entry_id);
        entries
    }
}

/// A mark's characters as one number, no two marks alike; none where they are no mark.
#[must_use]
pub fn code_of(mark: &[u8]) -> Option<u64> {
    if mark.is_empty() || mark.len() > MAX_LENGTH {
        return None;
    }
    mark.iter().try_fold(0, |code, character| {
        let value = match character {
            b'A'..=b'Z' => character - b'A' + 1,
            b'0'..=b'9' => character - b'0' + 27,
            _ => return None,
        };
        Some(code * RADIX + u64::from(value))
    })
}

/// Hashes a code by one multiplication whose halves are folded: hash tables look at the highest and the lowest bits. The
/// marks come from lists that a force loads itself, so that speed counts and not protection from chosen collisions.
pub(crate) fn hash_of_code(code: u64) -> u64 {
    /// 2^64 divided by the golden ratio.
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let product = u128::from(code ^ GOLDEN) * u128::from(GOLDEN);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_marks_share_a_code_and_what_is_no_mark_has_none() {
        let marks = [
            "A",
            "A0",
            "0A",
            "AB12CDE",
            "AB12CDF",
            "BA12CDE",
            "0000000000",
            "9999999999",
            "ZZZZZZZZZZ",
            "AA",
        ];
        let codes: HashSet<_> = marks
            .iter()
            .map(|mark| code_of(mark.as_bytes()).unwrap())
            .collect();
        assert_eq!(codes.len(), marks.len());
        for wrong in ["", "ab12cde", "AB 12", "AB12\u{c9}", "ABCDEFGHIJK"] {
            assert_eq!(code_of(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
