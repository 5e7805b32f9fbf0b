//! The cameras as numbers: where each stands, so that two reads can be compared without a look at their values.

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
    numbers: HashMap<String, CameraNumber>,
    known: Vec<Known>,
}

struct Known {
    camera: CameraId,
    site: SiteNumber,
    position: Option<Position>,
}

impl Cameras {
    /// The cameras of a force.
    #[must_use]
    pub fn of(force: &[Camera]) -> Self {
        let mut sites: HashMap<&SiteId, SiteNumber> = HashMap::new();
        let mut cameras = Self {
            numbers: HashMap::new(),
            known: Vec::new(),
        };
        for camera in force {
            // Those of a site share the number of its first camera.
            let next = SiteNumber(cameras.known.len() as u32);
            let site = *sites.entry(&camera.site).or_insert(next);
            cameras.add(camera.camera.clone(), Some(site), Some(camera.position));
        }
        cameras
    }

    fn add(
        &mut self,
        camera: CameraId,
        site: Option<SiteNumber>,
        position: Option<Position>,
    ) -> CameraNumber {
        let number = self.known.len() as u32;
        self.numbers
            .insert(camera.as_str().to_owned(), CameraNumber(number));
        self.known.push(Known {
            camera,
            site: site.unwrap_or(SiteNumber(number)),
            position,
        });
        CameraNumber(number)
    }

    /// The number of the camera with this id; none where it is no id, or one too many.
    pub fn number(&mut self, id: &[u8]) -> Option<CameraNumber> {
        let id = std::str::from_utf8(id).ok()?;
        if let Some(number) = self.numbers.get(id) {
            return Some(*number);
        }
        if self.known.len() >= MOST_CAMERAS {
            return None;
        }
        Some(self.add(CameraId::parse(id).ok()?, None, None))
    }

    /// The camera of a number.
    #[must_use]
    pub fn camera(&self, number: CameraNumber) -> &CameraId {
        &self.known[number.0 as usize].camera
    }

    /// Its site.
    #[must_use]
    pub fn site(&self, number: CameraNumber) -> SiteNumber {
        self.known[number.0 as usize].site
    }

    /// Where it stands, if that is known.
    #[must_use]
    pub fn position(&self, number: CameraNumber) -> Option<Position> {
        self.known[number.0 as usize].position
    }
}
