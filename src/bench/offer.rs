//! The cameras: reads posted to ingest when they are due, whatever the system makes of them (an open loop).
//!
//! A read that could not be sent when it was due counts from when it was due, so that a system which stalls its cameras
//! does not look fast. What falls behind by the fault of this machine alone is told apart, and said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use domain::Timestamp;
use jiff::SignedDuration;
use reqwest::StatusCode;
use simulator::{Demand, World};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::ledger::{Due, Ledger, Lists};
use super::system::System;

/// How often cameras hand over what they have read.
const STEP: Duration = Duration::from_millis(10);
/// Reads in one request: what a roadside gateway of some cameras sends.
const BATCH: usize = 100;
/// Requests on their way at once. Past that cameras wait, which counts against the system.
const IN_FLIGHT: usize = 64;
/// The same for a closed loop, where more would measure the queue.
const IN_FLIGHT_AT_MOST: usize = 8;
/// Batches that are made ahead: a second's worth and more.
const AHEAD: usize = 256;
/// Pause before a batch is offered again, and for how long that is tried: a camera with a buffer.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_FOR: Duration = Duration::from_secs(300);
/// Where reads are offered as fast as they are taken, the world makes them at this rate, and at most so many.
const MAX_WORLD_RATE: f64 = 20_000.0;
const MAX_PER_S: u64 = 150_000;
const MAX_READS: u64 = 3_000_000;

/// How many reads a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// So many, whatever happens.
    Fixed(f64),
    /// As many as are taken.
    Max,
}

/// How traffic goes up and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Not at all.
    Flat,
    /// As on a working day, pressed into the run.
    Day,
    /// So many times as much from a second to another.
    Burst { from_s: f64, until_s: f64, factor: f64 },
}

impl Pace {
    /// The traffic `at_s` into a run of `seconds`, as a multiple of the rate.
    fn factor(self, at_s: f64, seconds: f64) -> f64 {
        match self {
            Self::Flat => 1.0,
            Self::Day => simulator::volume_of_day(24.0 * at_s / seconds),
            Self::Burst {
                from_s,
                until_s,
                factor,
            } if (from_s..until_s).contains(&at_s) => factor,
            Self::Burst { .. } => 1.0,
        }
    }
}

/// Reads of one moment.
struct Batch {
    due_s: f64,
    reads: u64,
    body: Bytes,
    hits: Vec<Due>,
}

/// What is offered.
pub struct Offer {
    pub world: World,
    pub lists: Arc<Lists>,
    pub demand: Demand,
    pub rate: Rate,
    pub pace: Pace,
    pub seconds: f64,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offered {
    /// Reads that the plan holds.
    pub planned: u64,
    /// How long it took from the first due to the last answer, in seconds.
    pub elapsed_s: f64,
    /// By how much this machine fell behind at most in making reads, in seconds.
    pub late_making_s: f64,
    /// By how much a batch was sent late at most because too many were on their way, in seconds.
    pub late_sending_s: f64,
}

/// What the posts of a run share.
pub struct Cameras {
    http: reqwest::Client,
    address: String,
    token: String,
    ledger: Arc<Mutex<Ledger>>,
    /// Reads accepted so far.
    pub accepted: AtomicU64,
    /// From the moment a batch was due to the moment it was accepted, in microseconds.
    pub accept_us: Mutex<hdrhistogram::Histogram<u64>>,
}

impl Cameras {
    pub fn new(system: &System, ledger: Arc<Mutex<Ledger>>) -> Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(IN_FLIGHT)
                .build()?,
            address: format!("{}/v1/reads", system.ingest),
            token: system.source_token.clone(),
            ledger,
            accepted: AtomicU64::new(0),
            accept_us: Mutex::new(super::report::histogram()),
        })
    }

    /// Posts a batch until it is accepted.
    async fn post(self: Arc<Self>, batch: Batch, due: Timestamp) -> Result<()> {
        let begun = Instant::now();
        loop {
            let request = self.http.post(&self.address).bearer_auth(&self.token);
            let request = request
                .header("content-type", "application/json")
                .body(batch.body.clone());
            let answered = match request.send().await {
                Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                    answer.text().await.unwrap_or_default()
                }
                // 207 would mean that some of the reads are refused: none of a simulated camera's should be.
                Ok(answer) if answer.status().is_success() && answer.status() != StatusCode::MULTI_STATUS => {
                    break;
                }
                Ok(answer) => {
                    let status = answer.status();
                    bail!(
                        "ingest refuses simulated reads: {status} {}",
                        answer.text().await.unwrap_or_default()
                    );
                }
                // Nobody answers: perhaps it is being started again.
                Err(error) => error.to_string(),
            };
            if begun.elapsed() > RETRY_FOR {
                bail!("ingest has accepted nothing for {RETRY_FOR:?}, and last said: {answered}");
            }
            tokio::time::sleep(RETRY).await;
        }
        let taken = Timestamp::now().duration_since(due);
        {
            let mut accept = self.accept_us.lock().unwrap_or_else(PoisonError::into_inner);
            accept.saturating_record(u64::try_from(taken.as_micros()).unwrap_or_default());
        }
        self.ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .accepted(&batch.hits, due);
        self.accepted.fetch_add(batch.reads, Ordering::Relaxed);
        Ok(())
    }
}

