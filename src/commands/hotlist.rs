//! `steelring hotlist`: `check` on the spot, the rest through the running control room.

mod compare;
mod drafts;
mod policy;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use domain::{ListName, Timestamp};
use intelligence::{MAX_LIST_BYTES, Options, RowFault};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::print_json;
use crate::cli::{Hotlist, Server};
use crate::client::{Client, Service, refusal};
use crate::config::Settings;
use crate::force;
use crate::messages::{INPUT_REFUSED, progress, spinner};

/// Faults printed; the rest are counted.
const FAULTS_SHOWN: usize = 50;
/// Bytes sent between two moves of the progress bar.
const CHUNK: usize = 256 * 1024;

pub async fn run(settings: &Settings, command: Hotlist) -> Result<ExitCode> {
    let client = |server: &Server| Client::new(server, Service::ControlRoom, settings);
    match command {
        Hotlist::Check {
            file,
            list,
            live,
            server,
            json,
        } if live => compare::run(&client(&server)?, &list, &file, json).await,
        Hotlist::Check { file, list, json, .. } => check(settings, &file, &list, json),
        Hotlist::Load {
            list,
            file,
            accept_good_rows,
            why,
            json,
            server,
        } => {
            let accept = accept_good_rows.to_string();
            let path = path_of(&list, "load", &[("accept_good_rows", &accept), ("why", &why)]);
            load(&client(&server)?, &path, &file, json).await
        }
        Hotlist::Withdraw {
            list,
            vrm,
            why,
            json,
            server,
        } => {
            let client = client(&server)?;
            let request = client
                .post(&format!("/api/hotlists/{list}/withdraw"))
                .json(&json!({"vrm": vrm, "why": why}));
            let answer = client.expect(request).await?;
            show_change(&answer, json)
        }
        Hotlist::Policy {
            list,
            change,
            json,
            server,
        } => policy::run(&client(&server)?, &list, change, json).await,
        Hotlist::Drafts { list, json, server } => drafts::list(&client(&server)?, list.as_ref(), json).await,
        Hotlist::Authorise {
            draft,
            why,
            json,
            server,
        } => drafts::decide(&client(&server)?, draft, "authorise", &why, json).await,
        Hotlist::Decline {
            draft,
            why,
            json,
            server,
        } => drafts::decide(&client(&server)?, draft, "decline", &why, json).await,
        Hotlist::List { json, server } => {
            let client = client(&server)?;
            let answer = client.expect(client.get("/api/hotlists")).await?;
            list(&answer, json)
        }
        Hotlist::Status { json, server } => {
            let client = client(&server)?;
            let answer = client.expect(client.get("/api/hotlists")).await?;
            status(&answer, json)
        }
    }
}

/// A list's file whole; one that no list may be is not taken into memory.
fn read(file: &Path) -> Result<Vec<u8>> {
    let reading = || format!("read {}", file.display());
    let opened = File::open(file).with_context(reading)?;
    fits(file, opened.metadata().with_context(reading)?.len())?;
    // A pipe does not say how long it is.
    let mut bytes = Vec::new();
    let mut most = opened.take(MAX_LIST_BYTES + 1);
    most.read_to_end(&mut bytes).with_context(reading)?;
    fits(file, bytes.len() as u64)?;
    Ok(bytes)
}

fn fits(file: &Path, length: u64) -> Result<()> {
    let most = MAX_LIST_BYTES / (1024 * 1024);
    ensure!(
        length <= MAX_LIST_BYTES,
        "{} is larger than {most} MiB: split the list",
        file.display()
    );
    Ok(())
}

fn check(settings: &Settings, file: &Path, list: &ListName, json: bool) -> Result<ExitCode> {
    let bytes = read(file)?;
    let force = force::load(settings.force.as_deref())?;
    let bar = spinner("checking");
    let options = Options {
        sites: Some(force.sites()),
        bcus: Some(force.bcu_codes()),
        ..Options::default()
    };
    let parsed = intelligence::parse_with(list, &bytes, &options, Timestamp::now(), &force.timezone);
    bar.finish_and_clear();
    let parsed = parsed.with_context(|| format!("check {}", file.display()))?;
    if json {
        let answer = json!({"rows": parsed.rows, "good": parsed.entries.len(), "faults": parsed.faults, "notes": parsed.notes});
        print_json(&answer)?;
    } else {
        println!(
            "{} rows: {} good, {} bad",
            parsed.rows,
            parsed.entries.len(),
            parsed.bad_rows
        );
        for note in &parsed.notes {
            println!("  note: {note}");
        }
        show_faults(&parsed.faults, parsed.fault_count as usize);
    }
    Ok(if parsed.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        INPUT_REFUSED.into()
    })
}

fn show_faults(faults: &[RowFault], all: usize) {
    for fault in faults.iter().take(FAULTS_SHOWN) {
        eprintln!("  line {}, {}: {}", fault.line, fault.column, fault.reason);
    }
    if all > FAULTS_SHOWN {
        eprintln!("  ... and {} more faults", all - FAULTS_SHOWN);
    }
}

