//! Lists for clients outside: what changed since they last asked, and who has which state.
//!
//! Every change of an entry has a place in one order (the number that it goes to the log with). An entry on a list has the place of
//! its last change, one that is gone has the place where it went, so that what changed since a revision is a range of places. What
//! changes while a client reads page by page moves behind what it has read: whoever reads to the end has the list exactly.

use std::fmt;
use std::str::FromStr;

use domain::hotlist::{Entry, Revision};
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp, UserName};
use serde::{Deserialize, Serialize};
use sqlx::{Any, AnyConnection, Transaction};
use thiserror::Error;

use crate::entries::Writing;
use crate::sql::{
    ROWS_AT_ONCE, Step, count, from_json, limit, millis, number, parsed, time, unreadable, write_rows,
};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit};

/// Most changes in one page: with one more, which tells whether there are more, within [`crate::MAX_ROWS`].
pub const MAX_CHANGES: u32 = 5_000;

/// A list that clients may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributedList {
    /// Its name.
    pub list: ListName,
    /// The revision of all lists in which it last changed.
    pub revision: Revision,
    /// Entries on it.
    pub entries: u64,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// That revision is in the log whole. Until then nothing of the list is given out.
    pub published: bool,
}

/// Where a client goes on: behind this place; what was removed concerns it behind the base alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    base: u64,
    place: u64,
}

/// What became of one entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is on the list, like this.
    Put(Box<Entry>),
    /// It is no longer.
    Remove {
        /// Which it was.
        entry_id: EntryId,
        /// Its mark or pattern.
        target: Target,
    },
}

/// A page of what changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The list's revision as this page was read.
    pub revision: Revision,
    /// In the order in which it happened, each entry at its last change.
    pub changes: Vec<Change>,
    /// Where the next page begins; none where the client now stands at the revision.
    pub next: Option<Cursor>,
}

/// Why a client is not given what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DistributionRefusal {
    /// It has seen what never was here.
    #[error(
        "the list stands at revision {revision}, and you have seen more: what you have is of another repository or of one that was restored; begin anew with since=0"
    )]
    Ahead {
        /// The list's revision.
        revision: Revision,
    },
    /// What went since is not known.
    #[error("what was removed since revision {0} is not known any more: begin anew with since=0")]
    TooOld(Revision),
    /// The list's own matchers do not have it yet.
    #[error("the list's last change is on its way to the matchers; ask again in a moment")]
    OnItsWay,
}

/// What a client was given of a list.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// To whom.
    pub client: &'a UserName,
    /// Of which list.
    pub list: &'a ListName,
    /// As of which revision.
    pub revision: Revision,
    /// Entries as they are.
    pub puts: u64,
    /// Entries that are gone.
    pub removes: u64,
    /// The client now has all of that revision.
    pub all: bool,
}

/// At which revision a client last took a list whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taking {
    /// Who.
    pub client: UserName,
    /// What.
    pub list: ListName,
    /// The list's revision then.
    pub revision: Revision,
    /// When it last asked and had all of it.
    pub at: Timestamp,
}

/// A list as one moment has it, in blocks: it changes for nobody who reads it.
pub struct Whole {
    snapshot: Transaction<'static, Any>,
    shelf: u64,
    /// The revision.
    pub revision: Revision,
    /// Entries on it.
    pub entries: u64,
    place: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.base, self.place)
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a cursor: send back `next` of the page before")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (base, place) = text.split_once('-').ok_or(CursorError)?;
        let number = |text: &str| text.parse().map_err(|_| CursorError);
        Ok(Self {
            base: number(base)?,
            place: number(place)?,
        })
    }
}

