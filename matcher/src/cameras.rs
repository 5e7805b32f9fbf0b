//! The cameras as numbers: where each stands, so that two reads can be compared without a look at their values.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::force::Camera;
use domain::{CameraId, Position, SiteId};
use hashbrown::HashMap;

/// Most cameras that are told apart: more than any country has. Those beyond count as one whose place is not known.
const MOST_CAMERAS: usize = 100_000;

/// The number of a camera, in the order in which they became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CameraNumber(u32);

/// The number of a site: cameras that share one watch the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteNumber(u32);

/// The force's cameras, and those that turned up since. A camera that the force does not know has a site of its own.
pub struct Cameras {
    known: Known,
    /// Those that turned up since [`Cameras::settle`], numbered on.
    unsettled: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// By id.
    numbers: HashMap<Box<[u8]>, CameraNumber>,
    cameras: Vec<Placed>,
}

struct Placed {
    camera: CameraId,
    site: SiteNumber,
    position: Option<Position>,
}

impl Known {
    fn add(&mut self, number: u32, camera: Placed) -> CameraNumber {
        let id = camera.camera.as_str().as_bytes().into();
        self.numbers.insert(id, CameraNumber(number));
        self.cameras.push(camera);
        CameraNumber(number)
    }
}

impl Cameras {
    /// The cameras of a force.
    #[must_use]
    pub fn of(force: &[Camera]) -> Self {
        let mut sites: HashMap<&SiteId, SiteNumber> = HashMap::new();
        let mut known = Known::default();
        for (number, camera) in (0..).zip(force) {
            // Those of a site share the number of its first camera.
            let site = *sites.entry(&camera.site).or_insert(SiteNumber(number));
            let placed = Placed {
                camera: camera.camera.clone(),
                site,
                position: Some(camera.position),
            };
            known.add(number, placed);
        }
        Self {
            known,
            unsettled: Mutex::default(),
        }
    }

    /// The number of the camera with this id; none where it is no id, or one too many.
    pub fn number(&self, id: &[u8]) -> Option<CameraNumber> {
        if let Some(number) = self.known.numbers.get(id) {
            return Some(*number);
        }
        let mut new = self.unsettled();
        if let Some(number) = new.numbers.get(id) {
            return Some(*number);
        }
        let number = self.known.cameras.len() + new.cameras.len();
        if number >= MOST_CAMERAS {
            return None;
        }
        let number = number as u32;
        let camera = Placed {
            camera: CameraId::parse(std::str::from_utf8(id).ok()?).ok()?,
            site: SiteNumber(number),
            position: None,
        };
        Some(new.add(number, camera))
    }

    /// Takes those that turned up among the others: from then on no thread waits for another to look one up.
    pub fn settle(&mut self) {
        let new = std::mem::take(self.unsettled.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.known.numbers.extend(new.numbers);
        self.known.cameras.extend(new.cameras);
    }

    /// The camera of a number.
    #[must_use]
    pub fn camera(&self, number: CameraNumber) -> CameraId {
        self.look(number, |camera| camera.camera.clone())
    }

    /// Its site.
    #[must_use]
    pub fn site(&self, number: CameraNumber) -> SiteNumber {
        self.look(number, |camera| camera.site)
    }

    /// Where it stands, if that is known.
    #[must_use]
    pub fn position(&self, number: CameraNumber) -> Option<Position> {
        self.look(number, |camera| camera.position)
    }

    fn look<T>(&self, number: CameraNumber, at: impl FnOnce(&Placed) -> T) -> T {
        let number = number.0 as usize;
        match number.checked_sub(self.known.cameras.len()) {
            None => at(&self.known.cameras[number]),
            Some(new) => at(&self.unsettled().cameras[new]),
        }
    }

    /// Nothing panics half way through a change of them.
    fn unsettled(&self) -> MutexGuard<'_, Known> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_that_turn_up_keep_their_numbers_and_are_no_more_than_so_many() {
        let mut cameras = Cameras::of(&[]);
        let first = cameras.number(b"camera-0").unwrap();
        assert_eq!(cameras.number(b"camera 0"), None, "no id");
        cameras.settle();
        let second = cameras.number(b"camera-1").unwrap();
        assert_ne!(cameras.site(first), cameras.site(second));
        for id in 2..MOST_CAMERAS {
            assert!(cameras.number(format!("camera-{id}").as_bytes()).is_some());
        }
        assert_eq!(cameras.number(b"one-too-many"), None);
        cameras.settle();
        assert_eq!(cameras.number(b"one-too-many"), None);
        for (number, id) in [(first, "camera-0"), (second, "camera-1")] {
            assert_eq!(cameras.number(id.as_bytes()), Some(number));
            assert_eq!(cameras.camera(number).as_str(), id);
            assert_eq!(cameras.position(number), None);
        }
    }
}
