//! What a rule does to a case.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Case, CaseEvent, CaseState, EventKind, event};
use crate::UserName;
use crate::hotlist::Grade;
use crate::read::PlateRead;

/// Reads by one camera within this time are one sighting: a vehicle in a queue before it has not come back.
pub const ONE_SIGHTING: SignedDuration = SignedDuration::from_mins(5);
/// Deeds of rules that a case keeps: the newest. Its events keep them all.
pub const MAX_RULED: usize = 50;

/// A rule that holds, as the engine gives it: which, and what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleEffect {
    /// The rule's name.
    pub rule: String,
    /// The version of the rule file.
    pub version: u64,
    /// What it wants.
    pub effects: Effects,
}

/// What a rule does where it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// One grade up; grade 1 stays.
    pub raise_grade: bool,
    /// To this grade, unless the case is more urgent already.
    pub set_grade: Option<Grade>,
    /// Units and desks that are told.
    pub notify: Vec<String>,
}

/// Which rule of which version did what to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The rule's name.
    pub rule: String,
    /// The version of the rule file; 0 is the force's own, as it came.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// The grade before, where it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Grade>,
    /// The grade after.
    pub grade: Grade,
    /// Units and desks that were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notified: Vec<String>,
    /// Operators and supervisors who were signed in and had not acted; empty where nobody was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_in: Vec<UserName>,
    /// People's decisions about the case until then,
    #[serde(default)]
    pub decisions: u64,
    /// and sightings since the last of them, that one included.
    #[serde(default)]
    pub unanswered: u32,
}

/// Whether a further read is a sighting of its own: elsewhere, or after a while.
pub(super) fn is_another_sighting(before: &PlateRead, read: &PlateRead) -> bool {
    before.camera != read.camera || read.captured_at.duration_since(before.captured_at).abs() >= ONE_SIGHTING
}

/// Does to a case what a rule wants that held at `cause`, an event of this case: one event where the grade changes, and one where
/// somebody is notified. Nothing where the case is over, is recalled, or a person has decided about it since; and nothing where the
/// rule has acted at this sighting already: several entries may be hit by one read, and a queue before a camera is read many times.
///
/// `signed_in` are the operators and supervisors who could have acted, and had not.
#[must_use]
pub fn apply_rule(
    case: &Case,
    cause: &Case,
    effect: &RuleEffect,
    signed_in: &[UserName],
    now: Timestamp,
) -> Vec<CaseEvent> {
    if !case.state.is_open() || case.is_recalled() || case.version != cause.version {
        return Vec::new();
    }
    let acted = |ruled: &Ruled| {
        ruled.rule == effect.rule && (ruled.decisions, ruled.unanswered) == (cause.version, cause.unanswered)
    };
    if case.ruled.iter().any(acted) {
        return Vec::new();
    }
    let Effects {
        raise_grade,
        set_grade,
        notify,
    } = &effect.effects;
    let raised = if *raise_grade {
        case.grade.raised()
    } else {
        case.grade
    };
    let grade = set_grade.map_or(raised, |set| raised.min(set));
    let changed = grade != case.grade;
    if !changed && notify.is_empty() {
        return Vec::new();
    }
    let ruled = Ruled {
        rule: effect.rule.clone(),
        version: effect.version,
        at: now,
        from: changed.then_some(case.grade),
        grade,
        notified: notify.clone(),
        signed_in: signed_in.to_vec(),
        decisions: cause.version,
        unanswered: cause.unanswered,
    };
    let mut case = case.clone();
    case.grade = grade;
    case.updated_at = now;
    case.ruled.push(ruled.clone());
    let surplus = case.ruled.len().saturating_sub(MAX_RULED);
    case.ruled.drain(..surplus);
    let why = ruled.why(case.state);
    let said = |what: String| format!("{what}: {why}");
    let mut events = Vec::new();
    if let Some(from) = ruled.from {
        events.push(CaseEvent {
            said: said(format!("grade {from} to {grade}")),
            ..event(EventKind::Escalated, case.clone(), now)
        });
    }
    if !ruled.notified.is_empty() {
        events.push(CaseEvent {
            said: said(ruled.notified.join(", ")),
            ..event(EventKind::Notified, case.clone(), now)
        });
    }
    events
}

impl CaseEvent {
    /// The opening of a case whose vehicle had one `before` that ended by itself: what nobody had acted on then counts on.
    #[must_use]
    pub fn counting_on(mut self, before: &Case) -> Self {
        self.case.unanswered = self.case.unanswered.saturating_add(before.unanswered);
        self
    }
}

impl Ruled {
    /// Which rule it was, and who had not acted where nobody has decided anything about the case, for people.
    #[must_use]
    pub fn why(&self, state: CaseState) -> String {
        let names: Vec<&str> = self.signed_in.iter().map(UserName::as_str).collect();
        let absent = match (state, names.as_slice()) {
            (CaseState::New, []) => "; nobody acted, and nobody was signed in".to_owned(),
            (CaseState::New, names) => format!("; nobody acted, signed in: {}", names.join(", ")),
            _ => String::new(),
        };
        format!("{} (rules {}){absent}", self.rule, self.version)
    }
}
