//! Hits, cases, deployments and proposals.

use std::collections::{BTreeMap, BTreeSet};

use domain::case::{
    self, Case, CaseEvent, CaseState, Command, Deployment, DeploymentState, Outcome, Refusal,
};
use domain::hit::Hit;
use domain::hotlist::Grade;
use domain::unit::Proposal;
use domain::{BcuCode, CallSign, CaseId, DeploymentId, HitId, Timestamp, UserName, Vrm};
use serde::{Deserialize, Serialize};

use crate::events::{name_of, units, write_events};
use crate::sql::{
    Step, count, from_json, is_duplicate, limit, millis, parsed, read_rows, time, to_json, write_rows,
};
use crate::transaction::{Tx, transaction};
use crate::yields::count_event;
use crate::{MAX_ROWS, Store, StoreError, audit};

/// Hits shown with a case: the newest.
pub const MAX_CASE_HITS: u32 = 100;
/// Lines of history shown with a case: the newest. A vehicle read every minute of a day makes 1,440.
pub const MAX_HISTORY: u32 = 2_000;

/// A hit as it arrives from the log.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The hit.
    pub hit: Hit,
    /// The BCU on whose ground its camera stands.
    pub bcu: Option<BcuCode>,
    /// Where its read is traced: the span that what it leads to follows, as text that [`crate::events::Sequenced`] gives back.
    pub trace: Option<String>,
}

/// How far a consumer has come in one partition of a topic: the offset of the next record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset of the next record to come.
    pub next_offset: u64,
}

/// What applying arrivals did.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Hits stored; the rest were known already.
    pub new_hits: usize,
    /// Events that now stand in the outbox, in order.
    pub events: Vec<CaseEvent>,
}

/// A case with everything about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseRecord {
    /// The case.
    pub case: Case,
    /// Its hits, newest first, at most [`MAX_CASE_HITS`].
    pub hits: Vec<Hit>,
    /// Its deployments, newest first.
    pub deployments: Vec<Deployment>,
    /// The latest ranking of units.
    pub proposals: Vec<Proposal>,
    /// What happened, oldest first; of more than [`MAX_HISTORY`] lines the newest.
    pub history: Vec<HistoryLine>,
}

/// One line of a case's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: domain::case::EventKind,
    /// Who, where it was a person.
    pub by: Option<UserName>,
    /// More, for people: the unit and its state, or the outcome and note.
    pub detail: String,
}

/// A hit of a case that a person decided about.
#[derive(Clone, Debug)]
pub struct JudgedHit {
    /// The hit.
    pub hit: Hit,
    /// Where its case stands: never [`CaseState::New`].
    pub state: CaseState,
    /// Why it was rejected, or how it ended.
    pub outcome: Option<Outcome>,
}

/// Which cases to list.
#[derive(Clone, Debug, Default)]
pub struct CaseFilter {
    /// Only those that still want somebody.
    pub open_only: bool,
    /// Only this mark.
    pub vrm: Option<Vrm>,
    /// Only this state.
    pub state: Option<CaseState>,
    /// At most so many; 0 means as many as one call returns, [`MAX_ROWS`].
    pub limit: u32,
}

impl Store {
    /// Carries out a person's command: case, deployments, event and audit row in one transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Refused`] with the reason.
    pub async fn decide(
        &self,
        case: CaseId,
        command: &Command,
        seen: u64,
        by: &UserName,
        now: Timestamp,
    ) -> Result<CaseEvent, StoreError> {
        transaction!(self, "decide", |tx| {
            let stands = lock_case(tx, case).await?;
            let deployments = deployments_of(tx, case).await?;
            let event = case::decide(&stands, &deployments, command, seen, by, now)?;
            save_cases(tx, &[&event.case]).await?;
            match (command, save_deployments(tx, &event.deployments).await) {
                // The index knows what this case does not: the unit is bound to another.
                (Command::Deploy { callsign }, Err(StoreError::Database { source, .. }))
                    if is_duplicate(&source) =>
                {
                    return Err(Refusal::UnitBusy {
                        callsign: callsign.clone(),
                    }
                    .into());
                }
                (_, saved) => saved?,
            }
            count_event(tx, &event).await?;
            write_events(tx, std::slice::from_ref(&event)).await?;
            append_audit(tx, &event, by, now).await?;
            Ok(event)
        })
    }

