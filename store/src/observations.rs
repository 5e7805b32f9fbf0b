//! What people and cameras saw in vehicles, and which case takes it up.
//!
//! An observation and a hit may come in either order, and at the same moment. Whoever writes one of them locks the outbox and then
//! looks for the other: so one of the two finds both, and no child that was seen is missed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::case::{self, Case, CaseEvent};
use domain::observation::{Observation, WINDOW};
use domain::{CaseId, ObservationId, ReadId, SignedDuration, Timestamp, UserName, Vrm};

use crate::arrivals::save_consumed;
use crate::cases::{Arrival, Consumed, lock_case, save_cases};
use crate::events::{take_numbers, write_events};
use crate::sql::{Step, from_json, millis, parsed, read_rows, time, to_json, write_rows};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit};

/// What a camera saw in a vehicle that nobody looks for is kept so long: an outage of matcher or dispatcher that is over within a
/// day makes no case miss it.
pub const CAMERAS_KEPT: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// Records what a person saw, with its audit row. The vehicle's open case takes it up where it has a sighting within
    /// [`WINDOW`]; the event that this led to. What is known already changes nothing.
    ///
    /// # Errors
    /// When the database fails; nothing has changed then.
    pub async fn observe(
        &self,
        observation: &Observation,
        by: &UserName,
        now: Timestamp,
    ) -> Result<Option<CaseEvent>, StoreError> {
        let one = std::slice::from_ref(observation);
        Ok(self.record(one, &[], Some(by), now).await?.pop())
    }

    /// Records what cameras saw, and how far the log was read: one transaction. The events that this led to.
    ///
    /// # Errors
    /// When the database fails; nothing has changed then.
    pub async fn apply_observations(
        &self,
        observations: &[Observation],
        consumed: &[Consumed],
        now: Timestamp,
    ) -> Result<Vec<CaseEvent>, StoreError> {
        self.record(observations, consumed, None, now).await
    }

    async fn record(
        &self,
        observations: &[Observation],
        consumed: &[Consumed],
        by: Option<&UserName>,
        now: Timestamp,
    ) -> Result<Vec<CaseEvent>, StoreError> {
        loop {
            let done = transaction!(self, "record_observations", |tx| {
                let cases = lock_cases_of(tx, observations).await?;
                take_numbers(tx, "event", 0).await?;
                // A case that opened since cannot be locked any more: whoever holds it may wait for the outbox.
                if !cases.keys().eq(case_ids_of(tx, observations).await?.iter()) {
                    return Ok(None);
                }
                let events = take_up(tx, observations, cases, now).await?;
                save_consumed(tx, consumed).await?;
                if let Some(by) = by {
                    for observation in observations {
                        append_audit(tx, observation, &events, by, now).await?;
                    }
                }
                Ok(Some(events))
            })?;
            if let Some(events) = done {
                return Ok(events);
            }
        }
    }

    /// Answers a question of a case. About a child the answer is an observation, which is kept as any other.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Refused`] with the reason.
    pub async fn answer(
        &self,
        case: CaseId,
        question: u32,
        given: &str,
        by: &UserName,
        now: Timestamp,
    ) -> Result<CaseEvent, StoreError> {
        transaction!(self, "answer", |tx| {
            let stands = lock_case(tx, case).await?;
            let (event, observation) = case::answer(&stands, question, given, by, now)?;
            save_cases(tx, &[&event.case]).await?;
            if let Some(observation) = &observation {
                save_observations(tx, &[(observation, Some(case))]).await?;
            }
            write_events(tx, std::slice::from_ref(&event)).await?;
            let said = observation.map_or(event.said.clone(), |observation| observation.words());
            audit::append(tx, by.as_str(), "answered", &case.to_string(), &said, now).await?;
            Ok(event)
        })
    }

    /// Forgets what cameras saw more than [`CAMERAS_KEPT`] ago in vehicles whose cases did not take it up; how many that were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_observations(&self, now: Timestamp) -> Result<u64, StoreError> {
        transaction!(self, "forget_observations", |tx| {
            let gone = sqlx::query(
                "DELETE FROM observations WHERE case_id IS NULL AND observer = 'camera' AND at < $1",
            )
            .bind(millis(now - CAMERAS_KEPT))
            .execute(tx.on())
            .await
            .step("forgetting observations")?;
            Ok(gone.rows_affected())
        })
    }
}

