//! Vendors' formats, at `POST /vendors/NAME`.
//!
//! **To add a vendor:** write `vendors/NAME.rs` with a type that implements [`Format`] (bytes in, [`Decoded`] values
//! out, no I/O), add its `mod` line and its row to [`VENDORS`]. Sign-in, bounds, cameras' names, images, the log, dead
//! letters, counters and replay come with it. [`crate::json`], [`crate::xml`], [`crate::multipart`] and
//! [`crate::times`] read what devices write; [`hikvision`] shows all of them.
//!
//! What every format follows: a field is named as our own JSON names it (`plate`, `captured_at`, `camera`), the reason
//! in the vendor's word; a vehicle's make, colour and the like are dropped where the vendor says "unknown"; a missing
//! confidence is unknown; a picture that is no JPEG or PNG never costs its read.
//!
//! [`Decoded`]: crate::message::Decoded

pub mod axis;
pub mod hikvision;
pub mod platerecognizer;

use bytes::Bytes;

use crate::message::{Format, is_image};
use crate::multipart::Part;

/// Every vendor's format, by the last part of its address.
pub const VENDORS: [(&str, &dyn Format); 3] = [
    ("axis", &axis::Axis),
    ("hikvision", &hikvision::Hikvision),
    ("platerecognizer", &platerecognizer::PlateRecognizer),
];

/// The part's bytes where they are an image; a part that should be one and is not is counted.
fn image_of(part: &Part, format: &'static str) -> Option<Bytes> {
    if part.data.is_empty() {
        return None;
    }
    if is_image(&part.data) {
        return Some(part.data.clone());
    }
    metrics::counter!("steelring_ingest_images_dropped_total", "format" => format).increment(1);
    None
}

/// The text, unless it is one of the words with which devices say that they do not know.
fn known(text: Option<&str>) -> Option<String> {
    let text = text?.trim();
    let unknown = ["", "unknown", "other", "none", "non", "null"];
    let is_unknown = unknown.iter().any(|word| text.eq_ignore_ascii_case(word));
    (!is_unknown).then(|| text.to_owned())
}
