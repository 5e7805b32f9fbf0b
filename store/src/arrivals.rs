//! Hits as they come from the log: which are new, which case each belongs to, and all of it into one transaction.
//!
//! The fold is pure ([`fold`]); around it one query per table reads what it needs and one statement per table writes
//! what it decided, however many hits a batch has.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::case::{self, Case, CaseEvent};
use domain::{CaseId, HitId, ReadId, Timestamp, Vrm};

use crate::cases::{Applied, Arrival, Consumed, save_cases};
use crate::events::write_events;
use crate::sql::{Step, from_json, insert, millis, number, parsed, placeholders, rows_at_once, to_json};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError};

/// What the database holds that a batch of hits may touch.
#[derive(Default)]
struct Known {
    /// Hits of the batch that were stored before.
    hits: HashSet<HitId>,
    /// The open case of each of the batch's marks.
    open: HashMap<Vrm, Case>,
    /// Which of the batch's reads count in which case already.
    counted: HashSet<(ReadId, CaseId)>,
}

/// What a batch of hits leads to.
struct Outcome<'a> {
    /// Hits to store, with their case.
    hits: Vec<(&'a Arrival, Option<CaseId>)>,
    /// What happened, in order.
    events: Vec<CaseEvent>,
    /// Cases as they are in the end, each once.
    cases: BTreeMap<CaseId, Case>,
}

impl Store {
    /// Stores hits, opens and updates cases, and records how far the log was read: one transaction. Hits known already
    /// change nothing. Grade 4 hits are stored and open none (nor update one).
    ///
    /// # Errors
    /// When the database fails; nothing has changed then.
    pub async fn apply_hits(
        &self,
        arrivals: &[Arrival],
        consumed: &[Consumed],
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        transaction!(self, "apply_hits", |tx| {
            // Another writer may store the same hit or open the same vehicle's case in between: its unique index then
            // stops this transaction, which runs again and sees it.
            let outcome = fold(arrivals, known(tx, arrivals).await?, now);
            let cases: Vec<&Case> = outcome.cases.values().collect();
            save_cases(tx, &cases).await?;
            save_hits(tx, &outcome.hits).await?;
            save_consumed(tx, consumed).await?;
            write_events(tx, &outcome.events).await?;
            Ok(Applied {
                new_hits: outcome.hits.len(),
                events: outcome.events,
            })
        })
    }

    /// How far a topic's partitions were read, as [`Store::apply_hits`] recorded it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consumed(&self, topic: &str) -> Result<Vec<Consumed>, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT partition_number, next_offset FROM consumed WHERE topic = $1 ORDER BY partition_number",
        )
        .bind(topic.to_owned())
        .fetch_all(&self.inner.reader)
        .await
        .step("reading offsets")?;
        let consumed = |(partition, next): (i64, i64)| Consumed {
            topic: topic.to_owned(),
            partition: u32::try_from(partition).unwrap_or_default(),
            next_offset: next.unsigned_abs(),
        };
        Ok(rows.into_iter().map(consumed).collect())
    }
}

/// Decides about each hit in turn.
fn fold<'a>(arrivals: &'a [Arrival], known: Known, now: Timestamp) -> Outcome<'a> {
    let Known {
        mut hits,
        mut open,
        mut counted,
    } = known;
    let mut outcome = Outcome {
        hits: Vec::with_capacity(arrivals.len()),
        events: Vec::new(),
        cases: BTreeMap::new(),
    };
    for arrival in arrivals {
        let hit = &arrival.hit;
        if !hits.insert(hit.hit_id) {
            continue;
        }
        if !hit.entry.grade.opens_case() {
            outcome.hits.push((arrival, None));
            continue;
        }
        let bcu = arrival.bcu.clone();
        let event = match open.get(&hit.entry.vrm) {
            Some(case) => {
                let new_read = !counted.contains(&(hit.read.read_id, case.case_id));
                case::sight(case, hit, bcu, new_read, now)
            }
            None => case::open(hit, bcu, now),
        };
        let case_id = event.case.case_id;
        counted.insert((hit.read.read_id, case_id));
        open.insert(hit.entry.vrm, event.case.clone());
        outcome.cases.insert(case_id, event.case.clone());
        outcome.hits.push((arrival, Some(case_id)));
        outcome.events.push(event);
    }
    outcome
}