/// Takes up what was observed around hits that were just stored, in the cases as they stand after these: the events that this
/// leads to, for cases that have changed again. Locks the outbox.
pub(crate) async fn look_back(
    tx: &mut Tx,
    hits: &[(&Arrival, Option<CaseId>)],
    cases: &mut BTreeMap<CaseId, Case>,
    now: Timestamp,
) -> Result<Vec<CaseEvent>, StoreError> {
    let hits: Vec<(&Arrival, CaseId)> = hits
        .iter()
        .filter_map(|(hit, case)| Some((*hit, (*case)?)))
        .collect();
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    take_numbers(tx, "event", 0).await?;
    let (mut events, mut taken) = (Vec::new(), Vec::new());
    for (observation, had_by) in around(tx, &hits).await? {
        let about = |(arrival, case): &(&Arrival, CaseId)| {
            let hit = &arrival.hit;
            let same = hit.vrm() == observation.vrm || Some(hit.read.read_id) == observation.read_id();
            let apart = hit.read.captured_at.duration_since(observation.at);
            same.then_some((apart.abs(), *case))
        };
        let Some((apart, case)) = hits.iter().filter_map(about).min() else {
            continue;
        };
        if had_by == Some(case) {
            continue;
        }
        let event = cases
            .get(&case)
            .and_then(|stands| case::observe(stands, &observation, apart, now));
        if let Some(event) = event {
            cases.insert(case, event.case.clone());
            events.push(event);
            taken.push((observation.observation_id, case));
        }
    }
    if !events.is_empty() {
        let changed: BTreeSet<CaseId> = taken.iter().map(|(_, case)| *case).collect();
        let changed: Vec<&Case> = changed.iter().filter_map(|case| cases.get(case)).collect();
        save_cases(tx, &changed).await?;
        save_taken(tx, &taken).await?;
    }
    Ok(events)
}

/// Observations of the marks of hits within [`WINDOW`] of them, the oldest first, each with the case that has it.
async fn around(
    tx: &mut Tx,
    hits: &[(&Arrival, CaseId)],
) -> Result<Vec<(Observation, Option<CaseId>)>, StoreError> {
    let mut windows: BTreeMap<Vrm, (Timestamp, Timestamp)> = BTreeMap::new();
    for (arrival, _) in hits {
        let at = arrival.hit.read.captured_at;
        // A camera observes the mark that it read, which may be a misreading of the case's.
        for mark in [arrival.hit.vrm(), arrival.hit.read.vrm] {
            let (from, to) = windows.entry(mark).or_insert((at, at));
            (*from, *to) = ((*from).min(at), (*to).max(at));
        }
    }
    let windows: Vec<(Vrm, i64, i64)> = windows
        .into_iter()
        .map(|(mark, (from, to))| (mark, millis(from - WINDOW), millis(to + WINDOW)))
        .collect();
    let text = "SELECT observations.doc, observations.case_id FROM given JOIN observations \
                ON observations.vrm = value ->> 0 AND observations.at >= CAST(value ->> 1 AS BIGINT) \
                AND observations.at <= CAST(value ->> 2 AS BIGINT) \
                ORDER BY observations.at, observations.observation_id";
    let rows: Vec<(String, Option<String>)> = read_rows(tx, "reading observations", text, &windows).await?;
    rows.iter()
        .map(|(doc, case)| {
            let case = case.as_ref().map(|case| parsed("case id", case)).transpose()?;
            Ok((from_json("observation", doc)?, case))
        })
        .collect()
}

/// Which open cases observations may be about: by mark, or by the read that a camera observed with.
const CASES_OF: &str = "FROM cases WHERE is_open = 1 AND case_id IN (\
     SELECT case_id FROM cases WHERE is_open = 1 AND vrm IN (SELECT value ->> 0 FROM given) \
     UNION SELECT hits.case_id FROM given JOIN hits ON hits.read_id = value ->> 1) ORDER BY case_id";

fn marks_and_reads(observations: &[Observation]) -> Vec<(Vrm, Option<ReadId>)> {
    observations.iter().map(|one| (one.vrm, one.read_id())).collect()
}

async fn lock_cases_of(
    tx: &mut Tx,
    observations: &[Observation],
) -> Result<BTreeMap<CaseId, Case>, StoreError> {
    let text = format!("SELECT doc {CASES_OF}{}", tx.for_update());
    let given = marks_and_reads(observations);
    let rows: Vec<(String,)> = read_rows(tx, "reading what is observed", &text, &given).await?;
    let case = |(doc,): &(String,)| {
        let case: Case = from_json("case", doc)?;
        Ok((case.case_id, case))
    };
    rows.iter().map(case).collect()
}

async fn case_ids_of(tx: &mut Tx, observations: &[Observation]) -> Result<BTreeSet<CaseId>, StoreError> {
    let text = format!("SELECT case_id {CASES_OF}");
    let given = marks_and_reads(observations);
    let rows: Vec<(String,)> = read_rows(tx, "reading what is observed", &text, &given).await?;
    rows.iter().map(|(case,)| parsed("case id", case)).collect()
}