/// A route of a list with its parameters.
fn path_of(list: &ListName, what: &str, parameters: &[(&str, &str)]) -> String {
    let query: String = reqwest::Url::parse_with_params("http://x", parameters)
        .ok()
        .and_then(|url| url.query().map(str::to_owned))
        .unwrap_or_default();
    format!("/api/hotlists/{list}/{what}?{query}")
}

/// Sends a file with a bar that shows how much of it has gone.
async fn send(client: &Client, path: &str, file: &Path, what: &'static str) -> Result<(StatusCode, Value)> {
    let bytes = read(file)?;
    let bar = progress(bytes.len() as u64, what);
    let length = bytes.len();
    let watched = bar.clone();
    let chunks: Vec<_> = bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
    let body = futures::stream::iter(chunks.into_iter().map(move |chunk| {
        watched.inc(chunk.len() as u64);
        Ok::<_, std::io::Error>(chunk)
    }));
    let request = client
        .post(path)
        .header("content-type", "application/octet-stream")
        .header("content-length", length)
        .body(reqwest::Body::wrap_stream(body));
    let answer = client.answer(request).await?;
    bar.finish_and_clear();
    Ok(answer)
}

async fn load(client: &Client, path: &str, file: &Path, json: bool) -> Result<ExitCode> {
    let (code, answer) = send(client, path, file, "loading").await?;
    let faults: Vec<RowFault> =
        serde_json::from_value(answer.get("faults").cloned().unwrap_or(json!([]))).unwrap_or_default();
    let count = answer
        .get("fault_count")
        .and_then(Value::as_u64)
        .map_or(faults.len(), |count| count as usize);
    if code.is_success() {
        show_faults(&faults, count);
        return show_change(&answer, json);
    }
    if json {
        print_json(&answer)?;
    }
    if code == StatusCode::UNPROCESSABLE_ENTITY && !faults.is_empty() {
        eprintln!("steelring: {}", refusal(code, &answer));
        show_faults(&faults, count);
        return Ok(INPUT_REFUSED.into());
    }
    bail!("{}", refusal(code, &answer))
}

fn show_change(answer: &Value, json: bool) -> Result<ExitCode> {
    if json {
        print_json(answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(draft) = answer.get("draft").filter(|draft| !draft.is_null()) {
        println!("{}", drafts::line(draft));
        eprintln!("nothing is live yet: a second person must authorise it (steelring hotlist authorise)");
        return Ok(ExitCode::SUCCESS);
    }
    let number = |name: &str| {
        answer
            .pointer(&format!("/change/{name}"))
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    println!(
        "revision {}: {} added, {} changed, {} removed, {} as before",
        number("revision"),
        number("added"),
        number("changed"),
        number("removed"),
        number("unchanged"),
    );
    Ok(ExitCode::SUCCESS)
}

fn list(answer: &Value, json: bool) -> Result<ExitCode> {
    if json {
        print_json(answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    for list in answer
        .get("lists")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        println!(
            "{:32} {:>9} entries, revision {:>6}, changed {} by {}, {}",
            text(list, "list"),
            list.get("entries").and_then(Value::as_u64).unwrap_or_default(),
            list.get("revision").and_then(Value::as_u64).unwrap_or_default(),
            text(list, "changed_at"),
            text(list, "changed_by"),
            if list.get("published_at").is_some_and(|at| !at.is_null()) {
                "published"
            } else {
                "on its way"
            },
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn status(answer: &Value, json: bool) -> Result<ExitCode> {
    let matchers = answer
        .get("matchers")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let flag = |matcher: &Value, name: &str| matcher.get(name).and_then(Value::as_bool).unwrap_or(false);
    let running: Vec<_> = matchers
        .iter()
        .filter(|matcher| flag(matcher, "running"))
        .collect();
    let lagging = running.iter().any(|matcher| !flag(matcher, "current"));
    if json {
        print_json(answer)?;
    } else {
        let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        println!(
            "revision {}, {} entries on all lists",
            number(answer, "revision"),
            number(answer, "entries")
        );
        for list in answer
            .get("lists")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            println!(
                "  {:32} revision {:>6}, {}",
                text(list, "list"),
                number(list, "revision"),
                where_live(list)
            );
        }
        for matcher in &running {
            println!(
                "  {:40} revision {:>6}, {} entries, since {}{}",
                text(matcher, "matcher"),
                number(matcher, "revision"),
                number(matcher, "entries"),
                text(matcher, "applied_at"),
                if flag(matcher, "current") { "" } else { "   LAGS" },
            );
        }
    }
    if running.is_empty() {
        bail!("no matcher is running: nothing is matched");
    }
    Ok(if lagging {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("-")
}

/// Where a list is live, or who holds it up.
fn where_live(list: &Value) -> String {
    let lagging: Vec<&str> = list
        .get("lagging")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match list.get("live").and_then(Value::as_bool) {
        Some(true) => "live on every running matcher".to_owned(),
        _ if list.get("published_at").is_none_or(Value::is_null) => "on its way to the log".to_owned(),
        _ if lagging.is_empty() => "live nowhere: no matcher runs".to_owned(),
        _ => format!("NOT LIVE on {}", lagging.join(", ")),
    }
}
