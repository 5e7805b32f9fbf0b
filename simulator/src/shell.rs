//! The world in real time: reads and positions into the log, deployments out of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use domain::Timestamp;
use domain::force::Force;
use domain::unit::UnitPosition;
use jiff::SignedDuration;
use store::images::Images;
use stream::topic::Topic;
use stream::{Log, Record, wire};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::outbox::{Outbox, Publisher, outbox};
use crate::{Demand, Order, Picture, Sighting, SimulatorError, World, orders};

/// How often the world is stepped: a read is then at most this old when it is queued.
const STEP: Duration = Duration::from_millis(100);
/// Reads that may wait for the log: at 50 a second, more than six minutes of them.
const READS_WAITING: usize = 20_000;
/// Positions that may wait: at 18 a second some twenty minutes, since a lost report of a state would leave a deployment
/// hanging.
const POSITIONS_WAITING: usize = 20_000;
/// Records published at once.
const BATCH: usize = 500;
/// Orders that may wait for the next step.
const ORDERS_WAITING: usize = 1_000;
/// Reads older than this were made while the machine slept; they are counted and not sent.
const LATEST: SignedDuration = SignedDuration::from_secs(10);
/// How long a stopping simulator waits for the log to take what is queued; a stage has 5 s in all.
const DRAIN: Duration = Duration::from_secs(3);

/// What the simulator works with.
pub struct Parts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// Where images are kept.
    pub images: Images,
    /// The force whose ground it is.
    pub force: Arc<Force>,
    /// Reads a second at the start; the volume follows the hour of the day from there.
    pub rate: f64,
    /// The seed.
    pub seed: u64,
}

/// Brings the world to life until told to stop. The log may be away: the world goes on, what it makes waits, and what
/// finds no room is counted in `steelring_simulator_unsent_total`.
///
/// # Errors
/// When the force cannot be simulated at this rate; never because of an outage.
pub async fn run(parts: Parts, shutdown: CancellationToken) -> Result<(), SimulatorError> {
    let world = World::new(parts.seed, Arc::clone(&parts.force))?;
    let start = Timestamp::now();
    let mut traffic = world.traffic(Demand::daily(parts.rate), start)?;
    let mut units = world.units(start);
    let (reads, read_publisher) = outbox(Arc::clone(&parts.log), Topic::Reads, "reads", READS_WAITING);
    let (positions, position_publisher) = outbox(
        Arc::clone(&parts.log),
        Topic::UnitPositions,
        "positions",
        POSITIONS_WAITING,
    );
    let mut publishers = JoinSet::new();
    publishers.spawn(publish_reads(read_publisher, parts.images));
    publishers.spawn(publish_positions(position_publisher));
    let (order_sender, mut orders) = mpsc::channel::<Order>(ORDERS_WAITING);
    let listener = tokio::spawn(orders::listen(
        parts.log,
        parts.force,
        order_sender,
        shutdown.clone(),
    ));

    tracing::info!(rate = parts.rate, seed = parts.seed, "the simulated ring runs");
    let mut ticks = tokio::time::interval(STEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let now = Timestamp::now();
        while let Ok(order) = orders.try_recv() {
            units.order(order);
        }
        queue_reads(&reads, traffic.step(now), now);
        for position in units.step(now) {
            positions.put(position);
        }
        metrics::gauge!("steelring_simulator_vehicles").set(traffic.under_way() as f64);
    }
    let queues = [reads.close(), positions.close()];
    let drained = async { while publishers.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        publishers.shutdown().await;
    }
    for (kind, waiting) in queues {
        let left = waiting.load(Ordering::Relaxed);
        if left > 0 {
            metrics::counter!("steelring_simulator_unsent_total", "kind" => kind).increment(left);
            tracing::warn!(kind, left, "stopped before the log had taken everything");
        }
    }
    listener.abort();
    Ok(())
}

fn queue_reads(reads: &Outbox<Sighting>, sightings: Vec<Sighting>, now: Timestamp) {
    let mut late = 0;
    for mut sighting in sightings {
        if now.duration_since(sighting.read.captured_at) > LATEST {
            late += 1;
            continue;
        }
        sighting.read.received_at = now;
        reads.put(sighting);
    }
    reads.lose(late);
}

async fn publish_reads(mut publisher: Publisher<Sighting>, images: Images) {
    while let Some(sightings) = publisher.next(BATCH).await {
        let mut records: Vec<Record> = Vec::with_capacity(sightings.len());
        let crowded = publisher.is_crowded();
        for Sighting { mut read, picture } in sightings {
            // with much waiting, reads go before pictures
            if let Some(picture) = picture.filter(|_| !crowded) {
                match keep(picture, &images).await {
                    Ok((plate, overview)) => {
                        read.plate_image = Some(plate);
                        read.overview_image = Some(overview);
                    }
                    Err(error) => {
                        metrics::counter!("steelring_simulator_image_failures_total").increment(1);
                        tracing::warn!(read_id = %read.read_id, error = &*error, "a read goes without its images");
                    }
                }
            }
            match wire::read_record(&read) {
                Ok(record) => records.push(record),
                Err(error) => tracing::error!(read_id = %read.read_id, %error, "a read cannot be encoded"),
            }
        }
        let number = records.len() as u64;
        if publisher.publish(records).await.is_err() {
            return;
        }
        metrics::counter!("steelring_simulator_reads_total").increment(number);
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Draws a picture off the async threads, and stores both images.
async fn keep(picture: Picture, images: &Images) -> Result<(domain::ImageHash, domain::ImageHash), Failure> {
    let rendered = tokio::task::spawn_blocking(move || picture.render()).await??;
    let plate = images.put(Bytes::from(rendered.plate)).await?;
    let overview = images.put(Bytes::from(rendered.overview)).await?;
    Ok((plate, overview))
}

async fn publish_positions(mut publisher: Publisher<UnitPosition>) {
    while let Some(positions) = publisher.next(BATCH).await {
        let records = positions
            .iter()
            .filter_map(|position| wire::position_record(position).ok());
        if publisher.publish(records.collect()).await.is_err() {
            return;
        }
    }
}
