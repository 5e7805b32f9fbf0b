//! What a part costs by how much it has to deal with: `cargo xtask bench growth` draws the curves.
//!
//! Prints one JSON object: a list of points for each series, each point the size and what was measured at it. Under
//! `cargo test` the sizes are small and everything is measured once. `--series NAME` gives that series alone, `--json
//! FILE` writes it there.

#[path = "../rig/mod.rs"]
mod rig;

mod cases;
mod index;
mod measure;
mod units;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A series: its name and what measures it.
type Series = (&'static str, fn() -> Result<Vec<Value>>);

const SERIES: [Series; 3] = [
    ("index", index::grow),
    ("units", units::grow),
    ("cases", cases::grow),
];

fn main() -> Result<()> {
    let (wanted, file) = arguments(std::env::args().skip(1))?;
    let mut grown = BTreeMap::new();
    for (name, grow) in SERIES {
        if wanted.as_deref().is_none_or(|wanted| wanted == name) {
            grown.insert(name, grow().with_context(|| format!("series {name}"))?);
        }
    }
    if grown.is_empty() {
        bail!("--series: give one of {:?}", SERIES.map(|(name, _)| name));
    }
    let text = serde_json::to_string_pretty(&grown)?;
    match file {
        Some(file) => std::fs::write(&file, text).with_context(|| format!("writing {}", file.display())),
        None => {
            println!("{text}");
            Ok(())
        }
    }
}

/// The series and the file that are asked for. What else Cargo passes to benches and tests is passed over.
fn arguments(mut given: impl Iterator<Item = String>) -> Result<(Option<String>, Option<PathBuf>)> {
    let (mut series, mut file) = (None, None);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--series" => series = Some(given.next().context("--series: give a name")?),
            "--json" => file = Some(PathBuf::from(given.next().context("--json: give a file")?)),
            _ => {}
        }
    }
    Ok((series, file))
}