impl Store {
    /// The revision up to which all lists are in the log, and the lists that clients may take, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn distributed_lists(&self) -> Result<(Revision, Vec<DistributedList>), StoreError> {
        let rows: Vec<ListRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{LISTS} ORDER BY l.list")))
            .fetch_all(&self.inner.reader)
            .await
            .step("reading distributed lists")?;
        let lists: Result<Vec<Option<DistributedList>>, _> = rows.iter().map(distributed).collect();
        Ok((self.published().await?, lists?.into_iter().flatten().collect()))
    }

    /// What changed on a distributed list since a revision (0 for the whole of it), or behind the page before; at most `limit` (and
    /// [`MAX_CHANGES`]).
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the list is not distributed, [`StoreError::Distribution`], or when the database fails.
    pub async fn changes_since(
        &self,
        list: &ListName,
        since: Revision,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Changes, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let (known, shelf) = published_list(&mut snapshot, list).await?;
        let start = start(&mut snapshot, &known, shelf, since, after).await?;
        let most = limit.min(MAX_CHANGES);
        let mut rows = changes_behind(&mut snapshot, list, shelf, start, most + 1).await?;
        snapshot.commit().await.step("ending to read")?;
        let more = rows.len() > most as usize;
        rows.truncate(most as usize);
        let next = rows.last().filter(|_| more).map(|(place, ..)| Cursor {
            place: count(*place),
            ..start
        });
        let changes: Result<Vec<Change>, _> = rows.into_iter().map(change).collect();
        Ok(Changes {
            revision: known.revision,
            changes: changes?,
            next,
        })
    }

    /// A distributed list as it is now, to be read block by block. A connection is busy until it is dropped.
    ///
    /// # Errors
    /// As [`Store::changes_since`].
    pub async fn whole_list(&self, list: &ListName) -> Result<Whole, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let (known, shelf) = published_list(&mut snapshot, list).await?;
        Ok(Whole {
            snapshot,
            shelf,
            revision: known.revision,
            entries: known.entries,
            place: 0,
        })
    }

    /// Records what a client was given: an audit row where there were entries, and where the client stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_given(&self, given: &Given<'_>, now: Timestamp) -> Result<(), StoreError> {
        let Given {
            client,
            list,
            revision,
            puts,
            removes,
            all,
        } = given;
        transaction!(self, "record_given", |tx| {
            if *all {
                let text = "INSERT INTO takings (client, list, revision, at) VALUES ($1, $2, $3, $4) \
                            ON CONFLICT (client, list) DO UPDATE SET revision = excluded.revision, at = excluded.at";
                sqlx::query(text)
                    .bind(client.as_str().to_owned())
                    .bind(list.as_str().to_owned())
                    .bind(number(revision.0))
                    .bind(millis(now))
                    .execute(tx.on())
                    .await
                    .step("recording what a client took")?;
            }
            if puts + removes == 0 {
                return Ok(());
            }
            let detail = format!("revision {revision}: {puts} put, {removes} removed");
            audit::append(tx, client.as_str(), "list_taken", list.as_str(), &detail, now).await
        })
    }

    /// Which state every client has of which list, by list and client.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn takings(&self) -> Result<Vec<Taking>, StoreError> {
        let rows: Vec<(String, String, i64, i64)> =
            sqlx::query_as("SELECT client, list, revision, at FROM takings ORDER BY list, client")
                .fetch_all(&self.inner.reader)
                .await
                .step("reading what clients took")?;
        let taking = |(client, list, revision, at): (String, String, i64, i64)| {
            Ok(Taking {
                client: parsed("user name", &client)?,
                list: parsed("list name", &list)?,
                revision: Revision(count(revision)),
                at: time(at)?,
            })
        };
        rows.into_iter().map(taking).collect()
    }
}

impl Whole {
    /// The next entries; none behind the last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&mut self) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT place, doc FROM entries WHERE shelf = $1 AND place > $2 ORDER BY place LIMIT $3",
        )
        .bind(number(self.shelf))
        .bind(number(self.place))
        .bind(ROWS_AT_ONCE as i64)
        .fetch_all(&mut *self.snapshot)
        .await
        .step("reading a whole list")?;
        if let Some((last, _)) = rows.last() {
            self.place = count(*last);
        }
        rows.iter().map(|(_, doc)| from_json("entry", doc)).collect()
    }
}

/// A list with the policy that was set for it: only such a one can be distributed.
const LISTS: &str = "SELECT l.list, l.revision, l.entries, l.changed_at, l.published_at, p.doc, l.shelf \
                     FROM lists l JOIN list_policies p ON p.list = l.list";

type ListRow = (String, i64, i64, i64, Option<i64>, String, i64);

fn distributed(row: &ListRow) -> Result<Option<DistributedList>, StoreError> {
    let (list, revision, entries, changed_at, published_at, policy, _) = row;
    let policy: ListPolicy = from_json("policy", policy)?;
    if !policy.distributed {
        return Ok(None);
    }
    Ok(Some(DistributedList {
        list: parsed("list name", list)?,
        revision: Revision(count(*revision)),
        entries: count(*entries),
        changed_at: time(*changed_at)?,
        published: published_at.is_some(),
    }))
}

/// A list that may be taken, and where its entries stand.
async fn published_list(
    on: &mut AnyConnection,
    list: &ListName,
) -> Result<(DistributedList, u64), StoreError> {
    let row: Option<ListRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{LISTS} WHERE l.list = $1")))
        .bind(list.as_str().to_owned())
        .fetch_optional(on)
        .await
        .step("reading a distributed list")?;
    let row = row.ok_or(StoreError::NotFound("distributed list"))?;
    let known = distributed(&row)?.ok_or(StoreError::NotFound("distributed list"))?;
    if !known.published {
        return Err(DistributionRefusal::OnItsWay.into());
    }
    Ok((known, count(row.6)))
}

/// Where to begin to read.
async fn start(
    on: &mut AnyConnection,
    known: &DistributedList,
    shelf: u64,
    since: Revision,
    after: Option<Cursor>,
) -> Result<Cursor, StoreError> {
    let ahead = DistributionRefusal::Ahead {
        revision: known.revision,
    };
    let last = last_place(on, &known.list, shelf).await?;
    if since > known.revision || after.is_some_and(|cursor| cursor.base.max(cursor.place) > last) {
        return Err(ahead.into());
    }
    if let Some(cursor) = after {
        return Ok(cursor);
    }
    if since == Revision(0) {
        // Whoever has nothing yet can miss only what is removed from now on.
        return Ok(Cursor { base: last, place: 0 });
    }
    let place = if since == known.revision {
        last
    } else {
        place_of(on, &known.list, since).await?
    };
    Ok(Cursor { base: place, place })
}

