//! A rule file: from text to rules that may go live, and their evaluation.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use cel::{Context, Env, Program, Value};
use domain::Timestamp;
use domain::case::{Case, Effects, RuleEffect, Trigger};
use domain::force::Force;
use domain::hotlist::{Entry, Grade};
use domain::nominal::LinkedNominal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::bound::{self, Bounded, MAX_EXPRESSION, MAX_NESTING};
use super::effects::{AskToml, BCU};
use super::{EntryFacts, Facts, NominalFacts};

/// Rules in a file: each is evaluated for every event of a candidate.
pub const MAX_RULES: usize = 100;
/// Longest name of a rule, in characters.
const MAX_NAME: usize = 80;

/// What is wrong with a rule file, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The rule's name; empty where none is to blame.
    pub rule: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.rule.is_empty() {
            write!(f, "rule {:?}: ", self.rule)?;
        }
        f.write_str(&self.reason)
    }
}

/// One rule that may go live.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it does; `{bcu}` in whom it notifies is not yet a BCU.
    pub effects: Effects,
    /// What it is judged at.
    pub trigger: Trigger,
    /// Its condition, as written.
    pub when: String,
    /// Steps that its condition takes at most.
    pub steps: u64,
    /// Its own test cases, all of which it passes.
    pub tests: Vec<RuleTest>,
    condition: Program,
}

/// A test case of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTest {
    /// Its name.
    pub name: String,
    /// Whether the rule holds there.
    pub expect: bool,
}

