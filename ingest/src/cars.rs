//! Cars that are in a camera's view: several sightings, one read. The pure core; [`crate::hold`] drives it.
//!
//! A car's read is its best sighting: the highest confidence, of equals the latest. It is complete when the camera says
//! `lost`, or when nothing more came for [`CAR_SILENT_AFTER`]. From then on the best is frozen, so that a crash between
//! publishing the read and noting that gives the same read again, with the same id.
//!
//! A completed car is remembered for [`CAR_REMEMBERED_FOR`]: a late `lost` (Axis sends it 10 s after the last sighting) or
//! a retransmission makes no second read. A later sighting with another plate and no less confidence does: the first
//! one may have been the misread, and a wanted mark must not be swallowed.

use std::collections::HashMap;

use domain::read::PlateRead;
use domain::{ReadId, Timestamp};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::limits::{CAR_REMEMBERED_FOR, CAR_SILENT_AFTER, MAX_CARS};
use crate::message::Stage;

/// What is known of one car. Its JSON is the value in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Car {
    /// The best sighting so far, with what others add to it.
    pub(crate) best: PlateRead,
    /// The latest capture time seen.
    last_captured_at: Timestamp,
    /// When the last sighting came.
    last_heard_at: Timestamp,
    state: State,
}

/// Where a car is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// More sightings may come.
    InView,
    /// Complete; its read is to be published.
    Complete,
    /// Its read is published.
    Published,
}

/// What a sighting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The car has changed: its new state is to be made durable, and its read to be published if it is complete.
    Changed,
    /// It says nothing new about a car whose read is published.
    Known(ReadId),
    /// [`MAX_CARS`] are held.
    Full,
}

/// Every car held or remembered, by camera and car.
#[derive(Debug, Default)]
pub(crate) struct Cars(HashMap<String, Car>);

impl Cars {
    /// Takes up a car from the log.
    pub(crate) fn restore(&mut self, key: String, car: Car) {
        self.0.insert(key, car);
    }

    /// Takes a sighting.
    pub(crate) fn take(&mut self, key: &str, read: PlateRead, stage: Stage) -> Taken {
        let now = read.received_at;
        let state = if stage == Stage::Lost {
            State::Complete
        } else {
            State::InView
        };
        let fresh = |read: PlateRead| Car {
            last_captured_at: read.captured_at,
            last_heard_at: now,
            best: read,
            state,
        };
        let Some(car) = self.0.get_mut(key) else {
            if self.0.len() >= MAX_CARS {
                return Taken::Full;
            }
            self.0.insert(key.to_owned(), fresh(read));
            return Taken::Changed;
        };
        match car.state {
            State::InView => {
                car.last_captured_at = car.last_captured_at.max(read.captured_at);
                car.last_heard_at = now;
                car.state = state;
                join(&mut car.best, read);
                Taken::Changed
            }
            State::Complete => Taken::Changed,
            State::Published if is_another(car, &read, stage) => {
                *car = fresh(read);
                Taken::Changed
            }
            State::Published => {
                car.last_heard_at = now;
                Taken::Known(car.best.read_id)
            }
        }
    }

    /// Completes the cars that have been silent too long, and names every car that is complete but not published.
    pub(crate) fn complete_silent(&mut self, now: Timestamp) -> Vec<String> {
        let mut complete = Vec::new();
        for (key, car) in &mut self.0 {
            if car.state == State::InView && elapsed(car, now) >= CAR_SILENT_AFTER.as_secs_f64() {
                car.state = State::Complete;
            }
            if car.state == State::Complete {
                complete.push(key.clone());
            }
        }
        complete
    }

    /// Names the published cars that need be remembered no longer.
    pub(crate) fn forgettable(&self, now: Timestamp) -> Vec<String> {
        let is_over = |car: &Car| {
            car.state == State::Published && elapsed(car, now) >= CAR_REMEMBERED_FOR.as_secs_f64()
        };
        let over = self.0.iter().filter(|(_, car)| is_over(car));
        over.map(|(key, _)| key.clone()).collect()
    }

    /// Forgets a car.
    pub(crate) fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Notes that a complete car's read is published.
    pub(crate) fn published(&mut self, key: &str) {
        if let Some(car) = self.0.get_mut(key) {
            car.state = State::Published;
        }
    }

    /// A car.
    pub(crate) fn get(&self, key: &str) -> Option<&Car> {
        self.0.get(key)
    }

    /// How many are held or remembered.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Car {
    /// Whether its read is to be published.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Whether its read is published.
    pub(crate) fn is_published(&self) -> bool {
        self.state == State::Published
    }
}

/// Seconds since the car was last heard of. A clock that was set back counts as time passed too: a car must not be held
/// for as long as the clock was wrong.
fn elapsed(car: &Car, now: Timestamp) -> f64 {
    let apart: SignedDuration = now.duration_since(car.last_heard_at);
    apart.abs().as_secs_f64()
}

/// Whether a sighting after a car's read was published makes a read of its own.
fn is_another(car: &Car, read: &PlateRead, stage: Stage) -> bool {
    let is_later = read.captured_at > car.last_captured_at;
    // Cameras count cars from the start again when they restart: a later first sighting is another car.
    is_later && (stage == Stage::New || (read.vrm != car.best.vrm && is_better(read, &car.best)))
}

/// Whether a sighting is the better one: surer, or as sure and later. Unknown confidence is less than any.
fn is_better(read: &PlateRead, than: &PlateRead) -> bool {
    let rank = |read: &PlateRead| (read.confidence.unwrap_or(-1.0), read.captured_at);
    rank(read) >= rank(than)
}

