//! Between the world, which waits for nobody, and the log, which may be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stream::topic::Topic;
use stream::{Log, LogError, Record};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// First and longest pause before a batch is published again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What waits to be published on one topic, and how much of it there is.
pub(crate) struct Outbox<T> {
    sender: Sender<T>,
    waiting: Arc<AtomicU64>,
    kind: &'static str,
}

/// The other end of an [`Outbox`].
pub(crate) struct Publisher<T> {
    receiver: Receiver<T>,
    waiting: Arc<AtomicU64>,
    log: Arc<dyn Log>,
    topic: Topic,
}

/// A queue of at most `limit` for a topic; `kind` labels its metrics.
pub(crate) fn outbox<T: Send>(
    log: Arc<dyn Log>,
    topic: Topic,
    kind: &'static str,
    limit: usize,
) -> (Outbox<T>, Publisher<T>) {
    let (sender, receiver) = channel(limit);
    let waiting = Arc::new(AtomicU64::new(0));
    let publisher = Publisher {
        receiver,
        waiting: Arc::clone(&waiting),
        log,
        topic,
    };
    let outbox = Outbox {
        sender,
        waiting,
        kind,
    };
    (outbox, publisher)
}

impl<T> Outbox<T> {
    /// Queues a thing; one that finds the queue full is dropped and counted.
    pub(crate) fn put(&self, thing: T) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.sender.try_send(thing).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.lose(1);
        }
    }

    /// Counts what will not be sent.
    pub(crate) fn lose(&self, number: u64) {
        if number > 0 {
            metrics::counter!("steelring_simulator_unsent_total", "kind" => self.kind).increment(number);
        }
    }

    /// Nothing more comes. What the returned count holds at the end was not sent.
    pub(crate) fn close(self) -> (&'static str, Arc<AtomicU64>) {
        (self.kind, self.waiting)
    }
}

impl<T: Send> Publisher<T> {
    /// The next things, at most `max`; none at the end.
    pub(crate) async fn next(&mut self, max: usize) -> Option<Vec<T>> {
        let mut batch = Vec::new();
        let received = self.receiver.recv_many(&mut batch, max).await;
        (received > 0).then_some(batch)
    }

    /// Whether so much waits that niceties must go.
    pub(crate) fn is_crowded(&self) -> bool {
        self.receiver.len() * 2 > self.receiver.max_capacity()
    }

    /// Publishes records, again and again until the log takes them.
    ///
    /// # Errors
    /// Only where the log was closed.
    pub(crate) async fn publish(&self, records: Vec<Record>) -> Result<(), LogError> {
        let number = records.len() as u64;
        let mut pause = RETRY.0;
        loop {
            match self.log.publish(self.topic, records.clone()).await {
                Ok(()) => break,
                Err(LogError::Closed) => return Err(LogError::Closed),
                Err(error) => {
                    metrics::counter!("steelring_simulator_retries_total").increment(1);
                    tracing::warn!(topic = %self.topic, %error, "the log takes no records, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
        self.waiting.fetch_sub(number, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::ops::Range;

    use stream::{Consumer, Delivered, Place, Start, Tail};

    /// A log that is away for its first publishes.
    #[derive(Default)]
    struct Flaky {
        away: AtomicU64,
        kept: AtomicU64,
    }

    #[async_trait]
    impl Log for Flaky {
        async fn create_topics(&self) -> Result<(), LogError> {
            Ok(())
        }
        async fn publish(&self, _: Topic, records: Vec<Record>) -> Result<(), LogError> {
            if self.away.load(Ordering::Relaxed) > 0 {
                self.away.fetch_sub(1, Ordering::Relaxed);
                return Err(LogError::Unavailable("away".into()));
            }
            self.kept.fetch_add(records.len() as u64, Ordering::Relaxed);
            Ok(())
        }
        async fn subscribe(&self, _: &str, _: &[Topic]) -> Result<Box<dyn Consumer>, LogError> {
            Err(LogError::Closed)
        }
        async fn tail(&self, _: Topic, _: Start) -> Result<Box<dyn Tail>, LogError> {
            Err(LogError::Closed)
        }
        async fn replay(&self, _: Topic, _: u32, _: Range<u64>) -> Result<Box<dyn Tail>, LogError> {
            Err(LogError::Closed)
        }
        async fn read_at(&self, _: Place) -> Result<Option<Delivered>, LogError> {
            Ok(None)
        }
        async fn check(&self) -> Result<(), LogError> {
            Ok(())
        }
        async fn close(&self) -> Result<(), LogError> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_the_log_is_waited_out_and_nothing_queued_is_lost() {
        let log = Arc::new(Flaky::default());
        log.away.store(5, Ordering::Relaxed);
        let (outbox, mut publisher) = outbox::<u32>(log.clone(), Topic::Reads, "reads", 100);
        (0..40).for_each(|i| outbox.put(i));
        let (_, waiting) = outbox.close();
        while let Some(batch) = publisher.next(16).await {
            let records = vec![Record::default(); batch.len()];
            publisher.publish(records).await.unwrap();
        }
        assert_eq!(log.kept.load(Ordering::Relaxed), 40);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_newest_and_counts_only_what_waits() {
        let log = Arc::new(Flaky::default());
        let (outbox, mut publisher) = outbox::<u32>(log, Topic::Reads, "reads", 10);
        (0..25).for_each(|i| outbox.put(i));
        assert!(publisher.is_crowded());
        let batch = publisher.next(100).await.unwrap();
        assert_eq!(batch, (0..10).collect::<Vec<u32>>());
        assert_eq!(outbox.close().1.load(Ordering::Relaxed), 10);
    }
}
