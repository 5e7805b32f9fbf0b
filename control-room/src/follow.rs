//! The tasks that keep the live picture: they follow store and log, and wait out the absence of either.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::hotlist::Grade;
use domain::unit::UnitPosition;
use domain::{CameraId, Timestamp};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use store::events::Sequenced;
use store::{Store, StoreError};
use stream::ready::Ready;
use stream::topic::Topic;
use stream::trace::{About, Span, Step, TraceParent};
use stream::{Delivered, Log, LogError, Start, wire};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::causes;
use crate::feed::{BATCH, Feed, encode};

/// How long a new case event may stay unseen when nothing else says that it is there.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often moved units are shown.
pub const UNITS_EVERY: Duration = Duration::from_secs(1);
/// How often browsers hear that the picture is live; they warn after three missed beats.
pub const BEAT_EVERY: Duration = Duration::from_secs(2);
/// How long the log or database may take to say that it is there: well within a beat.
pub const CHECK_WITHIN: Duration = Duration::from_millis(1_500);
/// How long to leave the log or database alone after it failed.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Records taken from the log at once.
const TAKE: usize = 500;
/// How long one look into the log waits for records.
const WAIT: Duration = Duration::from_secs(1);
/// Reads in one beat above which they are no longer counted: the count is a comfort, and reading every read again at a
/// great force's rate is not worth it. That rate is 10,000 a second.
const MOST_COUNTED: u64 = 20_000;
/// How long counting reads rests after it was too many.
const COUNT_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What the tasks share.
#[derive(Clone)]
pub(crate) struct Follower {
    pub(crate) feed: Arc<Feed>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) store: Store,
    pub(crate) ready: Ready,
    pub(crate) shutdown: CancellationToken,
    pub(crate) reads: Arc<ReadCount>,
}

/// Reads seen in the log since the last beat.
#[derive(Default)]
pub(crate) struct ReadCount {
    counting: AtomicBool,
    since_beat: AtomicU64,
}

#[derive(Serialize)]
struct Beat {
    at: Timestamp,
    lists_revision: u64,
    feeds: Feeds,
}

#[derive(Serialize)]
struct Feeds {
    reads_per_s: Option<f64>,
    log: &'static str,
}

/// What the map needs of a hit.
#[derive(Deserialize)]
struct HitSeen {
    read: ReadSeen,
    entry: EntrySeen,
}

#[derive(Deserialize)]
struct ReadSeen {
    camera: CameraId,
    captured_at: Timestamp,
}

#[derive(Deserialize)]
struct EntrySeen {
    grade: Grade,
}

#[derive(Serialize)]
struct Flash {
    camera: CameraId,
    grade: Grade,
    at: Timestamp,
}

