//! Keeps cars in view durable, and publishes their reads: the shell around [`crate::cars`].
//!
//! One task holds the table. It takes sightings in groups, makes the changed cars durable in `plate.reads.held.v1` (key:
//! camera and car), publishes the reads of complete ones, and only then answers. After a restart it goes on from that
//! topic. **Limit:** a camera posts to one ingest process; two processes do not see each other's cars until a restart.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use domain::read::PlateRead;
use domain::{ReadId, Timestamp};
use stream::topic::Topic;
use stream::trace::Span;
use stream::wire::decode;
use stream::{Log, LogError, Record, Start};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, debug_span, info, warn};

use crate::cars::{Car, Cars, Taken};
use crate::error::{Chain, Refusal};
use crate::intake::traced_records;
use crate::limits::{CAR_EVENTS_AT_ONCE, CARS_EVERY, KEEP_TIMEOUT, MAX_CAR_EVENTS, RETRY_EVERY};
use crate::message::Stage;

/// Records of the topic taken up at once at the start.
const RESTORED_AT_ONCE: usize = 1_000;

/// What became of a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// It is kept; the car's read comes later.
    InView,
    /// The car's read is published.
    Published(ReadId),
}

struct Event {
    key: String,
    read: PlateRead,
    stage: Stage,
    answer: oneshot::Sender<Result<Held, Refusal>>,
}

/// The way to the task that holds the cars; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Hold(mpsc::Sender<Event>);

impl Hold {
    /// Hands over a sighting and waits until it is durable.
    pub(crate) async fn take(&self, car: &str, read: PlateRead, stage: Stage) -> Result<Held, Refusal> {
        let (answer, answered) = oneshot::channel();
        let event = Event {
            key: format!("{}/{car}", read.camera),
            read,
            stage,
            answer,
        };
        let handed = async {
            self.0.send(event).await.ok()?;
            answered.await.ok()
        };
        let away = || Refusal::unavailable("the log");
        timeout(KEEP_TIMEOUT, handed)
            .await
            .ok()
            .flatten()
            .ok_or_else(away)?
    }
}

/// Starts nothing: gives the way in, and the task to be spawned.
pub(crate) fn hold(
    log: Arc<dyn Log>,
    stop: CancellationToken,
) -> (Hold, impl Future<Output = ()> + Send + 'static) {
    let (events, waiting) = mpsc::channel(MAX_CAR_EVENTS);
    (Hold(events), run(log, waiting, stop))
}

async fn run(log: Arc<dyn Log>, mut waiting: mpsc::Receiver<Event>, stop: CancellationToken) {
    let Some(mut holder) = restore(log, &stop).await else {
        return;
    };
    let mut ticks = interval(CARS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut events = Vec::with_capacity(CAR_EVENTS_AT_ONCE);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => holder.look_through(Timestamp::now()).await,
            count = waiting.recv_many(&mut events, CAR_EVENTS_AT_ONCE) => {
                if count == 0 {
                    return;
                }
                holder.take(&mut events).await;
            }
        }
    }
}

