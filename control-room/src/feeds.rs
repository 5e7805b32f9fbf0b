//! Feeds of lists: how each stands, and the way in for their files over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use domain::{FeedName, ListName, Timestamp};
use intelligence::feeds::{self, Feed};
use serde::Serialize;
use store::feeds::{Arrived, FeedRecord};
use utoipa::ToSchema;

use crate::access::{FeedToken, SignedIn};
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Named};
use crate::hotlists::MAX_LIST_BYTES;
use crate::schemas;

/// Every feed of the settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeedsAnswer {
    feeds: Vec<FeedShown>,
}

/// A feed, and how it stands.
#[derive(Serialize, ToSchema)]
struct FeedShown {
    #[schema(value_type = String)]
    feed: FeedName,
    #[schema(value_type = String)]
    list: ListName,
    /// Who answers for it; may be empty.
    owner: String,
    /// A file is due every so many hours; null where nobody waits for one.
    due_hours: Option<u32>,
    /// When the file was due that has not come; null where none is overdue.
    late_since: Option<Timestamp>,
    /// The last file was refused.
    refused: bool,
    /// The last file; null where none came yet.
    #[schema(value_type = Option<schemas::Arrived>)]
    last: Option<Arrived>,
}

/// A file that is in the feed's folder.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeedReceived {
    /// Its name there. What becomes of it is in `GET /api/feeds`.
    file: String,
}

/// `GET /api/feeds`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: SignedIn,
) -> Result<Json<FeedsAnswer>, ControlRoomError> {
    let now = Timestamp::now();
    let records = app.store.feeds().await?;
    let shown = |feed: &Feed| {
        let unknown = || FeedRecord {
            name: feed.name.clone(),
            since: now,
            last: None,
            last_good_at: None,
        };
        let record = records.iter().find(|record| record.name == feed.name);
        let record = record.cloned().unwrap_or_else(unknown);
        let state = feeds::state(feed.due_hours, &record, now);
        FeedShown {
            feed: feed.name.clone(),
            list: feed.list.clone(),
            owner: feed.owner.clone(),
            due_hours: feed.due_hours,
            late_since: state.late_since,
            refused: state.refused,
            last: record.last,
        }
    };
    Ok(Json(FeedsAnswer {
        feeds: app.feeds.iter().map(shown).collect(),
    }))
}

/// `PUT /api/feeds/{feed}`
pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    FeedToken(holder): FeedToken,
    Named(name): Named<FeedName>,
    body: RawBody,
) -> Result<Json<FeedReceived>, ControlRoomError> {
    if holder != name {
        return Err(ControlRoomError::Forbidden);
    }
    let feed = app.feeds.iter().find(|feed| feed.name == name);
    let folder = feed.ok_or(ControlRoomError::NotFound("feed"))?.folder.clone();
    let _place = app
        .loads
        .try_acquire()
        .map_err(|_| ControlRoomError::Busy("another list is being loaded; try again when it is done"))?;
    let bytes = extract::receive(body, MAX_LIST_BYTES).await?;
    if bytes.is_empty() {
        return Err(ControlRoomError::request("body", "empty: send the list's file"));
    }
    let file = format!("http-{}", Timestamp::now().as_nanosecond());
    let put = {
        let file = file.clone();
        move || {
            if feeds::count_waiting(&folder)? >= feeds::MAX_WAITING {
                return Ok(false);
            }
            feeds::receive(&folder, &file, &bytes).map(|()| true)
        }
    };
    let put: std::io::Result<bool> = tokio::task::spawn_blocking(put)
        .await
        .map_err(ControlRoomError::Task)?;
    match put.map_err(ControlRoomError::Folder)? {
        true => Ok(Json(FeedReceived { file })),
        false => Err(ControlRoomError::Busy(
            "too many files of this feed wait already; try again later",
        )),
    }
}
