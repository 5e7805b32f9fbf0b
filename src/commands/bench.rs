//! `steelring bench`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::bench::{self, Asked, Rate, Report, make_result};
use crate::cli::{Bench, Global, RingOfSteel};
use crate::config::{Settings, make_data_directory};

pub async fn run(mut global: Global, command: Bench) -> Result<ExitCode> {
    let Bench::RingOfSteel(RingOfSteel {
        rate,
        seconds,
        entries,
        wanted,
        seed,
        matchers,
        scenario,
        backlog,
        json,
        html,
    }) = command;
    let asked = Asked {
        rate,
        seconds,
        entries,
        wanted,
        seed,
        matchers,
        scenario,
        backlog,
    };
    make_result(json.as_ref())?;
    make_result(html.as_ref())?;
    let base = global.data.clone().unwrap_or_else(std::env::temp_dir);
    make_data_directory(&base)?;
    let folder = tempfile::Builder::new()
        .prefix("steelring-bench-")
        .tempdir_in(&base);
    let folder = folder.with_context(|| format!("make a folder in {}", base.display()))?;
    global.data = Some(folder.path().to_owned());
    let (global, servers) = tokio::task::spawn_blocking(move || {
        let servers = bench::Servers::start(&mut global)?;
        anyhow::Ok((global, servers))
    })
    .await??;
    let settings = Settings::load(&global)?;
    let mut reports = Vec::new();
    let outcome = bench::run(&settings, servers, &asked, &mut reports).await;
    if reports.len() > 1 {
        println!("\n{}", bench::Table(&reports));
    }
    keep(&reports, json.as_deref(), html.as_deref())?;
    outcome?;
    let passed = reports.iter().all(|report| report.verdict.passed);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Writes the results to where they were asked for.
fn keep(reports: &[Report], json: Option<&Path>, html: Option<&Path>) -> Result<()> {
    if let Some(path) = json {
        // One run is an object, as scripts expect it; several are a list.
        let text = match reports {
            [one] => serde_json::to_vec_pretty(one),
            several => serde_json::to_vec_pretty(several),
        };
        std::fs::write(path, text?).with_context(|| format!("write {}", path.display()))?;
    }
    if let Some(path) = html {
        let command: Vec<String> = std::env::args().skip(1).collect();
        let page = bench::page(reports, &format!("steelring {}", command.join(" ")))?;
        std::fs::write(path, page).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// A rate as it is written on the command line.
pub fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    let number = text.parse().map(Rate::Fixed);
    number.map_err(|_| "give a number of reads a second, or max".to_owned())
}
