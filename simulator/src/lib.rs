//! The seeded world: roads, vehicles, cameras, units.
//!
//! **Enters:** a [`Force`](domain::force::Force), a seed, a rate, a start. **Leaves:** plate reads as cameras would send
//! them (misreads, confidences, wrong colours included), drawn plate and scene images, the positions of patrol units
//! that answer deployments, and the world's own hotlists, so that 2 to 3 % of the reads hit.
//! **Guaranteed:** the same seed, rate and start give the same bytes, however the time is cut into steps. Nothing in it
//! stands for a real person or vehicle; marks are drawn from all that exist, so that some may be issued.
//! **Not here:** matching, dispatch, storage. The core ([`World`], [`Traffic`], [`Units`]) has no clock and no I/O;
//! [`run`], [`offer`] and [`write_ndjson`] drive it.
//!
//! Read [`World`] first, then [`Traffic::step`] and [`Units::step`].

mod demand;
mod dice;
mod glyphs;
mod graph;
mod images;
mod lists;
mod marks;
mod ndjson;
mod ocr;
mod offer;
mod orders;
mod outbox;
mod patrol;
mod routes;
mod scene;
mod shell;
mod traffic;
mod units;
mod vehicles;
mod world;

use domain::CameraId;
use domain::read::PlateRead;
use thiserror::Error;

pub use demand::{Demand, volume_of_day};
pub use images::{Picture, Rendered};
pub use ndjson::{write_ndjson, write_read};
pub use ocr::misread_rate;
pub use offer::{Offered, offer};
pub use shell::{Parts, run};
pub use traffic::Traffic;
pub use units::{Order, Units};
pub use vehicles::Shape;
pub use world::{MAX_RATE, MIN_RATE, World};

/// The name under which the world's reads stand in the log.
pub const SOURCE: &str = "simulator";

/// One vehicle before one camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// What the camera says; without images, received when captured.
    pub read: PlateRead,
    /// What the camera saw, where the vehicle, or the mark as read, is on one of the world's lists. Other reads are never
    /// looked at by anybody, so that drawing them would cost two PNGs a read for nothing: at 50 reads a second 100 files, 8 million a day.
    pub picture: Option<Picture>,
}

/// Which step of the simulation failed.
#[derive(Debug, Error)]
pub enum SimulatorError {
    /// A camera beside no road.
    #[error(
        "camera {0} stands beside no road that leads where it looks: correct its place or bearing in cameras.json"
    )]
    Camera(CameraId),
    /// No trip passes two or three cameras.
    #[error(
        "the force has too few roads and cameras for a simulation: add some to roads.geojson and cameras.json"
    )]
    NoTrips,
    /// No rate.
    #[error("a rate of {0} reads a second cannot be simulated: give one from {MIN_RATE} to {MAX_RATE}")]
    Rate(f64),
    /// The log refuses for good.
    #[error("the simulated reads cannot be published")]
    Log(#[source] stream::LogError),
    /// The output cannot be written.
    #[error("the simulated reads cannot be written")]
    Write(#[source] std::io::Error),
    /// An image cannot be encoded.
    #[error("an image cannot be drawn")]
    Image(#[source] Box<dyn std::error::Error + Send + Sync>),
}
