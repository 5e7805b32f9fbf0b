//! The audit trail: append-only, each row's hash includes its predecessor's.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

/// What somebody did or looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its place in the trail, from 1, without gaps.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The user's name, or the program's (`command-line`, `dispatcher`).
    pub actor: String,
    /// What: `sign_in`, `sign_in_failed`, `sign_out`, `view_case`, `confirmed`, `hotlist_loaded` ...
    pub action: String,
    /// On what: a case id, a list name, a user name. Never a plate.
    pub subject: String,
    /// More, for people. Never a plate.
    pub detail: String,
    /// SHA-256 over this row and the hash of the one before, hexadecimal.
    pub hash: String,
}

/// What checking the trail found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerdict {
    /// Rows checked.
    pub rows: u64,
    /// The first row that does not follow from the one before; none where the trail is whole.
    pub broken_at: Option<u64>,
}

impl Store {
    /// Appends a row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(
        &self,
        actor: &str,
        action: &str,
        subject: &str,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let _ = (actor, action, subject, detail, now);
        unimplemented!()
    }

    /// Rows before `before` (all where none), newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_rows(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let _ = (before, limit);
        unimplemented!()
    }

    /// Computes every hash anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        unimplemented!()
    }
}