    /// Moves a deployment on, by its unit (`by` none) or by a person, whose deed is audited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Refused`] with the reason.
    pub async fn advance(
        &self,
        deployment: DeploymentId,
        to: DeploymentState,
        by: Option<&UserName>,
        now: Timestamp,
    ) -> Result<CaseEvent, StoreError> {
        transaction!(self, "advance", |tx| {
            // A deployment's case never changes: it can be read before the case is locked.
            let case = case_of(tx, deployment).await?;
            let case = lock_case(tx, case).await?;
            let deployments = deployments_of(tx, case.case_id).await?;
            let stands = deployments
                .iter()
                .find(|d| d.deployment_id == deployment)
                .ok_or(StoreError::NotFound("deployment"))?;
            let event = case::advance(&case, stands, to, by, now)?;
            save_cases(tx, &[&event.case]).await?;
            save_deployments(tx, &event.deployments).await?;
            write_events(tx, std::slice::from_ref(&event)).await?;
            if let Some(by) = by {
                append_audit(tx, &event, by, now).await?;
            }
            Ok(event)
        })
    }

    /// Stores cases' new rankings of units and their events, in order of the cases' ids, in one transaction. Cases that there are
    /// not are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rank(
        &self,
        rankings: &BTreeMap<CaseId, Vec<Proposal>>,
        now: Timestamp,
    ) -> Result<Vec<CaseEvent>, StoreError> {
        let rows: Vec<(CaseId, String)> = rankings
            .iter()
            .map(|(case, proposals)| Ok((*case, to_json("proposals", proposals)?)))
            .collect::<Result<_, StoreError>>()?;
        let ids: Vec<(CaseId,)> = rankings.keys().map(|case| (*case,)).collect();
        transaction!(self, "rank", |tx| {
            let text = format!(
                "SELECT doc FROM cases WHERE case_id IN (SELECT value ->> 0 FROM given) ORDER BY case_id{}",
                tx.for_update()
            );
            let found: Vec<(String,)> = read_rows(tx, "reading cases", &text, &ids).await?;
            let cases: Vec<Case> = documents("case", &found)?;
            let text = "UPDATE cases SET proposals = (SELECT value ->> 1 FROM given WHERE value ->> 0 = case_id) \
                        WHERE case_id IN (SELECT value ->> 0 FROM given)";
            write_rows(tx, "writing proposals", text, &rows).await?;
            let event = |case: &Case| Some(case::rank(case, rankings.get(&case.case_id)?.clone(), now));
            let events: Vec<CaseEvent> = cases.iter().filter_map(event).collect();
            write_events(tx, &events).await?;
            Ok(events)
        })
    }

    /// Cases, the most urgent grade first, then the oldest; ended ones the newest first, behind the open ones.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cases(&self, filter: &CaseFilter) -> Result<Vec<Case>, StoreError> {
        let wanted = if filter.limit == 0 { MAX_ROWS } else { filter.limit };
        let may = |open: bool| filter.state.is_none_or(|state| state.is_open() == open);
        let mut cases = Vec::new();
        if may(true) {
            cases = self
                .select_cases(filter, "is_open = 1", "grade, opened_at, case_id", wanted)
                .await?;
        }
        let left = wanted.saturating_sub(u32::try_from(cases.len()).unwrap_or(u32::MAX));
        if may(false) && !filter.open_only && left > 0 {
            let order = "updated_at DESC, case_id";
            cases.extend(self.select_cases(filter, "is_open = 0", order, left).await?);
        }
        Ok(cases)
    }

    /// Some cases, by id; those that there are not are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cases_of(&self, cases: &BTreeSet<CaseId>) -> Result<BTreeMap<CaseId, Case>, StoreError> {
        let ids: Vec<(CaseId,)> = cases.iter().map(|case| (*case,)).collect();
        let text = "SELECT doc FROM cases WHERE case_id IN (SELECT value ->> 0 FROM given)";
        let rows: Vec<(String,)> = transaction!(self, "cases_of", |tx| {
            read_rows(tx, "reading cases", text, &ids).await
        })?;
        let cases: Vec<Case> = documents("case", &rows)?;
        Ok(cases.into_iter().map(|case| (case.case_id, case)).collect())
    }

    async fn select_cases(
        &self,
        filter: &CaseFilter,
        which: &'static str,
        order: &'static str,
        wanted: u32,
    ) -> Result<Vec<Case>, StoreError> {
        let mut values = vec![];
        let mut text = format!("SELECT doc FROM cases WHERE {which}");
        let conditions = [
            ("vrm", filter.vrm.map(|vrm| vrm.to_string())),
            ("state", filter.state.map(|state| state.name().to_owned())),
        ];
        for (column, value) in conditions {
            if let Some(value) = value {
                values.push(value);
                text.push_str(&format!(" AND {column} = ${}", values.len()));
            }
        }
        text.push_str(&format!(" ORDER BY {order} LIMIT ${}", values.len() + 1));
        let mut select = sqlx::query_as::<_, (String,)>(sqlx::AssertSqlSafe(text));
        for value in values {
            select = select.bind(value);
        }
        let rows = select
            .bind(limit(wanted))
            .fetch_all(&self.inner.reader)
            .await
            .step("reading cases")?;
        documents("case", &rows)
    }

    /// One case with everything about it, as of one moment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such case.
    pub async fn case(&self, case: CaseId) -> Result<CaseRecord, StoreError> {
        let mut tx = self.snapshot().await?;
        let id = case.to_string();
        let found: Option<(String, String)> =
            sqlx::query_as("SELECT doc, proposals FROM cases WHERE case_id = $1")
                .bind(id.clone())
                .fetch_optional(&mut *tx)
                .await
                .step("reading a case")?;
        let (doc, proposals) = found.ok_or(StoreError::NotFound("case"))?;
        let hits: Vec<(String,)> = sqlx::query_as(
            "SELECT doc FROM hits WHERE case_id = $1 ORDER BY captured_at DESC, hit_id LIMIT $2",
        )
        .bind(id.clone())
        .bind(i64::from(MAX_CASE_HITS))
        .fetch_all(&mut *tx)
        .await
        .step("reading a case's hits")?;
        let deployments: Vec<(String,)> = sqlx::query_as(
            "SELECT doc FROM deployments WHERE case_id = $1 ORDER BY proposed_at DESC, deployment_id",
        )
        .bind(id.clone())
        .fetch_all(&mut *tx)
        .await
        .step("reading a case's deployments")?;
        let mut history: Vec<(String, i64, Option<String>, String)> = sqlx::query_as(
            "SELECT kind, at, actor, detail FROM events WHERE case_id = $1 ORDER BY sequence DESC LIMIT $2",
        )
        .bind(id)
        .bind(i64::from(MAX_HISTORY))
        .fetch_all(&mut *tx)
        .await
        .step("reading a case's history")?;
        tx.rollback().await.step("ending to read")?;
        history.reverse();
        Ok(CaseRecord {
            case: from_json("case", &doc)?,
            hits: documents("hit", &hits)?,
            deployments: documents("deployment", &deployments)?,
            proposals: from_json("proposals", &proposals)?,
            history: history.into_iter().map(line).collect::<Result<_, _>>()?,
        })
    }

    /// Every active deployment, by callsign.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active_deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT doc FROM deployments WHERE is_active = 1 ORDER BY callsign LIMIT $1")
                .bind(i64::from(MAX_ROWS))
                .fetch_all(&self.inner.reader)
                .await
                .step("reading deployments")?;
        documents("deployment", &rows)
    }

    /// Hits, newest first: of one mark, of one grade, or all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hits(
        &self,
        vrm: Option<Vrm>,
        grade: Option<Grade>,
        limit: u32,
    ) -> Result<Vec<Hit>, StoreError> {
        let text = match (vrm, grade) {
            (Some(_), Some(_)) => "vrm = $1 AND grade = $2",
            (Some(_), None) => "vrm = $1 AND $2 = 0",
            (None, Some(_)) => "$1 = '' AND grade = $2",
            (None, None) => "$1 = '' AND $2 = 0",
        };
        let text = format!("SELECT doc FROM hits WHERE {text} ORDER BY captured_at DESC, hit_id LIMIT $3");
        let rows: Vec<(String,)> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(vrm.map(|vrm| vrm.to_string()).unwrap_or_default())
            .bind(grade.map_or(0, |grade| i64::from(u8::from(grade))))
            .bind(self::limit(limit))
            .fetch_all(&self.inner.reader)
            .await
            .step("reading hits")?;
        documents("hit", &rows)
    }

    /// Hits in order of id, behind `after`, at most `limit`: for going through all of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hits_after(&self, after: Option<HitId>, limit: u32) -> Result<Vec<Hit>, StoreError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT doc FROM hits WHERE hit_id > $1 ORDER BY hit_id LIMIT $2")
                .bind(after.map(|hit| hit.to_string()).unwrap_or_default())
                .bind(self::limit(limit))
                .fetch_all(&self.inner.reader)
                .await
                .step("reading hits")?;
        documents("hit", &rows)
    }

    /// Hits of cases that people decided about, in order of capture: those captured behind `since`, or at the same time and
    /// with a higher id than the given one, at most `limit`. For going through all of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn judged_hits(
        &self,
        (since, after): (Timestamp, Option<HitId>),
        limit: u32,
    ) -> Result<Vec<JudgedHit>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT hits.doc, cases.doc FROM hits JOIN cases ON hits.case_id = cases.case_id \
             WHERE cases.state <> 'new' AND (hits.captured_at > $1 OR (hits.captured_at = $1 AND hits.hit_id > $2)) \
             ORDER BY hits.captured_at, hits.hit_id LIMIT $3",
        )
        .bind(millis(since))
        .bind(after.map(|hit| hit.to_string()).unwrap_or_default())
        .bind(self::limit(limit))
        .fetch_all(&self.inner.reader)
        .await
        .step("reading judged hits")?;
        let judged = |(hit, case): &(String, String)| {
            let case: Case = from_json("case", case)?;
            Ok(JudgedHit {
                hit: from_json("hit", hit)?,
                state: case.state,
                outcome: case.conclusion.map(|conclusion| conclusion.outcome),
            })
        };
        rows.iter().map(judged).collect()
    }

    /// How many hits are stored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_hits(&self) -> Result<u64, StoreError> {
        let (hits,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM hits")
            .fetch_one(&self.inner.reader)
            .await
            .step("counting hits")?;
        Ok(count(hits))
    }

    /// The active deployment of a unit, if it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deployment_of(&self, callsign: &CallSign) -> Result<Option<Deployment>, StoreError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT doc FROM deployments WHERE is_active = 1 AND callsign = $1")
                .bind(callsign.as_str().to_owned())
                .fetch_optional(&self.inner.reader)
                .await
                .step("reading a unit's deployment")?;
        row.map(|(doc,)| from_json("deployment", &doc)).transpose()
    }
}