/// Reads the cars of the last run; none when stopped first.
async fn restore(log: Arc<dyn Log>, stop: &CancellationToken) -> Option<Holder> {
    loop {
        let restored = tokio::select! {
            () = stop.cancelled() => return None,
            restored = restored(&*log) => restored,
        };
        match restored {
            Ok(cars) => {
                info!(cars = cars.len(), "took up the cars that were in view");
                return Some(Holder { log, cars });
            }
            Err(error) => warn!(error = %Chain(&error), "reading the held cars failed, trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = sleep(RETRY_EVERY) => {}
        }
    }
}

async fn restored(log: &dyn Log) -> Result<Cars, LogError> {
    let mut cars = Cars::default();
    let mut tail = log.tail(Topic::HeldReads, Start::Beginning).await?;
    loop {
        for record in tail.poll(RESTORED_AT_ONCE, CARS_EVERY).await? {
            let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
            if record.value.is_none() {
                cars.forget(&key);
                continue;
            }
            match decode::<Car>(&record) {
                Ok(car) => cars.restore(key, car),
                Err(error) => {
                    warn!(error = %Chain(&error), offset = record.place.offset, "a held car is not readable, skipped")
                }
            }
        }
        if tail.caught_up() {
            return Ok(cars);
        }
    }
}

struct Holder {
    log: Arc<dyn Log>,
    cars: Cars,
}

impl Holder {
    async fn take(&mut self, events: &mut Vec<Event>) {
        let mut changed = BTreeSet::new();
        let mut waiting = Vec::with_capacity(events.len());
        for Event {
            key,
            read,
            stage,
            answer,
        } in events.drain(..)
        {
            match self.cars.take(&key, read, stage) {
                Taken::Changed => {
                    changed.insert(key.clone());
                    waiting.push((key, answer));
                }
                // Whoever asked may have gone: then nobody waits for the answer.
                Taken::Known(read) => drop(answer.send(Ok(Held::Published(read)))),
                Taken::Full => drop(answer.send(Err(Refusal::overloaded()))),
            }
        }
        let changed: Vec<_> = changed.into_iter().collect();
        let kept = match self.keep(&changed).await {
            Ok(()) => self.publish_complete(&changed).await,
            failed => failed,
        };
        for (key, answer) in waiting {
            drop(answer.send(self.outcome(&key, kept.is_ok())));
        }
    }

    /// What to answer for a car whose sightings were just handled.
    fn outcome(&self, key: &str, kept: bool) -> Result<Held, Refusal> {
        match self.cars.get(key) {
            Some(car) if kept && !car.is_complete() => Ok(car.held()),
            _ => Err(Refusal::unavailable("the log")),
        }
    }

    async fn look_through(&mut self, now: Timestamp) {
        let complete = self.cars.complete_silent(now);
        // What does not succeed now is found again at the next look.
        if !complete.is_empty() && self.keep(&complete).await.is_ok() {
            drop(self.publish_complete(&complete).await);
        }
        let over = self.cars.forgettable(now);
        let tombstones = over.iter().map(|key| record(key, None, now)).collect();
        if !over.is_empty() && self.publish(Topic::HeldReads, tombstones).await.is_ok() {
            over.iter().for_each(|key| self.cars.forget(key));
        }
        metrics::gauge!("steelring_ingest_cars_held").set(self.cars.len() as f64);
    }

    /// Makes the state of these cars durable.
    async fn keep(&self, keys: &[String]) -> Result<(), LogError> {
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(car) = self.cars.get(key) {
                let value = serde_json::to_vec(car).map_err(|source| LogError::Value {
                    topic: Topic::HeldReads.name(),
                    source,
                })?;
                records.push(record(key, Some(Bytes::from(value)), car.best.received_at));
            }
        }
        self.publish(Topic::HeldReads, records).await
    }

    /// Publishes the reads of those of these cars that are complete, and notes it.
    async fn publish_complete(&mut self, keys: &[String]) -> Result<(), LogError> {
        let is_complete = |key: &&String| self.cars.get(key).is_some_and(Car::is_complete);
        let complete: Vec<_> = keys.iter().filter(is_complete).cloned().collect();
        if complete.is_empty() {
            return Ok(());
        }
        let cars = complete.iter().filter_map(|key| self.cars.get(key));
        // Spans begin now: how long a car was in view is its driver's doing.
        let (records, spans) = traced_records(cars.map(|car| &car.best), None, Timestamp::now())?;
        self.publish(Topic::Reads, records).await?;
        spans.into_iter().for_each(Span::finish);
        metrics::counter!("steelring_ingest_cars_published_total").increment(complete.len() as u64);
        for key in &complete {
            self.cars.published(key);
            if let Some(car) = self.cars.get(key) {
                debug_span!("read", read_id = %car.best.read_id, camera = %car.best.camera)
                    .in_scope(|| debug!("published for its car"));
            }
        }
        // If this fails, a restart publishes the same reads once more, with the same ids.
        drop(self.keep(&complete).await);
        Ok(())
    }

    async fn publish(&self, topic: Topic, records: Vec<Record>) -> Result<(), LogError> {
        let published = timeout(KEEP_TIMEOUT, self.log.publish(topic, records)).await;
        let published = published.unwrap_or_else(|_| Err(LogError::Unavailable("no answer in time".into())));
        if let Err(error) = &published {
            warn!(error = %Chain(error), %topic, "publishing held cars failed");
        }
        published
    }
}

impl Car {
    fn held(&self) -> Held {
        if self.is_published() {
            Held::Published(self.best.read_id)
        } else {
            Held::InView
        }
    }
}

fn record(key: &str, value: Option<Bytes>, at: Timestamp) -> Record {
    Record {
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value,
        timestamp_ms: at.as_millisecond(),
        headers: Vec::new(),
    }
}
