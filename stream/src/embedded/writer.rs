//! What writes: all that waits becomes one batch with one sync, then all are answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::entry::Draft;
use super::meta::{self, Extent};
use super::retention;
use super::storage::{Change, Space, Storage};
use super::topics::{Committed, Partition, Topics};
use crate::LogError;
use crate::topic::Topic;

/// An entry takes further records up to this size: large enough to read fast, small enough to read a part.
pub(super) const ENTRY_BYTES: usize = 128 * 1024;

/// Records of a compacted topic in one batch, which each have a look-up and up to four changes: few, since others' batches wait
/// for it.
pub(super) const KEYED_AT_ONCE: usize = 200;

/// What one writer writes. The lists have one of their own: a load of millions is written for minutes, and reads and hits that stood in
/// one queue with it waited a quarter of a second each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// The entries of the lists.
    Lists,
    /// All other topics, and how far groups have come.
    Rest,
}

impl Lane {
    /// The lane of a topic.
    pub(super) fn of(topic: Topic) -> Self {
        match topic {
            Topic::Entries => Self::Lists,
            _ => Self::Rest,
        }
    }

    /// Its largest group, in bytes of records.
    pub(super) fn group_bytes(self) -> usize {
        match self {
            // A part of a load by itself.
            Self::Lists => 1,
            // Two memtables at most, of the dozen that a busy log's records are spread over.
            Self::Rest => 8 * 1024 * 1024,
        }
    }
}

/// What was asked, answered once durable. The error is a text: one failure answers many.
pub(super) type Answer = oneshot::Sender<Result<(), String>>;

/// A record of a compacted topic.
pub(super) struct Keyed {
    pub(super) partition: u32,
    pub(super) key: Bytes,
    pub(super) tombstone: bool,
    pub(super) draft: Draft,
}

/// Records on their way.
pub(super) enum Payload {
    /// By partition.
    Stream(Vec<(u32, Draft)>),
    /// In order.
    Keyed(Vec<Keyed>),
}

/// What the writer does.
pub(super) enum Job {
    Publish {
        topic: Topic,
        payload: Payload,
        bytes: usize,
        answer: Answer,
        /// Given back when the job is done: the queue is bounded by bytes.
        room: Option<OwnedSemaphorePermit>,
    },
    Commit {
        group: String,
        offsets: BTreeMap<Partition, u64>,
        answer: Answer,
    },
    /// Forgets what retention allows, some of it; answers whether there is more.
    Sweep {
        now_ms: i64,
        answer: Option<oneshot::Sender<Result<bool, String>>>,
    },
    /// Ends the thread.
    Close,
}

impl Job {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Publish { bytes, .. } => *bytes,
            Self::Commit { .. } | Self::Sweep { .. } | Self::Close => 0,
        }
    }
}

/// Writes groups of jobs.
pub(super) struct Writer {
    pub(super) lane: Lane,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) topics: Arc<Topics>,
    pub(super) committed: Arc<Mutex<Committed>>,
    /// The topics of its lane, each with how many bytes a partition may have.
    pub(super) partition_bytes: HashMap<Topic, u64>,
}

/// A batch under construction.
#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    extents: BTreeMap<Partition, Extent>,
    growing: BTreeMap<Partition, Draft>,
    /// The last record of every key of the batch; one that it replaces is never written.
    keyed: BTreeMap<Partition, HashMap<Bytes, (u64, Keyed)>>,
    offsets: BTreeMap<(String, Partition), u64>,
    answers: Vec<Answer>,
    room: Vec<Option<OwnedSemaphorePermit>>,
}

impl Writer {
    /// Does the jobs under one sync and answers them.
    pub(super) fn run(&self, jobs: Vec<Job>, now_ms: i64) {
        let mut batch = Batch::default();
        let mut sweeps = Vec::new();
        for job in jobs {
            match job {
                Job::Publish {
                    topic,
                    payload,
                    answer,
                    room,
                    ..
                } => {
                    self.place(&mut batch, topic, payload, now_ms);
                    batch.answers.push(answer);
                    batch.room.push(room);
                }
                Job::Commit {
                    group,
                    offsets,
                    answer,
                } => {
                    let offsets = offsets.into_iter();
                    batch
                        .offsets
                        .extend(offsets.map(|(partition, offset)| ((group.clone(), partition), offset)));
                    batch.answers.push(answer);
                }
                Job::Sweep { now_ms, answer } => sweeps.push((now_ms, answer)),
                Job::Close => {}
            }
        }
        self.write(batch, now_ms);
        for (now_ms, answer) in sweeps {
            let swept = retention::sweep(self, now_ms).map_err(|error| describe(&error));
            if let Err(error) = &swept {
                tracing::warn!(%error, "the embedded log could not forget old records");
            }
            // Nobody listens to the writer's own sweeps.
            let _ = answer.map(|answer| answer.send(swept));
        }
    }

    fn place(&self, batch: &mut Batch, topic: Topic, payload: Payload, now_ms: i64) {
        match payload {
            Payload::Stream(drafts) => {
                for (partition, draft) in drafts {
                    self.append(batch, (topic, partition), draft, now_ms);
                }
            }
            Payload::Keyed(records) => {
                for record in records {
                    let partition = (topic, record.partition);
                    let extent = self.extent(batch, partition);
                    let offset = extent.next;
                    extent.next += 1;
                    let of_partition = batch.keyed.entry(partition).or_default();
                    of_partition.insert(record.key.clone(), (offset, record));
                }
            }
        }
    }

