//! Records as bytes. Not stable across format versions: [`super::FORMAT`] counts them.
//!
//! An entry is what the storage keeps under the offset of its last record: when it was appended (i64, ms), how many
//! records (u32), then the records. A record: time (i64, ms), length of key and of value (u32 each, all ones is none),
//! headers (u16), key, value, and the headers as [`Headers`] says. All numbers are big endian.
//!
//! Many records share an entry, as batches do in Kafka: one key in the tree, one allocation when read.

use bytes::{Buf, Bytes};

use crate::headers::{self, Headers};
use crate::topic::Topic;
use crate::{Delivered, Place, Record};

/// Bytes before the first record.
pub(super) const HEAD_BYTES: usize = 12;
const NONE: u32 = u32::MAX;

/// An entry that still grows.
pub(super) struct Draft {
    bytes: Vec<u8>,
    count: u32,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; HEAD_BYTES],
            count: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Appends a record. Lengths fit: a record is at most [`crate::topic::MAX_RECORD_BYTES`], which was checked.
    #[expect(clippy::cast_possible_truncation)]
    pub(super) fn push(&mut self, record: &Record) {
        let length = |part: &Option<Bytes>| part.as_ref().map_or(NONE, |bytes| bytes.len() as u32);
        let out = &mut self.bytes;
        out.extend_from_slice(&record.timestamp_ms.to_be_bytes());
        out.extend_from_slice(&length(&record.key).to_be_bytes());
        out.extend_from_slice(&length(&record.value).to_be_bytes());
        out.extend_from_slice(&(record.headers.len() as u16).to_be_bytes());
        out.extend_from_slice(record.key.as_deref().unwrap_or_default());
        out.extend_from_slice(record.value.as_deref().unwrap_or_default());
        for (name, value) in &record.headers {
            headers::put(out, name, value);
        }
        self.count += 1;
    }

    /// Appends the records of another.
    pub(super) fn append(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes[HEAD_BYTES..]);
        self.count += other.count;
    }

    /// The entry, in just as many bytes as it has: the storage holds it until its table goes to disk, and a buffer that was
    /// doubled as it grew would be held whole, half of it empty.
    pub(super) fn finish(mut self, appended_ms: i64) -> Bytes {
        self.bytes[..8].copy_from_slice(&appended_ms.to_be_bytes());
        self.bytes[8..HEAD_BYTES].copy_from_slice(&self.count.to_be_bytes());
        Bytes::from(self.bytes.into_boxed_slice())
    }
}

/// When an entry was appended and how many records it has; none when it is damaged.
pub(super) fn head(mut entry: &[u8]) -> Option<(i64, u32)> {
    Some((entry.try_get_i64().ok()?, entry.try_get_u32().ok()?))
}

/// Reads the records of an entry that stand at `from` or behind it; false when the entry is damaged.
#[must_use]
pub(super) fn decode(
    topic: Topic,
    partition: u32,
    last: u64,
    mut entry: Bytes,
    from: u64,
    out: &mut Vec<Delivered>,
) -> bool {
    let Some((_, count)) = head(&entry) else {
        return false;
    };
    entry.advance(HEAD_BYTES);
    let Some(base) = (last + 1).checked_sub(u64::from(count)) else {
        return false;
    };
    for offset in base..=last {
        let place = Place {
            topic,
            partition,
            offset,
        };
        match record(&mut entry, place) {
            Some(record) if offset >= from => out.push(record),
            Some(_) => {}
            None => return false,
        }
    }
    true
}

fn record(from: &mut Bytes, place: Place) -> Option<Delivered> {
    let timestamp_ms = from.try_get_i64().ok()?;
    let key = from.try_get_u32().ok()?;
    let value = from.try_get_u32().ok()?;
    let headers = from.try_get_u16().ok()?;
    let key = optional(from, key)?;
    let value = optional(from, value)?;
    let headers = Headers::split_from(from, headers)?;
    Some(Delivered {
        place,
        key,
        value,
        timestamp_ms,
        headers,
    })
}

/// Outer none: damaged. Inner none: there is none.
#[expect(clippy::option_option)]
fn optional(from: &mut Bytes, length: u32) -> Option<Option<Bytes>> {
    if length == NONE {
        return Some(None);
    }
    take(from, length as usize).map(Some)
}

fn take(from: &mut Bytes, length: usize) -> Option<Bytes> {
    (from.len() >= length).then(|| from.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        vec![
            Record::default(),
            Record {
                key: Some(Bytes::from_static(b"AB51ABC")),
                value: None,
                timestamp_ms: -1,
                headers: vec![("camera", Bytes::from_static(b"m62-01")), ("empty", Bytes::new())],
            },
            Record {
                key: Some(Bytes::new()),
                value: Some(Bytes::from_static(b"{}")),
                timestamp_ms: i64::MAX,
                headers: vec![],
            },
        ]
    }

    fn entry() -> Bytes {
        let mut draft = Draft::new();
        let mut rest = Draft::new();
        for (place, record) in records().iter().enumerate() {
            if place == 0 { &mut draft } else { &mut rest }.push(record);
        }
        draft.append(&rest);
        draft.finish(7)
    }

    #[test]
    fn records_come_back_as_they_were() {
        let mut read = Vec::new();
        assert_eq!(head(&entry()), Some((7, 3)));
        assert!(decode(Topic::Reads, 1, 12, entry(), 11, &mut read));
        let offsets: Vec<u64> = read.iter().map(|record| record.place.offset).collect();
        assert_eq!(offsets, [11, 12]);
        for (read, written) in read.iter().zip(&records()[1..]) {
            assert_eq!(read.key, written.key);
            assert_eq!(read.value, written.value);
            assert_eq!(read.timestamp_ms, written.timestamp_ms);
            assert_eq!(read.headers.iter().count(), written.headers.len());
            assert!(
                written
                    .headers
                    .iter()
                    .all(|(name, value)| read.header(name) == Some(value))
            );
        }
    }

    #[test]
    fn damaged_entry_is_refused_at_every_length() {
        let whole = entry();
        for length in 0..whole.len() {
            assert!(
                !decode(Topic::Reads, 0, 2, whole.slice(..length), 0, &mut Vec::new()),
                "{length}"
            );
        }
        assert!(
            !decode(Topic::Reads, 0, 1, whole, 0, &mut Vec::new()),
            "more records than offsets"
        );
    }
}
