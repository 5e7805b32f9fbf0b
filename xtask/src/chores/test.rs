//! `cargo xtask test`: the steps one after another, each with a heading and its duration.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::steps::{Counts, Run, Step};

/// Runs the steps, or only some of them, and stops at the first that fails.
pub(crate) fn test(only: &[Step]) -> Result<()> {
    let run = Run::new();
    let mut durations = Vec::new();
    let mut outcome = Ok(());
    for step in Step::value_variants()
        .iter()
        .filter(|step| only.is_empty() || only.contains(step))
    {
        let name = name(*step);
        println!("\n==== {name} ====");
        let started = Instant::now();
        outcome = run
            .step(*step)
            .with_context(|| format!("step `{name}` failed (alone: cargo xtask test --only {name})"));
        let took = started.elapsed();
        println!("---- {name}: {}", clock(took));
        durations.push((name, took));
        if outcome.is_err() {
            break;
        }
    }
    close(&durations, run.counts());
    outcome
}

/// The table of durations, then how many tests ran: the last line that a reader of a log looks for.
fn close(durations: &[(String, Duration)], counts: Counts) {
    println!();
    for (name, took) in durations {
        println!("{name:<16}{:>12}", clock(*took));
    }
    let total = durations.iter().map(|(_, took)| *took).sum();
    println!("{:<16}{:>12}", "total", clock(total));
    let Counts {
        passed,
        failed,
        ignored,
    } = counts;
    if passed + failed + ignored > 0 {
        println!("tests: {passed} passed, {failed} failed, {ignored} skipped");
    }
}

fn name(step: Step) -> String {
    step.to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// Minutes and seconds, as `2 min 05 s`.
fn clock(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} min {:02} s", tenths / 600, tenths % 600 / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_a_clock() {
        let rows = [
            (300, "0.3 s"),
            (59_990, "59.9 s"),
            (60_000, "1 min 00 s"),
            (125_000, "2 min 05 s"),
        ];
        for (ms, expected) in rows {
            assert_eq!(clock(Duration::from_millis(ms)), expected);
        }
    }
}
