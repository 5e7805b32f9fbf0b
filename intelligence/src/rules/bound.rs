//! What a condition may be, so that evaluating it is bounded whatever the facts are.
//!
//! CEL ends always, but an expression of 80 characters can build a list of a million members: `map` over `map`, or a text added to
//! itself in each. So a condition may go through lists ([`exists`, `all`, `exists_one`](MAX_DEPTH)), not make them; what it goes
//! through is a list of facts or one that is written out, with at most [`MAX_LIST`] members; and the steps that this can come to
//! are counted before it is ever evaluated.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, ListExpr, SelectExpr};
use domain::hotlist::Marker;
use domain::nominal::MAX_PEOPLE;

use super::Facts;

/// Longest condition, in characters: some ten lines.
pub const MAX_EXPRESSION: usize = 1_000;
/// Brackets in brackets: the parser recurses.
pub const MAX_NESTING: usize = 32;
/// Loops within loops.
pub const MAX_DEPTH: usize = 2;
/// Members of a list that a loop goes through.
pub const MAX_LIST: usize = 32;
/// Most steps that a condition may take. A loop in a loop over a comparison takes 10,000.
pub const MAX_STEPS: u64 = 20_000;
const _: () = assert!(Marker::ALL.len() <= MAX_LIST && MAX_PEOPLE <= MAX_LIST);

/// Functions and operators, which cost a step each, and whether their result is true or false for certain.
const FUNCTIONS: [(&str, bool); 24] = [
    ("_&&_", true),
    ("_||_", true),
    ("!_", true),
    ("_==_", true),
    ("_!=_", true),
    ("_<_", true),
    ("_<=_", true),
    ("_>_", true),
    ("_>=_", true),
    ("@in", true),
    ("_?_:_", false),
    ("_+_", false),
    ("_-_", false),
    ("_*_", false),
    ("_/_", false),
    ("_%_", false),
    ("-_", false),
    ("_[_]", false),
    ("size", false),
    ("startsWith", true),
    ("endsWith", true),
    ("contains", true),
    ("@not_strictly_false", false),
    ("has", false),
];

/// What is wrong, at which node.
pub(super) type Fault = (u64, String);

/// What is known of a condition before it is ever evaluated.
pub(super) struct Bounded {
    /// Steps that it takes at most.
    pub(super) steps: u64,
    /// The first names of the facts that it asks about.
    asks: BTreeSet<&'static str>,
}

impl Bounded {
    /// Whether it asks about facts that begin in one of these ways, and no others.
    pub(super) fn asks_only(&self, roots: &[&str]) -> bool {
        self.asks.iter().all(|asked| roots.contains(asked))
    }

    /// Whether it asks about a fact that begins so.
    pub(super) fn asks(&self, root: &str) -> bool {
        self.asks.contains(root)
    }
}

/// Counts a condition's steps, and notes what it asks about.
pub(super) fn bounded(root: &IdedExpr) -> Result<Bounded, Fault> {
    if !is_truth(root) {
        return Err((root.id, "the result is not true or false".to_owned()));
    }
    let mut walk = Walk::default();
    let steps = walk.steps(root)?;
    if steps > MAX_STEPS {
        return Err((root.id, format!("may take {steps} steps, more than {MAX_STEPS}")));
    }
    Ok(Bounded {
        steps,
        asks: walk.asks,
    })
}

fn is_truth(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Call(call) if call.func_name == "_?_:_" => call.args.iter().skip(1).all(is_truth),
        Expr::Call(call) => FUNCTIONS.contains(&(call.func_name.as_str(), true)),
        Expr::Comprehension(_) => true,
        Expr::Select(select) => select.test,
        Expr::Literal(cel::common::ast::LiteralValue::Boolean(_)) => true,
        _ => false,
    }
}

/// The way through an expression: the names that loops have bound so far, with the fields of those that have some, and the facts that
/// were met.
#[derive(Default)]
struct Walk {
    bound: Vec<(String, &'static [&'static str])>,
    depth: usize,
    asks: BTreeSet<&'static str>,
}

impl Walk {
    fn steps(&mut self, node: &IdedExpr) -> Result<u64, Fault> {
        let refuse = |what: &str| Err((node.id, what.to_owned()));
        match &node.expr {
            Expr::Literal(_) => Ok(1),
            Expr::Ident(name) => self.ident(node.id, name),
            Expr::Select(select) => self.select(node.id, select),
            Expr::Call(call) => self.call(node.id, call),
            Expr::List(list) => self.list(node.id, list),
            Expr::Comprehension(inner) => self.comprehension(node.id, inner),
            Expr::Map(_) | Expr::Struct(_) => refuse("a condition makes no maps"),
            Expr::Unspecified => refuse("an empty expression"),
        }
    }

