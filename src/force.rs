//! The force's fixed data: the built-in Merseyside, or a folder's.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use domain::force::{Force, ForceFiles};

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
