//! A file against the list as it is live.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use domain::ListName;
use intelligence::{Mapping, RowFault};
use serde_json::Value;

use super::{FAULTS_SHOWN, mapping, path_of, send, show_faults, text};
use crate::client::{Client, refusal};
use crate::commands::print_json;
use crate::messages::INPUT_REFUSED;

/// Says what a load of the file would find and change.
pub async fn run(
    client: &Client,
    list: &ListName,
    file: &Path,
    mapping: Option<&Mapping>,
    json: bool,
) -> Result<ExitCode> {
    let mapping = mapping.map(ToString::to_string);
    let asked: Vec<_> = mapping
        .iter()
        .map(|mapping| ("mapping", mapping.as_str()))
        .collect();
    let (code, answer) = send(client, &path_of(list, "check", &asked), file, "checking").await?;
    if let Some(guess) = mapping::guess_in(&answer) {
        eprintln!("steelring: {}", refusal(code, &answer));
        return mapping::show(&guess, json);
    }
    if !code.is_success() {
        bail!("{}", refusal(code, &answer));
    }
    if json {
        print_json(&answer)?;
    } else {
        show(&answer);
    }
    let may_load = answer.get("may_load").and_then(Value::as_bool);
    Ok(if may_load == Some(true) {
        ExitCode::SUCCESS
    } else {
        INPUT_REFUSED.into()
    })
}

fn show(answer: &Value) {
    let number = |name: &str| answer.pointer(name).and_then(Value::as_u64).unwrap_or_default();
    println!(
        "{} rows: {} bad, {} twice; a load would add {}, change {}, remove {}, leave {} as before",
        number("/rows"),
        number("/bad_rows"),
        number("/doubles"),
        number("/comparison/change/added"),
        number("/comparison/change/changed"),
        number("/comparison/change/removed"),
        number("/comparison/change/unchanged"),
    );
    let notes = answer.get("notes").and_then(Value::as_array);
    for note in notes.into_iter().flatten().filter_map(Value::as_str) {
        println!("  note: {note}");
    }
    let suspicions = rows(answer, "suspicions");
    for one in suspicions.iter().take(FAULTS_SHOWN) {
        println!("  look at line {}, {}: {}", one.line, one.column, one.reason);
    }
    let more = number("/suspicion_count").saturating_sub(suspicions.len().min(FAULTS_SHOWN) as u64);
    if more > 0 {
        println!("  ... and {more} more rows to look at");
    }
    let contradictions = answer.pointer("/comparison/contradictions");
    for one in contradictions.and_then(Value::as_array).into_iter().flatten() {
        let [vrm, action, list, there] = ["vrm", "action", "list", "there"].map(|name| text(one, name));
        println!("  contradiction: {vrm} is {action} here and {there} on {list}");
    }
    let faults = rows(answer, "faults");
    show_faults(&faults, number("/fault_count") as usize);
}

fn rows(answer: &Value, name: &str) -> Vec<RowFault> {
    let rows = answer.get(name).cloned().unwrap_or_default();
    serde_json::from_value(rows).unwrap_or_default()
}
