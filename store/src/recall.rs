//! Open cases whose leading entry is no longer looked for.

use std::collections::BTreeSet;

use domain::case::{self, Case, CaseEvent};
use domain::hit::Hit;
use domain::hotlist::Entry;
use domain::{CaseId, EntryId, ListName, Timestamp};

use crate::cases::{MAX_CASE_HITS, deployments_of, documents, lock_case, save_cases};
use crate::events::write_events;
use crate::sql::{Step, limit, millis, parsed, read_rows};
use crate::transaction::{Tx, transaction};
use crate::yields::count_event;
use crate::{Store, StoreError};

impl Store {
    /// Open cases whose leading entry was taken off its list, or is over at `now`, and that do not say so yet: the longest open
    /// first, at most `limit`.
    ///
    /// An entry of a list that was never loaded here (the matcher makes its own for suspected clones) cannot be taken off it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn to_recall(&self, now: Timestamp, limit: u32) -> Result<Vec<CaseId>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT case_id FROM cases WHERE is_open = 1 AND recalled = 0 AND (entry_expires_at <= $1 \
             OR (entry_list IN (SELECT list FROM lists) \
             AND NOT EXISTS (SELECT 1 FROM lists JOIN entries ON entries.shelf = lists.shelf \
             WHERE lists.list = cases.entry_list AND entries.entry_id = cases.entry_id))) \
             ORDER BY opened_at, case_id LIMIT $2",
        )
        .bind(millis(now))
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("looking for cases to recall")?;
        rows.iter().map(|(case,)| parsed("case id", case)).collect()
    }

    /// Recalls a case whose leading entry no longer holds: another of its live entries leads, or it ends, or it stays for a
    /// person to close, as [`case::recall`] decides. None where there is nothing to recall (any more).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or when the database fails.
    pub async fn recall(&self, case: CaseId, now: Timestamp) -> Result<Option<CaseEvent>, StoreError> {
        transaction!(self, "recall", |tx| {
            let stands = lock_case(tx, case).await?;
            let deployments = deployments_of(tx, case).await?;
            let live = live_entries(tx, &stands).await?;
            let Some(event) = case::recall(&stands, &deployments, &live, now) else {
                note_expiry(tx, &stands, &live).await?;
                return Ok(None);
            };
            save_cases(tx, &[&event.case]).await?;
            count_event(tx, &event).await?;
            write_events(tx, std::slice::from_ref(&event)).await?;
            Ok(Some(event))
        })
    }
}

/// Notes until when the leading entry counts as it stands on its list: extended since its hit, it would be looked at again and again.
async fn note_expiry(tx: &mut Tx, case: &Case, live: &[Entry]) -> Result<(), StoreError> {
    let Some(entry) = live.iter().find(|entry| entry.entry_id == case.entry.entry_id) else {
        return Ok(());
    };
    sqlx::query("UPDATE cases SET entry_expires_at = $2 WHERE case_id = $1")
        .bind(case.case_id.to_string())
        .bind(entry.expires_at.map(millis))
        .execute(tx.on())
        .await
        .step("noting until when an entry counts")
        .map(drop)
}

/// The entries among a case's newest hits that are still on their lists, as they stand there and opening cases at all.
async fn live_entries(tx: &mut Tx, case: &Case) -> Result<Vec<Entry>, StoreError> {
    let hits: Vec<(String,)> =
        sqlx::query_as("SELECT doc FROM hits WHERE case_id = $1 ORDER BY captured_at DESC, hit_id LIMIT $2")
            .bind(case.case_id.to_string())
            .bind(i64::from(MAX_CASE_HITS))
            .fetch_all(tx.on())
            .await
            .step("reading a case's hits")?;
    let hits: Vec<Hit> = documents("hit", &hits)?;
    let hit: BTreeSet<(EntryId, &ListName)> = hits
        .iter()
        .map(|hit| &hit.entry)
        .chain([&case.entry])
        .map(|entry| (entry.entry_id, &entry.list))
        .collect();
    let hit: Vec<_> = hit.into_iter().collect();
    let text = "SELECT doc FROM given JOIN lists ON lists.list = value ->> 1 \
                JOIN entries ON entries.shelf = lists.shelf AND entry_id = value ->> 0";
    let rows: Vec<(String,)> = read_rows(tx, "reading a case's entries", text, &hit).await?;
    let mut live: Vec<Entry> = documents("entry", &rows)?;
    live.retain(|entry| entry.grade.opens_case());
    Ok(live)
}
