//! Rules: what a force wants done about a case beyond what its lists say, as data.
//!
//! A rule file is TOML. Each rule has a condition in CEL over the [`Facts`] of a case, effects, and test cases of its own:
//!
//! ```toml
//! [[rule]]
//! name = "third repeat"
//! when = 'entry.action == "stop" && sightings.unanswered == 3'
//! set_grade = 1
//! notify = ["supervisor"]
//!
//! [[rule.test]]
//! name = "nobody acted on two sightings, and here is the third"
//! given = { entry = { action = "stop" }, sightings = { unanswered = 3 } }
//! expect = true
//! ```
//!
//! **Enters:** the text of a file; facts. **Leaves:** the rules that hold. **Guaranteed:** a file goes live whole or not at all: each
//! rule compiles, names only facts that there are, passes its own tests, and costs at most [`bound::MAX_STEPS`] steps to evaluate
//! whatever the facts are. **Not here:** what an effect does to a case (`domain::case`), when rules run (`dispatcher`).

pub mod bound;
mod effects;
mod facts;
mod file;

pub use effects::MAX_NOTIFIED;
pub use facts::{
    AnswerFacts, CaseFacts, EntryFacts, Facts, NominalFacts, ObservationFacts, ReadFacts, SightingFacts,
};
pub use file::{MAX_RULES, Rule, RuleFault, RuleFile, RuleTest};
