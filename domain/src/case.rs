//! The case: all open hits about one vehicle, and what people decided about it.
//!
//! ```text
//! new -> confirmed -> deployed -> closed
//!   |-> rejected      confirmed -> closed (with the reason why nobody was sent as its outcome)
//!   \-> closed (recalled: its entry was withdrawn or expired before anybody looked)
//! ```
//!
//! Transitions are pure: [`open`], [`sight`], [`decide`], [`advance`] and [`recall`] take values and a time and return the new
//! values and the event to publish, or a [`Refusal`]. `store` applies them in a transaction.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hit::{Hit, Match};
use crate::hotlist::{Entry, Grade};
use crate::nominal::LinkedNominal;
use crate::read::PlateRead;
use crate::review::Overdue;
use crate::unit::Proposal;
use crate::{BcuCode, CallSign, CaseId, DeploymentId, UserName, Vrm};

mod asked;
mod deployment;
mod event;
mod observed;
mod recall;
mod rules;

pub use asked::{Answer, Ask, AskedFor, MAX_QUESTIONS, Question, answer};
pub use deployment::{Deployment, DeploymentState};
use event::event;
pub use event::{CaseEvent, EventKind};
pub use observed::{MAX_OBSERVED, Observed, observe};
pub use recall::{Recall, RecallCause, recall};
pub use rules::{Effects, MAX_INSTRUCTIONS, MAX_RULED, ONE_SIGHTING, RuleEffect, Ruled, Trigger, apply_rule};

/// Longest reason or note, in characters.
pub const MAX_NOTE: usize = 2_000;

/// Everything the control room shows about one vehicle of interest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Hash of the hit that opened it.
    pub case_id: CaseId,
    /// The vehicle.
    pub vrm: Vrm,
    /// The most urgent grade of its hits.
    pub grade: Grade,
    /// Where it stands.
    pub state: CaseState,
    /// Counts people's decisions: a command carries the version it saw. Sightings and units' progress leave it alone,
    /// so that a vehicle on the move does not refuse its operator.
    pub version: u64,
    /// When the first hit came.
    pub opened_at: Timestamp,
    /// When anything last changed.
    pub updated_at: Timestamp,
    /// Reads so far, each once however many entries it hit.
    pub sightings: u32,
    /// The latest read by capture time.
    pub last_read: PlateRead,
    /// How the latest read matched: with [`Case::entry`] if it did, else with another entry of the vehicle. A journey that no
    /// vehicle can have made stays until the next such journey: that the vehicle was read once more does not undo it.
    #[serde(default)]
    pub last_match: Match,
    /// The BCU of the latest read's camera.
    pub bcu: Option<BcuCode>,
    /// The entry of the most urgent hit; the first of equals.
    pub entry: Entry,
    /// Its leading entry was overdue for review at its latest hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Overdue>,
    /// The people whose markers an entry has that the latest read hit, whether it leads or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nominals: Vec<LinkedNominal>,
    /// Who decided last, what, and when.
    pub last_decision: Option<Decision>,
    /// Why it was rejected, or how it ended.
    pub conclusion: Option<Conclusion>,
    /// The last of its leading entries that was withdrawn or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<Recall>,
    /// Sightings since a person last decided anything about it, the latest included: what nobody has acted on.
    #[serde(default)]
    pub unanswered: u32,
    /// What rules did to it, at most [`MAX_RULED`], the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ruled: Vec<Ruled>,
    /// What was seen in it around its sightings, at most [`MAX_OBSERVED`], the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<Observed>,
    /// What rules asked, at most [`MAX_QUESTIONS`], the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// What rules want done, whatever the entry says, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instructions: Vec<String>,
    /// A rule restricts who may see why: what is said in place of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restricted: Option<String>,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// Nobody has looked yet.
    New,
    /// A person compared the plate image with the entry: it is the vehicle.
    Confirmed,
    /// A person compared them: it is not.
    Rejected,
    /// A unit was sent.
    Deployed,
    /// Over, with an outcome.
    Closed,
}

