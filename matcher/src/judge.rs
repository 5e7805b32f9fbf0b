//! The half that judges reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{EntryId, Timestamp};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use stream::topic::Topic;
use stream::trace::Span;
use stream::{Consumer, Delivered, LogError, Record, wire};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::ahead::{Ahead, BATCH};
use crate::beliefs::Beliefs;
use crate::clones::CloneRule;
use crate::health::Backoff;
use crate::hindsight::{self, Finding, Search, Stretch};
use crate::history::History;
use crate::index::Index;
use crate::posts::Posts;
use crate::share::{Judged, Under};
use crate::{MatcherError, Shared};

/// The group that all matchers share their partitions in.
const GROUP: &str = "matcher";
/// Reads from which on partitions are judged side by side: below, the work is done before another thread has woken.
const SIDE_BY_SIDE: usize = 1_000;
/// How long a poll waits: a shutdown must be seen.
const WAIT: Duration = Duration::from_millis(250);
/// How far apart commits are while reads keep coming. Reads wait for one: with ten a second, p99 with Kafka was twice as long. What was
/// judged since the last one is judged again after a crash.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How often the lag is looked up.
const LAG_EVERY: Duration = Duration::from_secs(1);

async fn gate_opened(shared: &Shared) -> bool {
    let mut gate = shared.gate.subscribe();
    tokio::select! {
        opened = gate.wait_for(|open| *open) => opened.is_ok(),
        () = shared.shutdown.cancelled() => false,
    }
}

/// The loop's state.
pub(crate) struct Judge {
    history: History,
    clones: CloneRule,
    /// Urgent entries that are new in the lists,
    fresh: mpsc::UnboundedReceiver<Vec<EntryId>>,
    /// and all that were since this matcher began, in order.
    lately: Vec<EntryId>,
    /// The search for them among the sightings, while one is on.
    search: Option<Search>,
    /// What searches found, on its way to be hits.
    findings: JoinSet<Result<(), LogError>>,
    lag_at: Option<Instant>,
    /// The question of how far behind this matcher is, while the log answers it.
    lag: Option<JoinHandle<()>>,
}

impl Judge {
    pub(crate) fn new(
        history: History,
        clones: CloneRule,
        fresh: mpsc::UnboundedReceiver<Vec<EntryId>>,
    ) -> Self {
        Self {
            history,
            clones,
            fresh,
            lately: Vec::new(),
            search: None,
            findings: JoinSet::new(),
            lag_at: None,
            lag: None,
        }
    }

