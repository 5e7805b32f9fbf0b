//! What the topics carry: envelopes and JSON values, to and from the domain's types.

use std::str::FromStr;

use bytes::Bytes;
use domain::case::CaseEvent;
use domain::hit::Hit;
use domain::hotlist::{Entry, Revision};
use domain::observation::Observation;
use domain::read::PlateRead;
use domain::unit::UnitPosition;
use domain::{EntryId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::topic::Topic;
use crate::{Delivered, LogError, Record};

/// Names the camera of a read.
pub const HEADER_CAMERA: &str = "camera";
/// What the camera took the vehicle of a read for: its make, a slash and its colour, either of them empty where the camera says
/// none. Stands on every read that Steelring writes: a read without it must be opened to know.
pub const HEADER_VEHICLE: &str = "vehicle";
/// How sure the camera was of the whole mark of a read, 0 to 1, or of its most doubtful character; absent where it gives neither.
pub const HEADER_CONFIDENCE: &str = "confidence";
/// The place of a case event in the order of all, as decimal digits.
pub const HEADER_SEQUENCE: &str = "sequence";
/// Stands on a revision's mark that ends a repair of [`Topic::Entries`]: it counts whatever revision it names, where any
/// other mark counts only if it names a higher one than was seen.
pub const HEADER_REPAIR: &str = "repair";
/// Stands on the changes of a long revision in [`Topic::Entries`], which others may pass on its way: they count from the first mark on
/// that names no [`RevisionMark::without`].
pub const HEADER_ASIDE: &str = "aside";
/// Names the run of the publisher that wrote a record of [`Topic::Entries`], so that two of them notice each other.
pub const HEADER_PUBLISHER: &str = "publisher";
/// The key of the record in [`Topic::Entries`] that ends a revision.
pub const REVISION_KEY: &str = "revision";

/// What ends a revision in [`Topic::Entries`]: everything before it belongs to it, but for the changes of one that it passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionMark {
    /// The revision of all lists together.
    pub revision: Revision,
    /// An earlier one that does not count yet, since only a part of its changes is in the topic. Once it does there is a mark of the
    /// same revision without this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<Revision>,
    /// Entries in the topic.
    pub entries: u64,
    /// When it was published.
    pub published_at: Timestamp,
}

/// What a matcher says of itself in [`Topic::MatcherStatus`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatcherStatus {
    /// Which matcher.
    pub matcher: String,
    /// The revision that it judges under.
    pub revision: Revision,
    /// An earlier one that it does not have yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<Revision>,
    /// Entries in its index.
    pub entries: u64,
    /// When it took that revision.
    pub applied_at: Timestamp,
    /// When it said this: a matcher that has not spoken for [`MATCHER_SILENT_AFTER_S`] is not running.
    pub at: Timestamp,
}

impl MatcherStatus {
    /// Whether it judges under everything that this revision changed.
    #[must_use]
    pub fn has(&self, revision: Revision) -> bool {
        self.revision >= revision && self.without != Some(revision)
    }
}

/// Seconds after which a silent matcher counts as gone; it speaks every 2 s.
pub const MATCHER_SILENT_AFTER_S: i64 = 10;

/// One message that ingest could not read, in [`Topic::DeadLetters`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The source that sent it.
    pub source: String,
    /// The format that it was sent as: the last part of the address it was posted to.
    pub format: String,
    /// Its content type, as sent.
    pub content_type: Option<String>,
    /// The field that is wrong, where one is known.
    pub field: Option<String>,
    /// What is wrong with it. Never the plate.
    pub reason: String,
    /// When it came.
    pub received_at: Timestamp,
    /// The original bytes, base64.
    pub body_base64: String,
}

/// A read: the mark is the key, the capture time the time; camera, looks and confidence are headers.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn read_record(read: &PlateRead) -> Result<Record, LogError> {
    let mut headers = vec![
        (
            HEADER_CAMERA,
            Bytes::copy_from_slice(read.camera.as_str().as_bytes()),
        ),
        (HEADER_VEHICLE, Bytes::from(vehicle_header(read))),
    ];
    let characters = read.character_confidences.iter().copied();
    if let Some(confidence) = read.confidence.or_else(|| characters.reduce(f32::min)) {
        headers.push((HEADER_CONFIDENCE, Bytes::from(confidence.to_string())));
    }
    Ok(Record {
        key: Some(Bytes::copy_from_slice(read.vrm.as_bytes())),
        value: Some(encode(Topic::Reads, read)?),
        timestamp_ms: read.captured_at.as_millisecond(),
        headers,
    })
}

/// How sure the camera was of a read's mark; none where it does not say.
#[must_use]
pub fn confidence_of(read: &Delivered) -> Option<f32> {
    number(read, HEADER_CONFIDENCE)
}

fn vehicle_header(read: &PlateRead) -> String {
    fn word(word: Option<&String>) -> impl Iterator<Item = char> {
        let characters = word.into_iter().flat_map(|word| word.chars());
        characters.map(|character| if character == '/' { ' ' } else { character })
    }
    let mut header: String = word(read.vehicle.make.as_ref()).collect();
    header.push('/');
    header.extend(word(read.vehicle.colour.as_ref()));
    header
}