/// Stores observations that are new, each with the case that takes it up.
async fn take_up(
    tx: &mut Tx,
    observations: &[Observation],
    mut cases: BTreeMap<CaseId, Case>,
    now: Timestamp,
) -> Result<Vec<CaseEvent>, StoreError> {
    let mut known = known(tx, observations).await?;
    let by_read = cases_by_read(tx, observations).await?;
    let (mut events, mut rows, mut changed) = (Vec::new(), Vec::new(), BTreeSet::new());
    for observation in observations {
        if !known.insert(observation.observation_id) {
            continue;
        }
        let by_mark = cases.values().find(|case| case.vrm == observation.vrm);
        let read = observation.read_id().and_then(|read| by_read.get(&read));
        let stands = by_mark.or_else(|| cases.get(read?));
        let mut taken_by = None;
        if let Some(stands) = stands
            && let Some(apart) = next_sighting(tx, stands.case_id, observation.at).await?
            && let Some(event) = case::observe(stands, observation, apart, now)
        {
            taken_by = Some(event.case.case_id);
            changed.extend(taken_by);
            cases.insert(event.case.case_id, event.case.clone());
            events.push(event);
        }
        rows.push((observation, taken_by));
    }
    let changed: Vec<&Case> = changed.iter().filter_map(|case| cases.get(case)).collect();
    save_cases(tx, &changed).await?;
    save_observations(tx, &rows).await?;
    write_events(tx, &events).await?;
    Ok(events)
}

async fn known(tx: &mut Tx, observations: &[Observation]) -> Result<BTreeSet<ObservationId>, StoreError> {
    let ids: Vec<(ObservationId,)> = observations.iter().map(|one| (one.observation_id,)).collect();
    let text =
        "SELECT observation_id FROM observations WHERE observation_id IN (SELECT value ->> 0 FROM given)";
    let rows: Vec<(String,)> = read_rows(tx, "reading observations", text, &ids).await?;
    rows.iter().map(|(id,)| parsed("observation id", id)).collect()
}

/// The cases of the reads that cameras observed with.
async fn cases_by_read(
    tx: &mut Tx,
    observations: &[Observation],
) -> Result<HashMap<ReadId, CaseId>, StoreError> {
    let reads: Vec<(ReadId,)> = observations
        .iter()
        .filter_map(|one| Some((one.read_id()?,)))
        .collect();
    let text = "SELECT read_id, case_id FROM hits \
                WHERE case_id IS NOT NULL AND read_id IN (SELECT value ->> 0 FROM given)";
    let rows: Vec<(String, String)> = read_rows(tx, "reading what is observed", text, &reads).await?;
    rows.iter()
        .map(|(read, case)| Ok((parsed("read id", read)?, parsed("case id", case)?)))
        .collect()
}

/// How far an observation at `at` is from the case's sighting next to it; none where none is within [`WINDOW`].
async fn next_sighting(
    tx: &mut Tx,
    case: CaseId,
    at: Timestamp,
) -> Result<Option<SignedDuration>, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT captured_at FROM hits WHERE case_id = $1 AND captured_at >= $2 AND captured_at <= $3 \
         ORDER BY ABS(captured_at - $4) LIMIT 1",
    )
    .bind(case.to_string())
    .bind(millis(at - WINDOW))
    .bind(millis(at + WINDOW))
    .bind(millis(at))
    .fetch_optional(tx.on())
    .await
    .step("reading a case's sightings")?;
    row.map(|(captured,)| Ok(at.duration_since(time(captured)?)))
        .transpose()
}

async fn save_observations(
    tx: &mut Tx,
    observations: &[(&Observation, Option<CaseId>)],
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(observations.len());
    for (observation, case) in observations {
        rows.push((
            observation.observation_id,
            observation.vrm,
            millis(observation.at),
            observation.by.kind(),
            case,
            to_json("observation", observation)?,
        ));
    }
    let text = "INSERT INTO observations (observation_id, vrm, at, observer, case_id, doc) \
                SELECT value ->> 0, value ->> 1, CAST(value ->> 2 AS BIGINT), value ->> 3, value ->> 4, \
                value ->> 5 FROM given WHERE true \
                ON CONFLICT (observation_id) DO UPDATE SET case_id = excluded.case_id";
    write_rows(tx, "writing observations", text, &rows).await
}

async fn save_taken(tx: &mut Tx, taken: &[(ObservationId, CaseId)]) -> Result<(), StoreError> {
    let text = "UPDATE observations \
                SET case_id = (SELECT value ->> 1 FROM given WHERE value ->> 0 = observations.observation_id) \
                WHERE observation_id IN (SELECT value ->> 0 FROM given)";
    write_rows(tx, "writing who has observations", text, taken).await
}

/// The audit row of what a person saw: on the case, or on the observation where no case took it up.
async fn append_audit(
    tx: &mut Tx,
    observation: &Observation,
    events: &[CaseEvent],
    by: &UserName,
    now: Timestamp,
) -> Result<(), StoreError> {
    let subject = match events.first() {
        Some(event) => event.case.case_id.to_string(),
        None => observation.observation_id.to_string(),
    };
    audit::append(tx, by.as_str(), "observed", &subject, &observation.words(), now).await
}
