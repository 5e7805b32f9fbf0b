//! Reads as lines of JSON, each as ingest's own format (`POST /v1/reads`) takes it.

use std::io::Write;

use domain::Timestamp;
use domain::read::{Motion, PlateRead};
use jiff::SignedDuration;
use serde::Serialize;

use crate::{Demand, SimulatorError, World};

/// Reads are made a second at a time, so that memory does not grow with the span.
const STEP: SignedDuration = SignedDuration::from_secs(1);

#[derive(Serialize)]
struct Line<'a> {
    camera: &'a str,
    plate: &'a str,
    captured_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    character_confidences: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    make: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    motion: Option<Motion>,
}

impl<'a> Line<'a> {
    fn of(read: &'a PlateRead) -> Self {
        Self {
            camera: read.camera.as_str(),
            plate: read.vrm.as_str(),
            captured_at: read.captured_at,
            confidence: read.confidence,
            character_confidences: &read.character_confidences,
            make: read.vehicle.make.as_deref(),
            model: read.vehicle.model.as_deref(),
            colour: read.vehicle.colour.as_deref(),
            country: read.vehicle.country.as_deref(),
            motion: read.motion,
        }
    }
}

/// Writes one read as ingest's own format takes it, without an end of line.
///
/// # Errors
/// [`SimulatorError::Write`] when the output takes no more.
pub fn write_read(read: &PlateRead, out: &mut dyn Write) -> Result<(), SimulatorError> {
    serde_json::to_writer(out, &Line::of(read)).map_err(|error| SimulatorError::Write(error.into()))
}

/// Writes the reads of `seconds` of a world, one a line, in order of capture, and says how many there were. As fast as
/// they can be made: nothing waits for the clock.
///
/// # Errors
/// [`SimulatorError::Rate`]; [`SimulatorError::Write`] when the output takes no more.
pub fn write_ndjson(
    world: &World,
    demand: Demand,
    seconds: f64,
    start: Timestamp,
    out: &mut dyn Write,
) -> Result<u64, SimulatorError> {
    let mut traffic = world.traffic(demand, start)?;
    let end = start + SignedDuration::from_millis((seconds * 1e3) as i64);
    let mut written = 0;
    let mut until = start;
    while until < end {
        until = (until + STEP).min(end);
        for sighting in traffic.step(until) {
            write_read(&sighting.read, out)?;
            out.write_all(b"\n").map_err(SimulatorError::Write)?;
            written += 1;
        }
    }
    out.flush().map_err(SimulatorError::Write)?;
    Ok(written)
}
