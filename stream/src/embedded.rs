//! The embedded engine: the log of one machine, in a data directory or in memory.
//!
//! **Guaranteed:** an acknowledged publish or commit survives kill -9 and power loss: a writer's thread joins all that
//! waits into one batch of the storage (fjall), syncs it once, and then answers. The lists have a writer of their own
//! (see `writer`). Readers see nothing that is not durable. Topics exist from the first opening.
//! **Bounded:** what waits to be written, by [`QUEUE_BYTES`]; topics, by time and by [`EmbeddedOptions::topic_bytes`];
//! compacted topics keep the last record of every key, at once, and forget tombstones after an hour (see `retention`).
//! **Not here:** more than one process. A second one is refused; groups share partitions within the process.

mod consumer;
mod disk;
mod entry;
mod group;
mod meta;
mod queue;
mod reader;
mod retention;
mod storage;
mod topics;
mod torn;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::topic::{DEFAULT_PARTITIONS, Retention, Topic};
use crate::{Consumer, Delivered, Log, LogError, Place, Record, Start, Tail, check_records};
use consumer::{EmbeddedConsumer, EmbeddedReplay, EmbeddedTail};
use disk::Disk;
use entry::Draft;
use group::Group;
use queue::Queue;
use storage::{Memory, Storage};
use topics::{Committed, Partition, Topics};
use writer::{ENTRY_BYTES, Job, KEYED_AT_ONCE, Keyed, Lane, Payload, Writer};

/// The format of the data directory that this version reads and writes.
pub const FORMAT: u32 = 1;
/// Records that wait for the disk, in bytes: several of the largest, or some 100,000 reads; then publishing waits.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// How long a publish may take before it is refused: a camera waits no longer than that for its answer.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest topic, in bytes: two days of 100 reads a second at 400 bytes each, and room to spare.
pub const TOPIC_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// What an embedded log is opened with.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Partitions of the topics that scale, when they are first made; afterwards they keep their number.
    pub partitions: u32,
    /// The oldest records of a topic beyond this size are forgotten before their time. Compacted topics are bounded by
    /// their keys instead.
    pub topic_bytes: u64,
    /// How long a publish may take before it is refused.
    pub delivery_timeout: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            partitions: DEFAULT_PARTITIONS,
            topic_bytes: TOPIC_BYTES,
            delivery_timeout: DELIVERY_TIMEOUT,
        }
    }
}

/// The log of one machine.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
}

/// What the log, its consumers and its tails hold. The last of them to go closes the storage.
struct Shared {
    topics: Arc<Topics>,
    committed: Arc<Mutex<Committed>>,
    groups: Mutex<HashMap<String, Group>>,
    storage: RwLock<Option<Arc<dyn Storage>>>,
    /// To the writer of the lists,
    lists: Queue,
    /// and to that of everything else.
    rest: Queue,
    room: Arc<Semaphore>,
    closed: AtomicBool,
    failed: Mutex<Option<String>>,
    members: AtomicU64,
    delivery_timeout: Duration,
}

impl EmbeddedLog {
    /// Opens the log in a data directory, which is made where it is missing.
    ///
    /// # Errors
    /// When another process holds it, another version wrote it, or it cannot be read.
    pub fn open(directory: &Path, options: EmbeddedOptions) -> Result<Self, LogError> {
        Self::over(Arc::new(Disk::open(directory)?), &options)
    }

