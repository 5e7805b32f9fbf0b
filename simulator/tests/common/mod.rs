//! The force of this repository, for tests.

use std::fs;
use std::sync::Arc;

use domain::force::{Force, ForceFiles};

/// Reads `data/merseyside`.
pub fn merseyside() -> Arc<Force> {
    let text = |name: &str| {
        let path = xtask::workspace_root().join("data/merseyside").join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let files = ForceFiles {
        force_toml: text("force.toml"),
        bcus_geojson: text("bcus.geojson"),
        roads_geojson: text("roads.geojson"),
        cameras_json: text("cameras.json"),
        units_json: text("units.json"),
    };
    Arc::new(Force::parse(&files).unwrap())
}
