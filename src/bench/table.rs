//! Several runs side by side, a line each.

use std::fmt::{self, Display, Formatter};

use super::report::Report;

/// What a row shows, left to right.
pub const COLUMNS: [&str; 9] = [
    "scenario", "verdict", "reads/s", "hits", "lost", "doubled", "p50 ms", "p99 ms", "max ms",
];

/// The cells of a run, in the order of [`COLUMNS`].
pub fn cells(report: &Report) -> [String; COLUMNS.len()] {
    let latency = report.latency_ms;
    [
        report.scenario.to_owned(),
        report.verdict.word().to_owned(),
        format!("{:.0}", report.reads_per_s),
        format!("{} of {}", report.hits_seen, report.hits_expected),
        report.lost.to_string(),
        report.doubled.to_string(),
        format!("{:.1}", latency.p50),
        format!("{:.1}", latency.p99),
        format!("{:.1}", latency.max),
    ]
}

/// The table of some runs, for a terminal.
pub struct Table<'a>(pub &'a [Report]);

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let header = COLUMNS.map(str::to_owned);
        let rows: Vec<_> = std::iter::once(header).chain(self.0.iter().map(cells)).collect();
        let widths: [usize; COLUMNS.len()] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
        for (number, row) in rows.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                match column {
                    0 => write!(f, "{cell:width$}")?,
                    1 => write!(f, "  {cell:width$}")?,
                    _ => write!(f, "  {cell:>width$}")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::Verdict;

    #[test]
    fn columns_stand_below_their_names() {
        let passed = Verdict {
            passed: true,
            ..Verdict::default()
        };
        let good = Report {
            scenario: "steady",
            verdict: passed,
            ..Report::default()
        };
        let bad = Report {
            scenario: "commute",
            lost: 12,
            ..Report::default()
        };
        let text = Table(&[good, bad]).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let end = |line: &str, word: &str| line.find(word).map(|at| at + word.len());
        assert_eq!(end(lines[0], "lost"), end(lines[2], " 12"));
        assert!(lines[1].contains("passed") && lines[2].contains("FAILED"));
    }
}
