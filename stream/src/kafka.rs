//! The Kafka engine: production, and every claim about durability and scale. The only place that names rdkafka.
//!
//! **Guaranteed:** a publish is acknowledged once every in-sync replica has it (`acks=all`, idempotent, every delivery
//! report awaited). A group goes on behind what its members committed. A member's [`crate::Consumer::commit`] covers
//! what [`crate::Consumer::poll`] returned, but for partitions that moved to another member in between: those are left
//! out, and the other member reads their records again. So a record is processed at least once, and twice around a
//! rebalance, a crash or an outage; deterministic ids make the effect single.
//! **Waited out:** a broker that is away, inside `poll`, and for at most the delivery timeout inside `publish`.
//! **Not here:** transactions, schemas, topics' later growth: partitions and retention of existing topics are the
//! cluster administrator's.

mod bare;
mod client;
mod consumer;
mod gather;
mod options;
mod producer;
mod tail;
mod topics;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::topic::Topic;
use crate::{Consumer, Delivered, Log, LogError, Place, Record, Start, Tail, check_records};
use client::{Leaving, blocking};
use consumer::KafkaConsumer;
use producer::Producer;
use tail::KafkaTail;

pub use bare::Drained;
pub use options::{DELIVERY_TIMEOUT, KafkaOptions, REPLICATION};

/// How long a question to the cluster may take: longer means away.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
/// How long `check` waits: whoever asks is waiting for an answer too.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer of `check` holds, so that asking at every request costs the cluster one question a second.
const CHECK_HOLDS: Duration = Duration::from_secs(1);
/// How long `close` waits for members to leave their groups; past that the cluster notices by itself.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A log on a Kafka cluster.
pub struct KafkaLog {
    options: Arc<KafkaOptions>,
    producer: Producer,
    checked: Mutex<Option<(Instant, Result<(), String>)>>,
    closed: AtomicBool,
    leaving: Arc<Leaving>,
}

impl KafkaLog {
    /// Prepares a log on a cluster. The cluster need not be there yet: [`Log::check`] says whether it is.
    ///
    /// # Errors
    /// When librdkafka refuses the options.
    pub fn connect(options: KafkaOptions) -> Result<Self, LogError> {
        let options = Arc::new(options);
        Ok(Self {
            producer: Producer::new(Arc::clone(&options))?,
            options,
            checked: Mutex::default(),
            closed: AtomicBool::new(false),
            leaving: Arc::default(),
        })
    }

    /// Deletes the topics of this log and everything in them: for whoever made them under a prefix of their own.
    ///
    /// # Errors
    /// When the cluster cannot be reached or refuses.
    pub async fn delete_topics(&self) -> Result<(), LogError> {
        self.open()?;
        topics::delete(&self.options, self.producer.client()).await
    }

    fn open(&self) -> Result<(), LogError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(LogError::Closed);
        }
        Ok(())
    }
}

#[async_trait]
impl Log for KafkaLog {
    async fn create_topics(&self) -> Result<(), LogError> {
        self.open()?;
        topics::create(&self.options, self.producer.client()).await
    }

    async fn publish(&self, topic: Topic, records: Vec<Record>) -> Result<(), LogError> {
        self.open()?;
        check_records(topic, &records)?;
        let count = records.len() as u64;
        self.producer.publish(topic, &records).await?;
        metrics::counter!("steelring_log_published_total", "topic" => topic.name()).increment(count);
        Ok(())
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>, LogError> {
        self.open()?;
        let leaving = Arc::clone(&self.leaving);
        Ok(Box::new(KafkaConsumer::join(
            &self.options,
            group,
            topics,
            leaving,
        )?))
    }

    async fn tail(&self, topic: Topic, from: Start) -> Result<Box<dyn Tail>, LogError> {
        self.open()?;
        let leaving = Arc::clone(&self.leaving);
        let ends = tail::ends(&self.options, self.producer.client(), topic).await?;
        Ok(Box::new(KafkaTail::open(
            &self.options,
            topic,
            from,
            ends,
            leaving,
        )?))
    }

    async fn replay(
        &self,
        topic: Topic,
        partition: u32,
        offsets: Range<u64>,
    ) -> Result<Box<dyn Tail>, LogError> {
        self.open()?;
        let leaving = Arc::clone(&self.leaving);
        let ends = tail::ends(&self.options, self.producer.client(), topic).await?;
        let stretch = tail::stretch(&ends, partition, &offsets);
        Ok(Box::new(KafkaTail::of(&self.options, topic, stretch, leaving)?))
    }

    async fn read_at(&self, place: Place) -> Result<Option<Delivered>, LogError> {
        self.open()?;
        let leaving = Arc::clone(&self.leaving);
        tail::read_at(&self.options, self.producer.client(), place, leaving).await
    }

    async fn check(&self) -> Result<(), LogError> {
        self.open()?;
        let mut checked = self.checked.lock().await;
        if let Some((at, found)) = &*checked
            && at.elapsed() < CHECK_HOLDS
        {
            return found.clone().map_err(LogError::Unavailable);
        }
        let producer = self.producer.client();
        let name = self.options.topic(Topic::Reads);
        let found = blocking(move || {
            let found = producer.client().fetch_metadata(Some(&name), CHECK_TIMEOUT);
            let found = found.map_err(|error| error.to_string())?;
            topics::has_leaders(&found, &name)
        });
        let found = found.await?;
        *checked = Some((Instant::now(), found.clone()));
        found.map_err(LogError::Unavailable)
    }

    async fn close(&self) -> Result<(), LogError> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let flushed = self.producer.flush().await;
        self.leaving.wait(LEAVE_TIMEOUT).await;
        flushed
    }
}

/// An error of a step that will not pass by itself, or that is worth trying again.
fn error(step: &'static str, source: KafkaError) -> LogError {
    if client::passes(&source) {
        return LogError::Unavailable(format!("{step}: {source}"));
    }
    LogError::Kafka { step, source }
}
