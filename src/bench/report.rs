//! What a run found, for machines and for people. The names of the JSON keys are a contract.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use domain::Timestamp;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::ledger::Balance;

/// An hour, in microseconds: longer than any run waits.
const LONGEST_US: u64 = 3_600_000_000;

/// A histogram of microseconds, to three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds above are bounds")
}

/// Where most, nearly all and the last of a distribution lie, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quantiles {
    /// How many were measured. With less than a thousand, p999 is the maximum.
    pub samples: u64,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Quantiles {
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            samples: histogram.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1e3,
        }
    }
}

/// Where the time goes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Hops {
    /// From the moment a batch was due until ingest answered that it is durable.
    pub accept: Quantiles,
    /// From ingest's stamp on a read until it was judged.
    #[serde(rename = "match")]
    pub matched: Quantiles,
    /// From there until its case was changed.
    pub case: Quantiles,
    /// From there until the event was on the screen.
    pub push: Quantiles,
}

/// The machine, as far as it explains figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub memory_mb: f64,
    pub processor: String,
}

/// What happened in half a second.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Moment {
    /// Seconds since the first read was due.
    pub t_s: f64,
    pub reads_per_s: f64,
    pub pushes_per_s: f64,
    /// Reads accepted and not judged, as matchers say.
    pub lag: f64,
    pub rss_mb: f64,
    /// Processor cores that the system kept busy.
    pub cores: f64,
}

/// How long the hits of one second were on their way.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Waited {
    /// When their reads were due, in seconds since the first one that led to a hit was.
    pub t_s: f64,
    pub p50_ms: f64,
    pub max_ms: f64,
}

/// How fast a backlog is drained, and how fast it could be.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ceiling {
    pub backlog: u64,
    pub bare_consumer_per_s: f64,
    pub matcher_per_s: f64,
    pub share_of_bare_consumer: f64,
}

/// A scenario's verdict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verdict {
    pub criterion: String,
    pub passed: bool,
    /// What was found instead.
    pub found: String,
}

/// Everything.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub version: &'static str,
    pub machine: Machine,
    pub engine: &'static str,
    pub database: &'static str,
    pub scenario: &'static str,
    pub seed: u64,
    pub seconds: f64,
    pub entries: u64,
    /// How many times as many wanted vehicles as on a real ring.
    pub wanted: f64,
    pub matchers: u32,
    pub partitions: u32,
    /// Reads a second; none for as many as are taken.
    pub rate_offered: Option<f64>,
    /// Reads accepted a second, from the first due to the last answer.
    pub reads_per_s: f64,
    pub reads_accepted: u64,
    /// By how much a batch was sent late at most since too many were on their way.
    pub late_s: f64,
    pub hits_expected: u64,
    pub hits_seen: u64,
    pub lost: u64,
    pub doubled: u64,
    pub unexpected: u64,
    /// From the moment a read was due until its case event was on the screen.
    pub latency_ms: Quantiles,
    pub hop_ms: Hops,
    pub lag_max: f64,
    pub rss_mb: f64,
    pub rss_peak_mb: f64,
    pub cpu_s_per_million_reads: f64,
    /// How long lists of so many entries took from the first byte sent until every matcher judged under them.
    pub lists_live_s: f64,
    #[serde(flatten)]
    pub ceiling: Option<Ceiling>,
    pub verdict: Verdict,
    pub timeline: Vec<Moment>,
    /// Milliseconds and the share of hits that were pushed within them.
    pub distribution: Vec<(f64, f64)>,
    pub latency_over_time: Vec<Waited>,
}

impl Verdict {
    /// In a word.
    pub fn word(&self) -> &'static str {
        if self.passed { "passed" } else { "FAILED" }
    }
}

impl Report {
    /// The account.
    pub fn balance(&mut self, balance: Balance) {
        self.hits_expected = balance.expected;
        self.hits_seen = balance.seen;
        self.lost = balance.lost;
        self.doubled = balance.doubled;
        self.unexpected = balance.unexpected;
    }
}

