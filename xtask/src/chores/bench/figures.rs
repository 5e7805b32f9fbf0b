//! Figures, and the file that keeps those of a run.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use xtask::{run, workspace_root};

/// One measured figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    /// What was measured, from the general to the particular: `match/probe/100000`.
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: String,
    pub(super) better: Better,
    /// By what share of itself the figure may differ in another run of the same code.
    pub(super) noise: f64,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Less,
    More,
}

impl Better {
    const WORDS: [(Self, &'static str); 2] = [(Self::Less, "less"), (Self::More, "more")];

    fn word(self) -> &'static str {
        Self::WORDS[self as usize].1
    }

    fn of(word: &str) -> Option<Self> {
        let known = Self::WORDS.into_iter().find(|(_, known)| *known == word);
        known.map(|(better, _)| better)
    }
}

/// The figures of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Saved {
    pub(super) origin: Origin,
    pub(super) figures: Vec<Figure>,
}

/// Where and of what figures were taken: ratios across machines say nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    /// Processor and cores.
    pub(super) machine: String,
    /// The commit, with a `+` where files had been changed since.
    pub(super) commit: String,
    /// The day, `2026-11-24`.
    pub(super) day: String,
}

impl Origin {
    /// This machine, this commit, today.
    pub(super) fn here() -> Result<Self> {
        let root = workspace_root();
        let git = |arguments: &[&str]| run::output(Command::new("git").args(arguments).current_dir(&root));
        // A copy without its history has no commit.
        let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|_| "unknown".into());
        let changed =
            git(&["status", "--porcelain", "--untracked-files=no"]).is_ok_and(|text| !text.is_empty());
        Ok(Self {
            machine: machine(),
            commit: format!("{}{}", commit.trim(), if changed { "+" } else { "" }),
            day: run::output(Command::new("date").args(["-u", "+%F"]))?
                .trim()
                .to_owned(),
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "machine": self.machine, "commit": self.commit, "day": self.day })
    }

    pub(super) fn from_json(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or("unknown").to_owned();
        Self {
            machine: text("machine"),
            commit: text("commit"),
            day: text("day"),
        }
    }
}

/// Processor and cores, as `2 x Some Processor`.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = known
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, name)| name.trim());
    format!("{cores} x {model}")
}

impl Saved {
    /// Figures that were just measured here.
    pub(super) fn now(figures: Vec<Figure>) -> Result<Self> {
        Ok(Self {
            origin: Origin::here()?,
            figures,
        })
    }

    /// Reads what [`Saved::write`] wrote.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let read = || {
            let value: Value = serde_json::from_slice(&fs::read(file)?)?;
            let figures = value["figures"].as_array().context("it has no list of figures")?;
            let figures = figures.iter().map(figure).collect::<Result<_>>()?;
            let origin = Origin::from_json(&value);
            Ok(Self { origin, figures })
        };
        let saved: Result<Self> = read();
        saved.with_context(|| format!("reading {}: give a file that --save wrote", file.display()))
    }

    /// Writes everything.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let mut value = self.origin.to_json();
        let figure = |figure: &Figure| {
            json!({
                "name": figure.name, "value": figure.value, "unit": figure.unit,
                "better": figure.better.word(), "noise": figure.noise,
            })
        };
        value["figures"] = self.figures.iter().map(figure).collect();
        let text = serde_json::to_string_pretty(&value)?;
        fs::write(file, text + "\n").with_context(|| format!("writing {}", file.display()))
    }
}

fn figure(value: &Value) -> Result<Figure> {
    let text = |key: &str| {
        value[key]
            .as_str()
            .with_context(|| format!("a figure has no {key}"))
    };
    let number = |key: &str| {
        value[key]
            .as_f64()
            .with_context(|| format!("a figure has no {key}"))
    };
    Ok(Figure {
        name: text("name")?.to_owned(),
        value: number("value")?,
        unit: text("unit")?.to_owned(),
        better: Better::of(text("better")?).context("a figure's better is neither less nor more")?,
        noise: number("noise")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_again_and_anything_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        let figure = |name: &str, better| Figure {
            name: name.into(),
            value: 1.5,
            unit: "ns".into(),
            better,
            noise: 0.05,
        };
        let saved = Saved::now(vec![figure("a/b", Better::Less), figure("c", Better::More)]).unwrap();
        saved.write(&file).unwrap();
        assert_eq!(Saved::read(&file).unwrap(), saved);
        fs::write(&file, "{}").unwrap();
        let error = Saved::read(&file).unwrap_err();
        assert!(format!("{error:#}").contains("run.json"), "{error:#}");
    }
}
