//! Writes the pictures of a minute of a world into a folder, to look at: `cargo run --example pictures -- FOLDER`.

use std::path::Path;
use std::sync::Arc;
use std::{env, fs};

use domain::force::{Force, ForceFiles};
use simulator::{Demand, World};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder = env::args().nth(1).ok_or("name a folder to write to")?;
    let data = xtask::workspace_root().join("data/merseyside");
    let text = |name: &str| fs::read_to_string(data.join(name));
    let force = Force::parse(&ForceFiles {
        force_toml: text("force.toml")?,
        bcus_geojson: text("bcus.geojson")?,
        roads_geojson: text("roads.geojson")?,
        cameras_json: text("cameras.json")?,
        units_json: text("units.json")?,
    })?;
    fs::create_dir_all(&folder)?;
    let world = World::new(1, Arc::new(force))?;
    for (time, start) in [("day", "2026-06-01T12:00:00Z"), ("night", "2026-06-01T23:00:00Z")] {
        let start = start.parse()?;
        let mut traffic = world.traffic(Demand::flat(50.0), start)?;
        let sightings = traffic.step(start + jiff::SignedDuration::from_mins(1));
        for (i, picture) in sightings
            .into_iter()
            .filter_map(|sighting| sighting.picture)
            .enumerate()
        {
            let images = picture.render()?;
            fs::write(
                Path::new(&folder).join(format!("{time}-{i:02}-plate.png")),
                images.plate,
            )?;
            fs::write(
                Path::new(&folder).join(format!("{time}-{i:02}-scene.png")),
                images.overview,
            )?;
        }
    }
    Ok(())
}
