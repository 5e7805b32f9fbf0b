//! Where every partition begins and ends right now, and who waits for its next record.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use super::meta::{self, Extent, Row};
use super::storage::{Space, Storage};
use crate::LogError;
use crate::partition::partition_of;
use crate::topic::{Retention, Topic};

/// A partition, by topic.
pub(super) type Partition = (Topic, u32);
/// Offsets by group and partition.
pub(super) type Committed = HashMap<String, BTreeMap<Partition, u64>>;

/// What readers may see of a partition. Its topic's writer alone moves it, once a group is durable.
#[derive(Default)]
struct Window {
    first: AtomicU64,
    next: AtomicU64,
    bytes: AtomicU64,
}

struct State {
    partitions: Vec<Window>,
    waiting: Mutex<Vec<Weak<Notify>>>,
    turn: AtomicU32,
}

/// Every topic's partitions.
pub(super) struct Topics(HashMap<Topic, State>);

impl Topics {
    /// Makes the topics that are missing, with `partitions` where they scale, and reads how far everything is.
    pub(super) fn load(storage: &dyn Storage, partitions: u32) -> Result<(Self, Committed), LogError> {
        storage.open_space(Space::Meta)?;
        let mut rows = Vec::new();
        storage.scan(Space::Meta, &[], &mut |key, value| {
            rows.extend(meta::row(key, &value));
            true
        })?;
        let mut counts = HashMap::new();
        let mut extents = HashMap::new();
        let mut committed = Committed::new();
        for row in rows {
            match row {
                Row::Partitions(topic, count) => drop(counts.insert(topic, count)),
                Row::Extent(topic, partition, extent) => drop(extents.insert((topic, partition), extent)),
                Row::Committed(group, topic, partition, offset) => {
                    committed
                        .entry(group)
                        .or_default()
                        .insert((topic, partition), offset);
                }
            }
        }
        let mut topics = HashMap::new();
        let mut made = Vec::new();
        for topic in Topic::ALL {
            let count = counts.get(&topic).copied().unwrap_or_else(|| {
                let count = topic.partitions(partitions).max(1);
                made.push(meta::partitions(topic, count));
                count
            });
            let mut windows = Vec::new();
            for partition in 0..count {
                open_partition(storage, topic, partition)?;
                let window = Window::default();
                window.set(extents.get(&(topic, partition)).copied().unwrap_or_default());
                windows.push(window);
            }
            topics.insert(
                topic,
                State {
                    partitions: windows,
                    waiting: Mutex::default(),
                    turn: AtomicU32::new(0),
                },
            );
        }
        if !made.is_empty() {
            storage.apply(made)?;
        }
        Ok((Self(topics), committed))
    }

    pub(super) fn count(&self, topic: Topic) -> u32 {
        let state = self.0.get(&topic);
        state.map_or(0, |state| state.partitions.len().try_into().unwrap_or(u32::MAX))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Partition> {
        Topic::ALL
            .into_iter()
            .flat_map(|topic| (0..self.count(topic)).map(move |partition| (topic, partition)))
    }

    /// Where a record belongs: by its key, in turn without one.
    pub(super) fn choose(&self, topic: Topic, key: Option<&[u8]>) -> u32 {
        let count = self.count(topic);
        match (key, self.0.get(&topic)) {
            (Some(key), _) => partition_of(key, count),
            (None, Some(state)) => state.turn.fetch_add(1, Ordering::Relaxed) % count,
            (None, None) => 0,
        }
    }

    pub(super) fn extent(&self, (topic, partition): Partition) -> Extent {
        self.window((topic, partition))
            .map(Window::get)
            .unwrap_or_default()
    }

    pub(super) fn set_extent(&self, partition: Partition, extent: Extent) {
        if let Some(window) = self.window(partition) {
            window.set(extent);
        }
    }

    /// Remembers that nothing stands before `first`, so that the next reader need not look there.
    pub(super) fn nothing_before(&self, partition: Partition, first: u64) {
        if let Some(window) = self.window(partition) {
            window.first.fetch_max(first, Ordering::AcqRel);
        }
    }

    /// Wakes `waiter` whenever something is appended to one of `topics`.
    pub(super) fn watch(&self, topics: impl IntoIterator<Item = Topic>, waiter: &Arc<Notify>) {
        for state in topics.into_iter().filter_map(|topic| self.0.get(&topic)) {
            let mut waiting = state.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.retain(|waiter| waiter.strong_count() > 0);
            waiting.push(Arc::downgrade(waiter));
        }
    }

    pub(super) fn wake(&self, topic: Topic) {
        let Some(state) = self.0.get(&topic) else { return };
        let waiting = state.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for waiter in waiting.iter().filter_map(Weak::upgrade) {
            waiter.notify_one();
        }
    }

    fn window(&self, (topic, partition): Partition) -> Option<&Window> {
        self.0.get(&topic)?.partitions.get(partition as usize)
    }
}

impl Window {
    fn get(&self) -> Extent {
        Extent {
            first: self.first.load(Ordering::Acquire),
            next: self.next.load(Ordering::Acquire),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    fn set(&self, extent: Extent) {
        self.first.fetch_max(extent.first, Ordering::AcqRel);
        self.bytes.store(extent.bytes, Ordering::Relaxed);
        self.next.store(extent.next, Ordering::Release);
    }
}

fn open_partition(storage: &dyn Storage, topic: Topic, partition: u32) -> Result<(), LogError> {
    storage.open_space(Space::Records(topic, partition))?;
    if topic.retention() == Retention::LastOfKey {
        storage.open_space(Space::Keys(topic, partition))?;
        storage.open_space(Space::Tombstones(topic, partition))?;
    }
    Ok(())
}