/// Rules that compile and pass their tests.
pub struct RuleFile {
    /// The file as it is.
    pub text: String,
    /// SHA-256 of the text.
    pub hash: String,
    /// In the order in which they are applied.
    pub rules: Vec<Rule>,
    env: Arc<Env>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileToml {
    #[serde(default)]
    rule: Vec<RuleToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleToml {
    pub(super) name: Spanned<String>,
    when: Spanned<String>,
    #[serde(default)]
    pub(super) raise_grade: bool,
    pub(super) set_grade: Option<Grade>,
    #[serde(default)]
    pub(super) notify: Vec<Spanned<String>>,
    pub(super) ask: Option<AskToml>,
    pub(super) instruct: Option<Spanned<String>>,
    pub(super) restrict: Option<Spanned<String>>,
    pub(super) follow_up: Option<Spanned<String>>,
    #[serde(default)]
    test: Vec<TestToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestToml {
    name: Spanned<String>,
    #[serde(default)]
    given: Facts,
    expect: bool,
}

impl RuleFile {
    /// Reads a file whole: every rule compiles, is bounded, and passes its own tests, or all that is wrong is named.
    ///
    /// # Errors
    /// Each fault with its place, in the order of the file.
    pub fn parse(text: &str) -> Result<Self, Vec<RuleFault>> {
        let reader = Reader { text };
        let file: FileToml = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            vec![reader.fault(at, "", error.message().to_owned())]
        })?;
        let env = Arc::new(Env::stdlib());
        let (mut rules, mut faults): (Vec<Rule>, Vec<RuleFault>) = (Vec::new(), Vec::new());
        if file.rule.len() > MAX_RULES {
            faults.push(reader.fault(0, "", format!("more than {MAX_RULES} rules")));
        }
        for rule in file.rule.iter().take(MAX_RULES) {
            if rules.iter().any(|known| known.name == *rule.name.get_ref()) {
                faults.push(reader.at(&rule.name, rule, "another rule has this name"));
            }
            match reader.rule(rule, &env) {
                Ok(compiled) => rules.push(compiled),
                Err(found) => faults.extend(found),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let hash = hex::encode(Sha256::digest(text));
        Ok(Self {
            text: text.to_owned(),
            hash,
            rules,
            env,
        })
    }

    /// The rules that hold at something that happened, in the file's order, and those whose condition could not be evaluated, with
    /// why not.
    pub fn judge(&self, facts: &Facts, at: Trigger) -> (Vec<&Rule>, Vec<(&Rule, String)>) {
        let (mut holding, mut failed) = (Vec::new(), Vec::new());
        let due = || self.rules.iter().filter(|rule| rule.trigger == at);
        let context = match context(&self.env, facts) {
            Ok(context) => context,
            Err(error) => return (holding, due().map(|rule| (rule, error.clone())).collect()),
        };
        for rule in due() {
            match holds(&rule.condition, &context) {
                Ok(true) => holding.push(rule),
                Ok(false) => {}
                Err(error) => failed.push((rule, error)),
            }
        }
        (holding, failed)
    }

    /// What is said in place of why a vehicle is looked for, where a rule restricts that for this entry or for these people that the
    /// vehicle is linked to. A rule that cannot be evaluated restricts.
    #[must_use]
    pub fn restricts(&self, entry: &Entry, nominals: &[LinkedNominal], now: Timestamp) -> Option<&str> {
        let mut restricting = self
            .rules
            .iter()
            .filter_map(|rule| Some((rule, rule.effects.restrict.as_deref()?)))
            .peekable();
        let (_, first) = restricting.peek()?;
        let nominals: Vec<NominalFacts> = nominals.iter().map(NominalFacts::of).collect();
        let facts = (cel::to_value(EntryFacts::of(entry, now)), cel::to_value(nominals));
        let (Ok(entry), Ok(nominals)) = facts else {
            return Some(first);
        };
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.add_variable_from_value("entry", entry);
        context.add_variable_from_value(Facts::NOMINALS, nominals);
        restricting
            .find(|(rule, _)| holds(&rule.condition, &context).unwrap_or(true))
            .map(|(_, words)| words)
    }
}

impl Rule {
    /// What it does to a case where it holds.
    #[must_use]
    pub fn effect_on(&self, case: &Case, version: u64, force: &Force) -> RuleEffect {
        let ground = case.bcu.as_ref().and_then(|code| {
            let bcu = force.bcus.iter().find(|bcu| bcu.code == *code);
            bcu.map(|bcu| bcu.name.as_str())
        });
        let mut effects = self.effects.clone();
        for desk in &mut effects.notify {
            *desk = desk.replace(BCU, ground.unwrap_or(&force.name));
        }
        RuleEffect {
            rule: self.name.clone(),
            version,
            trigger: self.trigger,
            effects,
        }
    }
}

fn context<'v>(env: &Arc<Env>, facts: &Facts) -> Result<Context<'static, 'v>, String> {
    let mut context = Context::with_env(Arc::clone(env));
    let mut put = |name: &str, value: Result<Value, cel::SerializationError>| {
        let value = value.map_err(|error| error.to_string())?;
        context.add_variable_from_value(name, value);
        Ok::<_, String>(())
    };
    put("read", cel::to_value(&facts.read))?;
    put("entry", cel::to_value(&facts.entry))?;
    put("nominals", cel::to_value(&facts.nominals))?;
    put("sightings", cel::to_value(&facts.sightings))?;
    put("case", cel::to_value(&facts.case))?;
    put("observation", cel::to_value(&facts.observation))?;
    put("answer", cel::to_value(&facts.answer))?;
    put("now", cel::to_value(facts.now))?;
    Ok(context)
}

fn holds(condition: &Program, context: &Context<'_, '_>) -> Result<bool, String> {
    match condition.execute(context) {
        Ok(Value::Bool(holds)) => Ok(holds),
        Ok(_) => Err("the result is not true or false".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The text that faults are placed in.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn fault(&self, offset: usize, rule: &str, reason: String) -> RuleFault {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        RuleFault {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            rule: rule.to_owned(),
            reason,
        }
    }

    fn at(&self, value: &Spanned<String>, rule: &RuleToml, reason: &str) -> RuleFault {
        self.fault(value.span().start, rule.name.get_ref(), reason.to_owned())
    }

    fn rule(&self, rule: &RuleToml, env: &Arc<Env>) -> Result<Rule, Vec<RuleFault>> {
        let mut faults = Vec::new();
        let mut refuse = |value: &Spanned<String>, reason: &str| faults.push(self.at(value, rule, reason));
        if !(1..=MAX_NAME).contains(&rule.name.get_ref().trim().chars().count()) {
            refuse(&rule.name, "a name has 1 to 80 characters");
        }
        let effects = rule.effects(&mut refuse);
        if !(rule.test.iter().any(|test| test.expect) && rule.test.iter().any(|test| !test.expect)) {
            refuse(
                &rule.name,
                "needs a test that expects true, and one that expects false",
            );
        }
        let (condition, bounded) = match self.condition(rule, env) {
            Ok(compiled) => compiled,
            Err(fault) => {
                faults.push(fault);
                return Err(faults);
            }
        };
        if rule.restrict.is_some() && !bounded.asks_only(&["entry", Facts::NOMINALS]) {
            let reason = "a rule that restricts asks about entry and nominals alone: who meets the entry elsewhere must not see why, either";
            faults.push(self.at(&rule.when, rule, reason));
        }
        let trigger = match (bounded.asks("observation"), bounded.asks("answer")) {
            (false, false) => Trigger::Sighting,
            (true, false) => Trigger::Observation,
            (false, true) => Trigger::Answer,
            (true, true) => {
                let reason = "asks about an observation and an answer, which never come together";
                faults.push(self.at(&rule.when, rule, reason));
                return Err(faults);
            }
        };
        let failing = |test| self.failing(test, rule, &condition, env);
        faults.extend(rule.test.iter().filter_map(failing));
        if !faults.is_empty() {
            return Err(faults);
        }
        let test = |test: &TestToml| RuleTest {
            name: test.name.get_ref().clone(),
            expect: test.expect,
        };
        Ok(Rule {
            name: rule.name.get_ref().clone(),
            effects,
            trigger,
            when: rule.when.get_ref().clone(),
            steps: bounded.steps,
            tests: rule.test.iter().map(test).collect(),
            condition,
        })
    }

    /// Compiles a condition, and counts its steps.
    fn condition(&self, rule: &RuleToml, env: &Env) -> Result<(Program, Bounded), RuleFault> {
        let source = rule.when.get_ref();
        if source.chars().count() > MAX_EXPRESSION {
            return Err(self.at(&rule.when, rule, "a condition has at most 1000 characters"));
        }
        if nesting(source) > MAX_NESTING {
            return Err(self.at(
                &rule.when,
                rule,
                "a condition has at most 32 brackets within each other",
            ));
        }
        let name = rule.name.get_ref();
        let program = env.compile(source).map_err(|errors| {
            let (line, column, reason) = errors
                .errors
                .first()
                .map_or((1, 0, "not an expression"), |first| {
                    (first.pos.0, first.pos.1, first.msg.as_str())
                });
            let before = source
                .split_inclusive('\n')
                .take(usize::try_from(line - 1).unwrap_or(0));
            let offset = before.map(str::len).sum::<usize>() + usize::try_from(column - 1).unwrap_or(0);
            self.fault(self.inside(&rule.when, offset), name, reason.to_owned())
        })?;
        let bounded = bound::bounded(program.expression()).map_err(|(node, reason)| {
            let offset = program
                .source_info()
                .offset_for(node)
                .map_or(0, |(start, _)| start as usize);
            self.fault(self.inside(&rule.when, offset), name, reason)
        })?;
        Ok((program, bounded))
    }

    /// Where in the file a place of a value is; the value's beginning where escapes hide it.
    fn inside(&self, value: &Spanned<String>, offset: usize) -> usize {
        let Range { start, end } = value.span();
        let written = &self.text[start..end];
        written
            .find(value.get_ref().as_str())
            .map_or(start, |quote| start + quote + offset)
    }

    fn failing(
        &self,
        test: &TestToml,
        rule: &RuleToml,
        condition: &Program,
        env: &Arc<Env>,
    ) -> Option<RuleFault> {
        let found = context(env, &test.given).and_then(|context| holds(condition, &context));
        let reason = match found {
            Ok(found) if found == test.expect => return None,
            Ok(found) => format!("expects {} and is {found}", test.expect),
            Err(error) => format!("expects {} and fails: {error}", test.expect),
        };
        Some(self.at(
            &test.name,
            rule,
            &format!("test {:?} {reason}", test.name.get_ref()),
        ))
    }
}

/// How deep brackets stand within each other, texts included.
fn nesting(source: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for character in source.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
