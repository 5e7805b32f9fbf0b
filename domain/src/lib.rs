//! The words of the trade as types.
//!
//! **Enters:** text and numbers from the edges, through fallible constructors. **Leaves:** values that are valid by
//! type: a [`Vrm`] is a mark, a [`Position`] is on the globe, a [`Case`](case::Case) is in a state it may be in.
//! **Guaranteed:** no I/O, no clock, no randomness: time is an argument, so every decision can be replayed.
//! **Not here:** wire formats of cameras (`ingest`), tables (`store`), topics (`stream`), ranking (`dispatcher`).
//!
//! Read [`read::PlateRead`] first, then [`hotlist::Entry`], [`hit::Hit`] and [`case`].

pub mod assessment;
pub mod case;
pub mod force;
pub mod geo;
pub mod grading;
pub mod hit;
pub mod hotlist;
pub mod id;
pub mod journey;
pub mod misread;
pub mod nominal;
pub mod observation;
pub mod operation;
pub mod pattern;
pub mod policy;
pub mod read;
pub mod reason;
pub mod review;
pub mod scope;
pub mod syntax;
pub mod target;
pub mod unit;
pub mod user;
pub mod vrm;
pub mod yields;

pub use geo::Position;
pub use id::{
    BcuCode, CallSign, CameraId, CaseId, DeploymentId, EntryId, FeedName, HitId, ImageHash, ListName,
    NominalRef, ObservationId, OperationName, ReadId, SiteId, SourceName, UserName,
};
pub use vrm::Vrm;

/// A day of the force's calendar.
pub use jiff::civil::Date;
/// Instants everywhere are UTC, to the millisecond on the wire; what lies between two is a duration.
pub use jiff::{SignedDuration, Timestamp};