impl CaseState {
    /// Whether it still wants somebody; a vehicle has at most one open case.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Confirmed | Self::Deployed)
    }

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Deployed => "deployed",
            Self::Closed => "closed",
        }
    }
}

/// Who decided what, when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The person.
    pub by: UserName,
    /// What: `confirmed`, `rejected`, `deployed`, `closed` ...
    pub what: EventKind,
    /// When.
    pub at: Timestamp,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    /// The outcome.
    pub outcome: Outcome,
    /// What the person added.
    #[serde(default)]
    pub note: String,
}

/// How a case can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Stopped, and somebody was arrested.
    Arrest,
    /// Stopped, and the vehicle was seized or recovered.
    VehicleRecovered,
    /// Stopped, dealt with at the roadside.
    StoppedNoArrest,
    /// Observed as the entry asks, not stopped.
    Observed,
    /// The vehicle was not found.
    NotFound,
    /// Nobody could be sent.
    NoUnitAvailable,
    /// The entry no longer holds.
    EntryOutOfDate,
    /// Ended by itself: the entry was withdrawn or expired before anybody looked.
    Recalled,
    /// Rejected: the plate was misread.
    Misread,
    /// Rejected: right plate, another vehicle (cloned plate, or make and colour differ).
    WrongVehicle,
    /// Rejected for a reason given in the note.
    Other,
}

impl Outcome {
    /// Whether it says why a case was rejected; the others say how a confirmed one ended.
    #[must_use]
    pub fn is_rejection(self) -> bool {
        matches!(
            self,
            Self::Misread | Self::WrongVehicle | Self::EntryOutOfDate | Self::Other
        )
    }

    /// Whether it is what vehicles are listed for: stopped, or observed as the entry asks.
    #[must_use]
    pub fn is_result(self) -> bool {
        matches!(
            self,
            Self::Arrest | Self::VehicleRecovered | Self::StoppedNoArrest | Self::Observed
        )
    }
}

/// What a person decides about a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// The image shows the vehicle of the entry.
    Confirm,
    /// It does not; the outcome says why.
    Reject {
        /// One of the rejections.
        outcome: Outcome,
        /// Wanted with [`Outcome::Other`].
        #[serde(default)]
        note: String,
    },
    /// Send a unit.
    Deploy {
        /// Which.
        callsign: CallSign,
    },
    /// End the case; units still bound are cleared.
    Close {
        /// How it ended.
        outcome: Outcome,
        /// Anything to add.
        #[serde(default)]
        note: String,
    },
}

