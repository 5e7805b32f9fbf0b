//! What a rule does to a case.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::asked::{self, Ask};
use super::{Case, CaseEvent, CaseState, EventKind, event};
use crate::UserName;
use crate::hotlist::Grade;
use crate::read::PlateRead;

/// Reads by one camera within this time are one sighting: a vehicle in a queue before it has not come back.
pub const ONE_SIGHTING: SignedDuration = SignedDuration::from_mins(5);
/// Deeds of rules that a case keeps: the newest. Its events keep them all.
pub const MAX_RULED: usize = 50;
/// Instructions that a case has: what comes after them is left out, since nobody reads more in a hurry.
pub const MAX_INSTRUCTIONS: usize = 5;

/// A rule that holds, as the engine gives it: which, and what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleEffect {
    /// The rule's name.
    pub rule: String,
    /// The version of the rule file.
    pub version: u64,
    /// What it held at.
    pub trigger: Trigger,
    /// What it wants.
    pub effects: Effects,
}

/// What a rule is judged at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Each hit; it acts once at a sighting. That a person has decided about the case is an answer to it.
    #[default]
    Sighting,
    /// Each observation: new knowledge, whatever was decided before it.
    Observation,
    /// Each answer to a question, as well.
    Answer,
}

impl Trigger {
    fn is_sighting(&self) -> bool {
        *self == Self::Sighting
    }
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
    /// What the operator is asked.
    pub ask: Option<Ask>,
    /// What is to be done, whatever the entry says.
    pub instruct: Option<String>,
    /// Nobody is shown why the vehicle is looked for but this; who is cleared asks for it.
    pub restrict: Option<String>,
    /// What is left to be done after the case.
    pub follow_up: Option<String>,
}

/// Which rule of which version did what to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The rule's name.
    pub rule: String,
    /// The version of the rule file; 0 is the force's own, as it came.
    pub version: u64,
    /// What it held at.
    #[serde(default, skip_serializing_if = "Trigger::is_sighting")]
    pub trigger: Trigger,
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

/// Does to a case what a rule wants that held at `cause`, an event of this case: an event for each kind of thing that it does.
/// Nothing where the case is over or is recalled. And of a rule that is judged at sightings nothing where a person has decided
/// about the case since, or where it has acted at this sighting already: several entries may be hit by one read, and a queue
/// before a camera is read many times.
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
    if !case.state.is_open() || case.is_recalled() {
        return Vec::new();
    }
    let acted = |ruled: &Ruled| {
        ruled.rule == effect.rule && (ruled.decisions, ruled.unanswered) == (cause.version, cause.unanswered)
    };
    if effect.trigger == Trigger::Sighting && (case.version != cause.version || case.ruled.iter().any(acted))
    {
        return Vec::new();
    }
    let mut changed = case.clone();
    changed.updated_at = now;
    let done = carry_out(&mut changed, effect, now);
    if done.is_empty() {
        return Vec::new();
    }
    let ruled = Ruled {
        rule: effect.rule.clone(),
        version: effect.version,
        trigger: effect.trigger,
        at: now,
        from: (changed.grade != case.grade).then_some(case.grade),
        grade: changed.grade,
        notified: effect.effects.notify.clone(),
        signed_in: signed_in.to_vec(),
        decisions: cause.version,
        unanswered: cause.unanswered,
    };
    let (name, why) = (ruled.name(), ruled.why(changed.state));
    changed.ruled.push(ruled);
    let surplus = changed.ruled.len().saturating_sub(MAX_RULED);
    changed.ruled.drain(..surplus);
    let said = |(kind, what): (EventKind, String)| {
        // Who did not act matters where that is why the rule acted.
        let presses = matches!(kind, EventKind::Escalated | EventKind::Notified);
        let by = if presses { &why } else { &name };
        CaseEvent {
            said: format!("{what}: {by}"),
            ..event(kind, changed.clone(), now)
        }
    };
    done.into_iter().map(said).collect()
}

/// Changes the case as the rule wants; what that was, in words. Empty where nothing is left to do.
fn carry_out(case: &mut Case, effect: &RuleEffect, now: Timestamp) -> Vec<(EventKind, String)> {
    let Effects {
        raise_grade,
        set_grade,
        notify,
        ask,
        instruct,
        restrict,
        follow_up,
    } = &effect.effects;
    let mut done = Vec::new();
    if let Some(words) = restrict
        && case.restricted.is_none()
    {
        case.restricted = Some(words.clone());
        done.push((EventKind::Restricted, words.clone()));
    }
    let raised = if *raise_grade {
        case.grade.raised()
    } else {
        case.grade
    };
    let grade = set_grade.map_or(raised, |set| raised.min(set));
    if grade != case.grade {
        done.push((EventKind::Escalated, format!("grade {} to {grade}", case.grade)));
        case.grade = grade;
    }
    if let Some(text) = instruct
        && !case.instructions.contains(text)
        && case.instructions.len() < MAX_INSTRUCTIONS
    {
        case.instructions.push(text.clone());
        done.push((EventKind::Instructed, text.clone()));
    }
    if let Some(ask) = ask
        && asked::ask(case, &effect.rule, ask, now)
    {
        done.push((EventKind::Asked, ask.question.clone()));
    }
    if !notify.is_empty() {
        done.push((EventKind::Notified, notify.join(", ")));
    }
    if let Some(what) = follow_up {
        done.push((EventKind::FollowedUp, what.clone()));
    }
    done
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
    /// Which rule it was, for people.
    fn name(&self) -> String {
        format!("{} (rules {})", self.rule, self.version)
    }

    /// Which rule it was, and where it acted at a sighting about which nobody has decided anything, who had not acted; for people.
    #[must_use]
    pub fn why(&self, state: CaseState) -> String {
        if !self.trigger.is_sighting() {
            return self.name();
        }
        let names: Vec<&str> = self.signed_in.iter().map(UserName::as_str).collect();
        let absent = match (state, names.as_slice()) {
            (CaseState::New, []) => "; nobody acted, and nobody was signed in".to_owned(),
            (CaseState::New, names) => format!("; nobody acted, signed in: {}", names.join(", ")),
            _ => String::new(),
        };
        format!("{}{absent}", self.name())
    }
}
