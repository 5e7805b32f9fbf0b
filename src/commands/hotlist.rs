//! `steelring hotlist`: `check` on the spot, the rest through the running control room.

mod compare;
mod drafts;
mod feeds;
mod mapping;
mod policy;
mod reviews;
mod yields;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use domain::{ListName, Timestamp};
use intelligence::{IntelligenceError, ListFile, MAX_LIST_BYTES, Mapping, Options, RowFault};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::print_json;
use crate::cli::{Hotlist, Server, Upkeep};
use crate::client::{Client, Service, refusal};
use crate::config::Settings;
use crate::force;
use crate::messages::{INPUT_REFUSED, progress, spinner};

/// Faults printed; the rest are counted.
const FAULTS_SHOWN: usize = 50;
/// Bytes sent between two moves of the progress bar.
const CHUNK: usize = 256 * 1024;
/// How often the bar moves while the server works.
const STEADY: Duration = Duration::from_millis(200);

pub async fn run(settings: &Settings, command: Hotlist) -> Result<ExitCode> {
    let client = |server: &Server| Client::new(server, Service::ControlRoom, settings);
    match command {
        Hotlist::Check {
            file,
            mapping,
            list,
            live,
            server,
            json,
        } => {
            let mapping = mapping::read(mapping.as_deref())?;
            if live {
                return compare::run(&client(&server)?, &list, &file, mapping.as_ref(), json).await;
            }
            check(settings, &file, &list, mapping, json)
        }
        Hotlist::Load {
            list,
            file,
            mapping,
            accept_good_rows,
            why,
            json,
            server,
        } => {
            let accept = accept_good_rows.to_string();
            let mapping = mapping::read(mapping.as_deref())?.map(|mapping| mapping.to_string());
            let mut asked = vec![("accept_good_rows", accept.as_str()), ("why", &why)];
            asked.extend(mapping.as_deref().map(|mapping| ("mapping", mapping)));
            load(&client(&server)?, &path_of(&list, "load", &asked), &file, json).await
        }
        Hotlist::Withdraw {
            list,
            vrm,
            why,
            json,
            server,
        } => withdraw(&client(&server)?, &list, vrm.as_deref(), &why, json).await,
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
        Hotlist::Upkeep(upkeep) => run_upkeep(settings, upkeep).await,
        Hotlist::Feeds { json, server } => feeds::list(&client(&server)?, json).await,
        Hotlist::FeedToken { name } => feeds::token(settings, &name).await,
        Hotlist::List { json, server } => list(&lists(&client(&server)?).await?, json),
        Hotlist::Status { json, server } => status(&lists(&client(&server)?).await?, json),
    }
}

async fn run_upkeep(settings: &Settings, command: Upkeep) -> Result<ExitCode> {
    let client = |server: &Server| Client::new(server, Service::ControlRoom, settings);
    match command {
        Upkeep::Review {
            list,
            entry,
            vrm,
            why,
            json,
            server,
        } => {
            let said = json!({"why": why, "entry_id": entry, "vrm": vrm});
            reviews::review(&client(&server)?, &list, &said, json).await
        }
        Upkeep::Reviews { json, server } => reviews::notices(&client(&server)?, json).await,
        Upkeep::Yield {
            list,
            days,
            json,
            server,
        } => match list {
            Some(list) => yields::entries(&client(&server)?, &list, json).await,
            None => yields::lists(&client(&server)?, days, json).await,
        },
    }
}

async fn lists(client: &Client) -> Result<Value> {
    client.expect(client.get("/api/hotlists")).await
}

async fn withdraw(
    client: &Client,
    list: &ListName,
    vrm: Option<&str>,
    why: &str,
    json: bool,
) -> Result<ExitCode> {
    let request = client
        .post(&format!("/api/hotlists/{list}/withdraw"))
        .json(&json!({"vrm": vrm, "why": why}));
    show_change(&client.expect(request).await?, json)
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

fn check(
    settings: &Settings,
    file: &Path,
    list: &ListName,
    mapping: Option<Mapping>,
    json: bool,
) -> Result<ExitCode> {
    let bytes = read(file)?;
    let force = force::load(settings.force.as_deref())?;
    let bar = spinner("checking");
    let options = Options {
        sites: Some(force.sites()),
        bcus: Some(force.bcu_codes()),
        mapping,
        ..Options::default()
    };
    let parsed = ListFile::read(
        list.clone(),
        bytes.into(),
        options,
        Timestamp::now(),
        force.timezone.clone(),
    );
    bar.finish_and_clear();
    if let Err(IntelligenceError::Layout {
        guess: Some(guess), ..
    }) = &parsed
    {
        eprintln!("steelring: the columns of {} are not known", file.display());
        return mapping::show(guess, json);
    }
    let (parsed, _) = parsed.with_context(|| format!("check {}", file.display()))?;
    if json {
        let answer =
            json!({"rows": parsed.rows, "good": parsed.good, "faults": parsed.faults, "notes": parsed.notes});
        print_json(&answer)?;
    } else {
        println!(
            "{} rows: {} good, {} bad",
            parsed.rows, parsed.good, parsed.bad_rows
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

/// Sends a file as it is read, with a bar that shows how much of it has gone.
async fn send(client: &Client, path: &str, file: &Path, what: &'static str) -> Result<(StatusCode, Value)> {
    let reading = || format!("read {}", file.display());
    let opened = tokio::fs::File::open(file).await.with_context(reading)?;
    let known = opened.metadata().await.with_context(reading)?;
    fits(file, known.len())?;
    let bar = progress(known.len(), what);
    let watched = bar.clone();
    let body = futures::stream::try_unfold(opened, move |mut opened| {
        let watched = watched.clone();
        async move {
            let mut chunk = Vec::with_capacity(CHUNK);
            if (&mut opened).take(CHUNK as u64).read_to_end(&mut chunk).await? == 0 {
                watched.set_message("sent; the rows are read and written");
                watched.enable_steady_tick(STEADY);
                return Ok::<_, std::io::Error>(None);
            }
            watched.inc(chunk.len() as u64);
            Ok(Some((chunk, opened)))
        }
    });
    let mut request = client
        .post(path)
        .header("content-type", "application/octet-stream")
        .body(reqwest::Body::wrap_stream(body));
    // A pipe does not say how long it is.
    if known.is_file() {
        request = request.header("content-length", known.len());
    }
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
    if let Some(guess) = mapping::guess_in(&answer) {
        eprintln!("steelring: {}", refusal(code, &answer));
        return mapping::show(&guess, json);
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
                "  {:32} revision {:>6}, {}{}",
                text(list, "list"),
                number(list, "revision"),
                where_live(list),
                if flag(list, "distributed") {
                    ", distributed"
                } else {
                    ""
                },
            );
            for taking in list
                .get("takings")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                println!(
                    "    {:30} has revision {:>6}, asked {}",
                    text(taking, "client"),
                    number(taking, "revision"),
                    text(taking, "at"),
                );
            }
        }
        for matcher in &running {
            print_matcher(matcher);
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

fn flag(of: &Value, name: &str) -> bool {
    of.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn print_matcher(matcher: &Value) {
    let number = |name: &str| matcher.get(name).and_then(Value::as_u64);
    println!(
        "  {:40} revision {:>6}{}, {} entries, since {}{}",
        text(matcher, "matcher"),
        number("revision").unwrap_or_default(),
        number("without").map_or(String::new(), |long| format!(
            " without {long}, which is on its way"
        )),
        number("entries").unwrap_or_default(),
        text(matcher, "applied_at"),
        if flag(matcher, "current") { "" } else { "   LAGS" },
    );
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