pub(crate) fn documents<T: serde::de::DeserializeOwned>(
    what: &'static str,
    rows: &[(String,)],
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|(doc,)| from_json(what, doc)).collect()
}

fn line((kind, at, by, detail): (String, i64, Option<String>, String)) -> Result<HistoryLine, StoreError> {
    Ok(HistoryLine {
        at: time(at)?,
        kind: from_json("event kind", &format!("\"{kind}\""))?,
        by: by.map(|by| parsed("user name", &by)).transpose()?,
        detail,
    })
}

/// Reads a case and keeps every other writer off it until the transaction ends.
pub(crate) async fn lock_case(tx: &mut Tx, case: CaseId) -> Result<Case, StoreError> {
    let text = format!("SELECT doc FROM cases WHERE case_id = $1{}", tx.for_update());
    let row: Option<(String,)> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(case.to_string())
        .fetch_optional(tx.on())
        .await
        .step("reading a case")?;
    let (doc,) = row.ok_or(StoreError::NotFound("case"))?;
    from_json("case", &doc)
}

async fn case_of(tx: &mut Tx, deployment: DeploymentId) -> Result<CaseId, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT case_id FROM deployments WHERE deployment_id = $1")
        .bind(deployment.to_string())
        .fetch_optional(tx.on())
        .await
        .step("reading a deployment")?;
    let (case,) = row.ok_or(StoreError::NotFound("deployment"))?;
    parsed("case id", &case)
}