/// A cumulative distribution in at most some hundred points.
pub fn distribution(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let points = histogram.iter_quantiles(4);
    points
        .map(|point| {
            (
                point.value_iterated_to() as f64 / 1e3,
                point.quantile_iterated_to(),
            )
        })
        .collect()
}

/// The same second by second, from when reads were due and when their hits were on the screen.
pub fn over_time(pushes: impl Iterator<Item = (Timestamp, Timestamp)>) -> Vec<Waited> {
    let mut seconds: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (due, at) in pushes {
        let waits = seconds.entry(due.as_second()).or_default();
        waits.push(due.duration_until(at).as_secs_f64().max(0.0) * 1e3);
    }
    let first = seconds.keys().next().copied().unwrap_or_default();
    let waited = |(second, mut waits): (i64, Vec<f64>)| {
        waits.sort_unstable_by(f64::total_cmp);
        Waited {
            t_s: (second - first) as f64,
            p50_ms: waits[waits.len() / 2],
            max_ms: waits[waits.len() - 1],
        }
    };
    seconds.into_iter().map(waited).collect()
}

impl Display for Quantiles {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.samples == 0 {
            return write!(f, "no sample");
        }
        let Self {
            samples,
            p50,
            p99,
            p999,
            max,
        } = self;
        write!(
            f,
            "p50 {p50:.1}  p99 {p99:.1}  p99.9 {p999:.1}  max {max:.1}  ({samples} samples)"
        )
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let offered = self
            .rate_offered
            .map_or("as many as are taken".to_owned(), |rate| format!("{rate:.0}/s"));
        writeln!(
            f,
            "ring of steel, {}: {} and {}, {} entries, {} matchers, seed {}",
            self.scenario, self.engine, self.database, self.entries, self.matchers, self.seed
        )?;
        writeln!(
            f,
            "  reads      {:.0}/s accepted and durable, {} in {:.0} s (offered {offered}; sent at most {:.2} s late)",
            self.reads_per_s, self.reads_accepted, self.seconds, self.late_s
        )?;
        writeln!(
            f,
            "  hits       {} of {} seen, {} lost, {} doubled, {} unexpected",
            self.hits_seen, self.hits_expected, self.lost, self.doubled, self.unexpected
        )?;
        writeln!(f, "  latency ms {}", self.latency_ms)?;
        for (name, hop) in [
            ("accept", self.hop_ms.accept),
            ("match", self.hop_ms.matched),
            ("case", self.hop_ms.case),
            ("push", self.hop_ms.push),
        ] {
            writeln!(f, "    {name:8} {hop}")?;
        }
        writeln!(
            f,
            "  machine    {:.0} MB (peak since start {:.0}), {:.1} s of processor time a million reads, lag at most {:.0} reads",
            self.rss_mb, self.rss_peak_mb, self.cpu_s_per_million_reads, self.lag_max
        )?;
        writeln!(
            f,
            "  lists      live on every matcher after {:.1} s",
            self.lists_live_s
        )?;
        let Verdict { criterion, found, .. } = &self.verdict;
        write!(f, "  {}     {criterion} ({found})", self.verdict.word())
    }
}

impl Display for Ceiling {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  backlog    {:.0}/s matched, {:.0}/s by a bare consumer: {:.2} of it ({} reads)",
            self.matcher_per_s, self.bare_consumer_per_s, self.share_of_bare_consumer, self.backlog
        )
    }
}

/// This machine.
pub fn machine() -> Machine {
    let line = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_default();
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let memory = line("/proc/meminfo", "MemTotal");
    let kibibytes: f64 = memory.trim_end_matches("kB").trim().parse().unwrap_or_default();
    Machine {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_mb: (kibibytes * 1024.0 / 1e6).round(),
        processor: line("/proc/cpuinfo", "model name"),
    }
}
