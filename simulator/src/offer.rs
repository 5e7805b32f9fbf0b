//! Reads offered to the log at a rate, whatever the log makes of it: an open loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Timestamp;
use jiff::SignedDuration;
use stream::topic::Topic;
use stream::{Log, LogError, Record, wire};
use tokio::task::JoinSet;

use crate::{Demand, SimulatorError, World};

/// How often reads are handed over.
const STEP: Duration = Duration::from_millis(20);
/// Records published at once: more would make the first wait for the last.
const BATCH: usize = 1_000;
/// Batches that may be on their way. Past that the offer waits, and says by how much it fell behind.
const IN_FLIGHT: usize = 64;
/// Pause before a batch is published again, and how often that is tried.
const RETRY: Duration = Duration::from_millis(500);
const TRIES: u32 = 20;

/// What was offered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Offered {
    /// Reads that the log has acknowledged.
    pub reads: u64,
    /// How long it took until the last one was, in seconds.
    pub elapsed_s: f64,
    /// The longest time by which the offer lagged behind its own clock, in seconds: 0 where the loop stayed open.
    pub behind_s: f64,
}

/// Offers the reads of `seconds` to the log in real time, without images. `progress` hears of reads acknowledged and
/// seconds gone.
///
/// # Errors
/// When the world cannot offer that rate, or the log refuses for good.
pub async fn offer(
    log: Arc<dyn Log>,
    world: &World,
    demand: Demand,
    seconds: f64,
    progress: &mut (dyn FnMut(u64, f64) + Send),
) -> Result<Offered, SimulatorError> {
    let start = Timestamp::now();
    let begun = Instant::now();
    let mut traffic = world.traffic(demand, start)?;
    let mut offered = Offered::default();
    let mut in_flight: JoinSet<Result<u64, LogError>> = JoinSet::new();
    let mut ticks = tokio::time::interval(STEP);
    loop {
        ticks.tick().await;
        let gone = begun.elapsed().as_secs_f64().min(seconds);
        let now = start + SignedDuration::from_millis((gone * 1e3) as i64);
        let received_at = Timestamp::now();
        let mut records = Vec::new();
        for mut sighting in traffic.step(now) {
            sighting.read.received_at = received_at;
            records.push(wire::read_record(&sighting.read).map_err(SimulatorError::Log)?);
        }
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(BATCH));
            let batch = std::mem::replace(&mut records, rest);
            if in_flight.len() >= IN_FLIGHT {
                let waited = Instant::now();
                settle(in_flight.join_next().await, &mut offered)?;
                offered.behind_s = offered.behind_s.max(waited.elapsed().as_secs_f64());
            }
            in_flight.spawn(publish(Arc::clone(&log), batch));
        }
        while let Some(done) = in_flight.try_join_next() {
            settle(Some(done), &mut offered)?;
        }
        progress(offered.reads, gone);
        if gone >= seconds {
            break;
        }
    }
    while let Some(done) = in_flight.join_next().await {
        settle(Some(done), &mut offered)?;
    }
    offered.elapsed_s = begun.elapsed().as_secs_f64();
    progress(offered.reads, seconds);
    Ok(offered)
}

fn settle(
    done: Option<Result<Result<u64, LogError>, tokio::task::JoinError>>,
    offered: &mut Offered,
) -> Result<(), SimulatorError> {
    match done {
        Some(Ok(Ok(number))) => offered.reads += number,
        Some(Ok(Err(error))) => return Err(SimulatorError::Log(error)),
        Some(Err(error)) => return Err(SimulatorError::Log(LogError::Unavailable(error.to_string()))),
        None => {}
    }
    Ok(())
}

async fn publish(log: Arc<dyn Log>, batch: Vec<Record>) -> Result<u64, LogError> {
    let number = batch.len() as u64;
    let mut tries = 1;
    loop {
        match log.publish(Topic::Reads, batch.clone()).await {
            Ok(()) => return Ok(number),
            Err(LogError::Unavailable(reason)) if tries < TRIES => {
                tracing::warn!(reason, "the log takes no reads, trying again");
                tries += 1;
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(error),
        }
    }
}
