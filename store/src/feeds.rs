//! Named feeds of lists: what came from each, and what became of it.
//!
//! An arrival is written in the transaction of the change that it makes. Whoever finds its file again after a crash finds
//! the arrival, too, and moves the file away without loading it twice.

use std::sync::Arc;

use domain::policy::ListPolicy;
use domain::{FeedName, ListName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::changes::{Author, Changed, Plan, Wish, wished};
use crate::events::{name_of, take_numbers};
use crate::rows::Rows;
use crate::shelves::prepared;
use crate::sql::{Step, count, from_json, millis, number, parsed, storable, time};
use crate::transaction::{Tx, transaction};
use crate::users::SecretHash;
use crate::{Store, StoreError, audit};

/// A file that came from a feed. The same bytes written at another time are another arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Whose.
    pub feed: FeedName,
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// When the file was written, to the millisecond.
    pub modified_at: Timestamp,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It changed its list.
    Loaded,
    /// It waits for a second person.
    Drafted,
    /// Its list was like that already.
    Unchanged,
    /// It is no good list, or may not be loaded.
    Refused,
}

/// A file that came, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Counted over all feeds, from 1.
    pub number: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// What changed, or why nothing did.
    pub said: String,
}

/// A feed as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRecord {
    /// Its name.
    pub name: FeedName,
    /// Since when it is known.
    pub since: Timestamp,
    /// Its last file.
    pub last: Option<Arrived>,
    /// When its last file came that was not refused.
    pub last_good_at: Option<Timestamp>,
}

type Columns = (i64, i64, String, String);

impl Store {
    /// Makes a feed known, from `now` on where it was not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn know_feed(&self, feed: &FeedName, now: Timestamp) -> Result<(), StoreError> {
        transaction!(self, "know_feed", |tx| { know(tx, feed, now).await })
    }

    /// Gives a feed a token to send files with; an earlier one is void.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_feed_token(
        &self,
        feed: &FeedName,
        token: SecretHash,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction!(self, "set_feed_token", |tx| {
            know(tx, feed, now).await?;
            sqlx::query("UPDATE feeds SET token = $2 WHERE name = $1")
                .bind(feed.as_str().to_owned())
                .bind(hex::encode(token))
                .execute(tx.on())
                .await
                .step("writing a feed's token")?;
            audit::append(tx, by, "feed_token_set", feed.as_str(), "", now).await
        })
    }

    /// Whose a token is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feed_of_token(&self, token: SecretHash) -> Result<Option<FeedName>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT name FROM feeds WHERE token = $1")
            .bind(hex::encode(token))
            .fetch_optional(&self.inner.reader)
            .await
            .step("reading a feed's token")?;
        row.map(|(name,)| parsed("feed name", &name)).transpose()
    }

    /// Every feed that was ever known, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feeds(&self) -> Result<Vec<FeedRecord>, StoreError> {
        let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(
            "SELECT name, since, (SELECT MAX(arrived_at) FROM feed_arrivals \
             WHERE feed = feeds.name AND outcome <> 'refused') FROM feeds ORDER BY name",
        )
        .fetch_all(&self.inner.reader)
        .await
        .step("reading feeds")?;
        let mut feeds = Vec::with_capacity(rows.len());
        for (name, since, last_good_at) in rows {
            let last: Option<Columns> = sqlx::query_as(
                "SELECT number, arrived_at, outcome, said FROM feed_arrivals WHERE feed = $1 \
                 ORDER BY number DESC LIMIT 1",
            )
            .bind(name.clone())
            .fetch_optional(&self.inner.reader)
            .await
            .step("reading a feed's last file")?;
            feeds.push(FeedRecord {
                name: parsed("feed name", &name)?,
                since: time(since)?,
                last: last.map(arrived).transpose()?,
                last_good_at: last_good_at.map(time).transpose()?,
            });
        }
        Ok(feeds)
    }

    /// What became of a file that came before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn arrived(&self, arrival: &Arrival) -> Result<Option<Arrived>, StoreError> {
        transaction!(self, "arrived", |tx| { known(tx, arrival).await })
    }

    /// Makes a file's rows the whole of a list, as [`Store::change_list`] does, and records its arrival with the change. A
    /// file that came before changes nothing: what became of it is answered.
    ///
    /// # Errors
    /// As [`Store::change_list`]; nothing has changed then, and the file has not arrived.
    pub async fn arrive(
        &self,
        arrival: &Arrival,
        list: &ListName,
        rows: Arc<dyn Rows>,
        author: &Author<'_>,
        usual: &ListPolicy,
    ) -> Result<Arrived, StoreError> {
        let before = self.arrived(arrival).await?;
        if let Some(before) = before {
            return Ok(before);
        }
        let plan = Plan::of(list, Wish::ReplaceByRows(rows));
        prepared!(self, list, &plan, Some(usual), |prepared| {
            transaction!(self, "feed_arrives", |tx| {
                if let Some(before) = known(tx, arrival).await? {
                    return Ok(before);
                }
                let (outcome, said) = match wished(tx, list, &plan, prepared, author, usual).await? {
                    Changed::Draft(draft) => {
                        let said = format!(
                            "draft {} waits for a second person: {}",
                            draft.draft, draft.change
                        );
                        (Outcome::Drafted, said)
                    }
                    Changed::Live(change) if change.added + change.changed + change.removed == 0 => {
                        (Outcome::Unchanged, format!("{change}"))
                    }
                    Changed::Live(change) => {
                        (Outcome::Loaded, format!("revision {}: {change}", change.revision))
                    }
                };
                write(tx, arrival, outcome, &said, author.at).await
            })
        })
    }

    /// Records the arrival of a file that changes nothing, and why.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refuse(
        &self,
        arrival: &Arrival,
        list: &ListName,
        why: &str,
        author: &Author<'_>,
    ) -> Result<Arrived, StoreError> {
        transaction!(self, "feed_refused", |tx| {
            if let Some(before) = known(tx, arrival).await? {
                return Ok(before);
            }
            let arrived = write(tx, arrival, Outcome::Refused, why, author.at).await?;
            let detail = format!("arrival {}: {why}", arrived.number);
            audit::append(
                tx,
                author.by.as_str(),
                "feed_refused",
                list.as_str(),
                &detail,
                author.at,
            )
            .await?;
            Ok(arrived)
        })
    }
}

