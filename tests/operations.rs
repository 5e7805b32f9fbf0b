//! The files that operators start from (docker/, docs/operations.md) say nothing that the program does not know.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

/// Words of a text that begin with a prefix.
fn words<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with(prefix) && *word != prefix)
        .collect()
}

#[test]
fn every_metric_that_is_watched_is_recorded() {
    let crates = [
        "control-room",
        "dispatcher",
        "ingest",
        "intelligence",
        "matcher",
        "store",
        "stream",
    ];
    let source: String = crates
        .iter()
        .flat_map(|name| files(&root().join(name).join("src")))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let recorded = words(&source, "steelring_");
    for file in [
        "docker/prometheus/alerts.yml",
        "docker/grafana/dashboards/steelring.json",
    ] {
        let text = read(file);
        let watched = words(&text, "steelring_");
        assert!(watched.len() > 5, "{file}: {watched:?}");
        for metric in watched {
            let name = metric.strip_suffix("_bucket").unwrap_or(metric);
            assert!(recorded.contains(name), "{file} watches {metric}");
        }
    }
}

#[test]
fn every_alarm_is_explained_and_every_explanation_has_its_alarm() {
    let rules = yaml("docker/prometheus/alerts.yml");
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    let alarms: BTreeSet<&str> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    let manual = read("docs/operations.md");
    let rows = manual
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let explained: BTreeSet<&str> = rows
        .map(|(name, _)| name)
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect();
    assert_eq!(alarms, explained);
}

#[test]
fn the_dashboard_asks_prometheus_by_the_name_it_is_provisioned_under() {
    let dashboard: Value = serde_json::from_str(&read("docker/grafana/dashboards/steelring.json")).unwrap();
    let source = yaml("docker/grafana/provisioning/datasources/prometheus.yml");
    let name = &source["datasources"][0]["uid"];
    for panel in dashboard["panels"].as_array().unwrap() {
        assert_eq!(&panel["datasource"]["uid"], name);
        assert!(!panel["targets"].as_array().unwrap().is_empty());
    }
    yaml("docker/grafana/provisioning/dashboards/steelring.yml");
}

/// The composition's stages are commands, their variables settings; Prometheus asks each of them.
#[test]
fn the_composition_starts_what_exists_with_settings_that_exist() {
    let composition = yaml("docker/compose.yaml");
    let help = support::run_ok(&["--help"], &[]);
    let known = read("src/config.rs");
    let services = composition["services"].as_object().unwrap();
    let targets = read("docker/prometheus/prometheus.yml");
    let mut stages = 0;
    for (name, service) in services
        .iter()
        .filter(|(_, service)| service["image"] == "steelring")
    {
        stages += 1;
        let command = service["command"][0].as_str().unwrap();
        assert!(
            help.lines()
                .any(|line| line.trim().split(' ').next() == Some(command)),
            "{command}"
        );
        for variable in service["environment"].as_object().unwrap().keys() {
            let setting = variable.strip_prefix("STEELRING_").unwrap().to_lowercase();
            assert!(known.contains(&format!("    {setting}: ")), "{variable}");
        }
        assert!(
            targets.contains(&format!("\"{name}:9100\"")),
            "Prometheus does not ask {name}"
        );
    }
    assert_eq!(stages, 5);
    for file in files(&root().join("docker")) {
        let text = fs::read_to_string(&file).unwrap();
        for variable in words(&text, "STEELRING_") {
            let setting = variable.trim_start_matches("STEELRING_").to_lowercase();
            assert!(
                known.contains(&format!("    {setting}: ")),
                "{}: {variable}",
                file.display()
            );
        }
    }
}

/// A stage that is told nothing publishes nothing beyond loopback, and no file brings a password.
#[test]
fn nothing_but_loopback_is_published_and_no_password_is_written_down() {
    let composition = yaml("docker/compose.yaml");
    for (name, service) in composition["services"].as_object().unwrap() {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(
                port.as_str().unwrap().starts_with("127.0.0.1:"),
                "{name} publishes {port}"
            );
        }
    }
    for line in read("docker/compose.yaml")
        .lines()
        .filter(|line| line.contains("PASSWORD"))
    {
        assert!(line.contains("PASSWORD:?"), "{line}");
    }
}
