//! Places on the globe: WGS 84 degrees, distances in metres.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Mean radius of the earth in metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A place: latitude and longitude in degrees, both finite and in range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawPosition")]
pub struct Position {
    lat: f64,
    lon: f64,
}

#[derive(Deserialize)]
struct RawPosition {
    lat: f64,
    lon: f64,
}

/// Why two numbers are no place.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum PositionError {
    /// Not a number between -90 and 90.
    #[error("lat must be between -90 and 90 degrees")]
    Latitude,
    /// Not a number between -180 and 180.
    #[error("lon must be between -180 and 180 degrees")]
    Longitude,
}

impl Position {
    /// Takes a latitude and a longitude in degrees.
    ///
    /// # Errors
    /// When either is not finite or out of range.
    pub fn new(lat: f64, lon: f64) -> Result<Self, PositionError> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(PositionError::Latitude);
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(PositionError::Longitude);
        }
        Ok(Self { lat, lon })
    }

    /// Degrees north.
    #[must_use]
    pub fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east.
    #[must_use]
    pub fn lon(self) -> f64 {
        self.lon
    }

    /// Great-circle distance in metres (haversine).
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let a = half(other.lat - self.lat)
            + self.lat.to_radians().cos() * other.lat.to_radians().cos() * half(other.lon - self.lon);
        2.0 * EARTH_RADIUS_M * a.sqrt().min(1.0).asin()
    }

    /// Initial bearing towards `other`, in degrees clockwise from north, 0 to 360.
    #[must_use]
    pub fn bearing_deg(self, other: Self) -> f64 {
        let (lat1, lat2) = (self.lat.to_radians(), other.lat.to_radians());
        let delta_lon = (other.lon - self.lon).to_radians();
        let y = delta_lon.sin() * lat2.cos();
        let x = lat1.cos() * lat2.sin() - lat1.sin() * lat2.cos() * delta_lon.cos();
        y.atan2(x).to_degrees().rem_euclid(360.0)
    }

    /// The place a fraction (0 to 1) of the way to `other`; straight in degrees, right for distances of a few km.
    #[must_use]
    pub fn towards(self, other: Self, fraction: f64) -> Self {
        let fraction = fraction.clamp(0.0, 1.0);
        Self {
            lat: self.lat + (other.lat - self.lat) * fraction,
            lon: self.lon + (other.lon - self.lon) * fraction,
        }
    }
}

impl TryFrom<RawPosition> for Position {
    type Error = PositionError;
    fn try_from(raw: RawPosition) -> Result<Self, PositionError> {
        Self::new(raw.lat, raw.lon)
    }
}

/// An area: polygons, each an outer ring and then its holes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Area {
    /// One list of rings for each polygon.
    pub polygons: Vec<Vec<Vec<Position>>>,
}

impl Area {
    /// Whether the place lies inside (even-odd rule over the rings, in degrees).
    #[must_use]
    pub fn contains(&self, place: Position) -> bool {
        self.polygons
            .iter()
            .any(|rings| rings.iter().filter(|ring| ring_contains(ring, place)).count() % 2 == 1)
    }
}

fn ring_contains(ring: &[Position], place: Position) -> bool {
    let edges = ring.iter().zip(ring.iter().cycle().skip(1));
    let crosses = |(a, b): &(&Position, &Position)| {
        (a.lat > place.lat) != (b.lat > place.lat)
            && place.lon < (b.lon - a.lon) * (place.lat - a.lat) / (b.lat - a.lat) + a.lon
    };
    edges.filter(crosses).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lat: f64, lon: f64) -> Position {
        Position::new(lat, lon).unwrap()
    }

    #[test]
    fn liverpool_to_birkenhead_is_about_two_kilometres() {
        let distance = place(53.4047, -2.9916).distance_m(place(53.3934, -3.0148));
        assert!((1_900.0..2_100.0).contains(&distance), "{distance}");
    }

    #[test]
    fn out_of_range_and_nan_are_refused() {
        assert_eq!(Position::new(91.0, 0.0), Err(PositionError::Latitude));
        assert_eq!(Position::new(f64::NAN, 0.0), Err(PositionError::Latitude));
        assert_eq!(Position::new(0.0, 181.0), Err(PositionError::Longitude));
    }

    #[test]
    fn a_hole_is_outside() {
        let square =
            |from: f64, to: f64| vec![place(from, from), place(from, to), place(to, to), place(to, from)];
        let area = Area {
            polygons: vec![vec![square(0.0, 10.0), square(4.0, 6.0)]],
        };
        assert!(area.contains(place(2.0, 2.0)));
        assert!(!area.contains(place(5.0, 5.0)));
        assert!(!area.contains(place(11.0, 5.0)));
    }
}