impl Follower {
    /// Starts every task; they end with the shutdown token.
    pub(crate) fn spawn(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let shutdown = &self.shutdown;
        let mut start = |task: futures::future::BoxFuture<'static, ()>| {
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = task => {}
                }
            });
        };
        start(self.clone().events().boxed());
        start(self.clone().units().boxed());
        start(self.clone().beats().boxed());
        start(self.clone().reads().boxed());
        let me = self.clone();
        start(
            self.clone()
                .tail(Topic::CaseEvents, Start::End, move |event| me.look_for(event))
                .boxed(),
        );
        let me = self.clone();
        start(
            self.clone()
                .tail(Topic::Hits, Start::End, move |hit| me.take_hit(hit))
                .boxed(),
        );
        let me = self.clone();
        let take = move |position: &Delivered| me.take_position(position);
        start(
            self.clone()
                .tail(Topic::UnitPositions, Start::Beginning, take)
                .boxed(),
        );
        let me = self.clone();
        let take = move |status: &Delivered| me.take_status(status);
        start(
            self.clone()
                .tail(Topic::MatcherStatus, Start::Beginning, take)
                .boxed(),
        );
        tasks
    }

    /// Follows the store's events: woken by whoever writes one, by the log, and now and then.
    async fn events(self) {
        let begin = || async { self.store.last_event().await };
        let mut cursor = insist("finding the newest event", begin).await;
        self.feed.begin_at(cursor);
        let mut written = self.store.newest_written();
        loop {
            // Seen before looking, so that a write in between is not slept through.
            written.mark_unchanged();
            match self.take_events(cursor).await {
                Ok(next) if next > cursor => {
                    cursor = next;
                    continue;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(cause = %causes(&error), "cannot follow case events");
                    sleep(RETRY_AFTER).await;
                    continue;
                }
            }
            tokio::select! {
                // The sender lives as long as the store that this task holds.
                _ = written.changed() => {}
                () = self.feed.look.notified() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn take_events(&self, cursor: u64) -> Result<u64, StoreError> {
        let events = self.store.events_after(cursor, BATCH).await?;
        let Some(last) = events.last() else {
            return Ok(cursor);
        };
        let newest = last.sequence;
        let spans: Vec<Span> = events.iter().filter_map(span).collect();
        self.feed.push_events(self.feed.encode_events(events).await?);
        spans.into_iter().for_each(Span::finish);
        Ok(newest)
    }

    async fn units(self) {
        let mut ticks = interval(UNITS_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.feed.show_units(Timestamp::now()) {
                tracing::error!(cause = %causes(&error), "cannot show units");
            }
        }
    }

    /// Beats, whether or not log and database are there: a beat is about this service.
    async fn beats(self) {
        let mut ticks = interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut revision = 0;
        let mut last = Instant::now();
        loop {
            ticks.tick().await;
            let since_s = std::mem::replace(&mut last, Instant::now())
                .elapsed()
                .as_secs_f64();
            let reads = self.reads.since_beat.swap(0, Ordering::Relaxed);
            let counting = self.reads.counting.load(Ordering::Relaxed);
            let (log, found) = tokio::join!(
                timeout(CHECK_WITHIN, self.log.check()),
                timeout(CHECK_WITHIN, self.look_at_store()),
            );
            let found = found.ok().and_then(Result::ok);
            self.ready.set(found.is_some());
            revision = found.unwrap_or(revision);
            let beat = Beat {
                at: Timestamp::now(),
                lists_revision: revision,
                feeds: Feeds {
                    reads_per_s: counting.then(|| (reads as f64 / since_s.max(1.0)).round()),
                    log: if matches!(log, Ok(Ok(()))) { "ok" } else { "away" },
                },
            };
            match encode("beat", &beat) {
                Ok(json) => self.feed.beat(json),
                Err(error) => tracing::error!(cause = %causes(&error), "cannot beat"),
            }
        }
    }

    async fn look_at_store(&self) -> Result<u64, StoreError> {
        self.store.check().await?;
        Ok(self.store.revision().await?.0.0)
    }

    /// Counts reads in the log, without opening one, while they are few enough for that.
    async fn reads(self) {
        loop {
            if let Err(error) = self.count_reads().await {
                tracing::debug!(cause = %causes(&error), "cannot count reads");
            }
            self.reads.counting.store(false, Ordering::Relaxed);
            sleep(COUNT_AGAIN_AFTER).await;
        }
    }

    async fn count_reads(&self) -> Result<(), LogError> {
        let mut tail = self.log.tail(Topic::Reads, Start::End).await?;
        self.reads.since_beat.store(0, Ordering::Relaxed);
        self.reads.counting.store(true, Ordering::Relaxed);
        loop {
            let found = tail.poll(TAKE, WAIT).await?.len() as u64;
            let so_far = self.reads.since_beat.fetch_add(found, Ordering::Relaxed);
            if so_far + found > MOST_COUNTED {
                return Ok(());
            }
        }
    }

    /// Follows a topic; after an outage it begins anew, which the takers bear.
    async fn tail(self, topic: Topic, from: Start, take: impl Fn(&Delivered) + Send + Sync + 'static) {
        loop {
            if let Err(error) = self.tail_once(topic, from, &take).await {
                tracing::warn!(%topic, cause = %causes(&error), "cannot follow the log, trying again");
            }
            sleep(RETRY_AFTER).await;
        }
    }

    async fn tail_once(
        &self,
        topic: Topic,
        from: Start,
        take: &(impl Fn(&Delivered) + Send + Sync),
    ) -> Result<(), LogError> {
        let mut tail = self.log.tail(topic, from).await?;
        loop {
            for record in tail.poll(TAKE, WAIT).await? {
                take(&record);
            }
        }
    }

    /// Looks into the store for an event of the log that was not seen yet.
    fn look_for(&self, event: &Delivered) {
        if wire::sequence_of(event).is_none_or(|sequence| sequence > *self.feed.newest().borrow()) {
            self.feed.look.notify_one();
        }
    }

    fn take_hit(&self, record: &Delivered) {
        let Some(HitSeen { read, entry }) = read_value(record) else {
            return;
        };
        let flash = Flash {
            camera: read.camera,
            grade: entry.grade,
            at: read.captured_at,
        };
        if let Ok(json) = encode("hit", &flash) {
            self.feed.flash(json);
        }
    }

    fn take_position(&self, record: &Delivered) {
        if let Some(position) = read_value::<UnitPosition>(record) {
            self.feed.place_unit(position);
        }
    }

    fn take_status(&self, record: &Delivered) {
        let name = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
        if record.value.is_none() {
            self.feed.set_matcher(&name, None);
        } else if let Some(status) = read_value(record) {
            self.feed.set_matcher(&name, Some(status));
        }
    }
}

/// The span of handing an event to browsers, where the read that led to it is traced.
fn span(Sequenced { event, trace, .. }: &Sequenced) -> Option<Span> {
    let parent = TraceParent::exported(trace.as_ref().map(String::as_bytes))?;
    let about = About {
        hit: event.hit_id,
        case: Some(event.case.case_id),
        ..About::default()
    };
    Some(Span::follow(Step::Push, parent, about))
}

/// A record's value; none, counted, where it is not what the topic carries.
fn read_value<T: serde::de::DeserializeOwned>(record: &Delivered) -> Option<T> {
    record.value.as_ref()?;
    match wire::decode(record) {
        Ok(value) => Some(value),
        Err(_) => {
            // What serde says may quote the value: only its place is named.
            let place = record.place;
            let topic = place.topic.name();
            metrics::counter!("steelring_control_room_unreadable_records_total", "topic" => topic)
                .increment(1);
            tracing::warn!(topic, place.partition, place.offset, "a record is not readable");
            None
        }
    }
}

/// Tries until it works.
async fn insist<T, F>(what: &'static str, mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => tracing::warn!(cause = %causes(&error), "{what}"),
        }
        sleep(RETRY_AFTER).await;
    }
}
