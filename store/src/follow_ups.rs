//! What rules left to be done after a case.

use domain::case::{CaseEvent, MAX_NOTE, Refusal};
use domain::{CaseId, Timestamp, UserName};
use serde::{Deserialize, Serialize};

use crate::events::take_numbers;
use crate::sql::{Step, count, limit, millis, number, parsed, storable, time};
use crate::transaction::{Tx, transaction};
use crate::{Store, StoreError, audit};

/// Something to be done after a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// From 1, without gaps.
    pub number: u64,
    /// The case.
    pub case_id: CaseId,
    /// When a rule opened it.
    pub opened_at: Timestamp,
    /// What is to be done.
    pub what: String,
    /// How it ended; none while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// Who ended a follow-up, when, with which words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The person.
    pub by: UserName,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub words: String,
}

type Columns = (
    i64,
    String,
    i64,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
);

impl Store {
    /// Follow-ups that are open, the oldest first; or all, the newest first. At most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn follow_ups(&self, open_only: bool, limit: u32) -> Result<Vec<FollowUp>, StoreError> {
        let which = if open_only {
            "WHERE closed_at IS NULL ORDER BY number"
        } else {
            "ORDER BY number DESC"
        };
        let text = format!(
            "SELECT number, case_id, opened_at, what, closed_at, closed_by, words FROM follow_ups {which} LIMIT $1"
        );
        let rows: Vec<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(self::limit(limit))
            .fetch_all(&self.inner.reader)
            .await
            .step("reading follow-ups")?;
        rows.into_iter().map(row).collect()
    }

    /// Ends a follow-up with a person's words. The audit trail says so, without the words.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Refused`] where the words are missing or too many, or somebody was first.
    pub async fn close_follow_up(
        &self,
        place: u64,
        words: &str,
        by: &UserName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let words = words.trim();
        if words.is_empty() {
            return Err(Refusal::Note("say what was done").into());
        }
        if words.chars().count() > MAX_NOTE {
            return Err(Refusal::Note("longer than 2000 characters").into());
        }
        transaction!(self, "close_follow_up", |tx| {
            let text = format!(
                "SELECT number, case_id, opened_at, what, closed_at, closed_by, words FROM follow_ups \
                 WHERE number = $1{}",
                tx.for_update()
            );
            let found: Option<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(number(place))
                .fetch_optional(tx.on())
                .await
                .step("reading a follow-up")?;
            let open = row(found.ok_or(StoreError::NotFound("follow-up"))?)?;
            if let Some(Closed { by, at, .. }) = open.closed {
                return Err(Refusal::FollowedUp { by, at }.into());
            }
            sqlx::query("UPDATE follow_ups SET closed_at = $2, closed_by = $3, words = $4 WHERE number = $1")
                .bind(number(place))
                .bind(millis(now))
                .bind(by.as_str().to_owned())
                .bind(storable(words))
                .execute(tx.on())
                .await
                .step("closing a follow-up")?;
            let (case, detail) = (open.case_id.to_string(), place.to_string());
            audit::append(tx, by.as_str(), "follow_up_closed", &case, &detail, now).await
        })
    }
}

fn row(
    (place, case_id, opened_at, what, closed_at, closed_by, words): Columns,
) -> Result<FollowUp, StoreError> {
    let closed = match (closed_at, closed_by) {
        (Some(at), Some(by)) => Some(Closed {
            by: parsed("user name", &by)?,
            at: time(at)?,
            words: words.unwrap_or_default(),
        }),
        _ => None,
    };
    Ok(FollowUp {
        number: count(place),
        case_id: parsed("case id", &case_id)?,
        opened_at: time(opened_at)?,
        what,
        closed,
    })
}

/// Opens what a rule leaves to be done after an event's case.
pub(crate) async fn open(tx: &mut Tx, event: &CaseEvent, what: &str) -> Result<(), StoreError> {
    let place = take_numbers(tx, "follow_up", 1).await?;
    sqlx::query("INSERT INTO follow_ups (number, case_id, opened_at, what) VALUES ($1, $2, $3, $4)")
        .bind(number(place))
        .bind(event.case.case_id.to_string())
        .bind(millis(event.at))
        .bind(storable(what))
        .execute(tx.on())
        .await
        .step("opening a follow-up")
        .map(drop)
}
