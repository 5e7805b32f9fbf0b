//! `steelring operation`: lists that are used together for a while, through the running control room.

use std::process::ExitCode;

use anyhow::{Context, Result};
use domain::OperationName;
use domain::operation::OperationState;
use domain::yields::Yield;
use serde::Deserialize;
use serde_json::{Value, json};
use store::operations::{OperationRecord, StoredOperation};

use super::print_json;
use crate::cli::{ChangingOperation, Operation, Server};
use crate::client::{Client, Service};
use crate::config::Settings;

/// One of the list of all.
#[derive(Deserialize)]
struct Shown {
    #[serde(flatten)]
    stored: StoredOperation,
    state: OperationState,
}

pub async fn run(settings: &Settings, command: Operation) -> Result<ExitCode> {
    match command {
        Operation::Put {
            name,
            operation,
            changing,
        } => {
            let said = json!({
                "purpose": operation.purpose, "starts_at": operation.starts, "ends_at": operation.ends,
                "lists": operation.lists, "owner": operation.owner, "why": changing.why,
            });
            change(settings, &name, "", said, &changing).await
        }
        Operation::End { name, changing } => {
            let said = json!({"why": changing.why});
            change(settings, &name, "/end", said, &changing).await
        }
        Operation::Show { name, json, server } => {
            let answer = get(settings, &server, &format!("/api/operations/{name}")).await?;
            if json {
                print_json(&answer)?;
            } else {
                show(&serde_json::from_value(answer).context("read the answer")?);
            }
            Ok(ExitCode::SUCCESS)
        }
        Operation::List { json, server } => {
            let answer = get(settings, &server, "/api/operations").await?;
            if json {
                print_json(&answer)?;
                return Ok(ExitCode::SUCCESS);
            }
            let operations = answer.get("operations").cloned().unwrap_or_default();
            let operations: Vec<Shown> = serde_json::from_value(operations).context("read the answer")?;
            operations.iter().for_each(line);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn get(settings: &Settings, server: &Server, path: &str) -> Result<Value> {
    let client = Client::new(server, Service::ControlRoom, settings)?;
    client.expect(client.get(path)).await
}

async fn change(
    settings: &Settings,
    name: &OperationName,
    step: &str,
    said: Value,
    changing: &ChangingOperation,
) -> Result<ExitCode> {
    let client = Client::new(&changing.server, Service::ControlRoom, settings)?;
    let path = format!("/api/operations/{name}");
    let answer = client
        .expect(client.post(&format!("{path}{step}")).json(&said))
        .await?;
    if changing.json {
        print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("version {}", answer["version"]);
    let record = client.expect(client.get(&path)).await?;
    let record: OperationRecord = serde_json::from_value(record).context("read the answer")?;
    if step == "/end" {
        println!("over at {}", record.stored.operation.ends_at);
        still_live(&record.stored);
    }
    Ok(ExitCode::SUCCESS)
}

/// A list of an operation that is over is withdrawn by a person, or it is looked for on.
fn still_live(stored: &StoredOperation) {
    for list in &stored.live {
        println!("  still live: {list} (steelring hotlist withdraw {list})");
    }
}

fn line(shown: &Shown) {
    let operation = &shown.stored.operation;
    let state = match shown.state {
        OperationState::Coming => "to come",
        OperationState::Running => "running",
        OperationState::Ended => "over",
    };
    println!(
        "{:32} {state:8} {} to {}  {}",
        operation.name.as_str(),
        operation.starts_at,
        operation.ends_at,
        operation.purpose
    );
    if shown.state == OperationState::Ended {
        still_live(&shown.stored);
    }
}

fn show(record: &OperationRecord) {
    let operation = &record.stored.operation;
    println!("{}  {}", operation.name, operation.purpose);
    println!("  {} to {}", operation.starts_at, operation.ends_at);
    if !operation.owner.is_empty() {
        println!("  owner {}", operation.owner);
    }
    println!(
        "  {:32} {:>9} {:>9} {:>11} {:>9}",
        "list", "hits", "confirmed", "deployments", "results"
    );
    let came = |name: &str, came: &Yield| {
        println!(
            "  {name:32} {:>9} {:>9} {:>11} {:>9}",
            came.hits,
            came.confirmed,
            came.deployments,
            came.results()
        );
    };
    for (list, of_list) in &record.yields {
        came(list.as_str(), of_list);
    }
    came("all", &record.total);
    for change in &record.changes {
        println!(
            "  version {}: {} by {} at {}: {}",
            change.version, change.action, change.by, change.at, change.why
        );
    }
}
