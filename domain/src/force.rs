//! A police force as the system needs to know it: BCUs, cameras, main roads, units. Read from four small files.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::geo::Area;
use crate::unit::Skill;
use crate::{BcuCode, CallSign, CameraId, Position, SiteId};

/// Longest address of a camera's CCTV.
const MAX_ADDRESS: usize = 500;

/// A force's fixed data, checked.
#[derive(Clone, Debug)]
pub struct Force {
    /// The force's name.
    pub name: String,
    /// What its control room is called.
    pub control_room: String,
    /// The zone in which its cameras' zoneless times are read.
    pub timezone: TimeZone,
    /// Its basic command units.
    pub bcus: Vec<Bcu>,
    /// Its cameras.
    pub cameras: Vec<Camera>,
    /// Its strategic roads.
    pub roads: Vec<Road>,
    /// Its patrol units.
    pub units: Vec<UnitProfile>,
}

/// A basic command unit.
#[derive(Clone, Debug)]
pub struct Bcu {
    /// Short code, as in callsigns.
    pub code: BcuCode,
    /// Full name.
    pub name: String,
    /// Its ground.
    pub outline: Area,
}

/// One lens at a fixed site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// The camera.
    pub camera: CameraId,
    /// Its site.
    pub site: SiteId,
    /// The site in words, such as `M57 J2 northbound`.
    pub name: String,
    /// The BCU whose ground it stands on.
    pub bcu: BcuCode,
    /// The road that it watches.
    pub road: String,
    /// Where it stands.
    #[serde(flatten)]
    pub position: Position,
    /// Direction of the traffic that it reads, degrees clockwise from north.
    pub bearing_deg: f32,
    /// Where an operator can look at the road there: an address of the force's CCTV system, `https://...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cctv: Option<String>,
}

/// A stretch of road, drawn in its direction of travel; both ways unless `oneway`.
#[derive(Clone, Debug, PartialEq)]
pub struct Road {
    /// Number or name.
    pub name: String,
    /// What kind of road.
    pub class: RoadClass,
    /// Speed of free traffic.
    pub speed_kmh: f64,
    /// Open in its drawn direction only.
    pub oneway: bool,
    /// Its course; roads that share a place to the digit are joined there.
    pub course: Vec<Position>,
}

/// What kind of road, from the widest down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoadClass {
    /// Motorway.
    Motorway,
    /// Trunk or dual carriageway.
    Trunk,
    /// Main road.
    Primary,
    /// Road under the river.
    Tunnel,
}

/// A patrol unit as the roster knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitProfile {
    /// Its callsign.
    pub callsign: CallSign,
    /// Its BCU.
    pub bcu: BcuCode,
    /// Crew on board.
    pub crew: u8,
    /// Skills on board.
    pub skills: Vec<Skill>,
    /// Where it starts its shift.
    #[serde(flatten)]
    pub base: Position,
}

/// The texts that a force is read from, by file name.
#[derive(Clone, Debug)]
pub struct ForceFiles {
    /// `force.toml`: `name`, `control_room`, `timezone`, and `[[bcus]]` with `code` and `name`.
    pub force_toml: String,
    /// `bcus.geojson`: a (multi)polygon for each BCU, with the property `code`.
    pub bcus_geojson: String,
    /// `roads.geojson`: line strings with `name`, `class`, `speed_kmh`, `oneway`.
    pub roads_geojson: String,
    /// `cameras.json`: an array of [`Camera`].
    pub cameras_json: String,
    /// `units.json`: an array of [`UnitProfile`].
    pub units_json: String,
}

