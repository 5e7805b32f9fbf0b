//! Dead letters, for administrators: what could not be read, and reading it again.
//!
//! `GET /dlq?limit=N` lists the newest without their bodies, `GET /dlq/{partition}/{offset}` shows one whole,
//! `POST /dlq/{partition}/{offset}/replay` reads the original bytes again as from their source, and answers as the first
//! post would be answered now. The record itself stays until its retention ends. Whoever asks signs in with the token
//! of a user who may administer, and leaves a row in the audit trail.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::Timestamp;
use domain::user::{Permission, User};
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use stream::topic::{DEFAULT_PARTITIONS, Topic};
use stream::wire::{DeadLetter, decode};
use stream::{Delivered, Log, LogError, Place, Start};
use tracing::warn;

use crate::error::{Chain, Refusal};
use crate::formats::{self, IMAGES};
use crate::http::{Service, answer, json_answer};
use crate::intake::Post;
use crate::limits::{DEAD_LETTERS_LISTED, MAX_DEAD_LETTERS_LISTED};
use crate::message::Message;
use crate::sources::{token_hash, unauthorised};

/// Dead letters fetched at once for a listing: on Kafka each takes a reader of its own.
const FETCHED_AT_ONCE: usize = 8;
/// Wait for the oldest dead letter, each time the log is asked for it.
const OLDEST_WAIT: Duration = Duration::from_millis(500);

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    limit: Option<usize>,
}

pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let work = async {
        let user = administrator(&service, &headers).await?;
        let bad_limit = |_| Refusal::of_field("bad_field", "limit", "limit: must be a whole number");
        let Query(wanted) = wanted.map_err(bad_limit)?;
        let limit = wanted
            .limit
            .unwrap_or(DEAD_LETTERS_LISTED)
            .min(MAX_DEAD_LETTERS_LISTED);
        audit(
            &service,
            &user,
            "dead_letters_listed",
            "dlq",
            &format!("the newest {limit}"),
        )
        .await?;
        let letters = newest(&*service.intake.log, limit)
            .await
            .map_err(|error| away(&error))?;
        Ok(json_answer(StatusCode::OK, &json!({ "dead_letters": letters })))
    };
    work.await.unwrap_or_else(Refusal::into_response)
}

pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    place: Result<Path<(u32, u64)>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let work = async {
        let user = administrator(&service, &headers).await?;
        let Path(place) = place.map_err(|_| missing())?;
        audit(&service, &user, "dead_letter_viewed", &subject(place), "").await?;
        let (record, letter) = fetch(&service, place).await?;
        let mut shown = summary(&record);
        shown["body_base64"] = letter.body_base64.into();
        Ok(json_answer(StatusCode::OK, &shown))
    };
    work.await.unwrap_or_else(Refusal::into_response)
}

pub(crate) async fn replay(
    State(service): State<Arc<Service>>,
    place: Result<Path<(u32, u64)>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let work = async {
        let user = administrator(&service, &headers).await?;
        let Path(place) = place.map_err(|_| missing())?;
        let (_, letter) = fetch(&service, place).await?;
        audit(
            &service,
            &user,
            "dead_letter_replayed",
            &subject(place),
            &letter.format,
        )
        .await?;
        replay_letter(&service, letter).await
    };
    work.await.unwrap_or_else(Refusal::into_response)
}

async fn replay_letter(service: &Service, letter: DeadLetter) -> Result<Response, Refusal> {
    let gone = |what: &str| {
        let message = format!("the {what} of this dead letter no longer exists: add it again, then replay");
        Refusal::new(StatusCode::CONFLICT, "not_replayable", message)
    };
    let source = service
        .sources
        .named(&letter.source)
        .ok_or_else(|| gone("source"))?;
    let body = BASE64_STANDARD
        .decode(&letter.body_base64)
        .map_err(|_| unreadable())?;
    let post = Post {
        source: &source,
        message: Message {
            content_type: letter.content_type,
            body: body.into(),
        },
        // When it first came: a replay must not make an honest clock look suspect.
        received_at: letter.received_at,
        caller: None,
        bury: false,
    };
    if letter.format == IMAGES {
        let hash = service.intake.take_image(&post).await?;
        return Ok(json_answer(StatusCode::OK, &json!({ "hash": hash })));
    }
    let address = formats::named(&letter.format).ok_or_else(|| gone("format"))?;
    Ok(answer(&service.intake.take(&address, &post).await?))
}

/// The user of a request, who may administer.
async fn administrator(service: &Service, headers: &HeaderMap) -> Result<User, Refusal> {
    let token = token_hash(headers)?;
    let user = service.store.token_user(token).await.map_err(|error| {
        warn!(error = %Chain(&error), "reading a user's token failed");
        Refusal::unavailable("the database")
    })?;
    let user = user.ok_or_else(|| {
        unauthorised(
            "unknown_token",
            "no user has this token: steelring user add --token makes one",
        )
    })?;
    if !user.role.may(Permission::Administer) {
        let message = "dead letters are for administrators";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    Ok(user)
}

/// Nobody looks unrecorded: without the row there is no answer.
async fn audit(
    service: &Service,
    user: &User,
    action: &str,
    subject: &str,
    detail: &str,
) -> Result<(), Refusal> {
    let row = service
        .store
        .audit(user.name.as_str(), action, subject, detail, Timestamp::now());
    row.await.map_err(|error| {
        warn!(error = %Chain(&error), "writing the audit trail failed");
        Refusal::unavailable("the database")
    })
}

fn subject((partition, offset): (u32, u64)) -> String {
    format!("dlq/{partition}/{offset}")
}

async fn fetch(
    service: &Service,
    (partition, offset): (u32, u64),
) -> Result<(Delivered, DeadLetter), Refusal> {
    if !partitions().contains(&partition) {
        return Err(missing());
    }
    let found = service.intake.log.read_at(at(partition, offset)).await;
    let record = found.map_err(|error| away(&error))?.ok_or_else(missing)?;
    let letter = decode(&record).map_err(|_| unreadable())?;
    Ok((record, letter))
}

fn missing() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is no such dead letter (any more)",
    )
}

