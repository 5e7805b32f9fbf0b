//! The log between the stages.
//!
//! **Enters:** records with a key, a time, headers and a value. **Leaves:** the same, in the order of their partition,
//! at least once to every group.
//! **Guaranteed:** [`Log::publish`] answers once its records are durable (Kafka: `acks=all`; embedded: synced to
//! disk); a group's [`Consumer`] takes up after a crash at the last committed offset; nothing is skipped.
//! **Not here:** what a record means beyond its envelope ([`wire`] has the types), and the effect exactly once:
//! consumers owe that to deterministic ids.
//!
//! Two engines behind one trait, one conformance suite: [`kafka`] for production, [`embedded`] for one machine.
//! Read [`Log`] first, then [`topic`]. [`trace`] follows one read from record to record.

pub mod embedded;
mod headers;
pub mod kafka;
mod partition;
pub mod ready;
pub mod topic;
pub mod trace;
pub mod wire;

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use thiserror::Error;

pub use headers::Headers;
pub use partition::partition_of;
use topic::{MAX_RECORD_BYTES, Retention, Topic};

/// What is published: an envelope and a payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Chooses the partition, and what a compacted topic keeps the last of. None spreads over partitions.
    pub key: Option<Bytes>,
    /// The payload; none is a tombstone: a compacted topic forgets the key.
    pub value: Option<Bytes>,
    /// Event time, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Names and values that a consumer may want before the payload is opened.
    pub headers: Vec<(&'static str, Bytes)>,
}

impl Record {
    /// Its bytes: key, value, names and values of headers.
    #[must_use]
    pub fn size(&self) -> usize {
        let length = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        length(&self.key) + length(&self.value) + headers.sum::<usize>()
    }
}

/// Where a record stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The topic.
    pub topic: Topic,
    /// Counted from 0.
    pub partition: u32,
    /// Counted from 0 within the partition; a compacted topic has gaps.
    pub offset: u64,
}

/// A record as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Where it stands.
    pub place: Place,
    /// As published.
    pub key: Option<Bytes>,
    /// As published; none is a tombstone.
    pub value: Option<Bytes>,
    /// As published.
    pub timestamp_ms: i64,
    /// As published.
    pub headers: Headers,
}

impl Delivered {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }
}

/// A log: topics of partitions of records.
#[async_trait]
pub trait Log: Send + Sync {
    /// Creates what is missing of every [`Topic`]; leaves existing topics as they are.
    ///
    /// # Errors
    /// When the log cannot be reached or refuses.
    async fn create_topics(&self) -> Result<(), LogError>;

    /// Appends records and answers once every one is durable. On an error some may be durable and others not: the
    /// caller publishes again, and ids make the effect single.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when durability could not be had within the engine's delivery timeout.
    async fn publish(&self, topic: Topic, records: Vec<Record>) -> Result<(), LogError>;

    /// Joins a group: its members share the topics' partitions, and offsets are kept by group.
    ///
    /// # Errors
    /// When the log cannot be reached or refuses.
    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, LogError>;

    /// Reads a topic outside any group, every partition, from the beginning or from its end as of now.
    ///
    /// # Errors
    /// When the log cannot be reached or refuses.
    async fn tail(&self, topic: Topic, from: Start) -> Result<Box<dyn Tail>, LogError>;

    /// Reads a stretch of one partition again, outside any group: what is kept of the records at `offsets`. It has caught up
    /// behind the last of them.
    ///
    /// # Errors
    /// When the log cannot be reached or refuses.
    async fn replay(
        &self,
        topic: Topic,
        partition: u32,
        offsets: Range<u64>,
    ) -> Result<Box<dyn Tail>, LogError>;

    /// Reads one record again; none where retention or compaction removed it.
    ///
    /// # Errors
    /// When the log cannot be reached or refuses.
    async fn read_at(&self, place: Place) -> Result<Option<Delivered>, LogError>;

    /// Whether records can be published and read right now.
    ///
    /// # Errors
    /// Says what is wrong.
    async fn check(&self) -> Result<(), LogError>;

