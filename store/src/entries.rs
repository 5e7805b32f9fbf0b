//! The rows of entries: as a change writes them on the shelf where they stand, or on the one that it fills.

use domain::hotlist::{Entry, Revision};
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{EntryId, ListName};

use crate::diff::{Difference, Fate};
use crate::rows::{Source, Wanted};
use crate::sql::{Cell, ROWS_AT_ONCE, Step, insert_rows, millis, number, to_json, write_rows};
use crate::transaction::Tx;
use crate::{StoreError, distribution, history};

/// A change of a list on its way.
pub(crate) struct Writing<'a> {
    pub(crate) list: &'a ListName,
    /// Taken when the change began; what it writes is kept under it.
    pub(crate) ticket: u64,
    /// Where the list's entries stand.
    pub(crate) from: u64,
    /// Where they will.
    pub(crate) to: u64,
    pub(crate) policy: Option<&'a ListPolicy>,
}

impl Writing<'_> {
    /// Keeps the history of entries that go, of which the first has the place `first`.
    pub(crate) async fn let_go(&self, tx: &mut Tx, first: u64, ids: &[EntryId]) -> Result<(), StoreError> {
        history::write_before(tx, self, ids).await?;
        history::write_coming(tx, self, ids).await?;
        distribution::write_removals(tx, self, first, ids).await
    }

    /// Writes those rows of a block that differ, and where another shelf is filled the others, too. How many differ; the first of
    /// them has the place `first`.
    pub(crate) async fn write_block(
        &self,
        tx: &mut Tx,
        first: u64,
        block: &mut [Wanted],
        difference: &Difference,
    ) -> Result<u64, StoreError> {
        let (mut rows, mut known, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for wanted in block {
            let fate = difference.fate(wanted);
            if !matches!(fate, Fate::Add) {
                known.push(wanted.entry.entry_id);
            }
            match fate {
                Fate::Leave => continue,
                Fate::Add => {}
                Fate::Change(listed_at) => {
                    changed.push(wanted.entry.entry_id);
                    if listed_at < wanted.entry.listed_at {
                        wanted.list_at(listed_at)?;
                    }
                }
            }
            rows.push(&*wanted);
        }
        history::write_before(tx, self, &changed).await?;
        if self.from != self.to {
            self.copy(tx, &known).await?;
        }
        self.put(tx, first, &rows).await?;
        Ok(rows.len() as u64)
    }

    /// Puts entries as they stand on the shelf that is filled.
    async fn copy(&self, tx: &mut Tx, ids: &[EntryId]) -> Result<(), StoreError> {
        let text = "INSERT INTO entries (shelf, entry_id, list, vrm, listed_at, digest, doc, added_in, place) \
                    SELECT CAST(value ->> 2 AS BIGINT), entry_id, list, vrm, listed_at, digest, doc, added_in, place \
                    FROM given JOIN entries ON shelf = CAST(value ->> 1 AS BIGINT) AND entry_id = value ->> 0";
        let rows: Vec<_> = ids.iter().map(|id| (id, self.from, self.to)).collect();
        write_rows(tx, "copying entries", text, &rows).await
    }

    /// An entry without weed date gets the latest that the policy allows. Its digest does not: the same row is the same tomorrow.
    async fn put(&self, tx: &mut Tx, first: u64, rows: &[&Wanted]) -> Result<(), StoreError> {
        let insert =
            "INSERT INTO entries (shelf, entry_id, list, vrm, listed_at, digest, doc, added_in, place)";
        let conflict = "ON CONFLICT (shelf, entry_id) DO UPDATE SET listed_at = excluded.listed_at, \
                        digest = excluded.digest, doc = excluded.doc, place = excluded.place";
        let mut docs = Vec::with_capacity(rows.len());
        for wanted in rows {
            docs.push(self.document(wanted)?);
        }
        let rows = rows.iter().zip(docs).enumerate();
        let cells = rows.map(|(index, (Wanted { entry, digest, .. }, doc))| {
            [
                Cell::Number(number(self.to)),
                Cell::Text(entry.entry_id.to_string()),
                Cell::Text(entry.list.as_str().to_owned()),
                Cell::Text(entry.target.as_str().to_owned()),
                Cell::Number(millis(entry.listed_at)),
                Cell::Text(format!("{digest:016x}")),
                Cell::Text(doc),
                Cell::Number(number(self.ticket)),
                Cell::Number(number(first + index as u64)),
            ]
        });
        insert_rows(tx, "writing entries", (insert, conflict), cells).await
    }

    fn document(&self, wanted: &Wanted) -> Result<String, StoreError> {
        let Wanted { entry, doc, .. } = wanted;
        let latest = self.policy.map(|policy| policy.latest_expiry(entry.listed_at));
        match (entry.expires_at, latest) {
            (None, Some(latest)) => {
                let expires_at = Some(latest);
                let entry = Entry {
                    expires_at,
                    ..entry.clone()
                };
                to_json("entry", &entry)
            }
            _ => Ok(doc.clone()),
        }
    }
}

