//! Lists, their entries and their revisions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::hotlist::{Entry, Revision};
use domain::{EntryId, ListName, Timestamp, UserName};
use serde::{Deserialize, Serialize};

use crate::changes::lock_lists;
use crate::entries::forget_superseded;
use crate::events::raise;
use crate::sql::{Step, count, from_json, limit, millis, number, parsed, read_rows, time};
use crate::transaction::transaction;
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

impl fmt::Display for ListChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            added,
            changed,
            removed,
            unchanged,
            ..
        } = self;
        write!(
            f,
            "{added} added, {changed} changed, {removed} removed, {unchanged} unchanged"
        )
    }
}

/// One change of a revision that is on its way to the log.
#[derive(Clone, Debug, PartialEq)]
pub enum PendingChange {
    /// On its list, as the JSON of an [`Entry`] says: as it goes into the log, so that nobody takes it apart and writes it again for a
    /// million of them.
    Put {
        /// Which entry.
        entry: EntryId,
        /// What it is now.
        json: String,
    },
    /// No longer on its list.
    Remove(EntryId),
}

impl Store {
    /// Every list, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lists(&self) -> Result<Vec<ListSummary>, StoreError> {
        let rows: Vec<(String, i64, i64, i64, String, Option<i64>)> = sqlx::query_as(
            "SELECT list, entries, revision, changed_at, changed_by, published_at FROM lists ORDER BY list",
        )
        .fetch_all(&self.inner.reader)
        .await
        .step("reading lists")?;
        rows.iter()
            .map(
                |(list, entries, revision, changed_at, changed_by, published_at)| {
                    Ok(ListSummary {
                        list: parsed("list name", list)?,
                        entries: count(*entries),
                        revision: Revision(count(*revision)),
                        changed_at: time(*changed_at)?,
                        changed_by: parsed("user name", changed_by)?,
                        published_at: published_at.map(time).transpose()?,
                    })
                },
            )
            .collect()
    }

    /// A list's entries in order of mark, behind `after`, at most `limit` (and [`crate::MAX_ROWS`]).
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where `after` is no longer on the list, so that "behind it" means nothing: begin anew.
    pub async fn entries(
        &self,
        list: &ListName,
        after: Option<EntryId>,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        let after = match after {
            None => (String::new(), String::new()),
            Some(after) => {
                let row: Option<(String, String)> = sqlx::query_as(
                    "SELECT vrm, entry_id FROM entries \
                         WHERE shelf = (SELECT shelf FROM lists WHERE list = $2) AND entry_id = $1",
                )
                .bind(after.to_string())
                .bind(list.as_str().to_owned())
                .fetch_optional(&self.inner.reader)
                .await
                .step("reading an entry")?;
                row.ok_or(StoreError::NotFound("entry"))?
            }
        };
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT e.doc FROM entry_marks m JOIN entries e ON e.shelf = m.shelf AND e.entry_id = m.entry_id \
             WHERE m.shelf = (SELECT shelf FROM lists WHERE list = $1) AND (m.vrm, m.entry_id) > ($2, $3) \
             ORDER BY m.vrm, m.entry_id LIMIT $4",
        )
        .bind(list.as_str().to_owned())
        .bind(after.0)
        .bind(after.1)
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading entries")?;
        rows.iter().map(|(doc,)| from_json("entry", doc)).collect()
    }

    /// Those of these entries that are on the list now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn entries_of(
        &self,
        list: &ListName,
        ids: &BTreeSet<EntryId>,
    ) -> Result<BTreeMap<EntryId, Entry>, StoreError> {
        let ids: Vec<_> = ids.iter().map(|id| (id, list)).collect();
        let text = "SELECT doc FROM given JOIN entries ON entry_id = value ->> 0 \
                    AND shelf = (SELECT shelf FROM lists WHERE lists.list = value ->> 1)";
        let rows: Vec<(String,)> = transaction!(self, "entries_of", |tx| {
            read_rows(tx, "reading entries", text, &ids).await
        })?;
        let entries = rows.iter().map(|(doc,)| {
            let entry: Entry = from_json("entry", doc)?;
            Ok((entry.entry_id, entry))
        });
        entries.collect()
    }

    /// The newest revision, and how many entries all lists have together.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revision(&self) -> Result<(Revision, u64), StoreError> {
        let (revision, entries): (i64, i64) = sqlx::query_as(
            "SELECT value, (SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) FROM lists) \
             FROM counters WHERE name = 'revision'",
        )
        .fetch_one(&self.inner.reader)
        .await
        .step("reading the revision")?;
        Ok((Revision(count(revision)), count(entries)))
    }

    /// The oldest revision that is not known to be in the log whole.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unpublished(&self) -> Result<Option<Revision>, StoreError> {
        let (revision,): (Option<i64>,) = sqlx::query_as(
            "SELECT MIN(revision) FROM list_changes \
             WHERE revision > (SELECT value FROM counters WHERE name = 'published')",
        )
        .fetch_one(&self.inner.reader)
        .await
        .step("looking for unpublished changes")?;
        Ok(revision.map(|revision| Revision(count(revision))))
    }

    /// The revision next to `last`, where it may pass `long` on the way into the log: it changes another list.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn passing(&self, long: Revision, last: Revision) -> Result<Option<Revision>, StoreError> {
        let revision: Option<(i64,)> = sqlx::query_as(
            "SELECT revision FROM list_changes \
             WHERE revision = (SELECT MIN(revision) FROM list_changes WHERE revision > $2) \
             AND list <> (SELECT long.list FROM list_changes long WHERE long.revision = $1)",
        )
        .bind(number(long.0))
        .bind(number(last.0))
        .fetch_optional(&self.inner.reader)
        .await
        .step("looking for changes that pass")?;
        Ok(revision.map(|(revision,)| Revision(count(revision))))
    }

    /// What a revision changed, in its order, behind `after` (the place that each change comes with), at most `limit` (and
    /// [`crate::MAX_ROWS`]). It is there until [`Store::set_published`], whatever changes meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changes_of(
        &self,
        revision: Revision,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, PendingChange)>, StoreError> {
        // Each part is bounded by itself, so that each is the beginning of a range of its index.
        let text = "WITH c AS (SELECT list, shelf, first_place, last_place FROM list_changes WHERE revision = $1) \
                    SELECT place, entry_id, doc FROM ( \
                    SELECT * FROM (SELECT place, entry_id, doc FROM entries WHERE shelf = (SELECT shelf FROM c) \
                    AND place > $2 AND place >= (SELECT first_place FROM c) AND place <= (SELECT last_place FROM c) \
                    ORDER BY place LIMIT $3) there \
                    UNION ALL SELECT * FROM (SELECT place, entry_id, CAST(NULL AS TEXT) AS doc FROM removals \
                    WHERE list = (SELECT list FROM c) \
                    AND place > $2 AND place >= (SELECT first_place FROM c) AND place <= (SELECT last_place FROM c) \
                    ORDER BY place LIMIT $3) gone \
                    UNION ALL SELECT * FROM (SELECT place, entry_id, doc FROM superseded WHERE revision = $1 \
                    AND place > $2 ORDER BY place LIMIT $3) superseded) changes \
                    ORDER BY place LIMIT $3";
        let rows: Vec<(i64, String, Option<String>)> = sqlx::query_as(text)
            .bind(number(revision.0))
            .bind(number(after))
            .bind(self::limit(limit))
            .fetch_all(&self.inner.reader)
            .await
            .step("reading unpublished changes")?;
        rows.into_iter()
            .map(|(place, entry_id, doc)| {
                let entry = parsed("entry id", &entry_id)?;
                let change = match doc {
                    Some(json) => PendingChange::Put { entry, json },
                    None => PendingChange::Remove(entry),
                };
                Ok((count(place), change))
            })
            .collect()
    }

    /// Records that everything up to `revision` is in the log.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_published(&self, revision: Revision, now: Timestamp) -> Result<(), StoreError> {
        transaction!(self, "set_published", |tx| {
            lock_lists(tx).await?;
            forget_superseded(tx, revision).await?;
            sqlx::query("UPDATE lists SET published_at = $2 WHERE revision <= $1 AND published_at IS NULL")
                .bind(number(revision.0))
                .bind(millis(now))
                .execute(tx.on())
                .await
                .step("recording the publication")?;
            raise(tx, "published", revision.0).await
        })
    }

    /// Records that a revision is in the log, though not everything before it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_passed(&self, revision: Revision, now: Timestamp) -> Result<(), StoreError> {
        transaction!(self, "set_passed", |tx| {
            lock_lists(tx).await?;
            sqlx::query("UPDATE lists SET published_at = $2 WHERE revision = $1 AND published_at IS NULL")
                .bind(number(revision.0))
                .bind(millis(now))
                .execute(tx.on())
                .await
                .step("recording the publication")
                .map(drop)
        })
    }

    /// The revision last recorded by [`Store::set_published`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn published(&self) -> Result<Revision, StoreError> {
        self.counter("published").await.map(Revision)
    }
}