    /// Waits until nothing is in flight, then lets go. Publishing afterwards is an error.
    ///
    /// # Errors
    /// When something could not be made durable in time.
    async fn close(&self) -> Result<(), LogError>;
}

/// One member of a group.
#[async_trait]
pub trait Consumer: Send {
    /// The next records, at most `max`, in order within each partition; empty after `wait` without any.
    ///
    /// Outages of the log are waited out inside; the same records may come again after one.
    ///
    /// # Errors
    /// Only what will not pass by itself.
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivered>, LogError>;

    /// Declares everything that [`Consumer::poll`] has returned so far as finished. A member calls it only when that
    /// is so: what was polled and not committed comes again after a crash, to this member or to another.
    ///
    /// # Errors
    /// When the commit could not be recorded; it may be tried again, or left to the next one.
    async fn commit(&mut self) -> Result<(), LogError>;

    /// How many records of the assigned partitions are still to come. Asks the log, which takes its time: the answer is waited for
    /// without the consumer, so that no record waits for it.
    fn lag(&self) -> BoxFuture<'static, Option<u64>>;
}

/// A reader of a whole topic, or of a stretch of it.
#[async_trait]
pub trait Tail: Send {
    /// The next records, at most `max`, in order within each partition; empty after `wait` without any, or when it
    /// turns out that the tail has caught up without any more.
    ///
    /// # Errors
    /// Only what will not pass by itself.
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivered>, LogError>;

    /// Whether everything that was in the topic, or in its stretch, when the tail was opened has been returned.
    fn caught_up(&self) -> bool;
}

/// Where a tail begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record kept.
    Beginning,
    /// Behind the newest record.
    End,
}

/// Which step of the log failed.
#[derive(Debug, Error)]
pub enum LogError {
    /// Not now: worth trying again.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// Kafka refuses.
    #[error("kafka: {step}")]
    Kafka {
        /// What was tried.
        step: &'static str,
        /// Why not.
        #[source]
        source: rdkafka::error::KafkaError,
    },
    /// Kafka will not make a topic.
    #[error("kafka refuses topic {topic}: make it by hand, or let this client make topics")]
    TopicRefused {
        /// Which topic.
        topic: String,
        /// Why not.
        #[source]
        source: rdkafka::error::KafkaError,
    },
    /// The storage of the embedded log fails.
    #[error("embedded log: {step}")]
    Storage {
        /// What was tried.
        step: &'static str,
        /// Why not.
        #[source]
        source: fjall::Error,
    },
    /// The data directory was written by another version of Steelring.
    #[error(
        "{directory} holds a log of format {found}, this version reads {known}: use the Steelring that wrote it"
    )]
    Format {
        /// Which directory.
        directory: String,
        /// The format found.
        found: String,
        /// The format known.
        known: u32,
    },
    /// Another process holds the data directory.
    #[error("{0} is in use by another process: stop it, or choose another data directory")]
    InUse(String),
    /// A record is too large for the log.
    #[error("a record of {size} bytes is larger than the {limit} bytes that the log takes")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A record of a compacted topic has no key.
    #[error("{topic} keeps the last record of every key and takes none without a key")]
    Keyless {
        /// Which topic.
        topic: &'static str,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// A value does not decode.
    #[error("{topic}: a value is not what the topic carries")]
    Value {
        /// Which topic.
        topic: &'static str,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
}

/// Refuses what no engine takes, before any of it is sent.
fn check_records(topic: Topic, records: &[Record]) -> Result<(), LogError> {
    for record in records {
        let length = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
        let headers = record
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len());
        let size = length(&record.key) + length(&record.value) + headers.sum::<usize>();
        if size > MAX_RECORD_BYTES {
            return Err(LogError::TooLarge {
                size,
                limit: MAX_RECORD_BYTES,
            });
        }
        if record.key.is_none() && topic.retention() == Retention::LastOfKey {
            return Err(LogError::Keyless { topic: topic.name() });
        }
    }
    Ok(())
}