fn unreadable() -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "not_replayable",
        "this record is not a dead letter that this version reads",
    )
}

fn away(error: &LogError) -> Refusal {
    warn!(error = %Chain(error), "reading dead letters failed");
    Refusal::unavailable("the log")
}

/// A dead letter without its body.
fn summary(record: &Delivered) -> Value {
    let Place {
        partition, offset, ..
    } = record.place;
    match decode::<DeadLetter>(record) {
        Ok(letter) => json!({
            "partition": partition,
            "offset": offset,
            "source": letter.source,
            "format": letter.format,
            "content_type": letter.content_type,
            "field": letter.field,
            "reason": letter.reason,
            "received_at": letter.received_at,
            "bytes": letter.body_base64.len() / 4 * 3,
        }),
        Err(_) => json!({ "partition": partition, "offset": offset, "reason": "not readable" }),
    }
}

fn partitions() -> std::ops::Range<u32> {
    0..Topic::DeadLetters.partitions(DEFAULT_PARTITIONS)
}

fn at(partition: u32, offset: u64) -> Place {
    Place {
        topic: Topic::DeadLetters,
        partition,
        offset,
    }
}

/// Summaries of the newest dead letters, newest first. The topic has millions after a bad week, so that its end is
/// searched for by doubling and halving, and only what is shown is fetched; a body is let go as soon as it is here.
async fn newest(log: &dyn Log, limit: usize) -> Result<Vec<Value>, LogError> {
    let mut found = Vec::new();
    for partition in partitions() {
        let Some(first) = oldest(log, partition).await? else {
            continue;
        };
        let end = end_of(log, partition, first).await?;
        let from = end.saturating_sub(limit as u64).max(first);
        let fetch = async |offset| {
            let record = log.read_at(at(partition, offset)).await?;
            // Retention may have taken it since.
            Ok(record.map(|record| (record.timestamp_ms, record.place, summary(&record))))
        };
        let mut fetched = futures::stream::iter((from..end).rev())
            .map(fetch)
            .buffered(FETCHED_AT_ONCE);
        while let Some(record) = fetched.try_next().await? {
            found.extend(record);
        }
    }
    found.sort_by_key(|(at, place, _)| std::cmp::Reverse((*at, *place)));
    found.truncate(limit);
    Ok(found.into_iter().map(|(_, _, summary)| summary).collect())
}

/// The offset of a partition's oldest dead letter.
async fn oldest(log: &dyn Log, partition: u32) -> Result<Option<u64>, LogError> {
    let mut tail = log.tail(Topic::DeadLetters, Start::Beginning).await?;
    loop {
        let records = tail.poll(1, OLDEST_WAIT).await?;
        if let Some(record) = records.iter().find(|record| record.place.partition == partition) {
            return Ok(Some(record.place.offset));
        }
        if tail.caught_up() {
            return Ok(None);
        }
    }
}

/// The offset after a partition's newest dead letter, given one that is there: offsets have no gaps in this topic.
async fn end_of(log: &dyn Log, partition: u32, first: u64) -> Result<u64, LogError> {
    let mut there = first;
    let mut step = 1;
    let mut beyond = loop {
        let next = there + step;
        if log.read_at(at(partition, next)).await?.is_none() {
            break next;
        }
        there = next;
        step *= 2;
    };
    while beyond - there > 1 {
        let middle = there + (beyond - there) / 2;
        if log.read_at(at(partition, middle)).await?.is_some() {
            there = middle;
        } else {
            beyond = middle;
        }
    }
    Ok(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stream::Record;
    use stream::embedded::EmbeddedLog;

    async fn check(count: usize, limit: usize) {
        let log = EmbeddedLog::in_memory();
        let record = |number: usize| Record {
            value: Some(number.to_string().into()),
            timestamp_ms: number as i64,
            ..Record::default()
        };
        log.publish(Topic::DeadLetters, (0..count).map(record).collect())
            .await
            .unwrap();
        let found = newest(&log, limit).await.unwrap();
        let numbers: Vec<_> = found
            .iter()
            .map(|letter| letter["offset"].as_u64().unwrap() as usize)
            .collect();
        let expected: Vec<_> = (0..count).rev().take(limit).collect();
        assert_eq!(numbers, expected, "{count} records, limit {limit}");
    }

    #[tokio::test]
    async fn the_newest_are_found_however_many_there_are() {
        for count in [0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 1_000] {
            check(count, 5).await;
            check(count, 0).await;
        }
    }
}
