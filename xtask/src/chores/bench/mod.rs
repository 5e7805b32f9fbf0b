//! `cargo xtask bench`: every benchmark, its figures in one file, and what became of an earlier run's.

mod compare;
mod criterion;
mod figures;
pub(crate) mod growth;
mod matching;
mod scenarios;

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use figures::{Figure, Saved};
use growth::Growth;
use matching::Rows;
use scenarios::Traffic;

/// What is asked for.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    part: Option<Part>,
    /// Measure this alone; without it, everything.
    #[arg(value_name = "WHAT")]
    what: Vec<What>,
    #[command(flatten)]
    traffic: Traffic,
    /// Writes every figure here as JSON.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Compares with what --save wrote earlier.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// Measurements of another kind.
#[derive(Subcommand)]
enum Part {
    /// Cost against size, as plots and tables in docs/performance.
    Growth(Growth),
    /// What a read costs the matcher, beside a hash map, fst and symspell: {method, entries, ns_per_read, ...} as JSON.
    MatchSpeed(Rows),
    /// Which misreads are found, and who is stopped in vain: {policy, entries, world, recall, false_per_1000, ...} as JSON.
    MatchQuality(Rows),
    /// How soon a change of the lists counts while reads flow, and how long reads wait for it, as JSON.
    ListChange(Rows),
}

/// What there is to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// A batch of reads against lists
    Match,
    /// Cameras' messages into plate reads
    Decode,
    /// The units nearest to a vehicle
    NearestUnit,
    /// A case from its first hit to its end
    CaseFold,
    /// The whole system, by every scenario of `steelring bench ring-of-steel`
    Scenarios,
}

impl What {
    /// The bench target that measures it; none for what the system does as a whole.
    fn target(self) -> Option<&'static str> {
        match self {
            Self::Match => Some("matching"),
            Self::Decode => Some("decode"),
            Self::NearestUnit => Some("nearest_unit"),
            Self::CaseFold => Some("case_fold"),
            Self::Scenarios => None,
        }
    }
}

/// Measures, saves and compares. A scenario that does not pass is an error, after everything has been saved.
pub(crate) fn bench(asked: Bench) -> Result<()> {
    match asked.part {
        Some(Part::Growth(growth)) => return growth::grow(&growth),
        Some(Part::MatchSpeed(rows)) => return matching::measure("match_speed", &rows),
        Some(Part::MatchQuality(rows)) => return matching::measure("match_quality", &rows),
        Some(Part::ListChange(rows)) => return matching::measure("list_change", &rows),
        None => {}
    }
    // Both files are looked at first, so that an hour of measuring is not for nothing.
    let baseline = asked.baseline.as_deref().map(Saved::read).transpose()?;
    if let Some(file) = &asked.save {
        File::create(file).with_context(|| format!("making {}", file.display()))?;
    }
    let wanted: Vec<What> = match asked.what.as_slice() {
        [] => What::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let targets: Vec<&str> = wanted.iter().filter_map(|what| what.target()).collect();
    let mut measured: Vec<Figure> = Vec::new();
    if !targets.is_empty() {
        measured.extend(criterion::measure(&targets)?);
    }
    let mut failed = Vec::new();
    if wanted.contains(&What::Scenarios) {
        let scenarios = scenarios::measure(&asked.traffic)?;
        measured.extend(scenarios.figures);
        failed = scenarios.failed;
    }
    let saved = Saved::now(measured)?;
    if let Some(file) = &asked.save {
        saved.write(file)?;
    }
    match &baseline {
        Some(baseline) => print!("{}", compare::compared(baseline, &saved)),
        None => print!("{}", compare::listed(&saved)),
    }
    if !failed.is_empty() {
        bail!("did not pass: {}", failed.join(", "));
    }
    Ok(())
}
