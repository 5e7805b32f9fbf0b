//! What the modules share: errors by step, values as columns, statements of many rows.

use domain::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::AssertSqlSafe;

use crate::StoreError;
use crate::transaction::Tx;

/// Most rows that one call returns: bounds an answer's memory whatever was asked for.
pub const MAX_ROWS: u32 = 10_000;
/// Rows that one statement takes in: some 4 MB.
pub(crate) const ROWS_AT_ONCE: usize = 5_000;
/// Rows that one of many transactions writes, which others go between: hits take some 3 ms longer meanwhile.
pub(crate) const ROWS_IN_BETWEEN: usize = 250;

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

/// Runs a statement that takes its rows from the table `given`: each row there has one column `value`, which is the JSON
/// array of that row's values (`value ->> 0` is the first).
///
/// Rows travel as one value, not as placeholders: SQLite looks each `$1` up by name, so that 30,000 of them took 10 s, and
/// statements of few rows cost a round trip each. And the text is the same for any number of rows, so it stays prepared.
pub(crate) async fn write_rows<R: Serialize>(
    tx: &mut Tx,
    step: &'static str,
    statement: &str,
    rows: &[R],
) -> Result<(), StoreError> {
    for part in rows.chunks(ROWS_AT_ONCE) {
        sqlx::query(AssertSqlSafe(with_given(tx, statement)))
            .bind(to_json("rows", part)?)
            .execute(tx.on())
            .await
            .step(step)?;
    }
    Ok(())
}

/// One value of a row that [`insert_rows`] takes.
pub(crate) enum Cell {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// Rows that one statement inserts: with nine values each well below the 32,766 that SQLite takes.
const ROWS_INSERTED_AT_ONCE: usize = 500;

/// Inserts rows by the million: `insert` ends before `VALUES`, and `conflict` says what follows the rows. Each value has a
/// placeholder of its own here, so that nothing is written as JSON and taken apart again; on SQLite one without name, which is not
/// looked up.
pub(crate) async fn insert_rows<const N: usize>(
    tx: &mut Tx,
    step: &'static str,
    (insert, conflict): (&str, &str),
    mut rows: impl ExactSizeIterator<Item = [Cell; N]>,
) -> Result<(), StoreError> {
    while rows.len() > 0 {
        let many = rows.len().min(ROWS_INSERTED_AT_ONCE);
        let text = format!("{insert} VALUES {} {conflict}", placeholders(tx, many, N));
        let mut query = sqlx::query(AssertSqlSafe(text));
        for cell in rows.by_ref().take(many).flatten() {
            query = match cell {
                Cell::Number(number) => query.bind(number),
                Cell::Text(text) => query.bind(text),
            };
        }
        query.execute(tx.on()).await.step(step)?;
    }
    Ok(())
}

/// `(?, ?), (?, ?)`, or as PostgreSQL wants it.
fn placeholders(tx: &Tx, rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for place in 0..rows * columns {
        text.push_str(match place % columns {
            0 if place == 0 => "(",
            0 => "), (",
            _ => ", ",
        });
        if tx.is_postgres() {
            text.push_str(&format!("${}", place + 1));
        } else {
            text.push('?');
        }
    }
    text.push(')');
    text
}

/// As [`write_rows`], for a statement that reads.
pub(crate) async fn read_rows<R: Serialize, T>(
    tx: &mut Tx,
    step: &'static str,
    statement: &str,
    rows: &[R],
) -> Result<Vec<T>, StoreError>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow> + Send + Unpin,
{
    let mut found = Vec::new();
    for part in rows.chunks(ROWS_AT_ONCE) {
        let select = sqlx::query_as(AssertSqlSafe(with_given(tx, statement))).bind(to_json("rows", part)?);
        found.extend(select.fetch_all(tx.on()).await.step(step)?);
    }
    Ok(found)
}

fn with_given(tx: &Tx, statement: &str) -> String {
    let elements = if tx.is_postgres() {
        "jsonb_array_elements($1::jsonb)"
    } else {
        "json_each($1)"
    };
    format!("WITH given AS (SELECT value FROM {elements}) {statement}")
}

/// A text that PostgreSQL keeps: it has no zero byte, which people may yet send.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
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
