//! What the chores do, a file each.

pub(crate) mod bench;
mod deny;
mod prerequisites;
pub(crate) mod steps;
mod target;
pub(crate) mod test;
pub(crate) mod up;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::{page, run, workspace_root};

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

/// Where Cargo builds this workspace.
fn target_directory(root: &Path) -> Result<PathBuf> {
    let metadata = metadata(root)?;
    let target = metadata["target_directory"].as_str();
    target
        .map(PathBuf::from)
        .context("cargo metadata names no target directory")
}

/// Builds page and binary as they are used, and returns the binary.
fn release_binary() -> Result<PathBuf> {
    prerequisites::ensure(&prerequisites::to_build())?;
    page::build()?;
    let root = workspace_root();
    run::show(
        cargo()
            .args(["build", "--release", "--bin", "steelring"])
            .current_dir(&root),
    )?;
    Ok(target_directory(&root)?.join("release/steelring"))
}
