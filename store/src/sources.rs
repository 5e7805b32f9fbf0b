//! Sources of reads: who may post, and which of its cameras is which of ours.

use std::collections::BTreeMap;

use domain::{CameraId, SourceName, Timestamp};

use crate::users::SecretHash;
use crate::{Store, StoreError};

/// A feed of reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// SHA-256 of its token.
    pub token: SecretHash,
    /// The names that its messages have for cameras, and ours. Where a name is missing it must be one of ours.
    pub cameras: BTreeMap<String, CameraId>,
    /// May no longer post.
    pub disabled: bool,
}

impl Store {
    /// Adds a source, or replaces one of the same name (a lost token, other cameras).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_source(&self, source: &Source, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let _ = (source, by, now);
        unimplemented!()
    }

    /// Every source, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        unimplemented!()
    }
}
