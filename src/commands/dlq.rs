//! `steelring dlq`: through the running ingest, which holds the log.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::print_json;
use crate::cli::Dlq;
use crate::client::{Client, Service};
use crate::config::Settings;

pub async fn run(settings: &Settings, command: Dlq) -> Result<ExitCode> {
    match command {
        Dlq::List { limit, json, server } => {
            let client = Client::new(&server, Service::Ingest, settings)?;
            let answer = client.expect(client.get(&format!("/dlq?limit={limit}"))).await?;
            if json {
                print_json(&answer)?;
            } else {
                list(&answer);
            }
        }
        Dlq::Show { place, raw, server } => {
            let client = Client::new(&server, Service::Ingest, settings)?;
            let letter = client
                .expect(client.get(&format!("/dlq/{}", checked(&place)?)))
                .await?;
            if raw {
                let bytes = decode(&letter)?;
                std::io::stdout()
                    .write_all(&bytes)
                    .context("write the original bytes")?;
            } else {
                print_json(&letter)?;
            }
        }
        Dlq::Replay { place, server } => {
            let client = Client::new(&server, Service::Ingest, settings)?;
            let answer = client
                .expect(client.post(&format!("/dlq/{}/replay", checked(&place)?)))
                .await?;
            print_json(&answer)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn checked(place: &str) -> Result<&str> {
    let good = place
        .split_once('/')
        .is_some_and(|(partition, offset)| partition.parse::<u32>().is_ok() && offset.parse::<u64>().is_ok());
    if !good {
        bail!("{place:?} is no place; write PARTITION/OFFSET as `steelring dlq list` names it");
    }
    Ok(place)
}

fn list(answer: &Value) {
    let letters = answer.get("dead_letters").and_then(Value::as_array);
    for letter in letters.into_iter().flatten() {
        let text = |name: &str| letter.get(name).and_then(Value::as_str).unwrap_or("-");
        let number = |name: &str| letter.get(name).and_then(Value::as_u64).unwrap_or_default();
        println!(
            "{}/{:<8} {} {:16} {:24} {:12} {}",
            number("partition"),
            number("offset"),
            text("received_at"),
            text("source"),
            text("format"),
            text("field"),
            text("reason"),
        );
    }
}

fn decode(letter: &Value) -> Result<Vec<u8>> {
    use base64::Engine;
    let body = letter
        .get("body_base64")
        .and_then(Value::as_str)
        .context("the dead letter has no body")?;
    base64::engine::general_purpose::STANDARD
        .decode(body)
        .context("decode the original bytes")
}
