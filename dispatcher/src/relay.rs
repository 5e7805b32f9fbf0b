//! The outbox into the log: case events in the store's order.

use std::time::Duration;

use store::events::Sequenced;
use stream::topic::Topic;
use stream::trace::TraceParent;
use stream::{LogError, Record, wire};
use tokio_util::sync::CancellationToken;

use crate::{DispatcherError, Parts, persevere};

/// Events published at once.
const BATCH: u32 = 500;
/// How often to look for what another process wrote; this process's own events wake the relay.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Relays until `shutdown`, and once more after it, so that a clean stop leaves nothing behind.
pub(crate) async fn run(parts: &Parts, shutdown: &CancellationToken) -> Result<(), DispatcherError> {
    let start = || async { Ok(parts.store.relayed().await?) };
    let Some(mut relayed) = persevere("see how far events were relayed", shutdown, start).await? else {
        return Ok(());
    };
    loop {
        let last_round = shutdown.is_cancelled();
        let next = || relay(parts, relayed);
        match persevere("relay events", shutdown, next).await? {
            Some(reached) if reached > relayed => relayed = reached,
            _ if last_round => return Ok(()),
            _ => tokio::select! {
                () = shutdown.cancelled() => {}
                () = parts.store.event_written() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            },
        }
    }
}

/// Publishes the events behind `from` and returns how far they reach.
async fn relay(parts: &Parts, from: u64) -> Result<u64, DispatcherError> {
    let events = parts.store.events_after(from, BATCH).await?;
    let Some(last) = events.last() else {
        return Ok(from);
    };
    let records: Result<Vec<_>, _> = events.iter().map(record).collect();
    parts.log.publish(Topic::CaseEvents, records?).await?;
    parts.store.set_relayed(last.sequence).await?;
    metrics::counter!("steelring_dispatcher_events_relayed_total").increment(events.len() as u64);
    Ok(last.sequence)
}

fn record(event: &Sequenced) -> Result<Record, LogError> {
    let mut record = wire::case_event_record(event.sequence, &event.event)?;
    if let Some(trace) = event
        .trace
        .as_ref()
        .and_then(|text| TraceParent::parse(text.as_bytes()))
    {
        trace.ride(&mut record);
    }
    Ok(record)
}
