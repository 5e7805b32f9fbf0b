//! Shelves: where the entries of lists stand. A change of many fills another one, in short transactions that nobody waits for, and is
//! ready then to become the list's in one more.

use std::time::Duration;

use domain::hotlist::Revision;
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::changes::Plan;
use crate::diff::{Difference, Part};
use crate::entries::{Writing, write_marks};
use crate::events::take_numbers;
use crate::sql::{ROWS_IN_BETWEEN, Step, count, millis, number, write_rows};
use crate::transaction::{OnDisk, Tx, transaction};
use crate::{Store, StoreError, changes, policies};

/// Changes that are made in one transaction, which others wait for.
pub(crate) const FEW: u64 = 20_000;
/// A shelf, or a draft, that nobody wrote to for so long is not being filled any more: whoever did so has died.
pub(crate) const GIVEN_UP_AFTER: Duration = Duration::from_secs(15 * 60);

/// Rows of what nobody needs any more that go in one transaction. They lie side by side, so that it takes few pages.
pub(crate) const TIDIED_AT_ONCE: i64 = 1_000;

/// Prepares a change, has a block make it, and does both anew where the list was changed in between. The block gets what was
/// prepared and ends in a `Result`.
///
/// A macro as [`transaction`] is, and for the same reason.
macro_rules! prepared {
    ($store:expr, $list:expr, $plan:expr, $usual:expr, |$prepared:ident| $work:block) => {{
        let store: &$crate::Store = $store;
        let mut tries = 1;
        loop {
            let done = match store.prepare($list, $plan, $usual).await {
                Ok(found) => {
                    let $prepared = found.as_ref();
                    let done = $work;
                    store.let_be(found.as_ref()).await;
                    done
                }
                Err(error) => Err(error),
            };
            if !matches!(done, Err($crate::StoreError::Moved)) || tries == $crate::shelves::MAX_TRIES {
                break done;
            }
            tries += 1;
        }
    }};
}
pub(crate) use prepared;

/// Times that a change is begun anew because the list was changed meanwhile.
pub(crate) const MAX_TRIES: u32 = 3;

/// A list as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Where its entries stand; none where there is no such list.
    pub(crate) shelf: Option<u64>,
    /// In which revision it last changed.
    pub(crate) revision: Revision,
    pub(crate) entries: u64,
}

impl Standing {
    pub(crate) async fn read(on: &mut AnyConnection, list: &ListName) -> Result<Self, StoreError> {
        let row: Option<(i64, i64, i64)> =
            sqlx::query_as("SELECT shelf, revision, entries FROM lists WHERE list = $1")
                .bind(list.as_str().to_owned())
                .fetch_optional(on)
                .await
                .step("reading a list")?;
        let (shelf, revision, entries) = row.unwrap_or_default();
        Ok(Self {
            shelf: row.map(|_| count(shelf)),
            revision: Revision(count(revision)),
            entries: count(entries),
        })
    }

    /// Gives a change up early where the list does not stand like this any more.
    pub(crate) async fn still(&self, tx: &mut Tx, list: &ListName) -> Result<(), StoreError> {
        if Self::read(tx.on(), list).await? == *self {
            Ok(())
        } else {
            Err(StoreError::Moved)
        }
    }
}

/// What was found out, and written, about a change before its transaction begins: it holds as long as the list stands as it did.
pub(crate) struct Prepared {
    pub(crate) standing: Standing,
    pub(crate) policy: Option<ListPolicy>,
    pub(crate) difference: Difference,
    pub(crate) filled: Option<Filled>,
    /// The number of a draft whose entries are written.
    pub(crate) drafted: Option<u64>,
}

/// A shelf with all that a list is to have.
pub(crate) struct Filled {
    /// Its number, and the change's.
    pub(crate) ticket: u64,
    /// The place of the first entry that differs.
    pub(crate) first: u64,
}

impl Store {
    /// Does as much of a change as can be done before its transaction. None where that is nothing: it is small.
    ///
    /// # Errors
    /// As [`Store::change_list`]. Nothing of it counts.
    pub(crate) async fn prepare(
        &self,
        list: &ListName,
        plan: &Plan,
        usual: Option<&ListPolicy>,
    ) -> Result<Option<Prepared>, StoreError> {
        if !matches!(plan.part, Part::Whole) {
            return Ok(None);
        }
        let mut snapshot = self.snapshot().await?;
        let standing = Standing::read(&mut snapshot, list).await?;
        if standing.entries.max(plan.source.count()) <= self.inner.few {
            return Ok(None);
        }
        let policy = match usual {
            Some(usual) => Some(policies::in_force(&mut snapshot, list, usual).await?),
            None => None,
        };
        let difference = changes::difference(&mut snapshot, list, plan, &standing).await?;
        snapshot.commit().await.step("ending to read")?;
        let waits = policy.as_ref().is_some_and(|policy| policy.four_eyes) && plan.wants_second();
        let (mut filled, mut drafted) = (None, None);
        if waits && !difference.is_empty() && plan.source.count() > self.inner.few {
            drafted = Some(self.write_draft(list, &plan.source, &standing).await?);
        } else if !waits && difference.changes() > self.inner.few {
            let fill = self.fill(list, plan, policy.as_ref(), &standing, &difference);
            filled = Some(fill.await?);
        }
        Ok(Some(Prepared {
            standing,
            policy,
            difference,
            filled,
            drafted,
        }))
    }

