//! A member of a group, and a reader of a whole topic.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{BoxFuture, ready};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::reader::Cursors;
use super::topics::Partition;
use crate::topic::Topic;
use crate::{Consumer, Delivered, LogError, Start, Tail};

/// A member of a group. Dropping it passes its partitions on; what it has not committed comes again elsewhere.
pub(super) struct EmbeddedConsumer {
    shared: Arc<Shared>,
    group: String,
    member: u64,
    wake: Arc<Notify>,
    owned: BTreeMap<Partition, u64>,
    cursors: Cursors,
    committed: BTreeMap<Partition, u64>,
}

impl EmbeddedConsumer {
    pub(super) fn join(shared: Arc<Shared>, group: &str, topics: &[Topic]) -> Self {
        let wake = Arc::new(Notify::new());
        let member = shared.join_group(group, topics, &wake);
        let mut consumer = Self {
            shared,
            group: group.to_owned(),
            member,
            wake,
            owned: BTreeMap::new(),
            cursors: Cursors::default(),
            committed: BTreeMap::new(),
        };
        consumer.claim();
        consumer
    }

    /// Takes and gives up partitions as the group says; when to ask again unless woken.
    fn claim(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let claim = self
            .shared
            .with_group(&self.group, |group| group.claim(self.member, now));
        for (partition, epoch) in &self.owned {
            if claim.owned.get(partition) != Some(epoch) {
                self.cursors.leave(*partition);
                self.committed.remove(partition);
            }
        }
        for (partition, epoch) in &claim.owned {
            if self.owned.get(partition) != Some(epoch) {
                let at = self.shared.committed(&self.group, *partition);
                self.cursors.stand(*partition, at);
                self.committed.insert(*partition, at);
            }
        }
        self.owned = claim.owned;
        claim.again
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivered>, LogError> {
        let deadline = Instant::now() + wait;
        loop {
            self.shared.open()?;
            let again = self.claim();
            let records = self.cursors.next(&self.shared, max).await?;
            if !records.is_empty() {
                count(&self.group, &records);
                return Ok(records);
            }
            let until = again.map_or(deadline, |again| again.min(deadline));
            if timeout_at(until, self.wake.notified()).await.is_err() && until == deadline {
                return Ok(records);
            }
        }
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        let moved = self.cursors.positions().filter(|(partition, position)| {
            let held = self.owned.get(partition).is_some_and(|epoch| {
                self.shared
                    .with_group(&self.group, |group| group.holds(self.member, *partition, *epoch))
            });
            held && self.committed.get(partition) != Some(position)
        });
        let moved: BTreeMap<Partition, u64> = moved.collect();
        if moved.is_empty() {
            return self.shared.open().map(drop);
        }
        if let Err(error) = self.shared.commit(&self.group, moved.clone()).await {
            metrics::counter!("steelring_log_commit_errors_total", "group" => self.group.clone())
                .increment(1);
            return Err(error);
        }
        self.committed.extend(moved);
        Ok(())
    }

    fn lag(&self) -> BoxFuture<'static, Option<u64>> {
        let behind = self.cursors.positions().map(|(partition, position)| {
            let next = self.shared.topics.extent(partition).next;
            next.saturating_sub(position)
        });
        Box::pin(ready(Some(behind.sum())))
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        let now = Instant::now();
        self.shared
            .with_group(&self.group, |group| group.leave(self.member, now));
    }
}

/// One sum for each topic of a batch.
fn count(group: &str, records: &[Delivered]) {
    for part in records.chunk_by(|a, b| a.place.topic == b.place.topic) {
        let topic = part[0].place.topic.name();
        metrics::counter!("steelring_log_consumed_total", "topic" => topic, "group" => group.to_owned())
            .increment(part.len() as u64);
    }
}

/// A reader of a whole topic.
pub(super) struct EmbeddedTail {
    shared: Arc<Shared>,
    wake: Arc<Notify>,
    cursors: Cursors,
    /// Where each partition ended when the tail was opened.
    ends: BTreeMap<Partition, u64>,
}

impl EmbeddedTail {
    pub(super) fn open(shared: Arc<Shared>, topic: Topic, from: Start) -> Self {
        let wake = Arc::new(Notify::new());
        shared.topics.watch([topic], &wake);
        let mut cursors = Cursors::default();
        let mut ends = BTreeMap::new();
        for partition in shared.topics.all().filter(|(of, _)| *of == topic) {
            let extent = shared.topics.extent(partition);
            ends.insert(partition, extent.next);
            let at = match from {
                Start::Beginning => extent.first,
                Start::End => extent.next,
            };
            cursors.stand(partition, at);
        }
        Self {
            shared,
            wake,
            cursors,
            ends,
        }
    }
}

#[async_trait]
impl Tail for EmbeddedTail {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivered>, LogError> {
        let deadline = Instant::now() + wait;
        let was_behind = !self.caught_up();
        loop {
            self.shared.open()?;
            let records = self.cursors.next(&self.shared, max).await?;
            // Compaction may leave no record at all before the end.
            let done = !records.is_empty() || (was_behind && self.caught_up());
            if done || timeout_at(deadline, self.wake.notified()).await.is_err() {
                return Ok(records);
            }
        }
    }

    fn caught_up(&self) -> bool {
        self.cursors
            .positions()
            .all(|(partition, position)| self.ends.get(&partition).is_none_or(|end| position >= *end))
    }
}

/// A reader of a stretch of one partition.
pub(super) struct EmbeddedReplay {
    shared: Arc<Shared>,
    /// Where it stands in that partition.
    cursors: Cursors,
    end: u64,
}

impl EmbeddedReplay {
    pub(super) fn open(shared: Arc<Shared>, partition: Partition, offsets: Range<u64>) -> Self {
        let extent = shared.topics.extent(partition);
        let mut cursors = Cursors::default();
        cursors.stand(partition, offsets.start.max(extent.first));
        Self {
            shared,
            cursors,
            end: offsets.end.min(extent.next),
        }
    }
}

#[async_trait]
impl Tail for EmbeddedReplay {
    async fn poll(&mut self, max: usize, _wait: Duration) -> Result<Vec<Delivered>, LogError> {
        self.shared.open()?;
        if self.caught_up() {
            return Ok(Vec::new());
        }
        let mut records = self.cursors.next(&self.shared, max).await?;
        records.retain(|record| record.place.offset < self.end);
        Ok(records)
    }

    fn caught_up(&self) -> bool {
        self.cursors.positions().all(|(_, position)| position >= self.end)
    }
}
