//! `steelring confusion`: the file of this machine's matcher, checked and put into its place; and what the control room learns.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use matcher::confusion::{self, Confusion, ConfusionError};
use serde_json::Value;

use crate::cli::{self, Server};
use crate::client::{Client, Service};
use crate::config::{Settings, make_data_directory};
use crate::force;
use crate::messages::{refuse, spinner};
use crate::replace::Replacement;

pub async fn run(settings: &Settings, command: cli::Confusion) -> Result<ExitCode> {
    let Some(place) = settings.matching.sources.confusion.as_deref() else {
        bail!("matching.confusion names no file");
    };
    match command {
        cli::Confusion::Show => show(place),
        cli::Confusion::Check { file } => check(settings, &file),
        cli::Confusion::Load { file } => {
            make_data_directory(&settings.data)?;
            load(settings, &file, place)
        }
        cli::Confusion::Remove => super::remove(place, "confusion table"),
        cli::Confusion::Learn { out, server } => learn(settings, &server, place, out.as_deref()).await,
    }
}

fn show(place: &Path) -> Result<ExitCode> {
    let confusion = matcher::sources::read_confusion(Some(place))?;
    if !place.exists() {
        eprintln!("the default table: there is no {}", place.display());
    }
    print!(
        "{}",
        confusion::file::write(&confusion).context("show the table")?
    );
    Ok(ExitCode::SUCCESS)
}

fn check(settings: &Settings, file: &Path) -> Result<ExitCode> {
    match read(file)? {
        Ok((_, confusion)) => describe(settings, &confusion),
        Err(error) => {
            let refused = format!("{} cannot be used", file.display());
            Ok(refuse(&anyhow::Error::new(error).context(refused)))
        }
    }
}

fn load(settings: &Settings, file: &Path, place: &Path) -> Result<ExitCode> {
    match read(file)? {
        Ok((text, confusion)) => {
            let mut replacement = Replacement::of(place)?;
            replacement
                .write_all(text.as_bytes())
                .context("write the table")?;
            replacement.put()?;
            describe(settings, &confusion)
        }
        Err(error) => {
            let refused = format!("{} is refused and nothing was changed", file.display());
            Ok(refuse(&anyhow::Error::new(error).context(refused)))
        }
    }
}

/// A file's text and what it says; or, inside, why that is no table.
fn read(file: &Path) -> Result<Result<(String, Confusion), ConfusionError>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    Ok(confusion::file::read(&text).map(|confusion| (text, confusion)))
}

fn describe(settings: &Settings, confusion: &Confusion) -> Result<ExitCode> {
    println!(
        "a table of all cameras, and {} of cameras that have their own",
        confusion.cameras().count()
    );
    let force = force::load(settings.force.as_deref())?;
    for (camera, _) in confusion.cameras() {
        if force.camera(camera).is_none() {
            eprintln!("note: {camera} is no camera of {}", force.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn learn(settings: &Settings, server: &Server, place: &Path, out: Option<&Path>) -> Result<ExitCode> {
    let client = Client::new(server, Service::ControlRoom, settings)?;
    let believed = matcher::sources::read_confusion(Some(place))?;
    let believed = confusion::file::write(&believed).context("send the table in force")?;
    let bar = spinner("learning");
    let request = client
        .post("/api/confusion/learn")
        .header("content-type", "application/toml")
        .body(believed);
    let answer = client.expect(request).await;
    bar.finish_and_clear();
    let answer = answer?;
    let table = answer.get("table").and_then(Value::as_str);
    let table = table.context("the control room answered without a table")?;
    match out {
        Some(out) => std::fs::write(out, table).with_context(|| format!("write {}", out.display()))?,
        None => print!("{table}"),
    }
    say_from_what(&answer);
    Ok(ExitCode::SUCCESS)
}

fn say_from_what(answer: &Value) {
    let number = |path: &str| answer.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    eprintln!(
        "operators' verdicts: {} reads right, {} wrong",
        number("/operators/right"),
        number("/operators/wrong")
    );
    eprintln!(
        "vehicles on their way: {} reads right, {} wrong, of {} in the log",
        number("/journeys/right"),
        number("/journeys/wrong"),
        number("/reads")
    );
    let cameras = answer.get("cameras").and_then(Value::as_array);
    let cameras: Vec<&str> = cameras.into_iter().flatten().filter_map(Value::as_str).collect();
    match cameras.as_slice() {
        [] => eprintln!("no camera has pairs enough for a table of its own"),
        some => eprintln!("a table of their own: {}", some.join(", ")),
    }
}