    fn ident(&mut self, id: u64, name: &str) -> Result<u64, Fault> {
        if self.bound.iter().any(|(bound, _)| bound == name) {
            return Ok(1);
        }
        match Facts::NAMES.iter().find(|(root, _)| *root == name) {
            Some((root, [])) => {
                self.asks.insert(root);
                Ok(1)
            }
            Some((root, fields)) => Err((id, format!("{root} of what? it has {}", fields.join(", ")))),
            None => {
                let roots: Vec<&str> = Facts::NAMES.iter().map(|(root, _)| *root).collect();
                Err((id, format!("{name} is not known; there are {}", roots.join(", "))))
            }
        }
    }

    fn select(&mut self, id: u64, select: &SelectExpr) -> Result<u64, Fault> {
        if let Expr::Ident(name) = &select.operand.expr
            && let Some((root, fields)) = self.fields(name)
        {
            if fields.contains(&select.field.as_str()) {
                self.asks.extend(root);
                return Ok(1);
            }
            return Err((
                id,
                format!("{name} has no {}; it has {}", select.field, fields.join(", ")),
            ));
        }
        Ok(1 + self.steps(&select.operand)?)
    }

    /// What may stand behind a name and a dot, where that is known; and the name, where it is a fact.
    fn fields(&self, name: &str) -> Option<(Option<&'static str>, &'static [&'static str])> {
        if let Some((_, fields)) = self.bound.iter().rev().find(|(bound, _)| bound == name) {
            return (!fields.is_empty()).then_some((None, *fields));
        }
        let known = Facts::NAMES.iter().find(|(root, _)| *root == name);
        known.map(|(root, fields)| (Some(*root), *fields))
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Result<u64, Fault> {
        if !FUNCTIONS.iter().any(|(name, _)| *name == call.func_name) {
            return Err((id, format!("the function {} is not for rules", call.func_name)));
        }
        let mut steps = 1;
        for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
            steps += self.steps(part)?;
        }
        Ok(steps)
    }

    fn list(&mut self, id: u64, list: &ListExpr) -> Result<u64, Fault> {
        if list.elements.len() > MAX_LIST {
            return Err((id, format!("a list has at most {MAX_LIST} members")));
        }
        list.elements
            .iter()
            .try_fold(1, |sum, member| Ok(sum + self.steps(member)?))
    }

    fn comprehension(&mut self, id: u64, inner: &ComprehensionExpr) -> Result<u64, Fault> {
        if self.depth == MAX_DEPTH {
            return Err((id, format!("more than {MAX_DEPTH} loops within each other")));
        }
        if matches!(inner.accu_init.expr, Expr::List(_) | Expr::Map(_)) {
            return Err((
                id,
                "a condition makes no lists: use exists, all or exists_one".to_owned(),
            ));
        }
        let written = |list: &ListExpr| {
            list.elements
                .iter()
                .all(|one| matches!(one.expr, Expr::Literal(_)))
        };
        let mut fields: &'static [&'static str] = &[];
        match &inner.iter_range.expr {
            Expr::Ident(name) if name == Facts::NOMINALS => fields = &Facts::OF_A_NOMINAL,
            Expr::Select(select) if matches!(select.operand.expr, Expr::Ident(_)) => {}
            Expr::List(list) if written(list) => {}
            _ => {
                return Err((
                    id,
                    "a loop goes through a list of facts, or one written out".to_owned(),
                ));
            }
        }
        let range = self.steps(&inner.iter_range)?;
        let before = self.bound.len();
        let plain = [Some(&inner.accu_var), inner.iter_var2.as_ref()];
        self.bound
            .extend(plain.into_iter().flatten().map(|name| (name.clone(), &[][..])));
        self.bound.push((inner.iter_var.clone(), fields));
        self.depth += 1;
        let each = self.steps(&inner.loop_cond)? + self.steps(&inner.loop_step)?;
        let ends = self.steps(&inner.accu_init)? + self.steps(&inner.result)?;
        self.depth -= 1;
        self.bound.truncate(before);
        Ok(range + ends + each * MAX_LIST as u64)
    }
}
