//! The loop beside the control room that takes what comes in.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::force::Force;
use domain::policy::ListPolicy;
use domain::{FeedName, Timestamp, UserName};
use store::changes::Author;
use store::feeds::{Arrival, Arrived};
use store::{Store, StoreError};
use stream::ready::Ready;
use tokio_util::sync::CancellationToken;

use super::{Feed, folder, state};
use crate::{IntelligenceError, ListFile, MAX_LIST_BYTES, Options, Parsed, RowFault};

/// How often the folders are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Why the list changed, for its history.
const WHY: &str = "a file of its feed";

/// What the loop works with.
#[derive(Clone)]
pub struct Parts {
    /// The lists, and what arrived.
    pub store: Store,
    /// Its sites, its BCUs and its time zone.
    pub force: Arc<Force>,
    /// The policy of lists that have none of their own.
    pub usual_policy: ListPolicy,
    /// The feeds, checked.
    pub feeds: Arc<Vec<Feed>>,
}

/// What may end the taking of one file.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("its folder: {0}")]
    Folder(#[from] std::io::Error),
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    #[error("reading was cut off")]
    Task(#[from] tokio::task::JoinError),
}

/// Takes what comes into the feeds' folders until `shutdown`, one file at a time. Outages of folders and of the database are waited
/// out: the files wait, too.
///
/// # Errors
/// Never yet: a stage's shape.
pub async fn run(parts: Parts, ready: Ready, shutdown: CancellationToken) -> Result<(), IntelligenceError> {
    ready.set(true);
    let mut told: HashMap<FeedName, String> = HashMap::new();
    while !shutdown.is_cancelled() {
        for feed in parts.feeds.iter() {
            let trouble = look(&parts, feed, &shutdown)
                .await
                .err()
                .map(|trouble| trouble.to_string());
            // Told once, not at each look.
            if told.get(&feed.name) != trouble.as_ref() {
                match &trouble {
                    Some(trouble) => tracing::warn!(feed = %feed.name, trouble, "a feed's files wait"),
                    None => tracing::info!(feed = %feed.name, "a feed's files are taken again"),
                }
            }
            match trouble {
                Some(trouble) => told.insert(feed.name.clone(), trouble),
                None => told.remove(&feed.name),
            };
        }
        // Where the database is away, the gauges stay as they were.
        let _ = measure(&parts, Timestamp::now()).await;
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = shutdown.cancelled() => {}
        }
    }
    Ok(())
}

/// Takes every file that waits.
async fn look(parts: &Parts, feed: &Feed, shutdown: &CancellationToken) -> Result<(), Trouble> {
    parts.store.know_feed(&feed.name, Timestamp::now()).await?;
    let by = feed.user().map_err(std::io::Error::other)?;
    let path = feed.folder.clone();
    for file in tokio::task::spawn_blocking(move || folder::waiting(&path)).await?? {
        if shutdown.is_cancelled() {
            break;
        }
        take(parts, feed, &by, &file).await?;
    }
    Ok(())
}

async fn take(parts: &Parts, feed: &Feed, by: &UserName, file: &Path) -> Result<(), Trouble> {
    let (this, path) = (feed.clone(), file.to_owned());
    let claimed = move || {
        let claimed = folder::claim(&this.folder, &path, Timestamp::now())?;
        folder::open(&this, &claimed).map(|(arrival, bytes)| (claimed, arrival, bytes))
    };
    let (claimed, arrival, bytes) = tokio::task::spawn_blocking(claimed).await??;
    let (arrived, faults) = match parts.store.arrived(&arrival).await? {
        Some(before) => (before, Vec::new()),
        None => load(parts, feed, by, &arrival, bytes).await?,
    };
    tracing::info!(feed = %feed.name, arrival = arrived.number, outcome = ?arrived.outcome, "a feed's file was taken");
    let this = feed.clone();
    tokio::task::spawn_blocking(move || folder::put_away(&this, &claimed, &arrived, &faults)).await??;
    Ok(())
}

/// Makes a file's rows the list, or says why not; faults are listed where rows are bad.
async fn load(
    parts: &Parts,
    feed: &Feed,
    by: &UserName,
    arrival: &Arrival,
    bytes: Option<Vec<u8>>,
) -> Result<(Arrived, Vec<RowFault>), Trouble> {
    let author = Author {
        by,
        at: Timestamp::now(),
        why: WHY,
    };
    let refuse = async |why: String| parts.store.refuse(arrival, &feed.list, &why, &author).await;
    let parsed = match bytes {
        Some(bytes) => parse(parts, feed, bytes, author.at).await?,
        None => Err(IntelligenceError::TooLarge {
            limit: MAX_LIST_BYTES,
        }),
    };
    let (parsed, file) = match parsed {
        Ok(read) => read,
        Err(error) => return Ok((refuse(error.to_string()).await?, Vec::new())),
    };
    if !parsed.may_load(false) {
        let why = format!("{} of {} rows are bad", parsed.bad_rows, parsed.rows);
        return Ok((refuse(why).await?, parsed.faults));
    }
    let (store, usual) = (&parts.store, &parts.usual_policy);
    match store
        .arrive(arrival, &feed.list, Arc::new(file), &author, usual)
        .await
    {
        Ok(arrived) => Ok((arrived, Vec::new())),
        Err(error @ (StoreError::Draft(_) | StoreError::TooManyPatterns { .. })) => {
            Ok((refuse(error.to_string()).await?, Vec::new()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn parse(
    parts: &Parts,
    feed: &Feed,
    bytes: Vec<u8>,
    now: Timestamp,
) -> Result<Result<(Parsed, ListFile), IntelligenceError>, Trouble> {
    let policy = parts.store.policy(&feed.list).await?;
    let options = Options {
        default_grade: None,
        policy: policy.unwrap_or_else(|| parts.usual_policy.clone()),
        sites: Some(parts.force.sites()),
        bcus: Some(parts.force.bcu_codes()),
        mapping: feed.mapping.clone(),
    };
    let (list, zone) = (feed.list.clone(), parts.force.timezone.clone());
    // Seconds of pure computing for a large list.
    Ok(store::compute(move || ListFile::read(list, bytes.into(), options, now, zone)).await)
}

/// Says of each feed whether it is late, and whether its last file was refused.
async fn measure(parts: &Parts, now: Timestamp) -> Result<(), StoreError> {
    let records = parts.store.feeds().await?;
    for feed in parts.feeds.iter() {
        let Some(record) = records.iter().find(|record| record.name == feed.name) else {
            continue;
        };
        let state = state(feed.due_hours, record, now);
        let gauge = |on: bool| if on { 1.0 } else { 0.0 };
        let name = feed.name.to_string();
        metrics::gauge!("steelring_feed_late", "feed" => name.clone()).set(gauge(state.late_since.is_some()));
        metrics::gauge!("steelring_feed_refused", "feed" => name).set(gauge(state.refused));
    }
    Ok(())
}
