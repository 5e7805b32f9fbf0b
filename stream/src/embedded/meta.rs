//! The rows of [`Space::Meta`]: how many partitions a topic has, where each partition begins and ends, and how far
//! each group has come.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::storage::{Change, Space};
use crate::topic::Topic;

const TOPIC: u8 = b't';
const PARTITION: u8 = b'p';
const GROUP: u8 = b'g';

/// Where a partition begins and ends, and how many bytes its entries take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// The oldest offset that may still be there.
    pub(super) first: u64,
    /// The offset of the next record.
    pub(super) next: u64,
    /// Bytes of all entries.
    pub(super) bytes: u64,
}

/// A row, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    Partitions(Topic, u32),
    Extent(Topic, u32, Extent),
    Committed(String, Topic, u32, u64),
}

pub(super) fn partitions(topic: Topic, count: u32) -> Change {
    let mut key = BytesMut::new();
    key.put_u8(TOPIC);
    key.put_slice(topic.name().as_bytes());
    Change::put(Space::Meta, key, Bytes::copy_from_slice(&count.to_be_bytes()))
}

pub(super) fn extent(topic: Topic, partition: u32, extent: Extent) -> Change {
    let mut key = BytesMut::new();
    key.put_u8(PARTITION);
    key.put_u32(partition);
    key.put_slice(topic.name().as_bytes());
    let mut value = BytesMut::new();
    value.put_u64(extent.first);
    value.put_u64(extent.next);
    value.put_u64(extent.bytes);
    Change::put(Space::Meta, key, value)
}

pub(super) fn committed(group: &str, topic: Topic, partition: u32, offset: u64) -> Change {
    let mut key = BytesMut::new();
    key.put_u8(GROUP);
    key.put_u32(partition);
    key.put_u8(topic.name().len().try_into().unwrap_or(u8::MAX));
    key.put_slice(topic.name().as_bytes());
    key.put_slice(group.as_bytes());
    Change::put(Space::Meta, key, Bytes::copy_from_slice(&offset.to_be_bytes()))
}

/// Reads a row; none when it is damaged, or of a topic that this version does not know.
pub(super) fn row(mut key: &[u8], mut value: &[u8]) -> Option<Row> {
    let kind = key.try_get_u8().ok()?;
    if kind == TOPIC {
        return Some(Row::Partitions(topic(key)?, value.try_get_u32().ok()?));
    }
    let partition = key.try_get_u32().ok()?;
    match kind {
        PARTITION => {
            let extent = Extent {
                first: value.try_get_u64().ok()?,
                next: value.try_get_u64().ok()?,
                bytes: value.try_get_u64().ok()?,
            };
            Some(Row::Extent(topic(key)?, partition, extent))
        }
        GROUP => {
            let length = usize::from(key.try_get_u8().ok()?);
            let (name, group) = key.split_at_checked(length)?;
            let group = std::str::from_utf8(group).ok()?.to_owned();
            let offset = value.try_get_u64().ok()?;
            Some(Row::Committed(group, topic(name)?, partition, offset))
        }
        _ => None,
    }
}

fn topic(name: &[u8]) -> Option<Topic> {
    Topic::ALL
        .into_iter()
        .find(|topic| topic.name().as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let bounds = Extent {
            first: 1,
            next: 2,
            bytes: 3,
        };
        for (change, expected) in [
            (partitions(Topic::Hits, 4), Row::Partitions(Topic::Hits, 4)),
            (
                extent(Topic::Reads, 3, bounds),
                Row::Extent(Topic::Reads, 3, bounds),
            ),
            (
                committed("matcher-é", Topic::Entries, 1, 9),
                Row::Committed("matcher-é".into(), Topic::Entries, 1, 9),
            ),
        ] {
            let value = change.value.expect("a row is put");
            assert_eq!(row(&change.key, &value), Some(expected));
            assert_eq!(row(&change.key, &value[..value.len() - 1]), None);
        }
        assert_eq!(row(b"", b""), None);
    }
}
