//! The topics, and every bound on them.

use std::fmt;
use std::time::Duration;

/// Partitions of the topics that scale with reads: as many matchers can share the work.
pub const DEFAULT_PARTITIONS: u32 = 4;
/// Largest record, in bytes: a dead letter carries a message of up to 8 MiB as base64.
pub const MAX_RECORD_BYTES: usize = 12 * 1024 * 1024;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A topic of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Plate reads, by VRM.
    Reads,
    /// Messages that ingest could not read, with reason and original bytes.
    DeadLetters,
    /// Reads whose vehicle is still in the camera's view, by camera and car; forgotten once the read is complete.
    HeldReads,
    /// Hotlist entries by entry id, and the current revision: one partition, so that a revision is a place in it.
    Entries,
    /// What people and cameras saw in vehicles.
    Observations,
    /// Hits, by VRM.
    Hits,
    /// The last position of every unit, by callsign.
    UnitPositions,
    /// The revision that every matcher has applied, by matcher.
    MatcherStatus,
    /// What happened to cases, in order: one partition.
    CaseEvents,
}

/// How long a topic keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Each record this long.
    For(Duration),
    /// The last of every key.
    LastOfKey,
}

impl Topic {
    /// Every topic, in the order in which data passes.
    pub const ALL: [Self; 9] = [
        Self::Reads,
        Self::DeadLetters,
        Self::HeldReads,
        Self::Entries,
        Self::Observations,
        Self::Hits,
        Self::UnitPositions,
        Self::MatcherStatus,
        Self::CaseEvents,
    ];

    /// Its name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reads => "plate.reads.v1",
            Self::DeadLetters => "plate.reads.dlq.v1",
            Self::HeldReads => "plate.reads.held.v1",
            Self::Entries => "hotlist.entries.v1",
            Self::Observations => "observations.v1",
            Self::Hits => "hits.v1",
            Self::UnitPositions => "unit.positions.v1",
            Self::MatcherStatus => "matcher.status.v1",
            Self::CaseEvents => "case.events.v1",
        }
    }

    /// How many partitions it is made with, where those that scale have `scaling`.
    #[must_use]
    pub fn partitions(self, scaling: u32) -> u32 {
        match self {
            Self::Reads | Self::Hits | Self::Observations => scaling,
            Self::DeadLetters
            | Self::HeldReads
            | Self::Entries
            | Self::UnitPositions
            | Self::MatcherStatus
            | Self::CaseEvents => 1,
        }
    }

    /// How long it keeps its records. Reads: long enough to rebuild a day's sightings twice over; dead letters: until
    /// somebody is back from leave.
    #[must_use]
    pub fn retention(self) -> Retention {
        match self {
            Self::Reads => Retention::For(DAY.saturating_mul(2)),
            Self::Hits | Self::Observations | Self::CaseEvents => Retention::For(DAY.saturating_mul(7)),
            Self::DeadLetters => Retention::For(DAY.saturating_mul(30)),
            Self::HeldReads | Self::Entries | Self::UnitPositions | Self::MatcherStatus => {
                Retention::LastOfKey
            }
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
