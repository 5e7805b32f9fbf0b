//! How fast a backlog is matched, beside the fastest that it could be read at all.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use domain::Timestamp;
use domain::hotlist::{Entry, Revision};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use metrics_exporter_prometheus::PrometheusHandle;
use simulator::{Demand, World};
use stream::embedded::{EmbeddedLog, EmbeddedOptions};
use stream::kafka::{KafkaLog, KafkaOptions};
use stream::ready::Ready;
use stream::topic::Topic;
use stream::wire::{self, RevisionMark};
use stream::{Log, Record};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::gauge::metric;
use super::report::Ceiling;
use crate::config::LogPlace;
use crate::management;
use crate::messages::{progress, spinner};

/// Records published at once, and how many such batches are on their way.
const BATCH: usize = 1_000;
const IN_FLIGHT: usize = 16;
/// The world's reads a second while the backlog is made: as fast as it goes.
const WORLD_RATE: f64 = 20_000.0;
/// How often the matcher's count is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A matcher that judges nothing for so long will not go on.
const PATIENCE: Duration = Duration::from_secs(60);
/// Records that the bare reader of the embedded log takes at once: as the matcher does.
const TAKE: usize = 10_000;
const READS: &str = "steelring_matcher_reads_total";

/// The log under measurement, for this process alone.
enum Engine {
    Embedded(Arc<EmbeddedLog>),
    Kafka(Arc<KafkaLog>),
}

impl Engine {
    fn open(place: &LogPlace, folder: &Path, partitions: u32) -> Result<Self> {
        match place {
            LogPlace::Embedded(_) => {
                let options = EmbeddedOptions {
                    partitions,
                    ..EmbeddedOptions::default()
                };
                let log = EmbeddedLog::open(&folder.join("backlog"), options)?;
                Ok(Self::Embedded(Arc::new(log)))
            }
            LogPlace::Kafka {
                brokers,
                properties,
                topic_prefix,
                ..
            } => {
                let options = KafkaOptions {
                    partitions,
                    properties: properties.clone(),
                    topic_prefix: topic_prefix.clone(),
                    ..KafkaOptions::new(brokers)
                };
                Ok(Self::Kafka(Arc::new(KafkaLog::connect(options)?)))
            }
        }
    }

    fn log(&self) -> Arc<dyn Log> {
        match self {
            Self::Embedded(log) => Arc::<EmbeddedLog>::clone(log),
            Self::Kafka(log) => Arc::<KafkaLog>::clone(log),
        }
    }

    /// Reads a second of somebody who throws them away.
    async fn bare(&self, backlog: u64) -> Result<f64> {
        let (records, elapsed_s) = match self {
            Self::Kafka(log) => {
                let drained = log.drain_bare(Topic::Reads, backlog).await?;
                (drained.records, drained.elapsed_s)
            }
            Self::Embedded(log) => {
                let mut consumer = log.subscribe("bare", &[Topic::Reads]).await?;
                let mut read = consumer.poll(TAKE, PATIENCE).await?.len() as u64;
                let (first, begun) = (read, Instant::now());
                while read < backlog {
                    read += consumer.poll(TAKE, PATIENCE).await?.len() as u64;
                }
                (read - first, begun.elapsed().as_secs_f64())
            }
        };
        Ok(records as f64 / elapsed_s)
    }
}

/// Makes a backlog of reads and drains it twice.
pub async fn measure(
    place: &LogPlace,
    folder: &Path,
    partitions: u32,
    world: &World,
    entries: usize,
    backlog: u64,
) -> Result<Ceiling> {
    let engine = Engine::open(place, folder, partitions).context("open a log for the backlog")?;
    let log = engine.log();
    log.create_topics().await?;
    let measured = drain_twice(&engine, world, entries, backlog).await;
    log.close().await?;
    measured
}