pub(crate) async fn deployments_of(tx: &mut Tx, case: CaseId) -> Result<Vec<Deployment>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT doc FROM deployments WHERE case_id = $1")
        .bind(case.to_string())
        .fetch_all(tx.on())
        .await
        .step("reading a case's deployments")?;
    documents("deployment", &rows)
}

/// Writes cases as they are now, new ones and old; a new one has no ranking yet.
pub(crate) async fn save_cases(tx: &mut Tx, cases: &[&Case]) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(cases.len());
    for case in cases {
        let (opened_at, updated_at) = (millis(case.opened_at), millis(case.updated_at));
        let is_open = u8::from(case.state.is_open());
        let doc = to_json("case", case)?;
        rows.push((
            case.case_id,
            case.vrm,
            case.state,
            case.grade,
            is_open,
            opened_at,
            updated_at,
            doc,
            case.entry.entry_id,
            &case.entry.list,
            case.entry.expires_at.map(millis),
            u8::from(case.is_recalled()),
        ));
    }
    let text = "INSERT INTO cases (case_id, vrm, state, grade, is_open, opened_at, updated_at, doc, proposals, \
                entry_id, entry_list, entry_expires_at, recalled) \
                SELECT value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT), \
                CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT), CAST(value ->> 6 AS BIGINT), \
                value ->> 7, '[]', value ->> 8, value ->> 9, CAST(value ->> 10 AS BIGINT), \
                CAST(value ->> 11 AS BIGINT) FROM given WHERE true \
                ON CONFLICT (case_id) DO UPDATE SET state = excluded.state, grade = excluded.grade, \
                is_open = excluded.is_open, updated_at = excluded.updated_at, doc = excluded.doc, \
                entry_id = excluded.entry_id, entry_list = excluded.entry_list, \
                entry_expires_at = excluded.entry_expires_at, recalled = excluded.recalled";
    write_rows(tx, "writing cases", text, &rows).await
}