    /// A log that forgets everything when it is dropped, with default options.
    ///
    /// # Panics
    /// Does not.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::in_memory_with(&EmbeddedOptions::default())
    }

    /// A log that forgets everything when it is dropped.
    ///
    /// # Panics
    /// Does not.
    #[must_use]
    pub fn in_memory_with(options: &EmbeddedOptions) -> Self {
        Self::over(Arc::new(Memory::default()), options).expect("memory does not fail")
    }

    fn over(storage: Arc<dyn Storage>, options: &EmbeddedOptions) -> Result<Self, LogError> {
        let (topics, committed) = Topics::load(&*storage, options.partitions.max(1))?;
        let topics = Arc::new(topics);
        let committed = Arc::new(Mutex::new(committed));
        let writer = |lane: Lane| {
            let own = Topic::ALL.into_iter().filter(|topic| Lane::of(*topic) == lane);
            let bytes = own.map(|topic| (topic, options.topic_bytes / u64::from(topics.count(topic))));
            Writer {
                lane,
                storage: Arc::clone(&storage),
                topics: Arc::clone(&topics),
                committed: Arc::clone(&committed),
                partition_bytes: bytes.collect(),
            }
        };
        let lists = Queue::to(writer(Lane::Lists), "log-lists")?;
        let rest = Queue::to(writer(Lane::Rest), "log-writer")?;
        Ok(Self {
            shared: Arc::new(Shared {
                topics,
                committed,
                groups: Mutex::default(),
                storage: RwLock::new(Some(storage)),
                lists,
                rest,
                room: Arc::new(Semaphore::new(QUEUE_BYTES)),
                closed: AtomicBool::new(false),
                failed: Mutex::default(),
                members: AtomicU64::new(0),
                delivery_timeout: options.delivery_timeout,
            }),
        })
    }

    /// Forgets now what retention allows at `now`, without waiting for the next sweep.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn enforce_retention(&self, now: Timestamp) -> Result<(), LogError> {
        for queue in [&self.shared.lists, &self.shared.rest] {
            while sweep(queue, now).await? {}
        }
        Ok(())
    }
}

/// Forgets some of what retention allows; answers whether there is more.
async fn sweep(queue: &Queue, now: Timestamp) -> Result<bool, LogError> {
    let (answer, swept) = oneshot::channel();
    queue.send(Job::Sweep {
        now_ms: now.as_millisecond(),
        answer: Some(answer),
    })?;
    let swept = swept.await.map_err(|_| LogError::Closed)?;
    swept.map_err(LogError::Unavailable)
}

#[async_trait]
impl Log for EmbeddedLog {
    async fn create_topics(&self) -> Result<(), LogError> {
        self.shared.open().map(drop)
    }

    async fn publish(&self, topic: Topic, records: Vec<Record>) -> Result<(), LogError> {
        self.shared.open()?;
        check_records(topic, &records)?;
        if records.is_empty() {
            return Ok(());
        }
        let count = records.len() as u64;
        let parts = self.shared.encode(topic, &records);
        drop(records);
        let deadline = Instant::now() + self.shared.delivery_timeout;
        let mut answers = Vec::with_capacity(parts.len());
        for (payload, bytes) in parts {
            answers.push(self.shared.enqueue(topic, payload, bytes, deadline).await?);
        }
        for written in answers {
            self.shared.answered(written, deadline).await?;
        }
        metrics::counter!("steelring_log_published_total", "topic" => topic.name()).increment(count);
        Ok(())
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, LogError> {
        self.shared.open()?;
        Ok(Box::new(EmbeddedConsumer::join(
            Arc::clone(&self.shared),
            group,
            topics,
        )))
    }

    async fn tail(&self, topic: Topic, from: Start) -> Result<Box<dyn Tail>, LogError> {
        self.shared.open()?;
        Ok(Box::new(EmbeddedTail::open(
            Arc::clone(&self.shared),
            topic,
            from,
        )))
    }

    async fn replay(
        &self,
        topic: Topic,
        partition: u32,
        offsets: Range<u64>,
    ) -> Result<Box<dyn Tail>, LogError> {
        self.shared.open()?;
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(EmbeddedReplay::open(
            shared,
            (topic, partition),
            offsets,
        )))
    }

    async fn read_at(&self, place: Place) -> Result<Option<Delivered>, LogError> {
        let from = BTreeMap::from([((place.topic, place.partition), place.offset)]);
        let read = reader::read(&self.shared, from, 1).await?;
        let found = read.into_iter().flat_map(|part| part.records).next();
        Ok(found.filter(|record| record.place == place))
    }

    async fn check(&self) -> Result<(), LogError> {
        self.shared.open()?;
        let failed = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed
            .clone()
            .map_or(Ok(()), |error| Err(LogError::Unavailable(error)))
    }

