//! The force's cameras as posts, each at its site and facing one way, and the force's time: what an entry's scope is held
//! against.

use std::collections::HashMap;

use domain::force::Camera;
use domain::read::PlateRead;
use domain::scope::Circumstances;
use domain::{BcuCode, CameraId, SiteId};
use jiff::tz::TimeZone;

/// See the module's page. The default knows no camera, and its time is UTC.
pub struct Posts {
    posts: HashMap<CameraId, Post>,
    zone: TimeZone,
}

struct Post {
    site: SiteId,
    bcu: BcuCode,
    bearing_deg: f32,
}

impl Default for Posts {
    fn default() -> Self {
        Self::new(&[], TimeZone::UTC)
    }
}

impl Posts {
    /// The cameras of a force, and its time zone.
    #[must_use]
    pub fn new(cameras: &[Camera], zone: TimeZone) -> Self {
        let post = |camera: &Camera| Post {
            site: camera.site.clone(),
            bcu: camera.bcu.clone(),
            bearing_deg: camera.bearing_deg,
        };
        let posts = cameras.iter().map(|camera| (camera.camera.clone(), post(camera)));
        Self {
            posts: posts.collect(),
            zone,
        }
    }

    /// Where a read was made, which way its camera faces, and what time of day it was. Of a camera that is none of the
    /// force's the time alone is known.
    #[must_use]
    pub fn circumstances(&self, read: &PlateRead) -> Circumstances<'_> {
        let post = self.posts.get(&read.camera);
        Circumstances {
            site: post.map(|post| &post.site),
            bcu: post.map(|post| &post.bcu),
            bearing_deg: post.map(|post| post.bearing_deg),
            time: read.captured_at.to_zoned(self.zone.clone()).time(),
        }
    }
}
