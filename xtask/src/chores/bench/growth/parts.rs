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
    // Under `cargo test` the sizes are small. The whole workspace, as everything else in the tests: for one package alone
    // Cargo would choose other features, and compile most dependencies again.
    let build: &[&str] = if rig.tiny {
        &["test", "--workspace"]
    } else {
        &["bench"]
    };
    command.args(build).args(["--bench", "growth", "--"]);
    command.args(["--series", series, "--json"]).arg(&file);
    run::show(&mut command)?;
    let grown: Value = serde_json::from_slice(&fs::read(&file).context("the bench target wrote no points")?)?;
    let points = grown[series]
        .as_array()
        .context("the bench target wrote another series")?;
    Ok(points.clone())
}
