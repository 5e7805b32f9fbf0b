//! What cameras saw in vehicles out of the log, into the store.

use std::time::Duration;

use domain::Timestamp;
use domain::observation::Observation;
use stream::topic::Topic;
use stream::{Consumer, wire};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::hits::consumed;
use crate::{DispatcherError, Parts, persevere};

/// The consumer group that observations are shared in.
pub const GROUP: &str = "dispatcher.observations";
/// Observations stored in one transaction. It locks the outbox, and hits wait for that.
const BATCH: usize = 500;
/// How long a poll waits for a first one, and so how soon a shutdown is noticed.
const POLL_WAIT: Duration = Duration::from_millis(250);
/// How often those are forgotten that no case took up in time.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Stores observations until `shutdown`.
pub(crate) async fn run(parts: &Parts, shutdown: &CancellationToken) -> Result<(), DispatcherError> {
    let subscribe = || async { Ok(parts.log.subscribe(GROUP, &[Topic::Observations]).await?) };
    let Some(mut consumer) = persevere("subscribe to observations", shutdown, subscribe).await? else {
        return Ok(());
    };
    let mut forget_at = Instant::now();
    while !shutdown.is_cancelled() {
        step(parts, consumer.as_mut(), shutdown).await?;
        if Instant::now() >= forget_at {
            let forget = || async { Ok(parts.store.forget_observations(Timestamp::now()).await?) };
            persevere("forget observations", shutdown, forget).await?;
            forget_at = Instant::now() + FORGET_EVERY;
        }
    }
    Ok(())
}

/// One batch: polled, stored in one transaction, committed, as with hits.
async fn step(
    parts: &Parts,
    consumer: &mut dyn Consumer,
    shutdown: &CancellationToken,
) -> Result<(), DispatcherError> {
    let polled = consumer.poll(BATCH, POLL_WAIT).await?;
    if polled.is_empty() {
        return Ok(());
    }
    let mut seen: Vec<Observation> = Vec::with_capacity(polled.len());
    for record in &polled {
        match wire::decode(record) {
            Ok(observation) => seen.push(observation),
            Err(error) => {
                metrics::counter!("steelring_dispatcher_observations_unreadable_total").increment(1);
                let (place, error) = (record.place, &error as &dyn std::error::Error);
                tracing::error!(?place, error, "a record of the observations topic is none");
            }
        }
    }
    let consumed = consumed(&polled);
    let apply = || async {
        let now = Timestamp::now();
        Ok(parts.store.apply_observations(&seen, &consumed, now).await?)
    };
    let Some(events) = persevere("store observations", shutdown, apply).await? else {
        return Ok(());
    };
    metrics::counter!("steelring_dispatcher_observations_total").increment(seen.len() as u64);
    metrics::counter!("steelring_dispatcher_observations_taken_up_total").increment(events.len() as u64);
    if let Err(error) = consumer.commit().await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "offsets not committed; the next commit covers them");
    }
    Ok(())
}
