//! Reading whole topics, and single records, outside any group.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::{Instant, sleep};

use super::client::{Leaving, blocking, passes};
use super::consumer::Reader;
use super::options::KafkaOptions;
use super::producer::Native;
use super::topics::LEADER_PAUSE;
use super::{METADATA_TIMEOUT, error};
use crate::topic::Topic;
use crate::{Delivered, LogError, Place, Start, Tail};

/// How long reading one record may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a partition begins and ends.
#[derive(Clone, Copy)]
pub(super) struct Watermarks {
    low: u64,
    high: u64,
}

/// Where every partition of a topic begins and ends now. A topic that was just made, or that loses its leader, answers
/// after a moment.
pub(super) async fn ends(
    options: &KafkaOptions,
    native: Arc<Native>,
    topic: Topic,
) -> Result<BTreeMap<u32, Watermarks>, LogError> {
    let deadline = Instant::now() + METADATA_TIMEOUT;
    loop {
        let (native, name) = (Arc::clone(&native), options.topic(topic));
        match blocking(move || all_watermarks(&native, &name)).await? {
            Ok(ends) if !ends.is_empty() => return Ok(ends),
            Err(source) if !passes(&source) || Instant::now() >= deadline => {
                return Err(error("ask where a topic ends", source));
            }
            Ok(_) if Instant::now() >= deadline => {
                return Err(LogError::Unavailable(format!(
                    "topic {} is missing",
                    options.topic(topic)
                )));
            }
            _ => sleep(LEADER_PAUSE).await,
        }
    }
}

fn all_watermarks(native: &Native, name: &str) -> Result<BTreeMap<u32, Watermarks>, KafkaError> {
    let found = native.client().fetch_metadata(Some(name), METADATA_TIMEOUT)?;
    let partitions = found.topics().iter().flat_map(|topic| topic.partitions());
    partitions
        .map(|partition| watermarks(native, name, partition.id()))
        .collect()
}

fn watermarks(native: &Native, name: &str, partition: i32) -> Result<(u32, Watermarks), KafkaError> {
    let (low, high) = native
        .client()
        .fetch_watermarks(name, partition, METADATA_TIMEOUT)?;
    let watermarks = Watermarks {
        low: low.max(0).cast_unsigned(),
        high: high.max(0).cast_unsigned(),
    };
    Ok((partition.cast_unsigned(), watermarks))
}

/// What is kept of a stretch of one partition; the whole of no other.
pub(super) fn stretch(
    ends: &BTreeMap<u32, Watermarks>,
    partition: u32,
    offsets: &Range<u64>,
) -> BTreeMap<u32, Range<u64>> {
    let kept = ends.get(&partition).into_iter();
    kept.map(|kept| (partition, offsets.start.max(kept.low)..offsets.end.min(kept.high)))
        .collect()
}

/// A reader of a whole topic: of the partitions that it has when it is opened; or of stretches of them.
pub(super) struct KafkaTail {
    reader: Reader,
    /// Partitions that have not yet been read to where they ended when the tail was opened, and where that was.
    behind: BTreeMap<u32, u64>,
    /// Where a stretch ends for good; a tail of a whole topic goes on.
    stops: BTreeMap<u32, u64>,
}

impl KafkaTail {
    pub(super) fn open(
        options: &KafkaOptions,
        topic: Topic,
        from: Start,
        ends: BTreeMap<u32, Watermarks>,
        leaving: Arc<Leaving>,
    ) -> Result<Self, LogError> {
        let start = |ends: &Watermarks| match from {
            Start::Beginning => ends.low,
            Start::End => ends.high,
        };
        let parts = ends
            .iter()
            .map(|(partition, ends)| (*partition, start(ends)..ends.high));
        let tail = Self::of(options, topic, parts.collect(), leaving)?;
        Ok(Self {
            stops: BTreeMap::new(),
            ..tail
        })
    }

