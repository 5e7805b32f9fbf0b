//! The series: what each has along its axes, and how that is drawn.

use clap::ValueEnum;
use xtask::plot::Axis;

/// A series of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Series {
    /// Matching in memory, by entries
    Index,
    /// The whole system, by entries
    Entries,
    /// The whole system, by reads a second up to its limit
    Rate,
    /// The whole system on Kafka, by matchers and as many partitions
    Matchers,
    /// The dispatcher, by units
    Units,
    /// Store, dispatcher and control room, by open cases
    Cases,
}

/// How a series is shown.
pub(super) struct Shown {
    pub(super) title: &'static str,
    /// What is along the horizontal axis.
    pub(super) x: &'static str,
    pub(super) x_axis: Axis,
    pub(super) plots: &'static [Drawn],
}

/// One plot of a series.
pub(super) struct Drawn {
    /// The end of its file's name.
    pub(super) name: &'static str,
    /// What is along the vertical axis.
    pub(super) y: &'static str,
    pub(super) y_axis: Axis,
    /// The points' keys, and what a reader calls them.
    pub(super) lines: &'static [(&'static str, &'static str)],
}

const LATENCY: Drawn = Drawn {
    name: "latency",
    y: "ms from due to pushed",
    y_axis: Axis::Log,
    lines: &[("p50_ms", "p50"), ("p99_ms", "p99")],
};
const MEMORY: Drawn = Drawn {
    name: "memory",
    y: "MB",
    y_axis: Axis::Linear,
    lines: &[("rss_mb", "memory of the system")],
};
const PROCESSOR: Drawn = Drawn {
    name: "processor",
    y: "s of processor time a million reads",
    y_axis: Axis::Linear,
    lines: &[("cpu_s_per_million_reads", "processor time a million reads")],
};

const INDEX: Shown = Shown {
    title: "Matching in memory, by entries",
    x: "entries",
    x_axis: Axis::Log,
    plots: &[
        Drawn {
            name: "time",
            y: "ns a read",
            y_axis: Axis::Linear,
            lines: &[
                ("probe_ns", "the matcher's probe"),
                ("hash_map_ns", "a standard HashMap by mark"),
            ],
        },
        Drawn {
            name: "memory",
            y: "bytes an entry",
            y_axis: Axis::Linear,
            lines: &[(
                "bytes_per_entry",
                "the matcher's index, entries with texts in common",
            )],
        },
    ],
};
const ENTRIES: Shown = Shown {
    title: "The whole system, by entries",
    x: "entries",
    x_axis: Axis::Log,
    plots: &[
        LATENCY,
        MEMORY,
        Drawn {
            name: "lists",
            y: "s until all lists are live",
            y_axis: Axis::Linear,
            lines: &[("lists_live_s", "from the first byte sent until matched under")],
        },
    ],
};
const RATE: Shown = Shown {
    title: "The whole system, by reads a second",
    x: "reads a second",
    x_axis: Axis::Log,
    plots: &[LATENCY, PROCESSOR, MEMORY],
};
const MATCHERS: Shown = Shown {
    title: "The whole system on Kafka and PostgreSQL, by matchers and as many partitions",
    x: "matchers and partitions",
    x_axis: Axis::Linear,
    plots: &[
        Drawn {
            name: "reads",
            y: "reads a second, at most",
            y_axis: Axis::Linear,
            lines: &[("most_reads_per_s", "accepted and durable")],
        },
        LATENCY,
        PROCESSOR,
    ],
};
const UNITS: Shown = Shown {
    title: "The dispatcher, by units",
    x: "units",
    x_axis: Axis::Log,
    plots: &[
        Drawn {
            name: "one",
            y: "microseconds",
            y_axis: Axis::Linear,
            lines: &[
                ("rank_us", "the five units for one vehicle"),
                ("position_us", "one position taken up"),
            ],
        },
        Drawn {
            name: "look",
            y: "ms",
            y_axis: Axis::Linear,
            lines: &[("look_ms", "100 open cases ranked, once a second")],
        },
    ],
};
const CASES: Shown = Shown {
    title: "Store, dispatcher and control room, by open cases",
    x: "open cases",
    x_axis: Axis::Log,
    plots: &[
        Drawn {
            name: "time",
            y: "ms",
            y_axis: Axis::Linear,
            lines: &[
                ("hit_ms", "one further hit, on disk"),
                ("look_ms", "the dispatcher's look at open cases, once a second"),
                ("list_ms", "GET /api/cases, all of them"),
            ],
        },
        Drawn {
            name: "size",
            y: "kB",
            y_axis: Axis::Linear,
            lines: &[("list_kb", "the answer of GET /api/cases")],
        },
    ],
};

impl Series {
    /// Its name on the command line and in files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Entries => "entries",
            Self::Rate => "rate",
            Self::Matchers => "matchers",
            Self::Units => "units",
            Self::Cases => "cases",
        }
    }

    /// The series of the bench target `growth` that this is; none for the whole system's.
    pub(super) fn parts(self) -> Option<&'static str> {
        matches!(self, Self::Index | Self::Units | Self::Cases).then(|| self.name())
    }

    /// How it is shown.
    pub(super) fn shown(self) -> &'static Shown {
        match self {
            Self::Index => &INDEX,
            Self::Entries => &ENTRIES,
            Self::Rate => &RATE,
            Self::Matchers => &MATCHERS,
            Self::Units => &UNITS,
            Self::Cases => &CASES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_the_same_name_on_the_command_line_and_in_files() {
        for series in Series::value_variants() {
            let given = series.to_possible_value().unwrap();
            assert_eq!(given.get_name(), series.name());
        }
    }
}
