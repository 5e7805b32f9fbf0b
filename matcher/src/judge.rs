//! The half that judges reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Timestamp;
use domain::hit::{Hit, MatchKind};
use stream::topic::Topic;
use stream::trace::{About, Span, Step, TraceParent};
use stream::{Consumer, Delivered, LogError, Place, Record, wire};
use tokio::task::JoinHandle;

use crate::beliefs::Beliefs;
use crate::description::Description;
use crate::gate::{Envelope, Gate};
use crate::health::Backoff;
use crate::index::Index;
use crate::matching::{self, Candidate, Found};
use crate::{MatcherError, Shared, poison};

/// The group that all matchers share their partitions in.
const GROUP: &str = "matcher";
/// Reads judged at once, where so many wait: one wait for durable hits serves them all. All of them hits, at 2 kB each,
/// they stay below the log's bounds.
const BATCH: usize = 10_000;
const _: () = assert!(BATCH * 2_000 <= stream::embedded::QUEUE_BYTES);
/// How long a poll waits: a shutdown must be seen.
const WAIT: Duration = Duration::from_millis(250);
/// How far apart commits are while reads keep coming: what was judged since the last one is judged again after a crash.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
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
    /// Spans of the hits whose reads are traced, each with its hit's place in `hits`.
    spans: Vec<(usize, Span)>,
    letters: Vec<Record>,
    lag_at: Option<Instant>,
}

impl Judge {
    /// Polls, judges, publishes and commits until shutdown or an error. What was polled and not committed comes again.
    ///
    /// While a batch becomes durable the next one is judged, so that neither waits for the other; one batch at most is on
    /// its way, so that a vehicle's hits stay in order. A commit waits for it, and nothing is polled before it is done.
    async fn consume(&mut self, shared: &Arc<Shared>, backoff: &mut Backoff) -> Result<(), LogError> {
        let mut consumer = shared.log.subscribe(GROUP, &[Topic::Reads]).await?;
        let mut on_its_way: Option<OnItsWay> = None;
        let (mut uncommitted, mut committed_at) = (false, Instant::now());
        while !shared.shutdown.is_cancelled() {
            let reads = consumer.poll(BATCH, WAIT).await?;
            backoff.reset();
            shared.health.reads(true);
            let found = if reads.is_empty() {
                None
            } else {
                Some(self.found(&reads, &shared.index.load_full(), &shared.beliefs.load_full())?)
            };
            if !arrived(on_its_way.take()).await? {
                return Ok(());
            }
            if let Some(found) = found {
                on_its_way = Some(OnItsWay(tokio::spawn(make_durable(Arc::clone(shared), found))));
                uncommitted = true;
            }
            if uncommitted && (reads.is_empty() || committed_at.elapsed() >= COMMIT_EVERY) {
                if !arrived(on_its_way.take()).await? {
                    return Ok(());
                }
                uncommitted = !committed(consumer.as_mut()).await?;
                committed_at = Instant::now();
            }
            self.watch_lag(consumer.as_mut()).await;
        }
        if arrived(on_its_way.take()).await? && uncommitted {
            committed(consumer.as_mut()).await?;
        }
        Ok(())
    }

    /// What a batch led to, judged under one revision.
    fn found(&mut self, reads: &[Delivered], index: &Index, beliefs: &Beliefs) -> Result<Findings, LogError> {
        let started = Instant::now();
        self.judge(reads, index, beliefs, Timestamp::now())?;
        self.count(reads.len());
        let mut hits: Vec<Record> = self.hits.iter().map(wire::hit_record).collect::<Result<_, _>>()?;
        for (place, span) in &self.spans {
            span.ride(&mut hits[*place]);
        }
        Ok(Findings {
            hits,
            spans: self.spans.drain(..).map(|(_, span)| span).collect(),
            letters: std::mem::take(&mut self.letters),
            started,
        })
    }

