//! What the embedded log wants of a storage, and the one in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;

use crate::LogError;
use crate::topic::Topic;

/// A sorted map of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    /// What [`super::meta`] describes.
    Meta,
    /// Offset of the last record to entry.
    Records(Topic, u32),
    /// Compacted topics: key to where its record is.
    Keys(Topic, u32),
    /// Compacted topics: offset of a tombstone to when it came, and its key.
    Tombstones(Topic, u32),
}

/// One change of a batch: a new value, or none to remove it.
pub(super) struct Change {
    pub(super) space: Space,
    pub(super) key: Bytes,
    pub(super) value: Option<Bytes>,
}

impl Change {
    pub(super) fn put(space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self {
            space,
            key: key.into(),
            value: Some(value.into()),
        }
    }

    pub(super) fn remove(space: Space, key: impl Into<Bytes>) -> Self {
        Self {
            space,
            key: key.into(),
            value: None,
        }
    }
}

/// Sorted maps with atomic, durable batches.
pub(super) trait Storage: Send + Sync {
    /// Makes a space usable.
    fn open_space(&self, space: Space) -> Result<(), LogError>;

    /// Applies all changes or none, and returns once they are durable. No key of a space occurs twice.
    fn apply(&self, changes: Vec<Change>) -> Result<(), LogError>;

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, LogError>;

    /// Visits in order what stands at `from` or behind it, until `visit` returns false.
    fn scan(
        &self,
        space: Space,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], Bytes) -> bool,
    ) -> Result<(), LogError>;

    /// Whether calls may wait for a disk.
    fn blocks(&self) -> bool;

    /// Whether it will not work again before it is opened anew.
    fn is_lost(&self) -> bool {
        false
    }
}

/// A storage that forgets everything when dropped.
#[derive(Default)]
pub(super) struct Memory(RwLock<HashMap<Space, BTreeMap<Bytes, Bytes>>>);

impl Storage for Memory {
    fn open_space(&self, space: Space) -> Result<(), LogError> {
        let mut spaces = self.0.write().unwrap_or_else(PoisonError::into_inner);
        spaces.entry(space).or_default();
        Ok(())
    }

    fn apply(&self, changes: Vec<Change>) -> Result<(), LogError> {
        let mut spaces = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            let space = spaces.entry(change.space).or_default();
            match change.value {
                Some(value) => space.insert(change.key, value),
                None => space.remove(&change.key),
            };
        }
        Ok(())
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, LogError> {
        let spaces = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(spaces.get(&space).and_then(|space| space.get(key)).cloned())
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], Bytes) -> bool,
    ) -> Result<(), LogError> {
        let spaces = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let range = (Bound::Included(from), Bound::Unbounded);
        let Some(space) = spaces.get(&space) else {
            return Ok(());
        };
        for (key, value) in space.range::<[u8], _>(range) {
            if !visit(key, value.clone()) {
                break;
            }
        }
        Ok(())
    }

    fn blocks(&self) -> bool {
        false
    }
}