async fn know(tx: &mut Tx, feed: &FeedName, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO feeds (name, since) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(feed.as_str().to_owned())
        .bind(millis(now))
        .execute(tx.on())
        .await
        .step("writing a feed")
        .map(drop)
}

async fn known(tx: &mut Tx, arrival: &Arrival) -> Result<Option<Arrived>, StoreError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT number, arrived_at, outcome, said FROM feed_arrivals \
         WHERE feed = $1 AND hash = $2 AND modified_at = $3",
    )
    .bind(arrival.feed.as_str().to_owned())
    .bind(hex::encode(arrival.hash))
    .bind(millis(arrival.modified_at))
    .fetch_optional(tx.on())
    .await
    .step("reading an arrival")?;
    row.map(arrived).transpose()
}

async fn write(
    tx: &mut Tx,
    arrival: &Arrival,
    outcome: Outcome,
    said: &str,
    at: Timestamp,
) -> Result<Arrived, StoreError> {
    let arrived = Arrived {
        number: take_numbers(tx, "arrival", 1).await?,
        at: time(millis(at))?,
        outcome,
        said: storable(said),
    };
    sqlx::query(
        "INSERT INTO feed_arrivals (number, feed, hash, modified_at, arrived_at, outcome, said) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(number(arrived.number))
    .bind(arrival.feed.as_str().to_owned())
    .bind(hex::encode(arrival.hash))
    .bind(millis(arrival.modified_at))
    .bind(millis(at))
    .bind(name_of(&outcome)?)
    .bind(arrived.said.clone())
    .execute(tx.on())
    .await
    .step("writing an arrival")?;
    Ok(arrived)
}

fn arrived((number, at, outcome, said): Columns) -> Result<Arrived, StoreError> {
    Ok(Arrived {
        number: count(number),
        at: time(at)?,
        outcome: from_json("outcome", &format!("\"{outcome}\""))?,
        said,
    })
}
