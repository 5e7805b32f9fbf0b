//! A list as it stands against a list as it should be, and the rows that lead from one to the other.

use std::collections::HashMap;

use domain::hotlist::{Entry, Revision};
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use futures::TryStreamExt;
use sqlx::AnyConnection;

use crate::changes::SHOWN;
use crate::events::take_numbers;
use crate::hotlists::ListChange;
use crate::rows::{Source, Wanted};
use crate::sql::{ROWS_AT_ONCE, Step, millis, parsed, time, to_json, unreadable, write_rows};
use crate::transaction::Tx;
use crate::{StoreError, distribution, history};

/// An entry as the table has it.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    /// The first 64 bits of its digest: enough to tell two versions of one entry apart, and ten million of them fit into half a
    /// gigabyte.
    digest: u64,
    listed_at: Timestamp,
    wanted: bool,
}

/// Entries as the table has them.
pub(crate) type Current = HashMap<EntryId, Before>;

/// What must be written to make the one the other.
pub(crate) struct Difference {
    current: Current,
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
    pub(crate) removed: Vec<EntryId>,
    /// The first marks of each kind, where they were asked for.
    pub(crate) first_added: Vec<Target>,
    pub(crate) first_changed: Vec<Target>,
}

/// What is to be done with an entry.
enum Fate {
    Add,
    Change(Timestamp),
    Leave,
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

impl Difference {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.added + self.changed == 0 && self.removed.is_empty()
    }

    /// How much there is to write; the revision is the one that stands.
    pub(crate) fn counts(&self, revision: Revision) -> ListChange {
        ListChange {
            revision,
            added: self.added,
            changed: self.changed,
            removed: self.removed.len() as u64,
            unchanged: self.unchanged,
        }
    }

    /// Compares everything but the time of listing, of which the earlier stays.
    pub(crate) async fn between(
        on: &mut AnyConnection,
        current: Current,
        source: &Source,
    ) -> Result<Self, StoreError> {
        let mut difference = Self {
            current,
            added: 0,
            changed: 0,
            unchanged: 0,
            removed: Vec::new(),
            first_added: Vec::new(),
            first_changed: Vec::new(),
        };
        let mut blocks = source.blocks();
        while let Some(block) = blocks.next(on).await? {
            for wanted in &block {
                difference.compare(wanted);
            }
        }
        let removed = difference.current.iter().filter(|(_, before)| !before.wanted);
        difference.removed = removed.map(|(id, _)| *id).collect();
        // The log's order is the same each time.
        difference.removed.sort_unstable();
        Ok(difference)
    }

    /// What becomes of a list that has no entries: a first load of ten million is not read for that.
    pub(crate) fn from_nothing(source: &Source) -> Self {
        Self {
            current: Current::new(),
            added: source.count(),
            changed: 0,
            unchanged: 0,
            removed: Vec::new(),
            first_added: Vec::new(),
            first_changed: Vec::new(),
        }
    }

    fn compare(&mut self, wanted: &Wanted) {
        let fate = self.fate(wanted);
        if let Some(before) = self.current.get_mut(&wanted.entry.entry_id) {
            before.wanted = true;
        }
        let (count, first) = match fate {
            Fate::Add => (&mut self.added, Some(&mut self.first_added)),
            Fate::Change(_) => (&mut self.changed, Some(&mut self.first_changed)),
            Fate::Leave => (&mut self.unchanged, None),
        };
        *count += 1;
        if let Some(first) = first.filter(|first| first.len() < SHOWN) {
            first.push(wanted.entry.target);
        }
    }

    fn fate(&self, wanted: &Wanted) -> Fate {
        match self.current.get(&wanted.entry.entry_id) {
            None => Fate::Add,
            Some(before) if Some(before.digest) == short(&wanted.digest) => Fate::Leave,
            Some(before) => Fate::Change(before.listed_at),
        }
    }
}