    fn append(&self, batch: &mut Batch, partition: Partition, draft: Draft, now_ms: i64) {
        if let Some(growing) = batch.growing.get_mut(&partition)
            && growing.len() + draft.len() <= ENTRY_BYTES
        {
            growing.append(&draft);
        } else if let Some(full) = batch.growing.insert(partition, draft) {
            self.finish(batch, partition, full, now_ms);
        }
    }

    fn finish(&self, batch: &mut Batch, partition: Partition, draft: Draft, now_ms: i64) {
        let extent = self.extent(batch, partition);
        extent.next += u64::from(draft.count());
        extent.bytes += draft.len() as u64;
        let last = extent.next - 1;
        let space = Space::Records(partition.0, partition.1);
        batch
            .changes
            .push(Change::put(space, offset_key(last), draft.finish(now_ms)));
    }

    fn extent<'a>(&self, batch: &'a mut Batch, partition: Partition) -> &'a mut Extent {
        let known = || self.topics.extent(partition);
        batch.extents.entry(partition).or_insert_with(known)
    }

    fn write(&self, mut batch: Batch, now_ms: i64) {
        for (partition, draft) in std::mem::take(&mut batch.growing) {
            self.finish(&mut batch, partition, draft, now_ms);
        }
        let written = self.replace(&mut batch, now_ms).and_then(|()| {
            for (&(topic, partition), extent) in &batch.extents {
                batch.changes.push(meta::extent(topic, partition, *extent));
            }
            for ((group, (topic, partition)), offset) in &batch.offsets {
                batch
                    .changes
                    .push(meta::committed(group, *topic, *partition, *offset));
            }
            self.apply(std::mem::take(&mut batch.changes))
        });
        if written.is_ok() {
            self.publish(&mut batch);
        }
        let written = written.map_err(|error| describe(&error));
        if let Err(error) = &written {
            tracing::error!(%error, "the embedded log could not write");
        }
        for answer in batch.answers {
            // Whoever asked may have given up.
            let _ = answer.send(written.clone());
        }
    }

    pub(super) fn apply(&self, changes: Vec<Change>) -> Result<(), LogError> {
        if changes.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let applied = self.storage.apply(changes);
        metrics::histogram!("steelring_log_sync_seconds").record(started.elapsed());
        applied
    }

    /// Turns the last records of keys into changes: the record that each replaces goes in the same batch.
    fn replace(&self, batch: &mut Batch, now_ms: i64) -> Result<(), LogError> {
        for (partition, keyed) in std::mem::take(&mut batch.keyed) {
            let (topic, number) = partition;
            let [records, keys, tombstones] = [
                Space::Records(topic, number),
                Space::Keys(topic, number),
                Space::Tombstones(topic, number),
            ];
            let mut bytes = self.extent(batch, partition).bytes;
            for (key, (offset, record)) in keyed {
                if let Some(old) = self.storage.get(keys, &key)?.and_then(|old| Located::read(&old)) {
                    batch
                        .changes
                        .push(Change::remove(records, offset_key(old.offset)));
                    if old.tombstone {
                        batch
                            .changes
                            .push(Change::remove(tombstones, offset_key(old.offset)));
                    }
                    bytes = bytes.saturating_sub(old.bytes);
                }
                let located = Located {
                    offset,
                    bytes: record.draft.len() as u64,
                    tombstone: record.tombstone,
                };
                bytes += located.bytes;
                if record.tombstone {
                    let mut value = BytesMut::new();
                    value.put_i64(now_ms);
                    value.put_slice(&key);
                    batch
                        .changes
                        .push(Change::put(tombstones, offset_key(offset), value));
                }
                let entry = record.draft.finish(now_ms);
                batch
                    .changes
                    .push(Change::put(records, offset_key(offset), entry));
                batch.changes.push(Change::put(keys, key, located.write()));
            }
            self.extent(batch, partition).bytes = bytes;
        }
        Ok(())
    }

    /// Lets readers see what is durable.
    fn publish(&self, batch: &mut Batch) {
        for (partition, extent) in &batch.extents {
            self.topics.set_extent(*partition, *extent);
        }
        let mut woken = None;
        for (topic, _) in batch.extents.keys() {
            if woken.replace(*topic) != Some(*topic) {
                self.topics.wake(*topic);
            }
        }
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        for ((group, partition), offset) in std::mem::take(&mut batch.offsets) {
            committed.entry(group).or_default().insert(partition, offset);
        }
    }
}

/// Where the record of a key is.
pub(super) struct Located {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) tombstone: bool,
}

impl Located {
    fn write(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(17);
        out.put_u64(self.offset);
        out.put_u64(self.bytes);
        out.put_u8(u8::from(self.tombstone));
        out.freeze()
    }

    pub(super) fn read(mut from: &[u8]) -> Option<Self> {
        use bytes::Buf;
        Some(Self {
            offset: from.try_get_u64().ok()?,
            bytes: from.try_get_u64().ok()?,
            tombstone: from.try_get_u8().ok()? != 0,
        })
    }
}

pub(super) fn offset_key(offset: u64) -> Bytes {
    Bytes::copy_from_slice(&offset.to_be_bytes())
}

/// An error with its causes.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