    /// Judges reads until shutdown, through every outage; none before the lists are loaded.
    pub(crate) async fn judge_reads(mut self, shared: Arc<Shared>) -> Result<(), MatcherError> {
        if !gate_opened(&shared).await {
            return Ok(());
        }
        let mut backoff = Backoff::new();
        while !shared.shutdown.is_cancelled() {
            match self.consume(&shared, &mut backoff).await {
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

    /// Polls, judges, publishes and commits until shutdown or an error. What was polled and not committed comes again.
    ///
    /// While a batch becomes durable the next one is judged, so that neither waits for the other; one batch at most is on
    /// its way, so that a vehicle's hits stay in order. While there is a backlog, the batch behind is fetched meanwhile. A commit
    /// waits until nothing is on either way: it is of all that was polled.
    async fn consume(&mut self, shared: &Arc<Shared>, backoff: &mut Backoff) -> Result<(), LogError> {
        let mut ahead = Ahead::Rests(shared.log.subscribe(GROUP, &[Topic::Reads]).await?);
        let mut on_its_way: Option<OnItsWay> = None;
        let (mut uncommitted, mut committed_at) = (false, Instant::now());
        while !shared.shutdown.is_cancelled() {
            let wait = if self.search.is_some() {
                Duration::ZERO
            } else {
                WAIT
            };
            let reads = ahead.next(wait).await?;
            backoff.reset();
            shared.health.reads(true);
            let commit_is_due = uncommitted && committed_at.elapsed() >= COMMIT_EVERY;
            if reads.len() == BATCH && !commit_is_due {
                ahead.fetch();
            }
            let found = if reads.is_empty() {
                None
            } else {
                let read_again = self.history.catch_up(&*shared.log, &reads).await?;
                if !read_again.is_empty() {
                    self.look_back_for(shared, &self.lately.clone(), read_again);
                }
                let (index, beliefs) = (shared.index.load_full(), shared.beliefs.load_full());
                Some(self.found(&reads, &index, &beliefs, &shared.posts)?)
            };
            self.look_back(shared);
            if !arrived(on_its_way.take()).await? {
                return Ok(());
            }
            if let Some(found) = found {
                on_its_way = Some(OnItsWay(tokio::spawn(make_durable(Arc::clone(shared), found))));
                uncommitted = true;
            }
            let Some(consumer) = ahead.at_rest() else {
                continue;
            };
            if uncommitted && (reads.is_empty() || committed_at.elapsed() >= COMMIT_EVERY) {
                if !arrived(on_its_way.take()).await? {
                    return Ok(());
                }
                uncommitted = !committed(consumer).await?;
                committed_at = Instant::now();
            }
            self.watch_lag(consumer);
        }
        if arrived(on_its_way.take()).await?
            && uncommitted
            && let Some(consumer) = ahead.at_rest()
        {
            committed(consumer).await?;
        }
        Ok(())
    }

    /// Looks for these entries in these stretches of the sightings, beside what is looked for already.
    fn look_back_for(&mut self, shared: &Shared, entries: &[EntryId], stretches: Vec<Stretch>) {
        if entries.is_empty() || stretches.is_empty() {
            return;
        }
        let index = shared.index.load_full();
        self.search = Some(match self.search.take() {
            Some(search) => search.and(index, entries, &stretches),
            None => Search::new(index, entries.to_vec(), stretches),
        });
    }

    /// Looks through the next piece of the sightings. What becomes of it does not hold up a read.
    fn look_back(&mut self, shared: &Arc<Shared>) {
        while let Ok(fresh) = self.fresh.try_recv() {
            self.look_back_for(shared, &fresh, self.history.stretches());
            self.lately = hindsight::merged(&self.lately, &fresh);
        }
        if let Some(search) = &mut self.search
            && let Some(finding) = search.go_on(&self.history, Timestamp::now())
        {
            self.search = None;
            self.findings
                .spawn(publish_past_hits(Arc::clone(shared), finding));
        }
        while let Some(ended) = self.findings.try_join_next() {
            if let Ok(Err(error)) = ended {
                tracing::error!(%error, "new entries were not compared with all sightings of the last day");
            }
        }
    }

    /// What a batch led to, judged under one revision: its partitions side by side, where it is large enough.
    fn found(
        &mut self,
        reads: &[Delivered],
        index: &Index,
        beliefs: &Beliefs,
        posts: &Posts,
    ) -> Result<Findings, LogError> {
        let started = Instant::now();
        let (shares, cameras) = self.history.shares(reads);
        let under = Under {
            index,
            beliefs,
            posts,
            cameras,
            clones: &self.clones,
            now: Timestamp::now(),
        };
        let judged: Vec<Judged> = if reads.len() < SIDE_BY_SIDE {
            shares
                .into_iter()
                .map(|share| share.judge(&under))
                .collect::<Result<_, _>>()?
        } else {
            shares
                .into_par_iter()
                .map(|share| share.judge(&under))
                .collect::<Result<_, _>>()?
        };
        let mut findings = Findings::begun(started);
        for share in judged {
            findings.hits.extend(share.hits);
            findings.spans.extend(share.spans);
            findings.letters.extend(share.letters);
        }
        metrics::counter!("steelring_matcher_reads_total").increment(reads.len() as u64);
        metrics::counter!("steelring_matcher_poison_total").increment(findings.letters.len() as u64);
        Ok(findings)
    }

    /// Shows now and then how far behind it is. No read waits for that: Kafka is asked partition by partition, and answers behind
    /// the fetch that is on its way. While reads waited, p99 of a night's matching was 116 to 125 ms; it is 20 to 35 since.
    fn watch_lag(&mut self, consumer: &dyn Consumer) {
        let asks = self.lag.as_ref().is_some_and(|lag| !lag.is_finished());
        if asks || self.lag_at.is_some_and(|at| at.elapsed() < LAG_EVERY) {
            return;
        }
        self.lag_at = Some(Instant::now());
        let lag = consumer.lag();
        self.lag = Some(tokio::spawn(async move {
            if let Some(lag) = lag.await {
                metrics::gauge!("steelring_matcher_lag").set(lag as f64);
            }
        }));
    }
}

/// Makes hits of what was found among the sightings, through every outage.
async fn publish_past_hits(shared: Arc<Shared>, finding: Finding) -> Result<(), LogError> {
    let beliefs = shared.beliefs.load_full();
    let mut backoff = Backoff::new();
    let hits = loop {
        match finding
            .hits(&*shared.log, &beliefs, &shared.posts, Timestamp::now())
            .await
        {
            Ok(hits) => break hits,
            Err(error @ LogError::Unavailable(_)) => {
                tracing::warn!(%error, "sightings cannot be read again yet, trying again");
                if !backoff.wait(&shared.shutdown).await {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    };
    metrics::counter!("steelring_matcher_past_hits_total").increment(hits.len() as u64);
    let records = hits.iter().map(wire::hit_record).collect::<Result<_, _>>()?;
    publish(&shared, Topic::Hits, records).await?;
    Ok(())
}

/// What must be durable before the reads that led to it are committed.
struct Findings {
    hits: Vec<Record>,
    spans: Vec<Span>,
    letters: Vec<Record>,
    started: Instant,
}

impl Findings {
    fn begun(started: Instant) -> Self {
        Self {
            hits: Vec::new(),
            spans: Vec::new(),
            letters: Vec::new(),
            started,
        }
    }
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