    /// Fills a shelf with what a list is to have.
    async fn fill(
        &self,
        list: &ListName,
        plan: &Plan,
        policy: Option<&ListPolicy>,
        standing: &Standing,
        difference: &Difference,
    ) -> Result<Filled, StoreError> {
        let filled = transaction!(self, "begin_filling", |tx| {
            begin(tx, difference.changes()).await
        })?;
        let writing = Writing {
            list,
            ticket: filled.ticket,
            from: standing.shelf.unwrap_or(filled.ticket),
            to: filled.ticket,
            policy,
        };
        let filling = Filling {
            store: self,
            writing,
            standing,
        };
        match filling.write(filled.first, plan, difference).await {
            Ok(()) => Ok(filled),
            Err(error) => {
                self.leave(filled.ticket).await;
                Err(error)
            }
        }
    }

    /// Leaves what was written and did not become a list's, or a draft's.
    pub(crate) async fn let_be(&self, prepared: Option<&Prepared>) {
        if let Some(filled) = prepared.and_then(|prepared| prepared.filled.as_ref()) {
            self.leave(filled.ticket).await;
        }
        if let Some(draft) = prepared.and_then(|prepared| prepared.drafted) {
            self.leave_draft(draft).await;
        }
    }

    /// Leaves a shelf to be emptied, if it is still being filled. Where that fails it is found by its age.
    async fn leave(&self, shelf: u64) {
        let left = transaction!(self, "leave_shelf", |tx| {
            sqlx::query("UPDATE shelves SET replaced_in = 0 WHERE shelf = $1 AND replaced_in IS NULL")
                .bind(number(shelf))
                .execute(tx.on())
                .await
                .step("leaving a shelf")
                .map(drop)
        });
        if let Err(error) = left {
            tracing::debug!(%error, "a shelf that was given up is emptied later");
        }
    }

    /// Empties shelves that nobody needs any more, and forgets the entries of drafts that are decided, a thousand at a call.
    /// Whether there is more to do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tidy(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.tidy_shelves(now).await? || self.tidy_drafts(now).await?)
    }

    async fn tidy_shelves(&self, now: Timestamp) -> Result<bool, StoreError> {
        let given_up = millis(now - GIVEN_UP_AFTER);
        let row: Option<(i64, Option<i64>)> = sqlx::query_as(
            "SELECT shelf, replaced_in FROM shelves \
             WHERE replaced_in <= (SELECT value FROM counters WHERE name = 'published') \
             OR (replaced_in IS NULL AND touched_at < $1) ORDER BY shelf LIMIT 1",
        )
        .bind(given_up)
        .fetch_optional(&self.inner.reader)
        .await
        .step("looking for shelves to empty")?;
        let Some((shelf, replaced_in)) = row else {
            return Ok(false);
        };
        let shelf = count(shelf);
        let was_live = replaced_in.unwrap_or_default() > 0;
        transaction!(self, "tidy", OnDisk::Later, |tx| {
            if was_live || give_up(tx, shelf, given_up).await? {
                empty(tx, shelf, was_live).await?;
            }
            Ok(())
        })?;
        Ok(true)
    }
}

async fn begin(tx: &mut Tx, changes: u64) -> Result<Filled, StoreError> {
    let ticket = take_numbers(tx, "ticket", 1).await?;
    let first = take_numbers(tx, "change", changes as usize).await?;
    sqlx::query("INSERT INTO shelves (shelf, touched_at) VALUES ($1, $2)")
        .bind(number(ticket))
        .bind(millis(Timestamp::now()))
        .execute(tx.on())
        .await
        .step("beginning a shelf")?;
    Ok(Filled { ticket, first })
}

/// Makes a filled shelf the list's, in the transaction of the change that becomes this revision.
pub(crate) async fn replace(
    tx: &mut Tx,
    filled: &Filled,
    before: &Standing,
    revision: Revision,
) -> Result<(), StoreError> {
    let filled = sqlx::query("DELETE FROM shelves WHERE shelf = $1 AND replaced_in IS NULL")
        .bind(number(filled.ticket))
        .execute(tx.on())
        .await
        .step("ending to fill a shelf")?;
    // Somebody took it for given up, and empties it.
    if filled.rows_affected() == 0 {
        return Err(StoreError::Moved);
    }
    let Some(old) = before.shelf else {
        return Ok(());
    };
    sqlx::query("INSERT INTO shelves (shelf, replaced_in, touched_at) VALUES ($1, $2, $3)")
        .bind(number(old))
        .bind(number(revision.0))
        .bind(millis(Timestamp::now()))
        .execute(tx.on())
        .await
        .step("replacing a shelf")
        .map(drop)
}

