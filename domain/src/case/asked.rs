//! What rules ask the operator, and the answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Case, CaseEvent, EventKind, Refusal, event, observe};
use crate::UserName;
use crate::observation::{Child, Observation, Observer};

/// Questions that a case keeps: the newest. Its events keep them all.
pub const MAX_QUESTIONS: usize = 10;

/// What a rule wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The question, for people.
    pub question: String,
    /// What can be answered.
    pub answers: AskedFor,
}

/// What can be answered to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedFor {
    /// One of these.
    OneOf(Vec<String>),
    /// Whether a child is in the vehicle: the answer is an observation.
    Child,
}

impl AskedFor {
    /// The answers, in the order in which they are offered.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::OneOf(answers) => answers.clone(),
            Self::Child => Child::ALL.map(|(_, words)| words.to_owned()).to_vec(),
        }
    }
}

/// A question about a case's vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// From 1 in each case.
    pub number: u32,
    /// The rule that asks.
    pub rule: String,
    /// The question.
    pub question: String,
    /// What can be answered.
    pub answers: Vec<String>,
    /// The answer says whether a child is in the vehicle.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub about_child: bool,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// The newest answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// One of the question's answers.
    pub given: String,
    /// By whom.
    pub by: Observer,
    /// When.
    pub at: Timestamp,
}

/// Puts a rule's question, unless the same waits for its answer, or the answer is known. Whether it was put.
pub(super) fn ask(case: &mut Case, rule: &str, ask: &Ask, now: Timestamp) -> bool {
    let about_child = ask.answers == AskedFor::Child;
    let waits = |one: &Question| one.rule == rule && one.question == ask.question && one.answer.is_none();
    if (about_child && case.has_child()) || case.questions.iter().any(waits) {
        return false;
    }
    case.questions.push(Question {
        number: case.questions.last().map_or(1, |last| last.number + 1),
        rule: rule.to_owned(),
        question: ask.question.clone(),
        answers: ask.answers.words(),
        about_child,
        asked_at: now,
        answer: None,
    });
    let surplus = case.questions.len().saturating_sub(MAX_QUESTIONS);
    case.questions.drain(..surplus);
    true
}

/// What an observation says answers every question about a child that waits. A camera that saw none leaves them to people.
pub(super) fn answered_by(questions: &mut [Question], observation: &Observation, now: Timestamp) {
    if observation.child != Child::Seen && observation.by.person().is_none() {
        return;
    }
    for question in questions {
        if question.about_child && question.answer.is_none() {
            question.answer = Some(Answer {
                given: observation.child.words().to_owned(),
                by: observation.by.clone(),
                at: now,
            });
        }
    }
}

/// Answers a question, or corrects the answer: the newest counts, the case's events keep all. About a child the answer is an
/// observation, to be kept as any other, of the moment of the latest read: that is what the operator saw.
///
/// # Errors
/// See [`Refusal`].
pub fn answer(
    case: &Case,
    number: u32,
    given: &str,
    by: &UserName,
    now: Timestamp,
) -> Result<(CaseEvent, Option<Observation>), Refusal> {
    if !case.state.is_open() {
        return Err(Refusal::WrongState {
            state: case.state.name(),
            wanted: "only about an open case a question is answered",
        });
    }
    let index = case
        .questions
        .iter()
        .position(|question| question.number == number)
        .ok_or(Refusal::Answer("no such question, look at the case again"))?;
    let question = &case.questions[index];
    let place = question.answers.iter().position(|known| known == given);
    let place = place.ok_or(Refusal::Answer("none of the answers of this question"))?;
    let said_so = |answer: &Answer| answer.given == given && answer.by.person() == Some(by);
    if question.answer.as_ref().is_some_and(said_so) {
        return Err(Refusal::Answer("you have answered so already"));
    }
    let by_operator = Observer::Operator { name: by.clone() };
    let mut case = case.clone();
    case.updated_at = now;
    case.questions[index].answer = Some(Answer {
        given: given.to_owned(),
        by: by_operator.clone(),
        at: now,
    });
    if case.questions[index].about_child {
        let (child, _) = Child::ALL[place];
        let at = case.last_read.captured_at;
        let observation = Observation::new(case.vrm, child, None, by_operator, at);
        if let Some(event) = observe(&case, &observation, jiff::SignedDuration::ZERO, now) {
            return Ok((event, Some(observation)));
        }
    }
    let said = format!("{} {given}", case.questions[index].question);
    let event = CaseEvent {
        by: Some(by.clone()),
        answered: Some(number),
        said,
        ..event(EventKind::Answered, case, now)
    };
    Ok((event, None))
}
