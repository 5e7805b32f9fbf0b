//! A member of a group.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::time::{Instant, timeout, timeout_at};

use super::client::{Leaving, Quiet, blocking, passes};
use super::gather::Gather;
use super::options::KafkaOptions;
use super::{METADATA_TIMEOUT, error};
use crate::topic::Topic;
use crate::{Consumer, Delivered, LogError};

/// How long a commit may take: past that it counts as not recorded.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most records that a poll makes room for at once.
const ROOM_RECORDS: usize = 1024;

type Partition = (Topic, u32);

/// What librdkafka tells a reader, on the thread that polls.
pub(super) struct Told {
    quiet: Quiet,
    topics: Vec<(String, Topic)>,
    revoked: Mutex<Vec<Partition>>,
    /// What [`Consumer::commit`] was asked for and could not record: tried again before the partition goes.
    owed: Mutex<BTreeMap<Partition, u64>>,
}

impl Told {
    fn topic(&self, name: &str) -> Option<Topic> {
        let known = self.topics.iter().find(|(known, _)| known == name);
        known.map(|(_, topic)| *topic)
    }

    fn name(&self, topic: Topic) -> &str {
        let known = self.topics.iter().find(|(_, known)| *known == topic);
        known.map_or(topic.name(), |(name, _)| name)
    }

    fn list(&self, offsets: &BTreeMap<Partition, u64>) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in offsets {
            let offset = Offset::Offset(offset.cast_signed());
            list.add_partition_offset(self.name(*topic), partition.cast_signed(), offset)?;
        }
        Ok(list)
    }

    fn pay(&self, consumer: &BaseConsumer<Self>, revoked: &[Partition]) {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        owed.retain(|partition, _| revoked.contains(partition));
        let owed = std::mem::take(&mut *owed);
        if owed.is_empty() || consumer.assignment_lost() {
            return;
        }
        let paid = self
            .list(&owed)
            .and_then(|list| consumer.commit(&list, CommitMode::Sync));
        if let Err(error) = paid {
            tracing::warn!(%error, "finished records of a partition that moves come again elsewhere");
        }
    }
}

impl ClientContext for Told {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.quiet.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition comes this way too, and is no outage.
        if !matches!(&error, KafkaError::Global(code) if *code == rdkafka::error::RDKafkaErrorCode::PartitionEOF)
        {
            self.quiet.error(error, reason);
        }
    }
}

impl ConsumerContext for Told {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let (change, list) = match rebalance {
            Rebalance::Assign(list) => ("assigned", list),
            Rebalance::Revoke(list) => ("revoked", list),
            Rebalance::Error(error) => return tracing::warn!(%error, "a rebalance failed"),
        };
        let moved: Vec<Partition> = list
            .elements()
            .iter()
            .filter_map(|element| Some((self.topic(element.topic())?, element.partition().cast_unsigned())))
            .collect();
        tracing::debug!(
            client = self.quiet.name,
            partitions = moved.len(),
            change,
            "partitions move"
        );
        if change == "revoked" {
            self.pay(consumer, &moved);
            self.revoked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(moved);
        }
    }
}

/// A librdkafka consumer that is read in batches, and dropped without holding anybody up.
pub(super) struct Reader {
    native: Option<Arc<StreamConsumer<Told>>>,
    leaving: Arc<Leaving>,
    gather: Gather,
}

/// What a read brought.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Delivered>,
    /// Partitions whose end was reached.
    pub(super) ends: Vec<u32>,
}

impl Reader {
    pub(super) fn new(
        config: &ClientConfig,
        name: &'static str,
        topics: Vec<(String, Topic)>,
        leaving: Arc<Leaving>,
    ) -> Result<Self, LogError> {
        let told = Told {
            quiet: Quiet::new(name),
            topics,
            revoked: Mutex::default(),
            owed: Mutex::default(),
        };
        let native =
            StreamConsumer::from_config_and_context(config, told).map_err(|source| LogError::Kafka {
                step: "make a consumer: check the kafka settings",
                source,
            })?;
        Ok(Self {
            native: Some(Arc::new(native)),
            leaving,
            gather: Gather::default(),
        })
    }

    pub(super) fn native(&self) -> Result<&Arc<StreamConsumer<Told>>, LogError> {
        self.native.as_ref().ok_or(LogError::Closed)
    }

    /// Reads what there is, at most `max`; waits until `deadline` for the first. Cancelling it loses nothing: after the
    /// first message nothing is awaited.
    pub(super) async fn next(&mut self, max: usize, deadline: Instant) -> Result<Batch, LogError> {
        let native = Arc::clone(self.native()?);
        let mut batch = Batch::default();
        if max == 0 {
            return Ok(batch);
        }
        let mut stream = native.stream();
        loop {
            let Ok(Some(first)) = timeout_at(deadline, stream.next()).await else {
                return Ok(batch);
            };
            let told = native.context();
            self.take(told, first, &mut batch)?;
            batch.records.reserve(max.min(ROOM_RECORDS));
            while batch.records.len() < max
                && let Some(Some(further)) = stream.next().now_or_never()
            {
                self.take(told, further, &mut batch)?;
            }
            if !batch.records.is_empty() || !batch.ends.is_empty() {
                if !batch.records.is_empty() {
                    told.quiet.outage.over(told.quiet.name);
                }
                return Ok(batch);
            }
        }
    }

