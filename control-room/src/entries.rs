//! One entry: adding or changing it, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::{EntryId, ListName, Timestamp};
use intelligence::{EntrySaid, parse_entry};
use serde::{Deserialize, Serialize};
use store::changes::Wish;
use store::history::EntryChange;
use store::reviews::Review;
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{Body, Named};
use crate::hotlists::{Became, How, change, checked_why, options, refusal};
use crate::restrict::Shown;
use crate::schemas;

/// An entry to add, or to put in the place of the one with the same mark and reference.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Put {
    #[schema(value_type = schemas::EntrySaid)]
    entry: EntrySaid,
    /// Why, for its history.
    #[serde(default)]
    why: String,
}

/// What became of an entry, the newest change first, and who looked it through.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryAnswer {
    #[schema(value_type = Vec<schemas::EntryChange>)]
    changes: Vec<Shown<EntryChange>>,
    /// Reviews of it, and of its list as a whole, the newest first.
    #[schema(value_type = Vec<schemas::Review>)]
    reviews: Vec<Review>,
}

/// `POST /api/hotlists/{list}/entries`
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Body(Put { entry, why }): Body<Put>,
) -> Result<Json<Became>, ControlRoomError> {
    if let Some(column) = entry.missing() {
        return Err(ControlRoomError::request(
            column,
            "empty: an entry needs mark, grade, action, reason code, reason, owner unit and weed date",
        ));
    }
    let why = checked_why(&why)?;
    let options = options(&app, &list, How::default()).await?;
    let parsed = parse_entry(&list, &entry, &options, Timestamp::now(), &app.force.timezone)
        .map_err(ControlRoomError::List)?;
    if !parsed.may_load(false) {
        return Err(refusal(parsed, false));
    }
    let entry = parsed.entries.into_iter().next();
    let entry = entry.ok_or(ControlRoomError::NotFound("entry"))?;
    change(&app, &list, Wish::Put(Box::new(entry)), &signed_in, why)
        .await
        .map(Json)
}

/// `GET /api/hotlists/{list}/entries/{entry_id}/history`
pub(crate) async fn history(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Named(entry_id): Named<EntryId>,
) -> Result<Json<HistoryAnswer>, ControlRoomError> {
    let changes = app.store.entry_history(&list, entry_id).await?;
    let reviews = app.store.entry_reviews(&list, entry_id).await?;
    let detail = format!("entry {entry_id}: {} changes", changes.len());
    let name = signed_in.name().as_str();
    app.store
        .audit(
            name,
            "view_entry_history",
            list.as_str(),
            &detail,
            Timestamp::now(),
        )
        .await?;
    let restriction = app.restrictions.now().await?;
    let shown = |change| restriction.change(change, &signed_in.user);
    let changes = changes.into_iter().map(shown).collect();
    Ok(Json(HistoryAnswer { changes, reviews }))
}
