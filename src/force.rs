//! The force's fixed data and its rules: the built-in Merseyside's, or a folder's.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use domain::force::{Force, ForceFiles};
use intelligence::rules::RuleFile;

/// Reads the force from a folder, or the built-in one.
pub fn load(directory: Option<&Path>) -> Result<Arc<Force>> {
    let files = match directory {
        Some(directory) => read(directory)?,
        None => built_in(),
    };
    let place = directory.map_or_else(
        || "the built-in force".to_owned(),
        |path| path.display().to_string(),
    );
    Force::parse(&files)
        .map(Arc::new)
        .with_context(|| format!("read the force from {place}"))
}

/// Reads the rules from the force's folder; the built-in ones where it has no `rules.toml`.
pub fn rules(directory: Option<&Path>) -> Result<Arc<RuleFile>> {
    let path = directory
        .map(|directory| directory.join("rules.toml"))
        .filter(|path| path.exists());
    let (place, text) = match &path {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
            (path.display().to_string(), text)
        }
        None => (
            "the built-in rules".to_owned(),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/merseyside/rules.toml")).to_owned(),
        ),
    };
    match RuleFile::parse(&text) {
        Ok(rules) => Ok(Arc::new(rules)),
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            bail!("{place}: {}", faults.join("\n  "))
        }
    }
}

fn read(directory: &Path) -> Result<ForceFiles> {
    let file = |name: &str| {
        let path = directory.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    Ok(ForceFiles {
        force_toml: file("force.toml")?,
        bcus_geojson: file("bcus.geojson")?,
        roads_geojson: file("roads.geojson")?,
        cameras_json: file("cameras.json")?,
        units_json: file("units.json")?,
    })
}

fn built_in() -> ForceFiles {
    macro_rules! file {
        ($name:literal) => {
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/data/merseyside/",
                $name
            ))
            .to_owned()
        };
    }
    ForceFiles {
        force_toml: file!("force.toml"),
        bcus_geojson: file!("bcus.geojson"),
        roads_geojson: file!("roads.geojson"),
        cameras_json: file!("cameras.json"),
        units_json: file!("units.json"),
    }
}
