//! The audit trail: append-only, each row's hash includes its predecessor's.
//!
//! Triggers refuse changes. Who can drop them (the database's owner) can still change rows, and the hashes then tell
//! where; who writes the whole trail anew from some row on is found only by a copy of a later hash kept elsewhere.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::events::take_numbers;
use crate::sql::{Step, count, limit, millis, number, storable, time};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError};

/// What stands for the hash before the first row.
const BEFORE_FIRST: &str = "";
/// Rows checked between two looks at the database: some 1 MB.
const VERIFY_PAGE: u32 = 5_000;

type Columns = (i64, i64, String, String, String, String, String);

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
        transaction!(self, "audit", |tx| {
            append(tx, actor, action, subject, detail, now).await
        })
    }

    /// Rows before `before` (all where none), newest first, at most `limit` (and [`crate::MAX_ROWS`]).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_rows(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT number, at, actor, action, subject, detail, hash FROM audit WHERE number < $1 \
             ORDER BY number DESC LIMIT $2",
        )
        .bind(before.map_or(i64::MAX, number))
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading the audit trail")?;
        rows.into_iter().map(row).collect()
    }

    /// Computes every hash anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        // Rows written while this runs are left to the next run.
        let expected = self.counter("audit").await?;
        let mut rows = 0;
        let mut hash_before = BEFORE_FIRST.to_owned();
        while rows < expected {
            let page = self.audit_from(rows + 1, expected).await?;
            if page.is_empty() {
                break;
            }
            for row in page {
                if row.number != rows + 1 || row.hash != hash(&hash_before, &row) {
                    return Ok(AuditVerdict {
                        rows,
                        broken_at: Some(rows + 1),
                    });
                }
                rows += 1;
                hash_before = row.hash;
            }
        }
        // Rows cut off at the end leave no wrong hash, only too few rows.
        let broken_at = (rows < expected).then_some(rows + 1);
        Ok(AuditVerdict { rows, broken_at })
    }

    async fn audit_from(&self, first: u64, last: u64) -> Result<Vec<AuditRow>, StoreError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT number, at, actor, action, subject, detail, hash FROM audit \
             WHERE number >= $1 AND number <= $2 ORDER BY number LIMIT $3",
        )
        .bind(number(first))
        .bind(number(last))
        .bind(i64::from(VERIFY_PAGE))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading the audit trail")?;
        rows.into_iter().map(row).collect()
    }
}

fn row((number, at, actor, action, subject, detail, hash): Columns) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        number: count(number),
        at: time(at)?,
        actor,
        action,
        subject,
        detail,
        hash,
    })
}

/// Appends a row in a transaction. Locks the trail: comes last.
pub(crate) async fn append(
    tx: &mut Tx,
    actor: &str,
    action: &str,
    subject: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let place = take_numbers(tx, "audit", 1).await?;
    let before: Option<(String,)> = sqlx::query_as("SELECT hash FROM audit WHERE number = $1")
        .bind(number(place - 1))
        .fetch_optional(tx.on())
        .await
        .step("reading the audit trail")?;
    let before = before.map_or_else(|| BEFORE_FIRST.to_owned(), |(hash,)| hash);
    let mut row = AuditRow {
        number: place,
        at: time(millis(now))?,
        actor: storable(actor),
        action: storable(action),
        subject: storable(subject),
        detail: storable(detail),
        hash: String::new(),
    };
    row.hash = hash(&before, &row);
    sqlx::query(
        "INSERT INTO audit (number, at, actor, action, subject, detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(number(row.number))
    .bind(millis(row.at))
    .bind(row.actor)
    .bind(row.action)
    .bind(row.subject)
    .bind(row.detail)
    .bind(row.hash)
    .execute(tx.on())
    .await
    .step("writing the audit trail")
    .map(drop)
}

/// SHA-256 over the hash before and the row's values, each framed by its length so that moving a character from one to
/// the next changes it.
fn hash(before: &str, row: &AuditRow) -> String {
    let mut hasher = Sha256::new();
    hasher.update(row.number.to_be_bytes());
    hasher.update(millis(row.at).to_be_bytes());
    for text in [before, &row.actor, &row.action, &row.subject, &row.detail] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    hex::encode(hasher.finalize())
}
