//! Hits as they come from the log: which are new, which case each belongs to, and all of it into one transaction.
//!
//! The fold is pure ([`fold`]); around it one query per table reads what it needs and one statement per table writes
//! what it decided, however many hits a batch has.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::case::{self, Case, CaseEvent};
use domain::policy::ListPolicy;
use domain::yields::Came;
use domain::{CaseId, HitId, ReadId, Timestamp, Vrm};

use crate::cases::{Applied, Arrival, Consumed, save_cases};
use crate::events::write_traced_events;
use crate::observations::look_back;
use crate::reviews::marked;
use crate::sql::{Step, from_json, millis, number, parsed, read_rows, to_json, write_rows};
use crate::transaction::{Tx, transaction};
use crate::yields::Tally;
use crate::{Store, StoreError};

/// What the database holds that a batch of hits may touch.
#[derive(Default)]
struct Known {
    /// Hits of the batch that were stored before.
    hits: HashSet<HitId>,
    /// The open case of each of the batch's marks.
    open: HashMap<Vrm, Case>,
    /// The last case of each of the batch's marks that has none open, where it ended by itself.
    ended: HashMap<Vrm, Case>,
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
    /// change nothing. Grade 4 hits are stored and open none (nor update one); those of an entry that has lapsed open none, and
    /// update the one that it leads. `usual` is the policy of lists that have none of their own.
    ///
    /// # Errors
    /// When the database fails; nothing has changed then.
    pub async fn apply_hits(
        &self,
        arrivals: &[Arrival],
        consumed: &[Consumed],
        usual: &ListPolicy,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let traces = arrivals
            .iter()
            .filter_map(|a| Some((a.hit.hit_id, a.trace.as_deref()?)));
        let traces: HashMap<HitId, &str> = traces.collect();
        transaction!(self, "apply_hits", |tx| {
            // Another writer may store the same hit or open the same vehicle's case in between: its unique index then
            // stops this transaction, which runs again and sees it.
            let arrivals = marked(tx, arrivals, usual, now).await?;
            let arrivals = arrivals.as_ref();
            let mut outcome = fold(arrivals, known(tx, arrivals).await?, now);
            let cases: Vec<&Case> = outcome.cases.values().collect();
            save_cases(tx, &cases).await?;
            save_hits(tx, &outcome.hits).await?;
            save_consumed(tx, consumed).await?;
            count_hits(tx, &outcome.hits).await?;
            let observed = look_back(tx, &outcome.hits, &mut outcome.cases, now).await?;
            outcome.events.extend(observed);
            write_traced_events(tx, &outcome.events, &traces).await?;
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
        ended,
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
        let open_case = open.get(&hit.vrm());
        // Somebody may be on the way in a case that an entry leads when it lapses.
        let leads = || open_case.is_some_and(|case| case.entry.entry_id == hit.entry.entry_id);
        let counts = hit.opens_case() || (hit.entry.grade.opens_case() && leads());
        if !counts {
            outcome.hits.push((arrival, None));
            continue;
        }
        let bcu = arrival.bcu.clone();
        let event = match open_case {
            Some(case) => {
                let new_read = !counted.contains(&(hit.read.read_id, case.case_id));
                case::sight(case, hit, bcu, new_read, now)
            }
            None => {
                let opened = case::open(hit, bcu, now);
                match ended.get(&hit.vrm()) {
                    Some(before) => opened.counting_on(before),
                    None => opened,
                }
            }
        };
        let case_id = event.case.case_id;
        counted.insert((hit.read.read_id, case_id));
        open.insert(hit.vrm(), event.case.clone());
        outcome.cases.insert(case_id, event.case.clone());
        outcome.hits.push((arrival, Some(case_id)));
        outcome.events.push(event);
    }
    outcome
}

/// Reads what the batch may touch, and locks its open cases.
async fn known(tx: &mut Tx, arrivals: &[Arrival]) -> Result<Known, StoreError> {
    let step = "reading what hits touch";
    let mut known = Known::default();
    let ids: BTreeSet<(HitId,)> = arrivals.iter().map(|a| (a.hit.hit_id,)).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let text = "SELECT hit_id FROM hits WHERE hit_id IN (SELECT value ->> 0 FROM given)";
    for (id,) in read_rows::<_, (String,)>(tx, step, text, &ids).await? {
        known.hits.insert(parsed("hit id", &id)?);
    }
    let fresh = |a: &&Arrival| a.hit.entry.grade.opens_case() && !known.hits.contains(&a.hit.hit_id);
    let marks: BTreeSet<(Vrm,)> = arrivals.iter().filter(fresh).map(|a| (a.hit.vrm(),)).collect();
    let reads: BTreeSet<(ReadId,)> = arrivals
        .iter()
        .filter(fresh)
        .map(|a| (a.hit.read.read_id,))
        .collect();
    let marks: Vec<_> = marks.into_iter().collect();
    let reads: Vec<_> = reads.into_iter().collect();
    // Always in the same order, so that two writers cannot wait for each other.
    let text = format!(
        "SELECT doc FROM cases WHERE is_open = 1 AND vrm IN (SELECT value ->> 0 FROM given) ORDER BY case_id{}",
        tx.for_update()
    );
    for (doc,) in read_rows::<_, (String,)>(tx, step, &text, &marks).await? {
        let case: Case = from_json("case", &doc)?;
        known.open.insert(case.vrm, case);
    }
    let text = "SELECT doc FROM cases WHERE is_open = 0 AND recalled = 1 AND vrm IN (SELECT value ->> 0 FROM given) \
                AND NOT EXISTS (SELECT 1 FROM cases later \
                WHERE later.vrm = cases.vrm AND later.opened_at > cases.opened_at)";
    for (doc,) in read_rows::<_, (String,)>(tx, step, text, &marks).await? {
        let case: Case = from_json("case", &doc)?;
        known.ended.insert(case.vrm, case);
    }
    let text = "SELECT read_id, case_id FROM hits \
                WHERE case_id IS NOT NULL AND read_id IN (SELECT value ->> 0 FROM given)";
    for (read, case) in read_rows::<_, (String, String)>(tx, step, text, &reads).await? {
        let pair = (parsed("read id", &read)?, parsed("case id", &case)?);
        known.counted.insert(pair);
    }
    Ok(known)
}

async fn save_hits(tx: &mut Tx, hits: &[(&Arrival, Option<CaseId>)]) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(hits.len());
    for (Arrival { hit, .. }, case) in hits {
        let captured_at = millis(hit.read.captured_at);
        let doc = to_json("hit", hit)?;
        rows.push((
            hit.hit_id,
            hit.read.read_id,
            hit.vrm(),
            hit.entry.grade,
            case,
            captured_at,
            doc,
        ));
    }
    // In order of id, so that two writers of the same hits cannot wait for each other.
    rows.sort_unstable_by_key(|row| row.0);
    let text = "INSERT INTO hits (hit_id, read_id, vrm, grade, case_id, captured_at, doc) \
                SELECT value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT), value ->> 4, \
                CAST(value ->> 5 AS BIGINT), value ->> 6 FROM given";
    write_rows(tx, "writing hits", text, &rows).await
}

async fn count_hits(tx: &mut Tx, hits: &[(&Arrival, Option<CaseId>)]) -> Result<(), StoreError> {
    let mut tally = Tally::default();
    for (Arrival { hit, .. }, _) in hits {
        let entry = &hit.entry;
        tally.add(&entry.list, entry.entry_id, Came::Hit, hit.matched_at)?;
    }
    tally.write(tx).await
}

pub(crate) async fn save_consumed(tx: &mut Tx, consumed: &[Consumed]) -> Result<(), StoreError> {
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
