//! The index: immutable, built aside, swapped whole.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use domain::hotlist::{Entry, Revision};
use domain::vrm::MAX_LENGTH;

/// Values of a character: none, 26 letters, 10 digits.
const RADIX: u64 = 37;
/// Every mark of [`MAX_LENGTH`] characters has a code of its own in 64 bits: 37^10 is below 2^53.
const _: () = assert!(RADIX.pow(MAX_LENGTH as u32) < 1 << 53);

/// The entries of one revision by mark.
#[derive(Default)]
pub struct Index {
    revision: Revision,
    /// Sorted by mark, then id, so that one mark's entries stand together and in the same order on every machine.
    entries: Vec<Arc<Entry>>,
    /// Where a mark's entries begin and how many there are. The keys come from lists that a force loads itself, so
    /// that speed counts here and not protection from chosen collisions.
    by_mark: HashMap<u64, Span, BuildHasherDefault<Mix>>,
}

/// Entries that stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    length: u32,
}

impl Index {
    /// Builds the index of a revision. It sorts every entry, so not on a thread that others wait for.
    #[must_use]
    pub fn build(revision: Revision, mut entries: Vec<Arc<Entry>>) -> Self {
        entries.sort_unstable_by_key(|entry| (entry.vrm, entry.entry_id));
        let mut by_mark: HashMap<u64, Span, _> = HashMap::default();
        by_mark.reserve(entries.len());
        for (start, entry) in (0..).zip(&entries) {
            if let Some(code) = code_of(entry.vrm.as_bytes()) {
                by_mark.entry(code).or_insert(Span { start, length: 0 }).length += 1;
            }
        }
        Self {
            revision,
            entries,
            by_mark,
        }
    }

    /// The revision of all lists that this is.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the entries of a mark's code stand, if there are any.
    #[must_use]
    pub fn find(&self, code: u64) -> Option<Span> {
        self.by_mark.get(&code).copied()
    }

    /// The entries of a span that [`Index::find`] gave.
    #[must_use]
    pub fn entries(&self, span: Span) -> &[Arc<Entry>] {
        let start = span.start as usize;
        &self.entries[start..start + span.length as usize]
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

/// Hashes a code by one multiplication whose halves are folded: hash tables look at the highest and the lowest bits.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, code: u64) {
        /// 2^64 divided by the golden ratio.
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(code ^ GOLDEN) * u128::from(GOLDEN);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
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