    /// A reader of these offsets of these partitions.
    pub(super) fn of(
        options: &KafkaOptions,
        topic: Topic,
        parts: BTreeMap<u32, Range<u64>>,
        leaving: Arc<Leaving>,
    ) -> Result<Self, LogError> {
        let starts = parts
            .iter()
            .map(|(partition, offsets)| (*partition, offsets.start));
        let reader = assigned(options, "tail", topic, starts, leaving)?;
        let ends = parts.iter().map(|(partition, offsets)| (*partition, offsets.end));
        let behind = parts.iter().filter(|(_, offsets)| !offsets.is_empty());
        Ok(Self {
            reader,
            behind: behind
                .map(|(partition, offsets)| (*partition, offsets.end))
                .collect(),
            stops: ends.collect(),
        })
    }
}

#[async_trait]
impl Tail for KafkaTail {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivered>, LogError> {
        let deadline = Instant::now() + wait;
        let is_stretch = !self.stops.is_empty();
        if is_stretch && self.caught_up() {
            return Ok(Vec::new());
        }
        loop {
            let mut batch = self.reader.next(max, deadline).await?;
            for record in &batch.records {
                let Place {
                    partition, offset, ..
                } = record.place;
                if self.behind.get(&partition).is_some_and(|end| offset + 1 >= *end) {
                    self.behind.remove(&partition);
                }
            }
            // The end may be a gap: compaction and aborted transactions leave offsets without records.
            let caught_up = !batch.ends.is_empty() && !self.behind.is_empty();
            for partition in batch.ends {
                self.behind.remove(&partition);
            }
            let now_caught_up = caught_up && self.behind.is_empty();
            let stops = &self.stops;
            let wanted = |place: Place| {
                stops
                    .get(&place.partition)
                    .is_none_or(|stop| place.offset < *stop)
            };
            batch.records.retain(|record| wanted(record.place));
            if !batch.records.is_empty() || now_caught_up || Instant::now() >= deadline {
                return Ok(batch.records);
            }
        }
    }

    fn caught_up(&self) -> bool {
        self.behind.is_empty()
    }
}

/// Reads one record.
pub(super) async fn read_at(
    options: &KafkaOptions,
    native: Arc<Native>,
    place: Place,
    leaving: Arc<Leaving>,
) -> Result<Option<Delivered>, LogError> {
    let ends = ends(options, native, place.topic).await?;
    let kept = ends.get(&place.partition);
    if !kept.is_some_and(|ends| (ends.low..ends.high).contains(&place.offset)) {
        return Ok(None);
    }
    let start = [(place.partition, place.offset)].into_iter();
    let mut reader = assigned(options, "reader", place.topic, start, leaving)?;
    let deadline = Instant::now() + READ_TIMEOUT;
    while Instant::now() < deadline {
        let batch = reader.next(1, deadline).await?;
        if let Some(record) = batch.records.into_iter().next() {
            // Compacted away: the next one is what comes.
            return Ok(Some(record).filter(|record| record.place == place));
        }
        if !batch.ends.is_empty() {
            return Ok(None);
        }
    }
    Err(LogError::Unavailable("a record was not read in time".into()))
}

/// A reader of given partitions from given offsets on.
fn assigned(
    options: &KafkaOptions,
    name: &'static str,
    topic: Topic,
    starts: impl Iterator<Item = (u32, u64)>,
    leaving: Arc<Leaving>,
) -> Result<Reader, LogError> {
    let topic_name = options.topic(topic);
    let reader = Reader::new(&options.tail(), name, vec![(topic_name.clone(), topic)], leaving)?;
    let mut list = TopicPartitionList::new();
    for (partition, offset) in starts {
        list.add_partition_offset(
            &topic_name,
            partition.cast_signed(),
            Offset::Offset(offset.cast_signed()),
        )
        .map_err(|source| error("place a reader", source))?;
    }
    reader
        .native()?
        .assign(&list)
        .map_err(|source| error("place a reader", source))?;
    Ok(reader)
}