/// What is wrong with a force's files.
#[derive(Debug, Error)]
pub enum ForceError {
    /// Not readable as TOML of this shape.
    #[error("force.toml: {0}")]
    Toml(#[from] toml::de::Error),
    /// Not readable as JSON of this shape.
    #[error("{file}: {error}")]
    Json {
        /// Which file.
        file: &'static str,
        /// What serde says, with line and column.
        error: serde_json::Error,
    },
    /// The time zone is not known.
    #[error("force.toml: timezone {0:?} is not in the IANA time zone database")]
    TimeZone(String),
    /// A thing refers to something that is not there, or lies where it cannot.
    #[error("{file}: {what}")]
    Content {
        /// Which file.
        file: &'static str,
        /// What is wrong, naming the record.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForceToml {
    name: String,
    control_room: String,
    timezone: String,
    bcus: Vec<BcuToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BcuToml {
    code: BcuCode,
    name: String,
}

#[derive(Deserialize)]
struct Features<P> {
    features: Vec<Feature<P>>,
}

#[derive(Deserialize)]
struct Feature<P> {
    properties: P,
    geometry: Geometry,
}

/// `[longitude, latitude]`, as GeoJSON orders them.
type LonLat = (f64, f64);

#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    LineString(Vec<LonLat>),
    Polygon(Vec<Vec<LonLat>>),
    MultiPolygon(Vec<Vec<Vec<LonLat>>>),
}

#[derive(Deserialize)]
struct BcuProperties {
    code: BcuCode,
}

#[derive(Deserialize)]
struct RoadProperties {
    name: String,
    class: RoadClass,
    speed_kmh: f64,
    #[serde(default)]
    oneway: bool,
}

impl Force {
    /// The sites of its cameras.
    #[must_use]
    pub fn sites(&self) -> BTreeSet<SiteId> {
        self.cameras.iter().map(|camera| camera.site.clone()).collect()
    }

    /// The codes of its BCUs.
    #[must_use]
    pub fn bcu_codes(&self) -> BTreeSet<BcuCode> {
        self.bcus.iter().map(|bcu| bcu.code.clone()).collect()
    }

    /// Reads and checks a force: every camera and unit belongs to a BCU that exists, and stands on its ground.
    ///
    /// # Errors
    /// Names the file and the record.
    pub fn parse(files: &ForceFiles) -> Result<Self, ForceError> {
        let head: ForceToml = toml::from_str(&files.force_toml)?;
        let timezone =
            TimeZone::get(&head.timezone).map_err(|_| ForceError::TimeZone(head.timezone.clone()))?;
        let force = Self {
            bcus: parse_bcus(&files.bcus_geojson, head.bcus)?,
            roads: parse_roads(&files.roads_geojson)?,
            cameras: json("cameras.json", &files.cameras_json)?,
            units: json("units.json", &files.units_json)?,
            name: head.name,
            control_room: head.control_room,
            timezone,
        };
        for camera in &force.cameras {
            let (file, who) = ("cameras.json", camera.camera.as_str());
            force.check_place(file, who, &camera.bcu, camera.position)?;
            if !camera.cctv.as_deref().is_none_or(is_web_address) {
                let what = format!("{who}: cctv: give an address such as https://cctv.example/m57-j2");
                return Err(ForceError::Content { file, what });
            }
        }
        for unit in &force.units {
            force.check_place("units.json", unit.callsign.as_str(), &unit.bcu, unit.base)?;
        }
        Ok(force)
    }

    /// The BCU of a code.
    #[must_use]
    pub fn bcu(&self, code: &BcuCode) -> Option<&Bcu> {
        self.bcus.iter().find(|bcu| bcu.code == *code)
    }

    /// The camera of an id.
    #[must_use]
    pub fn camera(&self, id: &CameraId) -> Option<&Camera> {
        self.cameras.iter().find(|camera| camera.camera == *id)
    }

    fn check_place(
        &self,
        file: &'static str,
        who: &str,
        code: &BcuCode,
        place: Position,
    ) -> Result<(), ForceError> {
        let error = |what| Err(ForceError::Content { file, what });
        match self.bcu(code) {
            None => error(format!("{who}: BCU {code} is not in force.toml")),
            Some(bcu) if !bcu.outline.contains(place) => error(format!(
                "{who}: {}, {} is outside BCU {code}",
                place.lat(),
                place.lon()
            )),
            Some(_) => Ok(()),
        }
    }
}

/// Whether a browser that is sent there opens a page, and nothing else: `javascript:` is an address, too.
fn is_web_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = |rest: &str| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic());
    text.len() <= MAX_ADDRESS && rest.is_some_and(plain)
}

fn json<T: for<'de> Deserialize<'de>>(file: &'static str, text: &str) -> Result<T, ForceError> {
    serde_json::from_str(text).map_err(|error| ForceError::Json { file, error })
}

fn parse_bcus(geojson: &str, named: Vec<BcuToml>) -> Result<Vec<Bcu>, ForceError> {
    const FILE: &str = "bcus.geojson";
    let content = |what| ForceError::Content { file: FILE, what };
    let collection: Features<BcuProperties> = json(FILE, geojson)?;
    let mut outlines = Vec::new();
    for Feature { properties, geometry } in collection.features {
        let polygons = match geometry {
            Geometry::Polygon(rings) => vec![rings],
            Geometry::MultiPolygon(polygons) => polygons,
            Geometry::LineString(_) => return Err(content(format!("{}: not a polygon", properties.code))),
        };
        let polygons: Result<_, ForceError> = polygons
            .into_iter()
            .map(|rings| rings.into_iter().map(|ring| places(FILE, ring)).collect())
            .collect();
        outlines.push((properties.code, Area { polygons: polygons? }));
    }
    named
        .into_iter()
        .map(|BcuToml { code, name }| {
            let found = outlines.iter().find(|(known, _)| *known == code);
            let (_, outline) = found.ok_or_else(|| content(format!("no outline for BCU {code}")))?;
            Ok(Bcu {
                outline: outline.clone(),
                code,
                name,
            })
        })
        .collect()
}

fn parse_roads(geojson: &str) -> Result<Vec<Road>, ForceError> {
    const FILE: &str = "roads.geojson";
    let collection: Features<RoadProperties> = json(FILE, geojson)?;
    let road = |Feature { properties, geometry }: Feature<RoadProperties>| match geometry {
        Geometry::LineString(line) => Ok(Road {
            name: properties.name,
            class: properties.class,
            speed_kmh: properties.speed_kmh,
            oneway: properties.oneway,
            course: places(FILE, line)?,
        }),
        _ => {
            let what = format!("{}: not a line string", properties.name);
            Err(ForceError::Content { file: FILE, what })
        }
    };
    collection.features.into_iter().map(road).collect()
}

fn places(file: &'static str, line: Vec<LonLat>) -> Result<Vec<Position>, ForceError> {
    line.into_iter()
        .map(|(lon, lat)| Position::new(lat, lon))
        .collect::<Result<_, _>>()
        .map_err(|error| ForceError::Content {
            file,
            what: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_opens_a_page_is_a_cctv() {
        for good in ["https://cctv.example/m57-j2?wall=3", "http://10.0.0.7:8080/"] {
            assert!(is_web_address(good), "{good}");
        }
        let long = format!("https://{}", "x".repeat(MAX_ADDRESS));
        for bad in [
            "javascript:alert(1)",
            "cctv.example",
            "https://",
            "https://a b",
            "",
            &long,
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
    }
}
