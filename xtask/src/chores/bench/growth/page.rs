//! The points as plots and as a page of tables.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::{Map, Value};
use xtask::plot::Plot;

use super::super::figures::Origin;
use super::means;
use super::series::{Drawn, Series, Shown};

const HEAD: &str = "\
<!-- Written by `cargo xtask bench growth` from growth.json: changes made by hand are lost. -->
# Growth, in figures

What the curves mean, and how to take them again: [performance](../performance.md).
";

/// Draws every plot and writes the page that shows them.
pub(super) fn write(all: &Map<String, Value>, out: &Path, name: &str) -> Result<()> {
    let mut page = HEAD.to_owned();
    for series in Series::value_variants() {
        let Some(grown) = all.get(series.name()) else {
            continue;
        };
        let points = grown["points"].as_array().map_or(&[][..], Vec::as_slice);
        let shown = series.shown();
        let Origin { machine, commit, day } = Origin::from_json(grown);
        let _ = write!(
            page,
            "\n## {}\n\nTaken {day} at {commit} on {machine}.\n\n",
            shown.title
        );
        page.push_str(&table(shown, points));
        for drawn in shown.plots {
            let file = format!("{}-{}.svg", series.name(), drawn.name);
            let svg = plot(shown, drawn, points).svg()?;
            fs::write(out.join(&file), svg).with_context(|| format!("writing {file}"))?;
            let _ = write!(page, "\n![{}, {}]({file})\n", shown.title, drawn.y);
        }
    }
    page.push_str(&means::table(all));
    let file = out.join(name);
    fs::write(&file, page).with_context(|| format!("writing {}", file.display()))?;
    println!("written: {} and the plots beside it", file.display());
    Ok(())
}

fn plot<'a>(shown: &Shown, drawn: &Drawn, points: &'a [Value]) -> Plot<'a> {
    let at = |key: &str| {
        let place = |point: &Value| Some((point["x"].as_f64()?, point[key].as_f64()?));
        points.iter().filter_map(place).collect()
    };
    Plot {
        x: shown.x,
        x_axis: shown.x_axis,
        y: drawn.y,
        y_axis: drawn.y_axis,
        lines: drawn.lines.iter().map(|(key, name)| (*name, at(key))).collect(),
    }
}

/// A row for each point, a column for each line of each plot.
fn table(shown: &Shown, points: &[Value]) -> String {
    let lines = || {
        shown
            .plots
            .iter()
            .flat_map(|plot| plot.lines.iter().map(move |line| (line, plot.y)))
    };
    let mut text = format!("| {} |", shown.x);
    for ((_, name), unit) in lines() {
        let _ = write!(text, " {name}, {unit} |");
    }
    text.push_str("\n|--:|");
    lines().for_each(|_| text.push_str("--:|"));
    for point in points {
        let _ = write!(text, "\n| {} |", number(&point["x"]));
        for ((key, _), _) in lines() {
            let _ = write!(text, " {} |", number(&point[key]));
        }
    }
    text + "\n"
}

/// A number as a reader likes it: thousands apart, no more digits than it is good for.
pub(super) fn number(value: &Value) -> String {
    let Some(value) = value.as_f64() else {
        return String::new();
    };
    match value.abs() {
        size if size >= 1e3 => thousands(value.round()),
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_short_and_thousands_stand_apart() {
        let rows = [
            (json!(10_000_000), "10,000,000"),
            (json!(1_234.5), "1,235"),
            (json!(123.4), "123"),
            (json!(12.34), "12.3"),
            (json!(4), "4"),
            (json!(0.123_4), "0.123"),
            (json!(null), ""),
        ];
        for (value, expected) in rows {
            assert_eq!(number(&value), expected);
        }
    }

    #[test]
    fn the_page_shows_what_was_measured_and_passes_over_what_was_not() {
        let out = tempfile::tempdir().unwrap();
        let all = json!({"units": {
            "machine": "2 x Some", "commit": "abc", "day": "2026-11-24",
            "points": [
                {"x": 100, "rank_us": 1.5, "position_us": 0.4, "look_ms": 0.2},
                {"x": 5000, "rank_us": 2.5, "position_us": 0.5},
            ],
        }});
        write(all.as_object().unwrap(), out.path(), "figures.md").unwrap();
        let page = fs::read_to_string(out.path().join("figures.md")).unwrap();
        for part in [
            "Taken 2026-11-24 at abc on 2 x Some",
            "| 100 | 1.5 | 0.400 | 0.200 |",
            "| 5,000 | 2.5 | 0.500 |  |",
        ] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
        assert!(!page.contains("matchers"), "{page}");
        let svg = fs::read_to_string(out.path().join("units-one.svg")).unwrap();
        assert!(svg.contains("the five units for one vehicle"));
    }
}
