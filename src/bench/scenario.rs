//! The scenarios: what traffic does, what happens to the system meanwhile, and what must hold.

use std::time::Duration;

use clap::ValueEnum;
use domain::Timestamp;
use simulator::Demand;

use super::Asked;
use super::ledger::Ledger;
use super::offer::{Pace, Rate};
use super::report::{Quantiles, Report, Verdict, histogram};

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The same traffic throughout.
    Steady,
    /// A working day, pressed into the run.
    Commute,
    /// Hits of 4 % of all reads.
    Flood,
    /// Twenty times the traffic for 10 s.
    Burst,
    /// A list of a million rows is replaced.
    Reload,
    /// Kafka is away for 60 s.
    Outage,
    /// A matcher is killed every 10 s.
    Kill,
    /// Hardly any traffic.
    Night,
    /// All of them, one after the other.
    All,
}

/// What happens to the system while reads flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disturbance {
    None,
    /// The long list is replaced, at this second.
    Reload {
        at_s: f64,
    },
    /// The broker is away from this second for so long.
    Outage {
        at_s: f64,
        for_s: f64,
    },
    /// A matcher is killed every so many seconds.
    Kill {
        every_s: f64,
    },
}

/// A run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub scenario: Scenario,
    pub rate: Rate,
    pub seconds: f64,
    pub entries: usize,
    pub pace: Pace,
    pub demand: Demand,
    pub disturbance: Disturbance,
}

/// p99 from due to pushed that a run on one machine may have, in milliseconds: with the embedded log ...
const P99_EMBEDDED_MS: f64 = 50.0;
/// ... and with Kafka and PostgreSQL.
const P99_KAFKA_MS: f64 = 150.0;
/// What a reload may add to it.
const RELOAD_ADDS_MS: f64 = 20.0;
/// How soon after a burst, an outage or a kill the last hit must be on the screen, in milliseconds.
const RECOVERED_MS: f64 = 30_000.0;

const FLOOD_SHARE: f64 = 0.04;
const BURST_FACTOR: f64 = 20.0;
const BURST_S: f64 = 10.0;
const OUTAGE_S: f64 = 60.0;
const KILL_EVERY_S: f64 = 10.0;
const RELOADED_ROWS: usize = 1_000_000;
/// At night a room has few reads. Many of them are of wanted vehicles, or nothing would be measured.
const NIGHT_RATE: f64 = 10.0;
const NIGHT_WANTED: f64 = 200.0;
/// Seconds that a scenario takes at least, to show what it is about.
const OUTAGE_RUN_S: f64 = 90.0;
/// A million rows are on the disk after some 50 s, and with the matcher after as many again: both are to be measured.
const RELOAD_RUN_S: f64 = 180.0;

