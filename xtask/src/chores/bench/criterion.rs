//! The Criterion benches, and their figures out of the files that Criterion leaves.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xtask::{run, workspace_root};

use super::figures::{Better, Figure};
use crate::chores::{cargo, target_directory};

/// Two runs of the same code differ by some per cent for where code and data happen to lie, however steady each is.
const LEAST_NOISE: f64 = 0.05;

/// Runs these bench targets and returns the median of each of their benchmarks.
pub(super) fn measure(targets: &[&str]) -> Result<Vec<Figure>> {
    let root = workspace_root();
    // A folder for this run alone: what stands in it was measured now.
    let home = target_directory(&root)?.join("xtask-bench");
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("clearing {}", home.display()))?;
    }
    fs::create_dir_all(&home)?;
    let mut bench = cargo();
    bench.arg("bench").current_dir(&root).env("CRITERION_HOME", &home);
    for target in targets {
        bench.args(["--bench", target]);
    }
    run::show(bench.args(["--", "--noplot"]))?;
    let mut figures = Vec::new();
    collect(&home, &mut figures)?;
    if figures.is_empty() {
        bail!("Criterion has left no figures in {}", home.display());
    }
    figures.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(figures)
}

/// Every benchmark below a folder: Criterion keeps the latest one's files in a folder `new`.
fn collect(folder: &Path, figures: &mut Vec<Figure>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        if path.ends_with("new") {
            let read = |name: &str| -> Result<Value> {
                let file = path.join(name);
                let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
                Ok(serde_json::from_slice(&bytes)?)
            };
            figures.push(figure(&read("benchmark.json")?, &read("estimates.json")?)?);
        } else {
            collect(&path, figures)?;
        }
    }
    Ok(())
}

/// The median, for each of its elements where a benchmark says how many it has.
fn figure(benchmark: &Value, estimates: &Value) -> Result<Figure> {
    let name = benchmark["full_id"].as_str().context("a benchmark has no name")?;
    let median = &estimates["median"];
    let number = |value: &Value| value.as_f64().with_context(|| format!("{name} has no median"));
    let point = number(&median["point_estimate"])?;
    let interval = &median["confidence_interval"];
    let half = (number(&interval["upper_bound"])? - number(&interval["lower_bound"])?) / 2.0;
    let elements = benchmark["throughput"]["Elements"].as_f64();
    Ok(Figure {
        name: name.to_owned(),
        value: point / elements.unwrap_or(1.0),
        unit: if elements.is_some() { "ns each" } else { "ns" }.to_owned(),
        better: Better::Less,
        noise: (half / point).max(LEAST_NOISE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn write(folder: &Path, benchmark: &Value, estimates: &Value) {
        let folder = folder.join("new");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("benchmark.json"), benchmark.to_string()).unwrap();
        fs::write(folder.join("estimates.json"), estimates.to_string()).unwrap();
    }

    #[test]
    fn every_median_is_found_and_counts_for_an_element() {
        let home = tempfile::tempdir().unwrap();
        let estimates = |low, median, high| {
            json!({"median": {"point_estimate": median,
                "confidence_interval": {"lower_bound": low, "upper_bound": high}}})
        };
        write(
            &home.path().join("match/probe/100"),
            &json!({"full_id": "match/probe/100", "throughput": {"Elements": 100}}),
            &estimates(700.0, 1_000.0, 1_300.0),
        );
        write(
            &home.path().join("rank"),
            &json!({"full_id": "rank", "throughput": null}),
            &estimates(9.9, 10.0, 10.1),
        );
        fs::create_dir_all(home.path().join("rank/report")).unwrap();
        let mut figures = Vec::new();
        collect(home.path(), &mut figures).unwrap();
        figures.sort_by(|one, other| one.name.cmp(&other.name));
        let [probe, rank] = &figures[..] else {
            panic!("{figures:?}")
        };
        assert_eq!((probe.value, probe.unit.as_str()), (10.0, "ns each"));
        assert!((probe.noise - 0.3).abs() < 1e-9, "{}", probe.noise);
        assert_eq!(
            (rank.value, rank.unit.as_str(), rank.noise),
            (10.0, "ns", LEAST_NOISE)
        );
    }
}
