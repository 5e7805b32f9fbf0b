//! What the measured curves come to for a force and for a country, computed from them.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::page::number;

/// Who runs a ring.
struct Ring {
    name: &'static str,
    reads_a_day: f64,
    /// Reads a second at its busiest.
    peak_per_s: f64,
    entries: f64,
}

/// A force's peak is its mean times 1.9, as on British weekdays (see the simulator's hours). The country's figures are those
/// that the system is to be sized for, not measured ones.
const RINGS: [Ring; 2] = [
    Ring {
        name: "a force",
        reads_a_day: 2e6,
        peak_per_s: 2e6 / 86_400.0 * 1.9,
        entries: 1e6,
    },
    Ring {
        name: "a country",
        reads_a_day: 100e6,
        peak_per_s: 12_000.0,
        entries: 45e6,
    },
];

/// What is taken from the curves.
struct Taken {
    /// Reads a second that one machine took at most.
    limit_per_s: f64,
    /// Seconds of processor time a million reads, at the highest rate that was kept up with.
    cpu_s_per_million_reads: f64,
    /// Bytes that a matcher's index takes for an entry, and the largest index measured.
    bytes_per_entry: f64,
    measured_entries: f64,
}

/// The table; nothing where a series that it needs is missing.
pub(super) fn table(all: &Map<String, Value>) -> String {
    let Some(taken) = taken(all) else {
        return String::new();
    };
    let mut text = "\n## What that comes to\n\nComputed from the tables above, for a machine like the one they were taken on.\n\n\
        | | reads a day | peak, reads a second | share of the limit of one machine at the peak | hours of one core a day | entries | \
        memory of an index, MB |\n|:--|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for ring in &RINGS {
        let core_hours = ring.reads_a_day / 1e6 * taken.cpu_s_per_million_reads / 3_600.0;
        let beyond = if ring.entries > taken.measured_entries {
            " (extrapolated)"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} | {} | {} | {}{beyond} |",
            ring.name,
            number(&json!(ring.reads_a_day)),
            number(&json!(ring.peak_per_s)),
            ring.peak_per_s / taken.limit_per_s,
            number(&json!(core_hours)),
            number(&json!(ring.entries)),
            number(&json!(ring.entries * taken.bytes_per_entry / 1e6)),
        );
    }
    text
}

fn taken(all: &Map<String, Value>) -> Option<Taken> {
    let points = |series: &str| all.get(series)?["points"].as_array();
    let is_limit = |point: &&Value| point["is_limit"] == true;
    let kept_up = points("rate")?.iter().rev().find(|point| !is_limit(point))?;
    let largest = points("index")?.last()?;
    Some(Taken {
        limit_per_s: points("rate")?.iter().find(is_limit)?["reads_per_s"].as_f64()?,
        cpu_s_per_million_reads: kept_up["cpu_s_per_million_reads"].as_f64()?,
        bytes_per_entry: largest["bytes_per_entry"].as_f64()?,
        measured_entries: largest["x"].as_f64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_computed_from_the_curves_and_says_where_it_goes_beyond_them() {
        let all = json!({
            "rate": {"points": [
                {"x": 1000.0, "reads_per_s": 1000.0, "cpu_s_per_million_reads": 90.0},
                {"x": 2000.0, "reads_per_s": 2000.0, "cpu_s_per_million_reads": 36.0},
                {"x": 24000.0, "reads_per_s": 24000.0, "cpu_s_per_million_reads": 30.0, "is_limit": true},
            ]},
            "index": {"points": [{"x": 1e6, "bytes_per_entry": 90.0}, {"x": 1e7, "bytes_per_entry": 100.0}]},
        });
        let table = table(all.as_object().unwrap());
        for part in [
            "| a force | 2,000,000 | 44.0 | 0.00 | 0.020 | 1,000,000 | 100 |",
            "| a country | 100,000,000 | 12,000 | 0.50 | 1 | 45,000,000 | 4,500 (extrapolated) |",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        assert_eq!(super::table(&Map::new()), "");
    }
}
