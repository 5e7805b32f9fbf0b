//! The least that a Kafka client can do: what a benchmark holds a matcher against.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::client::blocking;
use super::{KafkaLog, METADATA_TIMEOUT, error};
use crate::LogError;
use crate::topic::Topic;

const WAIT: Duration = Duration::from_millis(100);
/// How long nothing may come before it is clear that nothing will.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was drained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drained {
    /// Messages behind the first.
    pub records: u64,
    /// From the first message to the last, in seconds.
    pub elapsed_s: f64,
}

impl KafkaLog {
    /// Reads `records` messages of a topic from its beginning with librdkafka alone and throws them away: no group, no
    /// commits, no copies, but the settings that our own consumers fetch with.
    ///
    /// # Errors
    /// When the topic cannot be read, or has fewer messages.
    pub async fn drain_bare(&self, topic: Topic, records: u64) -> Result<Drained, LogError> {
        self.open()?;
        let (config, name) = (self.options.bare(), self.options.topic(topic));
        blocking(move || {
            let consumer: BaseConsumer = config
                .create()
                .map_err(|source| error("make a bare consumer", source))?;
            let metadata = consumer
                .fetch_metadata(Some(&name), METADATA_TIMEOUT)
                .map_err(|source| error("find the partitions", source))?;
            let mut all = TopicPartitionList::new();
            for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
                all.add_partition_offset(&name, partition.id(), Offset::Beginning)
                    .map_err(|source| error("choose the partitions", source))?;
            }
            consumer
                .assign(&all)
                .map_err(|source| error("choose the partitions", source))?;
            drain(&consumer, records)
        })
        .await?
    }
}

fn drain(consumer: &BaseConsumer, records: u64) -> Result<Drained, LogError> {
    let mut first: Option<Instant> = None;
    let (mut read, mut last) = (0, Instant::now());
    while read < records {
        match consumer.poll(WAIT) {
            Some(message) => {
                message.map_err(|source| error("read", source))?;
                first.get_or_insert_with(Instant::now);
                read += 1;
            }
            None if last.elapsed() > PATIENCE => {
                return Err(LogError::Unavailable("fewer messages than were asked for".into()));
            }
            None => continue,
        }
        if read % 1_000 == 0 {
            last = Instant::now();
        }
    }
    Ok(Drained {
        records: read.saturating_sub(1),
        elapsed_s: first.map_or(0.0, |first| first.elapsed().as_secs_f64()),
    })
}
