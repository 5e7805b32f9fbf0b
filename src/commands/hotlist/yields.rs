//! What came of lists and entries.

use std::process::ExitCode;

use anyhow::Result;
use domain::{ListName, SignedDuration, Timestamp};
use serde_json::Value;

use super::text;
use crate::client::Client;
use crate::commands::print_json;

/// Shows every list.
pub async fn lists(client: &Client, days: u16, json: bool) -> Result<ExitCode> {
    let from = Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days));
    let answer = client
        .expect(client.get(&format!("/api/yield?from={from}")))
        .await?;
    if json {
        print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:24} {:>9} {HEAD} {:>9}  last reviewed",
        "list", "entries", "overdue"
    );
    for list in items(&answer, "lists") {
        let reviewed = list.get("reviewed").filter(|review| !review.is_null());
        let named = list.get("fruitless").and_then(Value::as_bool) == Some(true);
        println!(
            "{:24} {:>9} {} {:>9}  {}{}",
            text(list, "list"),
            number(list, "entries"),
            numbers(list),
            number(list, "overdue"),
            reviewed.map_or("never", |review| text(review, "at")),
            if named {
                "   NOTHING CAME OF IT: review it"
            } else {
                ""
            }
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the entries of a list that were hit most.
pub async fn entries(client: &Client, list: &ListName, json: bool) -> Result<ExitCode> {
    let answer = client
        .expect(client.get(&format!("/api/hotlists/{list}/yield")))
        .await?;
    if json {
        print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:32} {:10} {HEAD}  last hit", "entry", "mark");
    for entry in items(&answer, "entries") {
        let listed = entry.get("entry").filter(|entry| !entry.is_null());
        println!(
            "{:32} {:10} {}  {}",
            text(entry, "entry_id"),
            listed.map_or("gone", |listed| text(listed, "vrm")),
            numbers(entry),
            text(entry, "last_hit_at"),
        );
    }
    Ok(ExitCode::SUCCESS)
}

const HEAD: &str = "     hits confirmed misreads   sent results";
/// The outcomes that count as results.
const RESULTS: [&str; 4] = ["arrest", "vehicle_recovered", "stopped_no_arrest", "observed"];

/// Under [`HEAD`].
fn numbers(of: &Value) -> String {
    let came = of.get("came").unwrap_or(&Value::Null);
    let outcomes = came.get("outcomes").unwrap_or(&Value::Null);
    format!(
        "{:>9} {:>9} {:>8} {:>6} {:>7}",
        number(came, "hits"),
        number(came, "confirmed"),
        number(outcomes, "misread"),
        number(came, "deployments"),
        RESULTS.iter().map(|name| number(outcomes, name)).sum::<u64>(),
    )
}

fn items<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice)
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}