impl Scenario {
    /// Every one that is a run.
    pub const RUNS: [Self; 8] = [
        Self::Steady,
        Self::Commute,
        Self::Flood,
        Self::Burst,
        Self::Reload,
        Self::Outage,
        Self::Kill,
        Self::Night,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Commute => "commute",
            Self::Flood => "flood",
            Self::Burst => "burst",
            Self::Reload => "reload",
            Self::Outage => "outage",
            Self::Kill => "kill",
            Self::Night => "night",
            Self::All => "all",
        }
    }

    /// What it does with what was asked for.
    pub fn plan(self, asked: &Asked) -> Plan {
        let Asked {
            rate,
            seconds,
            entries,
            wanted,
            ..
        } = *asked;
        let steady = Plan {
            scenario: self,
            rate,
            seconds,
            entries,
            pace: Pace::Flat,
            demand: Demand::flat(1.0).wanting(wanted),
            disturbance: Disturbance::None,
        };
        match self {
            Self::Steady | Self::All => steady,
            Self::Commute => Plan {
                pace: Pace::Day,
                ..steady
            },
            Self::Flood => Plan {
                demand: steady.demand.noting(FLOOD_SHARE),
                ..steady
            },
            Self::Burst => {
                let from_s = (seconds - BURST_S).max(0.0) / 2.0;
                Plan {
                    pace: Pace::Burst {
                        from_s,
                        until_s: from_s + BURST_S,
                        factor: BURST_FACTOR,
                    },
                    ..steady
                }
            }
            Self::Reload => {
                let seconds = seconds.max(RELOAD_RUN_S);
                Plan {
                    seconds,
                    entries: entries.max(RELOADED_ROWS),
                    disturbance: Disturbance::Reload { at_s: seconds / 3.0 },
                    ..steady
                }
            }
            Self::Outage => Plan {
                seconds: seconds.max(OUTAGE_RUN_S),
                disturbance: Disturbance::Outage {
                    at_s: 10.0,
                    for_s: OUTAGE_S,
                },
                ..steady
            },
            Self::Kill => Plan {
                disturbance: Disturbance::Kill {
                    every_s: KILL_EVERY_S,
                },
                ..steady
            },
            Self::Night => Plan {
                rate: Rate::Fixed(NIGHT_RATE),
                demand: steady.demand.wanting(NIGHT_WANTED),
                ..steady
            },
        }
    }

    /// Whether a run was as it must be. Nothing lost and nothing doubled is asked of every one.
    pub fn judge(self, report: &Report, ledger: &Ledger, disturbed: Option<Timestamp>) -> Verdict {
        let complete =
            report.lost == 0 && report.doubled == 0 && report.unexpected == 0 && report.hits_expected > 0;
        if report.rate_offered.is_none() {
            // There is a queue by intent: how long reads wait in it is no criterion.
            return Verdict {
                criterion: "nothing lost or doubled".to_owned(),
                passed: complete,
                found: format!("p99 {:.1} ms", report.latency_ms.p99),
            };
        }
        let (criterion, limit_ms, found_ms) = match self {
            Self::Reload => {
                let (before, since) = split(ledger, disturbed);
                let criterion = format!(
                    "p99 from when the list is replaced at most {RELOAD_ADDS_MS} ms above that before"
                );
                (criterion, RELOAD_ADDS_MS, since.p99 - before.p99)
            }
            Self::Burst | Self::Kill => {
                let criterion = format!("every hit pushed within {:.0} s", RECOVERED_MS / 1e3);
                (criterion, RECOVERED_MS, report.latency_ms.max)
            }
            Self::Outage => {
                let limit = OUTAGE_S * 1e3 + RECOVERED_MS;
                let criterion = format!(
                    "every hit pushed within {:.0} s of Kafka's return",
                    RECOVERED_MS / 1e3
                );
                (criterion, limit, report.latency_ms.max)
            }
            _ => {
                let limit = if report.engine == "embedded" {
                    P99_EMBEDDED_MS
                } else {
                    P99_KAFKA_MS
                };
                (format!("p99 at most {limit} ms"), limit, report.latency_ms.p99)
            }
        };
        let measured = report.latency_ms.samples > 0;
        Verdict {
            criterion: format!("nothing lost or doubled; {criterion}"),
            passed: complete && measured && found_ms <= limit_ms,
            found: format!("{found_ms:.1} ms"),
        }
    }
}

/// Latencies of reads that were due before a moment, and of those from then on: what a list leaves to be cleared away counts, too.
fn split(ledger: &Ledger, moment: Option<Timestamp>) -> (Quantiles, Quantiles) {
    let (mut before, mut since) = (histogram(), histogram());
    for (due, push) in ledger.pushes_since_due() {
        let taken = u64::try_from(push.at.duration_since(due).as_micros()).unwrap_or_default();
        let later = moment.is_some_and(|moment| due >= moment);
        let into = if later { &mut since } else { &mut before };
        into.saturating_record(taken);
    }
    (Quantiles::of(&before), Quantiles::of(&since))
}

/// Seconds as a duration; negative ones are none.
pub fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0))
}
