//! Operations, their history, and what came of each.

use std::collections::BTreeMap;

use domain::operation::{self, Operation, OperationRefusal};
use domain::yields::Yield;
use domain::{ListName, OperationName, Timestamp, UserName};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;

use crate::changes::Author;
use crate::sql::{Step, count, from_json, millis, parsed, storable, time, to_json};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit};

/// Operations that are listed, those that begin last: some years of them.
const MOST: i64 = 500;
/// Changes of one operation that are shown, the newest.
const MOST_CHANGES: i64 = 200;
const READ: &str = "SELECT doc, version, changed_at, changed_by FROM operations";

type Columns = (String, i64, i64, String);

/// An operation as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOperation {
    /// The operation.
    pub operation: Operation,
    /// Counts its changes.
    pub version: u64,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Who changed it.
    pub changed_by: UserName,
    /// Those of its lists that still have entries, which are looked for: once it is over, somebody should withdraw them.
    pub live: Vec<ListName>,
}

/// One change of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationChange {
    /// The version that it made.
    pub version: u64,
    /// `operation_put` or `operation_ended`.
    pub action: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: UserName,
    /// Why, in their words.
    pub why: String,
    /// What it was; none where there was none.
    pub before: Option<Box<Operation>>,
    /// What it became.
    pub after: Box<Operation>,
}

/// An operation with its past, and what came of its lists in its hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// As it stands.
    pub stored: StoredOperation,
    /// What came of all its lists.
    pub total: Yield,
    /// What came of each.
    pub yields: BTreeMap<ListName, Yield>,
    /// The newest first.
    pub changes: Vec<OperationChange>,
}

impl Store {
    /// Makes an operation, or puts it in the place of the one of that name; its version.
    ///
    /// # Errors
    /// [`StoreError::Operation`] where it cannot be so, or when the database fails; nothing has changed then.
    pub async fn put_operation(&self, operation: &Operation, author: &Author<'_>) -> Result<u64, StoreError> {
        let after = operation.clone().checked()?;
        operation::checked_why(author.why)?;
        transaction!(self, "put_operation", |tx| {
            for list in &after.lists {
                must_exist(tx, list).await?;
            }
            let before = locked(tx, &after.name).await?;
            write(tx, before.as_ref(), &after, "operation_put", author).await
        })
    }

    /// Ends an operation with the hour that is running; its version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Operation`] where it does not run, or when the database fails.
    pub async fn end_operation(&self, name: &OperationName, author: &Author<'_>) -> Result<u64, StoreError> {
        operation::checked_why(author.why)?;
        transaction!(self, "end_operation", |tx| {
            let before = locked(tx, name).await?.ok_or(StoreError::NotFound("operation"))?;
            let after = before.ended_early(author.at)?;
            write(tx, Some(&before), &after, "operation_ended", author).await
        })
    }

    /// Operations, those that begin last first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operations(&self) -> Result<Vec<StoredOperation>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let text = format!("{READ} ORDER BY starts_at DESC, operation LIMIT $1");
        let rows: Vec<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(MOST)
            .fetch_all(&mut *snapshot)
            .await
            .step("reading operations")?;
        let live = live_lists(&mut snapshot).await?;
        snapshot.commit().await.step("ending to read")?;
        rows.into_iter().map(|row| stored(row, &live)).collect()
    }

    /// An operation, what came of its lists in its hours, and its changes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or when the database fails.
    pub async fn operation(&self, name: &OperationName) -> Result<OperationRecord, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let step = "reading an operation";
        let row: Option<Columns> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("{READ} WHERE operation = $1")))
                .bind(name.as_str().to_owned())
                .fetch_optional(&mut *snapshot)
                .await
                .step(step)?;
        let rows: Vec<(i64, String, i64, String, String, Option<String>)> = sqlx::query_as(
            "SELECT version, action, changed_at, changed_by, why, before FROM operation_changes \
             WHERE operation = $1 ORDER BY version DESC LIMIT $2",
        )
        .bind(name.as_str().to_owned())
        .bind(MOST_CHANGES)
        .fetch_all(&mut *snapshot)
        .await
        .step(step)?;
        let live = live_lists(&mut snapshot).await?;
        snapshot.commit().await.step("ending to read")?;
        let stored = stored(row.ok_or(StoreError::NotFound("operation"))?, &live)?;
        let mut after = stored.operation.clone();
        let mut changes = Vec::with_capacity(rows.len());
        for (version, action, at, by, why, before) in rows {
            let before: Option<Box<Operation>> =
                before.map(|doc| from_json("operation", &doc)).transpose()?;
            changes.push(OperationChange {
                version: count(version),
                action,
                at: time(at)?,
                by: parsed("user name", &by)?,
                why,
                after: Box::new(after.clone()),
                before: before.clone(),
            });
            if let Some(before) = before {
                after = *before;
            }
        }
        let Operation {
            starts_at, ends_at, ..
        } = stored.operation;
        let mut yields = BTreeMap::new();
        let mut total = Yield::default();
        for list in &stored.operation.lists {
            let came = self.list_yield(list, starts_at, ends_at).await?;
            total += &came;
            yields.insert(list.clone(), came);
        }
        Ok(OperationRecord {
            stored,
            total,
            yields,
            changes,
        })
    }
}

