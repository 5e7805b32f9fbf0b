//! What the modules share: errors by step, values as columns, statements of many rows.

use std::fmt::Write;

use domain::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::AnyArguments;
use sqlx::{Any, AssertSqlSafe};

use crate::StoreError;

/// Most rows that one call returns: bounds an answer's memory whatever was asked for.
pub const MAX_ROWS: u32 = 10_000;
/// Most values bound to one statement. SQLite looks each `$1` up by name in a list, so that a statement's cost grows with
/// the square: 30,000 values took 10 s, 512 take 0.3 ms.
pub(crate) const MAX_VALUES: usize = 512;

/// A statement with its values.
pub(crate) type Query = sqlx::query::Query<'static, Any, AnyArguments>;

/// Says which step failed, and whether trying again may help.
pub(crate) trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError>;
}

impl<T> Step<T> for Result<T, sqlx::Error> {
    fn step(self, step: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| {
            if is_unavailable(&source) {
                StoreError::Unavailable { step, source }
            } else {
                StoreError::Database { step, source }
            }
        })
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}

/// Whether the database cannot serve now but may later.
pub(crate) fn is_unavailable(error: &sqlx::Error) -> bool {
    use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    if matches!(
        error,
        Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed
    ) {
        return true;
    }
    let Some(code) = code(error) else { return false };
    match code.parse::<u32>() {
        // SQLite's primary codes: busy, locked, I/O error, disk full, cannot open. An SQLSTATE has five characters.
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 10 | 13 | 14),
        // SQLSTATE: connection, resources, shutdown or start, a read-only replica, a lock or statement that took too long.
        _ => {
            ["08", "53", "57P"].iter().any(|class| code.starts_with(class))
                || matches!(code.as_str(), "25006" | "25P03" | "55P03" | "57014")
        }
    }
}

/// Whether another writer was in the way, so that the same transaction may succeed when tried again.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    is_duplicate(error) || code(error).is_some_and(|code| matches!(code.as_str(), "40001" | "40P01"))
}

/// Whether a unique value is there already.
pub(crate) fn is_duplicate(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// `text VALUES (..), (..) tail`, for `rows` rows of `columns` values each, all of them to be bound. Those of one row and
/// of [`rows_at_once`] are kept prepared.
pub(crate) fn insert(text: &str, rows: usize, columns: usize, tail: &str) -> Query {
    let text = format!("{text} VALUES {} {tail}", row_placeholders(rows, columns));
    sqlx::query(AssertSqlSafe(text)).persistent(rows == 1 || rows == rows_at_once(columns))
}

/// `$from, $from+1, ...`: `count` placeholders.
pub(crate) fn placeholders(from: usize, count: usize) -> String {
    let mut text = String::with_capacity(count * 6);
    for number in from..from + count {
        let comma = if number == from { "" } else { "," };
        let _ = write!(text, "{comma}${number}");
    }
    text
}

/// `(..), (..)`: placeholders for `rows` rows of `columns` values each.
fn row_placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        let comma = if row == 0 { "" } else { "," };
        let _ = write!(text, "{comma}({})", placeholders(row * columns + 1, columns));
    }
    text
}

/// Rows of `columns` values that fit into one statement.
pub(crate) const fn rows_at_once(columns: usize) -> usize {
    MAX_VALUES / columns
}

/// A time as its column holds it.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A time from its column.
pub(crate) fn time(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|error| unreadable("time", error))
}

/// A number from its column; the schema's numbers are never negative.
pub(crate) fn count(number: i64) -> u64 {
    number.unsigned_abs()
}

/// A number as its column holds it. Larger ones than fit do not occur: they count rows.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A limit as asked for, within [`MAX_ROWS`].
pub(crate) fn limit(asked: u32) -> i64 {
    i64::from(asked.min(MAX_ROWS))
}

/// A stored text as a checked name or id.
pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|error| unreadable(what, error))
}

/// A document as its column holds it.
pub(crate) fn to_json<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Value { what, source })
}

/// A document from its column.
pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Value { what, source })
}

/// The error of a stored value that is none.
pub(crate) fn unreadable(what: &'static str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Value {
        what,
        source: serde::de::Error::custom(error),
    }
}