/// Joins a sighting into the best: what the better one does not say, the other may.
fn join(best: &mut PlateRead, read: PlateRead) {
    let other = if is_better(&read, best) {
        std::mem::replace(best, read)
    } else {
        read
    };
    best.motion = best.motion.or(other.motion);
    best.plate_image = best.plate_image.or(other.plate_image);
    best.overview_image = best.overview_image.or(other.overview_image);
    best.vehicle.country = best.vehicle.country.take().or(other.vehicle.country);
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::read::{Motion, RawRead};
    use domain::{CameraId, SourceName};

    const START: i64 = 1_700_000_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millisecond(START + second * 1_000).unwrap()
    }

    fn sighting(plate: &str, confidence: Option<f32>, second: i64) -> PlateRead {
        let raw = RawRead {
            plate: plate.into(),
            captured_at: at(second),
            confidence,
            ..RawRead::default()
        };
        let (camera, source) = (CameraId::parse("C1").unwrap(), SourceName::parse("s").unwrap());
        raw.check(camera, source, at(second)).unwrap()
    }

    /// The plates published for a car of these sightings (plate, confidence in per cent, second, stage).
    fn check(sightings: &[(&str, u8, i64, Stage)], expected: &[&str]) {
        let mut cars = Cars::default();
        let mut published = Vec::new();
        let mut publish = |cars: &mut Cars| {
            if let Some(car) = cars.get("C1/7").filter(|car| car.is_complete()) {
                published.push(car.best.vrm.to_string());
                cars.published("C1/7");
            }
        };
        for (plate, percent, second, stage) in sightings {
            cars.complete_silent(at(*second));
            publish(&mut cars);
            cars.take(
                "C1/7",
                sighting(plate, Some(f32::from(*percent) / 100.0), *second),
                *stage,
            );
            publish(&mut cars);
        }
        cars.complete_silent(at(10_000));
        publish(&mut cars);
        assert_eq!(published, expected, "{sightings:?}");
    }

    #[test]
    fn one_car_is_one_read_with_the_best_plate() {
        use Stage::{Lost, New, Update};
        check(
            &[
                ("AB12CDE", 50, 0, New),
                ("AB12CDF", 90, 1, Update),
                ("AB12CDG", 60, 2, Lost),
            ],
            &["AB12CDF"],
        );
        check(&[("AB12CDE", 50, 0, New), ("AB12CDF", 50, 1, Lost)], &["AB12CDF"]);
        check(&[("AB12CDE", 50, 0, Lost)], &["AB12CDE"]);
        check(&[("AB12CDE", 50, 0, New)], &["AB12CDE"]);
        check(
            &[("AB12CDE", 50, 0, Lost), ("AB12CDE", 50, 0, Lost)],
            &["AB12CDE"],
        );
        check(
            &[("AB12CDE", 50, 0, New), ("AB12CDE", 50, 30, Lost)],
            &["AB12CDE"],
        );
        check(
            &[
                ("AB12CDE", 50, 0, New),
                ("AB12CDE", 60, 30, Update),
                ("AB12CDE", 60, 40, Lost),
            ],
            &["AB12CDE"],
        );
    }

    #[test]
    fn a_better_plate_after_the_read_and_another_car_of_that_number_are_not_swallowed() {
        use Stage::{Lost, New, Update};
        check(
            &[("AB12CDE", 50, 0, New), ("AB12CDF", 90, 30, Lost)],
            &["AB12CDE", "AB12CDF"],
        );
        check(
            &[("AB12CDE", 50, 0, New), ("AB12CDF", 40, 30, Lost)],
            &["AB12CDE"],
        );
        check(
            &[
                ("AB12CDE", 50, 0, Lost),
                ("AB12CDE", 50, 60, New),
                ("AB12CDE", 50, 61, Lost),
            ],
            &["AB12CDE", "AB12CDE"],
        );
        check(
            &[("AB12CDF", 90, 5, Lost), ("AB12CDE", 95, 0, Update)],
            &["AB12CDF"],
        );
    }

    #[test]
    fn unknown_confidence_is_less_than_any_and_gaps_are_filled() {
        let mut cars = Cars::default();
        let mut first = sighting("AB12CDE", Some(0.1), 0);
        first.motion = Some(Motion::Away);
        cars.take("k", first, Stage::New);
        cars.take("k", sighting("XY34ZZZ", None, 1), Stage::Update);
        cars.take("k", sighting("AB12CDF", Some(0.2), 1), Stage::Update);
        let best = &cars.get("k").unwrap().best;
        assert_eq!((best.vrm.as_str(), best.motion), ("AB12CDF", Some(Motion::Away)));
    }

    #[test]
    fn a_complete_car_is_frozen_until_it_is_published_and_forgotten_in_time() {
        let mut cars = Cars::default();
        cars.take("k", sighting("AB12CDE", Some(0.1), 0), Stage::Lost);
        let frozen = cars.get("k").unwrap().best.read_id;
        assert_eq!(
            cars.take("k", sighting("XY34ZZZ", Some(0.9), 1), Stage::Lost),
            Taken::Changed
        );
        assert_eq!(cars.get("k").unwrap().best.read_id, frozen);
        cars.published("k");
        assert_eq!(
            cars.take("k", sighting("AB12CDE", Some(0.1), 0), Stage::Lost),
            Taken::Known(frozen)
        );
        assert!(cars.forgettable(at(299)).is_empty());
        assert_eq!(cars.forgettable(at(301)), ["k"]);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut cars = Cars::default();
        let read = sighting("AB12CDE", None, 0);
        for car in 0..MAX_CARS {
            assert_eq!(
                cars.take(&car.to_string(), read.clone(), Stage::New),
                Taken::Changed
            );
        }
        assert_eq!(cars.take("one more", read.clone(), Stage::New), Taken::Full);
        assert_eq!(cars.take("1", read, Stage::Update), Taken::Changed);
    }
}
