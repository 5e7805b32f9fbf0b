//! What the log's entry topic holds, by digest: enough to tell whether it is what the store holds.

use std::hash::{DefaultHasher, Hasher};

use domain::EntryId;
use stream::wire::{EntryChange, HEADER_PUBLISHER, REVISION_KEY, RevisionMark};
use stream::{Delivered, wire};

use crate::digests::Digests;

/// The topic as its records leave it, the last of each key.
#[derive(Default)]
pub(crate) struct Mirror {
    /// A digest of each entry's value: 24 bytes an entry instead of 600.
    entries: Digests,
    mark: Option<RevisionMark>,
}

impl Mirror {
    /// Takes a record. Answers whether somebody else than the publisher `own` wrote it.
    pub(crate) fn take(&mut self, record: &Delivered, own: &[u8]) -> bool {
        let key = record.key.as_deref().unwrap_or_default();
        if key == REVISION_KEY.as_bytes() {
            match wire::entry_change(record) {
                Ok(EntryChange::Mark(mark)) => self.mark = Some(mark),
                // A mark that nobody can read is none.
                _ => self.mark = None,
            }
        } else if let Some(entry) = std::str::from_utf8(key).ok().and_then(|key| key.parse().ok()) {
            self.set(entry, record.value.as_deref());
        }
        record.header(HEADER_PUBLISHER) != Some(own)
    }

    /// Notes what was just published, without waiting to read it back.
    pub(crate) fn set(&mut self, entry: EntryId, value: Option<&[u8]>) {
        self.entries.set(entry, value.map(digest));
    }

    /// As [`Mirror::set`], for a mark.
    pub(crate) fn set_mark(&mut self, mark: RevisionMark) {
        self.mark = Some(mark);
    }

    /// The last mark.
    pub(crate) fn mark(&self) -> Option<RevisionMark> {
        self.mark
    }

    /// Whether an entry stands in the topic just like this.
    pub(crate) fn holds(&self, entry: EntryId, value: &[u8]) -> bool {
        self.entries.get(entry) == Some(digest(value))
    }

    /// Every entry in the topic.
    pub(crate) fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

fn digest(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(value);
    hasher.finish()
}