/// Removals that count: those of changes that are live. A load that was given up may have left others.
const LIVE_REMOVALS: &str =
    "(ticket = 0 OR EXISTS (SELECT 1 FROM list_changes c WHERE c.ticket = removals.ticket))";

/// The place of a list's last change.
async fn last_place(on: &mut AnyConnection, list: &ListName, shelf: u64) -> Result<u64, StoreError> {
    let text = format!(
        "SELECT MAX(place) FROM (SELECT MAX(place) AS place FROM entries WHERE shelf = $1 \
         UNION ALL SELECT * FROM (SELECT place FROM removals WHERE list = $2 AND {LIVE_REMOVALS} \
         ORDER BY place DESC LIMIT 1) gone) places"
    );
    let (last,): (Option<i64>,) = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(number(shelf))
        .bind(list.as_str().to_owned())
        .fetch_one(on)
        .await
        .step("reading the last change")?;
    Ok(last.map_or(0, count))
}

/// The place of the last change that a list has up to a revision: 0 before its first.
async fn place_of(on: &mut AnyConnection, list: &ListName, revision: Revision) -> Result<u64, StoreError> {
    let text = "SELECT last_place FROM list_changes WHERE list = $1 AND revision <= $2 ORDER BY revision DESC LIMIT 1";
    let row: Option<(Option<i64>,)> = sqlx::query_as(text)
        .bind(list.as_str().to_owned())
        .bind(number(revision.0))
        .fetch_optional(&mut *on)
        .await
        .step("reading a revision's last change")?;
    if let Some((place,)) = row {
        return Ok(place.map(count).ok_or(DistributionRefusal::TooOld(revision))?);
    }
    let (unknown,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM list_changes WHERE list = $1 AND last_place IS NULL")
            .bind(list.as_str().to_owned())
            .fetch_one(on)
            .await
            .step("reading a list's first change")?;
    if unknown > 0 {
        return Err(DistributionRefusal::TooOld(revision).into());
    }
    Ok(0)
}

/// Place, entry, mark, and how it is; none where it is gone.
type ChangeRow = (i64, String, String, Option<String>);

async fn changes_behind(
    on: &mut AnyConnection,
    list: &ListName,
    shelf: u64,
    start: Cursor,
    most: u32,
) -> Result<Vec<ChangeRow>, StoreError> {
    // Each half is bounded by itself, so that each is the beginning of a range of its index.
    let text = format!(
        "SELECT place, entry_id, vrm, doc FROM ( \
         SELECT * FROM (SELECT place, entry_id, vrm, doc FROM entries \
         WHERE shelf = $5 AND place > $2 ORDER BY place LIMIT $4) live \
         UNION ALL \
         SELECT * FROM (SELECT place, entry_id, vrm, CAST(NULL AS TEXT) AS doc FROM removals \
         WHERE list = $1 AND place > $3 AND {LIVE_REMOVALS} ORDER BY place LIMIT $4) gone) changes \
         ORDER BY place LIMIT $4"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(list.as_str().to_owned())
        .bind(number(start.place))
        .bind(number(start.base.max(start.place)))
        .bind(limit(most))
        .bind(number(shelf))
        .fetch_all(on)
        .await
        .step("reading what changed")
}

fn change((_, entry_id, vrm, doc): ChangeRow) -> Result<Change, StoreError> {
    match doc {
        Some(doc) => Ok(Change::Put(Box::new(from_json("entry", &doc)?))),
        None => Ok(Change::Remove {
            entry_id: parsed("entry id", &entry_id)?,
            target: Target::parse(&vrm).map_err(|error| unreadable("mark", error))?,
        }),
    }
}

/// Keeps where entries go that are about to; the first has this place.
pub(crate) async fn write_removals(
    tx: &mut Tx,
    writing: &Writing<'_>,
    first: u64,
    ids: &[EntryId],
) -> Result<(), StoreError> {
    let text = "INSERT INTO removals (entry_id, list, vrm, place, ticket) \
                SELECT entry_id, list, vrm, CAST(value ->> 1 AS BIGINT), CAST(value ->> 3 AS BIGINT) FROM given \
                JOIN entries ON shelf = CAST(value ->> 2 AS BIGINT) AND entry_id = value ->> 0 WHERE true \
                ON CONFLICT (entry_id) DO UPDATE SET place = excluded.place, ticket = excluded.ticket";
    let rows: Vec<_> = ids
        .iter()
        .zip(first..)
        .map(|(id, place)| (id, place, writing.from, writing.ticket))
        .collect();
    write_rows(tx, "writing what went", text, &rows).await
}

/// Forgets that entries went which are on a list again.
pub(crate) async fn forget_removals(tx: &mut Tx, ids: &[EntryId]) -> Result<(), StoreError> {
    let text = "DELETE FROM removals WHERE entry_id IN (SELECT value ->> 0 FROM given)";
    let rows: Vec<_> = ids.iter().map(|id| (id,)).collect();
    write_rows(tx, "forgetting what went", text, &rows).await
}
