//! What the chores do, a file each.

mod deny;
mod prerequisites;
pub(crate) mod steps;
mod target;
pub(crate) mod test;
pub(crate) mod up;

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::run;

/// The Cargo that runs this chore.
fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// What Cargo says of this workspace's own packages.
fn metadata(root: &Path) -> Result<Value> {
    let mut command = cargo();
    command
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root);
    serde_json::from_str(&run::output(&mut command)?).context("reading what cargo metadata says")
}

/// The workspace's packages in [`metadata`].
fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}
