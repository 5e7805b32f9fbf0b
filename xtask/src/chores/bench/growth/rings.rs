//! Series of the whole system: a run of `steelring bench ring-of-steel` for each point.

use std::process::Command;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use xtask::servers::{Kafka, Postgres};

use super::super::scenarios::results;
use super::Rig;
use super::series::Series;

/// Sizes and lengths of the runs.
struct Sizes {
    entries: &'static [u64],
    /// Reads a second, rising; the series ends where the system or the machine does not keep up.
    rates: &'static [f64],
    matchers: &'static [u32],
    /// Seconds of traffic in each run.
    seconds: u32,
    /// Reads a second and entries where these do not vary.
    rate: f64,
    usual_entries: u64,
}

const FULL: Sizes = Sizes {
    entries: &[100_000, 300_000, 1_000_000, 3_000_000, 10_000_000],
    rates: &[
        1_000.0, 2_000.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0, 30_000.0, 40_000.0, 60_000.0, 80_000.0,
    ],
    matchers: &[1, 2, 3, 4],
    seconds: 20,
    rate: 1_000.0,
    usual_entries: 100_000,
};

/// A little above the world's own lists, and as long as it takes for a first hit.
const TINY: Sizes = Sizes {
    entries: &[21_000, 25_000],
    rates: &[50.0, 100.0],
    matchers: &[1, 2],
    seconds: 5,
    rate: 50.0,
    usual_entries: 21_000,
};

/// A batch sent later than this, in seconds, had to wait for those before it: the rate is not kept up with.
const LATE_S: f64 = 1.0;
/// A p99 beyond this says that reads queue, in milliseconds: the rate is past the limit, whatever is accepted.
const QUEUES_MS: f64 = 1_000.0;

/// At this many reads a second there are ten times as many wanted vehicles as on a real ring, some 60 pushes a second; at
/// fewer reads more, so that a p99 stands on a thousand pushes at each rate, and at more reads fewer times as many.
const TENFOLD_AT: f64 = 10_000.0;
/// Most and least of that factor: with more, the road would be full of them.
const WANTED: (f64, f64) = (100.0, 1.0);

/// Where a result stands in the JSON of a run, and what it is called in a point.
const FIGURES: [(&str, &str); 8] = [
    ("p50_ms", "/latency_ms/p50"),
    ("p99_ms", "/latency_ms/p99"),
    ("samples", "/latency_ms/samples"),
    ("reads_per_s", "/reads_per_s"),
    ("rss_mb", "/rss_mb"),
    ("cpu_s_per_million_reads", "/cpu_s_per_million_reads"),
    ("lists_live_s", "/lists_live_s"),
    ("lag_max", "/lag_max"),
];

/// The points of a series.
pub(super) fn grow(rig: &Rig<'_>, series: Series) -> Result<Vec<Value>> {
    let sizes = if rig.tiny { &TINY } else { &FULL };
    match series {
        Series::Entries => entries(rig, sizes),
        Series::Rate => rates(rig, sizes),
        Series::Matchers => matchers(rig, sizes),
        Series::Index | Series::Units | Series::Cases => bail!("not a series of the whole system"),
    }
}

fn entries(rig: &Rig<'_>, sizes: &Sizes) -> Result<Vec<Value>> {
    let run = |entries: &u64| {
        let report = ring(rig, sizes, &sizes.rate.to_string(), *entries, |_| {})?;
        point(json!(entries), &report)
    };
    sizes.entries.iter().map(run).collect()
}

/// Rates up to the first that is not kept up with, then as fast as possible: there is a queue by intent, so that this last
/// point has no latency.
fn rates(rig: &Rig<'_>, sizes: &Sizes) -> Result<Vec<Value>> {
    let mut points = Vec::new();
    for rate in sizes.rates {
        let report = match ring(rig, sizes, &rate.to_string(), sizes.usual_entries, |_| {}) {
            Ok(report) => report,
            // The machine may be at its end before the system is; at the first rate it is something else.
            Err(error) if !points.is_empty() => {
                println!("the series ends below {rate} reads a second: {error:#}");
                break;
            }
            Err(error) => return Err(error),
        };
        if !keeps_up(&report) {
            println!("the series ends below {rate} reads a second: they are not kept up with");
            break;
        }
        points.push(point(json!(rate), &report)?);
    }
    let limit = ring(rig, sizes, "max", sizes.usual_entries, |_| {})?;
    let mut limit = point(limit["reads_per_s"].clone(), &limit)?;
    for latency in ["p50_ms", "p99_ms", "samples"] {
        limit[latency] = Value::Null;
    }
    limit["is_limit"] = json!(true);
    points.push(limit);
    Ok(points)
}

