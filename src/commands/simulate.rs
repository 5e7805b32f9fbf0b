//! `steelring simulate`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use domain::Timestamp;
use simulator::{Demand, World};

use crate::config::{LogPlace, Settings};
use crate::messages::{progress, spinner};
use crate::{force, topology};

/// Where the simulated clock of an NDJSON run starts: fixed, so that the same seed gives the same bytes.
const EPOCH: &str = "2026-01-05T08:00:00Z";

pub async fn run(
    settings: &Settings,
    rate: f64,
    seconds: u64,
    seed: u64,
    out: Option<&Path>,
) -> Result<ExitCode> {
    if !(rate.is_finite() && rate > 0.0) {
        bail!("--rate: reads a second must be more than 0");
    }
    if seconds == 0 {
        bail!("--seconds: at least 1 is needed");
    }
    let force = force::load(settings.force.as_deref())?;
    let world = World::new(seed, force).context("lay out the world")?;
    match (&settings.log, out) {
        (LogPlace::Kafka { .. }, None) => into_log(settings, &world, rate, seconds).await?,
        _ => into_lines(&world, rate, seconds, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// In real time, into the log.
async fn into_log(settings: &Settings, world: &World, rate: f64, seconds: u64) -> Result<()> {
    let log = topology::open_log_and_topics(settings).await?;
    let bar = progress(seconds, "offering");
    let mut watch = |_reads: u64, second: f64| bar.set_position(second as u64);
    let offered = simulator::offer(
        Arc::clone(&log),
        world,
        Demand::flat(rate),
        seconds as f64,
        &mut watch,
    )
    .await
    .context("offer reads to the log")?;
    bar.finish_and_clear();
    eprintln!(
        "{} reads are in the log after {:.1} s; the offer fell behind its clock by {:.1} s at most",
        offered.reads, offered.elapsed_s, offered.behind_s
    );
    log.close().await.context("close the log")
}

/// As fast as they can be made, as NDJSON.
fn into_lines(world: &World, rate: f64, seconds: u64, out: Option<&Path>) -> Result<()> {
    let start: Timestamp = EPOCH.parse().context("the epoch of simulations")?;
    let mut sink: Box<dyn Write> = match out {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(std::io::stdout().lock())),
    };
    let bar = spinner("simulating");
    let written = simulator::write_ndjson(world, Demand::flat(rate), seconds as f64, start, &mut sink);
    bar.finish_and_clear();
    let written = written.context("write reads")?;
    sink.flush().context("write reads")?;
    eprintln!("{written} reads");
    Ok(())
}