async fn drain_twice(engine: &Engine, world: &World, entries: usize, backlog: u64) -> Result<Ceiling> {
    let log = engine.log();
    publish_lists(&log, world, entries).await?;
    let made = publish_reads(&log, world, backlog).await?;
    let bar = spinner("draining the backlog");
    // The first pass over it may find the machine's caches cold: the bare reader has the better place, if any.
    let matcher_per_s = matched(&log, made).await?;
    let bare_consumer_per_s = engine.bare(made).await?;
    bar.finish_and_clear();
    Ok(Ceiling {
        backlog: made,
        bare_consumer_per_s,
        matcher_per_s,
        share_of_bare_consumer: matcher_per_s / bare_consumer_per_s,
    })
}

async fn publish_lists(log: &Arc<dyn Log>, world: &World, entries: usize) -> Result<()> {
    let now = Timestamp::now();
    let mut all: Vec<Entry> = world
        .hotlists(now)
        .into_iter()
        .flat_map(|(_, entries)| entries)
        .collect();
    all.extend(world.absent(entries.saturating_sub(all.len()), now));
    for part in all.chunks(BATCH * 10) {
        let records: Result<Vec<Record>, _> =
            part.iter().map(|entry| wire::entry_record(entry, now)).collect();
        log.publish(Topic::Entries, records?).await?;
    }
    let mark = RevisionMark {
        revision: Revision(1),
        without: None,
        entries: all.len() as u64,
        published_at: now,
    };
    log.publish(Topic::Entries, vec![wire::revision_record(&mark)?])
        .await?;
    Ok(())
}

async fn publish_reads(log: &Arc<dyn Log>, world: &World, backlog: u64) -> Result<u64> {
    let bar = progress(backlog, "making a backlog");
    let start = Timestamp::now();
    let mut traffic = world.traffic(Demand::flat(WORLD_RATE), start)?;
    let mut publishing = JoinSet::new();
    let (mut made, mut until) = (0, start);
    while made < backlog {
        until += SignedDuration::from_millis(50);
        let records = traffic
            .step(until)
            .into_iter()
            .map(|sighting| wire::read_record(&sighting.read));
        let mut records: Vec<Record> = records.collect::<Result<_, _>>()?;
        records.truncate(usize::try_from(backlog - made).unwrap_or(usize::MAX));
        made += records.len() as u64;
        if publishing.len() >= IN_FLIGHT {
            publishing.join_next().await.transpose()?.transpose()?;
        }
        let log = Arc::clone(log);
        publishing.spawn(async move { log.publish(Topic::Reads, records).await });
        bar.set_position(made);
    }
    while let Some(published) = publishing.join_next().await {
        published??;
    }
    bar.finish_and_clear();
    Ok(made)
}

/// Reads a second that a matcher judges, its hits durable, from its first batch to its last.
async fn matched(log: &Arc<dyn Log>, backlog: u64) -> Result<f64> {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    let metrics = match METRICS.get() {
        Some(metrics) => metrics,
        None => {
            METRICS.get_or_init(|| management::record_metrics().expect("nothing else records metrics here"))
        }
    };
    let judged = || metric(&metrics.render(), READS).unwrap_or_default() as u64;
    let before = judged();
    let parts = matcher::Parts {
        log: Arc::clone(log),
        name: "bench".into(),
        cameras: Vec::new(),
        zone: TimeZone::UTC,
        options: matcher::Options::default(),
    };
    let stop = CancellationToken::new();
    let matcher = tokio::spawn(matcher::run(parts, Ready::default(), stop.clone()));
    let (mut first, mut last) = (None, (before, Instant::now()));
    while last.0 - before < backlog {
        let now = judged();
        if now > last.0 {
            last = (now, Instant::now());
            first.get_or_insert(last);
        }
        if last.1.elapsed() > PATIENCE || matcher.is_finished() {
            bail!(
                "the matcher judged {} of {backlog} reads and no more",
                last.0 - before
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    stop.cancel();
    matcher.await??;
    let first = first.context("the matcher judged nothing")?;
    Ok((last.0 - first.0) as f64 / last.1.duration_since(first.1).as_secs_f64())
}
