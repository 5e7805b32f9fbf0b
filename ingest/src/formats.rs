//! Every format that ingest reads, by name and by address.

use crate::bof::{BinaryCaptureData, Capture, CompactCapture, CompoundCapture};
use crate::message::Format;
use crate::reads::Reads;
use crate::vendors::VENDORS;

/// The name under which images posted by themselves are counted and kept as dead letters.
pub const IMAGES: &str = "images";

/// Our own formats and the back office's: address and format.
const OWN: [(&str, &str, &dyn Format); 5] = [
    ("reads", "/v1/reads", &Reads),
    ("sendCapture", "/bof/sendCapture", &Capture),
    ("sendCompactCapture", "/bof/sendCompactCapture", &CompactCapture),
    (
        "sendCompoundCapture",
        "/bof/sendCompoundCapture",
        &CompoundCapture,
    ),
    (
        "addBinaryCaptureData",
        "/bof/addBinaryCaptureData",
        &BinaryCaptureData,
    ),
];

/// A format, its name and its address.
#[derive(Clone)]
pub struct Address {
    /// The last part of its path: the name in counters and dead letters.
    pub name: &'static str,
    /// Where it is posted to.
    pub path: String,
    /// Reads it.
    pub format: &'static dyn Format,
}

/// Every format.
pub fn all() -> impl Iterator<Item = Address> {
    let own = OWN.into_iter().map(|(name, path, format)| Address {
        name,
        path: path.to_owned(),
        format,
    });
    let vendors = VENDORS.into_iter().map(|(name, format)| Address {
        name,
        path: format!("/vendors/{name}"),
        format,
    });
    own.chain(vendors)
}

/// The format of a name.
#[must_use]
pub fn named(name: &str) -> Option<Address> {
    all().find(|address| address.name == name)
}