/// Offers everything and waits for the last answer.
pub async fn offer(offer: Offer, cameras: Arc<Cameras>) -> Result<Offered> {
    let (sender, batches) = mpsc::channel(AHEAD);
    let rate = offer.rate;
    let seconds = offer.seconds;
    let making = std::thread::spawn(move || make(&offer, &sender));
    let outcome = match rate {
        Rate::Fixed(_) => post_when_due(batches, cameras).await,
        Rate::Max => post_at_once(batches, cameras, seconds).await,
    };
    let made = making
        .join()
        .map_err(|_| anyhow::anyhow!("making reads failed"))?;
    made?;
    outcome
}

/// Makes the batches of a run, ahead of time. Ends early where nobody takes them any more.
fn make(offer: &Offer, batches: &mpsc::Sender<Batch>) -> Result<()> {
    let start = Timestamp::now();
    let (demand, pace) = match offer.rate {
        Rate::Fixed(rate) => (Demand { rate, ..offer.demand }, offer.pace),
        Rate::Max => (
            Demand {
                rate: MAX_WORLD_RATE,
                ..offer.demand
            },
            Pace::Flat,
        ),
    };
    let mut traffic = offer.world.traffic(demand, start).context("simulate traffic")?;
    let most = match offer.rate {
        Rate::Fixed(_) => u64::MAX,
        Rate::Max => ((offer.seconds * MAX_PER_S as f64) as u64).min(MAX_READS),
    };
    let (mut step, mut world_s, mut made) = (0_u32, 0.0, 0);
    loop {
        let due_s = f64::from(step) * STEP.as_secs_f64();
        if made >= most || (offer.rate != Rate::Max && due_s >= offer.seconds) {
            return Ok(());
        }
        step += 1;
        world_s += STEP.as_secs_f64() * pace.factor(due_s, offer.seconds);
        let until = start + SignedDuration::from_micros((world_s * 1e6) as i64);
        let sightings = traffic.step(until);
        for part in sightings.chunks(BATCH) {
            let mut body = Vec::with_capacity(part.len() * 320);
            let mut hits = Vec::new();
            for (number, sighting) in part.iter().enumerate() {
                body.push(if number == 0 { b'[' } else { b',' });
                simulator::write_read(&sighting.read, &mut body)?;
                hits.extend(offer.lists.hits(&sighting.read));
            }
            body.push(b']');
            made += part.len() as u64;
            let batch = Batch {
                due_s,
                reads: part.len() as u64,
                body: body.into(),
                hits,
            };
            if batches.blocking_send(batch).is_err() {
                return Ok(());
            }
        }
    }
}

async fn post_when_due(mut batches: mpsc::Receiver<Batch>, cameras: Arc<Cameras>) -> Result<Offered> {
    // The first ones are made before the clock starts.
    while batches.len() < AHEAD / 2 && !batches.is_closed() {
        tokio::time::sleep(STEP).await;
    }
    let (begun, start) = (Instant::now(), Timestamp::now());
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut posts = JoinSet::new();
    let mut offered = Offered::default();
    while let Some(batch) = batches.recv().await {
        let due = begun + Duration::from_secs_f64(batch.due_s);
        let late = due.elapsed().as_secs_f64();
        tokio::time::sleep_until(due.into()).await;
        let waited = Instant::now();
        let place = Arc::clone(&places).acquire_owned().await?;
        if waited.elapsed() > STEP {
            offered.late_sending_s = offered.late_sending_s.max(due.elapsed().as_secs_f64());
        } else if offered.late_sending_s == 0.0 {
            offered.late_making_s = offered.late_making_s.max(late);
        }
        offered.planned += batch.reads;
        let due_at = start + SignedDuration::from_micros((batch.due_s * 1e6) as i64);
        let post = Arc::clone(&cameras).post(batch, due_at);
        posts.spawn(async move {
            let posted = post.await;
            drop(place);
            posted
        });
        while let Some(done) = posts.try_join_next() {
            done??;
        }
    }
    while let Some(done) = posts.join_next().await {
        done??;
    }
    offered.elapsed_s = begun.elapsed().as_secs_f64();
    Ok(offered)
}

/// A closed loop: each connection posts its next batch as soon as the last was accepted, for so many seconds.
async fn post_at_once(
    mut batches: mpsc::Receiver<Batch>,
    cameras: Arc<Cameras>,
    seconds: f64,
) -> Result<Offered> {
    // Making reads costs as much as taking them in: all are made before the clock starts.
    let mut ready = Vec::new();
    while let Some(batch) = batches.recv().await {
        ready.push(batch);
    }
    ready.reverse();
    let ready = Arc::new(Mutex::new(ready));
    let begun = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..IN_FLIGHT_AT_MOST {
        let (ready, cameras) = (Arc::clone(&ready), Arc::clone(&cameras));
        connections.spawn(async move {
            let mut posted = 0;
            while begun.elapsed().as_secs_f64() < seconds {
                let next = ready.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(batch) = next else { break };
                posted += batch.reads;
                Arc::clone(&cameras).post(batch, Timestamp::now()).await?;
            }
            anyhow::Ok(posted)
        });
    }
    let mut offered = Offered::default();
    while let Some(done) = connections.join_next().await {
        offered.planned += done??;
    }
    offered.elapsed_s = begun.elapsed().as_secs_f64();
    Ok(offered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_the_volume_of_a_flat_run_and_a_burst_its_factor() {
        let volume = |pace: Pace| {
            (0..6_000)
                .map(|step| pace.factor(f64::from(step) / 100.0, 60.0))
                .sum::<f64>()
                / 6_000.0
        };
        assert!((0.95..1.05).contains(&volume(Pace::Day)));
        let burst = Pace::Burst {
            from_s: 20.0,
            until_s: 30.0,
            factor: 20.0,
        };
        assert!((volume(burst) - 250.0 / 60.0).abs() < 0.01);
    }
}
