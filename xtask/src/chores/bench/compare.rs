//! Figures as tables: alone, or as ratios to an earlier run.

use std::fmt::Write;

use super::figures::{Better, Figure, Saved};

/// What a ratio says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Better,
    Worse,
    WithinNoise,
}

impl Verdict {
    /// The two differ only if they do by more than both may by chance.
    fn of(old: &Figure, new: &Figure) -> Self {
        let ratio = new.value / old.value;
        let noise = old.noise + new.noise;
        // A ratio is as far from 1 upwards as its inverse is downwards.
        let apart = ratio.max(1.0 / ratio) - 1.0;
        if apart.is_nan() || apart <= noise {
            return Self::WithinNoise;
        }
        if (ratio < 1.0) == (new.better == Better::Less) {
            Self::Better
        } else {
            Self::Worse
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "WORSE",
            Self::WithinNoise => "same, within noise",
        }
    }
}

/// One figure a line.
pub(super) fn listed(saved: &Saved) -> String {
    let width = width(&saved.figures);
    let line = |figure: &Figure| {
        let Figure {
            name, value, unit, ..
        } = figure;
        format!("{name:<width$}  {:>12} {unit}\n", short(*value))
    };
    saved.figures.iter().map(line).collect()
}

/// One figure a line: what it was, what it is, the ratio of both, and what that says.
pub(super) fn compared(old: &Saved, new: &Saved) -> String {
    let width = width(&new.figures);
    let mut text = format!(
        "old: {}, {}, {}\nnew: {}, {}, {}\n",
        old.origin.commit,
        old.origin.day,
        old.origin.machine,
        new.origin.commit,
        new.origin.day,
        new.origin.machine
    );
    if old.origin.machine != new.origin.machine {
        text.push_str("the machines differ: these ratios say nothing about the code\n");
    }
    let mut counts = [0; 3];
    let _ = writeln!(
        text,
        "{:<width$}  {:>12} {:>12} {:>8}",
        "", "old", "new", "new/old"
    );
    for figure in &new.figures {
        let now = short(figure.value);
        let Some(before) = old.figures.iter().find(|old| old.name == figure.name) else {
            let _ = writeln!(
                text,
                "{:<width$}  {:>12} {now:>12} {:>8}  {}, not measured before",
                figure.name, "-", "-", figure.unit
            );
            continue;
        };
        let verdict = Verdict::of(before, figure);
        counts[verdict as usize] += 1;
        let ratio = figure.value / before.value;
        let ratio = if ratio.is_finite() {
            format!("{ratio:.3}")
        } else {
            "-".to_owned()
        };
        let _ = writeln!(
            text,
            "{:<width$}  {:>12} {now:>12} {ratio:>8}  {}, {}",
            figure.name,
            short(before.value),
            figure.unit,
            verdict.words()
        );
    }
    for gone in old
        .figures
        .iter()
        .filter(|old| new.figures.iter().all(|new| new.name != old.name))
    {
        let _ = writeln!(
            text,
            "{:<width$}  {:>12} {:>12} {:>8}  {}, not measured now",
            gone.name,
            short(gone.value),
            "-",
            "-",
            gone.unit
        );
    }
    let [better, worse, same] = counts;
    let _ = writeln!(
        text,
        "{better} better, {worse} worse, {same} the same within noise"
    );
    text
}

fn width(figures: &[Figure]) -> usize {
    figures.iter().map(|figure| figure.name.len()).max().unwrap_or(0)
}

/// Four digits are more than any of these figures is good for.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e3 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::Origin;
    use super::*;

    fn figure(name: &str, value: f64, better: Better) -> Figure {
        Figure {
            name: name.into(),
            value,
            unit: "ns".into(),
            better,
            noise: 0.05,
        }
    }

    fn check(old: f64, new: f64, better: Better, expected: Verdict) {
        let verdict = Verdict::of(&figure("x", old, better), &figure("x", new, better));
        assert_eq!(verdict, expected, "{old} -> {new}, better is {better:?}");
    }

    #[test]
    fn a_figure_is_better_or_worse_only_beyond_the_noise_of_both_runs() {
        check(100.0, 109.0, Better::Less, Verdict::WithinNoise);
        check(100.0, 91.5, Better::Less, Verdict::WithinNoise);
        check(100.0, 111.0, Better::Less, Verdict::Worse);
        check(100.0, 89.0, Better::Less, Verdict::Better);
        check(100.0, 111.0, Better::More, Verdict::Better);
        check(100.0, 89.0, Better::More, Verdict::Worse);
        check(0.0, 0.0, Better::Less, Verdict::WithinNoise);
        check(0.0, 1.0, Better::Less, Verdict::Worse);
    }

    #[test]
    fn the_table_has_every_figure_of_both_runs() {
        let origin = |machine: &str| Origin {
            machine: machine.into(),
            commit: "abc".into(),
            day: "2026-11-24".into(),
        };
        let saved = |machine, figures| Saved {
            origin: origin(machine),
            figures,
        };
        let old = saved(
            "one",
            vec![
                figure("kept", 100.0, Better::Less),
                figure("gone", 1.0, Better::Less),
            ],
        );
        let new = saved(
            "other",
            vec![
                figure("kept", 50.0, Better::Less),
                figure("added", 2.0, Better::Less),
            ],
        );
        let table = compared(&old, &new);
        for part in [
            "machines differ",
            "0.500  ns, better",
            "not measured before",
            "not measured now",
            "1 better, 0 worse",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        assert!(listed(&new).contains("added"));
    }
}
