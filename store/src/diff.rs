//! A list as it stands against a list as it should be, and the rows that lead from one to the other.

use std::collections::HashMap;

use domain::hotlist::{Entry, Revision};
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;

use crate::events::take_numbers;
use crate::hotlists::ListChange;
use crate::sql::{ROWS_AT_ONCE, Step, millis, number, parsed, time, to_json, unreadable, write_rows};
use crate::transaction::Tx;
use crate::{StoreError, history};

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

impl Row<'_> {
    pub(crate) fn id(&self) -> EntryId {
        self.entry.entry_id
    }

    pub(crate) fn target(&self) -> Target {
        self.entry.target
    }
}

/// Which of a list's entries a change is about.
#[derive(Clone)]
pub(crate) enum Part {
    /// All.
    Whole,
    /// Those of one mark or pattern.
    Target(Target),
    /// These, a hundred at most.
    Entries(Vec<EntryId>),
}

impl<'a> Difference<'a> {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// How much there is to write; the revision is the one that stands.
    pub(crate) fn counts(&self, revision: Revision) -> ListChange {
        ListChange {
            revision,
            added: self.added.len() as u64,
            changed: self.changed.len() as u64,
            removed: self.removed.len() as u64,
            unchanged: self.unchanged,
        }
    }

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

/// The part of a list's entries as it stands.
pub(crate) async fn current(
    on: &mut AnyConnection,
    list: &ListName,
    part: &Part,
) -> Result<Current, StoreError> {
    let step = "reading a list's entries";
    let mut text = "SELECT entry_id, digest, listed_at FROM entries WHERE list = $1".to_owned();
    let values = match part {
        Part::Whole => Vec::new(),
        Part::Target(target) => {
            text.push_str(" AND vrm = $2");
            vec![target.to_string()]
        }
        Part::Entries(ids) => {
            let places: Vec<String> = (2..ids.len() + 2).map(|place| format!("${place}")).collect();
            text.push_str(&format!(" AND entry_id IN ({})", places.join(", ")));
            ids.iter().map(ToString::to_string).collect()
        }
    };
    let mut select = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(list.as_str().to_owned());
    for value in values {
        select = select.bind(value);
    }
    let mut rows = select.fetch(on);
    let mut current = Current::new();
    while let Some(row) = rows.try_next().await.step(step)? {
        let (id, digest, listed_at): (String, String, i64) = row;
        current.insert(parsed("entry id", &id)?, (digest, time(listed_at)?));
    }
    Ok(current)
}

/// The marks of a few entries.
pub(crate) async fn marks(on: &mut AnyConnection, ids: &[EntryId]) -> Result<Vec<Target>, StoreError> {
    let mut marks = Vec::with_capacity(ids.len());
    for id in ids {
        let row: Option<(String,)> = sqlx::query_as("SELECT vrm FROM entries WHERE entry_id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut *on)
            .await
            .step("reading an entry")?;
        if let Some((vrm,)) = row {
            marks.push(Target::parse(&vrm).map_err(|error| unreadable("mark", error))?);
        }
    }
    Ok(marks)
}

/// Writes the entries' rows and their history, and the same changes for the log: first what goes, then what comes, each in order of id.
pub(crate) async fn write(
    tx: &mut Tx,
    list: &ListName,
    revision: Revision,
    difference: &Difference<'_>,
    policy: Option<&ListPolicy>,
) -> Result<(), StoreError> {
    history::write_before(tx, revision, difference).await?;
    let changes = difference.removed.len() + difference.added.len() + difference.changed.len();
    let first = take_numbers(tx, "change", changes).await?;
    remove(tx, revision, first, &difference.removed).await?;
    put(tx, revision, &difference.added, policy).await?;
    put(tx, revision, &difference.changed, policy).await?;
    if changes == difference.removed.len() {
        return Ok(());
    }
    if !difference.added.is_empty() {
        history::write_added(tx, list, revision).await?;
    }
    sqlx::query(
        "INSERT INTO pending_changes (number, revision, entry_id, doc) \
         SELECT $1 + ROW_NUMBER() OVER (ORDER BY entry_id), revision, entry_id, doc FROM entries \
         WHERE list = $3 AND revision = $2",
    )
    .bind(number(first + difference.removed.len() as u64 - 1))
    .bind(number(revision.0))
    .bind(list.as_str().to_owned())
    .execute(tx.on())
    .await
    .step("writing pending changes")
    .map(drop)
}

async fn remove(tx: &mut Tx, revision: Revision, first: u64, ids: &[EntryId]) -> Result<(), StoreError> {
    let rows: Vec<_> = (first..)
        .zip(ids)
        .map(|(place, id)| (id, place, revision))
        .collect();
    let delete = "DELETE FROM entries WHERE entry_id IN (SELECT value ->> 0 FROM given)";
    write_rows(tx, "removing entries", delete, &rows).await?;
    let text = "INSERT INTO pending_changes (number, revision, entry_id, doc) \
                SELECT CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT), value ->> 0, NULL FROM given";
    write_rows(tx, "writing pending changes", text, &rows).await
}

/// An entry without weed date gets the latest that the policy allows. Its digest does not: the same row is the same tomorrow.
async fn put(
    tx: &mut Tx,
    revision: Revision,
    rows: &[Row<'_>],
    policy: Option<&ListPolicy>,
) -> Result<(), StoreError> {
    let text = "INSERT INTO entries (entry_id, list, vrm, listed_at, revision, digest, doc) \
                SELECT value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT), \
                CAST(value ->> 4 AS BIGINT), value ->> 5, value ->> 6 FROM given WHERE true \
                ON CONFLICT (entry_id) DO UPDATE SET listed_at = excluded.listed_at, \
                revision = excluded.revision, digest = excluded.digest, doc = excluded.doc";
    for part in rows.chunks(ROWS_AT_ONCE) {
        let mut values = Vec::with_capacity(part.len());
        for row in part {
            let latest = policy.map(|policy| policy.latest_expiry(row.listed_at));
            let entry = Entry {
                listed_at: row.listed_at,
                expires_at: row.entry.expires_at.or(latest),
                ..row.entry.clone()
            };
            let doc = to_json("entry", &entry)?;
            let listed_at = millis(row.listed_at);
            values.push((
                entry.entry_id,
                entry.list,
                entry.target,
                listed_at,
                revision,
                row.digest,
                doc,
            ));
        }
        write_rows(tx, "writing entries", text, &values).await?;
    }
    Ok(())
}
