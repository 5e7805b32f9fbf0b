//! The matcher's benchmarks that write figures of their own.

use std::ffi::OsString;
use std::fs::File;
use std::path::{PathBuf, absolute};

use anyhow::{Context, Result};
use clap::Args;
use xtask::{run, workspace_root};

use crate::chores::cargo;

/// Where the rows go.
#[derive(Args)]
pub(super) struct Rows {
    /// Writes the rows here as JSON.
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    /// Handed to the benchmark after `--`, such as `--seed 2`.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// Runs a bench target of the matcher.
pub(super) fn measure(target: &str, rows: &Rows) -> Result<()> {
    // Cargo runs a benchmark in its package's folder. A place that cannot be written to is found out now.
    let json = absolute(&rows.json)?;
    File::create(&json).with_context(|| format!("making {}", json.display()))?;
    let mut bench = cargo();
    bench
        .args([
            "bench",
            "-p",
            "steelring-matcher",
            "--bench",
            target,
            "--",
            "--json",
        ])
        .arg(json)
        .args(&rows.arguments)
        .current_dir(workspace_root());
    run::show(&mut bench)
}