/// Reads what the batch may touch, and locks its open cases.
async fn known(tx: &mut Tx, arrivals: &[Arrival]) -> Result<Known, StoreError> {
    let mut known = Known::default();
    for part in arrivals.chunks(rows_at_once(1)) {
        let hits: BTreeSet<String> = part.iter().map(|a| a.hit.hit_id.to_string()).collect();
        let text = "SELECT hit_id FROM hits WHERE hit_id IN";
        for (id,) in select_in::<(String,)>(tx, text, "", hits).await? {
            known.hits.insert(parsed("hit id", &id)?);
        }
        let fresh = |a: &&Arrival| a.hit.entry.grade.opens_case() && !known.hits.contains(&a.hit.hit_id);
        let marks: BTreeSet<String> = part
            .iter()
            .filter(fresh)
            .map(|a| a.hit.entry.vrm.to_string())
            .collect();
        let reads: BTreeSet<String> = part
            .iter()
            .filter(fresh)
            .map(|a| a.hit.read.read_id.to_string())
            .collect();
        // Always in the same order, so that two writers cannot wait for each other.
        let tail = format!(" ORDER BY case_id{}", tx.for_update());
        let text = "SELECT doc FROM cases WHERE is_open = 1 AND vrm IN";
        for (doc,) in select_in::<(String,)>(tx, text, &tail, marks).await? {
            let case: Case = from_json("case", &doc)?;
            known.open.insert(case.vrm, case);
        }
        let text = "SELECT read_id, case_id FROM hits WHERE case_id IS NOT NULL AND read_id IN";
        for (read, case) in select_in::<(String, String)>(tx, text, "", reads).await? {
            known
                .counted
                .insert((parsed("read id", &read)?, parsed("case id", &case)?));
        }
    }
    Ok(known)
}

/// Runs `text (values) tail`.
async fn select_in<R>(
    tx: &mut Tx,
    text: &str,
    tail: &str,
    values: BTreeSet<String>,
) -> Result<Vec<R>, StoreError>
where
    R: for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow> + Send + Unpin,
{
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("{text} ({}){tail}", placeholders(1, values.len()));
    let mut select = sqlx::query_as(sqlx::AssertSqlSafe(text)).persistent(false);
    for value in values {
        select = select.bind(value);
    }
    select.fetch_all(tx.on()).await.step("reading what hits touch")
}

async fn save_hits(tx: &mut Tx, hits: &[(&Arrival, Option<CaseId>)]) -> Result<(), StoreError> {
    // In order of id, so that two writers of the same hits cannot wait for each other.
    let mut sorted: Vec<_> = hits.iter().collect();
    sorted.sort_unstable_by_key(|(arrival, _)| arrival.hit.hit_id);
    for part in sorted.chunks(rows_at_once(7)) {
        let text = "INSERT INTO hits (hit_id, read_id, vrm, grade, case_id, captured_at, doc)";
        let mut insert = insert(text, part.len(), 7, "");
        for (Arrival { hit, .. }, case) in part {
            insert = insert
                .bind(hit.hit_id.to_string())
                .bind(hit.read.read_id.to_string())
                .bind(hit.entry.vrm.to_string())
                .bind(i64::from(u8::from(hit.entry.grade)))
                .bind(case.map(|case| case.to_string()))
                .bind(millis(hit.read.captured_at))
                .bind(to_json("hit", hit)?);
        }
        insert.execute(tx.on()).await.step("writing hits")?;
    }
    Ok(())
}

async fn save_consumed(tx: &mut Tx, consumed: &[Consumed]) -> Result<(), StoreError> {
    let mut furthest: BTreeMap<(&str, u32), u64> = BTreeMap::new();
    for Consumed {
        topic,
        partition,
        next_offset,
    } in consumed
    {
        let next = furthest.entry((topic, *partition)).or_default();
        *next = (*next).max(*next_offset);
    }
    for ((topic, partition), next) in furthest {
        sqlx::query(
            "INSERT INTO consumed (topic, partition_number, next_offset) VALUES ($1, $2, $3) \
             ON CONFLICT (topic, partition_number) DO UPDATE SET next_offset = excluded.next_offset \
             WHERE excluded.next_offset > consumed.next_offset",
        )
        .bind(topic.to_owned())
        .bind(i64::from(partition))
        .bind(number(next))
        .execute(tx.on())
        .await
        .step("writing offsets")?;
    }
    Ok(())
}
