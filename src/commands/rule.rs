//! `steelring rule`: `check` and `test` on the spot, the rest through the running control room.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use intelligence::rules::RuleFile;
use serde_json::json;

use super::print_json;
use crate::cli::{Rule, Server};
use crate::client::{Client, Service};
use crate::config::Settings;
use crate::messages::INPUT_REFUSED;

pub async fn run(settings: &Settings, command: Rule) -> Result<ExitCode> {
    match command {
        Rule::Check { file, json } => check(&file, json),
        Rule::Load { file, json, server } => load(settings, &server, &file, json).await,
        Rule::List { json, server } => list(settings, &server, json).await,
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))
}

fn check(file: &Path, json: bool) -> Result<ExitCode> {
    match RuleFile::parse(&read(file)?) {
        Ok(checked) => {
            if json {
                print_json(&json!({"hash": checked.hash, "rules": rules(&checked), "faults": []}))?;
            } else {
                show(&checked);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            if json {
                print_json(&json!({"rules": [], "faults": faults}))?;
            }
            for fault in &faults {
                eprintln!("{}: {fault}", file.display());
            }
            Ok(INPUT_REFUSED.into())
        }
    }
}

fn rules(file: &RuleFile) -> Vec<serde_json::Value> {
    let rule = |rule: &intelligence::rules::Rule| json!({"name": rule.name, "tests": rule.tests.len(), "steps": rule.steps});
    file.rules.iter().map(rule).collect()
}

fn show(file: &RuleFile) {
    for rule in &file.rules {
        println!(
            "{}: {} of {} tests pass, at most {} steps",
            rule.name,
            rule.tests.len(),
            rule.tests.len(),
            rule.steps
        );
    }
    println!("{} rules, {}", file.rules.len(), file.hash);
}

async fn load(settings: &Settings, server: &Server, file: &Path, json: bool) -> Result<ExitCode> {
    let text = read(file)?;
    if RuleFile::parse(&text).is_err() {
        return check(file, json);
    }
    let client = Client::new(server, Service::ControlRoom, settings)?;
    let request = client
        .post("/api/rules")
        .header("content-type", "application/toml")
        .body(text);
    let answer = client.expect(request).await?;
    if json {
        print_json(&answer)?;
    } else {
        println!("version {}: {} rules", answer["version"], answer["rules"]);
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(settings: &Settings, server: &Server, json: bool) -> Result<ExitCode> {
    let client = Client::new(server, Service::ControlRoom, settings)?;
    let answer = client.expect(client.get("/api/rules")).await?;
    if json {
        print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    match (answer["loaded_by"].as_str(), answer["loaded_at"].as_str()) {
        (Some(by), Some(at)) => println!("version {}, loaded by {by} at {at}", answer["version"]),
        _ => println!("version {}: the force's own rules", answer["version"]),
    }
    if let Ok(file) = RuleFile::parse(answer["text"].as_str().unwrap_or_default()) {
        show(&file);
    }
    Ok(ExitCode::SUCCESS)
}