/// A shelf being filled.
struct Filling<'a> {
    store: &'a Store,
    writing: Writing<'a>,
    standing: &'a Standing,
}

impl Filling<'_> {
    /// First what goes, in order of id, then what comes, in the order that it has; the marks at last, in theirs.
    async fn write(&self, first: u64, plan: &Plan, difference: &Difference) -> Result<(), StoreError> {
        let store = self.store;
        let mut next = first;
        for ids in difference.removed.chunks(ROWS_IN_BETWEEN) {
            transaction!(store, "fill_shelf", OnDisk::Later, |tx| {
                self.touch(tx).await?;
                self.writing.let_go(tx, next, ids).await
            })?;
            next += ids.len() as u64;
        }
        let mut marks: Vec<(Target, EntryId)> = Vec::with_capacity(plan.source.count() as usize);
        let mut blocks = plan.source.blocks();
        loop {
            let mut reading = self.store.inner.reader.acquire().await.step("reading rows")?;
            let Some(mut block) = blocks.next(&mut reading).await? else {
                break;
            };
            drop(reading);
            marks.extend(block.iter().map(crate::rows::Wanted::mark));
            next += transaction!(store, "fill_shelf", OnDisk::Later, |tx| {
                self.touch(tx).await?;
                self.writing.write_block(tx, next, &mut block, difference).await
            })?;
        }
        marks.sort_unstable_by(|(a, an), (b, bn)| (a.as_str(), an).cmp(&(b.as_str(), bn)));
        for some in marks.chunks(ROWS_IN_BETWEEN) {
            transaction!(store, "fill_shelf", OnDisk::Later, |tx| {
                self.touch(tx).await?;
                write_marks(tx, self.writing.to, some).await
            })?;
        }
        Ok(())
    }

    /// Shows that somebody still fills the shelf, and that the list still stands as it did.
    async fn touch(&self, tx: &mut Tx) -> Result<(), StoreError> {
        self.standing.still(tx, self.writing.list).await?;
        let touched =
            sqlx::query("UPDATE shelves SET touched_at = $2 WHERE shelf = $1 AND replaced_in IS NULL")
                .bind(number(self.writing.to))
                .bind(millis(Timestamp::now()))
                .execute(tx.on())
                .await
                .step("filling a shelf")?;
        // Somebody took it for given up, and empties it.
        if touched.rows_affected() == 0 {
            return Err(StoreError::Moved);
        }
        Ok(())
    }
}

/// From now on nobody fills this shelf, if nobody has since `before`. Whether that is so.
async fn give_up(tx: &mut Tx, shelf: u64, before: i64) -> Result<bool, StoreError> {
    let given_up = sqlx::query(
        "UPDATE shelves SET replaced_in = 0 \
         WHERE shelf = $1 AND (replaced_in = 0 OR (replaced_in IS NULL AND touched_at < $2))",
    )
    .bind(number(shelf))
    .bind(before)
    .execute(tx.on())
    .await
    .step("giving up a shelf")?;
    Ok(given_up.rows_affected() > 0)
}

/// Takes some of what stands on a shelf that is nobody's off it, and of what was kept for a change that never was. Forgets the empty
/// shelf.
async fn empty(tx: &mut Tx, shelf: u64, was_live: bool) -> Result<(), StoreError> {
    // Marks go in their own order: in that of the entries they would lie anywhere, a page of the database each.
    let some = format!(
        "DELETE FROM entry_marks WHERE shelf = {shelf} AND (vrm, entry_id) IN \
         (SELECT vrm, entry_id FROM entry_marks WHERE shelf = {shelf} ORDER BY vrm, entry_id LIMIT {TIDIED_AT_ONCE})"
    );
    let marks = sqlx::query(AssertSqlSafe(some)).execute(tx.on()).await;
    if marks.step("removing marks")?.rows_affected() > 0 {
        return Ok(());
    }
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT entry_id FROM entries WHERE shelf = $1 ORDER BY entry_id LIMIT $2")
            .bind(number(shelf))
            .bind(TIDIED_AT_ONCE)
            .fetch_all(tx.on())
            .await
            .step("reading a shelf")?;
    let these = "entry_id IN (SELECT value ->> 0 FROM given)";
    if !was_live {
        let changes = format!("DELETE FROM entry_changes WHERE ticket = {shelf} AND {these}");
        write_rows(tx, "forgetting what never was", &changes, &rows).await?;
    }
    let entries = format!("DELETE FROM entries WHERE shelf = {shelf} AND {these}");
    write_rows(tx, "removing entries", &entries, &rows).await?;
    if rows.is_empty() {
        for (table, step) in [
            ("entry_patterns", "removing patterns"),
            ("shelves", "forgetting a shelf"),
        ] {
            let whole = format!("DELETE FROM {table} WHERE shelf = {shelf}");
            let done = sqlx::query(AssertSqlSafe(whole)).execute(tx.on()).await;
            done.step(step)?;
        }
    }
    Ok(())
}
