//! The quality benchmark: `cargo bench -p steelring-matcher --bench match_quality -- --json FILE --html FILE`.
//!
//! 40 million registered vehicles, of which 5 million drive here; lists of 100 k, 1 M and 10 M. `--part 0.1` makes all of it a
//! tenth as large, for a first look. Under `cargo test` it is a thousandth, to see that it runs.

mod quality;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Parser;

use quality::world::Scale;
use quality::{report, rows};

#[derive(Parser)]
struct Arguments {
    /// Where the rows go, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the page with table and plots goes.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Draws the world.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much of the full size.
    #[arg(long)]
    part: Option<f64>,
    /// Reads of traffic that are judged.
    #[arg(long)]
    reads: Option<usize>,
    /// What `cargo bench` says to every benchmark, and `cargo test` does not.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (part, reads) = if arguments.bench {
        (1.0, 2_000_000)
    } else {
        (0.001, 2_000)
    };
    let (part, reads) = (arguments.part.unwrap_or(part), arguments.reads.unwrap_or(reads));
    let part = |whole: f64| ((whole * part) as usize).max(1);
    let scale = Scale {
        seed: arguments.seed,
        registered: part(40e6),
        driving: part(5e6),
        reads_a_day: 6.0,
        entries: vec![part(1e5), part(1e6), part(1e7)],
        reads,
        misreads: reads.min(20_000),
        edit_reads: reads.min(100_000),
    };
    let started = Instant::now();
    let rows = rows(&scale, |step| {
        eprintln!("{:6.1} s  {step}", started.elapsed().as_secs_f64())
    });
    print!("{}", report::table(&rows));
    if let Some(file) = &arguments.json {
        let json = report::json(&scale, &rows)?;
        std::fs::write(file, json).with_context(|| format!("writing {}", file.display()))?;
    }
    if let Some(file) = &arguments.html {
        std::fs::write(file, report::page(&scale, &rows)?)
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}
