//! Looking through lists: recording it, and the daily notices about what nobody looked through.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use serde::{Deserialize, Serialize};
use store::changes::Author;
use store::notices::ReviewNotice;
use store::reviews::Reviewed;
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{Body, Named};
use crate::schemas;

/// What was looked through.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewSaid {
    /// Why it stays.
    why: String,
    /// One entry alone; without it and without `vrm` the whole list.
    entry_id: Option<String>,
    /// The entries of this mark or pattern alone.
    vrm: Option<String>,
}

/// It is recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReviewAnswer {
    #[schema(value_type = String)]
    list: ListName,
    /// Entries that were reviewed one by one; null where it was the whole list.
    entries: Option<u64>,
}

/// The newest day's notices.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReviewsAnswer {
    #[schema(value_type = Vec<schemas::ReviewNotice>)]
    notices: Vec<ReviewNotice>,
}

/// Which notice was seen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeenNotice {
    number: u64,
}

/// It is recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeenNoticeAnswer {
    number: u64,
}

/// `POST /api/hotlists/{list}/review`
pub(crate) async fn review(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Body(said): Body<ReviewSaid>,
) -> Result<Json<ReviewAnswer>, ControlRoomError> {
    let what = match (said.entry_id, said.vrm) {
        (None, None) => Reviewed::List,
        (Some(id), None) => Reviewed::Entry(
            id.parse::<EntryId>()
                .map_err(|error| ControlRoomError::request("entry_id", error))?,
        ),
        (None, Some(vrm)) => Reviewed::Target(
            vrm.parse::<Target>()
                .map_err(|error| ControlRoomError::request("vrm", error))?,
        ),
        (Some(_), Some(_)) => {
            return Err(ControlRoomError::request("vrm", "give entry_id or vrm, not both"));
        }
    };
    let author = Author {
        by: signed_in.name(),
        at: Timestamp::now(),
        why: &said.why,
    };
    let entries = app.store.review(&list, &what, &author).await?;
    Ok(Json(ReviewAnswer {
        list,
        entries: (what != Reviewed::List).then_some(entries),
    }))
}

/// `GET /api/reviews`
pub(crate) async fn notices(State(app): State<Arc<App>>) -> Result<Json<ReviewsAnswer>, ControlRoomError> {
    let notices = app.store.review_notices().await?;
    Ok(Json(ReviewsAnswer { notices }))
}

/// `POST /api/reviews/seen`
pub(crate) async fn seen(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Body(SeenNotice { number }): Body<SeenNotice>,
) -> Result<Json<SeenNoticeAnswer>, ControlRoomError> {
    let by = signed_in.name();
    app.store.see_review_notice(number, by, Timestamp::now()).await?;
    Ok(Json(SeenNoticeAnswer { number }))
}