    /// Hits and dead letters of a batch. A value is opened for candidates alone.
    fn judge(
        &mut self,
        reads: &[Delivered],
        index: &Index,
        beliefs: &Beliefs,
        now: Timestamp,
    ) -> Result<(), LogError> {
        self.hits.clear();
        self.spans.clear();
        self.letters.clear();
        let mut gate = Gate::new(index, beliefs);
        matching::probe_alike(
            reads.iter().map(|read| read.key.as_deref()),
            index,
            |likeness| gate.lets_pass(likeness, &envelope(&reads[likeness.read])),
            &mut self.candidates,
        );
        for of_read in self.candidates.chunk_by(|one, next| one.read == next.read) {
            let delivered = &reads[of_read[0].read];
            let opened = match of_read[0].found {
                Found::NoMark => Err("the key is no mark".to_owned()),
                Found::Listed { .. } => poison::open(delivered),
            };
            let read = match opened {
                Ok(read) => read,
                Err(reason) => {
                    let Place {
                        partition, offset, ..
                    } = delivered.place;
                    tracing::warn!(partition, offset, reason, "a read is kept as dead letter");
                    self.letters.push(poison::dead_letter(delivered, &reason, now)?);
                    continue;
                }
            };
            let case = matching::Case {
                read: &read,
                seen: None,
                index,
                beliefs,
                now,
            };
            let marks = of_read.iter().filter_map(|candidate| match candidate.found {
                Found::Listed { mark, .. } => Some(mark),
                Found::NoMark => None,
            });
            let first = self.hits.len();
            if let Err(reason) = matching::judge(&case, marks, &mut self.hits) {
                let Place {
                    partition, offset, ..
                } = delivered.place;
                tracing::warn!(partition, offset, %reason, "a read is judged without its confidences");
            }
            self.spans.extend(spans(delivered, &self.hits, first));
        }
        for hit in &self.hits {
            tracing::debug_span!("hit", hit_id = %hit.hit_id, read_id = %hit.read.read_id)
                .in_scope(|| tracing::debug!(revision = %hit.revision, "found"));
        }
        Ok(())
    }

    fn count(&self, reads: usize) {
        metrics::counter!("steelring_matcher_reads_total").increment(reads as u64);
        metrics::counter!("steelring_matcher_poison_total").increment(self.letters.len() as u64);
        for hit in &self.hits {
            let kind = match hit.kind {
                MatchKind::Exact => "exact",
                MatchKind::Misread => "misread",
                MatchKind::Clone => "clone",
            };
            let grade = hit.entry.grade.to_string();
            metrics::counter!("steelring_matcher_hits_total", "grade" => grade, "kind" => kind).increment(1);
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

/// What a read's envelope says beside its mark.
fn envelope(read: &Delivered) -> Envelope<'_> {
    let camera = read.header(wire::HEADER_CAMERA).unwrap_or_default();
    Envelope {
        camera: std::str::from_utf8(camera).unwrap_or_default(),
        looks: wire::vehicle_of(read).map(|(make, colour)| Description::parse(make, colour)),
        seen: None,
    }
}

/// What must be durable before the reads that led to it are committed.
struct Findings {
    hits: Vec<Record>,
    spans: Vec<Span>,
    letters: Vec<Record>,
    started: Instant,
}

/// Spans of the hits from place `first` on, which one read led to: none where it is not traced.
fn spans(read: &Delivered, hits: &[Hit], first: usize) -> impl Iterator<Item = (usize, Span)> {
    let found = hits.iter().enumerate().skip(first);
    found.filter_map(|(place, hit)| {
        let about = About {
            read: Some(hit.read.read_id),
            hit: Some(hit.hit_id),
            ..About::default()
        };
        let parent = TraceParent::of_record(read)?;
        Some((place, Span::follow(Step::Match, parent, about)))
    })
}

/// A batch that becomes durable. Given up when dropped: its reads come again.
struct OnItsWay(JoinHandle<Result<bool, LogError>>);

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Publishes what was found. False where shutdown came before it was durable.
async fn make_durable(shared: Arc<Shared>, found: Findings) -> Result<bool, LogError> {
    let durable = publish(&shared, Topic::Hits, found.hits).await?
        && publish(&shared, Topic::DeadLetters, found.letters).await?;
    if durable {
        found.spans.into_iter().for_each(Span::finish);
    }
    metrics::histogram!("steelring_matcher_batch_seconds").record(found.started.elapsed().as_secs_f64());
    Ok(durable)
}

/// Waits for a batch that is on its way, if one is.
async fn arrived(on_its_way: Option<OnItsWay>) -> Result<bool, LogError> {
    let Some(mut batch) = on_its_way else {
        return Ok(true);
    };
    match (&mut batch.0).await {
        Ok(durable) => durable,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Ok(false),
        },
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
