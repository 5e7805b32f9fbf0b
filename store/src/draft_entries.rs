//! The entries of drafts. Of a large one they are written before it, in short transactions that nobody waits for, and count for nothing
//! until the draft is there. When it is decided they are forgotten little by little.

use domain::{ListName, Timestamp};

use crate::drafts::{DraftKind, check_room};
use crate::events::take_numbers;
use crate::rows::{Source, Wanted};
use crate::shelves::{GIVEN_UP_AFTER, Standing, TIDIED_AT_ONCE};
use crate::sql::{Cell, Step, count, insert_rows, millis, number, write_rows};
use crate::transaction::{OnDisk, Tx, transaction};
use crate::{Store, StoreError};

impl Store {
    /// Writes the entries of a load that is to wait for a second person, and says under which number. A draft of that number makes
    /// them its own with [`finish`].
    ///
    /// # Errors
    /// [`StoreError::Draft`] where no such draft may wait, [`StoreError::Moved`], or when the database or the rows fail.
    pub(crate) async fn write_draft(
        &self,
        list: &ListName,
        source: &Source,
        standing: &Standing,
    ) -> Result<u64, StoreError> {
        let draft = transaction!(self, "begin_draft", |tx| {
            check_room(tx, list, DraftKind::Load).await?;
            begin(tx).await
        })?;
        match self.write_blocks(draft, list, source, standing).await {
            Ok(()) => Ok(draft),
            Err(error) => {
                self.leave_draft(draft).await;
                Err(error)
            }
        }
    }

    async fn write_blocks(
        &self,
        draft: u64,
        list: &ListName,
        source: &Source,
        standing: &Standing,
    ) -> Result<(), StoreError> {
        let mut blocks = source.blocks();
        loop {
            let mut reading = self.inner.reader.acquire().await.step("reading rows")?;
            let Some(block) = blocks.next(&mut reading).await? else {
                return Ok(());
            };
            drop(reading);
            transaction!(self, "fill_draft", OnDisk::Later, |tx| {
                standing.still(tx, list).await?;
                touch(tx, draft).await?;
                write_block(tx, draft, &block).await
            })?;
        }
    }

    /// Leaves entries to be forgotten, if no draft has made them its own. Where that fails they are found by their age.
    pub(crate) async fn leave_draft(&self, draft: u64) {
        let left = transaction!(self, "leave_draft", |tx| { give_up(tx, draft, i64::MAX).await });
        if let Err(error) = left {
            tracing::debug!(%error, "the entries of a draft that was given up are forgotten later");
        }
    }

    /// Forgets a thousand entries that are no waiting draft's. Whether there is more to do.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn tidy_drafts(&self, now: Timestamp) -> Result<bool, StoreError> {
        let given_up = millis(now - GIVEN_UP_AFTER);
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT draft FROM draft_writes WHERE touched_at < $1 ORDER BY draft LIMIT 1")
                .bind(given_up)
                .fetch_optional(&self.inner.reader)
                .await
                .step("looking for drafts to forget")?;
        let Some((draft,)) = row else {
            return Ok(false);
        };
        transaction!(self, "tidy_draft", OnDisk::Later, |tx| {
            if give_up(tx, count(draft), given_up).await? {
                forget_some(tx, count(draft)).await?;
            }
            Ok(())
        })?;
        Ok(true)
    }
}

async fn begin(tx: &mut Tx) -> Result<u64, StoreError> {
    let draft = take_numbers(tx, "draft", 1).await?;
    note(tx, draft, millis(Timestamp::now())).await?;
    Ok(draft)
}

async fn note(tx: &mut Tx, draft: u64, touched_at: i64) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO draft_writes (draft, touched_at) VALUES ($1, $2)")
        .bind(number(draft))
        .bind(touched_at)
        .execute(tx.on())
        .await
        .step("noting a draft's entries")
        .map(drop)
}

/// Shows that somebody still writes the entries.
async fn touch(tx: &mut Tx, draft: u64) -> Result<(), StoreError> {
    let touched = sqlx::query("UPDATE draft_writes SET touched_at = $2 WHERE draft = $1 AND touched_at > 0")
        .bind(number(draft))
        .bind(millis(Timestamp::now()))
        .execute(tx.on())
        .await
        .step("writing a draft's entries")?;
    still_ours(touched.rows_affected())
}

/// Makes entries that were written before a draft's, in the transaction that writes it.
pub(crate) async fn finish(tx: &mut Tx, draft: u64) -> Result<(), StoreError> {
    let finished = sqlx::query("DELETE FROM draft_writes WHERE draft = $1 AND touched_at > 0")
        .bind(number(draft))
        .execute(tx.on())
        .await
        .step("ending to write a draft's entries")?;
    still_ours(finished.rows_affected())
}

/// Otherwise somebody took the entries for given up, and forgets them.
fn still_ours(rows: u64) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::Moved) } else { Ok(()) }
}

/// Writes the entries of a small draft, in the transaction that writes it.
pub(crate) async fn write(tx: &mut Tx, draft: u64, source: &Source) -> Result<(), StoreError> {
    let mut blocks = source.blocks();
    while let Some(block) = blocks.next(tx.on()).await? {
        write_block(tx, draft, &block).await?;
    }
    Ok(())
}

async fn write_block(tx: &mut Tx, draft: u64, block: &[Wanted]) -> Result<(), StoreError> {
    let cells = block.iter().map(|Wanted { entry, doc, .. }| {
        [
            Cell::Number(number(draft)),
            Cell::Text(entry.entry_id.to_string()),
            Cell::Text(doc.clone()),
        ]
    });
    let insert = "INSERT INTO draft_entries (draft, entry_id, doc)";
    insert_rows(tx, "writing a draft's entries", (insert, ""), cells).await
}

/// Leaves the entries of a draft that is decided to be forgotten.
pub(crate) async fn forget(tx: &mut Tx, draft: u64) -> Result<(), StoreError> {
    note(tx, draft, 0).await
}

/// From now on nobody writes these entries, if nobody has since `before`. Whether that is so.
async fn give_up(tx: &mut Tx, draft: u64, before: i64) -> Result<bool, StoreError> {
    let given_up = sqlx::query("UPDATE draft_writes SET touched_at = 0 WHERE draft = $1 AND touched_at < $2")
        .bind(number(draft))
        .bind(before)
        .execute(tx.on())
        .await
        .step("giving up a draft's entries")?;
    Ok(given_up.rows_affected() > 0)
}

/// Forgets the number, too, with the last of its entries. It stands in the statement: see [`crate::entries::remove`].
async fn forget_some(tx: &mut Tx, draft: u64) -> Result<(), StoreError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT entry_id FROM draft_entries WHERE draft = $1 ORDER BY entry_id LIMIT $2")
            .bind(number(draft))
            .bind(TIDIED_AT_ONCE)
            .fetch_all(tx.on())
            .await
            .step("reading a draft's entries")?;
    let text = format!(
        "DELETE FROM draft_entries WHERE draft = {draft} AND entry_id IN (SELECT value ->> 0 FROM given)"
    );
    write_rows(tx, "forgetting a draft's entries", &text, &rows).await?;
    if rows.is_empty() {
        sqlx::query("DELETE FROM draft_writes WHERE draft = $1")
            .bind(number(draft))
            .execute(tx.on())
            .await
            .step("forgetting a draft")?;
    }
    Ok(())
}
