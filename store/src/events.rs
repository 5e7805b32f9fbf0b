//! The outbox: every case event in one order without gaps, to be relayed to the log and pushed to browsers.

use std::collections::HashMap;

use domain::HitId;
use domain::case::{CaseEvent, Conclusion};
use tokio::sync::watch;

use crate::database::Inner;
use crate::sql::{Step, count, from_json, limit, millis, number, storable, to_json, write_rows};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError};

/// An event with its place in the order of all. The first is 1; there are no gaps, and an event becomes visible only
/// after every earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequenced {
    /// Its place.
    pub sequence: u64,
    /// The event.
    pub event: CaseEvent,
    /// The trace of the hit that led to it, as [`crate::cases::Arrival::trace`] gave it.
    pub trace: Option<String>,
}

impl Store {
    /// Events behind `sequence`, oldest first, at most `limit` (and [`crate::MAX_ROWS`]).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_after(&self, sequence: u64, limit: u32) -> Result<Vec<Sequenced>, StoreError> {
        let rows: Vec<(i64, String, Option<String>)> = sqlx::query_as(
            "SELECT sequence, doc, trace FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2",
        )
        .bind(number(sequence))
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading events")?;
        let event = |(sequence, doc, trace): (i64, String, Option<String>)| {
            Ok(Sequenced {
                sequence: count(sequence),
                event: from_json("event", &doc)?,
                trace,
            })
        };
        rows.into_iter().map(event).collect()
    }

    /// The newest event's place; 0 where there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_event(&self) -> Result<u64, StoreError> {
        self.counter("event").await
    }

    /// Up to which event the outbox was relayed to the log.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn relayed(&self) -> Result<u64, StoreError> {
        self.counter("relayed").await
    }

    /// Records that events up to `sequence` are durable in the log. Never goes back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_relayed(&self, sequence: u64) -> Result<(), StoreError> {
        transaction!(self, "set_relayed", |tx| { raise(tx, "relayed", sequence).await })
    }

    /// The newest event that this handle (or a clone of it) has written, and on PostgreSQL any other process, to be watched: what was
    /// written between two looks is seen at the next. Word of other processes may be lost: whoever waits for it also looks now and
    /// then. Called within a runtime.
    #[must_use]
    pub fn newest_written(&self) -> watch::Receiver<u64> {
        let Inner { events, ear, .. } = &*self.inner;
        if let Some(ear) = ear {
            ear.listen(events);
        }
        events.subscribe()
    }

    pub(crate) async fn counter(&self, name: &'static str) -> Result<u64, StoreError> {
        let (value,): (i64,) = sqlx::query_as("SELECT value FROM counters WHERE name = $1")
            .bind(name)
            .fetch_one(&self.inner.reader)
            .await
            .step("reading a counter")?;
        Ok(count(value))
    }
}

/// Takes the next `many` numbers of a counter and returns the first. The counter is locked until the transaction ends,
/// so that numbers become visible in order and one that is rolled back leaves no gap. With `many` 0 it is only locked.
pub(crate) async fn take_numbers(tx: &mut Tx, name: &'static str, many: usize) -> Result<u64, StoreError> {
    let (value,): (i64,) =
        sqlx::query_as("UPDATE counters SET value = value + $2 WHERE name = $1 RETURNING value")
            .bind(name)
            .bind(number(many as u64))
            .fetch_one(tx.on())
            .await
            .step("taking a number")?;
    Ok(count(value) + 1 - many as u64)
}

/// Raises a counter; never lowers it.
pub(crate) async fn raise(tx: &mut Tx, name: &'static str, to: u64) -> Result<(), StoreError> {
    sqlx::query("UPDATE counters SET value = $2 WHERE name = $1 AND value < $2")
        .bind(name)
        .bind(number(to))
        .execute(tx.on())
        .await
        .step("raising a counter")
        .map(drop)
}

/// Puts events into the outbox, in this order. Locks the outbox: comes after everything that may have to wait.
pub(crate) async fn write_events(tx: &mut Tx, events: &[CaseEvent]) -> Result<(), StoreError> {
    write_traced_events(tx, events, &HashMap::new()).await
}

/// As [`write_events`], with the traces of hits.
pub(crate) async fn write_traced_events(
    tx: &mut Tx,
    events: &[CaseEvent],
    traces: &HashMap<HitId, &str>,
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let first = take_numbers(tx, "event", events.len()).await?;
    let mut rows = Vec::with_capacity(events.len());
    for (sequence, event) in (first..).zip(events) {
        let detail = storable(&detail(event)?);
        let doc = to_json("event", event)?;
        rows.push((
            sequence,
            event.case.case_id,
            event.kind,
            millis(event.at),
            &event.by,
            detail,
            doc,
            event.hit_id.and_then(|hit| traces.get(&hit)),
        ));
    }
    let text = "INSERT INTO events (sequence, case_id, kind, at, actor, detail, doc, trace) \
                SELECT CAST(value ->> 0 AS BIGINT), value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT), \
                value ->> 4, value ->> 5, value ->> 6, value ->> 7 FROM given";
    write_rows(tx, "writing events", text, &rows).await?;
    tx.last_event = Some(first + events.len() as u64 - 1);
    Ok(())
}

/// A unit variant's name on the wire.
pub(crate) fn name_of<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    Ok(to_json("name", value)?.trim_matches('"').to_owned())
}

/// What a case's history says beside the kind: never a plate.
fn detail(event: &CaseEvent) -> Result<String, StoreError> {
    use domain::case::EventKind::{
        Answered, Asked, Closed, Confirmed, Deployed, DeploymentAdvanced, Escalated, FollowedUp, Instructed,
        Notified, Observed, Opened, Proposed, Recalled, Rejected, Restricted, Sighted,
    };
    Ok(match event.kind {
        Opened | Sighted => event.case.last_read.camera.to_string(),
        Confirmed => String::new(),
        Deployed | DeploymentAdvanced => units(event),
        Proposed => {
            let callsigns: Vec<&str> = event.proposals.iter().map(|p| p.callsign.as_str()).collect();
            callsigns.join(", ")
        }
        Escalated | Notified | Observed | Asked | Answered | Instructed | Restricted | FollowedUp => {
            event.said.clone()
        }
        Recalled => match &event.case.recall {
            Some(recall) => format!("{} {}", recall.list, recall.cause),
            None => String::new(),
        },
        Rejected | Closed => match &event.case.conclusion {
            Some(Conclusion { outcome, note }) if note.is_empty() => name_of(outcome)?,
            Some(Conclusion { outcome, note }) => format!("{}: {note}", name_of(outcome)?),
            None => String::new(),
        },
    })
}

/// Each deployment that changed, with its new state.
pub(crate) fn units(event: &CaseEvent) -> String {
    let units: Vec<String> = event
        .deployments
        .iter()
        .map(|d| format!("{} {}", d.callsign, d.state.name()))
        .collect();
    units.join(", ")
}