/// The beginning of a digest as a number; none where it is no digest.
fn short(digest: &str) -> Option<u64> {
    const DIGITS: usize = 16;
    u64::from_str_radix(digest.get(..DIGITS)?, 16).ok()
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
        let before = Before {
            digest: short(&digest).ok_or_else(|| unreadable("digest", "not hexadecimal"))?,
            listed_at: time(listed_at)?,
            wanted: false,
        };
        current.insert(parsed("entry id", &id)?, before);
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

/// Writes the entries' rows and their history, and the same changes for the log: first what goes, in order of id, then what comes, in
/// the order that it has. The place of the last.
pub(crate) async fn write(
    tx: &mut Tx,
    revision: Revision,
    difference: &Difference,
    source: &Source,
    policy: Option<&ListPolicy>,
) -> Result<u64, StoreError> {
    let changes = difference.removed.len() as u64 + difference.added + difference.changed;
    let mut next = take_numbers(tx, "change", changes as usize).await?;
    for ids in difference.removed.chunks(ROWS_AT_ONCE) {
        keep_pending(tx, ids).await?;
        history::write_before(tx, revision, ids).await?;
        history::write_coming(tx, ids).await?;
        distribution::write_removals(tx, next, ids).await?;
        remove(tx, revision, next, ids).await?;
        next += ids.len() as u64;
    }
    if difference.added + difference.changed == 0 {
        return Ok(next - 1);
    }
    let mut blocks = source.blocks();
    while let Some(block) = blocks.next(tx.on()).await? {
        let mut rows = Vec::with_capacity(block.len());
        let mut changed = Vec::new();
        for mut wanted in block {
            match difference.fate(&wanted) {
                Fate::Leave => continue,
                Fate::Add => {}
                Fate::Change(listed_at) => {
                    changed.push(wanted.entry.entry_id);
                    wanted.entry.listed_at = wanted.entry.listed_at.min(listed_at);
                }
            }
            rows.push(wanted);
        }
        keep_pending(tx, &changed).await?;
        history::write_before(tx, revision, &changed).await?;
        put(tx, revision, next, &rows, policy).await?;
        next += rows.len() as u64;
    }
    Ok(next - 1)
}

/// Copies what waits for the log by reference and is about to change: it is published as it is now. Hardly ever is anything, since
/// a load is published within seconds.
async fn keep_pending(tx: &mut Tx, ids: &[EntryId]) -> Result<(), StoreError> {
    let text = "UPDATE pending_changes SET by_reference = 0, \
                doc = (SELECT doc FROM entries WHERE entries.entry_id = pending_changes.entry_id) \
                WHERE by_reference = 1 AND entry_id IN (SELECT value ->> 0 FROM given)";
    let ids: Vec<_> = ids.iter().map(|id| (id,)).collect();
    write_rows(tx, "keeping pending changes", text, &ids).await
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
    first: u64,
    rows: &[Wanted],
    policy: Option<&ListPolicy>,
) -> Result<(), StoreError> {
    let text = "INSERT INTO entries (entry_id, list, vrm, listed_at, revision, digest, doc, added_in, place) \
                SELECT value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT), \
                CAST(value ->> 4 AS BIGINT), value ->> 5, value ->> 6, CAST(value ->> 4 AS BIGINT), \
                CAST(value ->> 7 AS BIGINT) \
                FROM given WHERE true \
                ON CONFLICT (entry_id) DO UPDATE SET listed_at = excluded.listed_at, \
                revision = excluded.revision, digest = excluded.digest, doc = excluded.doc, \
                place = excluded.place";
    let mut values = Vec::with_capacity(rows.len());
    for (place, Wanted { entry, digest }) in (first..).zip(rows) {
        let latest = policy.map(|policy| policy.latest_expiry(entry.listed_at));
        let doc = match (entry.expires_at, latest) {
            (None, Some(latest)) => {
                let entry = Entry {
                    expires_at: Some(latest),
                    ..entry.clone()
                };
                to_json("entry", &entry)?
            }
            _ => to_json("entry", entry)?,
        };
        values.push((
            entry.entry_id,
            &entry.list,
            entry.target,
            millis(entry.listed_at),
            revision,
            digest,
            doc,
            place,
        ));
    }
    write_rows(tx, "writing entries", text, &values).await?;
    distribution::forget_removals(tx, rows.iter().map(|row| row.entry.entry_id)).await?;
    let pending: Vec<_> = (first..)
        .zip(rows)
        .map(|(place, row)| (row.entry.entry_id, place, revision))
        .collect();
    let text = "INSERT INTO pending_changes (number, revision, entry_id, by_reference) \
                SELECT CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT), value ->> 0, 1 FROM given";
    write_rows(tx, "writing pending changes", text, &pending).await
}