/// Why a command was not carried out. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Another operator was first.
    #[error("{} was first: {} at {}; look at the case again", .0.by, .0.what.words(), .0.at)]
    Superseded(Decision),
    /// The command does not fit the state.
    #[error("the case is {state}; {wanted}")]
    WrongState {
        /// Where the case stands.
        state: &'static str,
        /// What to do instead.
        wanted: &'static str,
    },
    /// The outcome does not fit the command.
    #[error("outcome: {0}")]
    WrongOutcome(&'static str),
    /// The note is missing or too long.
    #[error("note: {0}")]
    Note(&'static str),
    /// The unit is bound elsewhere.
    #[error("{callsign} is already on a deployment; choose another unit")]
    UnitBusy {
        /// Which unit.
        callsign: CallSign,
    },
    /// There is no such question, or the answer is none of its answers.
    #[error("answer: {0}")]
    Answer(&'static str),
    /// Somebody else ended what was to be done after it.
    #[error("{by} closed it at {at}")]
    FollowedUp {
        /// Who.
        by: UserName,
        /// When.
        at: Timestamp,
    },
    /// A deployment goes forward, and only while it is active.
    #[error("a deployment that is {from} cannot become {to}")]
    WrongStep {
        /// How far it is.
        from: &'static str,
        /// What was asked.
        to: &'static str,
    },
}

/// Opens the case of a vehicle that has none.
#[must_use]
pub fn open(hit: &Hit, bcu: Option<BcuCode>, now: Timestamp) -> CaseEvent {
    let case = Case {
        case_id: CaseId::opened_by(hit.hit_id),
        vrm: hit.vrm(),
        grade: hit.entry.grade,
        state: CaseState::New,
        version: 0,
        opened_at: now,
        updated_at: now,
        sightings: 1,
        last_read: hit.read.clone(),
        last_match: Match::of(hit),
        bcu,
        entry: hit.entry.clone(),
        overdue: hit.overdue,
        nominals: hit.entry.nominals.clone(),
        last_decision: None,
        conclusion: None,
        recall: None,
        unanswered: 1,
        ruled: Vec::new(),
        observed: Vec::new(),
        questions: Vec::new(),
        instructions: Vec::new(),
        restricted: None,
    };
    event(EventKind::Opened, case, now).with_hit(hit)
}

/// Adds a further hit to an open case. The most urgent entry leads; the latest capture is where the vehicle is.
/// `new_read` is false where another entry was already hit by the same read.
#[must_use]
pub fn sight(case: &Case, hit: &Hit, bcu: Option<BcuCode>, new_read: bool, now: Timestamp) -> CaseEvent {
    let mut case = case.clone();
    case.sightings += u32::from(new_read);
    let another = new_read && rules::is_another_sighting(&case.last_read, &hit.read);
    case.unanswered += u32::from(another);
    case.updated_at = now;
    if hit.entry.grade < case.grade || case.is_revived_by(&hit.entry) {
        if let Some(recall) = &mut case.recall {
            recall.led_by = Some(hit.entry.entry_id);
        }
        case.grade = hit.entry.grade;
        case.entry = hit.entry.clone();
    }
    if hit.entry.entry_id == case.entry.entry_id {
        case.overdue = hit.overdue;
    }
    if hit.read.captured_at >= case.last_read.captured_at {
        // One read may hit several entries: the leading one's match is shown, in whatever order they come.
        let leads = hit.entry.entry_id == case.entry.entry_id;
        let another_read = hit.read.read_id != case.last_read.read_id;
        let shown = leads || another_read;
        if another_read || !hit.entry.nominals.is_empty() {
            case.nominals.clone_from(&hit.entry.nominals);
        }
        case.last_match = case.last_match.then(hit, shown);
        case.last_read = hit.read.clone();
        case.bcu = bcu;
    }
    event(EventKind::Sighted, case, now).with_hit(hit)
}

/// Carries out a person's command on the case as it stands, or says why not.
///
/// `deployments` are the case's, `seen` is the version that the person saw.
///
/// # Errors
/// See [`Refusal`]; that the unit is bound elsewhere only the store can tell.
pub fn decide(
    case: &Case,
    deployments: &[Deployment],
    command: &Command,
    seen: u64,
    by: &UserName,
    now: Timestamp,
) -> Result<CaseEvent, Refusal> {
    if seen != case.version
        && let Some(first) = &case.last_decision
    {
        return Err(Refusal::Superseded(first.clone()));
    }
    let (kind, state, conclusion) = next(case.state, command)?;
    let changed = match command {
        Command::Deploy { callsign } => vec![propose(case, deployments, callsign, by, now)?],
        Command::Close { .. } => deployments
            .iter()
            .filter(|d| d.state.is_active())
            .map(|d| clear(d, now))
            .collect(),
        Command::Confirm | Command::Reject { .. } => Vec::new(),
    };
    let mut case = case.clone();
    case.state = state;
    case.version += 1;
    case.updated_at = now;
    case.last_decision = Some(Decision {
        by: by.clone(),
        what: kind,
        at: now,
    });
    case.conclusion = conclusion;
    case.unanswered = 0;
    Ok(CaseEvent {
        by: Some(by.clone()),
        deployments: changed,
        ..event(kind, case, now)
    })
}

/// The event, state and conclusion that a command leads to.
fn next(state: CaseState, command: &Command) -> Result<(EventKind, CaseState, Option<Conclusion>), Refusal> {
    let wrong = |wanted| Refusal::WrongState {
        state: state.name(),
        wanted,
    };
    match command {
        Command::Confirm if state == CaseState::New => Ok((EventKind::Confirmed, CaseState::Confirmed, None)),
        Command::Confirm => Err(wrong("only a new case is confirmed")),
        Command::Reject { outcome, note } => {
            if !matches!(state, CaseState::New | CaseState::Confirmed) {
                return Err(wrong(
                    "only a case without a deployment is rejected, close it instead",
                ));
            }
            if !outcome.is_rejection() {
                return Err(Refusal::WrongOutcome(
                    "to reject, say misread, wrong_vehicle, entry_out_of_date or other",
                ));
            }
            Ok((
                EventKind::Rejected,
                CaseState::Rejected,
                Some(conclude(*outcome, note)?),
            ))
        }
        Command::Deploy { .. } => match state {
            CaseState::Confirmed | CaseState::Deployed => {
                Ok((EventKind::Deployed, CaseState::Deployed, None))
            }
            _ => Err(wrong(
                "compare the plate image with the entry and confirm it before sending a unit",
            )),
        },
        Command::Close { outcome, note } => {
            if !matches!(state, CaseState::Confirmed | CaseState::Deployed) {
                return Err(wrong(
                    "only a confirmed or deployed case is closed, reject a new one",
                ));
            }
            if *outcome == Outcome::Recalled {
                return Err(Refusal::WrongOutcome(
                    "only a case that nobody looked at ends so, say entry_out_of_date",
                ));
            }
            if matches!(outcome, Outcome::Misread | Outcome::WrongVehicle) && state == CaseState::Confirmed {
                return Err(Refusal::WrongOutcome(
                    "no unit has seen the vehicle yet, reject the case instead",
                ));
            }
            Ok((
                EventKind::Closed,
                CaseState::Closed,
                Some(conclude(*outcome, note)?),
            ))
        }
    }
}

fn conclude(outcome: Outcome, note: &str) -> Result<Conclusion, Refusal> {
    let note = note.trim();
    if outcome == Outcome::Other && note.is_empty() {
        return Err(Refusal::Note("say what the other reason is"));
    }
    if note.chars().count() > MAX_NOTE {
        return Err(Refusal::Note("longer than 2000 characters"));
    }
    Ok(Conclusion {
        outcome,
        note: note.to_owned(),
    })
}

fn propose(
    case: &Case,
    deployments: &[Deployment],
    callsign: &CallSign,
    by: &UserName,
    now: Timestamp,
) -> Result<Deployment, Refusal> {
    if deployments
        .iter()
        .any(|d| d.callsign == *callsign && d.state.is_active())
    {
        return Err(Refusal::UnitBusy {
            callsign: callsign.clone(),
        });
    }
    Ok(Deployment {
        deployment_id: DeploymentId::of_deployment(case.case_id, callsign, case.version),
        case_id: case.case_id,
        callsign: callsign.clone(),
        state: DeploymentState::Proposed,
        by: by.clone(),
        proposed_at: now,
        updated_at: now,
    })
}

fn clear(deployment: &Deployment, now: Timestamp) -> Deployment {
    Deployment {
        state: DeploymentState::Cleared,
        updated_at: now,
        ..deployment.clone()
    }
}

/// Moves a deployment on, by its unit (`by` none) or by a person on the radio. Steps may be skipped, never taken back.
///
/// # Errors
/// [`Refusal::WrongStep`] where it is already as far, or over.
pub fn advance(
    case: &Case,
    deployment: &Deployment,
    to: DeploymentState,
    by: Option<&UserName>,
    now: Timestamp,
) -> Result<CaseEvent, Refusal> {
    if to <= deployment.state {
        return Err(Refusal::WrongStep {
            from: deployment.state.name(),
            to: to.name(),
        });
    }
    let deployment = Deployment {
        state: to,
        updated_at: now,
        ..deployment.clone()
    };
    let case = Case {
        updated_at: now,
        ..case.clone()
    };
    let event = event(EventKind::DeploymentAdvanced, case, now);
    Ok(CaseEvent {
        by: by.cloned(),
        deployments: vec![deployment],
        ..event
    })
}

/// The event of a new ranking of units.
#[must_use]
pub fn rank(case: &Case, proposals: Vec<Proposal>, now: Timestamp) -> CaseEvent {
    CaseEvent {
        proposals,
        ..event(EventKind::Proposed, case.clone(), now)
    }
}
