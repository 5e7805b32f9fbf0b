//! Why a list as a whole cannot be read, or a publisher cannot go on.

use store::StoreError;
use stream::LogError;
use thiserror::Error;

use crate::guess::Guess;

/// Which step failed. The messages about files reach the person who loads the list.
#[derive(Debug, Error)]
pub enum IntelligenceError {
    /// Nothing in it.
    #[error("the file is empty: nothing was read")]
    Empty,
    /// A header perhaps, and nothing behind it. Loading that would take every vehicle off the list.
    #[error("the file holds no rows: to take a list out of use, withdraw it")]
    NoRows,
    /// More bytes than a list may have, as it is or unpacked.
    #[error("the list has more than {limit} bytes: split it into several lists")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// More rows than a list may have.
    #[error("the list has more than {limit} rows: split it into several lists")]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// More patterns than all lists together may have.
    #[error(
        "line {line} is the first past {limit} plates with a ? or *, and all lists together may have no more: list marks where they are known"
    )]
    TooManyPatterns {
        /// The line of the first that is one too many.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// Two bytes a character.
    #[error(
        "the file is UTF-16: save it as UTF-8 (in Excel: \"CSV UTF-8\"; elsewhere: iconv -f UTF-16 -t UTF-8) and load it again"
    )]
    Utf16,
    /// A spreadsheet's own format.
    #[error("the file is a spreadsheet's workbook: save it as \"CSV UTF-8\" and load that")]
    Workbook,
    /// Bytes that no text has.
    #[error("the file is not text: a list is CSV or JSON in UTF-8, alone or in a zip archive")]
    Binary,
    /// The archive cannot be opened, or is not one list.
    #[error("zip archive: {0}")]
    Archive(String),
    /// Neither of the shapes that are read.
    #[error(
        "line {line} is neither a row of the 16-column file nor a header row with a column vrm: it has {columns} columns; docs/hotlists.md shows both shapes, and how a mapping names columns otherwise"
    )]
    Layout {
        /// The first line that counts.
        line: u64,
        /// How many columns it has, split by the likeliest separator.
        columns: usize,
        /// What the columns seem to hold, for a person to approve as a mapping.
        guess: Option<Box<Guess>>,
    },
    /// A mapping cannot be read.
    #[error("mapping, line {line}, column {column}: {reason}")]
    Mapping {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// Why.
        reason: String,
    },
    /// A mapping is for another file.
    #[error("the mapping has a column {key}, and the file has not: mend one of them")]
    Unmapped {
        /// Name or number.
        key: String,
    },
    /// A JSON list that breaks off or is not well formed.
    #[error("the file is no JSON from line {line}, column {column} on: export it again")]
    Json {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// Two columns of the header mean the same.
    #[error("line {line}: columns {first} and {second} are both {name}: name one of them otherwise")]
    DoubleColumn {
        /// The header's line.
        line: u64,
        /// Our name of the column.
        name: &'static str,
        /// Counted from 1.
        first: usize,
        /// Counted from 1.
        second: usize,
    },
    /// The log fails.
    #[error("publishing lists")]
    Log(#[from] LogError),
    /// The database fails.
    #[error("reading lists to publish")]
    Store(#[from] StoreError),
}

impl IntelligenceError {
    /// What the columns of an unknown file seem to hold, where something tells.
    #[must_use]
    pub fn guess(&self) -> Option<&Guess> {
        match self {
            Self::Layout { guess, .. } => guess.as_deref(),
            _ => None,
        }
    }
}
