//! From one camera to another: how fast a vehicle must have gone to be read at both.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CameraId, Position};

/// Milliseconds an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// Two readings of one mark, the earlier first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// Where it was read first.
    pub from: Waypoint,
    /// Where it was read next.
    pub to: Waypoint,
    /// From one to the other as the crow flies, in metres: no road is shorter.
    pub distance_m: f64,
    /// The speed that this takes at least.
    pub speed_kmh: f64,
}

/// A reading as a place and a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waypoint {
    /// The camera.
    pub camera: CameraId,
    /// When it says it saw the vehicle.
    pub at: Timestamp,
}

/// The distance between two places in metres, and the least speed in km/h to cover it in so many milliseconds; endless where
/// there is no time for it.
#[must_use]
pub fn least_speed(one: Position, other: Position, apart_ms: i64) -> (f64, f64) {
    let distance_m = one.distance_m(other);
    let hours = apart_ms.unsigned_abs() as f64 / HOUR_MS;
    let speed_kmh = if distance_m == 0.0 {
        0.0
    } else {
        distance_m / 1_000.0 / hours
    };
    (distance_m, speed_kmh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_distance_over_a_time_whichever_way() {
        let place = |lat| Position::new(lat, -3.0).expect("a place");
        let (distance_m, speed_kmh) = least_speed(place(53.0), place(54.0), 3_600_000);
        assert!((111_000.0..111_400.0).contains(&distance_m), "{distance_m}");
        assert!((speed_kmh - distance_m / 1_000.0).abs() < 1e-9);
        assert_eq!(
            least_speed(place(54.0), place(53.0), -3_600_000),
            (distance_m, speed_kmh)
        );
        assert_eq!(least_speed(place(53.0), place(53.0), 0), (0.0, 0.0));
        assert!(least_speed(place(53.0), place(54.0), 0).1.is_infinite());
    }
}
