//! Reads that cannot be opened: kept as dead letters, so that their partition goes on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use domain::read::PlateRead;
use serde_json::error::Category;
use stream::wire::{self, DeadLetter};
use stream::{Delivered, LogError, Record};

/// Opens a candidate's value.
///
/// # Errors
/// Says what is wrong with it, without quoting: serde's own words may hold the mark.
pub(crate) fn open(read: &Delivered) -> Result<PlateRead, String> {
    let Some(value) = read.value.as_deref() else {
        return Err("the read has no value".to_owned());
    };
    let opened: PlateRead = serde_json::from_slice(value).map_err(|error| {
        let what = match error.classify() {
            Category::Data => "the value is JSON, but no plate read",
            Category::Eof => "the value is JSON cut short",
            Category::Syntax | Category::Io => "the value is no JSON",
        };
        format!("{what}: line {} column {}", error.line(), error.column())
    })?;
    if read.key.as_deref() == Some(opened.vrm.as_bytes()) {
        Ok(opened)
    } else {
        Err("key and value name different marks".to_owned())
    }
}

/// The dead letter of a read, naming its place, which the log of this process names too.
///
/// # Errors
/// Does not fail for values of the domain.
pub(crate) fn letter(read: &Delivered, reason: &str, now: Timestamp) -> Result<Record, LogError> {
    let place = read.place;
    let (partition, offset) = (place.partition, place.offset);
    tracing::warn!(partition, offset, reason, "a read is kept as dead letter");
    wire::dead_letter_record(&DeadLetter {
        source: "matcher".to_owned(),
        format: place.topic.name().to_owned(),
        content_type: Some("application/json".to_owned()),
        field: None,
        reason: format!(
            "{reason} ({} partition {} offset {})",
            place.topic, place.partition, place.offset
        ),
        received_at: now,
        body_base64: STANDARD.encode(read.value.as_deref().unwrap_or_default()),
    })
}