/// Lists that have entries, by name.
async fn live_lists(on: &mut AnyConnection) -> Result<Vec<ListName>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT list FROM lists WHERE entries > 0 ORDER BY list")
        .fetch_all(on)
        .await
        .step("reading which lists have entries")?;
    rows.iter().map(|(list,)| parsed("list name", list)).collect()
}

fn stored(
    (doc, version, changed_at, changed_by): Columns,
    live: &[ListName],
) -> Result<StoredOperation, StoreError> {
    let operation: Operation = from_json("operation", &doc)?;
    Ok(StoredOperation {
        live: live
            .iter()
            .filter(|list| operation.lists.contains(list))
            .cloned()
            .collect(),
        operation,
        version: count(version),
        changed_at: time(changed_at)?,
        changed_by: parsed("user name", &changed_by)?,
    })
}

async fn must_exist(tx: &mut Tx, list: &ListName) -> Result<(), StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT entries FROM lists WHERE list = $1")
        .bind(list.as_str().to_owned())
        .fetch_optional(tx.on())
        .await
        .step("looking for a list")?;
    row.map(drop)
        .ok_or_else(|| OperationRefusal::UnknownList(list.clone()).into())
}

/// The operation as it stands, kept from other changes until the transaction ends.
async fn locked(tx: &mut Tx, name: &OperationName) -> Result<Option<Operation>, StoreError> {
    let text = format!(
        "SELECT doc FROM operations WHERE operation = $1{}",
        tx.for_update()
    );
    let row: Option<(String,)> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(name.as_str().to_owned())
        .fetch_optional(tx.on())
        .await
        .step("reading an operation")?;
    row.map(|(doc,)| from_json("operation", &doc)).transpose()
}

/// Writes an operation and its history; its version. The audit row has its hours and lists, and not the words.
async fn write(
    tx: &mut Tx,
    before: Option<&Operation>,
    after: &Operation,
    action: &'static str,
    author: &Author<'_>,
) -> Result<u64, StoreError> {
    let name = after.name.as_str();
    let (version,): (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(version), 0) + 1 FROM operation_changes WHERE operation = $1")
            .bind(name.to_owned())
            .fetch_one(tx.on())
            .await
            .step("counting an operation's changes")?;
    sqlx::query(
        "INSERT INTO operation_changes (operation, version, action, changed_at, changed_by, why, before) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(name.to_owned())
    .bind(version)
    .bind(action)
    .bind(millis(author.at))
    .bind(author.by.as_str().to_owned())
    .bind(storable(author.why.trim()))
    .bind(before.map(|before| to_json("operation", before)).transpose()?)
    .execute(tx.on())
    .await
    .step("writing an operation's history")?;
    sqlx::query(
        "INSERT INTO operations (operation, version, changed_at, changed_by, starts_at, doc) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (operation) DO UPDATE SET version = excluded.version, changed_at = excluded.changed_at, \
         changed_by = excluded.changed_by, starts_at = excluded.starts_at, doc = excluded.doc",
    )
    .bind(name.to_owned())
    .bind(version)
    .bind(millis(author.at))
    .bind(author.by.as_str().to_owned())
    .bind(millis(after.starts_at))
    .bind(to_json("operation", after)?)
    .execute(tx.on())
    .await
    .step("writing an operation")?;
    let before = before.map_or_else(|| "none".to_owned(), in_short);
    let detail = format!("version {version}: before {before}, after {}", in_short(after));
    audit::append(tx, author.by.as_str(), action, name, &detail, author.at).await?;
    Ok(count(version))
}

fn in_short(operation: &Operation) -> String {
    let lists: Vec<&str> = operation.lists.iter().map(ListName::as_str).collect();
    format!(
        "{} to {} with {}",
        operation.starts_at,
        operation.ends_at,
        lists.join(" ")
    )
}
