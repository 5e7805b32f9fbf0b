//! The results as one page that needs nothing else: numbers, plots, and how to repeat the run.

use std::fmt::Write as _;

use anyhow::Result;
use xtask::plot::{Axis, Plot};

use super::report::{Quantiles, Report, Waited};
use super::table;

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: #f4f6f8; margin: 0 auto; max-width: 1100px; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 40px 0 4px; } h3 { font-size: 15px; margin: 0 0 8px; }
.quiet { color: #5b6875; }
.verdict { display: inline-block; border-radius: 4px; padding: 2px 10px; font-weight: 600; color: #fff; }
.passed { background: #1b7f4b; } .failed { background: #b3261e; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; margin: 16px 0; }
.tile, .plot { background: #fff; border: 1px solid #dfe4e9; border-radius: 6px; padding: 12px 16px; }
.tile b { display: block; font-size: 24px; line-height: 1.2; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 12px; }
.plot svg { width: 100%; height: auto; }
table { border-collapse: collapse; background: #fff; } td, th { border: 1px solid #dfe4e9; padding: 4px 12px; text-align: right; }
td:first-child, th:first-child { text-align: left; }
code { background: #e8ecf0; padding: 2px 6px; border-radius: 3px; }
";

/// The page of some runs.
pub fn page(reports: &[Report], command: &str) -> Result<String> {
    let mut page = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    write!(
        page,
        "<title>Steelring: ring of steel</title><style>{STYLE}</style></head><body>"
    )?;
    page.push_str("<h1>Ring of steel</h1>");
    if let Some(first) = reports.first() {
        write!(
            page,
            "<p class=\"quiet\">Steelring {} on {} cores ({}), {:.0} GB of memory. Repeat with <code>{}</code></p>",
            first.version,
            first.machine.cores,
            escaped(&first.machine.processor),
            first.machine.memory_mb / 1e3,
            escaped(command)
        )?;
    }
    page.push_str(
        "<p class=\"quiet\">Latency counts from the moment a read was due to be sent to the moment its case event was on the \
         operator's screen; a read that was sent late counts from when it was due. Every hit that had to come was held against \
         a ledger that knows nothing of the system.</p>",
    );
    if reports.len() > 1 {
        overview(&mut page, reports)?;
    }
    for report in reports {
        one(&mut page, report)?;
    }
    page.push_str("</body></html>\n");
    Ok(page)
}

/// All runs in one table, each with a link to its own part of the page.
fn overview(page: &mut String, reports: &[Report]) -> Result<()> {
    page.push_str("<table><tr>");
    for name in table::COLUMNS {
        write!(page, "<th>{name}</th>")?;
    }
    page.push_str("</tr>");
    for report in reports {
        let [name, cells @ ..] = table::cells(report);
        write!(page, "<tr><td><a href=\"#{name}\">{name}</a></td>")?;
        for cell in cells {
            write!(page, "<td>{cell}</td>")?;
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
    Ok(())
}

fn one(page: &mut String, report: &Report) -> Result<()> {
    let verdict = &report.verdict;
    let class = if verdict.passed { "passed" } else { "failed" };
    let (name, word) = (report.scenario, verdict.word());
    write!(
        page,
        "<h2 id=\"{name}\">{name} <span class=\"verdict {class}\">{word}</span></h2><p class=\"quiet\">{}: found {}. {} and {}, {} entries, \
         {} matchers, seed {}, {:.0} s.</p>",
        escaped(&verdict.criterion),
        escaped(&verdict.found),
        report.engine,
        report.database,
        report.entries,
        report.matchers,
        report.seed,
        report.seconds
    )?;
    tiles(page, report)?;
    plots(page, report)?;
    hops(page, report)
}

fn tiles(page: &mut String, report: &Report) -> Result<()> {
    page.push_str("<div class=\"tiles\">");
    let mut tile = |name: &str, value: String| write!(page, "<div class=\"tile\"><b>{value}</b>{name}</div>");
    tile(
        "reads/s accepted and durable",
        format!("{:.0}", report.reads_per_s),
    )?;
    tile("ms to the screen, p99", format!("{:.1}", report.latency_ms.p99))?;
    tile(
        "hits seen",
        format!("{} of {}", report.hits_seen, report.hits_expected),
    )?;
    tile(
        "lost and doubled",
        format!("{} and {}", report.lost, report.doubled),
    )?;
    tile("MB of memory", format!("{:.0}", report.rss_mb))?;
    tile(
        "s of processor a million reads",
        format!("{:.1}", report.cpu_s_per_million_reads),
    )?;
    if let Some(ceiling) = &report.ceiling {
        tile(
            "reads/s of a backlog matched",
            format!("{:.0}", ceiling.matcher_per_s),
        )?;
        tile(
            "of a bare consumer",
            format!("{:.2}", ceiling.share_of_bare_consumer),
        )?;
    }
    page.push_str("</div>");
    Ok(())
}

fn plots(page: &mut String, report: &Report) -> Result<()> {
    let over_time = |value: fn(&super::report::Moment) -> f64| {
        report
            .timeline
            .iter()
            .map(|moment| (moment.t_s, value(moment)))
            .collect::<Vec<_>>()
    };
    let quantiles = report
        .distribution
        .iter()
        .map(|(ms, share)| (*share, *ms))
        .collect();
    let time = |y, name, value| Plot {
        x: "seconds",
        x_axis: Axis::Linear,
        y,
        y_axis: Axis::Linear,
        lines: vec![(name, over_time(value))],
    };
    let latency = Plot {
        x: "share of hits on the screen",
        x_axis: Axis::Nines,
        y: "ms",
        y_axis: Axis::Linear,
        lines: vec![("latency", quantiles)],
    };
    let waited = |value: fn(&Waited) -> f64| {
        let waited = report.latency_over_time.iter();
        waited.map(|waited| (waited.t_s, value(waited))).collect()
    };
    let latency_over_time = Plot {
        x: "seconds",
        x_axis: Axis::Linear,
        y: "ms",
        y_axis: Axis::Linear,
        lines: vec![
            ("median", waited(|waited| waited.p50_ms)),
            ("longest", waited(|waited| waited.max_ms)),
        ],
    };
    page.push_str("<div class=\"plots\">");
    for (title, plot) in [
        ("Latency: how long until so many were on the screen", latency),
        (
            "Latency of each second's reads, until their hits were on the screen",
            latency_over_time,
        ),
        (
            "Throughput",
            time("reads/s accepted", "reads", |moment| moment.reads_per_s),
        ),
        (
            "Lag: reads accepted and not yet judged",
            time("reads", "lag", |moment| moment.lag),
        ),
        (
            "Processor cores busy",
            time("cores", "cores", |moment| moment.cores),
        ),
    ] {
        write!(page, "<div class=\"plot\"><h3>{title}</h3>{}</div>", plot.svg()?)?;
    }
    page.push_str("</div>");
    Ok(())
}

fn hops(page: &mut String, report: &Report) -> Result<()> {
    page.push_str(
        "<h3 style=\"margin-top:16px\">Where the time goes, in ms</h3><table><tr><th>hop</th><th>p50</th><th>p99</th>\
         <th>p99.9</th><th>max</th><th>samples</th></tr>",
    );
    let mut row = |name: &str, hop: Quantiles| {
        write!(
            page,
            "<tr><td>{name}</td><td>{:.1}</td><td>{:.1}</td><td>{:.1}</td><td>{:.1}</td><td>{}</td></tr>",
            hop.p50, hop.p99, hop.p999, hop.max, hop.samples
        )
    };
    row("due to accepted and durable", report.hop_ms.accept)?;
    row("received to judged", report.hop_ms.matched)?;
    row("judged to case", report.hop_ms.case)?;
    row("case to screen", report.hop_ms.push)?;
    row("due to screen", report.latency_ms)?;
    page.push_str("</table>");
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