    async fn close(&self) -> Result<(), LogError> {
        if self.shared.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        // Joining waits for the last sync.
        let closed = tokio::task::spawn_blocking(move || shared.let_go()).await;
        closed.map_err(|_| LogError::Unavailable("the writer of the embedded log failed".into()))
    }
}

impl Shared {
    /// The storage, while the log is open and can work again.
    fn open(&self) -> Result<Arc<dyn Storage>, LogError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(LogError::Closed);
        }
        let storage = self.storage.read().unwrap_or_else(PoisonError::into_inner);
        let sound = storage.clone().filter(|storage| !storage.is_lost());
        sound.ok_or(LogError::Closed)
    }

    /// Ends the writers once they have done all that waits, releases the storage, and wakes everybody to notice.
    fn let_go(&self) {
        self.lists.end();
        self.rest.end();
        self.storage
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for topic in Topic::ALL {
            self.topics.wake(topic);
        }
    }

    fn queue(&self, topic: Topic) -> &Queue {
        match Lane::of(topic) {
            Lane::Lists => &self.lists,
            Lane::Rest => &self.rest,
        }
    }

    /// Hands a part of a publication to its writer, once there is room for it.
    async fn enqueue(
        &self,
        topic: Topic,
        payload: Payload,
        bytes: usize,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Result<(), String>>, LogError> {
        let wanted = u32::try_from(bytes.min(QUEUE_BYTES)).unwrap_or(u32::MAX);
        let room = timeout_at(deadline, Arc::clone(&self.room).acquire_many_owned(wanted)).await;
        let room = room.map_err(|_| LogError::Unavailable("too much waits to be written".into()))?;
        let (answer, written) = oneshot::channel();
        self.queue(topic).send(Job::Publish {
            topic,
            payload,
            bytes,
            answer,
            room: room.ok(),
        })?;
        Ok(written)
    }

    /// Records as bytes, in parts that are written one after the other, each with its size in bytes.
    fn encode(&self, topic: Topic, records: &[Record]) -> Vec<(Payload, usize)> {
        if topic.retention() == Retention::LastOfKey {
            let parts = records.chunks(KEYED_AT_ONCE);
            return parts.map(|part| self.encode_keyed(topic, part)).collect();
        }
        vec![self.encode_stream(topic, records)]
    }

    fn encode_keyed(&self, topic: Topic, records: &[Record]) -> (Payload, usize) {
        let mut bytes = 0;
        let keyed = records.iter().map(|record| {
            let mut draft = Draft::new();
            draft.push(record);
            bytes += draft.len();
            Keyed {
                partition: self.topics.choose(topic, record.key.as_deref()),
                key: Bytes::copy_from_slice(record.key.as_deref().unwrap_or_default()),
                tombstone: record.value.is_none(),
                draft,
            }
        });
        (Payload::Keyed(keyed.collect()), bytes)
    }

    /// By partition.
    fn encode_stream(&self, topic: Topic, records: &[Record]) -> (Payload, usize) {
        let mut done = Vec::new();
        let mut drafts: BTreeMap<u32, Draft> = BTreeMap::new();
        for record in records {
            let partition = self.topics.choose(topic, record.key.as_deref());
            let draft = drafts.entry(partition).or_insert_with(Draft::new);
            draft.push(record);
            if draft.len() >= ENTRY_BYTES {
                done.extend(drafts.remove_entry(&partition));
            }
        }
        done.extend(drafts);
        let bytes = done.iter().map(|(_, draft)| draft.len()).sum::<usize>();
        (Payload::Stream(done), bytes)
    }

    /// Writes how far a group has come.
    async fn commit(&self, group: &str, offsets: BTreeMap<Partition, u64>) -> Result<(), LogError> {
        self.open()?;
        let (answer, written) = oneshot::channel();
        let deadline = Instant::now() + self.delivery_timeout;
        self.rest.send(Job::Commit {
            group: group.to_owned(),
            offsets,
            answer,
        })?;
        self.answered(written, deadline).await
    }

    async fn answered(
        &self,
        written: oneshot::Receiver<Result<(), String>>,
        deadline: Instant,
    ) -> Result<(), LogError> {
        let error = match timeout_at(deadline, written).await {
            Ok(Ok(Ok(()))) => {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Ok(());
            }
            Ok(Ok(Err(error))) => error,
            Ok(Err(_)) => "the writer of the embedded log failed".into(),
            Err(_) => "the disk did not answer in time".into(),
        };
        // Where it is closed, or writes no more, it does not help to try again.
        self.open()?;
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        *failed = Some(error.clone());
        Err(LogError::Unavailable(error))
    }

    fn join_group(&self, group: &str, topics: &[Topic], wake: &Arc<Notify>) -> u64 {
        let member = self.members.fetch_add(1, Ordering::Relaxed);
        let partitions: Vec<Partition> = self
            .topics
            .all()
            .filter(|(topic, _)| topics.contains(topic))
            .collect();
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.entry(group.to_owned()).or_default();
        group.join(member, &partitions, Arc::clone(wake), Instant::now());
        self.topics.watch(topics.iter().copied(), wake);
        member
    }

    /// Does something with a group, under its lock.
    fn with_group<T: Default>(&self, group: &str, act: impl FnOnce(&mut Group) -> T) -> T {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.get_mut(group).map(act).unwrap_or_default()
    }

    /// Where a group goes on: behind what it finished, or at the oldest record kept.
    fn committed(&self, group: &str, partition: Partition) -> u64 {
        let committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        let finished = committed
            .get(group)
            .and_then(|offsets| offsets.get(&partition))
            .copied();
        finished
            .unwrap_or_default()
            .max(self.topics.extent(partition).first)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.lists.end();
        self.rest.end();
    }
}