/// Makes the difference on the shelf where the entries stand: first what goes, in order of id, then what comes, in the order that
/// it has. The first has the place `first`.
pub(crate) async fn write_in_place(
    tx: &mut Tx,
    writing: &Writing<'_>,
    first: u64,
    difference: &Difference,
    source: &Source,
) -> Result<(), StoreError> {
    let mut next = first;
    let unpublished = is_unpublished(tx, writing.list).await?;
    for ids in difference.removed.chunks(ROWS_AT_ONCE) {
        if unpublished {
            keep_superseded(tx, writing.from, ids).await?;
        }
        writing.let_go(tx, next, ids).await?;
        remove(tx, writing.from, ids).await?;
        next += ids.len() as u64;
    }
    if difference.added + difference.changed == 0 {
        return Ok(());
    }
    let mut blocks = source.blocks();
    while let Some(mut block) = blocks.next(tx.on()).await? {
        block.retain(|wanted| !matches!(difference.fate(wanted), Fate::Leave));
        let ids: Vec<EntryId> = block.iter().map(|wanted| wanted.entry.entry_id).collect();
        let targets: Vec<(Target, EntryId)> = block.iter().map(Wanted::mark).collect();
        if unpublished {
            keep_superseded(tx, writing.from, &ids).await?;
        }
        next += writing.write_block(tx, next, &mut block, difference).await?;
        write_marks(tx, writing.to, &targets).await?;
        distribution::forget_removals(tx, &ids).await?;
    }
    Ok(())
}

/// Writes where marks and patterns stand.
pub(crate) async fn write_marks(
    tx: &mut Tx,
    shelf: u64,
    targets: &[(Target, EntryId)],
) -> Result<(), StoreError> {
    let insert = "INSERT INTO entry_marks (shelf, vrm, entry_id)";
    let conflict = "ON CONFLICT (shelf, vrm, entry_id) DO NOTHING";
    let cells = targets.iter().map(|(target, id)| {
        [
            Cell::Number(number(shelf)),
            Cell::Text(target.as_str().to_owned()),
            Cell::Text(id.to_string()),
        ]
    });
    insert_rows(tx, "writing marks", (insert, conflict), cells).await?;
    let text = "INSERT INTO entry_patterns (shelf, entry_id) \
                SELECT CAST(value ->> 0 AS BIGINT), value ->> 1 FROM given WHERE true \
                ON CONFLICT (shelf, entry_id) DO NOTHING";
    let patterns = targets.iter().filter(|(target, _)| target.is_pattern());
    let rows: Vec<_> = patterns.map(|(_, id)| (shelf, id)).collect();
    write_rows(tx, "writing patterns", text, &rows).await
}

/// Takes entries off a shelf. Its number stands in the statements: SQLite finds rows by a part of their key alone where the other
/// part is in a list.
async fn remove(tx: &mut Tx, shelf: u64, ids: &[EntryId]) -> Result<(), StoreError> {
    let rows: Vec<_> = ids.iter().map(|id| (id,)).collect();
    let these = format!("shelf = {shelf} AND entry_id IN (SELECT value ->> 0 FROM given)");
    let marks = format!(
        "DELETE FROM entry_marks WHERE shelf = {shelf} AND (vrm, entry_id) IN \
         (SELECT vrm, entry_id FROM entries WHERE {these})"
    );
    write_rows(tx, "removing marks", &marks, &rows).await?;
    let patterns = format!("DELETE FROM entry_patterns WHERE {these}");
    write_rows(tx, "removing patterns", &patterns, &rows).await?;
    let entries = format!("DELETE FROM entries WHERE {these}");
    write_rows(tx, "removing entries", &entries, &rows).await
}

/// Whether the log is not known to have all changes of a list.
async fn is_unpublished(tx: &mut Tx, list: &ListName) -> Result<bool, StoreError> {
    let (changes,): (i64,) = sqlx::query_as(
        "SELECT COUNT(*) FROM list_changes WHERE list = $1 \
         AND revision > (SELECT value FROM counters WHERE name = 'published')",
    )
    .bind(list.as_str().to_owned())
    .fetch_one(tx.on())
    .await
    .step("looking for unpublished changes")?;
    Ok(changes > 0)
}

/// Copies what a revision wrote that is not in the log yet and that is about to change again: it is published as it is now. Hardly
/// ever is anything, since a change is published within a second.
async fn keep_superseded(tx: &mut Tx, shelf: u64, ids: &[EntryId]) -> Result<(), StoreError> {
    let text = "INSERT INTO superseded (place, revision, entry_id, doc) \
                SELECT old.place, c.revision, old.entry_id, old.doc FROM ( \
                SELECT list, place, entry_id, doc FROM given \
                JOIN entries ON shelf = CAST(value ->> 1 AS BIGINT) AND entry_id = value ->> 0 \
                UNION ALL SELECT list, place, entry_id, CAST(NULL AS TEXT) FROM given \
                JOIN removals ON entry_id = value ->> 0) old \
                JOIN list_changes c ON c.list = old.list AND old.place BETWEEN c.first_place AND c.last_place \
                WHERE c.revision > (SELECT value FROM counters WHERE name = 'published') \
                ON CONFLICT (place) DO NOTHING";
    let rows: Vec<_> = ids.iter().map(|id| (id, shelf)).collect();
    write_rows(tx, "keeping what was superseded", text, &rows).await
}

/// Forgets what was superseded and is in the log now.
pub(crate) async fn forget_superseded(tx: &mut Tx, revision: Revision) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM superseded WHERE revision <= $1")
        .bind(number(revision.0))
        .execute(tx.on())
        .await
        .step("forgetting what was superseded")
        .map(drop)
}