async fn save_deployments(tx: &mut Tx, deployments: &[Deployment]) -> Result<(), StoreError> {
    for deployment in deployments {
        sqlx::query(
            "INSERT INTO deployments (deployment_id, case_id, callsign, is_active, proposed_at, doc) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (deployment_id) DO UPDATE SET is_active = excluded.is_active, doc = excluded.doc",
        )
        .bind(deployment.deployment_id.to_string())
        .bind(deployment.case_id.to_string())
        .bind(deployment.callsign.as_str().to_owned())
        .bind(i64::from(deployment.state.is_active()))
        .bind(millis(deployment.proposed_at))
        .bind(to_json("deployment", deployment)?)
        .execute(tx.on())
        .await
        .step("writing deployments")?;
    }
    Ok(())
}

/// The audit row of a person's deed. Notes stay out: people write plates into them.
async fn append_audit(
    tx: &mut Tx,
    event: &CaseEvent,
    by: &UserName,
    now: Timestamp,
) -> Result<(), StoreError> {
    let detail = match &event.case.conclusion {
        Some(conclusion) if !event.case.state.is_open() => name_of(&conclusion.outcome)?,
        _ => units(event),
    };
    let action = name_of(&event.kind)?;
    let subject = event.case.case_id.to_string();
    audit::append(tx, by.as_str(), &action, &subject, &detail, now).await
}