/// What is stored is not what was written.
fn damaged(step: &'static str) -> LogError {
    LogError::Storage {
        step,
        source: fjall::Error::Io(io::Error::new(
            io::ErrorKind::InvalidData,
            "the data directory is damaged",
        )),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::storage::{Change, Space};
    use super::*;

    /// Memory that is lost at the first write from some moment on, as a disk that is full.
    #[derive(Default)]
    struct Filling {
        memory: Memory,
        full: AtomicBool,
        lost: AtomicBool,
    }

    impl Storage for Filling {
        fn open_space(&self, space: Space) -> Result<(), LogError> {
            self.memory.open_space(space)
        }

        fn apply(&self, changes: Vec<Change>) -> Result<(), LogError> {
            if !self.full.load(Ordering::Acquire) {
                return self.memory.apply(changes);
            }
            self.lost.store(true, Ordering::Release);
            Err(damaged("write"))
        }

        fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, LogError> {
            self.memory.get(space, key)
        }

        fn scan(
            &self,
            space: Space,
            from: &[u8],
            visit: &mut dyn FnMut(&[u8], Bytes) -> bool,
        ) -> Result<(), LogError> {
            self.memory.scan(space, from, visit)
        }

        fn blocks(&self) -> bool {
            true
        }

        fn is_lost(&self) -> bool {
            self.lost.load(Ordering::Acquire)
        }
    }

    #[tokio::test]
    async fn a_log_that_writes_no_more_is_closed_so_that_nobody_tries_again_for_ever() {
        let storage = Arc::new(Filling::default());
        let log = EmbeddedLog::over(Arc::<Filling>::clone(&storage), &EmbeddedOptions::default());
        let log = log.unwrap();
        let mut consumer = log.subscribe("matcher", &[Topic::Reads]).await.unwrap();
        let publish = || log.publish(Topic::Reads, vec![Record::default()]);
        publish().await.unwrap();
        log.check().await.unwrap();
        storage.full.store(true, Ordering::Release);
        assert!(matches!(publish().await, Err(LogError::Closed)));
        assert!(matches!(log.check().await, Err(LogError::Closed)));
        let polled = consumer.poll(1, Duration::ZERO).await;
        assert!(matches!(polled, Err(LogError::Closed)));
        log.close().await.unwrap();
    }
}
