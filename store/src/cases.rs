//! Hits, cases, deployments and proposals.

use domain::case::{Case, CaseEvent, CaseState, Command, Deployment, DeploymentState};
use domain::hit::Hit;
use domain::hotlist::Grade;
use domain::unit::Proposal;
use domain::{BcuCode, CallSign, CaseId, DeploymentId, Timestamp, UserName, Vrm};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

/// A hit as it arrives from the log.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The hit.
    pub hit: Hit,
    /// The BCU on whose ground its camera stands.
    pub bcu: Option<BcuCode>,
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
    /// Its hits, newest first, at most 100.
    pub hits: Vec<Hit>,
    /// Its deployments, newest first.
    pub deployments: Vec<Deployment>,
    /// The latest ranking of units.
    pub proposals: Vec<Proposal>,
    /// What happened, oldest first.
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

/// Which cases to list.
#[derive(Clone, Debug, Default)]
pub struct CaseFilter {
    /// Only those that still want somebody.
    pub open_only: bool,
    /// Only this mark.
    pub vrm: Option<Vrm>,
    /// Only this state.
    pub state: Option<CaseState>,
    /// At most so many.
    pub limit: u32,
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
        let _ = (arrivals, consumed, now);
        unimplemented!()
    }

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
        let _ = (case, command, seen, by, now);
        unimplemented!()
    }

    /// Moves a deployment on, by its unit (`by` none) or by a person.
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
        let _ = (deployment, to, by, now);
        unimplemented!()
    }

    /// Stores a case's new ranking of units and its event.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such case.
    pub async fn rank(
        &self,
        case: CaseId,
        proposals: &[Proposal],
        now: Timestamp,
    ) -> Result<CaseEvent, StoreError> {
        let _ = (case, proposals, now);
        unimplemented!()
    }

    /// Cases, the most urgent grade first, then the oldest; ended ones the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cases(&self, filter: &CaseFilter) -> Result<Vec<Case>, StoreError> {
        let _ = filter;
        unimplemented!()
    }

    /// One case with everything about it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such case.
    pub async fn case(&self, case: CaseId) -> Result<CaseRecord, StoreError> {
        let _ = case;
        unimplemented!()
    }

    /// Every active deployment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active_deployments(&self) -> Result<Vec<Deployment>, StoreError> {
        unimplemented!()
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
        let _ = (vrm, grade, limit);
        unimplemented!()
    }

    /// How many hits are stored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_hits(&self) -> Result<u64, StoreError> {
        unimplemented!()
    }

    /// The active deployment of a unit, if it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deployment_of(&self, callsign: &CallSign) -> Result<Option<Deployment>, StoreError> {
        let _ = callsign;
        unimplemented!()
    }
}