/// Make and colour of a read's vehicle, in the camera's words, empty where it says none; none where only the value tells.
#[must_use]
pub fn vehicle_of(read: &Delivered) -> Option<(&str, &str)> {
    let header = std::str::from_utf8(read.header(HEADER_VEHICLE)?).ok()?;
    header.split_once('/')
}

/// A hit, keyed by the mark of its entry, so that one vehicle's hits stay in order.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn hit_record(hit: &Hit) -> Result<Record, LogError> {
    keyed(Topic::Hits, hit.vrm().as_str(), hit, hit.matched_at)
}

/// An entry, keyed by its id.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn entry_record(entry: &Entry, now: Timestamp) -> Result<Record, LogError> {
    keyed(Topic::Entries, &entry.entry_id.to_string(), entry, now)
}

/// The same, of an entry that is JSON already.
#[must_use]
pub fn entry_json_record(entry: EntryId, json: String, now: Timestamp) -> Record {
    Record {
        value: Some(Bytes::from(json)),
        ..entry_tombstone(entry, now)
    }
}

/// That an entry is no longer on its list.
#[must_use]
pub fn entry_tombstone(entry: EntryId, now: Timestamp) -> Record {
    Record {
        key: Some(Bytes::from(entry.to_string())),
        value: None,
        timestamp_ms: now.as_millisecond(),
        headers: Vec::new(),
    }
}

/// The mark that ends a revision.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn revision_record(mark: &RevisionMark) -> Result<Record, LogError> {
    keyed(Topic::Entries, REVISION_KEY, mark, mark.published_at)
}

/// What was seen in a vehicle, keyed by its mark.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn observation_record(observation: &Observation) -> Result<Record, LogError> {
    keyed(
        Topic::Observations,
        observation.vrm.as_str(),
        observation,
        observation.at,
    )
}

/// A unit's position, keyed by its callsign.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn position_record(position: &UnitPosition) -> Result<Record, LogError> {
    keyed(
        Topic::UnitPositions,
        position.callsign.as_str(),
        position,
        position.at,
    )
}

/// A matcher's status, keyed by its name.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn status_record(status: &MatcherStatus) -> Result<Record, LogError> {
    keyed(Topic::MatcherStatus, &status.matcher, status, status.at)
}

/// A dead letter.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn dead_letter_record(letter: &DeadLetter) -> Result<Record, LogError> {
    keyed(Topic::DeadLetters, &letter.source, letter, letter.received_at)
}

/// A case event, keyed by its case, with its place in the order of all.
///
/// # Errors
/// Does not fail for values of the domain.
pub fn case_event_record(sequence: u64, event: &CaseEvent) -> Result<Record, LogError> {
    let mut record = keyed(
        Topic::CaseEvents,
        &event.case.case_id.to_string(),
        event,
        event.at,
    )?;
    record
        .headers
        .push((HEADER_SEQUENCE, Bytes::from(sequence.to_string())));
    Ok(record)
}

/// A case event's place in the order of all; none where the record does not say.
#[must_use]
pub fn sequence_of(event: &Delivered) -> Option<u64> {
    number(event, HEADER_SEQUENCE)
}

/// What a record of [`Topic::Entries`] says.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryChange {
    /// The entry is on its list, like this.
    Put(Box<Entry>),
    /// The entry is no longer on its list.
    Remove(EntryId),
    /// Everything before belongs to this revision.
    Mark(RevisionMark),
}

/// Reads a record of [`Topic::Entries`].
///
/// # Errors
/// When key or value are not what the topic carries.
pub fn entry_change(record: &Delivered) -> Result<EntryChange, LogError> {
    if record.key.as_deref() == Some(REVISION_KEY.as_bytes()) {
        return Ok(EntryChange::Mark(decode(record)?));
    }
    if record.value.is_some() {
        return Ok(EntryChange::Put(decode(record)?));
    }
    let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
    let value_error = |error| LogError::Value {
        topic: Topic::Entries.name(),
        source: error,
    };
    key.parse()
        .map(EntryChange::Remove)
        .map_err(|error| value_error(serde::de::Error::custom(error)))
}

/// Decodes a record's JSON value.
///
/// # Errors
/// When the value is missing or is not what the topic carries.
pub fn decode<T: DeserializeOwned>(record: &Delivered) -> Result<T, LogError> {
    serde_json::from_slice(record.value.as_deref().unwrap_or_default()).map_err(|source| LogError::Value {
        topic: record.place.topic.name(),
        source,
    })
}

/// A header that is a number in decimal digits.
fn number<T: FromStr>(record: &Delivered, header: &str) -> Option<T> {
    std::str::from_utf8(record.header(header)?).ok()?.parse().ok()
}

fn keyed<T: Serialize>(topic: Topic, key: &str, value: &T, at: Timestamp) -> Result<Record, LogError> {
    Ok(Record {
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(encode(topic, value)?),
        timestamp_ms: at.as_millisecond(),
        headers: Vec::new(),
    })
}

fn encode<T: Serialize>(topic: Topic, value: &T) -> Result<Bytes, LogError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|source| LogError::Value {
            topic: topic.name(),
            source,
        })
}
