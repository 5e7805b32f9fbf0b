//! Lists, their entries and their revisions.

use domain::hotlist::{Entry, Revision};
use domain::{EntryId, ListName, Timestamp, UserName};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

/// A list as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSummary {
    /// Its name.
    pub list: ListName,
    /// Entries on it.
    pub entries: u64,
    /// The revision of all lists in which it last changed.
    pub revision: Revision,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Who changed it.
    pub changed_by: UserName,
    /// When that revision was in the log whole; none while it is on its way.
    pub published_at: Option<Timestamp>,
}

/// What a load or a withdrawal changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListChange {
    /// The revision it made; the one before where nothing changed.
    pub revision: Revision,
    /// Entries that were not there.
    pub added: u64,
    /// Entries that differ.
    pub changed: u64,
    /// Entries no longer there.
    pub removed: u64,
    /// Entries as before; they keep the time they were first listed.
    pub unchanged: u64,
}

/// One change of the revision that is on its way to the log.
#[derive(Clone, Debug, PartialEq)]
pub enum PendingChange {
    /// On its list, like this.
    Put(Box<Entry>),
    /// No longer on its list.
    Remove(EntryId),
}

impl Store {
    /// Makes `entries` the whole of a list: one transaction, one revision, one audit row. The difference is what waits
    /// to be published. Entries must be of that list; of two with one id the last counts.
    ///
    /// # Errors
    /// When the database fails; the list is as before then.
    pub async fn replace_list(
        &self,
        list: &ListName,
        entries: Vec<Entry>,
        by: &UserName,
        now: Timestamp,
    ) -> Result<ListChange, StoreError> {
        let _ = (list, entries, by, now);
        unimplemented!()
    }

    /// Takes a whole list, or the entries of one mark on it, out of use: one transaction, one revision, one audit row.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such list or mark on it.
    pub async fn withdraw(
        &self,
        list: &ListName,
        vrm: Option<domain::Vrm>,
        by: &UserName,
        now: Timestamp,
    ) -> Result<ListChange, StoreError> {
        let _ = (list, vrm, by, now);
        unimplemented!()
    }

    /// Every list, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lists(&self) -> Result<Vec<ListSummary>, StoreError> {
        unimplemented!()
    }

    /// A list's entries in order of mark, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn entries(
        &self,
        list: &ListName,
        after: Option<EntryId>,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        let _ = (list, after, limit);
        unimplemented!()
    }

    /// The newest revision, and how many entries all lists have together.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revision(&self) -> Result<(Revision, u64), StoreError> {
        unimplemented!()
    }

    /// Changes that are not known to be in the log whole, oldest first, at most `limit`, behind `after` (the number
    /// that each comes with, counted from 1), and the revision that they belong to. They stay until
    /// [`Store::set_published`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_changes(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Revision, PendingChange)>, StoreError> {
        let _ = (after, limit);
        unimplemented!()
    }

    /// Records that everything up to `revision` is in the log, and forgets its pending changes. `changes_up_to` is the
    /// number of the last change that was published with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_published(
        &self,
        revision: Revision,
        changes_up_to: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let _ = (revision, changes_up_to, now);
        unimplemented!()
    }

    /// The revision last recorded by [`Store::set_published`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn published(&self) -> Result<Revision, StoreError> {
        unimplemented!()
    }
}
