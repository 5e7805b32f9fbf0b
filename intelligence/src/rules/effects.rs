//! What a rule may do: from its file to [`Effects`].

use domain::case::{Ask, AskedFor, Effects};
use serde::Deserialize;
use toml::Spanned;

use super::file::RuleToml;

/// Units and desks that a rule notifies.
pub const MAX_NOTIFIED: usize = 8;
/// Stands for the name of the BCU of a case's latest read; for the force's own where that is on nobody's ground.
pub(super) const BCU: &str = "{bcu}";
/// Longest name of whom a rule notifies, in characters.
const MAX_DESK: usize = 80;
/// Longest question or instruction, in characters: what is read in a hurry is a sentence.
const MAX_SENTENCE: usize = 200;
/// Fewest and most answers of a question: each has a key of its own.
const ANSWERS: std::ops::RangeInclusive<usize> = 2..=6;
/// Longest answer, in characters.
const MAX_ANSWER: usize = 40;

/// `ask = { question = "...", answers = ["...", "..."] }`, or with `about = "child"` in place of the answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskToml {
    question: Spanned<String>,
    #[serde(default)]
    answers: Vec<Spanned<String>>,
    about: Option<About>,
}

/// What the answer to a question is an observation of.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum About {
    Child,
}

impl RuleToml {
    /// What it does; all that is wrong with it goes to `refuse`.
    pub(super) fn effects(&self, refuse: &mut impl FnMut(&Spanned<String>, &str)) -> Effects {
        if self.notify.len() > MAX_NOTIFIED {
            refuse(&self.name, "notifies more than 8");
        }
        for desk in &self.notify {
            if !fits(desk, MAX_DESK) {
                refuse(desk, "whom to notify has 1 to 80 characters");
            }
            if desk.get_ref().replace(BCU, "").contains(['{', '}']) {
                refuse(desk, "{bcu} is all that stands for something else");
            }
        }
        for (sentence, reason) in [
            (&self.instruct, "an instruction has 1 to 200 characters"),
            (
                &self.restrict,
                "what is said in place of why has 1 to 200 characters",
            ),
            (&self.follow_up, "what is left to be done has 1 to 200 characters"),
        ] {
            if let Some(sentence) = sentence.as_ref().filter(|text| !fits(text, MAX_SENTENCE)) {
                refuse(sentence, reason);
            }
        }
        let text = |text: &Spanned<String>| text.get_ref().clone();
        let effects = Effects {
            raise_grade: self.raise_grade,
            set_grade: self.set_grade,
            notify: self.notify.iter().map(text).collect(),
            ask: self.ask.as_ref().map(|ask| ask.checked(refuse)),
            instruct: self.instruct.as_ref().map(text),
            restrict: self.restrict.as_ref().map(text),
            follow_up: self.follow_up.as_ref().map(text),
        };
        if effects == Effects::default() {
            refuse(
                &self.name,
                "does nothing: give raise_grade, set_grade, notify, ask, instruct, restrict or follow_up",
            );
        }
        effects
    }
}

impl AskToml {
    fn checked(&self, refuse: &mut impl FnMut(&Spanned<String>, &str)) -> Ask {
        if !fits(&self.question, MAX_SENTENCE) {
            refuse(&self.question, "a question has 1 to 200 characters");
        }
        let answers: Vec<String> = self.answers.iter().map(|one| one.get_ref().clone()).collect();
        if let Some(answer) = self.answers.iter().find(|answer| !fits(answer, MAX_ANSWER)) {
            refuse(answer, "an answer has 1 to 40 characters");
        }
        let twice = |(place, answer): (usize, &String)| answers[..place].contains(answer);
        if answers.iter().enumerate().any(twice) {
            refuse(&self.question, "two answers are the same");
        }
        let asked_for = match self.about {
            Some(About::Child) if answers.is_empty() => AskedFor::Child,
            Some(About::Child) => {
                refuse(
                    &self.question,
                    "about a child the answers are given: leave them out",
                );
                AskedFor::Child
            }
            None => {
                if !ANSWERS.contains(&answers.len()) {
                    refuse(
                        &self.question,
                        "a question has 2 to 6 answers, or is about a child",
                    );
                }
                AskedFor::OneOf(answers)
            }
        };
        Ask {
            question: self.question.get_ref().clone(),
            answers: asked_for,
        }
    }
}

fn fits(text: &Spanned<String>, most: usize) -> bool {
    (1..=most).contains(&text.get_ref().trim().chars().count())
}
