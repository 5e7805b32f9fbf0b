//! `steelring nominal`: people known to intelligence, through the running control room.

use std::process::ExitCode;

use anyhow::{Context, Result};
use domain::NominalRef;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::nominals::{NominalChanged, NominalRecord, StoredNominal};

use super::print_json;
use crate::cli::{Changing, Nominal, Server};
use crate::client::{Client, Service};
use crate::config::Settings;

pub async fn run(settings: &Settings, command: Nominal) -> Result<ExitCode> {
    match command {
        Nominal::Put {
            reference,
            name,
            markers,
            changing,
        } => {
            let said = json!({"name": name, "markers": markers, "why": changing.why});
            change(settings, &reference, "", said, &changing).await
        }
        Nominal::Remove { reference, changing } => {
            let said = json!({"why": changing.why});
            change(settings, &reference, "/remove", said, &changing).await
        }
        Nominal::Link {
            reference,
            link,
            changing,
        } => {
            let said = json!({
                "vrm": link.vrm, "relation": link.relation, "source": link.source, "grading": link.grading,
                "date": link.date, "why": changing.why,
            });
            change(settings, &reference, "/link", said, &changing).await
        }
        Nominal::Unlink {
            reference,
            vrm,
            changing,
        } => {
            let said = json!({"vrm": vrm, "why": changing.why});
            change(settings, &reference, "/unlink", said, &changing).await
        }
        Nominal::Show {
            reference,
            json,
            server,
        } => {
            let answer = get(settings, &server, &format!("/api/nominals/{reference}")).await?;
            print(answer, json, |record: NominalRecord| show(&record))
        }
        Nominal::List {
            vrm,
            after,
            json,
            server,
        } => {
            // Neither has a character that an address must spell otherwise.
            let vrm = vrm.map(|vrm| format!("vrm={vrm}"));
            let after = after.map(|after| format!("after={after}"));
            let asked: Vec<String> = vrm.into_iter().chain(after).collect();
            let path = format!("/api/nominals?{}", asked.join("&"));
            let answer = get(settings, &server, &path).await?;
            print(
                answer["nominals"].clone(),
                json,
                |nominals: Vec<StoredNominal>| {
                    nominals.iter().for_each(line);
                },
            )
        }
    }
}

async fn change(
    settings: &Settings,
    reference: &NominalRef,
    step: &str,
    said: Value,
    changing: &Changing,
) -> Result<ExitCode> {
    let client = Client::new(&changing.server, Service::ControlRoom, settings)?;
    let request = client.post(&format!("/api/nominals/{reference}{step}"));
    let answer = client.expect(request.json(&said)).await?;
    print(answer, changing.json, |changed: NominalChanged| {
        let list = changed
            .list
            .map(|list| format!("; list nominals, revision {}: {list}", list.revision));
        println!("version {}{}", changed.version, list.unwrap_or_default());
    })
}

async fn get(settings: &Settings, server: &Server, path: &str) -> Result<Value> {
    let client = Client::new(server, Service::ControlRoom, settings)?;
    client.expect(client.get(path)).await
}

fn print<T: DeserializeOwned>(answer: Value, json: bool, words: impl Fn(T)) -> Result<ExitCode> {
    if json {
        print_json(&answer)?;
    } else {
        words(serde_json::from_value(answer).context("read the answer")?);
    }
    Ok(ExitCode::SUCCESS)
}

fn line(stored: &StoredNominal) {
    let nominal = &stored.nominal;
    let codes: Vec<&str> = nominal
        .markers
        .iter()
        .map(|marker| marker.marker.code())
        .collect();
    let marks: Vec<String> = nominal.links.iter().map(|link| link.vrm.to_string()).collect();
    println!(
        "{}  {}  {}  {}",
        nominal.reference,
        nominal.name,
        codes.join(" "),
        marks.join(" ")
    );
}

fn show(record: &NominalRecord) {
    match &record.nominal {
        None => println!("no longer known"),
        Some(stored) => {
            println!("{}  {}", stored.nominal.reference, stored.nominal.name);
            for marker in &stored.nominal.markers {
                println!("  {}  {}", marker.marker.code(), marker.detail);
            }
            for link in &stored.nominal.links {
                println!(
                    "  {}  {}  {}  {}  {}",
                    link.vrm,
                    link.relation.name(),
                    link.grading,
                    link.date,
                    link.source
                );
            }
        }
    }
    for change in &record.changes {
        println!(
            "  version {}: {} by {} at {}: {}",
            change.version, change.action, change.by, change.at, change.why
        );
    }
}
