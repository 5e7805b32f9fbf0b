//! The outbox into the log: case events in the store's order.

use std::time::Duration;

use store::events::Sequenced;
use stream::topic::Topic;
use stream::trace::TraceParent;
use stream::{LogError, Record, wire};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{DispatcherError, Parts, persevere};

/// Events published at once.
const BATCH: u32 = 500;
/// How often to look for what another process wrote: SQLite does not tell of it, and PostgreSQL's word may be lost.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often at most the store hears how far events were relayed: a dispatcher that is killed relays those of about so
/// long once more, and no event waits for the disk because of the one before.
const REMEMBER_EVERY: Duration = Duration::from_secs(1);

/// Relays until `shutdown`, and once more after it, so that a clean stop leaves nothing behind.
pub(crate) async fn run(parts: &Parts, shutdown: &CancellationToken) -> Result<(), DispatcherError> {
    let start = || async { Ok(parts.store.relayed().await?) };
    let Some(relayed) = persevere("see how far events were relayed", shutdown, start).await? else {
        return Ok(());
    };
    let (reached, heard) = watch::channel(relayed);
    tokio::try_join!(follow(parts, reached, shutdown), remember(parts, heard, shutdown)).map(|_| ())
}

/// Relays what is behind `reached`, and raises it.
async fn follow(
    parts: &Parts,
    reached: watch::Sender<u64>,
    shutdown: &CancellationToken,
) -> Result<(), DispatcherError> {
    let mut written = parts.store.newest_written();
    loop {
        // Seen before looking, so that a write in between is not slept through.
        written.mark_unchanged();
        let last_round = shutdown.is_cancelled();
        let from = *reached.borrow();
        match persevere("relay events", shutdown, || relay(parts, from)).await? {
            Some(to) if to > from => {
                reached.send_replace(to);
            }
            _ if last_round => return Ok(()),
            _ => tokio::select! {
                () = shutdown.cancelled() => {}
                // The sender lives as long as the store.
                _ = written.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            },
        }
    }
}

/// Tells the store now and then how far events were relayed, and a last time when relaying has ended.
async fn remember(
    parts: &Parts,
    mut reached: watch::Receiver<u64>,
    shutdown: &CancellationToken,
) -> Result<(), DispatcherError> {
    while reached.changed().await.is_ok() {
        let sequence = *reached.borrow_and_update();
        let tell = || async { Ok(parts.store.set_relayed(sequence).await?) };
        persevere("remember how far events were relayed", shutdown, tell).await?;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(REMEMBER_EVERY) => {}
        }
    }
    Ok(())
}

/// Publishes the events behind `from` and returns how far they reach.
async fn relay(parts: &Parts, from: u64) -> Result<u64, DispatcherError> {
    let events = parts.store.events_after(from, BATCH).await?;
    let Some(last) = events.last() else {
        return Ok(from);
    };
    let records: Result<Vec<_>, _> = events.iter().map(record).collect();
    parts.log.publish(Topic::CaseEvents, records?).await?;
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
