//! Line plots as SVG, for reports and documents.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

/// Lines, in the order in which they are given; distinct also for most who see colours differently (Okabe and Ito).
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
];
const INK: RGBColor = RGBColor(51, 60, 71);
const GRID: RGBColor = RGBColor(228, 232, 237);
const SIZE: (u32, u32) = (760, 300);
const FONT: &str = "sans-serif";
/// What a logarithmic axis shows at zero and below.
const LEAST: f64 = 1e-3;

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Evenly.
    Linear,
    /// By their logarithm.
    Log,
    /// Shares of a whole below 1, by how many nines they have: 0.9, 0.99, 0.999.
    Nines,
}

/// A plot of lines over one pair of axes.
pub struct Plot<'a> {
    /// What the horizontal axis shows, with its unit.
    pub x: &'a str,
    /// How its values lie.
    pub x_axis: Axis,
    /// What the vertical axis shows, with its unit.
    pub y: &'a str,
    /// How its values lie.
    pub y_axis: Axis,
    /// A name and points for each line.
    pub lines: Vec<(&'a str, Vec<(f64, f64)>)>,
}

impl Axis {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(LEAST).log10(),
            Self::Nines => -(1.0 - value).max(1e-6).log10(),
        }
    }

    fn label(self, place: f64) -> String {
        match self {
            Self::Linear => short(place),
            Self::Log => short(10_f64.powf(place)),
            Self::Nines => {
                let percent = 100.0 * (1.0 - 10_f64.powf(-place));
                let text = format!("{percent:.3}");
                format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

/// A number in few characters: `1.5 M`, `20 k`, `0.25`.
fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e3 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

impl Plot<'_> {
    /// The plot as an SVG element.
    pub fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        self.draw(&mut svg)
            .map_err(|error| anyhow!("drawing a plot: {error}"))?;
        Ok(svg)
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error + '_>> {
        let lines: Vec<Vec<(f64, f64)>> = self.lines.iter().map(|(_, points)| self.placed(points)).collect();
        let all = || lines.iter().flatten();
        let (x, y) = (
            range(all().map(|point| point.0), false),
            range(all().map(|point| point.1), self.y_axis == Axis::Linear),
        );
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(10)
            .x_label_area_size(42)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)?;
        let text = (FONT, 13).into_font().color(&INK);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(text.clone())
            .axis_desc_style(text.clone())
            .x_desc(self.x)
            .y_desc(self.y)
            .x_labels(9)
            .y_labels(6)
            .x_label_formatter(&|place| self.x_axis.label(*place))
            .y_label_formatter(&|place| self.y_axis.label(*place))
            .draw()?;
        for ((name, _), (points, colour)) in self.lines.iter().zip(lines.iter().zip(COLOURS.iter().cycle())) {
            let colour = *colour;
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        if self.lines.len() > 1 {
            chart
                .configure_series_labels()
                .background_style(WHITE.mix(0.8))
                .border_style(GRID)
                .label_font(text)
                .draw()?;
        }
        area.present()?;
        Ok(())
    }

    fn placed(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let place = |(x, y): &(f64, f64)| (self.x_axis.place(*x), self.y_axis.place(*y));
        points
            .iter()
            .map(place)
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .collect()
    }
}

/// From the least to the most with some air above; from zero where that is asked for. Never empty.
fn range(values: impl Iterator<Item = f64>, from_zero: bool) -> std::ops::Range<f64> {
    let (mut least, mut most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    if least > most {
        (least, most) = (0.0, 1.0);
    }
    if from_zero {
        least = least.min(0.0);
    }
    if most - least < 1e-9 {
        most = least + 1.0;
    }
    least..most + (most - least) * 0.06
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_names_its_axes_and_lines_and_survives_having_nothing_to_show() {
        let mut plot = Plot {
            x: "entries",
            x_axis: Axis::Log,
            y: "ms",
            y_axis: Axis::Linear,
            lines: vec![
                ("ours", vec![(1e5, 1.0), (1e6, 2.0), (1e7, f64::NAN)]),
                ("theirs", vec![(1e5, 5.0)]),
            ],
        };
        let svg = plot.svg().unwrap();
        for part in ["<svg", "entries", "ms", "ours", "theirs", "1 M"] {
            assert!(svg.contains(part), "{part}");
        }
        plot.lines.clear();
        assert!(plot.svg().unwrap().contains("<svg"));
    }

    #[test]
    fn labels_are_short() {
        let shown = [
            Axis::Linear.label(1500.0),
            Axis::Log.label(6.0),
            Axis::Nines.label(2.0),
            Axis::Nines.label(0.0),
        ];
        assert_eq!(shown, ["1.5 k", "1 M", "99 %", "0 %"]);
    }
}
