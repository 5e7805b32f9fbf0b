//! Series of single parts: measured by the bench target `growth`.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::run;

use super::Rig;

/// The points of one of its series.
pub(super) fn grow(rig: &Rig<'_>, series: &str) -> Result<Vec<Value>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("points.json");
    let mut command = (rig.cargo)()?;
    // Under `cargo test` the sizes are small.
    command.args([if rig.tiny { "test" } else { "bench" }, "--bench", "growth", "--"]);
    command.args(["--series", series, "--json"]).arg(&file);
    run::show(&mut command)?;
    let grown: Value = serde_json::from_slice(&fs::read(&file).context("the bench target wrote no points")?)?;
    let points = grown[series]
        .as_array()
        .context("the bench target wrote another series")?;
    Ok(points.clone())
}
