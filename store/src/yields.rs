//! What came of lists and entries, counted in the very transaction in which it came.
//!
//! A hit counts for its entry, in the hour in which it was judged; what people decided about a case, and how it ended, for the
//! entry that led the case then, in the hour in which that happened. What came before counting began is not counted.

use std::collections::BTreeMap;

use domain::case::CaseEvent;
use domain::yields::{Came, Yield};
use domain::{EntryId, ListName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::events::name_of;
use crate::sql::{Step, count, from_json, limit, millis, parsed, time, write_rows};
use crate::transaction::Tx;
use crate::{Store, StoreError};

/// What an hour is, in milliseconds.
const HOUR_MS: i64 = 3_600_000;
const HIT: &str = "hit";
const CONFIRMED: &str = "confirmed";
const DEPLOYED: &str = "deployed";

/// What came of one entry in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryYield {
    /// The entry, which may be gone from its list.
    pub entry_id: EntryId,
    /// How often what came of it.
    pub came: Yield,
    /// When it was last hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_hit_at: Option<Timestamp>,
}

/// Since when a list is there, and since when what comes of it is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAge {
    /// Its first change; none where that is not known.
    pub since: Option<Timestamp>,
    /// The first hour of which anything is counted; none while nothing came.
    pub counted_since: Option<Timestamp>,
}

impl Store {
    /// How old each list is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_ages(&self) -> Result<BTreeMap<ListName, ListAge>, StoreError> {
        let rows: Vec<(String, Option<i64>, Option<i64>)> = sqlx::query_as(
            "SELECT list, (SELECT MIN(changed_at) FROM list_changes WHERE list_changes.list = lists.list) AS since, \
             (SELECT MIN(hour) FROM list_yields WHERE list_yields.list = lists.list) AS counted FROM lists",
        )
        .fetch_all(&self.inner.reader)
        .await
        .step("reading how old lists are")?;
        let age = |(list, since, counted): (String, Option<i64>, Option<i64>)| {
            let age = ListAge {
                since: since.map(time).transpose()?,
                counted_since: counted.map(time).transpose()?,
            };
            Ok((parsed("list name", &list)?, age))
        };
        rows.into_iter().map(age).collect()
    }

    /// What came of a list in the hours that began at `from` or later, and before `to`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_yield(
        &self,
        list: &ListName,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Yield, StoreError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT what, CAST(SUM(times) AS BIGINT) FROM list_yields \
             WHERE list = $1 AND hour >= $2 AND hour < $3 GROUP BY what",
        )
        .bind(list.as_str().to_owned())
        .bind(millis(from))
        .bind(millis(to))
        .fetch_all(&self.inner.reader)
        .await
        .step("summing a list's yield")?;
        let mut sum = Yield::default();
        for (what, times) in rows {
            sum.add(came(&what)?, count(times));
        }
        Ok(sum)
    }

    /// What came of each list of which anything came, in the hours that began at `from` or later, and before `to`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn yields(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<ListName, Yield>, StoreError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT list, what, CAST(SUM(times) AS BIGINT) FROM list_yields \
             WHERE hour >= $1 AND hour < $2 GROUP BY list, what",
        )
        .bind(millis(from))
        .bind(millis(to))
        .fetch_all(&self.inner.reader)
        .await
        .step("summing lists' yields")?;
        let mut sums: BTreeMap<ListName, Yield> = BTreeMap::new();
        for (list, what, times) in rows {
            let sum = sums.entry(parsed("list name", &list)?).or_default();
            sum.add(came(&what)?, count(times));
        }
        Ok(sums)
    }

    /// What came of an entry of a list in all; nothing where nothing did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn entry_yield(&self, list: &ListName, entry_id: EntryId) -> Result<EntryYield, StoreError> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT entry_id, what, times, last_at FROM entry_yields WHERE entry_id = $1 AND list = $2",
        )
        .bind(entry_id.to_string())
        .bind(list.as_str().to_owned())
        .fetch_all(&self.inner.reader)
        .await
        .step("reading an entry's yield")?;
        let mut found = gathered(&[entry_id], rows)?;
        Ok(found.remove(0))
    }

    /// What came of a list's entries that were hit most, the most hits first: at most `most`, behind the first `skipped`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn most_hit(
        &self,
        list: &ListName,
        skipped: u32,
        most: u32,
    ) -> Result<Vec<EntryYield>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let ids = "SELECT entry_id FROM entry_yields WHERE list = $1 AND what = 'hit' \
                   ORDER BY times DESC, entry_id LIMIT $2 OFFSET $3";
        let step = "reading entries' yields";
        let order: Vec<(String,)> = sqlx::query_as(ids)
            .bind(list.as_str().to_owned())
            .bind(limit(most))
            .bind(i64::from(skipped))
            .fetch_all(&mut *snapshot)
            .await
            .step(step)?;
        let text = format!(
            "SELECT entry_id, what, times, last_at FROM entry_yields WHERE entry_id IN \
             (SELECT entry_id FROM ({ids}) AS most_hit)"
        );
        let rows: Vec<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(list.as_str().to_owned())
            .bind(limit(most))
            .bind(i64::from(skipped))
            .fetch_all(&mut *snapshot)
            .await
            .step(step)?;
        snapshot.commit().await.step("ending to read")?;
        let order: Vec<EntryId> = order
            .iter()
            .map(|(id,)| parsed("entry id", id))
            .collect::<Result<_, _>>()?;
        gathered(&order, rows)
    }
}

