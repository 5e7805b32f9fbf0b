//! The half that judges reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Timestamp;
use domain::hit::Hit;
use stream::topic::Topic;
use stream::{Consumer, Delivered, LogError, Record, wire};

use crate::health::Backoff;
use crate::index::Index;
use crate::matching::{self, Candidate, Found};
use crate::{MatcherError, Shared, poison};

/// The group that all matchers share their partitions in.
const GROUP: &str = "matcher";
/// Reads judged at once: large enough that one wait for durable hits serves many reads, small enough that a batch of
/// hits alone stays far below the log's bounds.
const BATCH: usize = 1_000;
/// How long a poll waits: a shutdown must be seen.
const WAIT: Duration = Duration::from_millis(250);
/// How often the lag is looked up.
const LAG_EVERY: Duration = Duration::from_secs(1);

/// Judges reads until shutdown, through every outage; none before the lists are loaded.
pub(crate) async fn judge_reads(shared: Arc<Shared>) -> Result<(), MatcherError> {
    if !gate_opened(&shared).await {
        return Ok(());
    }
    let mut backoff = Backoff::new();
    let mut judge = Judge::default();
    while !shared.shutdown.is_cancelled() {
        match judge.consume(&shared, &mut backoff).await {
            Ok(()) => break,
            Err(LogError::Closed) => return Err(LogError::Closed.into()),
            Err(error) => {
                shared.health.reads(false);
                tracing::warn!(%error, "reads cannot be judged, trying again");
                backoff.wait(&shared.shutdown).await;
            }
        }
    }
    Ok(())
}

async fn gate_opened(shared: &Shared) -> bool {
    let mut gate = shared.gate.subscribe();
    tokio::select! {
        opened = gate.wait_for(|open| *open) => opened.is_ok(),
        () = shared.shutdown.cancelled() => false,
    }
}

/// The scratch of the loop, kept from batch to batch.
#[derive(Default)]
struct Judge {
    candidates: Vec<Candidate>,
    hits: Vec<Hit>,
    letters: Vec<Record>,
    lag_at: Option<Instant>,
}

impl Judge {
    /// Polls, judges, publishes and commits until shutdown or an error. What was polled and not committed comes again.
    async fn consume(&mut self, shared: &Shared, backoff: &mut Backoff) -> Result<(), LogError> {
        let mut consumer = shared.log.subscribe(GROUP, &[Topic::Reads]).await?;
        let mut uncommitted = false;
        while !shared.shutdown.is_cancelled() {
            let reads = consumer.poll(BATCH, WAIT).await?;
            backoff.reset();
            shared.health.reads(true);
            if !reads.is_empty() {
                if !self.finish(shared, &reads).await? {
                    return Ok(());
                }
                uncommitted = true;
            }
            if uncommitted {
                uncommitted = !committed(consumer.as_mut()).await?;
            }
            self.watch_lag(consumer.as_mut()).await;
        }
        Ok(())
    }

    /// Judges a batch under one revision and makes its hits durable. False where shutdown came before they were.
    async fn finish(&mut self, shared: &Shared, reads: &[Delivered]) -> Result<bool, LogError> {
        let started = Instant::now();
        let index = shared.index.load_full();
        self.judge(reads, &index, Timestamp::now())?;
        let hits: Vec<Record> = self.hits.iter().map(wire::hit_record).collect::<Result<_, _>>()?;
        let letters = std::mem::take(&mut self.letters);
        let poisoned = letters.len() as u64;
        let durable =
            publish(shared, Topic::Hits, hits).await? && publish(shared, Topic::DeadLetters, letters).await?;
        if durable {
            self.count(reads.len(), poisoned);
            metrics::histogram!("steelring_matcher_batch_seconds").record(started.elapsed().as_secs_f64());
        }
        Ok(durable)
    }

    /// Hits and dead letters of a batch. A value is opened for candidates alone.
    fn judge(&mut self, reads: &[Delivered], index: &Index, now: Timestamp) -> Result<(), LogError> {
        self.hits.clear();
        self.letters.clear();
        matching::probe(
            reads.iter().map(|read| read.key.as_deref()),
            index,
            &mut self.candidates,
        );
        for candidate in &self.candidates {
            let delivered = &reads[candidate.read];
            let opened = match candidate.found {
                Found::NoMark => Err("the key is no mark".to_owned()),
                Found::Listed => poison::open(delivered),
            };
            match opened {
                Ok(read) => matching::judge(&read, index, now, &mut self.hits),
                Err(reason) => {
                    let place = delivered.place;
                    tracing::warn!(
                        partition = place.partition,
                        offset = place.offset,
                        reason,
                        "a read is kept as dead letter"
                    );
                    self.letters.push(poison::dead_letter(delivered, &reason, now)?);
                }
            }
        }
        for hit in &self.hits {
            tracing::debug_span!("hit", hit_id = %hit.hit_id, read_id = %hit.read.read_id)
                .in_scope(|| tracing::debug!(revision = %hit.revision, "found"));
        }
        Ok(())
    }

    fn count(&self, reads: usize, poisoned: u64) {
        metrics::counter!("steelring_matcher_reads_total").increment(reads as u64);
        metrics::counter!("steelring_matcher_poison_total").increment(poisoned);
        for hit in &self.hits {
            metrics::counter!("steelring_matcher_hits_total", "grade" => hit.entry.grade.to_string())
                .increment(1);
        }
    }

    async fn watch_lag(&mut self, consumer: &mut dyn Consumer) {
        if self.lag_at.is_some_and(|at| at.elapsed() < LAG_EVERY) {
            return;
        }
        self.lag_at = Some(Instant::now());
        if let Some(lag) = consumer.lag().await {
            metrics::gauge!("steelring_matcher_lag").set(lag as f64);
        }
    }
}

/// Publishes until durable: the same records again after an outage, whose ids make the effect single. False where
/// shutdown came first: the reads are not committed then, and come again.
async fn publish(shared: &Shared, topic: Topic, records: Vec<Record>) -> Result<bool, LogError> {
    if records.is_empty() {
        return Ok(true);
    }
    let mut backoff = Backoff::new();
    loop {
        match shared.log.publish(topic, records.clone()).await {
            Ok(()) => {
                shared.health.reads(true);
                return Ok(true);
            }
            Err(error @ LogError::Unavailable(_)) => {
                shared.health.reads(false);
                tracing::warn!(%error, %topic, "not durable yet, publishing again");
                if !backoff.wait(&shared.shutdown).await {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Commits; false where it must be tried again after the next poll.
async fn committed(consumer: &mut dyn Consumer) -> Result<bool, LogError> {
    match consumer.commit().await {
        Ok(()) => Ok(true),
        Err(LogError::Unavailable(reason)) => {
            tracing::warn!(reason, "not committed yet, committing again");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