fn matchers(rig: &Rig<'_>, sizes: &Sizes) -> Result<Vec<Value>> {
    let (kafka, postgres) = (Kafka::start()?, Postgres::start()?);
    let mut points = Vec::new();
    for number in sizes.matchers {
        let on_servers = |rate: &str, name: &str| {
            let database = postgres.create_database(&format!("growth_{number}_{name}"))?;
            ring(rig, sizes, rate, sizes.usual_entries, |command| {
                command
                    .args(["--kafka", kafka.brokers(), "--database", &database])
                    .args(["--matchers", &number.to_string()])
                    .env("STEELRING_PARTITIONS", number.to_string());
            })
        };
        let steady = on_servers(&sizes.rate.to_string(), "steady")?;
        let most = on_servers("max", "most")?;
        let mut point = point(json!(number), &steady)?;
        point["most_reads_per_s"] = most["reads_per_s"].clone();
        points.push(point);
    }
    Ok(points)
}

/// One run. Its verdict is not asked for, a loss is an error.
fn ring(
    rig: &Rig<'_>,
    sizes: &Sizes,
    rate: &str,
    entries: u64,
    more: impl FnOnce(&mut Command),
) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("results.json");
    let mut command = Command::new(&rig.steelring);
    command
        .args(["bench", "ring-of-steel", "--backlog", "0"])
        .args(["--rate", rate])
        .args(["--wanted", &wanted(rate).to_string()])
        .args(["--entries", &entries.to_string()])
        .args(["--seconds", &sizes.seconds.to_string()])
        .arg("--json")
        .arg(&file);
    more(&mut command);
    let report = results(&mut command, &file)?.remove(0);
    ensure!(
        report["lost"] == 0 && report["doubled"] == 0,
        "hits were lost or doubled: {} and {}",
        report["lost"],
        report["doubled"]
    );
    Ok(report)
}

/// How many times as many wanted vehicles as on a real ring there are. As fast as possible, where latency is not asked for,
/// as many as on a real ring.
fn wanted(rate: &str) -> f64 {
    let (most, least) = WANTED;
    rate.parse::<f64>()
        .map_or(least, |rate| (10.0 * TENFOLD_AT / rate).clamp(least, most))
}

fn keeps_up(report: &Value) -> bool {
    let within = |place: &str, limit: f64| {
        let found = report.pointer(place).and_then(Value::as_f64);
        found.is_some_and(|found| found < limit)
    };
    within("/late_s", LATE_S) && within("/latency_ms/p99", QUEUES_MS)
}

fn point(x: Value, report: &Value) -> Result<Value> {
    ensure!(x.is_number(), "a point has no size");
    let mut point = json!({ "x": x });
    for (name, place) in FIGURES {
        point[name] = report.pointer(place).cloned().unwrap_or_default();
    }
    Ok(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(late_s: f64, p99: f64) -> Value {
        json!({"late_s": late_s, "latency_ms": {"p50": 9.0, "p99": p99, "samples": 7}})
    }

    #[test]
    fn a_rate_is_kept_up_with_where_reads_are_sent_in_time_and_none_queue() {
        let rows = [
            (report(0.0, 20.0), true),
            (report(0.9, 20.0), true),
            (report(1.5, 20.0), false),
            (report(0.0, 5_000.0), false),
            (json!({}), false),
        ];
        for (report, expected) in rows {
            assert_eq!(keeps_up(&report), expected, "{report}");
        }
    }

    #[test]
    fn there_are_about_as_many_pushes_a_second_at_each_rate() {
        let rows = [
            ("50", 100.0),
            ("1000", 100.0),
            ("10000", 10.0),
            ("80000", 1.25),
            ("max", 1.0),
        ];
        for (rate, expected) in rows {
            assert!((wanted(rate) - expected).abs() < 1e-9, "{rate}");
        }
    }

    #[test]
    fn a_point_has_what_the_report_has_and_nothing_invented() {
        let point = point(json!(5), &report(0.0, 20.0)).unwrap();
        assert_eq!(
            (&point["x"], &point["p99_ms"], &point["rss_mb"]),
            (&json!(5), &json!(20.0), &Value::Null)
        );
        assert!(super::point(Value::Null, &json!({})).is_err());
    }
}