    fn take(
        &mut self,
        told: &Told,
        message: Result<BorrowedMessage<'_>, KafkaError>,
        batch: &mut Batch,
    ) -> Result<(), LogError> {
        match message {
            Ok(message) => {
                let last = batch.records.last().map(|record| record.place.topic);
                let topic = match last {
                    Some(last) if told.topics.len() == 1 => Some(last),
                    _ => told.topic(message.topic()),
                };
                if let Some(topic) = topic {
                    batch.records.push(self.gather.take(topic, &message));
                }
                Ok(())
            }
            Err(KafkaError::PartitionEOF(partition)) => {
                batch.ends.push(partition.cast_unsigned());
                Ok(())
            }
            // Told to the context already, which says it once an outage.
            Err(source) if passes(&source) => Ok(()),
            // What was read before the error is kept by the cluster: nothing of it was committed.
            Err(source) => Err(LogError::Kafka { step: "read", source }),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(native) = self.native.take() {
            self.leaving.leave(native);
        }
    }
}

/// A member of a group. Dropping it leaves the group; what it has not committed comes again elsewhere.
pub(super) struct KafkaConsumer {
    reader: Reader,
    group: String,
    /// Behind the last record returned, of partitions that are still assigned.
    positions: BTreeMap<Partition, u64>,
    committed: BTreeMap<Partition, u64>,
}

impl KafkaConsumer {
    pub(super) fn join(
        options: &KafkaOptions,
        group: &str,
        topics: &[Topic],
        leaving: Arc<Leaving>,
    ) -> Result<Self, LogError> {
        let names: Vec<(String, Topic)> = topics
            .iter()
            .map(|topic| (options.topic(*topic), *topic))
            .collect();
        let subscribed: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        let reader = Reader::new(&options.member(group), "consumer", names.clone(), leaving)?;
        reader
            .native()?
            .subscribe(&subscribed)
            .map_err(|source| error("subscribe", source))?;
        Ok(Self {
            reader,
            group: group.to_owned(),
            positions: BTreeMap::new(),
            committed: BTreeMap::new(),
        })
    }

    fn forget_revoked(&mut self) -> Result<(), LogError> {
        let told = self.reader.native()?.context();
        let revoked = std::mem::take(&mut *told.revoked.lock().unwrap_or_else(PoisonError::into_inner));
        for partition in revoked {
            self.positions.remove(&partition);
            self.committed.remove(&partition);
        }
        Ok(())
    }

    /// What was returned and is not known to be committed.
    fn uncommitted(&self) -> BTreeMap<Partition, u64> {
        let moved = self.positions.iter();
        let moved = moved.filter(|(partition, position)| self.committed.get(partition) != Some(position));
        moved
            .map(|(partition, position)| (*partition, *position))
            .collect()
    }

    async fn record(&self, offsets: &BTreeMap<Partition, u64>) -> Result<(), LogError> {
        let native = Arc::clone(self.reader.native()?);
        let list = native
            .context()
            .list(offsets)
            .map_err(|source| error("commit", source))?;
        let recorded = blocking(move || native.commit(&list, CommitMode::Sync));
        match timeout(COMMIT_TIMEOUT, recorded).await {
            Ok(recorded) => recorded?.map_err(|source| error("commit", source)),
            Err(_) => Err(LogError::Unavailable("a commit was not answered in time".into())),
        }
    }

    fn owe(&self, offsets: BTreeMap<Partition, u64>) {
        if let Ok(native) = self.reader.native() {
            let told = native.context();
            *told.owed.lock().unwrap_or_else(PoisonError::into_inner) = offsets;
        }
    }
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivered>, LogError> {
        let batch = self.reader.next(max, Instant::now() + wait).await;
        // Before the positions of this batch: what was revoked before its records came is not what they came from.
        self.forget_revoked()?;
        let records = batch?.records;
        for part in records.chunk_by(|a, b| a.place.topic == b.place.topic) {
            let topic = part[0].place.topic.name();
            metrics::counter!("steelring_log_consumed_total", "topic" => topic, "group" => self.group.clone())
                .increment(part.len() as u64);
        }
        for record in &records {
            let place = record.place;
            self.positions
                .insert((place.topic, place.partition), place.offset + 1);
        }
        Ok(records)
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        let moved = self.uncommitted();
        if moved.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.record(&moved).await {
            metrics::counter!("steelring_log_commit_errors_total", "group" => self.group.clone())
                .increment(1);
            self.owe(moved);
            return Err(error);
        }
        self.owe(BTreeMap::new());
        self.committed.extend(moved);
        Ok(())
    }

    fn lag(&self) -> BoxFuture<'static, Option<u64>> {
        let native = self.reader.native().ok().map(Arc::clone);
        let positions = self.positions.clone();
        Box::pin(async move {
            let native = native?;
            blocking(move || behind(&native, &positions)).await.ok()?
        })
    }
}

/// How many records are behind these positions, or behind what was committed of an assigned partition that has none.
fn behind(native: &StreamConsumer<Told>, positions: &BTreeMap<Partition, u64>) -> Option<u64> {
    let assigned = native.assignment().ok()?;
    if assigned.count() == 0 {
        return Some(0);
    }
    let committed = native.committed_offsets(assigned, METADATA_TIMEOUT).ok()?;
    let mut behind = 0;
    for element in committed.elements() {
        let (name, partition) = (element.topic(), element.partition());
        // Each is answered when the fetch that is on its way is.
        let (low, high) = native.fetch_watermarks(name, partition, METADATA_TIMEOUT).ok()?;
        let topic = native.context().topic(name)?;
        let read = positions.get(&(topic, partition.cast_unsigned())).copied();
        let at = match (read, element.offset()) {
            (Some(read), _) => read.cast_signed(),
            (None, Offset::Offset(committed)) => committed,
            (None, _) => low,
        };
        behind += high.saturating_sub(at.max(low)).max(0).cast_unsigned();
    }
    Some(behind)
}
