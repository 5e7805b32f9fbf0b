//! The scenarios of `steelring bench ring-of-steel`, and their figures out of its results.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;
use xtask::run;

use super::figures::{Better, Figure};
use crate::chores::release_binary;

/// What a scenario's figure is called, its unit, where the results have it, which way is better, and its noise. A scenario
/// runs once, so that nothing in a run measures its noise: these shares are set, widest where the fewest samples count.
const FIGURES: [(&str, &str, &str, Better, f64); 6] = [
    ("p50", "ms", "/latency_ms/p50", Better::Less, 0.10),
    ("p99", "ms", "/latency_ms/p99", Better::Less, 0.25),
    ("reads", "/s", "/reads_per_s", Better::More, 0.02),
    (
        "cpu",
        "s a million reads",
        "/cpu_s_per_million_reads",
        Better::Less,
        0.05,
    ),
    ("memory", "MB", "/rss_mb", Better::Less, 0.05),
    (
        "share_of_bare_consumer",
        "",
        "/share_of_bare_consumer",
        Better::More,
        0.05,
    ),
];

/// The traffic of the scenarios.
#[derive(Args)]
pub(super) struct Traffic {
    /// Scenarios: also with a Kafka and a PostgreSQL, which are started for the run.
    #[arg(long)]
    kafka: bool,
    /// Scenarios: reads a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Scenarios: seconds of traffic in each; some take more.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Scenarios: entries on all lists.
    #[arg(long, default_value_t = 100_000)]
    entries: u64,
}

/// What the scenarios gave.
pub(super) struct Measured {
    pub(super) figures: Vec<Figure>,
    /// Those that did not pass.
    pub(super) failed: Vec<String>,
}

/// Runs every scenario, embedded and, if asked for, with Kafka and PostgreSQL.
pub(super) fn measure(traffic: &Traffic) -> Result<Measured> {
    let binary = release_binary()?;
    let folder = tempfile::tempdir()?;
    let mut measured = Measured {
        figures: Vec::new(),
        failed: Vec::new(),
    };
    let engines: &[&[&str]] = &[&[], &["--kafka", "local", "--database", "local"]];
    for engine in &engines[..if traffic.kafka { 2 } else { 1 }] {
        let file = folder.path().join("results.json");
        let mut command = Command::new(&binary);
        command
            .args(["bench", "ring-of-steel", "--scenario", "all"])
            .args(["--rate", &traffic.rate.to_string()])
            .args(["--seconds", &traffic.seconds.to_string()])
            .args(["--entries", &traffic.entries.to_string()])
            .arg("--json")
            .arg(&file)
            .args(*engine);
        for report in &results(&mut command, &file)? {
            measured.take(report)?;
        }
    }
    Ok(measured)
}

/// Runs a benchmark for its results: an error where there are none, but not where a scenario did not pass.
pub(super) fn results(command: &mut Command, file: &Path) -> Result<Vec<Value>> {
    let ended = run::show(command);
    let bytes = fs::read(file).unwrap_or_default();
    if bytes.is_empty() {
        // Without results it did not get as far as a verdict.
        ended?;
    }
    let results = serde_json::from_slice(&bytes);
    match results.with_context(|| format!("reading what `{}` wrote", run::line(command)))? {
        Value::Array(several) => Ok(several),
        one => Ok(vec![one]),
    }
}

impl Measured {
    fn take(&mut self, report: &Value) -> Result<()> {
        let text = |key: &str| {
            let found = report[key].as_str();
            found.with_context(|| format!("the results have no {key}"))
        };
        let name = format!("{}/{}", text("engine")?, text("scenario")?);
        if report["verdict"]["passed"] != true {
            self.failed.push(name.clone());
        }
        for (figure, unit, place, better, noise) in FIGURES {
            if let Some(value) = report.pointer(place).and_then(Value::as_f64) {
                self.figures.push(Figure {
                    name: format!("{name}/{figure}"),
                    value,
                    unit: unit.to_owned(),
                    better,
                    noise,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_gives_its_figures_and_a_verdict() {
        let mut measured = Measured {
            figures: Vec::new(),
            failed: Vec::new(),
        };
        let report = |scenario: &str, passed: bool| {
            json!({
                "engine": "embedded", "scenario": scenario, "reads_per_s": 1000.5, "latency_ms": {"p50": 9.0, "p99": 20.0},
                "verdict": {"passed": passed},
            })
        };
        measured.take(&report("steady", true)).unwrap();
        measured.take(&report("flood", false)).unwrap();
        assert_eq!(measured.failed, ["embedded/flood"]);
        let names: Vec<_> = measured
            .figures
            .iter()
            .map(|figure| figure.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "embedded/steady/p50",
                "embedded/steady/p99",
                "embedded/steady/reads",
                "embedded/flood/p50",
                "embedded/flood/p99",
                "embedded/flood/reads",
            ]
        );
        assert!(measured.take(&json!({"engine": "embedded"})).is_err());
    }

    #[test]
    fn results_count_also_where_the_program_fails_but_their_absence_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results.json");
        let shell = |script: &str| results(Command::new("sh").args(["-c", script, "sh"]).arg(&file), &file);
        assert!(shell("exit 1").is_err());
        assert_eq!(shell("echo '{}' > $1; exit 1").unwrap(), [json!({})]);
        assert_eq!(shell("echo '[1,2]' > $1").unwrap(), [json!(1), json!(2)]);
    }
}
