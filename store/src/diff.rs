//! A list as it stands against a list as it should be, and the rows that lead from one to the other.

use std::collections::HashMap;

use domain::hotlist::{Entry, Revision};
use domain::{EntryId, ListName, Timestamp, Vrm};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::events::take_numbers;
use crate::sql::{Step, insert, millis, number, parsed, placeholders, rows_at_once, time, to_json};
use crate::transaction::Tx;

/// An entry as the table has it: its digest, and when it was listed.
pub(crate) type Current = HashMap<EntryId, (String, Timestamp)>;
/// Entries as they should be, with their digests.
pub(crate) type Wanted = HashMap<EntryId, (Entry, String)>;

/// What must be written to make the one the other.
pub(crate) struct Difference<'a> {
    pub(crate) added: Vec<Row<'a>>,
    pub(crate) changed: Vec<Row<'a>>,
    pub(crate) removed: Vec<EntryId>,
    pub(crate) unchanged: u64,
}

/// An entry to write.
pub(crate) struct Row<'a> {
    entry: &'a Entry,
    digest: &'a str,
    listed_at: Timestamp,
}

impl<'a> Difference<'a> {
    /// Compares everything but the time of listing, of which the earlier stays.
    pub(crate) fn between(mut current: Current, wanted: &'a Wanted) -> Self {
        let mut difference = Self {
            added: Vec::new(),
            changed: Vec::new(),
            removed: Vec::new(),
            unchanged: 0,
        };
        for (id, (entry, digest)) in wanted {
            let row = |listed_at| Row {
                entry,
                digest,
                listed_at,
            };
            match current.remove(id) {
                None => difference.added.push(row(entry.listed_at)),
                Some((before, _)) if before == *digest => difference.unchanged += 1,
                Some((_, listed_at)) => difference.changed.push(row(listed_at.min(entry.listed_at))),
            }
        }
        difference.removed.extend(current.into_keys());
        // The tables' own order: neighbouring rows are written together, and the log's order is the same each time.
        difference.added.sort_unstable_by_key(|row| row.entry.entry_id);
        difference.changed.sort_unstable_by_key(|row| row.entry.entry_id);
        difference.removed.sort_unstable();
        difference
    }
}

/// SHA-256 of everything about an entry but when it was listed.
pub(crate) fn digest(entry: &Entry) -> Result<String, StoreError> {
    let entry = Entry {
        listed_at: Timestamp::UNIX_EPOCH,
        ..entry.clone()
    };
    Ok(hex::encode(Sha256::digest(to_json("entry", &entry)?)))
}

/// A list's entries as they stand; those of one mark where given.
pub(crate) async fn current(tx: &mut Tx, list: &ListName, vrm: Option<Vrm>) -> Result<Current, StoreError> {
    let step = "reading a list's entries";
    let mut text = "SELECT entry_id, digest, listed_at FROM entries WHERE list = $1".to_owned();
    if vrm.is_some() {
        text.push_str(" AND vrm = $2");
    }
    let mut select = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(list.as_str().to_owned());
    if let Some(vrm) = vrm {
        select = select.bind(vrm.to_string());
    }
    let mut rows = select.fetch(tx.on());
    let mut current = Current::new();
    while let Some(row) = rows.try_next().await.step(step)? {
        let (id, digest, listed_at): (String, String, i64) = row;
        current.insert(parsed("entry id", &id)?, (digest, time(listed_at)?));
    }
    Ok(current)
}

/// Writes the entries' rows, and the same changes for the log.
pub(crate) async fn write(
    tx: &mut Tx,
    revision: Revision,
    difference: &Difference<'_>,
) -> Result<(), StoreError> {
    for part in difference.removed.chunks(rows_at_once(1)) {
        let text = format!(
            "DELETE FROM entries WHERE entry_id IN ({})",
            placeholders(1, part.len())
        );
        let mut delete = sqlx::query(sqlx::AssertSqlSafe(text)).persistent(part.len() == rows_at_once(1));
        for id in part {
            delete = delete.bind(id.to_string());
        }
        delete.execute(tx.on()).await.step("removing entries")?;
    }
    let changes = difference.removed.len() + difference.added.len() + difference.changed.len();
    let mut place = take_numbers(tx, "change", changes).await?;
    let removed: Vec<Change> = difference.removed.iter().map(|id| (*id, None)).collect();
    place = write_pending(tx, revision, place, removed).await?;
    for rows in [&difference.added, &difference.changed] {
        for part in rows.chunks(rows_at_once(6)) {
            let documents = write_entries(tx, part).await?;
            place = write_pending(tx, revision, place, documents).await?;
        }
    }
    Ok(())
}

/// An entry's change: its document, or none where it is gone.
type Change = (EntryId, Option<String>);

async fn write_entries(tx: &mut Tx, rows: &[Row<'_>]) -> Result<Vec<Change>, StoreError> {
    let text = "INSERT INTO entries (entry_id, list, vrm, listed_at, digest, doc)";
    let tail = "ON CONFLICT (entry_id) DO UPDATE SET \
                listed_at = excluded.listed_at, digest = excluded.digest, doc = excluded.doc";
    let mut upsert = insert(text, rows.len(), 6, tail);
    let mut documents = Vec::with_capacity(rows.len());
    for Row {
        entry,
        digest,
        listed_at,
    } in rows
    {
        let entry = Entry {
            listed_at: *listed_at,
            ..(*entry).clone()
        };
        let doc = to_json("entry", &entry)?;
        upsert = upsert
            .bind(entry.entry_id.to_string())
            .bind(entry.list.as_str().to_owned())
            .bind(entry.vrm.to_string())
            .bind(millis(*listed_at))
            .bind((*digest).to_owned())
            .bind(doc.clone());
        documents.push((entry.entry_id, Some(doc)));
    }
    upsert.execute(tx.on()).await.step("writing entries")?;
    Ok(documents)
}

/// Writes changes for the log from number `place` on; returns the next number.
async fn write_pending(
    tx: &mut Tx,
    revision: Revision,
    mut place: u64,
    changes: Vec<Change>,
) -> Result<u64, StoreError> {
    for part in changes.chunks(rows_at_once(4)) {
        let text = "INSERT INTO pending_changes (number, revision, entry_id, doc)";
        let mut insert = insert(text, part.len(), 4, "");
        for (id, doc) in part {
            insert = insert
                .bind(number(place))
                .bind(number(revision.0))
                .bind(id.to_string())
                .bind(doc.clone());
            place += 1;
        }
        insert.execute(tx.on()).await.step("writing pending changes")?;
    }
    Ok(place)
}
