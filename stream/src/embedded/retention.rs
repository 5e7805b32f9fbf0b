//! Forgetting: records past their topic's time or beyond its size, and tombstones that everybody has seen.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::{Buf, Bytes};

use super::meta::{self, Extent};
use super::storage::{Change, Space};
use super::topics::Partition;
use super::writer::{Lane, Located, Writer, offset_key};
use super::{damaged, entry};
use crate::LogError;
use crate::topic::{Retention, Topic};

/// How often the writer looks for what may go.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How long a compacted topic remembers that a key was removed: a reader that is at most this far behind learns of it.
/// A reader that begins anew need not: the record that it would undo is gone.
pub(super) const TOMBSTONES_FOR: Duration = Duration::from_secs(60 * 60);
/// Entries removed at a time, so that publishing does not wait long.
const SWEEP_ENTRIES: usize = 500;

/// Removes some of what may go; true when there is more.
pub(super) fn sweep(writer: &Writer, now_ms: i64) -> Result<bool, LogError> {
    let mut more = false;
    let own = |(topic, _): &Partition| Lane::of(*topic) == writer.lane;
    let partitions: Vec<Partition> = writer.topics.all().filter(own).collect();
    for partition in partitions {
        more |= match partition.0.retention() {
            Retention::For(time) => old_records(writer, partition, earlier(now_ms, time))?,
            Retention::LastOfKey => old_tombstones(writer, partition, earlier(now_ms, TOMBSTONES_FOR))?,
        };
    }
    Ok(more)
}

fn earlier(now_ms: i64, time: Duration) -> i64 {
    now_ms.saturating_sub(time.as_millis().try_into().unwrap_or(i64::MAX))
}

/// The limit of a partition, in bytes.
fn limit(writer: &Writer, topic: Topic) -> u64 {
    writer.partition_bytes.get(&topic).copied().unwrap_or(u64::MAX)
}

/// Entries go from the front, whole: by the time they were appended, not by the time their records carry, which a
/// camera's clock may have wrong.
fn old_records(writer: &Writer, partition: Partition, oldest_ms: i64) -> Result<bool, LogError> {
    let space = Space::Records(partition.0, partition.1);
    let limit = limit(writer, partition.0);
    let mut extent = writer.topics.extent(partition);
    let mut changes = Vec::new();
    writer
        .storage
        .scan(space, &extent.first.to_be_bytes(), &mut |key, value| {
            let go_on = forget(&mut extent, key, &value, oldest_ms, limit, |key| {
                changes.push(Change::remove(space, key));
            });
            go_on.is_continue() && changes.len() < SWEEP_ENTRIES
        })?;
    finish(writer, partition, extent, changes)
}

fn forget(
    extent: &mut Extent,
    key: &[u8],
    value: &Bytes,
    oldest_ms: i64,
    limit: u64,
    mut remove: impl FnMut(Bytes),
) -> ControlFlow<()> {
    // A damaged entry is left for its reader to complain about.
    let (Ok(last), Some((appended_ms, _))) = (key.try_into().map(u64::from_be_bytes), entry::head(value))
    else {
        return ControlFlow::Break(());
    };
    if appended_ms >= oldest_ms && extent.bytes <= limit {
        return ControlFlow::Break(());
    }
    remove(offset_key(last));
    extent.first = last + 1;
    extent.bytes = extent.bytes.saturating_sub(value.len() as u64);
    ControlFlow::Continue(())
}

fn old_tombstones(writer: &Writer, partition: Partition, oldest_ms: i64) -> Result<bool, LogError> {
    let (topic, number) = partition;
    let mut old = Vec::new();
    writer
        .storage
        .scan(Space::Tombstones(topic, number), &[], &mut |offset, value| {
            let mut value = value.clone();
            let due = value.try_get_i64().is_ok_and(|came_ms| came_ms < oldest_ms);
            if due {
                old.push((Bytes::copy_from_slice(offset), value));
            }
            due && old.len() < SWEEP_ENTRIES
        })?;
    let mut extent = writer.topics.extent(partition);
    let mut changes = Vec::new();
    for (offset, key) in old {
        let located = writer.storage.get(Space::Keys(topic, number), &key)?;
        let located = located
            .and_then(|located| Located::read(&located))
            .ok_or_else(|| damaged("find a tombstone"))?;
        extent.bytes = extent.bytes.saturating_sub(located.bytes);
        changes.push(Change::remove(Space::Tombstones(topic, number), offset.clone()));
        changes.push(Change::remove(Space::Records(topic, number), offset));
        changes.push(Change::remove(Space::Keys(topic, number), key));
    }
    finish(writer, partition, extent, changes)
}

fn finish(
    writer: &Writer,
    partition: Partition,
    extent: Extent,
    mut changes: Vec<Change>,
) -> Result<bool, LogError> {
    if changes.is_empty() {
        return Ok(false);
    }
    let more = changes.len() >= SWEEP_ENTRIES;
    changes.push(meta::extent(partition.0, partition.1, extent));
    writer.apply(changes)?;
    writer.topics.set_extent(partition, extent);
    Ok(more)
}