type Columns = (String, String, i64, i64);

/// Each entry with its rows, in this order.
fn gathered(order: &[EntryId], rows: Vec<Columns>) -> Result<Vec<EntryYield>, StoreError> {
    let nothing = |&entry_id: &EntryId| EntryYield {
        entry_id,
        came: Yield::default(),
        last_hit_at: None,
    };
    let mut found: BTreeMap<EntryId, EntryYield> = order.iter().map(|id| (*id, nothing(id))).collect();
    for (id, what, times, last_at) in rows {
        let Some(entry) = found.get_mut(&parsed::<EntryId>("entry id", &id)?) else {
            continue;
        };
        let came = came(&what)?;
        entry.came.add(came, count(times));
        if came == Came::Hit {
            entry.last_hit_at = Some(time(last_at)?);
        }
    }
    Ok(order.iter().filter_map(|id| found.remove(id)).collect())
}

/// What one transaction adds.
#[derive(Default)]
pub(crate) struct Tally<'a> {
    /// Times, and the last one.
    entries: BTreeMap<(EntryId, String), (&'a ListName, u64, i64)>,
    hours: BTreeMap<(&'a ListName, i64, String), u64>,
}

impl<'a> Tally<'a> {
    pub(crate) fn add(
        &mut self,
        list: &'a ListName,
        entry_id: EntryId,
        came: Came,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (what, at) = (name(came)?, millis(at));
        let entry = self
            .entries
            .entry((entry_id, what.clone()))
            .or_insert((list, 0, at));
        (entry.1, entry.2) = (entry.1 + 1, entry.2.max(at));
        let hour = at - at.rem_euclid(HOUR_MS);
        *self.hours.entry((list, hour, what)).or_default() += 1;
        Ok(())
    }

    /// Writes it. The rows of a busy list are locked until the transaction ends: comes behind cases and hits, and before the outbox.
    pub(crate) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let step = "counting what came of entries";
        // In order, so that two writers cannot wait for each other.
        let entries: Vec<_> = self.entries.iter().collect();
        let text = "INSERT INTO entry_yields (entry_id, what, list, times, last_at) \
                    SELECT value -> 0 ->> 0, value -> 0 ->> 1, value -> 1 ->> 0, CAST(value -> 1 ->> 1 AS BIGINT), \
                    CAST(value -> 1 ->> 2 AS BIGINT) FROM given WHERE true \
                    ON CONFLICT (entry_id, what) DO UPDATE SET times = entry_yields.times + excluded.times, \
                    last_at = CASE WHEN excluded.last_at > entry_yields.last_at THEN excluded.last_at \
                    ELSE entry_yields.last_at END";
        write_rows(tx, step, text, &entries).await?;
        let hours: Vec<_> = self.hours.iter().collect();
        let text = "INSERT INTO list_yields (list, hour, what, times) \
                    SELECT value -> 0 ->> 0, CAST(value -> 0 ->> 1 AS BIGINT), value -> 0 ->> 2, \
                    CAST(value ->> 1 AS BIGINT) FROM given WHERE true \
                    ON CONFLICT (list, hour, what) DO UPDATE SET times = list_yields.times + excluded.times";
        write_rows(tx, step, text, &hours).await
    }
}

/// Counts what an event says for the entry that leads its case. As [`Tally::write`], before the outbox.
pub(crate) async fn count_event(tx: &mut Tx, event: &CaseEvent) -> Result<(), StoreError> {
    let Some(came) = Came::of(event) else {
        return Ok(());
    };
    let entry = &event.case.entry;
    let mut tally = Tally::default();
    tally.add(&entry.list, entry.entry_id, came, event.at)?;
    tally.write(tx).await
}

fn name(came: Came) -> Result<String, StoreError> {
    Ok(match came {
        Came::Hit => HIT.to_owned(),
        Came::Confirmed => CONFIRMED.to_owned(),
        Came::Deployed => DEPLOYED.to_owned(),
        Came::Ended(outcome) => name_of(&outcome)?,
    })
}

fn came(what: &str) -> Result<Came, StoreError> {
    Ok(match what {
        HIT => Came::Hit,
        CONFIRMED => Came::Confirmed,
        DEPLOYED => Came::Deployed,
        outcome => Came::Ended(from_json("outcome", &format!("\"{outcome}\""))?),
    })
}
