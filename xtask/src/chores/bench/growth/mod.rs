//! `cargo xtask bench growth`: what grows with what, as plots, a table for each, and the points as JSON.
//!
//! Parts of the system are measured by the bench target `growth`, the whole of it by `steelring bench ring-of-steel`.

mod means;
mod page;
mod parts;
mod rings;
mod series;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use xtask::workspace_root;

use super::figures::Origin;
use crate::chores::{cargo, release_binary};
use series::Series;

/// The points of every series, kept from run to run.
const POINTS: &str = "growth.json";
/// Plots and tables, made from them.
const PAGE: &str = "figures.md";

/// What is asked for.
#[derive(Args)]
pub(crate) struct Growth {
    /// Measure this series alone; what was measured of the others earlier stays.
    #[arg(value_name = "SERIES")]
    series: Vec<Series>,
    /// Small sizes, short runs: to see that it works. The figures say nothing.
    #[arg(long)]
    tiny: bool,
    /// Write here instead of docs/performance.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What measures: programs that are built already, or a Cargo that builds them.
pub(crate) struct Rig<'a> {
    /// The binary.
    pub(crate) steelring: PathBuf,
    /// A Cargo that runs bench targets.
    pub(crate) cargo: &'a dyn Fn() -> Result<Command>,
    /// Small sizes, short runs.
    pub(crate) tiny: bool,
}

/// Measures what is asked for and draws everything anew.
pub(crate) fn grow(asked: &Growth) -> Result<()> {
    let root = workspace_root();
    let out = match &asked.out {
        Some(out) => out.clone(),
        None => root.join("docs/performance"),
    };
    let wanted = match asked.series.as_slice() {
        [] => Series::value_variants(),
        some => some,
    };
    let rig = Rig {
        steelring: release_binary()?,
        cargo: &|| {
            let mut command = cargo();
            command.current_dir(&root);
            Ok(command)
        },
        tiny: asked.tiny,
    };
    measure(&rig, wanted, &out)
}

/// Every series small, into a folder that is thrown away: a test that all of it runs.
pub(crate) fn try_out(rig: &Rig<'_>) -> Result<()> {
    let out = tempfile::tempdir()?;
    measure(rig, Series::value_variants(), out.path())
}

fn measure(rig: &Rig<'_>, wanted: &[Series], out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let file = out.join(POINTS);
    let mut all = known(&file)?;
    for series in wanted {
        println!("\n==== growth: {} ====", series.name());
        let points = match series.parts() {
            Some(part) => parts::grow(rig, part),
            None => rings::grow(rig, *series),
        };
        let points = points.with_context(|| format!("measuring the series {}", series.name()))?;
        let mut grown = Origin::here()?.to_json();
        grown["points"] = json!(points);
        all.insert(series.name().to_owned(), grown);
        // Each series as soon as it is there: the next one may take long, or fail.
        let text = serde_json::to_string_pretty(&all)?;
        fs::write(&file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
    }
    page::write(&all, out, PAGE)
}

/// What was measured earlier.
fn known(file: &Path) -> Result<Map<String, Value>> {
    if !file.exists() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&fs::read(file)?).with_context(|| format!("reading {}", file.display()))
}
