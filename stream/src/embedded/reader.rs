//! Reading partitions from where a reader stands.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::storage::{Space, Storage};
use super::topics::Partition;
use super::{Shared, damaged, entry};
use crate::topic::Retention;
use crate::{Delivered, LogError};

/// Bytes read for one poll, beyond the first entry: a few of the largest records.
const READ_BYTES: usize = 16 * 1024 * 1024;

/// What was read of a partition.
pub(super) struct Part {
    pub(super) partition: Partition,
    pub(super) records: Vec<Delivered>,
    /// Where to read on.
    pub(super) next: u64,
}

/// Where a reader stands in one partition.
#[derive(Default)]
struct Cursor {
    /// Behind the last record handed out.
    position: u64,
    /// Behind the last record read.
    read: u64,
    /// Read and not yet handed out: entries are read whole.
    ready: VecDeque<Delivered>,
}

/// Where a reader stands.
#[derive(Default)]
pub(super) struct Cursors {
    cursors: BTreeMap<Partition, Cursor>,
    turn: usize,
}

impl Cursors {
    pub(super) fn stand(&mut self, partition: Partition, at: u64) {
        let cursor = Cursor {
            position: at,
            read: at,
            ready: VecDeque::new(),
        };
        self.cursors.insert(partition, cursor);
    }

    pub(super) fn leave(&mut self, partition: Partition) {
        self.cursors.remove(&partition);
    }

    pub(super) fn positions(&self) -> impl Iterator<Item = (Partition, u64)> {
        self.cursors
            .iter()
            .map(|(partition, cursor)| (*partition, cursor.position))
    }

    /// At most `max` records; empty when there are none now. Cancelling it loses nothing: a cursor moves with what is
    /// handed out. Every partition begins in its turn.
    pub(super) async fn next(&mut self, shared: &Shared, max: usize) -> Result<Vec<Delivered>, LogError> {
        self.turn = self.turn.wrapping_add(1);
        let waiting: usize = self.cursors.values().map(|cursor| cursor.ready.len()).sum();
        if waiting < max {
            let behind = self.cursors.iter().filter(|(partition, cursor)| {
                cursor.ready.is_empty() && cursor.read < shared.topics.extent(**partition).next
            });
            let from: BTreeMap<Partition, u64> = behind
                .map(|(partition, cursor)| (*partition, cursor.read))
                .collect();
            if !from.is_empty() {
                for part in read(shared, from, max - waiting).await? {
                    if let Some(cursor) = self.cursors.get_mut(&part.partition) {
                        cursor.ready.extend(part.records);
                        cursor.read = part.next;
                    }
                }
            }
        }
        Ok(self.hand_out(max))
    }

    fn hand_out(&mut self, max: usize) -> Vec<Delivered> {
        let waiting: usize = self.cursors.values().map(|cursor| cursor.ready.len()).sum();
        let mut out = Vec::with_capacity(waiting.min(max));
        let begin = self.turn % self.cursors.len().max(1);
        let (later, first) = {
            let mut all: Vec<&mut Cursor> = self.cursors.values_mut().collect();
            let first = all.split_off(begin);
            (all, first)
        };
        for cursor in first.into_iter().chain(later) {
            let count = cursor.ready.len().min(max - out.len());
            out.extend(cursor.ready.drain(..count));
            // With nothing left, the gap behind the last record is passed too.
            cursor.position = cursor.ready.front().map_or(cursor.read, |next| next.place.offset);
        }
        out
    }
}

/// Reads partitions from their offsets on: `max` records and the rest of the entry that the last is in, an equal part of them from each
/// where it has as many. So whoever has a backlog can work on its partitions side by side.
pub(super) async fn read(
    shared: &Shared,
    from: BTreeMap<Partition, u64>,
    max: usize,
) -> Result<Vec<Part>, LogError> {
    let storage = shared.open()?;
    let topics = std::sync::Arc::clone(&shared.topics);
    let blocks = storage.blocks();
    let work = move || {
        let mut parts = Vec::new();
        let mut budget = Budget {
            records: max.cast_signed(),
            bytes: READ_BYTES.cast_signed(),
        };
        let mut left = from.len();
        for (partition, at) in from {
            if budget.spent() {
                break;
            }
            let mut share = budget.share(left);
            left -= 1;
            let extent = topics.extent(partition);
            let part = read_partition(
                &*storage,
                partition,
                at.max(extent.first),
                extent.next,
                &mut share,
            )?;
            budget.give_back(share);
            let first = part
                .records
                .first()
                .map_or(part.next, |record| record.place.offset);
            if partition.0.retention() == Retention::LastOfKey && at <= extent.first {
                topics.nothing_before(partition, first);
            }
            parts.push(part);
        }
        Ok(parts)
    };
    if !blocks {
        return work();
    }
    let read = tokio::task::spawn_blocking(work).await;
    read.map_err(|_| LogError::Unavailable("a reader of the embedded log failed".into()))?
}

/// What may still be read; below zero where an entry was larger than that.
struct Budget {
    records: isize,
    bytes: isize,
}

impl Budget {
    fn spent(&self) -> bool {
        self.records <= 0 || self.bytes <= 0
    }

    /// Takes one of `of` equal shares, which is something as long as this is not spent.
    fn share(&mut self, of: usize) -> Self {
        let of = of.cast_signed();
        let share = Self {
            records: (self.records / of).max(1),
            bytes: (self.bytes / of).max(1),
        };
        self.records -= share.records;
        self.bytes -= share.bytes;
        share
    }

    /// Takes back what is left of a share, or pays for what it took beyond.
    fn give_back(&mut self, share: Self) {
        self.records += share.records;
        self.bytes += share.bytes;
    }
}

fn read_partition(
    storage: &dyn Storage,
    partition: Partition,
    at: u64,
    end: u64,
    budget: &mut Budget,
) -> Result<Part, LogError> {
    let (topic, number) = partition;
    let mut records = Vec::new();
    let mut next = at;
    let mut whole = true;
    if at < end {
        // An entry stands under its last offset: the first at or behind `at` is the one that `at` is in.
        storage.scan(
            Space::Records(topic, number),
            &at.to_be_bytes(),
            &mut |key, entry: Bytes| {
                let Ok(last) = key.try_into().map(u64::from_be_bytes) else {
                    whole = false;
                    return false;
                };
                if last >= end || budget.spent() {
                    next = if last >= end { end } else { next };
                    return false;
                }
                let (bytes, before) = (entry.len(), records.len());
                whole = entry::decode(topic, number, last, entry, at, &mut records);
                next = last + 1;
                budget.bytes -= bytes.cast_signed();
                budget.records -= (records.len() - before).cast_signed();
                whole
            },
        )?;
        if !budget.spent() {
            next = end;
        }
    }
    if !whole {
        return Err(damaged("read a record"));
    }
    Ok(Part {
        partition,
        records,
        next: next.max(at),
    })
}
