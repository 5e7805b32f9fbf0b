//! Hits out of the log, into cases.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Timestamp;
use domain::hit::Hit;
use store::cases::{Arrival, Consumed};
use stream::ready::Ready;
use stream::topic::Topic;
use stream::trace::{About, Span, Step, TraceParent};
use stream::{Consumer, Delivered, wire};
use tokio_util::sync::CancellationToken;

use crate::{DispatcherError, Parts, persevere};

/// The consumer group that the hits are shared in.
pub const GROUP: &str = "dispatcher";
/// Hits applied in one transaction: some 10 ms of work, so that a case waits no longer for its neighbours.
const BATCH: usize = 500;
/// How long a poll waits for a first hit, and so how soon a shutdown is noticed.
const POLL_WAIT: Duration = Duration::from_millis(250);

/// Applies hits until `shutdown`.
pub(crate) async fn run(
    parts: &Parts,
    ready: &Ready,
    shutdown: &CancellationToken,
) -> Result<(), DispatcherError> {
    let subscribe = || async { Ok(parts.log.subscribe(GROUP, &[Topic::Hits]).await?) };
    let Some(mut consumer) = persevere("subscribe to hits", shutdown, subscribe).await? else {
        return Ok(());
    };
    while !shutdown.is_cancelled() {
        step(parts, ready, consumer.as_mut(), shutdown).await?;
    }
    Ok(())
}

/// One batch: polled, applied in one transaction, committed. After a failure in between the batch comes again, and the
/// hits' ids make that harmless.
async fn step(
    parts: &Parts,
    ready: &Ready,
    consumer: &mut dyn Consumer,
    shutdown: &CancellationToken,
) -> Result<(), DispatcherError> {
    let polled = consumer.poll(BATCH, POLL_WAIT).await?;
    if polled.is_empty() {
        ready.set(parts.store.check().await.is_ok());
        return Ok(());
    }
    let mut arrivals = Vec::with_capacity(polled.len());
    let mut spans = Vec::new();
    for record in &polled {
        if let Some(mut arrival) = arrival(parts, record) {
            let span = span(record, &arrival.hit);
            arrival.trace = span.as_ref().map(|span| span.as_parent().to_string());
            arrivals.push(arrival);
            spans.extend(span);
        }
    }
    let consumed = consumed(&polled);
    let apply = || async {
        let applied = parts
            .store
            .apply_hits(&arrivals, &consumed, &parts.usual_policy, Timestamp::now())
            .await;
        ready.set(applied.is_ok());
        Ok(applied?)
    };
    let Some(applied) = persevere("apply hits", shutdown, apply).await? else {
        return Ok(());
    };
    spans.into_iter().for_each(Span::finish);
    metrics::counter!("steelring_dispatcher_hits_total").increment(applied.new_hits as u64);
    metrics::counter!("steelring_dispatcher_hits_known_total")
        .increment((arrivals.len() - applied.new_hits) as u64);
    if let Err(error) = consumer.commit().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "offsets not committed; the next commit covers them"
        );
    }
    Ok(())
}

/// A hit with the BCU on whose ground it was read. What does not decode was not written by a matcher: it is counted and
/// passed over, and stays in the topic for whoever looks.
fn arrival(parts: &Parts, record: &Delivered) -> Option<Arrival> {
    match wire::decode::<Hit>(record) {
        Ok(hit) => {
            tracing::debug_span!("hit", hit_id = %hit.hit_id, read_id = %hit.read.read_id)
                .in_scope(|| tracing::debug!(grade = %hit.entry.grade, "taken up"));
            let bcu = parts
                .force
                .camera(&hit.read.camera)
                .map(|camera| camera.bcu.clone());
            Some(Arrival {
                hit,
                bcu,
                trace: None,
            })
        }
        Err(error) => {
            metrics::counter!("steelring_dispatcher_hits_unreadable_total").increment(1);
            let place = record.place;
            tracing::error!(
                ?place,
                error = &error as &dyn std::error::Error,
                "a record of the hits topic is no hit"
            );
            None
        }
    }
}

/// The span of taking up a hit, where its read is traced.
fn span(record: &Delivered, hit: &Hit) -> Option<Span> {
    let parent = TraceParent::of_record(record)?;
    let about = About {
        read: Some(hit.read.read_id),
        hit: Some(hit.hit_id),
        ..About::default()
    };
    Some(Span::follow(Step::Dispatch, parent, about))
}

/// How far the batch reaches in each partition.
pub(crate) fn consumed(polled: &[Delivered]) -> Vec<Consumed> {
    let mut next = BTreeMap::new();
    for Delivered { place, .. } in polled {
        next.insert((place.topic, place.partition), place.offset + 1);
    }
    let row = |((topic, partition), next_offset): ((Topic, u32), u64)| Consumed {
        topic: topic.name().to_owned(),
        partition,
        next_offset,
    };
    next.into_iter().map(row).collect()
}
