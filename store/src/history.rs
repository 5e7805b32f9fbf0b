//! What became of an entry: who changed it, when and why, from what to what.

use std::ops::Range;

use domain::hotlist::{Entry, Revision};
use domain::{EntryId, ListName, Timestamp, UserName};
use serde::{Deserialize, Serialize};

use crate::changes::Sign;
use crate::entries::Writing;
use crate::sql::{Step, count, from_json, limit, millis, number, parsed, storable, time, write_rows};
use crate::transaction::Tx;
use crate::{Store, StoreError};

/// Changes of one entry that are shown: who changes one more often has a program do it.
const MOST_CHANGES: u32 = 1_000;

type Columns = (i64, String, i64, String, Option<String>, String, Option<String>);

/// One change of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryChange {
    /// The revision that it made.
    pub revision: Revision,
    /// By what: `hotlist_loaded`, `hotlist_entry_put`, `hotlist_withdrawn`.
    pub action: String,
    /// When.
    pub at: Timestamp,
    /// Who wanted it.
    pub by: UserName,
    /// Who let it become live, on a list of four eyes.
    pub authorised_by: Option<UserName>,
    /// Why, in their words; may be empty.
    pub why: String,
    /// What it was; none where it was not on the list.
    pub before: Option<Box<Entry>>,
    /// What it became; none where it went.
    pub after: Option<Box<Entry>>,
}

impl Store {
    /// What became of an entry of a list, the newest change first. It may be gone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where that list never had it.
    pub async fn entry_history(
        &self,
        list: &ListName,
        entry_id: EntryId,
    ) -> Result<Vec<EntryChange>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let step = "reading an entry's history";
        let now: Option<(String,)> =
            sqlx::query_as("SELECT doc FROM entries WHERE shelf = (SELECT shelf FROM lists WHERE list = $2) AND entry_id = $1")
                .bind(entry_id.to_string())
                .bind(list.as_str().to_owned())
                .fetch_optional(&mut *snapshot)
                .await
                .step(step)?;
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT c.revision, c.action, c.changed_at, c.changed_by, c.authorised_by, c.why, e.before \
             FROM (SELECT ticket, before FROM entry_changes WHERE entry_id = $1 \
                   UNION SELECT added_in, NULL FROM entries \
                   WHERE shelf = (SELECT shelf FROM lists WHERE list = $2) AND entry_id = $1) e \
             JOIN list_changes c ON c.ticket = e.ticket \
             WHERE c.list = $2 ORDER BY c.revision DESC LIMIT $3",
        )
        .bind(entry_id.to_string())
        .bind(list.as_str().to_owned())
        .bind(limit(MOST_CHANGES))
        .fetch_all(&mut *snapshot)
        .await
        .step(step)?;
        snapshot.commit().await.step("ending to read")?;
        if now.is_none() && rows.is_empty() {
            return Err(StoreError::NotFound("entry"));
        }
        let entry = |doc: Option<String>| doc.map(|doc| from_json("entry", &doc)).transpose();
        let mut after: Option<Box<Entry>> = entry(now.map(|(doc,)| doc))?;
        let mut changes = Vec::with_capacity(rows.len());
        for (revision, action, at, by, authorised_by, why, before) in rows {
            let before: Option<Box<Entry>> = entry(before)?;
            changes.push(EntryChange {
                revision: Revision(count(revision)),
                action,
                at: time(at)?,
                by: parsed("user name", &by)?,
                authorised_by: authorised_by.map(|name| parsed("user name", &name)).transpose()?,
                why,
                after: std::mem::replace(&mut after, before.clone()),
                before,
            });
        }
        Ok(changes)
    }
}

/// Records a change as a whole: from now on, what was written under its ticket counts. Its entries have these places.
pub(crate) async fn write_change(
    tx: &mut Tx,
    writing: &Writing<'_>,
    revision: Revision,
    action: &str,
    sign: &Sign<'_>,
    places: Range<u64>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO list_changes (revision, list, action, changed_at, changed_by, authorised_by, why, \
         ticket, shelf, first_place, last_place) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(number(revision.0))
    .bind(writing.list.as_str().to_owned())
    .bind(action.to_owned())
    .bind(millis(sign.author.at))
    .bind(sign.author.by.as_str().to_owned())
    .bind(sign.authorised_by.map(|name| name.as_str().to_owned()))
    .bind(storable(sign.author.why))
    .bind(number(writing.ticket))
    .bind(number(writing.to))
    .bind(number(places.start))
    .bind(number(places.end - 1))
    .execute(tx.on())
    .await
    .step("writing a change")
    .map(drop)
}

/// Keeps what is about to change or go as it still is.
pub(crate) async fn write_before(
    tx: &mut Tx,
    writing: &Writing<'_>,
    ids: &[EntryId],
) -> Result<(), StoreError> {
    let text = "INSERT INTO entry_changes (entry_id, ticket, before) \
                SELECT entry_id, CAST(value ->> 2 AS BIGINT), doc FROM given \
                JOIN entries ON shelf = CAST(value ->> 1 AS BIGINT) AND entry_id = value ->> 0";
    let rows: Vec<_> = ids.iter().map(|id| (id, writing.from, writing.ticket)).collect();
    write_rows(tx, "writing what entries were", text, &rows).await
}

/// Keeps when entries came that are about to go: while they live it stands in their own rows.
pub(crate) async fn write_coming(
    tx: &mut Tx,
    writing: &Writing<'_>,
    ids: &[EntryId],
) -> Result<(), StoreError> {
    let text = "INSERT INTO entry_changes (entry_id, ticket, before) \
                SELECT entry_id, added_in, NULL FROM given \
                JOIN entries ON shelf = CAST(value ->> 1 AS BIGINT) AND entry_id = value ->> 0 \
                WHERE added_in IS NOT NULL ON CONFLICT (entry_id, ticket) DO NOTHING";
    let rows: Vec<_> = ids.iter().map(|id| (id, writing.from)).collect();
    write_rows(tx, "writing when entries came", text, &rows).await
}
