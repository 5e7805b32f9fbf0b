//! The rows as a table, as JSON and as a page.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::json;
use xtask::plot::{Axis, Plot};

use super::measure::Row;
use super::world::{Kind, Scale};

const HEAD: [&str; 10] = [
    "world",
    "entries",
    "policy",
    "register",
    "history",
    "recall",
    "false/1000",
    "precision",
    "alike",
    "brier",
];

fn cells(row: &Row) -> [String; 10] {
    let yes = |is: bool| if is { "yes" } else { "-" }.to_owned();
    [
        row.world.to_owned(),
        row.entries.to_string(),
        row.policy.to_owned(),
        yes(row.register),
        if row.history_h > 0 {
            format!("{} h", row.history_h)
        } else {
            "-".to_owned()
        },
        format!("{:.4}", row.recall),
        format!("{:.3}", row.false_per_1000),
        format!("{:.4}", row.precision),
        row.precision_alike
            .map_or("-".to_owned(), |share| format!("{share:.4}")),
        format!("{:.4}", row.brier),
    ]
}

/// A table for people.
pub fn table(rows: &[Row]) -> String {
    let mut table = String::new();
    let line = |cells: &[String]| cells.iter().map(|cell| format!("{cell:>12}")).collect::<String>() + "\n";
    table += &line(&HEAD.map(str::to_owned));
    for row in rows {
        table += &line(&cells(row));
    }
    table
}

/// The rows and what they were measured on.
pub fn json(scale: &Scale, rows: &[Row]) -> Result<String> {
    let world = json!({
        "seed": scale.seed,
        "registered": scale.registered,
        "driving": scale.driving,
        "reads_a_day": scale.reads_a_day,
    });
    Ok(serde_json::to_string_pretty(&json!({ "world": world, "rows": rows }))? + "\n")
}

/// The table with plots.
pub fn page(scale: &Scale, rows: &[Row]) -> Result<String> {
    let mut page = String::from(STYLE);
    write!(
        page,
        "<h1>Match quality</h1><p>{} vehicles on the register, {} of them drive here, {} reads judged, seed {}. Misreads come from a \
         process that is not the model's table. Recall: of misreads of listed vehicles. False: candidates per 1,000 reads \
         of vehicles on no list.</p>",
        scale.registered, scale.driving, scale.reads, scale.seed
    )?;
    for kind in Kind::ALL {
        for entries in &scale.entries {
            let rows: Vec<&Row> = rows
                .iter()
                .filter(|row| row.world == kind.name() && row.entries == *entries)
                .collect();
            write!(
                page,
                "<h2>{} misreads, {entries} entries</h2><div class=\"plots\">",
                kind.name()
            )?;
            page += &curves(&rows)?;
            page += &reliability(&rows)?;
            page.push_str("</div><table><tr>");
            HEAD.iter().try_for_each(|head| write!(page, "<th>{head}</th>"))?;
            for row in rows {
                page.push_str("</tr><tr>");
                cells(row)
                    .iter()
                    .try_for_each(|cell| write!(page, "<td>{cell}</td>"))?;
            }
            page.push_str("</tr></table>");
        }
    }
    page.push_str("</body></html>\n");
    Ok(page)
}

const STYLE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Match quality</title><style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: #f4f6f8; margin: 0 auto; max-width: 1100px; padding: 24px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 12px; margin: 0 0 12px; }
.plots svg { width: 100%; height: auto; background: #fff; border: 1px solid #dfe4e9; border-radius: 6px; }
table { border-collapse: collapse; background: #fff; } td, th { border: 1px solid #dfe4e9; padding: 4px 12px; text-align: right; }
</style></head><body>";

/// What a row's score knew.
fn state(row: &Row) -> &'static str {
    match (row.register, row.history_h > 0) {
        (true, true) => "register and 24 h",
        (true, false) => "register",
        (false, true) => "24 h",
        (false, false) => "neither",
    }
}

fn curves(rows: &[&Row]) -> Result<String> {
    let scored = rows.iter().filter(|row| !row.curve.is_empty());
    let points = |row: &Row| {
        row.curve
            .iter()
            .map(|point| (point.false_per_1000, point.recall))
            .collect()
    };
    Plot {
        x: "false candidates per 1,000 ordinary reads",
        x_axis: Axis::Log,
        y: "recall of misreads",
        y_axis: Axis::Linear,
        lines: scored.map(|row| (state(row), points(row))).collect(),
    }
    .svg()
}

fn reliability(rows: &[&Row]) -> Result<String> {
    let scored = rows.iter().filter(|row| !row.reliability.is_empty());
    let points = |row: &Row| {
        let bins = row.reliability.iter().filter(|bin| bin.candidates > 0);
        bins.map(|bin| (bin.predicted, bin.observed)).collect()
    };
    let mut lines: Vec<(&str, Vec<(f64, f64)>)> = scored.map(|row| (state(row), points(row))).collect();
    lines.push(("as it should be", vec![(0.0, 0.0), (1.0, 1.0)]));
    Plot {
        x: "posterior",
        x_axis: Axis::Linear,
        y: "share of candidates that were right",
        y_axis: Axis::Linear,
        lines,
    }
    .svg()
}
