//! The lists as the log tells them: a fold over changes, which shows a revision only once it is whole.

use std::collections::HashMap;
use std::sync::Arc;

use domain::EntryId;
use domain::hotlist::{Entry, Revision};
use stream::wire::{EntryChange, RevisionMark};

/// All lists: the last whole revision, and what came behind it.
#[derive(Default)]
pub struct Lists {
    whole: HashMap<EntryId, Arc<Entry>>,
    mark: Option<RevisionMark>,
    /// Changes since the mark, the last of each entry; none is a removal.
    coming: HashMap<EntryId, Option<Arc<Entry>>>,
}

impl Lists {
    /// Takes the next change. Answers whether it made a new revision whole.
    ///
    /// A mark that does not name a higher revision than the last one is a late word of another publisher: what it
    /// follows may belong to a revision that is half there. Only a `repair`, which puts the topic right as a whole,
    /// may name the same revision again or an earlier one (a database restored from a backup).
    pub fn take(&mut self, change: EntryChange, repair: bool) -> bool {
        match change {
            EntryChange::Put(entry) => {
                self.coming.insert(entry.entry_id, Some(Arc::from(entry)));
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
                for (id, change) in self.coming.drain() {
                    match change {
                        Some(entry) => self.whole.insert(id, entry),
                        None => self.whole.remove(&id),
                    };
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

    /// The entries of the last whole revision, in no order.
    #[must_use]
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.whole.values().map(Arc::clone).collect()
    }
}
